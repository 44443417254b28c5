# SPDX-License-Identifier: Apache-2.0
"""A scheduler's load-balancer client on the wire: its exact bytes, its time limit, its replays, and what it makes of answers.

It does what Singularity's client was seen doing: async-http-client 1.9 with an object mapper that leaves out what is absent. Raw
sockets, so that nothing is added and the order of headers and keys is that client's.
"""
import collections
import json
import socket
import threading
import time
import urllib.parse

from .base import SLOW

SENDS = 6           # the first, and five replays when the connection ends without an answer
LIMIT_S = 2.0       # the wait for an answer; the exchange itself goes on
EXCHANGE_S = 60.0   # when that ends too
STATES = ("UNKNOWN", "FAILED", "WAITING", "SUCCESS", "CANCELING", "CANCELED", "INVALID_REQUEST_NOOP")
IN_PROGRESS = ("WAITING", "CANCELING")
OTHER_PARAMETERS = "is already enqueued with different parameters"

# What one call came to. `method`: ENQUEUE, CHECK_STATE, CANCEL, DELETE; `status`: of HTTP, None without an answer.
Update = collections.namedtuple("Update", "state message method lbr_id status")


class NoState(Exception):
    """2xx without loadBalancerState: the null pointer that escapes the real client."""


class NoAnswer(OSError):
    """The connection ended before an answer."""


# Bodies -----------------------------------------------------------------------------------------------------

def without_absent(value):
    if isinstance(value, dict):
        return {k: without_absent(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_absent(v) for v in value]
    return value


def to_bytes(body):
    return json.dumps(without_absent(body), separators=(",", ":"), ensure_ascii=False).encode()


def service_part(service_id, owners=(), base_path="/", routes=(), groups=(), options=None, template=None, domains=(),
                 pre_resolve=False):
    return {"serviceId": service_id, "owners": list(owners), "serviceBasePath": base_path, "additionalPaths": list(routes),
            "loadBalancerGroups": list(groups), "options": options, "templateName": template, "domains": list(domains),
            "edgeCacheDomains": [], "preResolveUpstreamDNS": pre_resolve}


def upstream_part(lbr_id, address, rack=None, group="default"):
    return {"upstream": address, "requestId": lbr_id, "rackId": rack, "group": group}


def update_body(lbr_id, service, add, remove):
    """add, remove: (address, rack, group)."""
    return {"loadBalancerRequestId": lbr_id, "loadBalancerService": service,
            "addUpstreams": [upstream_part(lbr_id, *u) for u in add],
            "removeUpstreams": [upstream_part(lbr_id, *u) for u in remove],
            "replaceUpstreams": [], "action": "UPDATE", "noValidate": False, "noReload": False,
            "upstreamUpdateOnly": False, "noDuplicateUpstreams": True}


def delete_body(lbr_id, service_id, base_path, groups):
    service = service_part(service_id, base_path=base_path, groups=groups, options={})
    return dict(update_body(lbr_id, service, (), ()), action="DELETE", noDuplicateUpstreams=False)


# One exchange -----------------------------------------------------------------------------------------------

def head_of(method, host, port, target, length):
    rows = ["%s %s HTTP/1.1" % (method, target)]
    if length is not None:
        rows += ["Content-Type: application/json", "Content-Length: %d" % length]
    rows += ["Connection: keep-alive", "Host: %s:%d" % (host, port), "Accept: */*", "User-Agent: AHC/1.0"]
    return ("\r\n".join(rows) + "\r\n\r\n").encode()


def read_answer(sock):
    """(status, body, may the connection be used again)."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = sock.recv(65536)
        if not part:
            raise NoAnswer("Remotely closed")
        data += part
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    fields = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
    status = int(lines[0].split()[1])
    length = 0 if status in (204, 304) else int(fields["content-length"])
    while len(body) < length:
        part = sock.recv(65536)
        if not part:
            raise NoAnswer("Remotely closed")
        body += part
    return status, body, fields.get("connection", "").lower() != "close"


class Exchange:
    """One call with its replays, in a thread of its own: who waits for it may leave before it ends, as with a future."""

    def __init__(self, wire, raw):
        self.wire, self.raw = wire, raw
        self.sends = 0
        self.answer = self.error = self.sock = None
        self.closed = False
        self.done = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _once(self):
        self.sock = self.wire.take_connection()
        try:
            self.sock.sendall(self.raw)
            status, body, again = read_answer(self.sock)
        except socket.timeout:
            self.sock.close()
            raise
        except OSError as e:
            self.sock.close()
            raise NoAnswer(str(e)) from None
        if again:
            self.wire.give_connection(self.sock)
        else:
            self.sock.close()
        return status, body

    def _run(self):
        try:
            while self.answer is None:
                self.sends += 1
                try:
                    self.answer = self._once()
                except NoAnswer as e:
                    if self.sends == SENDS or self.closed:
                        raise OSError("Exception ExecutionException - java.io.IOException: %s" % e) from None
        except OSError as e:
            self.error = e
        self.done.set()

    def close(self):
        self.closed = True
        if not self.done.is_set() and self.sock:
            self.sock.close()


class Wire:
    """uri: what LOAD_BALANCER_URI says, http://host:port/context/request; query: loadBalancerQueryParams."""

    def __init__(self, uri, query=None, limit_s=LIMIT_S):
        self.uri = uri
        self.query = query or {}
        self.limit_s = limit_s * SLOW
        self.idle, self.exchanges, self.log = [], [], []
        self.use(uri)

    def use(self, uri):
        """Another service instance from now on, as a name that resolves to another address."""
        self.uri = uri
        u = urllib.parse.urlsplit(uri)
        self.host, self.port = u.hostname, u.port
        for s in self.idle:
            s.close()
        self.idle = []

    def take_connection(self):
        if self.idle:
            return self.idle.pop()
        return socket.create_connection((self.host, self.port), EXCHANGE_S)

    def give_connection(self, sock):
        self.idle.append(sock)

    def close(self):
        for e in self.exchanges:
            e.close()
        for s in self.idle:
            s.close()
        self.idle, self.exchanges = [], []

    # Bytes --------------------------------------------------------------------------------------------------

    def target(self, suffix=""):
        q = "&".join("%s=%s" % (urllib.parse.quote(k, safe=""), urllib.parse.quote(v, safe="")) for k, v in self.query.items())
        return urllib.parse.urlsplit(self.uri).path + suffix + ("?" + q if q else "")

    def raw(self, method, target, body=None):
        return head_of(method, self.host, self.port, target, None if body is None else len(body)) + (body or b"")

    def exchange(self, method, target, body=None):
        """(status, body); TimeoutError after the limit, OSError without an answer."""
        e = Exchange(self, self.raw(method, target, body))
        self.exchanges.append(e)
        self.log.append("%s %s" % (method, target.split("?")[0]))
        if not e.done.wait(self.limit_s):
            raise TimeoutError("Timed out after 00:%06.3f" % self.limit_s)
        if e.error:
            raise e.error
        return e.answer

    # What it makes of it ------------------------------------------------------------------------------------

    def _call(self, method, lbr_id, target, body=None):
        """(state, message, status)."""
        try:
            status, text = self.exchange(method, target, body)
        except OSError as e:
            return "UNKNOWN", str(e), None
        if status == 504:
            return "UNKNOWN", "LB %s request %s timed out" % (method, lbr_id), status
        if not 200 <= status < 300:
            return "FAILED" if method == "POST" else "UNKNOWN", \
                "Response status code %d: %s" % (status, text.decode("utf-8", "replace")), status
        try:
            answer = json.loads(text)
        except ValueError:
            return "UNKNOWN", "Exception RuntimeException - JsonParseException", status
        if answer.get("loadBalancerState") is None:
            raise NoState(text)
        if answer["loadBalancerState"] not in STATES:
            return "UNKNOWN", "Exception RuntimeException - InvalidFormatException", status
        return answer["loadBalancerState"], answer.get("message"), status

    def _update(self, kind, method, lbr_id, target, body=None):
        state, message, status = self._call(method, lbr_id, target, body)
        if method != "GET" and state == "FAILED" and OTHER_PARAMETERS in (message or ""):
            kind = "CHECK_STATE"
            state, message, status = self._call(method, lbr_id, target, body)
        return Update(state, message, kind, lbr_id, status)

    def enqueue(self, body):
        kind = "DELETE" if body["action"] == "DELETE" else "ENQUEUE"
        return self._update(kind, "POST", body["loadBalancerRequestId"], self.target(), to_bytes(body))

    def check(self, lbr_id):
        return self._update("CHECK_STATE", "GET", lbr_id, self.target("/" + lbr_id))

    def cancel(self, lbr_id):
        return self._update("CANCEL", "DELETE", lbr_id, self.target("/" + lbr_id))

    def service_state(self, service_id):
        """Upstreams as (address, rack, group); whatever goes wrong is an empty list, and so is a 404."""
        path = urllib.parse.urlsplit(self.uri.replace("request", "state")).path
        try:
            _, text = self.exchange("GET", path + "/" + service_id)
            rows = json.loads(text).get("upstreams") or []
        except (OSError, ValueError):
            return []
        return [(r["upstream"], r.get("rackId"), r.get("group") or "default") for r in rows]


def millis():
    return time.time_ns() // 1000000
