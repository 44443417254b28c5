# SPDX-License-Identifier: Apache-2.0
"""The shipped nginx templates in a real nginx: routing, and what the options do to requests."""
import collections
import os

import pytest

from harness.shipped import Echo, ShippedNginx, copy_ca, headers_of, make_certificates, service
from harness.traffic import Upstreams


@pytest.fixture
def nginx(folder):
    balancer = ShippedNginx(folder)
    yield balancer
    balancer.stop()
    assert not balancer.complaints()


def test_valid_without_any_service(nginx):
    nginx.load([]).start()
    assert nginx.get("/") is None and nginx.get("/x") is None


def test_routing(folder, nginx):
    names = ["foo", "foobar", "deep", "odd", "weird"]
    with Upstreams(folder, names) as up:
        at = {n: [up.address(n)] for n in names}
        nginx.load([
            service("foo", "/foo", at["foo"]),
            service("foobar", "/foobar/", at["foobar"], more=["/FOO"]),
            service("deep/..", "/foo/deep", at["deep"]),
            service("odd id #1", "/with space", at["odd"], more=["/~^/;{}'\"\\"]),
            service("Foo", "/\u00e9", at["weird"]),
            service("empty", "/empty", [])]).start()
        for path, who in (
                ("/foo", "foo"), ("/foo/", "foo"), ("/foo/x?y=/foobar", "foo"), ("/foobar", "foobar"),
                ("/foobar/x", "foobar"), ("/foobaz", None), ("/fo", None), ("/", None), ("/FOO", "foobar"),
                ("/foo/deep", "deep"), ("/foo/deep/er", "deep"), ("/foo/deeper", "foo"), ("/foo?x=1", "foo"),
                ("/foo/../foobar", "foobar"), ("/with%20space/x", "odd"), ("/with", None), ("/~^/;%7B%7D'%22%5C/x", "odd"),
                ("/%C3%A9", "weird"), ("/empty", 503), ("/empty/x", 503)):
            assert nginx.get(path) == who, path


def test_root(folder, nginx):
    with Upstreams(folder, ["root", "foo"]) as up:
        nginx.load([service("root", "/", [up.address("root")]), service("foo", "/foo", [up.address("foo")])])
        nginx.ready = lambda: nginx.get("/") == "root"
        nginx.start()
        assert [nginx.get(p) for p in ("/x", "/foo", "/foo/x", "/foox")] == ["root", "foo", "foo", "root"]


def test_headers(nginx):
    with Echo("e") as echo:
        echo.response_headers = {"X-Secret": "s", "X-Kept": "k"}
        nginx.load([service("h", "/h", [echo.address], options={
            "requestHeaders": {"del": ["X-Debug"], "set": {"X-Service": "100% \"of\" 'a' #1 \\ ;{}", "X-N": 5}},
            "responseHeaders": {"del": "X-Secret", "set": {"X-Kept": "new; x"}, "add": {"X-Added": "a,b"}}}),
            service("host", "/host", [echo.address], options={"requestHeaders": {"set": {"host": "in.example.com"}}}),
            service("socket", "/socket", [echo.address], options={"webSocket": True})]).start()
        answer = nginx.call("/h", host="shop.com:81", headers={"X-Debug": "1", "X-Service": "client"})
        assert answer.status == 200 and answer.json()["version"] == "HTTP/1.1"
        assert headers_of(answer, "X-Debug") == []
        assert headers_of(answer, "X-Service") == ["100% \"of\" 'a' #1 \\ ;{}"] and headers_of(answer, "X-N") == ["5"]
        assert headers_of(answer, "Host") == ["shop.com:81"]
        assert headers_of(answer, "X-Forwarded-For") == ["127.0.0.1"]
        assert headers_of(answer, "X-Forwarded-Proto") == ["http"]
        assert "x-secret" not in answer.headers and answer.headers["x-kept"] == "new; x"
        assert answer.headers["x-added"] == "a,b"
        assert headers_of(nginx.call("/host"), "Host") == ["in.example.com"]
        answer = nginx.call("/socket", headers={"Upgrade": "websocket", "Connection": "upgrade"})
        assert headers_of(answer, "Upgrade") == ["websocket"] and headers_of(answer, "Connection") == ["upgrade"]


@pytest.mark.parametrize("by", ["src", "header"])
def test_rate_limit(folder, nginx, by):
    limit = {"requests": 5, "period": "1m"}
    if by == "header":
        limit["header"] = "X-Key"
    with Upstreams(folder, ["a"]) as up:
        nginx.load([service("limited", "/limited", [up.address("a")], options={"rateLimit": limit}),
                    service("free", "/free", [up.address("a")])]).start()
        one = [nginx.call("/limited", headers={"X-Key": "one"}).status for _ in range(8)]
        assert one == [200] * 6 + [429] * 2  # the first, and a burst of 5
        assert nginx.call("/limited", headers={"X-Key": "two"}).status == (200 if by == "header" else 429)
        if by == "header":
            assert [nginx.call("/limited").status for _ in range(7)] == [200] * 6 + [429]
        assert nginx.get("/free") == "a"


def test_maintenance(folder, nginx):
    with Upstreams(folder, ["a"]) as up:
        nginx.load([
            service("down", "/down", [up.address("a")], options={"maintenance": True}),
            service("html", "/html", [up.address("a")], options={
                "maintenance": True, "maintenancePage": "<h1 class=\"x\">5 & 'all' \\ 100%</h1>",
                "maintenanceType": "text/html"}),
            service("none", "/none", [], options={"maintenancePage": "nobody here"}),
            service("up", "/up", [up.address("a")], options={"maintenancePage": "not shown"})]).start()
        answer = nginx.call("/down")
        assert (answer.status, answer.text) == (503, "in maintenance")
        answer = nginx.call("/html/x")
        assert (answer.status, answer.text) == (503, "<h1 class=\"x\">5 & 'all' \\ 100%</h1>")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        answer = nginx.call("/none")
        assert (answer.status, answer.text) == (503, "nobody here")
        assert nginx.get("/up") == "a"


def test_weights_and_backups(folder, nginx):
    names = ["p0", "p1", "p2", "canary"]
    with Upstreams(folder, names) as up:
        rows = [up.address(n) for n in names[:3]] + [(up.address("canary"), "canary")]
        nginx.load([service("c", "/c", rows, options={"groupWeights": {"canary": 10}}),
                    service("off", "/off", rows, options={"groupWeights": {"canary": 0}}),
                    service("b", "/b", rows, options={"backupGroups": "canary"})]).start()
        count = collections.Counter(nginx.get("/c") for _ in range(100))
        assert count == {"p0": 30, "p1": 30, "p2": 30, "canary": 10}
        assert {nginx.get("/off") for _ in range(20)} == {"p0", "p1", "p2"}
        assert {nginx.get("/b") for _ in range(20)} == {"p0", "p1", "p2"}


def test_tls_to_upstreams(folder, nginx):
    ca, certificate, key = make_certificates(os.path.join(folder, "tls"))
    copy_ca(nginx, ca, "internal.pem")
    copy_ca(nginx, make_certificates(os.path.join(folder, "other"))[0], "ca-certificates.crt")
    with Echo("tls", (certificate, key)) as echo:
        nginx.load([
            service("right", "/right", [echo.address], options={"ssl": True, "sslSni": "shop.internal",
                                                                "sslCa": "internal.pem"}),
            service("name", "/name", [echo.address], options={"ssl": True, "sslSni": "evil.internal",
                                                              "sslCa": "internal.pem"}),
            service("signer", "/signer", [echo.address], options={"ssl": True, "sslSni": "shop.internal"}),
            service("blind", "/blind", [echo.address], options={"ssl": True, "sslVerify": False})]).start()
        answer = nginx.call("/right/x")
        assert answer.status == 200 and answer.json()["path"] == "/right/x"
        assert "shop.internal" in echo.names
        assert nginx.call("/blind").status == 200
        assert [nginx.call(p).status for p in ("/name", "/signer")] == [502, 502]


def test_timeouts(nginx):
    import socket
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(16)
        address = "127.0.0.1:%d" % mute.getsockname()[1]
        nginx.load([service("t", "/t", [address], options={"timeoutServer": 100, "retries": 0})]).start()
        assert nginx.call("/t").status == 504
