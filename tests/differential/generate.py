# Random templates over the whole grammar, and data that fits them more often than not.
# The same seed gives the same pairs with any python3.
# SPDX-License-Identifier: Apache-2.0
"""A template is a list of nodes, so that a failing one can be cut down:

["text", s]                                    as it is
["tag", open, words, close]                    {{x y}}, comments, partials
["block", [[open, words, close, body], ...], end]   opener, then else parts; end is the closing tag, or None:
                                               the name is taken from the opener
"""
import random

NAMES = ["a", "b", "c", "x", "name", "items", "user", "port", "opt"]
ODD_NAMES = ["a-b", "_x", "$y", "x1", "first", "not-there", "n0", "é"]
BRACKETED = ["a b", "1", "0", "c.d", "e/f", "#x"]
STRINGS = ["", "", "a", "b", "text", "0", "false", "ü", "日本", "a b", "<b>&\"'`=", "10.0.0.1:80", "p", "q", "name",
	"{{a}}", "\\", "1", "x"]
NUMBERS = [0, 0, 1, 2, -1, 7, 80, 2.5, -0.5, 0.1, 1e21, 1e-7, 1e-6, 123456789, 1e10, 4503599627370497, 100.0, 1.5e300]
TEXTS = ["x", "y ", " z", "-", "text", ": ", ",", "<b>", "é", "{ ", " }", " } }", "a\\b", "\"", "#", "\\\\"]
BLANKS = ["\n", "\n", "\n", "  ", " ", "\t", "\r\n", "\n\n", " \n", "\n  ", "\n \n"]
COMPARE = ["eq", "ne", "lt", "lte", "gt", "gte"]


class Generator:
	def __init__(self, seed, level="lockstep"):
		self.r = random.Random(seed)
		self.level = level
		self.js = level == "lockstep"

	def chance(self, p):
		return self.r.random() < p

	# ---- data ----
	def name(self):
		k = self.r.random()
		if k < 0.88:
			return self.r.choice(NAMES)
		if not self.js: # handlebars.java knows ASCII alone, and little in brackets
			return self.r.choice(ODD_NAMES[:-1] if k < 0.99 else BRACKETED)
		return self.r.choice(ODD_NAMES if k < 0.96 else BRACKETED)

	def scalar(self):
		k = self.r.random()
		if not self.js and k < 0.08:
			return {"\x02": self.r.choice(STRINGS + [None, None, 5, 0])} # an Optional
		if k < 0.5:
			return self.r.choice(STRINGS)
		if k < 0.75:
			return self.r.choice(NUMBERS)
		return self.r.choice([True, False, None])

	def map(self, depth):
		return {self.name(): self.value(depth + 1) for _ in range(self.r.randrange(0, 6 if depth < 2 else 4))}

	def value(self, depth=0):
		k = self.r.random()
		if depth == 0:
			return self.scalar() if k < 0.02 else self.value(3) if k < 0.04 else self.root()
		if depth < 4 and k < 0.28:
			return self.map(depth)
		if depth < 4 and k < 0.55:
			return self.list(depth)
		return self.scalar()

	def list(self, depth):
		n = self.r.choice([0, 1, 1, 2, 2, 3, 4])
		k = self.r.random()
		if k < 0.4:
			keys = [self.name() for _ in range(self.r.randrange(1, 4))]
			return [{key: self.value(depth + 2) for key in keys if not self.chance(0.1)} for _ in range(n)]
		if k < 0.8:
			return [self.scalar() for _ in range(n)]
		return [self.value(depth + 1) for _ in range(n)]

	def root(self):
		m = {}
		for _ in range(self.r.randrange(2, 8)):
			m[self.name()] = self.value(1)
		if self.chance(0.5):
			m["items"] = self.list(1)
		return m

	# ---- paths: walk the data, so that most are there ----
	def segment(self, name):
		plain = name.replace("-", "a").replace("$", "a").isidentifier() and not name.startswith("-")
		if plain and not self.chance(0.03 if self.js else 0.003):
			return name
		return "[" + name + "]"

	def walk(self, v):
		"""Segments from v, and what they lead to."""
		segs = []
		while True:
			if isinstance(v, dict) and "\x02" in v:
				return segs + ["present"] if segs and self.chance(0.5) else segs or ["a"], True
			if isinstance(v, dict) and v and not self.chance(0.1):
				key = self.r.choice(list(v))
				segs.append(key)
				v = v[key]
			elif isinstance(v, list) and segs and self.chance(0.3):
				segs.append(str(self.r.randrange(0, len(v) + 1)) if self.js or self.chance(0.2)
					else "#%d" % self.r.randrange(0, len(v) + 1))
				i = int(segs[-1].lstrip("#"))
				v = v[i] if i < len(v) else None
			elif not segs or self.chance(0.08):
				segs.append(self.r.choice(NAMES + ["length"] if self.js and self.chance(0.2) else NAMES))
				v = None
			if not isinstance(v, (dict, list)) or self.chance(0.5):
				return segs, v

	def join(self, segs):
		out = ""
		for i, s in enumerate(segs):
			text = "[%s]" % s[1:] if s[0] == "#" and s[1:].isdigit() else self.segment(s)
			if self.js and s.isdigit() and i > 0 and self.chance(0.03):
				text = s
			slash = self.chance(0.15) and (self.js or text[0] != "[" or self.chance(0.1))
			out += ("" if i == 0 else "/" if slash else ".") + text
		return out

	def path(self, scopes):
		"""The text of a path and a value it may have; scopes: [(value, loop?, names)], the innermost last."""
		k = self.r.random()
		names = [n for s in scopes for n in s[2]]
		if names and k < 0.25:
			name, v = self.r.choice(names)
			if isinstance(v, dict) and v and self.chance(0.5):
				segs, w = self.walk(v)
				return name + "." + self.join(segs), w
			return name, v
		if any(s[1] for s in scopes) and k < 0.42:
			return self.data_path(scopes)
		if k < 0.5:
			return self.r.choice(["this", ".", "."]), scopes[-1][0]
		if k < 0.6 and len(scopes) > 1:
			up = self.r.randrange(1, len(scopes) + (1 if self.chance(0.05) else 0))
			v = scopes[-1 - up][0] if up < len(scopes) else None
			if self.chance(0.2):
				return "/".join([".."] * up), v
			segs, w = self.walk(v)
			return "../" * up + self.join(segs), w
		if k < 0.66:
			segs, w = self.walk(scopes[-1][0])
			return self.r.choice(["this.", "this/", "./" if self.js or self.chance(0.1) else "this."]) + self.join(segs), w
		if k < 0.7 and self.js:
			segs, w = self.walk(scopes[0][0])
			return "@root." + self.join(segs), w
		segs, w = self.walk(scopes[-1 if self.chance(0.7) else self.r.randrange(len(scopes))][0])
		return self.join(segs), w

	def data_path(self, scopes):
		name = self.r.choice(["index", "index", "key", "first", "last"] + ([] if self.js else ["odd", "even"]))
		up = 1 if self.js and sum(1 for s in scopes if s[1]) > 1 and self.chance(0.3) else 0
		return "@" + "../" * up + name, 1

	# ---- expressions ----
	def literal(self):
		k = self.r.random()
		if k < 0.5:
			s = self.r.choice([s for s in STRINGS if "{" not in s and "\\" not in s])
			if "\"" in s:
				return "'a\"b'"
			return ("\"%s\"" if self.chance(0.6) else "'%s'") % s if "'" not in s else "\"it's\""
		if k < 0.75:
			return self.r.choice(["0", "1", "2", "7", "80"] + (["-1", "2.5", "0.0"] if self.js else []))
		return self.r.choice(["true", "false"] + (["null", "undefined"] if self.js else []))

	def param(self, scopes, depth=0):
		k = self.r.random()
		if k < 0.25:
			return self.literal(), None
		if self.js and depth < 2 and k < 0.4:
			return self.call(scopes, depth + 1), None
		return self.path(scopes)

	def number(self, scopes):
		p, v = next(((p, v) for p, v in (self.path(scopes) for _ in range(8)) if type(v) in (int, float)), ("", None))
		return self.r.choice(["0", "1", "80", "-1", "2.5"]) if v is None or self.chance(0.3) else p

	def call(self, scopes, depth):
		return "(" + " ".join(self.call_words(scopes, depth)) + ")"

	def call_words(self, scopes, depth=0):
		k = self.r.random()
		if k < 0.2:
			return [self.r.choice(COMPARE[2:]), self.number(scopes), self.number(scopes)]
		if k < 0.5:
			return [self.r.choice(COMPARE[:2] if self.chance(0.97) else COMPARE), self.param(scopes, depth)[0], self.param(scopes, depth)[0]]
		if k < 0.65:
			return [self.r.choice(["and", "or"])] + [self.param(scopes, depth)[0]
				for _ in range(self.r.choice([2, 2, 3]))]
		if k < 0.78:
			return ["not", self.param(scopes, depth)[0]]
		if k < 0.82:
			lists = [(p, v) for p, v in (self.path(scopes) for _ in range(6)) if isinstance(v, list)]
			if lists:
				return ["join", lists[0][0], self.r.choice(["\", \"", "\"\"", "' '"])]
		p, v = self.path(scopes)
		if isinstance(v, dict) and v and self.chance(0.7):
			return ["lookup", p, "\"%s\"" % self.r.choice(list(v))]
		if isinstance(v, list) and self.chance(0.7):
			return ["lookup", p, str(self.r.randrange(0, len(v) + 1))]
		return ["lookup", p, self.param(scopes, depth)[0]]

	# ---- tags ----
	def open(self, mark):
		return "{{" + ("~" if self.chance(0.08) else "") + mark

	def close(self):
		return (" " if self.chance(0.08) else "") + ("~" if self.chance(0.08) else "") + "}}"

	def print(self, scopes):
		words = self.call_words(scopes) if self.js and self.chance(0.2) else [self.path(scopes)[0]]
		k = self.r.random()
		if k < 0.15:
			strip = "~" if self.chance(0.1) else ""
			return ["tag", "{{" + strip + "{", words, "}" + ("~" if self.chance(0.1) else "") + "}}"]
		if k < 0.3:
			return ["tag", self.open("&"), words, self.close()]
		if self.js and k < 0.33:
			return ["tag", "{{", [self.r.choice(["\"a\"", "'b'", "1", "true"])], "}}"]
		return ["tag", self.open(""), words, self.close()]

	def comment(self):
		k = self.r.random()
		if k < 0.4 and self.js:
			return ["tag", self.open("!"), ["--", " note }} and {{x}} ", "--"], self.close().strip()]
		return ["tag", self.open("!") if self.js or self.chance(0.05) else "{{!", [self.r.choice([" note ", "", "a\nb", "# x"])], self.close()]

	def escape(self):
		return ["text", self.r.choice(["\\{{a}}", "\\{{a}} {{b}}"] + (["\\{{#if a}}", "\\\\{{a}}", "\\{{{a}}}"]
			if self.js or self.chance(0.05) else []))]

	def names_of(self, block, v):
		"""The part `as |x i|`, and what the names mean."""
		item = v[0] if isinstance(v, list) and v else next(iter(v.values())) if isinstance(v, dict) and v else None
		if not self.js or not self.chance(0.25):
			return [], []
		if block == "with":
			return ["as", "|w|"], [("w", v)]
		names = self.r.choice([["it"], ["it", "i"]])
		return ["as", "|" + " ".join(names) + "|"], list(zip(names, [item, 1]))

	def subject(self, kind, scopes):
		"""A path, best to a value that the kind of block is for."""
		best = None
		for _ in range(4):
			p, v = self.path(scopes)
			best = best or (p, v)
			if kind == "each" and isinstance(v, (list, dict)) and v or kind == "with" and isinstance(v, dict):
				return p, v
		return best

	def block(self, scopes, depth):
		kind = self.r.choice(["if", "if", "unless", "each", "each", "each", "with", "section", "section", "inverse"]
			+ (["compare"] if self.js else []))
		words, inner, end = self.opener(kind, scopes)
		mark = "^" if kind == "inverse" else "#"
		if self.js and kind in ("if", "each", "with") and self.chance(0.03):
			mark = "^"
		if mark == "^" and "as" in words:
			del words[words.index("as"):]
		parts = [[self.open(mark), words, self.close(), self.body(inner, depth + 1)]]
		if kind != "inverse":
			self.else_parts(mark, parts, scopes, depth)
		return ["block", parts, [self.open("/"), [end], self.close()]]

	def opener(self, kind, scopes):
		if kind == "compare":
			words = self.call_words(scopes)
			while words[0] in ("lookup", "join"):
				words = self.call_words(scopes)
			return words, scopes, words[0]
		p, v = self.subject(kind, scopes)
		if kind in ("section", "inverse"):
			while p.startswith("@") and not self.js:
				p, v = self.subject(kind, scopes)
			if kind == "inverse" or v is None or isinstance(v, bool):
				return [p], scopes, p
			return [p], self.inner(scopes, v, []), p
		if kind in ("if", "unless"):
			if self.js and self.chance(0.25):
				p = self.call(scopes, 1)
			return [kind, p] + (["includeZero=true"] if self.js and self.chance(0.06) else []), scopes, kind
		names, means = self.names_of(kind, v)
		if kind == "with" and not names and not isinstance(v, (dict, list)) and not v:
			return [kind, p], self.inner(scopes, v, means), kind
		return [kind, p] + names, self.inner(scopes, v, means, kind == "with"), kind

	def inner(self, scopes, v, names, whole=False):
		if whole or not isinstance(v, (list, dict)):
			return scopes + [(v, False, names)]
		if isinstance(v, list):
			return scopes + [(self.r.choice(v) if v else None, True, names)]
		return scopes + [(self.r.choice(list(v.values())) if v else None, True, names)]

	def else_parts(self, mark, parts, scopes, depth):
		while self.js and mark == "#" and self.chance(0.12):
			chained = self.r.choice(["if", "if", "unless", "with", "each", "section", "compare"])
			words, inner, _ = self.opener(chained, scopes)
			parts.append([self.open(""), ["else"] + words, self.close(), self.body(inner, depth + 1)])
		if self.chance(0.35):
			if self.chance(0.2):
				parts.append([self.open("^"), [], self.close(), self.body(scopes, depth + 1)])
			else:
				parts.append([self.open(""), ["else"], self.close(), self.body(scopes, depth + 1)])

	# ---- partials ----
	def partial(self, scopes, depth):
		callable_ = self.callable
		name, scoped = self.r.choice(callable_) if callable_ and not self.chance(0.03) else ("absent", None)
		words = [self.r.choice(["\"%s\"", "'%s'", "[%s]"]) % name if "/" in name or self.chance(0.1) else name]
		if self.chance(0.12):
			words = ["(lookup @root \"%s\")" % self.r.choice(["which", "which", "gone"])] if self.which \
				else ["(lookup . 'name')"]
			if self.which:
				self.root_data["which"] = name
		end = words[0]
		if self.chance(0.25):
			words.append(self.path(scopes)[0])
		while self.chance(0.2):
			words.append(self.r.choice(NAMES[:5]) + "=" + self.param(scopes)[0])
		if not end.startswith("(") and self.chance(0.25):
			return ["block", [[self.open("#> "), words, self.close(), self.body(scopes, depth + 1)]],
				[self.open("/"), [end], self.close()]]
		return ["tag", self.open("> "), words, self.close()]

	def inline(self, scopes, depth):
		name = self.r.choice(["in1", "in2"])
		node = ["block", [[self.open("#*"), ["inline", "\"%s\"" % name], self.close(), self.body(scopes, depth + 1)]],
			[self.open("/"), ["inline"], self.close()]]
		self.callable = self.callable + [(name, None)]
		return node

	# ---- bodies ----
	def node(self, scopes, depth):
		k = self.r.random()
		if k < 0.34 and depth < 4:
			return self.block(scopes, depth)
		if k < 0.39:
			return self.comment()
		if self.js and k < 0.46 and (self.callable or self.chance(0.1)) and self.budget > 0:
			self.budget -= 1
			return self.partial(scopes, depth)
		if self.js and k < 0.475 and depth < 3:
			return self.inline(scopes, depth)
		if k < 0.485:
			return self.escape()
		return self.print(scopes)

	def body(self, scopes, depth):
		out = []
		for _ in range(self.r.choice([0, 1, 1, 2, 2, 3] if depth else [1, 2, 2, 3, 4])):
			node = self.node(scopes, depth)
			alone = node[0] == "block" or node[1][2:].strip("~")[:1] in ("!", ">")
			if alone and self.chance(0.5):
				self.on_its_lines(node, out)
				continue
			out.append(node)
			if self.chance(0.5):
				out.append(["text", self.r.choice(TEXTS if self.chance(0.6) else BLANKS)])
		return out

	def on_its_lines(self, node, out):
		"""Tags that stand alone on their lines, mostly."""
		pad = lambda: self.r.choice(["", "", "", "  ", "\t", " "])
		eol = lambda: self.r.choice(["\n", "\n", "\n", "\n", " \n", "\r\n", "x\n", "\n\n"])
		out.append(["text", ("" if self.chance(0.2) else "\n") + pad()])
		if node[0] == "block":
			for part in node[1]:
				part[3] = [["text", eol()]] + part[3] + [["text", self.r.choice(["", "\n", "\n"]) + pad()]]
		out.append(node)
		out.append(["text", "" if self.chance(0.1) else eol()])

	def pair(self):
		data = self.value()
		self.root_data = data
		self.which = isinstance(data, dict) and self.chance(0.5)
		self.callable, self.budget, partials = [], 3, {}
		if self.js and self.chance(0.4):
			self.partials(data, partials)
		self.budget = 4
		template = self.body([(data, False, [])], 0)
		return {"template": template, "data": data, "partials": partials, "level": self.level}

	def partials(self, data, out):
		"""Later ones may call earlier ones, and one may call its block."""
		for name in self.r.sample(["p", "q", "dir/p-1", "name"], self.r.choice([1, 1, 2, 3])):
			scopes = [(data, False, [])]
			before = self.callable
			self.budget = 2
			body = self.body(scopes, 2)
			if self.chance(0.25):
				body.append(["tag", self.open("> "), ["@partial-block"], self.close()])
			if self.chance(0.5):
				body.append(["text", "\n"])
			out[name] = body
			self.callable = before + [(name, None)]


def text_of(nodes):
	out = []
	for node in nodes:
		if node[0] == "text":
			out.append(node[1])
		elif node[0] == "tag":
			out.append(tag_text(node[1], node[2], node[3]))
		else:
			for opening, words, closing, body in node[1]:
				out.append(tag_text(opening, words, closing) + text_of(body))
			out.append(tag_text(*node[2]))
	return "".join(out)


def tag_text(opening, words, closing):
	return opening + ("".join(words) if "!" in opening else " ".join(words)) + closing


def plain(pair):
	"""As render_pairs reads it."""
	return dict(pair, template=text_of(pair["template"]),
		partials={k: text_of(v) for k, v in pair["partials"].items()}, texts=pair["level"] == "lockstep")


if __name__ == "__main__":
	import json
	import sys
	g = Generator(int(sys.argv[1]) if len(sys.argv) > 1 else 1, sys.argv[3] if len(sys.argv) > 3 else "lockstep")
	for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 5):
		print(json.dumps(plain(g.pair()), ensure_ascii=False))
