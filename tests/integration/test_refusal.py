# SPDX-License-Identifier: Apache-2.0
"""One of two agents refuses: on both hosts nothing happened at all, and the client reads why."""
import contextlib
import ctypes
import os
import shutil
import socket
import tempfile

import pytest

from harness.base import read_file, write_file
from harness.cluster import hosts_named
from harness.inotify import Watcher, contents, snapshot

libc = ctypes.CDLL(None, use_errno=True)


class Untouched:
    """Notes everything about the hosts; assert_so() says that all of it is as it was."""

    def __init__(self, hosts):
        self.hosts = hosts
        self.watchers = [Watcher(h.root) for h in hosts]
        self.files = [snapshot(h.root) for h in hosts]
        self.haproxies = [h.haproxy.state() for h in hosts]
        for h in hosts:
            for tap in h.taps:
                tap.heard.clear()

    def assert_so(self):
        for h, w, files, was in zip(self.hosts, self.watchers, self.files, self.haproxies):
            assert w.events() == [], h.name
            assert snapshot(h.root) == files, h.name
            assert h.haproxy.state() == was, h.name
            for tap in h.taps:
                assert tap.commands_but_reads() == [], (h.name, tap.path)
            w.close()


def refused(cluster, body, words, blamed):
    """Post it; FAILED with these words, naming that host; nothing touched anywhere."""
    committed = cluster.call("GET", "/state").body
    untouched = Untouched(cluster.hosts)
    cluster.post(body)
    answer = cluster.wait_state(body["loadBalancerRequestId"], "FAILED", timeout=30)
    untouched.assert_so()
    text = str(answer["agentResponses"]) + answer["message"]
    assert words in text, answer
    assert hosts_named(text, [blamed]) == [blamed.name], answer
    assert "REVERT OK" in answer["message"], answer
    assert cluster.call("GET", "/state").body == committed
    return answer


@pytest.fixture(params=["collected", "per-service"])
def tapped(request, make_cluster):
    cluster = make_cluster(style=request.param, taps=True).start()
    cluster.deploy("s1", ["u1"])
    return cluster


def test_check_command_refuses(tapped):
    """HAProxy itself says no: on one host the operator has a backend of that name already."""
    two = tapped.hosts[1]
    two.take_name("taken")
    body = tapped.request("bad", "taken", add=["u2"])
    refused(tapped, body, "has the same name as backend", two)
    tapped.deploy("s1", ["u2"])
    tapped.check_serving("s1", ["u2"])


def test_a_route_of_another_service(make_cluster):
    """HAProxy would take the first line of the map and say nothing: /s1/ of "a" would get the traffic of "s1"."""
    cluster = make_cluster(taps=True).start()
    cluster.deploy("s1", ["u1"])
    body = cluster.request("bad", "a", add=["u2"], service_fields={"serviceBasePath": "/s1/"})
    refused(cluster, body, "key '/s1/' of routes.map is that of service 's1'", cluster.hosts[0])
    cluster.check_serving("s1", ["u1"])
    cluster.deploy("a", ["u2"])
    cluster.deploy("s1", ["u3"])
    cluster.check_serving("s1", ["u3"])
    cluster.check_serving("a", ["u2"])
    # A service that has no upstreams any more yields, whatever its id.
    cluster.deploy("a", [])
    cluster.deploy("b", ["u4"], service_fields={"serviceBasePath": "/a"})
    for host in cluster.hosts:
        assert host.haproxy.get("a/x").text == "u4"
    cluster.deploy("s1", ["u1"])


def test_check_command_with_its_own_words(tapped):
    """Any program can be the check: its last words are in the answer, its exit status decides."""
    two = tapped.hosts[1]
    script = write_file(os.path.join(two.agent.dir, "check.sh"), "#!/bin/sh\n"
                        "grep -rq 'backend.*evil' %s || exit 0\necho 'no evil on this host, please'\nexit 3\n" % two.root)
    os.chmod(script, 0o755)
    two.agent.stop()
    two.agent.check_command = script
    two.agent.start()
    refused(tapped, tapped.request("bad", "evil", add=["u2"]), "no evil on this host, please", two)
    tapped.deploy("s1", ["u3"])
    tapped.check_serving("s1", ["u3"])


@pytest.mark.parametrize("style", ["collected", "per-service"])
def test_template_error_on_one_host(make_cluster, style):
    """A control character in a value that only the second host's template prints."""
    cluster = make_cluster(style=style, taps=True)
    two = cluster.hosts[1]
    row = next(iter(two.agent.templates.values()))[0]
    text = row.get("template") or read_file(row.pop("templateFile"))
    row["template"] = "{{#if service.options.note}}# {{{service.options.note}}}\n{{/if}}" + text
    cluster.start()
    cluster.deploy("s1", ["u1"])
    body = cluster.request("bad", "s2", add=["u2"], service_fields={"options": {"note": "a\n    server evil 1.2.3.4:5"}})
    refused(cluster, body, "control character", two)
    cluster.deploy("s2", ["u2"], service_fields={"options": {"note": "a fine note"}})
    cluster.check_serving("s2", ["u2"])


@contextlib.contextmanager
def small_disk(path, size):
    """A small file system at `path`. Where mounting is not allowed (a container), its own small /dev/shm."""
    if libc.mount(b"tmpfs", path.encode(), b"tmpfs", 0, ("size=%d,mode=755" % size).encode()) == 0:
        try:
            yield
        finally:
            libc.umount2(path.encode(), 2)
        return
    assert shutil.disk_usage("/dev/shm").total <= 256 << 20, "neither mount() nor a small /dev/shm to fill"
    shm = tempfile.mkdtemp(prefix="ls-", dir="/dev/shm")
    os.rmdir(path)
    os.symlink(shm, path)
    try:
        yield
    finally:
        shutil.rmtree(shm, ignore_errors=True)


def test_disk_full_on_one_host(make_cluster):
    cluster = make_cluster(taps=True)
    two = cluster.hosts[1]
    with small_disk(two.root, 512 * 1024):
        try:
            cluster.start()
            cluster.deploy("s1", ["u1"])
            filler = os.path.join(two.root, "foreign.bin")
            with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
                while True:
                    f.write(b"x" * 4096)
            assert shutil.disk_usage(two.root).free == 0
            refused(cluster, cluster.request("bad", "s2", add=["u2"]), "No space left on device", two)
            os.unlink(filler)
            cluster.deploy("s2", ["u2"])
            cluster.check_serving("s2", ["u2"])
            cluster.check_serving("s1", ["u1"])
        finally:
            cluster.stop()


def test_a_refusal_costs_only_the_refused(make_cluster):
    """Posted together: one is refused by one host, the others succeed."""
    cluster = make_cluster().start()
    cluster.deploy("s1", ["u1"])
    cluster.hosts[1].take_name("taken")
    good = ["g%d" % i for i in range(6)]
    for s in good[:3]:
        cluster.post(cluster.request("r-" + s, s, add=["u2"]))
    cluster.post(cluster.request("bad", "taken", add=["u2"]))
    for s in good[3:]:
        cluster.post(cluster.request("r-" + s, s, add=["u2"]))
    answer = cluster.wait_state("bad", "FAILED", 30)
    assert "has the same name as backend" in str(answer)
    for s in good:
        cluster.wait_state("r-" + s, "SUCCESS", 30)
        cluster.check_serving(s, ["u2"])
    assert cluster.state("taken") is None


def test_reload_fails_after_the_check_passed(make_cluster):
    """A port in use is seen by no check: decided, applied, failed, and every host is back on the old state."""
    haproxy = {"loadBalancerConfig": {"haproxy": {"confirmTimeoutMs": 4000}}}
    cluster = make_cluster(agent_options=haproxy).start()
    cluster.deploy("s1", ["u1"])
    two = cluster.hosts[1]
    before = [(contents(h.root), h.haproxy.servers(), h.haproxy.fingerprint()) for h in cluster.hosts]
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        two.haproxy.configure("\nlisten clash\n    bind 127.0.0.1:%d\n" % taken.getsockname()[1])
        cluster.post(cluster.request("bad", "s1", add=["u2"], remove=["u1"]))
        answer = cluster.wait_state("bad", "FAILED", 50)
        two.haproxy.configure()
    assert hosts_named(str(answer), [two]) == [two.name], answer
    after = [(contents(h.root), h.haproxy.servers(), h.haproxy.fingerprint()) for h in cluster.hosts]
    assert after == before
    cluster.deploy("s1", ["u3"])
    cluster.check_serving("s1", ["u3"])
