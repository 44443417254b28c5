# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow, cut off or hostile: others are served meanwhile, and nothing of them stays.

LOCKSTEP_IDLE_CLIENTS: how many idle connections to hold instead of 1000; the limits grow with it.
"""
import os
import re
import resource
import select
import socket
import struct
import time

import pytest
from harness.base import BUILD, http_call, read_file, wait_for
from harness.certificates import Authority

IDLE = int(os.environ.get("LOCKSTEP_IDLE_CLIENTS", "1000"))
DRIBBLERS = 1000
SANITIZED = os.path.basename(BUILD) in ("asan", "tsan")  # keeps what was freed; leaks are found at the end instead
TIME = 4000  # ms: idle and per request
HEAD = b"POST /baragon/v2/request HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
POST = HEAD + b"Content-Length: 7\r\n\r\n{\"a\":1}"
GET = b"GET /baragon/v2/status HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module", autouse=True)
def enough_files():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * (IDLE + DRIBBLERS))), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(params=["plain", "tls"])
def service(request, make_cluster, tmp_path):
    server = {"limits": {"idleMs": TIME, "requestMs": TIME, "connections": 2 * (IDLE + DRIBBLERS),
                         "connectionsPerAddress": IDLE + DRIBBLERS + 200}}
    ca = Authority(str(tmp_path), "ca") if request.param == "tls" else None
    if ca:
        server["tls"] = ca.issue("one")
    cluster = make_cluster(agents=0, service_options={"server": server})
    service = cluster.services[0]
    if ca:
        service.use_tls(ca.context())
    cluster.start()
    return service


def status_of(service, key):
    return int(re.search(r"^%s:\s+(\d+)" % key, read_file("/proc/%d/status" % service.pid), re.M).group(1))


def fds(service):
    return len(os.listdir("/proc/%d/fd" % service.pid))


class Crowd:
    """Raw connections; handshakes of TLS are made one by one, before anything is slow."""

    def __init__(self, service):
        self.service, self.all = service, []

    def open(self, n, first=b""):
        made = []
        for _ in range(n):
            s = socket.create_connection(("127.0.0.1", self.service.port), timeout=20)
            if self.service.tls:
                s = self.service.tls.wrap_socket(s, server_hostname="127.0.0.1")
            if first:
                s.sendall(first)
            s.setblocking(False)
            made.append(s)
        self.all += made
        return made

    def close(self):
        for s in self.all:
            s.close()
        self.all = []


def drip(sockets, at):
    """The next byte of an endless head from each that is still there."""
    for s in list(sockets):
        try:
            s.send(b"X-Slow: aaaaaaa\r\n"[at % 17:at % 17 + 1])
        except OSError:
            sockets.remove(s)


def ends(s):
    """What came before the end of the connection; None while it is open."""
    out = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                return out
            out += part
    except BlockingIOError:
        return None
    except (ConnectionError, OSError) as e:
        return None if e.errno in (2, 11) else out


def test_a_crowd_of_slow_clients(service):
    for _ in range(50):
        service.status()
    fds_before, rss_before = fds(service), status_of(service, "VmRSS")
    crowd = Crowd(service)
    idle, dribblers = (IDLE // 4, DRIBBLERS // 4) if service.tls else (IDLE, DRIBBLERS)  # handshakes cost the test most
    try:
        crowd.open(idle // 2)                                            # not a byte
        crowd.open(idle // 4, GET)                                       # a head that stops
        crowd.open(idle // 8, HEAD + b"Content-Length: 100000\r\n\r\n")   # a body that is announced
        crowd.open(idle // 8, HEAD + b"Transfer-Encoding: chunked\r\n\r\n400\r\n{")
        slow = crowd.open(dribblers, GET)
        served, at, deadline = 0, 0, time.monotonic() + 60
        while slow and time.monotonic() < deadline:
            drip(slow, at)
            at += 1
            until = time.monotonic() + 1
            while time.monotonic() < until:
                assert service.status()["leader"]
                served += 1
        assert not slow, "still there: %d" % len(slow)
        assert served > 10
        # Nobody of them has closed anything: it is the service that gets rid of them.
        wait_for(lambda: fds(service) <= fds_before + 5, 30, "descriptors come back")
    finally:
        crowd.close()
    if not SANITIZED:
        rss = status_of(service, "VmRSS")
        assert rss < rss_before + 16 * 1024, (rss_before, rss)
    assert service.status()["leader"]


def test_what_is_too_large_is_refused(service):
    """By its announcement, before it is read; or where it becomes too large."""
    def send(data, more=b""):
        crowd = Crowd(service)
        s = crowd.open(1)[0]
        s.settimeout(20)
        try:
            s.sendall(data)
            for _ in range(200 if more else 0):
                s.sendall(more)
        except OSError:
            pass
        answer = b""
        try:
            while select.select([s], [], [], 20)[0]:
                part = s.recv(65536)
                if not part:
                    break
                answer += part
                if b"\r\n\r\n" in answer and b"onnection: close" not in answer:
                    break
        except OSError:
            pass
        crowd.close()
        return answer
    assert send(HEAD + b"Content-Length: 100000000000\r\n\r\n{").startswith(b"HTTP/1.1 413 ")
    assert send(HEAD + b"Content-Length: 20000000\r\nExpect: 100-continue\r\n\r\n").startswith(b"HTTP/1.1 413 ")
    assert send(GET + b"X-Big: " + b"a" * 20000 + b"\r\n\r\n").startswith(b"HTTP/1.1 431 ")
    assert send(GET + b"X-Big: " + b"a" * 200000 + b"\r\n\r\n")[:13] in (b"HTTP/1.1 431 ", b"")
    assert send(b"GET /baragon/v2/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 414 ")
    assert service.status()["leader"]


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def reset_late(s):
    """When an answer is on its way."""
    select.select([s], [], [], 0.02)
    reset(s)


def half_close(s):
    s.shutdown(socket.SHUT_WR)


ENDS = [lambda s: s.close(), reset, reset_late, half_close, lambda s: None]


def test_pipelined_and_cut(service):
    """Whole requests in a row are answered in order; what is cut off anywhere, by whatever end, leaves nothing."""
    service.status()
    before = fds(service)
    crowd = Crowd(service)
    whole = GET + b"\r\n"
    try:
        s = crowd.open(1, whole * 20)[0]
        answers = b""

        def take():
            nonlocal answers
            try:
                answers += s.recv(65536)
            except OSError:
                pass
            return answers.count(b"HTTP/1.1 200 ") == 20
        wait_for(take, 20, "twenty answers")
        row = whole + POST + whole * 2 + POST + HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n2\r\n1}\r\n0\r\n\r\n"
        for cut in range(1, len(row), 3 if not service.tls else 29):
            one = crowd.open(1)[0]
            one.settimeout(10)
            one.sendall(row[:cut])
            ENDS[cut % len(ENDS)](one)
        assert service.status()["leader"]
    finally:
        crowd.close()
    wait_for(lambda: fds(service) <= before + 2, 20, "descriptors come back")


def test_one_address_cannot_take_all(make_cluster):
    cluster = make_cluster(agents=0, service_options={
        "server": {"connector": {"bindHost": "0.0.0.0"},
                   "limits": {"connections": 40, "connectionsPerAddress": 20, "idleMs": 20000, "requestMs": 20000}}})
    service = cluster.start().services[0]
    crowd = Crowd(service)
    try:
        crowd.open(60)
        assert wait_for(lambda: sum(ends(s) is not None for s in crowd.all) >= 40, 10, "those above the limit are closed")
        # From elsewhere there is room.
        elsewhere = socket.create_connection(("127.0.0.1", service.port), timeout=10, source_address=("127.0.0.2", 0))
        elsewhere.sendall(GET + b"Connection: close\r\n\r\n")
        assert elsewhere.recv(100).startswith(b"HTTP/1.1 200 ")
        elsewhere.close()
    finally:
        crowd.close()
    wait_for(lambda: http_call("GET", service.url + "/status").status == 200, 10, "room again")
