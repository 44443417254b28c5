# SPDX-License-Identifier: Apache-2.0
"""Every call of both programs made with every kind of key; what must be let in is in auth_matrix.txt."""
import http.client
import json
import os
import re
import urllib.parse

from .base import SLOW, read_file, wait_for
from .box import KEY, MASTER

# Which kinds of callers a class of calls lets in, beside `open`, which lets in all.
OPENS = {
    "key": {"plain", "own", "write", "master-role"},
    "read": {"plain", "own", "read", "write", "agent", "master-role"},
    "agent": {"plain", "own", "agent", "master-role"},
    "master": {"master-role", "masterAuthKey"},
}
CALLERS = {"none": None, "wrong": "no-such-key", "empty": "", "plain": "matrix-plain", "own": KEY, "expired": "matrix-expired",
           "later": "matrix-later", "read": "matrix-read", "write": "matrix-write", "agent": "matrix-agent",
           "master-role": "matrix-master", "masterAuthKey": MASTER}
STORED = {"plain": {}, "expired": {"expiredAt": 1500000000000}, "later": {"expiredAt": 9500000000000}, "read": {"role": "read"},
          "write": {"role": "write"}, "agent": {"role": "agent"}, "master-role": {"role": "master"}}
for opened in OPENS.values():  # a key that expires some day is one until then
    if "plain" in opened:
        opened.add("later")


def table():
    """{"service": [(method, pattern, class)…], "agent": […]}"""
    out, rows = {}, None
    for line in read_file(os.path.join(os.path.dirname(__file__), "auth_matrix.txt")).split("\n"):
        words = line.split("#")[0].split()
        if len(words) == 1:
            rows = out.setdefault(words[0], [])
        elif words:
            rows.append(tuple(words))
    return out


class AuthMatrix:
    def __init__(self, box):
        self.box = box
        self.connections = {}
        self.urls = {"service": box.services[0].url, "agent": box.hosts[1].agent.url}
        for name, more in STORED.items():
            answer = box.call("POST", "/auth/keys", {"value": CALLERS[name], "owner": "matrix", "createdAt": 1, **more}, key=MASTER)
            assert answer.status == 204, answer
        for url in self.urls.values():
            wait_for(lambda: self.call(url, "GET", "/metrics", "later", False)[0] == 200, 5, "keys are known at " + url)

    def call(self, url, method, path, caller, bearer):
        """(status, body), on a kept connection."""
        u = urllib.parse.urlsplit(url)
        conn = self.connections.get(url)
        if conn is None:
            conn = self.connections[url] = http.client.HTTPConnection(u.hostname, u.port, timeout=10 * SLOW)
        headers, key = {"Content-Type": "application/json"}, CALLERS[caller]
        if key is not None and bearer:
            headers["Authorization"] = "Bearer " + key
        elif key is not None:
            path += "?authkey=" + urllib.parse.quote(key)
        try:
            conn.request(method, u.path + path, None if method in ("GET", "HEAD", "OPTIONS") else b"{}", headers)
            res = conn.getresponse()
            return res.status, res.read()
        except (OSError, http.client.HTTPException):
            conn.close()
            del self.connections[url]
            raise

    def problems(self):
        out = []
        try:
            for program, rows in table().items():
                out += self.undescribed(program, rows)
                for method, pattern, opens in rows:
                    out += self.of_call(program, method, pattern, opens)
        finally:
            for conn in self.connections.values():
                conn.close()
        return out

    def undescribed(self, program, rows):
        """The table and openapi.json list the same calls."""
        status, body = self.call(self.urls[program], "GET", "/openapi.json", "none", False)
        assert status == 200
        listed = {(m.upper(), p) for p, ms in json.loads(body)["paths"].items() for m in ms if m != "parameters"}
        return ["%s: %s %s is in only one of the two" % ((program,) + call)
                for call in sorted(listed ^ {(m, p) for m, p, _ in rows})]

    def of_call(self, program, method, pattern, opens):
        path = re.sub(r"\{(\w+)\}", r"none-\1", pattern)
        out = []
        # HEAD is as its GET, OPTIONS is open.
        for verb, let_in in [(method, opens), ("OPTIONS", "open")] + ([("HEAD", opens)] if method == "GET" else []):
            for caller in CALLERS:
                for bearer in (False, True):
                    status, body = self.call(self.urls[program], verb, path, caller, bearer)
                    good = let_in == "open" or caller in OPENS[let_in]
                    if good == (status == 403) or (status == 403 and verb != "HEAD" and not is_refusal(body)):
                        out.append("%s: %s %s%s as %s%s: %d %s, which is %s" % (
                            program, verb, pattern, "" if let_in == "open" else " (%s)" % let_in, caller,
                            " (Bearer)" if bearer else "", status, body[:120], "not let in" if good else "let in"))
        return out


def is_refusal(body):
    error = json.loads(body)
    return error["code"] == 403 and error["message"].startswith("HTTP 403 Forbidden")
