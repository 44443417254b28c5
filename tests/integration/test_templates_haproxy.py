# SPDX-License-Identifier: Apache-2.0
"""What the options of the shipped HAProxy templates do to real requests."""
import collections
import http.client
import os

import pytest

from harness.base import wait_for
from harness.haproxy import dialog
from harness.shipped import Echo, ShippedHAProxy, copy_ca, headers_of, make_certificates, service
from harness.traffic import Upstreams


@pytest.fixture
def haproxy(folder):
    balancer = ShippedHAProxy(folder)
    yield balancer
    balancer.stop()
    assert not balancer.complaints()


def weights(haproxy, backend):
    """{address: weight} as HAProxy has them."""
    rows = [line.split() for line in dialog(haproxy.stats, "show servers state " + backend).splitlines()]
    return {"%s:%s" % (r[4], r[18]): int(r[7]) for r in rows if len(r) > 18 and r[1] == backend}


def test_headers(haproxy):
    with Echo("e") as echo:
        echo.response_headers = {"X-Secret": "s", "X-Kept": "k"}
        haproxy.load([service("h", "/h", [echo.address], options={
            "requestHeaders": {"del": ["X-Debug"], "set": {"X-Service": "100% \"of\" $HOME 'a' #1 \\ %[src]", "X-N": 5},
                               "add": {"X-Many": "two"}},
            "responseHeaders": {"del": "X-Secret", "set": {"X-Kept": "%{+Q}o new"}, "add": {"X-Added": "a,b"}}})]).start()
        answer = haproxy.call("/h", headers={"X-Debug": "1", "X-Service": "client", "X-Many": "one"})
        assert answer.status == 200
        assert headers_of(answer, "X-Debug") == []
        assert headers_of(answer, "X-Service") == ["100% \"of\" $HOME 'a' #1 \\ %[src]"]
        assert headers_of(answer, "X-N") == ["5"]
        assert headers_of(answer, "X-Many") == ["one", "two"]
        assert headers_of(answer, "X-Forwarded-For") == ["127.0.0.1"]
        assert "x-secret" not in answer.headers
        assert answer.headers["x-kept"] == "%{+Q}o new" and answer.headers["x-added"] == "a,b"


def test_sticky_cookie(folder, haproxy):
    with Upstreams(folder, ["a", "b", "c"]) as up:
        haproxy.load([service("s", "/s", [up.address(n) for n in "abc"],
                              options={"cookie": "SRV", "cookieSameSite": "Lax"})]).start()
        seen = set()
        for _ in range(3):
            first = haproxy.call("/s")
            name, _, rest = first.headers["set-cookie"].partition("=")
            value, _, attributes = rest.partition(";")
            assert name == "SRV" and "HttpOnly" in attributes and "SameSite=Lax" in attributes
            assert "127.0.0.1" not in value and value
            seen.add(first.text)
            for _ in range(4):
                again = haproxy.call("/s", headers={"Cookie": "SRV=" + value})
                assert again.text == first.text and "set-cookie" not in again.headers
        assert seen == {"a", "b", "c"}


@pytest.mark.parametrize("by", ["src", "header"])
def test_rate_limit(folder, haproxy, by):
    limit = {"requests": 5, "period": "1m"}
    if by == "header":
        limit["header"] = "X-Key"
    with Upstreams(folder, ["a"]) as up:
        haproxy.load([service("limited", "/limited", [up.address("a")], options={"rateLimit": limit}),
                      service("free", "/free", [up.address("a")])]).start()
        one = [haproxy.call("/limited", headers={"X-Key": "one"}).status for _ in range(8)]
        assert one == [200] * 5 + [429] * 3
        other = haproxy.call("/limited", headers={"X-Key": "two"}).status
        assert other == (200 if by == "header" else 429)
        if by == "header":  # without the header, the address is the key
            assert [haproxy.call("/limited").status for _ in range(6)] == [200] * 5 + [429]
        assert haproxy.get("/free") == "a"


def test_maintenance(folder, haproxy):
    with Upstreams(folder, ["a", "b"]) as up:
        haproxy.load([
            service("down", "/down", [up.address("a")], options={"maintenance": True}),
            service("html", "/html", [up.address("a")], options={
                "maintenance": True, "maintenancePage": "<h1 class=\"x\">$5 & 'all' \\ 100%</h1>",
                "maintenanceType": "text/html", "responseHeaders": {"set": {"X-Kept": "no"}}}),
            service("none", "/none", [], options={"maintenancePage": "nobody here"}),
            service("bare", "/bare", []),
            service("up", "/up", [up.address("a")], options={"maintenancePage": "not shown"}),
            service("dies", "/dies", [up.address("b")], options={"maintenancePage": "it died", "check": True,
                                                                 "checkInter": 50, "checkFall": 1})]).start()
        answer = haproxy.call("/down")
        assert (answer.status, answer.text) == (503, "in maintenance")
        answer = haproxy.call("/html/x")
        assert (answer.status, answer.text) == (503, "<h1 class=\"x\">$5 & 'all' \\ 100%</h1>")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        answer = haproxy.call("/none")
        assert (answer.status, answer.text) == (503, "nobody here")
        assert haproxy.call("/bare").status == 503
        assert haproxy.get("/up") == "a" and haproxy.get("/dies") == "b"
    wait_for(lambda: haproxy.call("/dies").text == "it died", 10, "the page of a service whose servers died")
    assert haproxy.call("/dies").status == 503


def test_canary_share(folder, haproxy):
    names = ["p0", "p1", "p2", "canary"]
    with Upstreams(folder, names) as up:
        rows = [up.address(n) for n in names[:3]] + [(up.address("canary"), "canary")]
        haproxy.load([service("c", "/c", rows, options={"groupWeights": {"canary": 10}}),
                      service("off", "/off", rows, options={"groupWeights": {"canary": 0}}),
                      service("own", "/own", rows, options={"groupWeights": {"canary": 10},
                                                            "weights": {up.address("p0"): 0}})]).start()
        count = collections.Counter(haproxy.get("/c") for _ in range(100))
        assert count == {"p0": 30, "p1": 30, "p2": 30, "canary": 10}
        assert {haproxy.get("/off") for _ in range(20)} == {"p0", "p1", "p2"}
        assert weights(haproxy, "own")[up.address("p0")] == 0
        assert "p0" not in {haproxy.get("/own") for _ in range(60)}


def test_backup_groups(folder, haproxy):
    with Upstreams(folder, ["s0", "s1"], "standbys") as standby:
        with Upstreams(folder, ["main"], "mains") as main:
            rows = [main.address("main")] + [(standby.address(n), "standby") for n in ("s0", "s1")]
            haproxy.load([service("b", "/b", rows, options={
                "backupGroups": ["standby"], "check": True, "checkInter": "50ms", "checkFall": 1})]).start()
            assert {haproxy.get("/b") for _ in range(6)} == {"main"}
        wait_for(lambda: {haproxy.get("/b") for _ in range(6)} == {"s0", "s1"}, 10, "both standbys answer")


def test_hash_stays(folder, haproxy):
    with Upstreams(folder, ["a", "b", "c"]) as up:
        rows = [up.address(n) for n in "abc"]
        haproxy.load([service("u", "/u", rows, options={"balance": "uri"}),
                      service("h", "/h", rows, options={"balance": "hdr", "balanceParam": "X-User"}),
                      service("p", "/p", rows, options={"balance": "url_param", "balanceParam": "user"})]).start()
        for ask in (lambda n: haproxy.get("/u/%d" % n), lambda n: haproxy.get("/p?user=%d" % n),
                    lambda n: haproxy.call("/h", headers={"X-User": "u%d" % n}).text):
            first = [ask(n) for n in range(20)]
            assert set(first) == {"a", "b", "c"} and [ask(n) for n in range(20)] == first


def test_http_check(haproxy):
    with Echo("good") as good, Echo("bad") as bad:
        bad.status = 500
        haproxy.load([service("c", "/c", [good.address, bad.address], options={
            "check": True, "checkPath": "/health?x='1'", "checkHost": "shop.example.com", "checkInter": "50ms",
            "checkFall": 1, "checkExpect": "200-299"})]).start()
        wait_for(lambda: bad.seen and {haproxy.call("/c").json()["name"] for _ in range(6)} == {"good"}, 10,
                 "the bad one is out")
        check = wait_for(lambda: [r for r in good.seen if r["path"] != "/c"], 10, "a check of the good one")[0]
        assert check["path"] == "/health?x='1'" and check["method"] == "GET" and check["version"] == "HTTP/1.1"
        assert ["host", "shop.example.com"] in [[k.lower(), v] for k, v in check["headers"]]
        bad.status = 200
        wait_for(lambda: {haproxy.call("/c").json()["name"] for _ in range(6)} == {"good", "bad"}, 10, "it is back")


def test_tls_to_upstreams(folder, haproxy):
    ca, certificate, key = make_certificates(os.path.join(folder, "tls"))
    copy_ca(haproxy, ca, "internal.pem")
    other = make_certificates(os.path.join(folder, "other"))[0]
    copy_ca(haproxy, other, "ca-certificates.crt")
    with Echo("tls", (certificate, key)) as echo:
        haproxy.load([
            service("right", "/right", [echo.address], options={"ssl": True, "sslSni": "shop.internal",
                                                                "sslCa": "internal.pem"}),
            service("name", "/name", [echo.address], options={"ssl": True, "sslSni": "evil.internal",
                                                              "sslCa": "internal.pem"}),
            service("signer", "/signer", [echo.address], options={"ssl": True, "sslSni": "shop.internal"}),
            service("blind", "/blind", [echo.address], options={"ssl": True, "sslVerify": False}),
            service("clear", "/clear", [echo.address])]).start()
        answer = haproxy.call("/right/x")
        assert answer.status == 200 and answer.json()["path"] == "/right/x"
        assert "shop.internal" in echo.names
        assert haproxy.call("/blind").status == 200
        assert [haproxy.call(p).status for p in ("/name", "/signer")] == [503, 503]
        assert haproxy.call("/clear").status in (400, 502, 503)


def test_timeouts_and_retries(haproxy):
    import socket
    with socket.socket() as mute:  # accepts, and never answers
        mute.bind(("127.0.0.1", 0))
        mute.listen(16)
        address = "127.0.0.1:%d" % mute.getsockname()[1]
        haproxy.load([service("t", "/t", [address], options={"timeoutServer": 100, "retries": 0})]).start()
        assert haproxy.call("/t").status == 504


def test_kept_connections_find_each_service(folder, haproxy):
    """One client connection, several services: the routing variables are of the request."""
    with Upstreams(folder, ["a", "b"]) as up:
        haproxy.load([service("a", "/a", [up.address("a")]), service("b", "/b", [up.address("b")])]).start()
        conn = http.client.HTTPConnection("127.0.0.1", haproxy.port, timeout=5)
        try:
            for path, who in (("/a", "a"), ("/b", "b"), ("/c", None), ("/a/x", "a")):
                conn.request("GET", path)
                answer = conn.getresponse()
                text = answer.read().decode()
                assert text == who if who else answer.status == 404
        finally:
            conn.close()
