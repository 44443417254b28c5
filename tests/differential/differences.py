# Where we and handlebars.js may differ: differences.md, as tests.
# SPDX-License-Identifier: Apache-2.0
import re

# Each is (name, test); the test is given our result and handlebars.js's, and is asked only when they are not the
# same.


def refused(part, but=None):
	"""We refuse with such a message where handlebars.js prints something (that holds `but`)."""
	return lambda ours, theirs: (re.search(part, ours.get("error", "")) is not None and "ok" in theirs
		and (but is None or but in theirs["ok"]))


def lenient(part):
	"""We print where handlebars.js refuses with such a message."""
	return lambda ours, theirs: "ok" in ours and re.search(part, theirs.get("error", "")) is not None


DIFFERENCES = [
	("map-as-a-whole", refused("a map has no text", "[object Object]")),
	("twice", refused("' is given twice")),
	("parameters", refused("helper '[a-z]+' takes ")),
	("number-segment", lenient("Expecting 'ID', got 'NUMBER'")),
	("names-of-an-inverse-block", refused("as \\|...\\|' can stand in")),
	("names-around-an-inline-partial", refused("is a name of a block around the inline partial")),
]


def same(ours, theirs):
	if "ok" in ours or "ok" in theirs:
		return ours.get("ok") == theirs.get("ok")
	return True


def kind(ours, theirs):
	"""So that a difference does not become another one while it is made smaller."""
	message = re.sub(r"'.*?'|\d+", "", ours.get("error", "").partition(" ")[2])
	return message, "ok" in ours, "ok" in theirs


def integer_keys_first(v):
	"""Maps in the order of JavaScript."""
	if isinstance(v, list):
		return [integer_keys_first(w) for w in v]
	if not isinstance(v, dict):
		return v
	first = sorted((k for k in v if re.fullmatch("0|[1-9][0-9]{0,8}", k)), key=int)
	return {k: integer_keys_first(v[k]) for k in first + [k for k in v if k not in first]}


def explain(ours, reordered, theirs, changes):
	"""The name of the difference, or None: it is not a documented one.  `reordered`: ours of integer_keys_first();
	`changes`: what engines.changed() says of these two."""
	if changes is not None:
		return "+".join(filter(None, [changes[0], "keys" if changes[1] else ""]))
	for result, add in ((ours, []), (reordered, ["keys"])):
		for name, test in DIFFERENCES:
			if test(result, theirs):
				return "+".join(add + [name])
	return None
