# SPDX-License-Identifier: Apache-2.0
"""Rows about HTTP: requests per second of the service, beside a bare libmicrohttpd that answers the same bytes."""
import glob
import http.client
import json
import os
import re
import statistics
import stat
import time

from harness import base
from harness.base import BUILD, Process, wait_for, write_file
from harness.daemons import CONTEXT, Service

SERVICES = 10000
CLIENTS = 16
GOAL = 0.7
LONG_MS = 600000
NOT_COMPARED = ("date", "content-length", "connection")
FIRST_POST = 1000000  # names of one length


class Gate:
    """A check command that waits while the gate is shut: so a request stays in flight."""

    def __init__(self, folder):
        self.shut_file = os.path.join(folder, "shut")
        self.command = write_file(os.path.join(folder, "check"),
                                  "#!/bin/sh\nwhile [ -e %s ]; do sleep 0.1; done\n" % self.shut_file)
        os.chmod(self.command, stat.S_IRWXU)

    def shut(self):
        write_file(self.shut_file, "")

    def open(self):
        if os.path.exists(self.shut_file):
            os.unlink(self.shut_file)


def give_time(stand):
    """What is in flight must stay so until the end."""
    stand.service.options["worker"] = {"prepareDeadlineMs": LONG_MS, "agentCallTimeoutMs": LONG_MS}
    for agent in stand.agents:
        agent.options["loadBalancerConfig"] = {"commandTimeoutMs": LONG_MS}


def ask(port, target, headers=(), body=None):
    """(status, [(name, value)], body) as they are on the wire."""
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        conn.request("POST" if body else "GET", target, body, dict(headers))
        answer = conn.getresponse()
        return answer.status, answer.getheaders(), answer.read()
    finally:
        conn.close()


def own_headers(answer):
    return [(n, v) for n, v in answer[1] if n.lower() not in NOT_COMPARED]


class Bare(Process):
    """Gives one answer to all; or, with bodies, that of the number in the path."""

    def __init__(self, folder, name, answer, bodies=None):
        super().__init__(name, folder)
        self.status, self.headers = answer[0], own_headers(answer)
        self.word = "bodies" if bodies else "body"
        self.file = os.path.join(self.dir, self.word)
        with open(self.file, "wb") as f:
            f.write(b"".join(b + b"\n" for b in bodies) if bodies else answer[2])

    def argv(self):
        return [os.path.join(BUILD, "bench", "bare"), "status=%d" % self.status, self.word + "=" + self.file] + \
            ["header=%s:%s" % h for h in self.headers]

    def ready(self):
        return re.search(r"^port (\d+)$", base.read_file(self.log), re.M)

    @property
    def port(self):
        return int(self.ready().group(1))


def cpu_us(process):
    """Of all its threads so far."""
    return sum(int(base.read_file(f).split()[0]) / 1000 for f in glob.glob("/proc/%d/task/*/schedstat" % process.pid))


class Case:
    def __init__(self, what, service, target, headers=(), bodies=None):
        self.what, self.service, self.target, self.headers = what, service, target, dict(headers)
        self.bodies = bodies  # the target goes on with the number of one of these

    def ask(self, port, k):
        return ask(port, self.target + ("%04d" % k if self.bodies else ""), self.headers)


def each_service(port):
    """What the service says of s0000, s0001, ...: the parts of its whole state."""
    text = ask(port, CONTEXT + "/state")[2].decode()
    found, at = {}, 1
    while text[at - 1] != "]":
        value, end = json.JSONDecoder().raw_decode(text, at)
        found[value["service"]["serviceId"]] = text[at:end].encode()
        at = end + 1
    return [found["s%04d" % k] for k in range(SERVICES)]


def same(a, b):
    return a[0] == b[0] and sorted(own_headers(a)) == sorted(own_headers(b)) and a[2] == b[2]


def measure(table, stand, folder, case, rounds, ms, say, fail):
    answer = case.ask(case.service.port, 0)
    with Bare(folder, "bare-" + re.sub(r"\W+", "-", case.what), answer, case.bodies) as bare:
        for k in (0, 1, 4711):
            ours, twin = case.ask(case.service.port, k), case.ask(bare.port, k)
            if not same(ours, twin):
                raise fail("%s: the bare server answers otherwise: %s, %s" % (case.what, ours[:2], twin[:2]))
        words = ["ms=%d" % ms, "clients=%d" % CLIENTS, "status=%d" % answer[0], "size=%d" % len(answer[2]),
                 "get=" + case.target, "services=%d" % len(case.bodies or ())]
        words += ["header=%s: %s" % h for h in case.headers.items()]
        rates, cpus = side_by_side(rounds, (bare, case.service), lambda p: stand.run("asker", "port=%d" % p.port, *words))
    say("  %s: bare %s/s, ours %s/s" % (case.what, *("%.0f" % statistics.median(r) for r in rates)))
    table.add_rates(case.what, parts("%d, %d bytes" % (answer[0], len(answer[2])), cpus), *rates, GOAL)


def parts(text, cpus):
    return "%s; CPU per request %.1f us, ours %.1f" % (text, statistics.median(cpus[0]), statistics.median(cpus[1]))


def side_by_side(rounds, processes, load):
    """Rates and CPU per request of each, by rounds, in which who is first changes; the first round warms up."""
    rates, cpus = ([], []), ([], [])
    for r in range(rounds + 1):
        for i in ((0, 1), (1, 0))[r % 2]:
            before = cpu_us(processes[i])
            row = load(processes[i])[-1]
            if r > 0:
                rates[i].append(row["done"] * 1e6 / row["us"])
                cpus[i].append((cpu_us(processes[i]) - before) / row["done"])
    return rates, cpus


def settle(stand):
    """What a start and a deploy leave to do, look-overs of 10,000 services among it, is not part of a read."""
    def idle():
        before = [cpu_us(p) for p in [stand.service] + stand.agents]
        time.sleep(0.5)
        return all(cpu_us(p) - b < 10000 for p, b in zip([stand.service] + stand.agents, before))
    wait_for(idle, 60, "the service and its agents at rest", 0)


def gzip_sample(service):
    """The service makes it when it is first asked for."""
    def there():
        return dict(ask(service.port, CONTEXT + "/state", {"Accept-Encoding": "gzip"})[1]).get("Content-Encoding") == "gzip"
    wait_for(there, 20, "the state as gzip", 0.1)


def post(stand, k, until):
    """A deploy of one more service; returns the target that asks for it, once it is in that state."""
    name = "more%d" % k
    body = {"loadBalancerRequestId": "bench-%d" % k, "addUpstreams": [{"upstream": "127.0.0.1:%d" % (20000 + k)}],
            "removeUpstreams": [], "loadBalancerService": {
                "serviceId": name, "owners": ["bench@example.com"], "serviceBasePath": "/" + name,
                "loadBalancerGroups": ["web"], "options": {}}}
    answer = stand.service.call("POST", "/request", body)
    assert answer.status == 200, answer
    target = "/request/bench-%d" % k
    wait_for(lambda: until(stand.service.call("GET", target).json()), 60, "request %d" % k)
    return CONTEXT + target


def reads(table, stand, folder, gate, rounds, ms, say, fail):
    service = stand.service
    state = CONTEXT + "/state"
    wait_for(lambda: len(service.call("GET", "/state").json()) == SERVICES, 60, "all services", 0.5)
    ended = post(stand, 0, lambda r: r["loadBalancerState"] == "SUCCESS")
    version = dict(ask(service.port, state)[1])["ETag"]
    gzip_sample(service)
    cases = [
        Case("GET /state/{id}, %d services" % SERVICES, service, state + "/s", bodies=each_service(service.port)),
        Case("GET /request/{id}, ended", service, ended),
        Case("GET /state, %d services" % SERVICES, service, state),
        Case("the same, gzip", service, state, {"Accept-Encoding": "gzip"}),
        Case("the same, If-None-Match", service, state, {"If-None-Match": version}),
    ]
    settle(stand)
    for case in cases:
        measure(table, stand, folder, case, rounds, ms, say, fail)
    gate.shut()
    flying = post(stand, 1, lambda r: r["loadBalancerState"] == "WAITING")
    settle(stand)
    measure(table, stand, folder, Case("GET /request/{id}, in flight", service, flying), rounds, ms, say, fail)
    gate.open()


def posts(table, stand, folder, rounds, ms, say):
    """Of a service that only queues: what a leader does with it then is another row."""
    zk = stand.zk
    service = Service(folder, "posts", zk.quorum, "posts", {"worker": {"enabled": False}})
    stand.run("floor", "enqueue", "quorum=" + zk.quorum, "ns=posts", "prefix=s", "chains=1", "ms=1")
    turn = [FIRST_POST]

    def load(process):
        turn[0] += 100000
        return stand.run("asker", "port=%d" % process.port, "ms=%d" % ms, "clients=%d" % CLIENTS, "status=200",
                         "post=" + CONTEXT + "/request", "prefix=s", "from=%d" % turn[0])

    with service:
        answer = ask(service.port, CONTEXT + "/request", {"Content-Type": "application/json"}, SAMPLE)
        assert answer[0] == 200, answer
        with Bare(folder, "bare-post", answer) as bare:
            rates, cpus = side_by_side(rounds, (bare, service), load)
        floors, ours = [], []
        for _ in range(rounds):
            floors.append(stand.floor_enqueue(ms, CLIENTS))
            row = load(service)[-1]
            ours.append(row["done"] * 1e6 / row["us"])
    say("  POST /request: bare server %.0f/s, bare transactions %.0f/s, ours %.0f/s" % (
        statistics.median(rates[0]), statistics.median(floors), statistics.median(ours)))
    table.add_rates("POST /request", parts("reads the same bodies", cpus), *rates, None)
    table.add_rates("the same", "bare transactions, %d at a time" % CLIENTS, floors, ours, None)
    if service.complaints():
        raise RuntimeError("\n".join(service.complaints()))


SAMPLE = b"""{"loadBalancerRequestId":"sample","loadBalancerService":{"serviceId":"sample","owners":["bench@example.com"],\
"serviceBasePath":"/sample","loadBalancerGroups":["web"],"options":{}},"addUpstreams":[{"upstream":"127.0.0.1:9999"},\
{"upstream":"127.0.0.1:20000"}],"removeUpstreams":[]}"""


def rows(table, stand, folder, gate, quick, say, fail):
    rounds, ms = (5, 200) if quick else (25, 300)
    try:
        reads(table, stand, folder, gate, rounds, ms, say, fail)
    finally:
        gate.open()
    posts(table, stand, folder, rounds, ms, say)
