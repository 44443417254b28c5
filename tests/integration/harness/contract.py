# SPDX-License-Identifier: Apache-2.0
"""Reads tests/contract/*.txt and compares answers with what they say. The format: tests/contract/README.md."""
import json
import os
import re
import textwrap

from .base import ROOT

FOLDER = os.path.join(ROOT, "tests", "contract")
KINDS = {
    "any": r".*", "text": r".+", "number": r"-?\d+", "time": r"1[0-9]{12}", "hex": r"[0-9a-f]+",
    "uuid": r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
}
PLACE = re.compile(r"<(%s)(?:=(\w+))?>" % "|".join(KINDS))
NAME = re.compile(r"\$\{(\w+)(?:\*(\d+))?\}|\$([a-z]\w*)")
HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]*): ?(.*)$")
CALL = re.compile(r"(>>?|>\?) (?:@([\w-]+) )?([A-Z]+) (\S.*)$")


class Mismatch(AssertionError):
    pass


class BadFile(Exception):
    pass


class Step:
    """call: a request and the answer that is expected; else a command, its words in `text`."""

    def __init__(self, kind, line, text=""):
        self.kind, self.line, self.text = kind, line, text
        self.target, self.method, self.path, self.again = "", "", "", False
        self.headers, self.body, self.expected = [], None, None


class Case:
    def __init__(self, name, line, title, names):
        self.file, self.line, self.title = name, line, title
        self.names = names
        self.differs = []
        self.steps = []

    def __str__(self):
        return "%s:%d" % (self.file, self.line)


# Files ------------------------------------------------------------------------------------------------------

def parse_expected(text, rest):
    """'404 error "..."', '200 [...]' and the indented lines below: (status, headers, body or None)."""
    status, _, body = text.partition(" ")
    headers, lines = split_message(rest)
    if body == "..." or body.startswith("| "):
        lines = ""
    if body.startswith("error "):
        body = '{"code":%s,"message":%s}' % (status, body[6:])
    return int(status), headers, "\n".join(filter(None, [body.strip(), lines])) or None


def split_message(lines):
    """Headers, until a line is none; then the body. '\\' alone begins a body that looks like a header."""
    headers, n = [], 0
    for n, line in enumerate(lines):
        m = HEADER.match(line)
        if not m:
            break
        headers.append(m.groups())
    else:
        n = len(lines)
    return headers, "\n".join(lines[n:])


def blocks(path):
    """(number, line, indented lines below it) of what is not empty and no comment."""
    out = []
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f.read().split("\n"), 1):
            if line.startswith("  ") and out:
                out[-1][2].append(line)
            elif line.strip():
                out.append((number, line.rstrip(), []))
    return [(n, line, textwrap.dedent("\n".join(more)).split("\n") if more else []) for n, line, more in out]


class File:
    def __init__(self, name, names):
        self.name = name
        self.cases, self.names = [], dict(names)
        for number, line, more in blocks(os.path.join(FOLDER, name)):
            try:
                self.take(number, line, more)
            except (ValueError, BadFile) as e:
                raise BadFile("%s:%d: %s" % (name, number, e)) from None

    def take(self, number, line, more):
        if line.startswith("#") and more:
            raise BadFile("lines below a comment would be lost")
        if line.startswith("# differs: "):
            self.cases[-1].differs.append(line[11:])
        elif line.startswith("#"):
            pass
        elif line.startswith("let "):
            name, _, value = line[4:].partition(" = ")
            self.names[name.strip()] = value + "".join(more)
        elif line.startswith("== "):
            self.cases.append(Case(self.name, number, line[3:], self.names))
        elif line.startswith("rows "):
            self.table(number, line[5:], more)
        elif line.startswith("< "):
            self.cases[-1].steps[-1].expected = parse_expected(line[2:], more)
        elif CALL.match(line):
            self.call(number, line, more)
        else:
            step = Step("command", number, "\n".join([line] + more))
            self.cases[-1].steps.append(step)

    def call(self, number, line, more):
        mark, target, method, path = CALL.match(line).groups()
        step = Step("call", number)
        step.target, step.method, step.path, step.again = target or "", method, path, mark != ">"
        step.headers, body = split_message(more)
        step.body = body or None
        self.cases[-1].steps.append(step)

    def table(self, number, head, more):
        """Each row is a case: 'BODY => STATUS ...' under 'rows METHOD PATH', 'PATH => ...' under 'rows METHOD'."""
        m = re.match(r"(?:@([\w-]+) )?([A-Z]+)(?: (\S+))?$", head)
        if m is None or self.cases[-1].steps:
            raise BadFile("rows METHOD [PATH], alone below its ==")
        title, differs = self.cases.pop(), []
        for i, row in enumerate(more, number + 1):
            if row.startswith("# differs: "):
                differs.append(row[11:])
            if not row.strip() or row.startswith("#"):
                continue
            self.cases.append(self.row(i, row, m, title))
            self.cases[-1].differs = title.differs + differs
            differs = []

    def row(self, number, row, head, title):
        given, arrow, wanted = row.rpartition(" => ")
        if not arrow:
            raise BadFile("row %d without =>" % number)
        case, step = Case(self.name, number, title.title, self.names), Step("call", number)
        step.target, step.method, step.path = head.group(1) or "", head.group(2), head.group(3) or given.strip()
        step.body = given.strip() if head.group(3) else None
        step.expected = parse_expected(wanted.strip(), [])
        case.steps.append(step)
        return case


def load():
    """All cases of all files."""
    cases, common = [], {}
    files = sorted(f for f in os.listdir(FOLDER) if f.endswith(".txt"))
    if "common.txt" in files:
        common = File("common.txt", {}).names
        files.remove("common.txt")
    for name in files:
        cases += File(name, common).cases
    return cases


def expand(text, names, depth=0):
    """$name, ${name}, ${name*3} are what they stand for; what stands for nothing stays."""
    def one(m):
        name = m.group(1) or m.group(3)
        if name not in names:
            return m.group(0)
        return expand(str(names[name]), names, depth + 1) * int(m.group(2) or 1)
    if depth > 10:
        raise BadFile("names stand for each other: " + text[:100])
    return NAME.sub(one, text)


# Expected JSON ----------------------------------------------------------------------------------------------

class Pairs(list):
    """An object: its order counts."""


def quote_marks(text):
    """What is not JSON becomes strings of it: <number>, ..., and ~[ for an array in any order."""
    out, i, inside, open_ = [], 0, False, []
    while i < len(text):
        c = text[i]
        if inside:
            if c == "\\":
                out.append(text[i:i + 2])
                i += 2
                continue
            inside = c != '"'
            out.append(c)
        elif PLACE.match(text, i):
            m = PLACE.match(text, i)
            out.append('"%s"' % m.group(0))
            i = m.end()
            continue
        elif text.startswith("...", i):
            out.append('"...":0' if open_ and open_[-1] == "{" else '"..."')
            i += 3
            continue
        elif text.startswith("~[", i):
            empty = text[i + 2:].lstrip().startswith("]")
            out.append('["~"' + ("" if empty else ","))
            open_.append("[")
            i += 2
            continue
        else:
            inside = c == '"'
            if c in "{[":
                open_.append(c)
            elif c in "}]" and open_:
                open_.pop()
            out.append(c)
        i += 1
    return "".join(out)


def parse_json(text):
    return json.loads(text, object_pairs_hook=Pairs)


def fail(where, wanted, found):
    raise Mismatch("%s: expected %s, found %s" % (where or "body", show(wanted), show(found)))


def show(value):
    if isinstance(value, Pairs):
        return "{%s}" % ", ".join("%s: %s" % (json.dumps(k), show(v)) for k, v in value)
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(show, value))
    return json.dumps(value)


def match(wanted, found, names, where=""):
    """Raises Mismatch; what placeholders with a name found comes into `names`."""
    if isinstance(wanted, str):
        match_text(wanted, found, names, where)
    elif isinstance(wanted, Pairs):
        match_object(wanted, found, names, where)
    elif isinstance(wanted, list):
        match_list(wanted, found, names, where)
    elif type(wanted) is not type(found) or wanted != found:
        fail(where, wanted, found)


def match_text(wanted, found, names, where):
    whole = PLACE.fullmatch(wanted)
    if whole and whole.group(1) == "any":
        pass
    elif whole and whole.group(1) in ("number", "time"):
        if type(found) is not int or not re.fullmatch(KINDS[whole.group(1)], str(found)):
            fail(where, wanted, found)
    elif not isinstance(found, str):
        fail(where, wanted, found)
    if whole and whole.group(2):
        names[whole.group(2)] = found
    if not whole or whole.group(1) not in ("any", "number", "time"):
        match_string(wanted, found, names, where)


def match_string(wanted, found, names, where):
    pattern, at = "", 0
    for m in PLACE.finditer(wanted):
        pattern += re.escape(wanted[at:m.start()]) + "(" + ("?P<%s>" % m.group(2) if m.group(2) else "") + \
            KINDS[m.group(1)] + ")"
        at = m.end()
    m = re.fullmatch(pattern + re.escape(wanted[at:]), found, re.S)
    if m is None:
        fail(where, wanted, found)
    names.update(m.groupdict())


def match_object(wanted, found, names, where):
    if not isinstance(found, Pairs):
        fail(where, wanted, found)
    more = any(k == "..." for k, _ in wanted)
    keys = [k for k, _ in wanted if k != "..."]
    have = [k for k, _ in found if k in keys or not more]
    if keys != have:
        raise Mismatch("%s: expected the keys %s, found %s" % (where or "body", keys, [k for k, _ in found]))
    values = dict(found)
    for k, v in wanted:
        if k != "...":
            match(v, values[k], names, where + "." + k)


def match_list(wanted, found, names, where):
    if not isinstance(found, list) or isinstance(found, Pairs):
        fail(where, wanted, found)
    if wanted[:1] != ["~"] and "..." not in wanted:
        if len(wanted) != len(found):
            fail(where, wanted, found)
        for i, (w, f) in enumerate(zip(wanted, found)):
            match(w, f, names, "%s[%d]" % (where, i))
        return
    left = list(found)
    for w in wanted:
        if w not in ("~", "..."):
            take_one(w, left, names, where, found)
    if left and "..." not in wanted:
        fail(where, wanted, found)


def take_one(wanted, left, names, where, found):
    for f in left:
        mine = dict(names)
        try:
            match(wanted, f, mine, where)
        except Mismatch:
            continue
        names.update(mine)
        left.remove(f)
        return
    fail(where + " (somewhere in it)", wanted, found)


# Answers ----------------------------------------------------------------------------------------------------

def check(answer, expected, names):
    """The answer against (status, headers, body): all of the body, the headers that are named."""
    status, headers, body = expected
    if answer.status != status:
        raise Mismatch("expected %d, found %d: %s" % (status, answer.status, answer.text[:2000]))
    named = {k.lower() for k, _ in headers}
    for k, v in headers:
        check_header(answer, k, expand(v, names), names)
    body = expand(body, names) if body is not None else None
    if body is None:
        if answer.body:
            raise Mismatch("expected no body, found " + answer.text[:2000])
    elif body == "...":
        pass
    elif body.startswith("|"):
        match_string("\n".join(line[2:] for line in body.split("\n")), answer.text, names, "body")
    else:
        if "content-type" not in named:
            check_header(answer, "Content-Type", "application/json", names)
        match(parse_json(quote_marks(body)), parse_json(answer.text), names)


def check_header(answer, name, wanted, names):
    found = answer.headers.get(name.lower())
    if wanted == "-":
        if found is not None:
            raise Mismatch("header %s: expected none, found %r" % (name, found))
    elif found is None:
        raise Mismatch("header %s: expected %r, found none" % (name, wanted))
    elif wanted.startswith("{") and wanted.endswith("}"):   # a list in any order
        if sorted(wanted[1:-1].split(",")) != sorted(p.strip() for p in found.split(",")):
            raise Mismatch("header %s: expected %s, found %r" % (name, wanted, found))
    else:
        match_string(wanted, found, names, "header " + name)
