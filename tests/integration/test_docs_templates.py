# SPDX-License-Identifier: Apache-2.0
"""Every example of docs/templates.md does what the page says, by the programs that an operator has.

What is a block or a table of examples: harness/examples.py.  UPDATE_DOCS=1 writes what comes out into the page.
"""
import json
import os
import re
import subprocess

import pytest

from harness.base import BUILD, ROOT, SLOW, read_file
from harness.daemons import daemon_env
from harness.examples import Page

PATH = os.path.join(ROOT, "docs", "templates.md")
PAGE = Page(PATH)
# Behind the settings of an example, so that lines are counted as the page shows them.
EVERY_AGENT = """\
hostname: 10.0.0.7
availabilityZone: us-east-1a
zookeeper:
  quorum: 127.0.0.1:1
  zkNamespace: none
loadBalancerConfig:
  name: web
  rootPath: %s/never-made
  checkConfigCommand: /bin/false
  reloadConfigCommand: /bin/false
  domains: [example.com]
"""
HAPROXY = """\
global
    maxconn 100
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend main
    bind 127.0.0.1:1
"""
MAP = """\
    use_backend %%[path,map_beg(%s)]
"""
NGINX = """\
error_log stderr;
pid {dir}/nginx.pid;
events {{ worker_connections 16; }}
http {{
    access_log off;
    {content}
}}
"""
changes = []


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.write(text)


def settings_of(example):
    if example.settings is not None:
        return example.settings
    rows = ["templateLevel: %s" % example.attributes.get("level", "lockstep"), "templates:", "  - filename: page",
            "    templateFile: page.hbs"]
    if "output" in example.attributes:
        rows.append("    output: " + example.attributes["output"])
    if "control" in example.attributes:
        rows.append("    allowControlCharacters: true")
    if example.partials:
        rows.append("partialsDirectory: partials")
    return "".join(r + "\n" for r in rows)


class Run:
    """The example in its folder."""

    def __init__(self, example, folder):
        self.example, self.folder = example, folder
        settings = settings_of(example)
        for key in re.findall(r"^(\w+):", settings, re.M):
            assert not re.search("^%s:" % key, EVERY_AGENT, re.M), "the test gives every agent its %s" % key
        write(os.path.join(folder, "agent.yml"), settings + EVERY_AGENT % folder)
        write(os.path.join(folder, "state.json"), json.dumps(example.state))
        for name, text in dict(example.files, **({"page.hbs": example.template} if example.template is not None else {})).items():
            write(os.path.join(folder, name), text)

    def shell(self, command):
        env = dict(daemon_env(), TZ="UTC", PATH=BUILD + ":" + os.environ.get("PATH", "/usr/bin:/bin"))
        done = subprocess.run(["sh", "-c", command], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, env=env, timeout=30 * SLOW)
        text = done.stdout.decode("utf-8", "surrogateescape")
        assert "Sanitizer" not in text, text
        return done.returncode, text

    def rendered(self):
        """(0, texts by file), or (not 0, what was said)."""
        status, said = self.shell("lockstep-agent --render --state state.json --out out agent.yml")
        if status != 0:
            return status, said
        assert said == "", said
        files = {}
        for folder, _, names in os.walk(os.path.join(self.folder, "out")):
            for name in names:
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8", newline="") as f:
                    files[os.path.relpath(path, os.path.join(self.folder, "out"))] = f.read()
        return 0, files

    def console(self, text):
        """What such a session prints today."""
        out = ""
        for command in re.findall(r"^\$ (.*)$", text, re.M):
            out += "$ %s\n%s" % (command, self.shell(command)[1])
        return out.replace(self.folder, "/tmp")

    def load(self, program, path, beside):
        """What the program itself says about a file."""
        head = os.path.join(self.folder, "head.cfg")
        if program == "haproxy":
            write(head, HAPROXY)
            return self.shell("/usr/sbin/haproxy -c -f head.cfg -f " + path)
        if program == "haproxy-map":
            write(head, HAPROXY + MAP % path)
            return self.shell("/usr/sbin/haproxy -c -f head.cfg")
        include = "include %s/%s;" % (self.folder, path)
        if program == "nginx-server":
            include = "server { listen unix:%s/s; %s }" % (self.folder, include)
        if beside is not None:
            include = "include %s/out/%s; %s" % (self.folder, beside, include)
        write(head, NGINX.format(dir=self.folder, content=include))
        return self.shell("/usr/sbin/nginx -e stderr -t -p %s -c %s" % (self.folder, head))


def message_of(said):
    """Of a cell: without the place, which {{#with}} moves."""
    found = re.search(r"page:\d+:\d+: (.*)", said)
    return found[1] if found else said.strip()


def judge(outcome, kind, got):
    if kind == "error":
        got = message_of(got) if outcome.cell else got
    right = kind == outcome.kind and (got == outcome.text or (kind == "error" and len(outcome.text.strip()) > 8 and
                                                             outcome.text.strip() in got))
    if os.environ.get("UPDATE_DOCS") and not right:
        changes.append((outcome, kind, got))
        return
    assert right, got


@pytest.fixture(scope="module", autouse=True)
def page():
    yield
    if changes:
        write(PATH, PAGE.rewrite(changes))


def test_every_block_and_table_is_an_example():
    assert PAGE.wrong == []
    assert len(PAGE.examples) > 150


@pytest.mark.parametrize("text, wrong", [
    ("```hbs\nx\n```\n", "nothing is said about what comes out"),
    ("```handlebars\nx\n```\n", "no kind of block"),
    ("```hbs\nx\n```\n```text\nx\n", "a block without end"),
    ("```hbs colour=red\nx\n```\n```text\nx\n```\n", "'colour' is not known"),
    ("```text\nx\n```\n", "the outcome of nothing"),
    ("```json options\n{}\n```\n```text\nx\n```\n", "neither a template nor settings"),
    ("```hbs\nx\n```\n```hbs\ny\n```\n```text\nx\n```\n", "a second template"),
    ("  ```hbs\n  x\n  ```\n", "no kind of block"),
    ("    {{x}}\n", "an example that nobody runs"),
    ("| tag | means |\n|---|---|\n| `{{x}}` | x |\n", "begins with a column 'write'"),
    ("| write | means |\n|---|---|\n| `{{x}}` | `x` |\n", "which columns are the outcome?"),
    ("| write | get |\n|---|---|\n| `{{x}}` | x |\n", "a cell must be `code`"),
    ("| write | get |\n|---|---|\n| `{{x}}` |\n", "1 cells, not 2"),
    ("<!-- examples output=haproxy -->\n| tag | means |\n|---|---|\n| a | x |\n", "begins with a column 'write'")])
def test_what_nobody_would_run_is_found(folder, text, wrong):
    state = "```json state default\n[{\"service\": {}}]\n```\n"
    path = os.path.join(folder, "page.md")
    write(path, state + text)
    assert any(wrong in w for w in Page(path).wrong), Page(path).wrong


@pytest.mark.parametrize("example", PAGE.examples, ids=repr)
def test_example(example, folder):
    run = Run(example, folder)
    kinds = {o.kind for o in example.outcomes}
    if example.settings is not None and "error" not in kinds:
        status, said = run.shell("lockstep-agent --check-config agent.yml")
        assert status == 0 and "agent.yml is valid" in said and "warn" not in said.lower(), said
    if not kinds & {"text", "error"} and "console" not in kinds:
        return
    status, result = run.rendered()
    for outcome in example.outcomes:
        if outcome.kind == "console":
            judge(outcome, "console", run.console(outcome.text))
            continue
        if status != 0:
            judge(outcome, "error", result)
            continue
        name = outcome.attributes.get("file") or next(iter(result))
        assert len(result) == 1 or "file" in outcome.attributes, "which of %s?" % sorted(result)
        judge(outcome, "text", result[name])
        if "check" in outcome.attributes:
            status, said = run.load(outcome.attributes["check"], "out/" + name, outcome.attributes.get("with"))
            assert status == 0 and "WARNING" not in said and "[warn]" not in said, said


def test_every_helper_has_an_example():
    texts = [e.template or "" for e in PAGE.examples]
    for e in PAGE.examples:
        texts += [e.settings or ""] + list(e.files.values())
    for source in ("helpers.c", "checks.c"):
        names = re.findall(r'^\t+\{ "(\w+)", +(?!unusable)\w+, ', read_file(os.path.join(ROOT, "agent", "core", source)), re.M)
        assert len(names) > 12
        for name in names:
            assert any(re.search(r"(\{\{[#~]?|\()%s\b" % name, t) for t in texts), "no example calls " + name
