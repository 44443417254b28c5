# SPDX-License-Identifier: Apache-2.0
"""Every case of tests/contract/*.txt, over HTTP, on one cluster; each has ids of its own, so their order does not count."""
import gzip
import http.client
import os
import re
import urllib.parse
import zlib

import pytest

from harness import base, contract
from harness.cluster import Cluster
from harness.daemons import Agent, Service

CASES = contract.load()
MASTER, OWN = "the-master-key", "the-own-key"


class Targets:
    """What a case can call, and one connection to each."""

    def __init__(self, cluster, urls):
        self.cluster, self.urls = cluster, urls
        self.connections = {}

    def call(self, target, method, path, body, headers):
        url = urllib.parse.urlsplit(self.urls[target])
        conn = self.connections.pop(target, None) or http.client.HTTPConnection(url.hostname, url.port, timeout=20)
        try:
            conn.putrequest(method, path[1:] if path.startswith("!") else url.path + path, skip_accept_encoding=True)
            for k, v in headers:
                conn.putheader(k, v)
            if body is not None or method not in ("GET", "HEAD", "OPTIONS", "DELETE"):
                conn.putheader("Content-Length", str(len(body or b"")))
            conn.endheaders(body)
            res = conn.getresponse()
            data = res.read()
            if res.getheader("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            answer = base.Answer(res.status, {k.lower(): v for k, v in res.getheaders()}, data)
        except BaseException:
            conn.close()
            raise
        if res.will_close:
            conn.close()
        else:
            self.connections[target] = conn
        return answer

    def close(self):
        for conn in self.connections.values():
            conn.close()


def second_service(cluster):
    """Joins when the first leads, so that what the first has committed it also shows."""
    service = Service(cluster.folder, "service2", cluster.zk.quorum, cluster.namespace,
                      {"auth": {"enabled": True, "key": OWN}, "masterAuthKey": MASTER, "enableCorsFilter": True})
    cluster.services.append(service.start())
    return service


@pytest.fixture(scope="module")
def targets(run_dir, shared_zk):
    folder = os.path.join(run_dir, "contract")
    cluster = Cluster(folder, shared_zk, "contract-%d" % os.getpid(), upstreams=("u1", "u2"),
                      service_options={"auth": {"enabled": False, "key": OWN}, "masterAuthKey": MASTER, "purgeCache": {
                          "enabledTemplates": ["purged"], "excludedServiceIds": ["never-purged"]}})
    cluster.hosts[1].agent.options = {"auth": {"enabled": True}, "enableCorsFilter": True}
    with shared_zk.client() as zk:
        zk.create("/%s/auth/%s" % (cluster.namespace, OWN), b'{"value":"%s","owner":"baragon","createdAt":0,"expiredAt":null}'
                  % OWN.encode(), makepath=True)
        cluster.client = zk
        t = None
        try:
            cluster.start()
            second = second_service(cluster)
            t = Targets(cluster, {"": cluster.services[0].url, "auth": second.url, "agent": cluster.hosts[0].agent.url,
                                  "agent-auth": cluster.hosts[1].agent.url})
            yield t
        finally:
            if t:
                t.close()
            cluster.stop()
    complaints = cluster.complaints()
    assert not complaints, "\n".join(complaints)


def sent_body(step, names, headers):
    """The bytes: (nothing) and (spaces) are told by name; a body is JSON unless its headers say otherwise."""
    if step.body is None:
        return None
    text = contract.expand(step.body, names)
    data = {"(nothing)": b"", "(spaces)": b"  \n "}.get(text)
    charset = re.search("charset=(.+)", dict(headers).get("Content-Type", ""))
    data = text.encode(charset.group(1) if charset else "utf-8") if data is None else data
    if not any(k.lower() == "content-type" for k, _ in headers):
        headers.append(("Content-Type", "application/json"))
    if ("Content-Encoding", "gzip") in headers:
        data = gzip.compress(data)
    if ("Content-Encoding", "deflate") in headers:
        data = zlib.compress(data)
    return data


def do_call(step, targets, names):
    headers = [(k, contract.expand(v, names)) for k, v in step.headers]
    body = sent_body(step, names, headers)
    headers = [(k, v) for k, v in headers if v != "-"]

    def once():
        answer = targets.call(step.target, step.method, contract.expand(step.path, names), body, headers)
        try:
            contract.check(answer, step.expected, names)
        except contract.Mismatch as e:
            return e
        return None
    if step.again:
        last = []
        try:
            base.wait_for(lambda: last.append(once()) or last[-1] is None, 15, "the answer")
        except base.Timeout:
            raise last[-1] from None
    else:
        problem = once()
        if problem is not None:
            raise problem


# Commands ---------------------------------------------------------------------------------------------------

def do_deploy(targets, names, words, more):
    """deploy SERVICE UPSTREAM...; below it fields of the service, as JSON. On the group of the agents, until SUCCESS."""
    fields = contract.json.loads(more) if more else {}
    body = targets.cluster.request("deploy-" + words[0], words[0], add=words[1:], service_fields=fields)
    body["loadBalancerService"].setdefault("serviceBasePath", "/" + words[0])
    answer = base.http_call("POST", targets.urls[""] + "/request", body)
    assert answer.status == 200, answer
    targets.cluster.wait_state("deploy-" + words[0])


def do_wait(targets, names, words, more):
    """wait REQUEST STATE"""
    rid = urllib.parse.unquote(words[0])
    targets.cluster.wait_state(rid, words[1])


def do_put(targets, names, words, more):
    """put PATH DATA: a node of ZooKeeper, written by somebody else."""
    path = "/" + targets.cluster.namespace + words[0]
    data = (" ".join(words[1:]) + more).encode()
    if targets.cluster.client.exists(path):
        targets.cluster.client.set(path, data)
    else:
        targets.cluster.client.create(path, data, makepath=True)


def do_node(targets, names, words, more):
    """node PATH: what is in a node, compared as a body is."""
    data, _ = targets.cluster.client.get("/" + targets.cluster.namespace + words[0])
    wanted = contract.parse_json(contract.quote_marks(more))
    contract.match(wanted, contract.parse_json(data.decode()), names)


def do_freeze(targets, names, words, more):
    """freeze: the first agent does nothing until `thaw`, or the end of the case."""
    targets.cluster.hosts[0].agent.freeze()


def do_thaw(targets, names, words, more):
    targets.cluster.hosts[0].agent.thaw()


COMMANDS = {"deploy": do_deploy, "wait": do_wait, "put": do_put, "node": do_node, "freeze": do_freeze, "thaw": do_thaw}


def names_of(case, targets):
    """What every case can say: ids of its own, and what is where."""
    own = re.sub(r"\W", "-", str(case))
    names = dict(case.names)
    names.update(line=case.line % 250, s="s-" + own, r="r-" + own, g="g-" + own, web=targets.cluster.group, master=MASTER, own=OWN, x="x",
                 u1=targets.cluster.upstreams.address("u1"), u2=targets.cluster.upstreams.address("u2"),
                 agent1=targets.cluster.hosts[0].agent.id, agent2=targets.cluster.hosts[1].agent.id,
                 agenturl1=targets.cluster.hosts[0].agent.url, agenturl2=targets.cluster.hosts[1].agent.url,
                 context=Service.context, agentcontext=Agent.context,
                 base1=targets.cluster.services[0].url, base2=targets.cluster.services[1].url)
    return names


def do_step(step, targets, names, case):
    try:
        if step.kind == "call":
            do_call(step, targets, names)
        else:
            head, _, more = contract.expand(step.text, names).partition("\n")
            words = head.split()
            COMMANDS[words[0]](targets, names, words[1:], more)
    except AssertionError as e:
        what = "%s %s" % (step.method, contract.expand(step.path, names)) if step.kind == "call" else step.text
        pytest.fail("tests/contract/%s:%d: %s\n%s\n%s" % (case.file, step.line, case.title, what, e), pytrace=False)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(targets, case):
    names = names_of(case, targets)
    try:
        for step in case.steps:
            do_step(step, targets, names, case)
    finally:
        do_thaw(targets, names, (), "")


# Rows of the route tables that need another kind of test, and where it is.
ELSEWHERE = {"/lockstep/batch": "tests/unit/api_batch_test.c", "/openapi.json": "tests/unit/openapi_test.c"}


def test_every_route_has_a_case():
    """Each row of the two route tables is met by a request of some case."""
    asked = {(bool(s.target.startswith("agent")), s.method, contract.expand(s.path, {"web": "web"}).partition("?")[0])
             for c in CASES for s in c.steps if s.kind == "call"}
    missing = []
    for agent, source in ((False, "service/api/api.c"), (True, "agent/api/agent_api.c")):
        rows = re.findall(r'\{ "([A-Z]+)", +"(/[^"]*)"', base.read_file(os.path.join(base.ROOT, source)))
        assert rows, source
        literal = {p for _, p in rows if "{" not in p}
        for method, pattern in rows:
            form = re.compile("".join(
                ".+" if p.endswith("...}") else "[^/]+" if p.startswith("{") else re.escape(p)
                for p in re.split(r"(\{[^}]*\})", pattern)))
            if pattern not in ELSEWHERE and not any(
                    a == agent and m == method and form.fullmatch(p) and (p == pattern or p not in literal)
                    for a, m, p in asked):
                missing.append("%s %s" % (method, pattern))
    assert not missing, "no case in tests/contract asks for " + ", ".join(missing)


def test_differences_have_their_rows():
    """`# differs: TOPIC` names the row of docs/compatibility.md that says why."""
    page = base.read_file(os.path.join(base.ROOT, "docs", "compatibility.md"))
    topics = {line.split("|")[1].strip() for line in page.split("\n") if line.startswith("| ")}
    missing = {"%s: %s" % (c, d) for c in CASES for d in c.differs if d not in topics}
    assert not missing, "\n".join(sorted(missing))


SECTION = r"§R?[0-9]+(?:\.[0-9]+)?"
PROVES = re.compile(r"(?:(?:%s(?: steps? [0-9]+(?:(?: and| to|,) [0-9]+)*)?)(?:, (?=§)|$))+" % SECTION)


def test_sections_are_in_the_table():
    """Each title says what its case proves; the table of the README says the same, section by section."""
    found = {}
    for c in CASES:
        proves, colon, title = c.title.partition(": ")
        assert colon and title and (proves == "own" or PROVES.fullmatch(proves)), "%s: proves what? %s" % (c, c.title)
        for section in re.findall(SECTION, proves):
            found.setdefault(section[1:], set()).add(c.file[:-4])
    page = base.read_file(os.path.join(contract.FOLDER, "README.md"))
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.split("\n") if re.match(r"\| R?[0-9]", line)]
    told = {row[0]: set(row[2].split()) - {"–"} for row in table}
    assert len(told) == len(table) > 80
    assert told == {**{section: set() for section in told}, **found}
    silent = [row[0] for row in table if not found.get(row[0]) and not row[3]]
    assert not silent, "nobody proves §" + ", §".join(silent)


def test_format():
    """The comparison itself: what must not be equal is not. The other runner does the same."""
    def equal(wanted, found):
        names = {}
        try:
            contract.match(contract.parse_json(contract.quote_marks(wanted)), contract.parse_json(found), names)
        except contract.Mismatch:
            return None
        return names
    pairs = [line for line in base.read_file(os.path.join(contract.FOLDER, "comparison.pairs")).split("\n")
             if line and not line.startswith("#")]
    for line in pairs:
        wanted, sign, found = re.split(r" (==|!=) ", line)
        assert (equal(wanted, found) == {}) == (sign == "=="), line
    assert len(pairs) > 20
    assert equal('{"a":<number=n>,"b":"x<number=m>y"}', '{"a":7,"b":"x8y"}') == {"n": 7, "m": "8"}
