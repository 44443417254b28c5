# A pair that fails, made smaller while it still fails.
# SPDX-License-Identifier: Apache-2.0
import copy
import itertools

from generate import plain

ROUNDS, MOST, AT_ONCE = 80, 3000, 120


def bodies(nodes):
	"""Every list of nodes in it."""
	yield nodes
	for node in nodes:
		if node[0] == "block":
			for part in node[1]:
				yield from bodies(part[3])


def smaller_nodes(nodes):
	"""Copies of a template with one thing less, the big ones first."""
	count = sum(1 for _ in bodies(nodes))
	for b in range(count):
		size = len(list(bodies(nodes))[b])
		for i in range(size):
			for change in (drop, unwrap, lose_else, lose_word, lose_strip, short_text):
				for k in range(8):
					changed = copy.deepcopy(nodes)
					if not change(list(bodies(changed))[b], i, k):
						break
					yield changed


def drop(body, i, k):
	if k:
		return False
	del body[i]
	return True


def unwrap(body, i, k):
	if body[i][0] != "block" or k >= len(body[i][1]):
		return False
	body[i:i + 1] = body[i][1][k][3]
	return True


def lose_else(body, i, k):
	if body[i][0] != "block" or k + 1 >= len(body[i][1]):
		return False
	del body[i][1][k + 1]
	return True


def lose_word(body, i, k):
	words = body[i][2] if body[i][0] == "tag" else body[i][1][0][1] if body[i][0] == "block" else []
	if k + 1 >= len(words):
		return False
	del words[k + 1]
	return True


def lose_strip(body, i, k):
	if k or body[i][0] == "text":
		return False
	node = body[i]
	tags = [node] if node[0] == "tag" else [["tag"] + part for part in node[1]] + [["tag"] + node[2]]
	if not any("~" in t[1] + t[3] or t[3].startswith(" ") for t in tags):
		return False
	if node[0] == "tag":
		node[1], node[3] = node[1].replace("~", ""), node[3].replace("~", "").strip()
	else:
		for part in node[1] + [node[2]]:
			part[0], part[2] = part[0].replace("~", ""), part[2].replace("~", "").strip()
	return True


def short_text(body, i, k):
	if body[i][0] != "text" or len(body[i][1]) < 2 or k >= len(body[i][1]):
		return False
	body[i][1] = body[i][1][:k] + body[i][1][k + 1:]
	return True


def smaller_data(v):
	if isinstance(v, dict):
		for key in v:
			yield {k: w for k, w in v.items() if k != key}
		for key in v:
			for w in smaller_data(v[key]):
				yield dict(v, **{key: w})
	elif isinstance(v, list):
		for i in range(len(v)):
			yield v[:i] + v[i + 1:]
		for i in range(len(v)):
			for w in smaller_data(v[i]):
				yield v[:i] + [w] + v[i + 1:]
	if isinstance(v, (dict, list)):
		yield None
	if isinstance(v, (dict, list, str, float)) and v != "x":
		yield "x"


def smaller(pair):
	for nodes in smaller_nodes(pair["template"]):
		yield dict(pair, template=nodes)
	for name in pair["partials"]:
		yield dict(pair, partials={k: v for k, v in pair["partials"].items() if k != name})
		for nodes in smaller_nodes(pair["partials"][name]):
			yield dict(pair, partials=dict(pair["partials"], **{name: nodes}))
	for data in smaller_data(pair["data"]):
		yield dict(pair, data=data)


def shrink(pair, failing):
	"""failing(pairs as read by render_pairs) says of each whether it fails in the way that is looked for."""
	for _ in range(ROUNDS):
		candidates = itertools.islice(smaller(pair), MOST)
		while True:
			some = list(itertools.islice(candidates, AT_ONCE))
			good = [c for c, bad in zip(some, failing([plain(c) for c in some])) if bad] if some else []
			if good or not some:
				break
		if not good:
			break
		pair = min(good, key=lambda c: len(repr(c)))
	return pair
