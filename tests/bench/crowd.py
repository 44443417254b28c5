# SPDX-License-Identifier: Apache-2.0
"""The rows about a crowd: what others wait for while very many connections are open, slow, or cut.

The crowd is a process of its own (`crowd.py PORT IDLE DRIBBLERS`): idle connections of four kinds, dribblers that send a byte
a second of a head that never ends, and all the time some that pipeline requests and are cut in the middle of one. It says
"ready" when all are there, and leaves all at once when its input ends.
"""
import http.client
import itertools
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import threading
import time

HEAD = b"POST /baragon/v2/request HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
GET = b"GET /baragon/v2/status HTTP/1.1\r\nHost: x\r\n"
IDLE, DRIBBLERS, SECONDS = 10000, 1000, 20
CUT_PER_S = 50
LIMITS = {"server": {"limits": {"connections": 14000, "connectionsPerAddress": 13000, "idleMs": 120000, "requestMs": 120000}}}


# The crowd ---------------------------------------------------------------------------------------------------

def connect(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=60)
    s.setblocking(False)
    return s


def readable(s, ms):
    poll = select.poll()  # select() knows no more than 1024 files
    poll.register(s, select.POLLIN)
    return bool(poll.poll(ms))


def cut(port, number):
    """Two requests in a row, ended by a reset somewhere within them; every third time after the answer has begun."""
    data = GET + b"\r\n" + HEAD + b"Content-Length: 50\r\n\r\n{\"loadBalancerRequestId\""
    s = connect(port)
    s.send(data[:number * 7 % len(data) + 1])
    if number % 3 == 0:
        readable(s, 10)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def hold(port, idle, dribblers):
    firsts = [b""] * (idle // 2) + [GET] * (idle // 4) + [HEAD + b"Content-Length: 100000\r\n\r\n"] * (idle // 8) + \
        [HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\n{"] * (idle - idle // 2 - idle // 4 - idle // 8)
    held = []
    for first in firsts:
        s = connect(port)
        if first:
            s.send(first)
        held.append(s)
    slow = []
    for _ in range(dribblers):
        slow.append(connect(port))
        slow[-1].send(GET)
    print("ready", flush=True)
    tick = itertools.count()
    while not readable(sys.stdin, 1000 / CUT_PER_S):
        n = next(tick)
        cut(port, n)
        for s in slow[n % CUT_PER_S::CUT_PER_S]:  # each once a second
            s.send(b"X-Slow: aaaaaaa\r\n"[n // CUT_PER_S % 17:][:1])
    gone = sum(readable(s, 0) for s in held + slow)
    print("gone %d" % gone, flush=True)


class Crowd:
    def __init__(self, port, idle, dribblers):
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), str(port), str(idle), str(dribblers)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.here = threading.Event()
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self):
        self.process.stdout.readline()
        self.here.set()

    def leave(self):
        """How many had been closed by the service. All are let go at once while this returns."""
        self.process.stdin.close()
        word = self.process.stdout.readline().split()
        return int(word[1]) if len(word) == 2 else None

    def end(self):
        self.process.kill()
        self.process.wait()


# The others --------------------------------------------------------------------------------------------------

class Others:
    """One client; milliseconds of what it asked, by kind."""

    def __init__(self, stand):
        self.port = stand.service.port
        self.service = stand.service.call("GET", "/state").json()[0]["service"]["serviceId"]
        self.kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        self.turn, self.times = itertools.count(), {}

    def _time(self, kind, connection, method, path, body=None):
        start = time.perf_counter()
        connection.request(method, "/baragon/v2" + path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        answer.read()
        self.times.setdefault(kind, []).append((time.perf_counter() - start) * 1000)
        if answer.status != 200:
            raise RuntimeError("%s %s: %d" % (method, path, answer.status))

    def ask(self):
        n = next(self.turn)
        self._time("GET /status", self.kept, "GET", "/status")
        self._time("GET /state/{id}", self.kept, "GET", "/state/" + self.service)
        if n % 4 == 0:
            fresh = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            self._time("GET /status, new connection", fresh, "GET", "/status")
            fresh.close()
        if n % 8 == 0:
            self._time("POST /request", self.kept, "POST", "/request", json.dumps(request(n // 8)))
        time.sleep(0.002)

    def measure(self, until):
        """{kind: sorted times} of what was asked until then."""
        self.times = {}
        while not until():
            self.ask()
        return {k: sorted(v) for k, v in self.times.items()}


def request(n):
    """Each of another id; of twenty services in turn."""
    service = "crowd-%d" % (n % 20)
    return {"loadBalancerRequestId": "crowd-%d" % n, "replaceUpstreams": [{"upstream": "10.0.%d.%d:80" % (n // 250 % 250, n % 250)}],
            "addUpstreams": [], "removeUpstreams": [],
            "loadBalancerService": {"serviceId": service, "owners": [], "serviceBasePath": "/" + service, "options": {},
                                    "loadBalancerGroups": ["web"]}}


def for_seconds(seconds):
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def at(times, p):
    return times[min(len(times) - 1, int(len(times) * p / 100))]


def numbers(times):
    return "; ".join("%s %.2f / %.2f / %.1f" % (k, at(v, 50), at(v, 99), v[-1]) for k, v in times.items())


def look(service):
    """Memory in MB, descriptors, seconds of CPU."""
    with open("/proc/%d/status" % service.pid) as f:
        rss = int(re.search(r"^VmRSS:\s+(\d+)", f.read(), re.M).group(1)) / 1024
    with open("/proc/%d/stat" % service.pid) as f:
        ticks = sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
    return rss, len(os.listdir("/proc/%d/fd" % service.pid)), ticks / os.sysconf("SC_CLK_TCK")


class Phases:
    def __init__(self, stand, say):
        self.service, self.others, self.say = stand.service, Others(stand), say
        self.others.measure(for_seconds(2))

    def run(self, what, until):
        start, cpu = time.monotonic(), look(self.service)[2]
        times = self.others.measure(until)
        spent = (look(self.service)[2] - cpu) / (time.monotonic() - start)
        self.say("  %s, %.1f s, %.1f %% of a core: %s" % (what, time.monotonic() - start, 100 * spent, numbers(times)))
        return times


def rows(table, stand, quick, say, fail):
    seconds = 5 if quick else SECONDS
    phases, service = Phases(stand, say), stand.service
    before = look(service)
    say("  p50 / p99 / most, ms")
    alone = phases.run("alone", for_seconds(seconds))
    crowd = Crowd(service.port, IDLE, DRIBBLERS)
    try:
        phases.run("while they come", crowd.here.is_set)
        there = phases.run("while they are there", for_seconds(seconds))
        with_them = look(service)
        gone = crowd.leave()
        if gone != 0 or with_them[1] < IDLE + DRIBBLERS:
            raise fail("the crowd was not there: %s closed, %d descriptors" % (gone, with_them[1]))
        end = for_seconds(30)
        phases.run("while they go", lambda: look(service)[1] <= before[1] + 5 or end())
    finally:
        crowd.end()
    after = look(service)
    again = phases.run("alone again", for_seconds(seconds))
    say("  MB and descriptors: %.1f %d, with the crowd %.1f %d, afterwards %.1f %d" % (before[:2] + with_them[:2] + after[:2]))
    alone = {k: sorted(v + again[k]) for k, v in alone.items()}
    for kind in alone:
        for p in (50, 99):
            a, b = at(alone[kind], p), at(there[kind], p)
            table.add("%s in a crowd of %d, p%d" % (kind, IDLE + DRIBBLERS, p),
                      "the same, alone, before and after; of %d and %d" % (len(alone[kind]), len(there[kind])), a, b, b / a, "ms",
                      2 if p == 99 else None)


if __name__ == "__main__":
    hold(*map(int, sys.argv[1:]))
