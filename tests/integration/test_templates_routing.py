# SPDX-License-Identifier: Apache-2.0
"""The shipped HAProxy templates, rendered and loaded by a real HAProxy: valid always, and /foo is not /foobar."""
import json
import os
import re
import signal
import subprocess

import pytest

from harness.base import ROOT, TOOLS, Ports, Process, http_call, read_file, write_file
from harness.traffic import Upstreams

SHIPPED = os.path.join(ROOT, "templates", "haproxy")


def render(root, services):
    """The shipped collected templates into `root`; the tool's exit status and words."""
    os.makedirs(root, exist_ok=True)
    path = write_file(os.path.join(root, "services.json"), json.dumps(services))
    return subprocess.run(
        [os.path.join(TOOLS, "render_set"), root, path] +
        ["%s=%s" % (name, os.path.join(SHIPPED, name + ".hbs")) for name in ("backends.cfg", "routes.map")],
        stderr=subprocess.PIPE, universal_newlines=True, timeout=20)


def service(name, path, upstreams, more=(), domains=(), options=None):
    return {"service": {"serviceId": name, "owners": [], "serviceBasePath": path, "additionalPaths": list(more),
                        "loadBalancerGroups": ["g"], "options": options, "domains": list(domains)},
            "upstreams": [{"upstream": u} for u in upstreams]}


class Shipped(Process):
    """HAProxy with the example configuration, its places and port replaced by ours."""

    def __init__(self, folder):
        super().__init__("haproxy", folder)
        self.root = os.path.join(folder, "managed")
        self.port = Ports.take()
        text = read_file(os.path.join(SHIPPED, "haproxy.cfg"))
        for was, now in (("bind :80", "bind 127.0.0.1:%d" % self.port),
                         ("/run/haproxy/stats.sock", os.path.join(self.dir, "stats.sock")),
                         ("/etc/haproxy/lockstep/routes.map", os.path.join(self.root, "routes.map"))):
            assert was in text
            text = text.replace(was, now)
        self.base = write_file(os.path.join(self.dir, "haproxy.cfg"), text)

    def argv(self):
        return ["/usr/sbin/haproxy", "-W", "-f", self.base, "-f", os.path.join(self.root, "backends.cfg")]

    def check(self):
        return subprocess.run(self.argv() + ["-c"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=20)

    def good_ends(self):
        return (0, 143, -signal.SIGTERM)

    def ready(self):
        return http_call("GET", "http://127.0.0.1:%d/none-of-ours" % self.port, timeout=2).status == 404

    def get(self, path, host="other.org"):
        """Who answers; None: no service is there, 503: its backend has no server."""
        answer = http_call("GET", "http://127.0.0.1:%d%s" % (self.port, path), headers={"Host": host})
        if answer.status == 404 and answer.text == "no service is at this path\n":
            return None
        return answer.text.strip() if answer.status == 200 else answer.status


def test_valid_without_any_service(folder):
    haproxy = Shipped(folder)
    assert render(haproxy.root, []).returncode == 0
    assert read_file(os.path.join(haproxy.root, "routes.map")) == ""
    check = haproxy.check()
    assert check.returncode == 0 and "warning" not in check.stdout.lower(), check.stdout


def test_routing(folder):
    names = ["foo", "foobar", "deep", "domain", "any", "odd", "weird"]
    with Upstreams(folder, names) as up:
        at = {n: [up.address(n)] for n in names}
        haproxy = Shipped(folder)
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
    haproxy = Shipped(folder)
    ids = ["a", "a:b", "a/b", "..", "A", "a%2Fb", "-", "\u00fc", "'\"`$(x)", "backend", "lockstep:none", "lockstep_none"]
    assert render(haproxy.root, [service(n, "/%d" % i, ["10.0.0.1:80", "[::1]:80"]) for i, n in enumerate(ids)]
                  ).returncode == 0
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
    haproxy = Shipped(folder)
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
        assert "bad" in out.stderr and "blame good" not in out.stderr
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
