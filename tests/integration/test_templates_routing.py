# SPDX-License-Identifier: Apache-2.0
"""The shipped HAProxy templates, rendered and loaded by a real HAProxy: valid always, and /foo is not /foobar."""
import os
import re

import pytest

from harness.base import read_file
from harness.shipped import ShippedHAProxy, blamed, render, service
from harness.traffic import Upstreams


def test_valid_without_any_service(folder):
    haproxy = ShippedHAProxy(folder)
    haproxy.load([])
    assert read_file(os.path.join(haproxy.root, "routes.map")) == ""


def test_routing(folder):
    names = ["foo", "foobar", "deep", "domain", "any", "odd", "weird"]
    with Upstreams(folder, names) as up:
        at = {n: [up.address(n)] for n in names}
        haproxy = ShippedHAProxy(folder)
        out = render(haproxy.root, [
            service("foo", "/foo", at["foo"]),
            service("foobar", "/foobar/", at["foobar"], more=["/FOO"]),
            service("deep/..", "/foo/deep", at["deep"]),
            service("domain", "/foo", at["domain"], domains=["Ex.com", "ex.org"]),
            service("any", "/", at["any"], domains=["root.com"], options={"weights": {at["any"][0]: 7}}),
            service("odd id #1", "/with space", at["odd"]),
            service("http", "/\u00e9", at["weird"], options={"check": True, "checkPath": "/", "checkInter": "500ms",
                                                            "balance": "leastconn", "maxconn": 100,
                                                            "timeoutServer": "5s"}),
            service("empty", "/empty", [])])
        assert out.returncode == 0, out.stderr
        with haproxy:
            for path, host, who in (
                    ("/foo", "other.org", "foo"), ("/foo/", "other.org", "foo"), ("/foo/x?y=/foobar", "other.org", "foo"),
                    ("/foobar", "other.org", "foobar"), ("/foobar/x", "other.org", "foobar"), ("/foobaz", "other.org", None),
                    ("/fo", "other.org", None), ("/", "other.org", None), ("/FOO", "other.org", "foobar"),
                    ("/foo/deep", "other.org", "deep"), ("/foo/deep/er", "other.org", "deep"),
                    ("/foo/deeper", "other.org", "foo"), ("/foo?x=1", "other.org", "foo"),
                    ("/foo", "ex.com", "domain"), ("/foo/x", "EX.COM:8080", "domain"), ("/foo", "ex.org", "domain"),
                    ("/foobar", "ex.com", "foobar"), ("/foo", "www.ex.com", "foo"),
                    ("/foo/deep", "ex.com", "domain"), ("/foo", "root.com", "any"), ("/whatever", "root.com", "any"),
                    ("/", "root.com", "any"), ("/", "root.com.evil.org", None), ("/foo", "", "foo"),
                    ("/with%20space/x", "other.org", "odd"), ("/with", "other.org", None),
                    ("/%C3%A9", "other.org", "weird"), ("/empty/x", "other.org", 503)):
                assert haproxy.get(path, host) == who, (path, host)
        assert not haproxy.complaints()


def test_every_route_has_its_backend(folder):
    """HAProxy itself does not look: a key without its backend falls to the default one without a word."""
    haproxy = ShippedHAProxy(folder)
    ids = ["a", "a:b", "a/b", "..", "A", "a%2Fb", "-a1", "\u00fc", "'\"`$(x)", "backend", "lockstep:none", "lockstep_none"]
    out = render(haproxy.root, [service(n, "/%d" % i, ["10.0.0.1:80", "[::1]:80"]) for i, n in enumerate(ids)])
    assert out.returncode == 0, out.stderr
    backends = re.findall(r"^backend (\S+)$", read_file(os.path.join(haproxy.root, "backends.cfg")), re.M)
    rows = [line.split(" ") for line in read_file(os.path.join(haproxy.root, "routes.map")).splitlines()]
    assert len(backends) == len(set(backends)) == len(ids)
    assert sorted(r[1] for r in rows) == sorted(backends) and all(len(r) == 2 and r[0].endswith("/") for r in rows)
    check = haproxy.check()
    assert check.returncode == 0, check.stdout


@pytest.mark.parametrize("field,value", [
    ("serviceBasePath", "/x\nlisten evil"), ("balance", "source\n    server x 1.2.3.4:5"), ("balance", "a\x7fb"),
    ("checkPath", "/\r\nbackend evil"), ("upstream", "10.0.0.1:80 backup"), ("upstream", "10.0.0.1:80\nbackend evil")])
def test_no_value_adds_a_line_or_word(folder, field, value):
    haproxy = ShippedHAProxy(folder)
    bad = service("bad", "/x", ["10.0.0.1:80"], options={"check": True})
    if field == "upstream":
        bad["upstreams"][0]["upstream"] = value
    elif field == "serviceBasePath":
        bad["service"][field] = value
    else:
        bad["service"]["options"][field] = value
    out = render(haproxy.root, [service("good", "/good", ["10.0.0.1:80"]), bad])
    if out.returncode == 0:  # harmless: a path is encoded
        assert field == "serviceBasePath"
        assert "/x%0Alisten%20evil/ bad\n" in read_file(os.path.join(haproxy.root, "routes.map"))
        assert haproxy.check().returncode == 0
    else:
        assert "bad" in blamed(out) and "good" not in blamed(out)
        assert not os.path.exists(os.path.join(haproxy.root, "backends.cfg"))


def test_same_bytes_whatever_the_order(folder):
    one = [service("b", "/b", ["10.0.0.2:80", "10.0.0.1:80"], domains=["y.com", "x.com"]),
           service("a", "/a", ["10.0.0.3:80"])]
    two = [service("a", "/a", ["10.0.0.3:80"]),
           service("b", "/b", ["10.0.0.1:80", "10.0.0.2:80"], domains=["x.com", "y.com"])]
    roots = [os.path.join(folder, "one"), os.path.join(folder, "two")]
    for root, services in zip(roots, (one, two)):
        assert render(root, services).returncode == 0
    for name in ("backends.cfg", "routes.map"):
        assert read_file(os.path.join(roots[0], name)) == read_file(os.path.join(roots[1], name))
    assert "    server s_10.0.0.1_80 10.0.0.1:80\n    server s_10.0.0.2_80" in read_file(os.path.join(roots[0], "backends.cfg"))
