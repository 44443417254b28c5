# SPDX-License-Identifier: Apache-2.0
"""Makes requests up from /openapi.json: good ones that name what is there, good ones with something wrong in them, and
bytes that are no request of the page at all.  The same seed makes the same requests."""
import copy
import gzip
import json
import urllib.parse

from .conforming import path_names

STRINGS = ["", " ", "a", "0", "null", "web", "\u0000", "\n", "é", "\U0001f600", "\u202e", "\u0085", "\ue000", "\uf900", "\ufff0", "a" * 300, "a" * 5000, "..", "../../etc/passwd",
           "%2e%2e", "{{x}}", "{{#each upstreams}}", "\"", "\\", "'", "a b", "a;b", "a\r\nb: c", "backend x", "-1", "1e3", "/", "//", "#",
           "127.0.0.1", "127.0.0.1:80", "[::1]:80", "127.0.0.1:0", "127.0.0.1:70000", "localhost:1", ":", "*", "a.b", "-", "_", "\t"]
NUMBERS = [0, 1, -1, 2, 60, 10000, 2**31, 2**53, 2**63 - 1, 2**63, -2**63, 2**64, 10**30, 0.5, 1e300]
ODD_JSON = [b"", b" ", b"{", b"[", b"{}", b"[]", b"null", b"1", b"\"a\"", b"{}{}", b"{},", b"[1,]", b"{\"a\":1,\"a\":2}", b"\xff", b"{\"a\":\"\xff\"}",
            b"\xef\xbb\xbf{}", b"NaN", b"{\"a\":NaN}", b"[" * 5000, b"{\"a\":" * 200, b"{\"a\":1e999}", b"\"\\ud800\"", b"{\"\\u0000\":1}",
            b"[" + b"1," * 20000 + b"1]", b"'a'", b"{a:1}", b"// x\n{}", b"true"]
# Rules want them, though a record may be without.
WANTED = ("upstream", "loadBalancerGroups", "loadBalancerRequestId", "serviceId", "value")
WORDS = ["a", "b1", "x-y"]
METHODS = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "FOO", "get"]


class Request:
    """Method and target as they go out; body None: none."""

    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body

    def __repr__(self):
        return "%s %s %s %r" % (self.method, self.target[:300], self.headers, (self.body or b"")[:600])


class Maker:
    """known: name of a field or parameter -> values that mean something here."""

    def __init__(self, document, rng, known):
        self.doc, self.rng, self.known = document, rng, known
        self.weights = [_weight(method, path, call) for method, path, call in document.calls]
        self.oddness = 0  # of the words of this request

    def make(self):
        method, path, call = self.rng.choices(self.doc.calls, self.weights)[0]
        kind = self.rng.random()
        self.oddness = self.rng.choice([0, 0, 0.05, 0.3])
        headers = {}
        if kind < 0.05:
            return self._other(path)
        schema, body = self.doc.body_schema(call), None
        if schema is not None:
            headers["Content-Type"] = "application/json"
            body = self._body(schema, kind)
        elif self.rng.random() < 0.1:
            headers["Content-Type"] = "application/json"
            body = self.rng.choice(ODD_JSON)
        target = self.doc.base + self._path(path) + self._query(call)
        if self.rng.random() < 0.15:
            body = self._odd_headers(headers, body)
        return Request(method, target, headers, body)

    # The line -----------------------------------------------------------------------------------------------

    def _chance(self, p):
        return self.rng.random() < p

    def _word(self, name):
        if self._chance(self.oddness):
            return self.rng.choice(STRINGS)
        return str(self.rng.choice(self.known.get(name, WORDS)))

    def _escape(self, word):
        if self._chance(0.02):
            return self.rng.choice(["%", "%zz", "%00", "%ff", "%c0%ae", "a%2fb", "%25", "+", ";x", "%E2%82"])
        return urllib.parse.quote(word, safe="" if self._chance(0.8) else "/:@")

    def _path(self, path):
        for name in path_names(path):
            path = path.replace("{%s}" % name, self._escape(self._word(name)), 1)
        return path

    def _query(self, call):
        out = []
        for p in call.get("parameters", ()):
            if p["in"] == "query" and self._chance(0.95 if p["required"] else 0.35):
                value = self._parameter(p)
                out += [p["name"] + "=" + self._escape(value)] * (2 if self._chance(0.03) else 1)
        if self._chance(0.05):
            out.append(self.rng.choice(["authkey=x", "x=1", "=", "&&", "a" * 2000, "%zz=1", "wait=x", "limit=-1"]))
        self.rng.shuffle(out)
        return ("?" if out or self._chance(0.02) else "") + "&".join(out)

    def _parameter(self, p):
        schema = p["schema"]
        if self._chance(self.oddness):
            return self.rng.choice(STRINGS)
        if p["name"] == "wait":
            return self.rng.choice(["0", "0", "0", "1", "61", "-1", "1.5", ""])
        if schema["type"] == "boolean":
            return self.rng.choice(["true", "false", "1", "yes"])
        if schema["type"] == "integer":
            return str(self.rng.choice(NUMBERS + [3, 5, 7]))
        return self._word(p["name"])

    def _other(self, path):
        """Calls that the page does not have, or not with this method."""
        method = self.rng.choice(METHODS)
        if self._chance(0.4):
            path = self.rng.choice(["/", "", "/nothing", "/request/a/b/c", "/.", "/..", "/%2e%2e/status", "//status", "/status/", "/state/a/",
                                    "/a" * 500, "/%", "/\x7f", "/status;a=b", "/STATUS"])
        base = self.doc.base if self._chance(0.9) else self.rng.choice(["", "/", "/x", self.doc.base + self.doc.base])
        target = base + self._path(path) or "/"
        return Request(method, target, {}, self.rng.choice([None, b"", b"{}"]))

    def _odd_headers(self, headers, body):
        """Changes headers, and the body with them."""
        pick = self.rng.choice
        which = self.rng.randrange(8)
        if which == 0:
            headers["Content-Type"] = pick(["text/plain", "application/json; charset=utf-8", "", "application/xml", "application/json;;", "*/*"])
        elif which == 1:
            headers["Accept"] = pick(["text/plain", "application/json", "*/*", "application/*", "image/png", "", "text/html, */*;q=0.1"])
        elif which == 2:
            headers["Accept-Encoding"] = pick(["gzip", "identity", "gzip;q=0", "br, gzip", "*", ""])
        elif which == 3 and body is not None:
            headers["Content-Encoding"] = pick(["gzip", "deflate", "identity", "br", "gzip, gzip"])
            body = pick([gzip.compress(body), gzip.compress(body)[:-5], body, gzip.compress(b"{" * 100000)])
        elif which == 4:
            headers["If-None-Match"] = pick(["*", "0", "\"0\"", "1", "W/\"1\"", "a" * 1000, ""])
        elif which == 5:
            headers["Authorization"] = pick(["Bearer", "Bearer ", "Bearer x", "Basic eDp5", "bearer " + "x" * 1000, ""])
        elif which == 6:
            headers["X-" + pick(["a", "HTTP-Method-Override", "Forwarded-For"])] = pick(["DELETE", "a" * 2000, "\x01", "127.0.0.1"])
        else:
            headers["Transfer-Encoding"] = "chunked"
            body = body or b"{}"
        return body

    # The body -----------------------------------------------------------------------------------------------

    def _body(self, schema, kind):
        if kind < 0.12:
            return self.rng.choice(ODD_JSON)
        value = self.value(schema, "")
        if kind < 0.40:
            for _ in range(self.rng.choice([1, 1, 1, 2, 5])):
                value = self._spoil(value)
        text = json.dumps(value, ensure_ascii=self._chance(0.5)).encode("utf-8", "surrogatepass")
        if kind < 0.14:
            return text[:self.rng.randrange(len(text) + 1)]
        return text + self.rng.choice([b" \n", b"x"]) if kind < 0.16 else text

    def value(self, schema, name, depth=0):
        schema = self.doc.resolve(schema)
        if schema.get("nullable") and self._chance(0.1 if self.oddness else 0):
            return None
        if "anyOf" in schema:
            return self.value(self.rng.choice(schema["anyOf"]), name, depth)
        if "allOf" in schema:
            return self.value(schema["allOf"][0], name, depth)
        if "enum" in schema:
            return self.rng.choice(schema["enum"])
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            if depth > 6:
                return []
            few = [1, 1, 2] if name in WANTED else [0, 1, 1, 2, 3]
            return [self.value(schema.get("items", {}), name, depth + 1) for _ in range(self.rng.choice(few))]
        if kind == "string":
            return self._word(name)
        if kind == "integer":
            return self.rng.choice([0, 1, 2, 100, 1700000000000])
        if kind == "boolean":
            return self._chance(0.3)
        return self.rng.choice([None, 1, "a", {}, []])

    def _object(self, schema, depth):
        out = {}
        for name, part in schema.get("properties", {}).items():
            if name in schema.get("required", ()) or (depth < 6 and self._chance(0.9 if name in WANTED else 0.2)):
                out[name] = self.value(part, name, depth + 1)
        more = schema.get("additionalProperties")
        if isinstance(more, dict) or (more is None and "properties" not in schema):
            for _ in range(self.rng.choice([0, 0, 1, 3])):
                out[self._word("option")] = self.value(more, "option", depth + 1) if more else self.rng.choice([1, "a", [1], {"b": None}, True])
        return out

    def _spoil(self, value):
        """The same with one part replaced, removed or doubled."""
        value = copy.deepcopy(value)
        holder, key, at = None, None, value
        while isinstance(at, (dict, list)) and at and self._chance(0.75 if holder is not None else 0.97):
            holder, key = at, self.rng.choice(list(at) if isinstance(at, dict) else range(len(at)))
            at = holder[key]
        if holder is None:
            return self._odd()
        how = self.rng.random()
        if how < 0.15:
            del holder[key]
        elif how < 0.25 and isinstance(holder, dict):
            holder[self.rng.choice(STRINGS)] = holder.pop(key)
        elif how < 0.30 and isinstance(at, list):
            holder[key] = at * self.rng.choice([2, 100, 3000]) if len(at) < 5 else at
        else:
            holder[key] = self._odd()
        return value

    def _odd(self):
        odd = [None, True, False, {}, [], [None], [[]], {"": ""}, {"a": {"b": {"c": [1]}}}]
        return self.rng.choice([self.rng.choice(odd), self.rng.choice(STRINGS), self.rng.choice(NUMBERS)])


def _weight(method, path, call):
    """What has a body has more in it; what is told to be never done has little."""
    if not any(code < "300" for code in call["responses"]):
        return 1
    return {"/request": 60, "/batch": 20, "/lockstep/batch": 20}.get(path, 10) if "requestBody" in call else 5
