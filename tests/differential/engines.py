# Our engine and handlebars.js over many pairs, each in one process.
# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
OURS = [os.path.join(os.environ.get("LOCKSTEP_BUILD", os.path.join(HERE, "../../build/dev")), "render_pairs")]
THEIRS = ["node", os.path.join(HERE, "render_pairs.js")]
SECONDS = 600


# agent/template/template.h: what a map prints as a whole. Without it, that is an error.
TEXT_KEY = "\x01"


def with_texts(v):
	"""The same with maps that print as JavaScript's do, so that one such print does not hide all else."""
	if isinstance(v, dict):
		return dict({k: with_texts(w) for k, w in v.items()}, **{TEXT_KEY: "[object Object]"})
	return [with_texts(w) for w in v] if isinstance(v, list) else v


def for_ours(pair):
	return dict(pair, data=with_texts(pair["data"])) if pair.get("texts") else pair


class Died(Exception):
	pass


def start(command, pairs):
	source, result = tempfile.TemporaryFile(), tempfile.TemporaryFile()
	for pair in pairs:
		source.write(json.dumps(pair, ensure_ascii=False).encode() + b"\n")
	source.seek(0)
	return subprocess.Popen(command, stdin=source, stdout=result), result


def finish(command, started, pairs):
	process, result = started
	try:
		code = process.wait(SECONDS)
	except subprocess.TimeoutExpired:
		process.kill()
		process.wait()
		raise Died("%s: still running after %d s" % (command[0], SECONDS))
	result.seek(0)
	lines = result.read().split(b"\n")[:-1]
	if code != 0 or len(lines) != len(pairs):
		raise Died("%s: ended with %d after %d of %d pairs, at %s" % (command[0], code, len(lines), len(pairs),
			json.dumps(pairs[len(lines)], ensure_ascii=False) if len(lines) < len(pairs) else "the end"))
	return [json.loads(line) for line in lines]


def ours(pairs):
	return finish(OURS, start(OURS, [for_ours(p) for p in pairs]), pairs)


def both(pairs):
	"""The results of ours and of handlebars.js, side by side."""
	first = start(OURS, [for_ours(p) for p in pairs])
	second = start(THEIRS, pairs)
	try:
		theirs = finish(THEIRS, second, pairs)
	finally:
		first[0].poll() is None and second[0].poll() not in (0, None) and first[0].kill()
	return list(zip(finish(OURS, first, pairs), theirs))


def changed(pairs, wanted):
	"""Which differences have to be taken out of handlebars.js for one of the wanted texts: [(names, which)] or None."""
	pairs = [dict(pair, wanted=texts) for pair, texts in zip(pairs, wanted)]
	results = finish(THEIRS, start(THEIRS, pairs), pairs) if pairs else []
	return [(r["changes"], r["which"]) if "changes" in r else None for r in results]
