# SPDX-License-Identifier: Apache-2.0
"""A Java service, as far as our agents and ZooKeeper can tell: it takes the lead without a marker, writes a request's
nodes as the Java programs do, posts /batch, reads the answers strictly, retries, commits or takes back.

Its steps can be called one by one, so that a test can do something in between.
"""
import base64
import http.server
import json
import threading
import time
import uuid

from .base import http_call, wait_for

ATTEMPTS = 5
ACTIONS = ("UPDATE", "DELETE", "RELOAD", "REVERT", "GET_RENDERED_CONFIG", "PURGE_CACHE")
TYPES = ("APPLY", "REVERT", "CANCEL", "PURGE_CACHE")
HEADERS = {"Accept": "*/*", "Connection": "keep-alive", "User-Agent": "Baragon/0.1 (+https://github.com/HubSpot/Baragon)"}
REVERTS = {"REVERT": "FAILED_SEND_REVERT_REQUESTS", "CANCEL": "CANCELLED_SEND_REVERT_REQUESTS"}


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


def upstream_node(row, rid):
    return "|".join([b64(row["upstream"]), row.get("requestId") or rid, row.get("rackId") or "",
                     row.get("group") or "default", row.get("resolvedUpstream") or ""])


def strict_answers(text):
    """As its reader does: one key too many, or an unknown name, and nothing of the answer counts."""
    rows = json.loads(text)
    assert isinstance(rows, list), text
    for row in rows:
        assert set(row) == {"requestId", "statusCode", "message", "requestType"}, row
        assert isinstance(row["requestId"], str) and isinstance(row["statusCode"], int), row
        assert row["message"] is None or isinstance(row["message"], str), row
        assert row["requestType"] in TYPES, row
    return rows


class CheckIns(http.server.BaseHTTPRequestHandler):
    """The only calls that an agent makes."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b'{"state":"DONE","exceptionMessage":null,"waitTime":0}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class JavaService:
    def __init__(self, quorum, namespace, group):
        from kazoo.client import KazooClient
        self.zk = KazooClient(quorum, timeout=10)
        self.base = "/" + namespace
        self.group = group
        self.node = None
        self.attempts = {}

    # Life ---------------------------------------------------------------------------------------------------

    def start(self, lead=True):
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), CheckIns)
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()
        self.zk.start(10)
        for path in ("/workers", "/queue", "/request", "/state", "/responseHistory/requestIdMapping"):
            self.zk.ensure_path(self.base + path)
        if lead:
            self.lead()
        return self

    def stop(self):
        self.zk.stop()
        self.zk.close()
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def lead(self):
        uri = "http://127.0.0.1:%d/baragon/v2" % self.http.server_port
        self.node = self.zk.create(self.base + "/workers/_c_%s-latch-" % uuid.uuid4(), uri.encode(), ephemeral=True,
                                   sequence=True)

    def leave(self):
        self.zk.delete(self.node)

    # Records ------------------------------------------------------------------------------------------------

    def put(self, path, value):
        data = json.dumps(value, separators=(",", ":")).encode()
        if self.zk.exists(self.base + path):
            self.zk.set(self.base + path, data)
        else:
            self.zk.create(self.base + path, data, makepath=True)

    def read(self, path):
        return json.loads(self.zk.get(self.base + path)[0])

    def status(self, rid, value):
        self.put("/request/%s/status" % rid, value)

    def enqueue(self, body):
        """One transaction of three, then the message, as POST /request."""
        rid, svc = body["loadBalancerRequestId"], body["loadBalancerService"]["serviceId"]
        t = self.zk.transaction()
        t.create(self.base + "/request/" + rid, json.dumps(body).encode())
        t.create(self.base + "/request/%s/status" % rid, b'"PENDING"')
        t.create(self.base + "/queue/%s|%s|" % (svc, rid), b"", sequence=True)
        results = t.commit()
        assert not any(isinstance(r, Exception) for r in results), results
        self.put("/request/%s/message" % rid, "Queued as %s" % results[2])
        return rid

    def agents(self):
        hosts = self.base + "/load-balancer/%s/hosts" % self.group
        out = [json.loads(self.zk.get(hosts + "/" + n)[0])["baseAgentUri"] for n in self.zk.get_children(hosts)]
        return sorted(out)

    # Calls --------------------------------------------------------------------------------------------------

    def call_one(self, uri, items):
        """(HTTP status, list of answers or text)"""
        answer = http_call("POST", uri + "/batch", items, timeout=10, headers=HEADERS)
        return answer.status, strict_answers(answer.body) if answer.status < 300 else answer.text

    def send(self, rids, kind="APPLY", agents=None):
        """To all at once; {agent: {request: (status, message)}} as recorded, with the nodes that it leaves."""
        items = [{"requestId": r, "requestAction": self.read("/request/" + r).get("action"), "requestType": kind}
                 for r in rids]
        out = {}

        def run(uri):
            try:
                status, rows = self.call_one(uri, items)
                found = {r["requestId"]: (r["statusCode"], r["message"]) for r in rows} if status < 300 else \
                    {r: (0, "Caught exception processing agent response %s" % rows) for r in rids}
            except OSError as e:
                found = {r: (0, str(e)) for r in rids}
            out[uri] = {r: found.get(r, (0, "No response in batch for request " + r)) for r in rids}

        uris = agents or self.agents()
        for r in rids:
            for uri in uris:
                self.put("/request/%s/pendingRequests/%s" % (r, b64(uri)), int(time.time() * 1000))
        threads = [threading.Thread(target=run, args=(u,)) for u in uris]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for uri in uris:
            for r in rids:
                self.record(r, kind, uri, *out[uri][r])
        return out

    def record(self, rid, kind, uri, status, message):
        folder = self.base + "/request/%s/agent/%s-%s" % (rid, kind, b64(uri))
        self.zk.ensure_path(folder)
        node = self.zk.create(folder + "/%d-%s-" % (status, "true" if status == 0 else "false"), b"", sequence=True)
        self.zk.set(node, json.dumps({
            "url": uri + "/batch", "attempt": len(self.zk.get_children(folder)) - 1, "statusCode": status or None,
            "content": message if status else None, "exception": None if status else message}).encode())
        self.zk.delete(self.base + "/request/%s/pendingRequests/%s" % (rid, b64(uri)))

    # The life of a request ----------------------------------------------------------------------------------

    def apply(self, rids):
        """SEND_APPLY_REQUESTS, and after the first answers CHECK_APPLY_RESPONSES."""
        for r in rids:
            self.status(r, "SEND_APPLY_REQUESTS")
        answers = self.send(rids)
        for r in rids:
            self.status(r, "CHECK_APPLY_RESPONSES")
        return answers

    def take_back(self, rids, kind="REVERT"):
        for r in rids:
            self.status(r, REVERTS[kind])
        return self.send(rids, kind)

    def commit(self, rid):
        """The state of its service, in one transaction; then the rest, one after the other."""
        body = self.read("/request/" + rid)
        svc = body["loadBalancerService"]["serviceId"]
        path = self.base + "/state/" + svc
        old = self.zk.get_children(path) if self.zk.exists(path) else None
        t = self.zk.transaction()
        data = json.dumps(body["loadBalancerService"]).encode()
        if old is None:
            t.create(path, data)
        else:
            t.set_data(path, data)
        old = old or []
        removed = {u["upstream"] for u in body["removeUpstreams"] + body["addUpstreams"]}
        for name in old:
            if base64.urlsafe_b64decode(name.split("|")[0]).decode() in removed:
                t.delete(path + "/" + name)
        for u in body["addUpstreams"]:
            t.create(path + "/" + upstream_node(u, rid), b"")
        results = t.commit()
        assert not any(isinstance(r, Exception) for r in results), results
        self.put("/state-last-updated", int(time.time() * 1000))
        self.put("/load-balancer/%s/lastRequest" % self.group, rid)
        self.end(rid, "COMPLETED", "SUCCESS")

    def end(self, rid, status, public):
        """Status, then the queue node, the history, the request: four steps."""
        body = self.read("/request/" + rid)
        svc = body["loadBalancerService"]["serviceId"]
        self.status(rid, status)
        for name in self.zk.get_children(self.base + "/queue"):
            if name.split("|")[1] == rid:
                self.zk.delete(self.base + "/queue/" + name)
        self.put("/responseHistory/%s/%s" % (svc, rid), {
            "loadBalancerRequestId": rid, "loadBalancerState": public, "message": None, "agentResponses": {},
            "request": body})
        self.put("/responseHistory/requestIdMapping/" + rid, svc)
        self.zk.delete(self.base + "/request/" + rid, recursive=True)

    def run(self, body):
        """A whole request; (public state, the last answers)."""
        rid = self.enqueue(body)
        for _ in range(ATTEMPTS):
            answers = {a: rows[rid] for a, rows in self.apply([rid]).items()}
            if all(200 <= s < 300 for s, _ in answers.values()):
                self.commit(rid)
                return "SUCCESS", answers
            if all("MissingTemplateException" in (m or "") for _, m in answers.values()):
                self.end(rid, "INVALID_REQUEST_NOOP", "INVALID_REQUEST_NOOP")
                return "INVALID_REQUEST_NOOP", answers
        back = self.take_back([rid])
        assert all(rows[rid] == (200, None) for rows in back.values()), back
        self.end(rid, "FAILED_REVERTED", "FAILED")
        return "FAILED", answers

    def wait_agents(self, n):
        wait_for(lambda: len(self.agents()) == n, 15, "%d agents registered" % n)
