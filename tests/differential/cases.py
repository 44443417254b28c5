# Cases written by hand: text files, one a topic.
# SPDX-License-Identifier: Apache-2.0
"""
=== what the case is about
--- template            (or "--- template escaped": \\n \\t \\r \\s (blank) \\\\ and \\uXXXX are read)
--- data                JSON; null if left out; one in front of the first case is that of all without their own
--- partial NAME        any number
--- output              what must come out; or
--- error               a part of our message
--- output-of html      another output than text
--- differs             why handlebars.js gives something else (it must), or an error where we print
--- ours-only           why handlebars.js is not asked

A block's text is its lines with line breaks between them, none at the end.  Lines that begin with # before
the first case are remarks.
"""
import json
import os
import re

BLOCKS = ("template", "data", "partial", "output", "error", "output-of", "differs", "ours-only")


class Case:
	def __init__(self, place, title):
		self.place, self.title = place, title
		self.blocks, self.partials = {}, {}

	def pair(self, level):
		data = self.blocks.get("data", "null")
		try:
			data = json.loads(data)
		except ValueError as e:
			raise SystemExit("%s: data: %s" % (self.place, e))
		pair = {"template": self.blocks["template"], "data": data, "partials": self.partials, "level": level}
		if "output-of" in self.blocks:
			pair["output"] = self.blocks["output-of"]
		return pair


def unescape(text):
	table = {"n": "\n", "t": "\t", "r": "\r", "s": " ", "\\": "\\"}
	return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", lambda m: table[m[1]] if m[1] in table else chr(int(m[1][1:], 16)), text)


def escape(text):
	"""The way back; blanks only where they would not be seen."""
	text = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
	return re.sub(r"^ | $", r"\\s", text)


def put(case, head, lines):
	words = head.split(" ")
	text = "\n".join(lines)
	if words[-1] == "escaped":
		words.pop()
		text = unescape(text)
	if words[0] not in BLOCKS or (words[0] == "partial") != (len(words) > 1) or words[0] in case.blocks:
		raise SystemExit("%s: bad block: %s" % (case.place, head))
	if words[0] == "partial":
		case.partials[" ".join(words[1:])] = text
	else:
		case.blocks[words[0]] = text


def read(path):
	cases, head, lines = [], None, []
	first = case = Case(path, "of all")
	with open(path, encoding="utf-8", newline="\n") as f:
		rows = f.read().split("\n")
	if rows[-1] == "":
		rows.pop()
	for number, row in enumerate(rows + ["=== "], 1):
		if not row.startswith(("=== ", "--- ")):
			if head is not None:
				lines.append(row)
			elif row and not row.startswith("#"):
				raise SystemExit("%s:%d: not in a block" % (path, number))
			continue
		if head is not None:
			put(case, head, lines)
		head, lines = None, []
		if row.startswith("--- "):
			head = row[4:]
		else:
			if case is not first:
				check(case)
				case.blocks.setdefault("data", first.blocks.get("data", "null"))
				cases.append(case)
			case = Case("%s:%d" % (os.path.basename(path), number), row[4:])
	return cases


def check(case):
	if "template" not in case.blocks or ("output" in case.blocks) == ("error" in case.blocks):
		raise SystemExit("%s: a case has a template, and an output or an error" % case.place)


def read_all(folder):
	return [case for name in sorted(os.listdir(folder)) if name.endswith(".txt")
		for case in read(os.path.join(folder, name))]
