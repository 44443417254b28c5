# SPDX-License-Identifier: Apache-2.0
"""A Java agent, as far as a service and ZooKeeper can tell: a process that can be killed and frozen.

It does what the Java program was seen to do, its faults included: reads the state before it registers, exits without a
service, obeys whoever posts /batch, goes on when its caller has hung up, reloads only after the last item, and not if that
one changed no file.  A service's file below `disk` is what is rendered; `live` is what the last reload took over from there.
`rules.json` in its folder says how it is to misbehave; `calls.jsonl` what it was told.
"""
import json
import os
import signal
import sys
import threading
import time
import uuid

if __name__ == "__main__":
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness.base import Ports, Process, http_call, read_file, write_file  # noqa: E402

CONTEXT = "/baragon-agent/v2"
LOCK_TIMEOUT = 5.0


# As tests see it ---------------------------------------------------------------------------------------------

class JavaAgent(Process):
    def __init__(self, folder, name, quorum, namespace, group, batch=True, session_ms=2000):
        super().__init__(name, folder)
        self.port = Ports.take()
        self.id = "127.0.0.1:%d" % self.port
        self.url = "http://%s%s" % (self.id, CONTEXT)
        self.config = write_file(os.path.join(self.dir, "config.json"), json.dumps({
            "quorum": quorum, "namespace": namespace, "group": group, "port": self.port, "dir": self.dir,
            "batchEnabled": batch, "sessionMs": session_ms}))
        self.rules()

    def argv(self):
        return [sys.executable, os.path.abspath(__file__), self.config]

    def ready(self):
        return http_call("GET", self.url + "/status", timeout=3).json()["agentState"] == "ACCEPTING"

    def rules(self, **rules):
        """templates: those it has; refuse: words of its check command; check_s: how long that takes; reload: words of a failing
        reload; singles: POST /request/{id} works, as it did once; wait: it registers when this file is there."""
        path = os.path.join(self.dir, "rules.json")
        write_file(path + ".new", json.dumps(rules))
        os.rename(path + ".new", path)

    def calls(self, request=None):
        """(requestType or method, time of arrival, status or None) of each item, in the order of arrival."""
        path = os.path.join(self.dir, "calls.jsonl")
        rows = [json.loads(line) for line in read_file(path).splitlines()] if os.path.exists(path) else []
        return [r for r in rows if request in (None, r["request"])]

    def serving(self, service):
        path = os.path.join(self.dir, "live", service)
        return read_file(path).split()[1:] if os.path.exists(path) else []

    def rendered(self, service):
        path = os.path.join(self.dir, "disk", service)
        return read_file(path).split()[1:] if os.path.exists(path) else []

    def register_anew(self):
        self.signal(signal.SIGUSR1)


# The process -------------------------------------------------------------------------------------------------

class Failure(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def b64text(text):
    import base64
    return base64.urlsafe_b64decode(text.encode()).decode()


def upstream_of(node):
    parts = node.split("|")
    return {"upstream": b64text(parts[0]), "group": parts[3] if len(parts) > 3 and parts[3] else "default"}


def same(x, y):
    return x["upstream"] == y["upstream"] and (x.get("group") or "default") == (y.get("group") or "default")


class Program:
    def __init__(self, conf):
        from kazoo.client import KazooClient
        self.conf = conf
        self.base = "/" + conf["namespace"]
        self.zk = KazooClient(conf["quorum"], timeout=conf["sessionMs"] / 1000.0)
        self.lock = threading.RLock()
        self.log_lock = threading.Lock()
        self.most_recent = None
        self.state = "BOOTSTRAPING"
        self.node = None
        for name in ("disk", "live"):
            os.makedirs(os.path.join(conf["dir"], name), exist_ok=True)

    # Small parts

    def path(self, kind, service=""):
        return os.path.join(self.conf["dir"], kind, service)

    def rule(self, name, default=None):
        return json.loads(read_file(os.path.join(self.conf["dir"], "rules.json"))).get(name, default)

    def read(self, path):
        from kazoo.exceptions import NoNodeError
        try:
            return json.loads(self.zk.get(self.base + path)[0])
        except NoNodeError:
            return None

    def children(self, path):
        from kazoo.exceptions import NoNodeError
        try:
            return self.zk.get_children(self.base + path)
        except NoNodeError:
            return []

    def note(self, **row):
        with self.log_lock, open(os.path.join(self.conf["dir"], "calls.jsonl"), "a") as f:
            f.write(json.dumps(row) + "\n")

    def metadata(self):
        return {"baseAgentUri": "http://127.0.0.1:%d%s" % (self.conf["port"], CONTEXT),
                "agentId": "127.0.0.1:%d" % self.conf["port"], "domain": None,
                "ec2": {"instanceId": None, "availabilityZone": None, "subnetId": None, "vpcId": None, "privateIp": None},
                "gcloud": None, "extraAgentData": {}, "batchEnabled": self.conf["batchEnabled"]}

    def worker(self):
        for name in sorted(self.children("/workers")):
            return self.zk.get(self.base + "/workers/" + name)[0].decode()
        raise SystemExit("Unable to start server: no service is registered")

    # Files and the load balancer

    def render(self, service, upstreams):
        return service["serviceId"] + "\n" + "".join(sorted(u["upstream"] + "\n" for u in upstreams))

    def on_disk(self, service):
        path = self.path("disk", service)
        return read_file(path) if os.path.exists(path) else None

    def put(self, service, text):
        if text is not None:
            write_file(self.path("disk", service), text)
        elif os.path.exists(self.path("disk", service)):
            os.unlink(self.path("disk", service))

    def check(self):
        seconds, words = self.rule("check_s", 0), self.rule("refuse")
        self.note(request=None, kind="check", at=time.monotonic(), status=None, action=None, peer=None)
        time.sleep(seconds)
        if words:
            raise Failure(500, "com.hubspot.baragon.exceptions.InvalidConfigException: " + words)

    def reload(self):
        if self.rule("reload"):
            raise Failure(500, "com.hubspot.baragon.exceptions.LbAdapterExecuteException: " + self.rule("reload"))
        for name in os.listdir(self.path("live")):
            if not os.path.exists(self.path("disk", name)):
                os.unlink(self.path("live", name))
        for name in os.listdir(self.path("disk")):
            write_file(self.path("live", name) + ".new", read_file(self.path("disk", name)))
            os.rename(self.path("live", name) + ".new", self.path("live", name))

    # One request

    def old_service(self, service, cache):
        if service not in cache:
            old = self.read("/state/" + service)
            cache[service] = (old, [upstream_of(n) for n in self.children("/state/" + service)])
        return cache[service]

    def context(self, request, action, cache):
        """(present, upstreams) as it is to be; the batch's view of the old upstreams is changed with it."""
        service = request["loadBalancerService"]
        old, upstreams = self.old_service(service["serviceId"], cache)
        if action == "REVERT":
            here = old is not None and self.conf["group"] in old["loadBalancerGroups"]
            return (old if here else service), here, upstreams
        if self.conf["group"] not in service["loadBalancerGroups"]:
            return service, False, []
        if request.get("replaceUpstreams"):
            return service, True, request["replaceUpstreams"]
        new = list(request["addUpstreams"])
        new += [u for u in upstreams if not any(same(u, x) for x in request["addUpstreams"] + request["removeUpstreams"])]
        cache[service["serviceId"]] = (old, new)
        return service, True, new

    def acquire(self, request):
        if not self.lock.acquire(timeout=LOCK_TIMEOUT):
            raise Failure(409, "Couldn't acquire agent lock for %s in 5000 ms. Lock Info: LockState: x, Queue Length: 0, "
                               "Hold Count: 0" % request["loadBalancerRequestId"])

    def update(self, request, action, cache, index, delayed, batch):
        sid = request["loadBalancerService"]["serviceId"]
        service, here, upstreams = self.context(request, action, cache)
        template = service.get("templateName") or "default"
        if template not in self.rule("templates", ["default"]):
            if action == "REVERT" and not here:
                return
            raise Failure(500, "MissingTemplateException : Template %s could not be found" % template)
        text = self.render(service, upstreams) if here and action != "DELETE" else None
        no_reload = request.get("noReload")
        self.acquire(request)
        try:
            before = self.on_disk(sid)
            if before == text and action != "DELETE":
                if not no_reload and not delayed and batch and index > 1:
                    self.reload()
                return
            try:
                self.put(sid, text)
                if not request.get("noValidate"):
                    self.check()
                if not no_reload and not delayed:
                    self.reload()
            except Failure:
                if action != "REVERT":
                    self.put(sid, before)
                raise
        finally:
            self.lock.release()
        if action != "REVERT":
            self.most_recent = request["loadBalancerRequestId"]

    def process(self, request, action, cache, index, delayed, batch):
        if action == "RELOAD":
            if not delayed:
                self.acquire(request)
                try:
                    self.check()
                    self.reload()
                finally:
                    self.lock.release()
            self.most_recent = request["loadBalancerRequestId"]
        elif action not in ("GET_RENDERED_CONFIG", "PURGE_CACHE"):
            self.update(request, action, cache, index, delayed, batch)

    def item(self, rid, request, action, kind, cache, index, delayed, batch, peer):
        arrived, status, message = time.monotonic(), 200, None
        self.note(request=rid, kind=kind, at=arrived, status=None, action=action, peer=peer)
        if request is None:
            status, message = 404, "Request %s does not exist" % rid
        else:
            try:
                self.process(request, action, cache, index, delayed, batch)
            except Failure as e:
                status = e.status
                message = str(e) if status == 409 else "Caught exception while %sING for request %s: %s" % (action, rid, e)
        self.note(request=rid, kind=kind, at=time.monotonic(), status=status, action=action, peer=peer)
        return status, message

    def batch(self, items, peer):
        requests = {i["requestId"]: self.read("/request/" + i["requestId"]) for i in items}
        cache, out = {}, []
        for index, i in enumerate(items):
            action = "REVERT" if i["requestType"] in ("REVERT", "CANCEL") else i.get("requestAction") or "UPDATE"
            status, message = self.item(i["requestId"], requests[i["requestId"]], action, i["requestType"], cache, index,
                                        index < len(items) - 1, True, peer)
            out.append({"requestId": i["requestId"], "statusCode": status, "message": message,
                        "requestType": i["requestType"]})
        return out

    def single(self, method, rid, peer):
        request = self.read("/request/" + rid)
        action = "REVERT" if method == "DELETE" else (request or {}).get("action") or "UPDATE"
        if request and action in ("UPDATE", "REVERT") and not self.rule("singles"):
            self.note(request=rid, kind=method, at=time.monotonic(), status=500, action=action, peer=peer)
            return 500, "Caught exception while %sING for request %s: null" % (action, rid)
        return self.item(rid, request, action, method, {}, 0, False, False, peer)

    # Its life

    def apply_state(self):
        """Never takes away what the state has not."""
        if not self.children("/state"):
            return
        states = http_call("GET", self.worker() + "/state", timeout=10, headers={"Accept-Encoding": "identity"}).json()
        self.note(request=None, kind="bootstrap", at=time.monotonic(), status=200, action=None, peer=None)
        for s in states:
            if self.conf["group"] in s["service"]["loadBalancerGroups"]:
                self.put(s["service"]["serviceId"], self.render(s["service"], s["upstreams"]))
        self.reload()

    def register(self):
        hosts = self.base + "/load-balancer/%s/hosts" % self.conf["group"]
        self.zk.ensure_path(hosts)
        self.node = self.zk.create(hosts + "/_c_%s-latch-" % uuid.uuid4(), json.dumps(self.metadata()).encode(),
                                   ephemeral=True, sequence=True)

    def put_group(self):
        path = self.base + "/load-balancer/" + self.conf["group"]
        data = self.zk.get(path)[0]
        group = json.loads(data) if data else {"name": self.conf["group"], "trafficSources": [], "sources": []}
        group.update({"domain": None, "defaultDomain": None, "domains": [], "domainAliases": {}, "minHealthyAgents": 1})
        self.zk.set(path, json.dumps(group).encode())
        known = path + "/known-agents/" + self.metadata()["agentId"]
        self.zk.ensure_path(known)
        self.zk.set(known, json.dumps(dict(self.metadata(), lastSeenAt=int(time.time() * 1000))).encode())

    def check_in(self):
        url = "%s/checkin/%s/startup" % (self.worker(), self.conf["group"])
        answer = http_call("POST", url, self.metadata(), timeout=10)
        while answer.status < 400 and answer.json()["state"] != "DONE":
            time.sleep(answer.json().get("waitTime", 0) / 1000.0)
            answer = http_call("POST", url + "?status=true", self.metadata(), timeout=10)
        if answer.status >= 400 or set(answer.json()) - {"state", "exceptionMessage", "waitTime"}:
            raise SystemExit("Unable to start server: check-in answered %r" % answer)

    def on_link(self, link):
        """A lost session: it registers at once and applies the state afterwards, if its last request is another one."""
        if str(link) == "LOST":
            self.lost = True
        elif str(link) == "CONNECTED" and getattr(self, "lost", False):
            self.lost = False
            threading.Thread(target=self.back, daemon=True).start()

    def back(self):
        self.register()
        if self.read("/load-balancer/%s/lastRequest" % self.conf["group"]) != self.most_recent:
            with self.lock:
                self.apply_state()

    def register_anew(self):
        old = self.node
        self.register()
        self.zk.delete(old)

    def serve(self):
        self.zk.start(10)
        self.zk.add_listener(self.on_link)
        self.apply_state()
        while self.rule("wait") and not os.path.exists(self.rule("wait")):
            time.sleep(0.01)
        self.register()
        self.check_in()
        self.put_group()
        self.http = make_server(self)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        if self.zk.exists(self.base + "/state-last-updated"):
            with self.lock:
                self.apply_state()
        self.state = "ACCEPTING"
        while True:
            got = signal.sigwait({signal.SIGUSR1, signal.SIGTERM})
            if got == signal.SIGTERM:
                break
            self.register_anew()
        self.zk.delete(self.node)  # the latch is closed; the record of the known agent stays
        self.zk.stop()


def make_server(program):
    import http.server

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def reply(self, status, body, kind="application/json"):
            self.send_response(status)
            if body:
                self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def body(self):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def do_GET(self):
            self.reply(200, json.dumps({"agentState": program.state, "mostRecentRequestId": program.most_recent}).encode())

        def one(self):
            path = self.path.split("?")[0][len(CONTEXT):]
            peer = "%s:%d" % self.client_address
            body = self.body()
            if self.command == "POST" and path == "/batch":
                items = json.loads(body) if body else None
                if items is None or any(i.get("requestType") is None for i in items):
                    self.reply(500, b'{"code":500,"message":"There was an error processing your request."}')
                    return
                self.reply(200, json.dumps(program.batch(items, peer)).encode())
            elif path.startswith("/request/"):
                status, message = program.single(self.command, path[len("/request/"):], peer)
                self.reply(status, (message or "").encode())
            else:
                self.reply(404, b"")

        def do_POST(self):
            try:
                self.one()
            except (BrokenPipeError, ConnectionResetError):
                pass  # nobody listens any more; it is done all the same

        do_DELETE = do_POST

        def log_message(self, *args):
            pass

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True
        allow_reuse_address = True

    return Server(("127.0.0.1", program.conf["port"]), Handler)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM})  # taken by sigwait, in all threads
    Program(json.loads(read_file(sys.argv[1]))).serve()
