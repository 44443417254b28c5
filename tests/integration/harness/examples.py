# SPDX-License-Identifier: Apache-2.0
"""The examples of a page: fenced blocks and rows of tables, each of which somebody can run.

    ```json state default       the state of all examples without their own, as GET /state gives it
    ```json state               of this example; or `json options`: the default one's first service has these options
    ```hbs [level=baragon] [output=haproxy] [control]     a template; `hbs file=NAME`, `hbs partial=NAME`: a file beside it
    ```yaml                     settings, with what every agent needs added behind them
    ```text [file=NAME] [check=haproxy|haproxy-map|nginx|nginx-server]    what the file holds, exactly; which program
                                must take it, `with=NAME` beside it
    ```error                    what is said of it, or a part of that
    ```console                  `$ command` and what it prints, in a folder with agent.yml and state.json

An example begins with what is given, goes on with what comes out, and ends where the next one begins.

A table is one of examples if its first column is `write`.  Others: `get`, or `lockstep` and `baragon` (the level);
`x`: a value in JSON, option x of the service; all others are remarks.  In front of a table may stand
`<!-- examples level=baragon output=haproxy with=service.options -->`; `with` (and a column x) puts {{#with}} around
each template.  A cell is `text`, or error: `a part of the message`, or nothing.
"""
import json
import re

LANGUAGES = ("json", "hbs", "yaml", "text", "error", "console")
GIVEN = ("json", "hbs", "yaml")
ATTRIBUTES = {"json": ("state", "options", "default"), "hbs": ("level", "output", "control", "file", "partial"), "yaml": (),
              "text": ("file", "check", "with"), "error": (), "console": (), "examples": ("level", "output", "control", "with")}
COLUMNS = ("write", "get", "lockstep", "baragon", "x")


class BadPage(Exception):
    pass


class Outcome:
    """`kind`: text, error, console.  `where`: first and last line of a block; line and column of a cell."""

    def __init__(self, kind, text, where, attributes=None, cell=False):
        self.kind, self.text, self.where, self.attributes, self.cell = kind, text, where, attributes or {}, cell


class Example:
    def __init__(self, line):
        self.line = line
        self.files, self.settings, self.template, self.state = {}, None, None, None
        self.attributes, self.outcomes, self.partials = {}, [], False

    def __repr__(self):
        return "line%d%s" % (self.line, "-" + self.attributes["level"] if "level" in self.attributes else "")


def attributes_of(words, kind, line):
    out = {}
    for word in words.split():
        key, _, value = word.partition("=")
        if key not in ATTRIBUTES[kind]:
            raise BadPage("line %d: '%s' is not known for %s" % (line, key, kind))
        out[key] = value
    return out


def cells_of(row):
    return [c.strip().replace("\\|", "|") for c in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


def code_of(cell):
    """The text of `code`; None: it is not only that."""
    found = re.fullmatch(r"(`+)(.+?)\1", cell)
    if found is None or found[1] in found[2] or (found[1] == "`" and "`" in found[2]):
        return None
    text = found[2]
    return text[1:-1] if len(found[1]) > 1 and text[0] == text[-1] == " " else text


def cell_of(kind, text):
    """The way back."""
    if text == "":
        return "nothing"
    code = "`" + text + "`" if "`" not in text else "`` " + text + " ``"
    return ("error: " if kind == "error" else "") + code.replace("|", "\\|")


class Page:
    def __init__(self, path):
        self.examples, self.wrong, self.default = [], [], None
        with open(path, encoding="utf-8", newline="") as f:
            self.lines = f.read().split("\n")
        self.at, self.current, self.table = 0, None, {}
        while self.at < len(self.lines):
            try:
                self.step()
            except BadPage as e:
                self.wrong.append(str(e))
        for e in self.examples:
            if not e.outcomes and (e.settings is None or e.template is not None):
                self.wrong.append("line %d: nothing is said about what comes out" % e.line)
            if e.template is None and e.settings is None:
                self.wrong.append("line %d: neither a template nor settings" % e.line)
            e.state = e.state or self.default

    def step(self):
        line = self.lines[self.at]
        if line.lstrip().startswith("```"):
            self.block()
        elif line.startswith("<!-- examples"):
            self.at += 1
            self.table = attributes_of(line[len("<!-- examples"):].replace("-->", ""), "examples", self.at)
        elif line.startswith("|"):
            self.rows()
        else:
            self.at += 1
            if line.startswith("    ") and "{{" in line:
                raise BadPage("line %d: an example that nobody runs (put it into a fenced block)" % self.at)

    def block(self):
        first = self.at + 1
        words = self.lines[self.at][3:]
        kind, _, words = words.partition(" ")
        end = next((i for i in range(first, len(self.lines)) if self.lines[i].lstrip().startswith("```")), None)
        if end is None:
            self.at = len(self.lines)
            raise BadPage("line %d: a block without end" % first)
        self.at = end + 1
        if kind not in LANGUAGES or self.lines[first - 1][0] != "`" or self.lines[end] != "```":
            raise BadPage("line %d: '%s' is no kind of block" % (first, kind))
        text = "".join(l + "\n" for l in self.lines[first:end])
        attributes = attributes_of(words, kind, first)
        if kind in GIVEN:
            self.given(kind, text, attributes, first)
        elif self.current is None:
            raise BadPage("line %d: the outcome of nothing" % first)
        else:
            self.current.outcomes.append(Outcome(kind, text, (first, end), attributes))

    def given(self, kind, text, attributes, line):
        if "default" in attributes:
            self.default, self.current = json.loads(text), None
            return
        if self.current is None or self.current.outcomes or (kind == "yaml" and self.current.settings is not None):
            self.current = Example(line)
            self.examples.append(self.current)
        e = self.current
        if kind == "yaml":
            e.settings = text
        elif kind == "json":
            e.state = json.loads(text)
            if "options" in attributes:
                e.state = self.with_options(e.state)
        elif "partial" in attributes:
            e.files["partials/%s.hbs" % attributes["partial"]] = text
            e.partials = True
        elif "file" in attributes:
            e.files[attributes["file"]] = text
        elif e.template is not None:
            raise BadPage("line %d: a second template of the example of line %d" % (line, e.line))
        else:
            e.template, e.attributes = text, attributes

    def with_options(self, options):
        state = json.loads(json.dumps(self.default[:1]))
        state[0]["service"]["options"] = options
        return state

    def rows(self):
        begin, attributes, self.table = self.at, self.table, {}
        while self.at < len(self.lines) and self.lines[self.at].startswith("|"):
            self.at += 1
        head = cells_of(self.lines[begin])
        if head[0] != "write":
            if any("{{" in row for row in self.lines[begin:self.at]) or attributes:
                raise BadPage("line %d: a table of examples begins with a column 'write'" % (begin + 1))
            return
        if sorted(set(head) & set(COLUMNS)) not in (["get", "write"], ["get", "write", "x"], ["baragon", "lockstep", "write"]):
            raise BadPage("line %d: which columns are the outcome?" % (begin + 1))
        self.current = None
        for i in range(begin + 2, self.at):
            cells = cells_of(self.lines[i])
            if len(cells) != len(head):
                raise BadPage("line %d: %d cells, not %d" % (i + 1, len(cells), len(head)))
            for name in ("get", "lockstep", "baragon"):
                if name in head:
                    self.row(i + 1, dict(zip(head, cells)), name, head.index(name), attributes)

    def row(self, line, cells, name, column, attributes):
        e = Example(line)
        e.attributes = dict(attributes, **({"level": name} if name != "get" else {}))
        inside = "service.options" if "x" in cells else attributes.get("with")
        text, cell = code_of(cells["write"]), cells[name]
        kind = "error" if cell.startswith("error: ") else "text"
        wanted = "" if cell == "nothing" else code_of(cell[len("error: "):] if kind == "error" else cell)
        if text is None or wanted is None or ("x" in cells and code_of(cells["x"]) is None):
            raise BadPage("line %d: a cell must be `code`, or nothing, or error: `code`" % line)
        e.template = text if inside is None else "{{#with %s}}%s{{/with}}" % (inside, text)
        if "x" in cells:
            e.state = self.with_options({"x": json.loads(code_of(cells["x"]))})
        e.outcomes.append(Outcome(kind, wanted, (line, column), cell=True))
        self.examples.append(e)

    def rewrite(self, changes):
        """The text of the page with the outcomes of [(outcome, kind, text), ...]."""
        lines = list(self.lines)
        for outcome, kind, text in sorted(changes, key=lambda c: -c[0].where[0]):
            first, second = outcome.where
            if outcome.cell:
                cells = re.split(r"(?<!\\)\|", lines[first - 1].strip())[1:-1]
                cells[second] = " " + cell_of(kind, text) + " "
                lines[first - 1] = "|" + "|".join(cells) + "|"
            else:
                lines[first - 1:second + 1] = [lines[first - 1].replace(outcome.kind, kind, 1)] + \
                    (text[:-1].split("\n") if text else []) + ["```"]
        return "\n".join(lines)
