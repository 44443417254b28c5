#!/usr/bin/python3
# Our template engine against handlebars.js (lockstep level), and against what handlebars.java printed (baragon
# level).  usage: run.py [corpus] [spec] [baragon] [pairs]; COUNT and SEED in the environment.
# SPDX-License-Identifier: Apache-2.0
import collections
import json
import os
import sys

import cases
import differences
import engines
import generate
import shrink
import spec

HERE = os.path.dirname(os.path.abspath(__file__))
SHOWN = 5
passed, failures = 0, []


def verdict(good, title, lines=()):
	global passed
	if good:
		passed += 1
		return
	failures.append(title)
	if len(failures) <= 40:
		print("FAIL %s" % title)
		for line in lines:
			print("     %s" % line)


def show(result):
	return json.dumps(result, ensure_ascii=False)


def expected(case, result):
	"""Is it what the case says?"""
	if "output" in case.blocks:
		return result.get("ok") == case.blocks["output"]
	return case.blocks["error"] in result.get("error", "") and "ok" not in result


def corpus():
	"""Ours is what the case says, and so is handlebars.js's, unless the case says that it differs."""
	rows = cases.read_all(os.path.join(HERE, "corpus"))
	for case, (ours, theirs) in zip(rows, engines.both([c.pair("lockstep") for c in rows])):
		lines = ["template %r" % case.blocks["template"], "data     %s" % case.blocks.get("data", "null"),
			"ours   %s" % show(ours), "theirs %s" % show(theirs)]
		good = expected(case, ours)
		if "ours-only" not in case.blocks:
			agrees = "ok" not in theirs if "error" in case.blocks else expected(case, theirs)
			good = good and agrees == ("differs" not in case.blocks)
		verdict(good, "%s %s" % (case.place, case.title), lines)
	print("corpus: %d cases" % len(rows))


def baragon():
	"""What handlebars.java 1.3.1 printed."""
	rows = cases.read_all(os.path.join(HERE, "baragon"))
	for case, ours in zip(rows, engines.ours([c.pair("baragon") for c in rows])):
		verdict(expected(case, ours) != ("differs" in case.blocks), "%s %s" % (case.place, case.title), ["template %r" % case.blocks["template"],
			"data     %s" % case.blocks.get("data", "null"), "ours %s" % show(ours),
			"java %r" % case.blocks.get("output", "an error")])
	with open(os.path.join(HERE, "baragon", "generated.jsonl"), encoding="utf-8") as f:
		made = [json.loads(line) for line in f]
	for number, (pair, ours) in enumerate(zip(made, engines.ours([dict(p, level="baragon", output="html") for p in made])), 1):
		verdict(ours.get("ok") == pair["output"], "generated.jsonl:%d" % number, [json.dumps(pair, ensure_ascii=False),
			"ours %s" % show(ours)])
	print("baragon: %d cases" % (len(rows) + len(made)))


def mustache():
	"""The specification's cases; where handlebars.js says otherwise, Handlebars does not define them."""
	rows = spec.pairs(os.path.join(HERE, "../../build/mustache-spec"))
	other = 0
	for (title, pair, output), (ours, theirs) in zip(rows, engines.both([row[1] for row in rows])):
		wanted = output if theirs.get("ok") == output else theirs.get("ok")
		other += wanted != output
		verdict(ours.get("ok") == wanted, "spec %s" % title, ["template %r" % pair["template"],
			"data     %s" % json.dumps(pair["data"]), "spec %r" % output, "ours   %s" % show(ours), "theirs %s" % show(theirs)])
	print("spec: %d cases, %d of them defined otherwise by Handlebars" % (len(rows), other))


def unexplained(texts):
	"""Of each pair: the difference's name, '' if there is none, None if it is not a documented one."""
	results = engines.both(texts)
	odd = [i for i, (ours, theirs) in enumerate(results) if not differences.same(ours, theirs)]
	names = [""] * len(texts)
	some = [texts[i] for i in odd]
	reordered = engines.ours([dict(t, data=differences.integer_keys_first(t["data"])) for t in some])
	wanted = [[r["ok"] for r in (results[i][0], r2) if "ok" in r] for i, r2 in zip(odd, reordered)]
	for i, r2, changes in zip(odd, reordered, engines.changed(some, wanted)):
		names[i] = differences.explain(results[i][0], r2, results[i][1], changes)
	return names, results


def smallest(pair):
	_, [first] = unexplained([generate.plain(pair)])

	def failing(texts):
		names, results = unexplained(texts)
		return [name is None and differences.kind(*r) == differences.kind(*first) for name, r in zip(names, results)]

	text = generate.plain(shrink.shrink(pair, failing))
	_, [(ours, theirs)] = unexplained([text])
	return [json.dumps({k: v for k, v in text.items() if k not in ("partials", "texts") or k == "partials" and v}, ensure_ascii=False),
		"ours   %s" % show(ours), "theirs %s" % show(theirs)]


def pairs():
	count, seed = int(os.environ.get("COUNT", 10000)), int(os.environ.get("SEED", 1))
	counts, bad = collections.Counter(), []
	generator = generate.Generator(seed)
	for begin in range(0, count, 5000):
		some = [generator.pair() for _ in range(min(5000, count - begin))]
		names, results = unexplained([generate.plain(p) for p in some])
		for pair, name, (ours, theirs) in zip(some, names, results):
			if name is None:
				bad.append(pair)
			counts[name or ("both print" if "ok" in ours else "both refuse") if name is not None else "DIFFERENT"] += 1
	global passed
	passed += count - len(bad)
	for i, pair in enumerate(bad):
		if i < SHOWN:
			verdict(False, "generated pair (SEED=%d COUNT=%d)" % (seed, count), smallest(pair))
		else:
			failures.append("generated pair")
	print("pairs: %d of SEED=%d: %s" % (count, seed, ", ".join("%s %d" % c for c in sorted(counts.items()))))


def main():
	global SHOWN
	parts = {"corpus": corpus, "spec": mustache, "baragon": baragon, "pairs": pairs}
	SHOWN = int(os.environ.get("SHOWN", SHOWN))
	for name in sys.argv[1:] or parts:
		parts[name]()
	print("differential: %d passed, %d failed" % (passed, len(failures)))
	return 1 if failures else 0


if __name__ == "__main__":
	sys.exit(main())
