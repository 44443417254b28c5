# SPDX-License-Identifier: Apache-2.0
"""Options of the wrong kind are refused by name, and no value of a request becomes structure of a file."""
import os
import re

import pytest

from harness.base import ROOT, read_file
from harness.shipped import SETS, blamed, render, service

WRONG = [
    # option, value, what the refusal says; for both sets
    ("balance", "roundrobbin", "option 'balance': 'roundrobbin' is none of roundrobin"),
    ("balance", "hdr", "needs the option 'balanceParam'"),
    ("balance", ["uri"], "option 'balance'"),
    ("timeoutServer", "5 seconds", "option 'timeoutServer': '5 seconds' is no time"),
    ("timeoutConnect", 0, "option 'timeoutConnect'"),
    ("retries", -1, "option 'retries': '-1' is no whole number from 0 to 100"),
    ("maxconn", "many", "option 'maxconn': 'many' is no whole number"),
    ("weights", {"10.0.0.1:80": 257}, "option 'weights': '257' is no whole number from 0 to 256"),
    ("weights", "50", "option 'weights': '50' is no map"),
    ("groupWeights", {"canary": 101}, "option 'groupWeights': '101' is no whole number from 0 to 100"),
    ("groupWeights", 5, "option 'groupWeights': '5' is no map"),
    ("backupGroups", {"a": 1}, "option 'backupGroups'"),
    ("maintenance", "yes", "option 'maintenance': 'yes' is neither true nor false"),
    ("ssl", 1, "option 'ssl': '1' is neither true nor false"),
    ("rateLimit", {"period": "1s"}, "option 'rateLimit' needs 'requests'"),
    ("rateLimit", {"requests": "x"}, "option 'rateLimit.requests': 'x' is no whole number"),
    ("rateLimit", {"requests": 1, "perod": "1s"}, "option 'rateLimit' knows no 'perod'"),
    ("rateLimit", {"requests": 1, "header": "X-A) or src"}, "option 'rateLimit.header'"),
    ("rateLimit", 5, "option 'rateLimit': '5' is no map"),
    ("requestHeaders", {"set": {"X A": "b"}}, "option 'requestHeaders.set': 'X A' is no name"),
    ("requestHeaders", {"set": {"X-A": {"b": 1}}}, "option 'requestHeaders.set'"),
    ("requestHeaders", {"set": {"X-A": ""}}, "option 'requestHeaders.set': '' is empty"),
    ("requestHeaders", {"delete": "X"}, "option 'requestHeaders' knows no 'delete'"),
    ("responseHeaders", {"set": {"X-A": "b\r\nX-B: c"}}, "option 'responseHeaders.set'"),
    ("responseHeaders", {"del": [5]}, "option 'responseHeaders.del'"),
]
WRONG_HAPROXY = [
    ("hashType", "best", "option 'hashType'", {"balance": "uri"}),
    ("checkPath", "health", "option 'checkPath': 'health' is no path", {"check": True}),
    ("checkPath", "/a b", "option 'checkPath'", {"check": True}),
    ("checkHost", "a b", "option 'checkHost'", {"check": True, "checkPath": "/"}),
    ("checkMethod", "POST", "option 'checkMethod': 'POST' is none of GET", {"check": True, "checkPath": "/"}),
    ("checkPort", 65536, "option 'checkPort'", {"check": True}),
    ("checkInter", "1 s", "option 'checkInter'", {"check": True}),
    ("cookie", "a b", "option 'cookie': 'a b' is no name", {}),
    ("cookieSameSite", "lax", "option 'cookieSameSite'", {"cookie": "a"}),
    ("sslCa", "../../etc/passwd", "option 'sslCa': '../../etc/passwd' is no plain file name", {"ssl": True}),
    ("sslCa", "/etc/passwd", "option 'sslCa'", {"ssl": True}),
    ("sslSni", "a) verify none", "option 'sslSni'", {"ssl": True}),
    ("rateLimit", {"requests": 1, "period": "soon"}, "option 'rateLimit.period'", {}),
]
WRONG_NGINX = [
    ("rateLimit", {"requests": 1, "period": "10s"}, "option 'rateLimit.period': '10s' is none of 1s, 1m", {}),
    ("ssl", True, "option 'ssl' needs 'sslSni'", {}),
    ("sslCa", "../ca", "option 'sslCa'", {"ssl": True, "sslSni": "a"}),
    ("maintenancePage", "costs $5", "$", {"maintenance": True}),
    ("requestHeaders", {"add": {"X": "y"}}, "option 'requestHeaders' knows no 'add'", {}),
]
PAGES = [("maintenancePage", {"a": 1}, "option 'maintenancePage'", {"maintenance": True}),
         ("maintenancePage", "x" * 8001, "option 'maintenancePage'", {"maintenance": True}),
         ("maintenancePage", "a\nb", "option 'maintenancePage': 'a\\nb' has a control character", {"maintenance": True}),
         ("maintenanceType", "image/png", "option 'maintenanceType'", {"maintenance": True})]
ROWS = [(k, o, v, w, {}) for k in SETS for o, v, w in WRONG] + \
    [("haproxy",) + r for r in WRONG_HAPROXY + PAGES] + [("nginx",) + r for r in WRONG_NGINX + PAGES]


@pytest.mark.parametrize("kind", sorted(SETS))
def test_refused_by_name(folder, kind):
    """All in one rendering: every one is blamed for itself, and the good one is not."""
    rows = [r for r in ROWS if r[0] == kind]
    states = [service("s%d" % i, "/%d" % i, ["10.0.0.1:80"], options=dict(more, **{option: value}))
              for i, (_, option, value, _, more) in enumerate(rows)]
    out = render(os.path.join(folder, "all"), states + [service("good", "/good", ["10.0.0.1:80"], options={"unknown": 1})], kind)
    assert out.returncode != 0
    blames = blamed(out)
    assert "good" not in blames
    for i, (_, option, value, words, _) in enumerate(rows):
        assert words in blames.get("s%d" % i, ""), (option, value, blames.get("s%d" % i))


HOSTILE = ["a b", "a\tb", "a\nbackend evil", "a\r\nserver evil 1.2.3.4:5", "a#b", "#", ";", "a;b", "{", "a}", "a\"b", "\"",
           "a'b", "'", "\\", "a\\", "\\\\\" x", "$HOME", "${PATH}", "\"$HOME\"", "%[src]", "a) if { always_true }",
           "str(a),b", "a,b", "-m reg .*", "", " ", "\u00e9", "a\x00b".replace("\x00", "\x7f"), "x" * 9000, "../../x",
           "!evil", "if", "lua.evil", "@1", "/etc/passwd", "unix@/x", "include /etc/passwd;"]
HAPROXY_WORDS = {"backend", "balance", "hash-type", "hash-balance-factor", "timeout", "retries", "option", "http-request",
                 "stick-table", "http-response", "cookie", "dynamic-cookie-key", "http-check", "server"}
NGINX_WORDS = {"upstream", "server", "hash", "least_conn", "random", "keepalive", "limit_req_zone", "map", "default", "",
               "location", "proxy_pass", "proxy_http_version", "proxy_set_header", "proxy_hide_header", "add_header",
               "default_type", "charset", "return", "limit_req", "limit_req_status", "proxy_connect_timeout",
               "proxy_send_timeout", "proxy_read_timeout", "proxy_next_upstream", "proxy_next_upstream_tries",
               "proxy_ssl_server_name", "proxy_ssl_name", "proxy_ssl_verify", "proxy_ssl_verify_depth",
               "proxy_ssl_trusted_certificate", "}", "\"\""}


def check_structure(root, kind, services):
    """Every line begins with a word of ours, and there is a section for each service and no other."""
    words = HAPROXY_WORDS if kind == "haproxy" else NGINX_WORDS
    files = [os.path.join(at, f) for at, _, names in os.walk(root) for f in names if f != "routes.map"]
    for path in files:
        text = read_file(path)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
        for line in text.splitlines():
            if not line.startswith("# "):
                assert re.match(r"\s*([^\s;]*)", line).group(1) in words, (path, line)
        if kind == "haproxy":
            assert len(re.findall(r"^backend \S+$", text, re.M)) == len(re.findall(r"^ *backend", text, re.M)) == services
    assert len(files) == (1 if kind == "haproxy" else 2 * services)


def options_of(kind):
    folder = os.path.join(ROOT, "templates", kind)
    text = "".join(read_file(os.path.join(folder, f)) for f in os.listdir(folder) if f.endswith(".hbs"))
    return sorted(set(re.findall(r"service\.options\.(\w+)", text)))


def hostile_options(kind, value):
    """Each option with this value, in each form that it could have, beside what makes the template read it."""
    around = {"check": True, "checkPath": "/", "ssl": True, "sslSni": "a", "cookie": "c", "balance": "hdr",
              "balanceParam": "X-A"}
    for option in options_of(kind):
        for form in (value, [value], {value: 1}, {value: value}, {"set": {value: "x"}}, {"set": {"X": value}},
                     {"del": [value]}, {"requests": 1, "header": value}, {"requests": 1, "period": value},
                     {"10.0.0.1:80": value}, {"default": value}):
            yield dict(around, **{option: form})


@pytest.mark.limit(120)
@pytest.mark.parametrize("kind", sorted(SETS))
def test_no_value_becomes_structure(folder, kind):
    states = [service("s%d" % i, "/%d" % i, ["10.0.0.1:80", ("10.0.0.2:80", "other")], options=o)
              for i, o in enumerate(o for v in HOSTILE for o in hostile_options(kind, v))]
    out = render(os.path.join(folder, "all"), states, kind)
    bad = blamed(out)
    passed = [s for s in states if s["service"]["serviceId"] not in bad]
    assert out.returncode != 0 and len(passed) > 100 and len(bad) > 1000
    out = render(os.path.join(folder, "out"), passed, kind)
    assert out.returncode == 0, out.stderr
    check_structure(os.path.join(folder, "out"), kind, len(passed))
    if kind == "haproxy":
        text = read_file(os.path.join(folder, "out", "backends.cfg"))
        assert len(re.findall(r"^    server s_10\.0\.0\.[12]_80 10\.0\.0\.[12]:80(?: |$)", text, re.M)) == \
            len(re.findall(r"^ *server", text, re.M)) == 2 * len(passed)


@pytest.mark.parametrize("field", ["serviceId", "serviceBasePath", "domains", "upstream"])
@pytest.mark.parametrize("kind", sorted(SETS))
def test_identities_are_no_structure(folder, kind, field):
    """What is no option: ids, paths, domains, upstreams."""
    states = []
    for i, value in enumerate(v for v in HOSTILE if v or field != "serviceId"):
        states.append(service("s%d" % i, "/s%d" % i, ["10.0.0.1:80"]))
        if field == "upstream":
            states[-1]["upstreams"][0]["upstream"] = value
        else:
            states[-1]["service"][field] = [value] if field == "domains" else value
    if field == "serviceId":  # as they are in messages, they cannot be told apart
        passed = [s for s in states if render(os.path.join(folder, "one"), [s], kind).returncode == 0]
    else:
        bad = blamed(render(os.path.join(folder, "all"), states, kind))
        passed = [s for s in states if s["service"]["serviceId"] not in bad]
    root = os.path.join(folder, "out")
    out = render(root, passed, kind)
    assert out.returncode == 0, out.stderr
    assert passed or field == "upstream"
    check_structure(root, kind, len(passed))
    if kind == "haproxy":
        rows = read_file(os.path.join(root, "routes.map")).splitlines()
        assert len(rows) == len(passed) and all(re.fullmatch(r"\S*/ \S+", r) for r in rows)
