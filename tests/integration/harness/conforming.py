# SPDX-License-Identifier: Apache-2.0
"""Is an answer what /openapi.json says of the call?  Knows the part of JSON Schema that the page uses, no more: a word
that it does not know is an error, so that nothing goes unchecked in silence."""
import json
import re
import urllib.parse

KNOWN = {"type", "properties", "required", "additionalProperties", "items", "maxItems", "maxLength", "enum", "nullable",
         "format", "description", "anyOf", "allOf", "$ref", "minimum", "maximum"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
SECONDS = 5  # an answer comes within


class Document:
    """One program's page."""

    def __init__(self, page):
        self.page = page
        self.base = page["servers"][0]["url"]
        self.calls = [(method.upper(), path, call) for path, calls in sorted(page["paths"].items())
                      for method, call in sorted(calls.items())]

    def resolve(self, schema):
        while "$ref" in schema:
            schema = self.page["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return schema

    def find(self, method, target):
        """The call that a target is one of, or None: words of the path win over parameters, from the left."""
        path = target.split("?")[0]
        if not path.startswith(self.base + "/"):
            return None
        words = [urllib.parse.unquote(w.split(";")[0]) for w in path[len(self.base) + 1:].split("/")]
        words = words[:-1] if words[-1] == "" else words
        if not words or "" in words or "." in words or ".." in words:
            return None
        found = [p for p in self.page["paths"] if _matches(p[1:].split("/"), words)]
        if not found:
            return None
        best = max(found, key=lambda p: [not w.startswith("{") for w in p.split("/")])
        calls = self.page["paths"][best]
        return calls.get("get" if method == "HEAD" else method.lower() if method.isupper() else "")

    def body_schema(self, call):
        content = call.get("requestBody", {}).get("content", {})
        return content["application/json"]["schema"] if content else None

    # Values -------------------------------------------------------------------------------------------------

    def wrong(self, schema, value, where=""):
        """Why the value is none of the schema; None: it is one."""
        schema = self.resolve(schema)
        if set(schema) - KNOWN:
            return "%s: the page has words that are not known here: %s" % (where, set(schema) - KNOWN)
        if value is None and schema.get("nullable"):
            return None
        if "anyOf" in schema:
            reasons = [self.wrong(s, value, where) for s in schema["anyOf"]]
            return None if None in reasons else reasons[0]
        for part in schema.get("allOf", ()):
            reason = self.wrong(part, value, where)
            if reason:
                return reason
        if "enum" in schema and value not in schema["enum"]:
            return "%s: %r is none of %s" % (where, value, schema["enum"])
        wanted = schema.get("type")
        if wanted and (not isinstance(value, TYPES[wanted]) or (wanted == "integer" and isinstance(value, bool))):
            return "%s: %r is no %s" % (where, value, wanted)
        if isinstance(value, str) and len(value.encode()) > schema.get("maxLength", 1 << 30):
            return "%s: longer than %d" % (where, schema["maxLength"])
        if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return "%s: %d is out of its range" % (where, value)
        return self._wrong_inside(schema, value, where)

    def _wrong_inside(self, schema, value, where):
        parts = []
        if isinstance(value, list):
            if len(value) > schema.get("maxItems", 1 << 30):
                return "%s: more than %d" % (where, schema["maxItems"])
            parts = [(schema.get("items", {}), v, "%s[%d]" % (where, i)) for i, v in enumerate(value)]
        elif isinstance(value, dict):
            properties, more = schema.get("properties", {}), schema.get("additionalProperties", True)
            missing = [k for k in schema.get("required", ()) if k not in value]
            if missing:
                return "%s: no %s" % (where, missing)
            for k, v in value.items():
                if k not in properties and more is False:
                    return "%s: has %r, which is not told" % (where, k)
                parts.append((properties.get(k, more if isinstance(more, dict) else {}), v, "%s.%s" % (where, k)))
        return next(filter(None, (self.wrong(*p) for p in parts)), None)

    # Answers ------------------------------------------------------------------------------------------------

    def complaint(self, method, call, answer, seconds):
        """What is wrong with an answer; call None: of no call that the page has.  5xx only where the page has it as an
        answer of its own (what an installation without AWS says); 503 and 504 would say that a limit or ZooKeeper was met."""
        if seconds > SECONDS:
            return "took %.1f s" % seconds
        responses = call["responses"] if call else {}
        told = responses.get(str(answer.status))
        if answer.status >= 500 and (told is None or answer.status > 500):
            return "status %d" % answer.status
        if answer.status < 300 and call and told is None and not method == "HEAD":
            return "status %d is not told" % answer.status
        if answer.status < 300 and call is None and method not in ("HEAD", "OPTIONS"):
            return "status %d for a call that is none" % answer.status
        if answer.status in (204, 304) or method == "HEAD":
            return "a body with %d" % answer.status if answer.body else None
        if told is None and (method == "OPTIONS" and answer.status == 200 or answer.status == 302):
            return None
        return self._wrong_body(told or responses.get("default") or DEFAULT, answer)

    def _wrong_body(self, told, answer):
        if "content" not in told:
            return "a body, and none is told" if answer.body else None
        kind = answer.headers.get("content-type", "").split(";")[0].strip().lower()
        if not kind and not answer.body and "raw" in str(told["content"]):
            return None
        if kind not in told["content"]:
            return "Content-Type '%s' is none of %s" % (kind, list(told["content"]))
        schema = told["content"].get(kind, {}).get("schema", {})
        if kind != "application/json" or schema.get("format") == "raw":
            return None if answer.body.isascii() or answer.body.decode("utf-8", "replace").encode() == answer.body else "no UTF-8"
        try:
            value = json.loads(answer.body.decode("utf-8"), parse_constant=_no_constant)
        except ValueError as e:
            return "no JSON: %s" % e
        return self.wrong(told["content"][kind]["schema"], value, "answer")


ERROR = {"type": "object", "required": ["code", "message"],
         "properties": {"code": {"type": "integer"}, "message": {"type": "string"}}}
DEFAULT = {"content": {"application/json": {"schema": ERROR}}}


def _no_constant(name):
    raise ValueError(name)


def _matches(pattern, words):
    """{arn} takes what is left, slashes and all."""
    if pattern[-1] == "{arn}" and len(words) > len(pattern):
        words = words[:len(pattern)]
    return len(pattern) == len(words) and all(p.startswith("{") or p == w for p, w in zip(pattern, words))


def path_names(path):
    return re.findall(r"\{(\w+)\}", path)
