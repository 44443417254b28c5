# SPDX-License-Identifier: Apache-2.0
"""The harness judged by itself: what the other tests rely on must see what it is there to see."""
import os
import socket
import threading
import time

import pytest
import yaml

from harness.base import Ports, Timeout, http_call, read_file, to_yaml, wait_for, write_file
from harness.cut import Cut, Tap
from harness.haproxy import HAProxy, dialog
from harness.inotify import Watcher, snapshot
from harness.styles import STYLES
from harness.traffic import Sample, Traffic, Upstreams, stale
from harness.zookeeper import ZooKeeper


def backend(service, *addresses):
    return "backend %s\n    balance roundrobin\n" % service + \
        "".join("    server %s %s\n" % (a, a) for a in addresses)


@pytest.fixture
def parts(folder):
    """Two upstreams and a HAProxy as an agent of the collected style would leave it."""
    root = os.path.join(folder, "managed")
    style = STYLES["collected"](root)
    up = Upstreams(folder, ["old", "new"]).start()
    write_file(os.path.join(root, "backends.cfg"), backend("s1", up.address("old")))
    write_file(os.path.join(root, "routes.map"), "/s1/ s1\n")
    write_file(style.fingerprint(), "global\n    set-var proc.lockstep str(abc123)\n")
    haproxy = HAProxy(folder, "haproxy", style.routing(), style.includes())
    haproxy.start()
    yield style, up, haproxy
    haproxy.stop()
    up.stop()


def swap(style, up, haproxy, name):
    """What an agent does: replace the file, reload, wait for the new worker. Returns the time it was seen."""
    worker = haproxy.show_proc()["worker"]
    write_file(style.file_of("s1"), backend("s1", up.address(name)))
    haproxy.reload()
    wait_for(lambda: haproxy.show_proc()["worker"] != worker, 10, "a new worker")
    wait_for(lambda: haproxy.servers() == {"s1": [up.address(name)]}, 10, "its servers")
    return time.monotonic_ns()


def test_ports_stay_ours():
    a, b = Ports.take(), Ports.take()
    assert a != b
    with socket.socket() as s:
        s.bind(("127.0.0.1", a))
    with socket.socket(socket.AF_UNIX) as lock, pytest.raises(OSError):
        lock.bind("\0lockstep-port-%d" % a)
    Ports.release(a)
    Ports.release(b)


def test_yaml_is_yaml():
    value = {"a": {"b": [1, True, None, "x y", {"c": "l1\n  l2 {{x}}\n", "d": []}], "e": ""}, "n": "yes", "p": "/a/b",
             "t": "one\n\ntwo\n", "u": "no end\nof line", "v": {"w": {}}, "q": "0123", "m": [["a"], "b: c # d"]}
    assert yaml.safe_load(to_yaml(value)) == value


def test_zookeeper_is_ready_when_it_says_so(folder):
    zk = ZooKeeper(folder)
    zk.start()
    try:
        with zk.client() as c:
            c.create("/ns/x", b"1", makepath=True)
        zk.stop()
        zk.start()
        with zk.client() as c:
            assert c.get("/ns/x")[0] == b"1"
    finally:
        zk.stop()
    assert zk.complaints() == []


def test_haproxy_says_what_it_runs(parts):
    style, up, haproxy = parts
    before = haproxy.state()
    assert before["fingerprint"] == "abc123" and before["reloads"] == 0 and before["failed"] == 0
    assert haproxy.get("s1/x").text == "old" and haproxy.get("s10/x").status == 404 and haproxy.get("s1").text == "old"
    swap(style, up, haproxy, "new")
    after = haproxy.state()
    assert haproxy.get("s1/x").text == "new" and after["reloads"] == 1 and after["worker"] != before["worker"]


def test_a_dead_haproxy_is_started_again(parts):
    _, _, haproxy = parts
    old = haproxy.pid
    haproxy.die()
    wait_for(lambda: haproxy.pid != old and haproxy.ready(), 10, "HAProxy is back")
    assert haproxy.restarts == 1


def test_traffic_sees_no_failure_over_reloads(parts, folder):
    style, up, haproxy = parts
    changes = [(0, 0, "old")]
    fresh = Traffic(folder, [(haproxy.port, "s1/a")], name="fresh")
    kept = Traffic(folder, [(haproxy.port, "s1/a")], keep=True, name="kept")
    with fresh, kept:
        for i in range(6):
            posted = time.monotonic_ns()
            name = ("new", "old")[i % 2]
            changes.append((posted, swap(style, up, haproxy, name), name))
    assert fresh.failures() == [] and kept.failures() == []
    assert len(fresh.samples()) > 50 and len(kept.samples()) > 50
    assert {s.body for s in fresh.samples()} == {"old", "new"}
    assert stale(fresh.samples(), {0: changes}) == []
    # and it is able to see one: say that the change was done long before it was
    early = [(0, 0, "old"), (changes[-1][0] - 10**9, changes[1][0] - 10**6, "nobody")]
    assert stale(fresh.samples(), {0: early}) != []


def test_traffic_sees_failures(folder, parts):
    _, up, haproxy = parts
    with Traffic(folder, [(haproxy.port, "s1/a"), (Ports.take(), "none")], name="some") as t:
        wait_for(lambda: any(s.status == 200 for s in t.samples()), 5, "traffic through HAProxy")
        haproxy.supervised = False
        haproxy.die()
        wait_for(lambda: any(s.target == 0 for s in t.failures()), 5, "failures seen")
    haproxy.unexpected.clear()
    haproxy.popen = None
    by_target = {i: [s for s in t.failures() if s.target == i] for i in (0, 1)}
    assert by_target[0] and by_target[1]
    assert any(s.status == 200 for s in t.samples() if s.target == 0)


def test_stale_reads_are_told_from_fair_ones():
    changes = {0: [(0, 0, "a"), (100, 200, "b"), (300, 400, "a")]}

    def judge(start, end, body):
        return bool(stale([Sample(start, end, 0, 200, body)], changes))
    assert not judge(10, 20, "a") and judge(10, 20, "b")
    assert not judge(90, 110, "b") and not judge(150, 160, "a") and not judge(150, 160, "b")
    assert judge(201, 210, "a") and not judge(201, 210, "b") and not judge(250, 310, "a")
    assert judge(401, 410, "b") and judge(10, 20, "c")


def test_inotify_sees_writing_and_not_reading(folder):
    root = os.path.join(folder, "w")
    write_file(root + "/a.cfg", "1")
    write_file(root + "/.lockstep/journal", "1")
    before = snapshot(root)
    w = Watcher(root)
    read_file(root + "/a.cfg")
    write_file(root + "/.lockstep/journal", "2")
    assert w.events() == [] and snapshot(root) == before
    with open(root + "/a.cfg", "r+"):
        pass  # opened for writing, not written
    assert w.events() == ["a.cfg: opened for writing"]
    write_file(root + "/new.tmp", "2")
    os.rename(root + "/new.tmp", root + "/a.cfg")
    assert "a.cfg: replaced" in w.events() and snapshot(root) != before
    w.close()


def test_cut_rejects_drops_and_delays(folder):
    with Upstreams(folder, ["u"]) as up:
        cut = Cut(up.ports["u"])
        url = "http://127.0.0.1:%d/" % cut.port
        try:
            assert http_call("GET", url).text == "u"
            with cut.rejecting(), pytest.raises(OSError):
                http_call("GET", url, timeout=1)
            with cut.dropping(), pytest.raises(OSError):
                http_call("GET", url, timeout=0.3)
            cut.mode, cut.delay = "delay", 0.1
            start = time.monotonic()
            assert http_call("GET", url).text == "u" and time.monotonic() - start >= 0.2
        finally:
            cut.stop()


def test_tap_hears_and_holds(parts, folder):
    _, _, haproxy = parts
    tap = Tap(os.path.join(folder, "m.tap"), haproxy.master_socket)
    try:
        assert "worker" in dialog(tap.path, "show proc")
        assert tap.commands_but_reads() == []
        tap.hold("reload")
        t = threading.Thread(target=dialog, args=(tap.path, "reload", 10))
        t.start()
        assert tap.held.wait(5)
        assert haproxy.show_proc()["reloads"] == 0
        tap.release()
        t.join()
        wait_for(lambda: haproxy.show_proc()["reloads"] == 1, 10, "the reload that was held")
        assert tap.commands_but_reads() == ["reload"]
    finally:
        tap.stop()


def test_wait_for_ends():
    start = time.monotonic()
    with pytest.raises(Timeout, match="never"):
        wait_for(lambda: False, 0.1, "never")
    assert time.monotonic() - start < 5
