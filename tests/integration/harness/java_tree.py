# SPDX-License-Identifier: Apache-2.0
"""A whole namespace as Java services and agents leave it, old forms included: nothing here knows how ours reads or writes.

Each table has a row per form of a record: what stands in ZooKeeper, and what clients are to see of it (None: nothing).
"""
import base64
import json
import time

from kazoo.exceptions import NodeExistsError

NOW = int(time.time() * 1000)
ACTIVE_KEY, EXPIRED_KEY = "java-key", "java-old-key"


def b64(text, pad=True):
    out = base64.urlsafe_b64encode(text.encode()).decode()
    return out if pad else out.rstrip("=")


def jackson(value):
    """As its plain mapper writes: no blanks, UTF-8, null for what is absent."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# Payloads, with all keys in their order ----------------------------------------------------------------------------

def upstream(address, request=None, rack=None, group="default", resolved=None):
    return {"upstream": address, "requestId": request, "rackId": rack, "group": group, "resolvedUpstream": resolved}


def node_name(row):
    return "|".join([b64(row["upstream"]), row["requestId"] or "", row["rackId"] or "", row["group"], row["resolvedUpstream"] or ""])


def service(sid, group="web", **fields):
    out = {"serviceId": sid, "owners": ["team@example.com"], "serviceBasePath": "/" + sid, "additionalPaths": [],
           "loadBalancerGroups": [group], "options": {}, "templateName": None, "domains": [], "edgeCacheDNS": None,
           "edgeCacheDomains": [], "preResolveUpstreamDNS": False}
    assert set(fields) <= set(out)
    out.update(fields)
    return out


def request(rid, svc, add=(), remove=(), **fields):
    out = {"loadBalancerRequestId": rid, "loadBalancerService": svc, "addUpstreams": [upstream(a, rid) for a in add],
           "removeUpstreams": [upstream(a, rid) for a in remove], "replaceUpstreams": [], "replaceServiceId": None, "action": None,
           "noValidate": False, "noReload": False, "upstreamUpdateOnly": False, "noDuplicateUpstreams": False, "purgeCache": False}
    assert set(fields) <= set(out)
    out.update(fields)
    return out


def response(rid, state, message=None, answers=None, rq=None):
    return {"loadBalancerRequestId": rid, "loadBalancerState": state, "message": message, "agentResponses": answers or {}, "request": rq}


EC2 = {"instanceId": None, "availabilityZone": None, "subnetId": None, "vpcId": None, "privateIp": None}


def metadata(host, **fields):
    out = {"baseAgentUri": "http://%s/baragon-agent/v2" % host, "agentId": host, "domain": None, "ec2": dict(EC2), "gcloud": None,
           "extraAgentData": {}, "batchEnabled": True}
    out.update(fields)
    return out


def group(name, **fields):
    out = {"name": name, "domain": None, "trafficSources": [], "sources": [], "defaultDomain": None, "domains": [],
           "domainAliases": {}, "minHealthyAgents": 1}
    assert set(fields) <= set(out)
    out.update(fields)
    return out


def source(name, kind="CLASSIC", by="INSTANCE_ID"):
    return {"name": name, "type": kind, "registerBy": by}


# Names of upstreams: node name, its data, what is seen ------------------------------------------------------------------

UPSTREAMS = [
    (b64("10.1.0.1:80") + "|r1|ra|blue|10.9.9.9:80", b"", upstream("10.1.0.1:80", "r1", "ra", "blue", "10.9.9.9:80")),
    (b64("10.1.0.2:80") + "|||default|", b"", upstream("10.1.0.2:80")),
    (b64("10.1.0.3:80", pad=False) + "|r3||default|", b"", upstream("10.1.0.3:80", "r3")),
    ("10.1.0.4:80", b"", upstream("10.1.0.4:80")),                                  # not encoded
    ("host-5.example.com:8080", b"", upstream("host-5.example.com:8080")),
    (b64("10.1.0.6:80"), b"", upstream("10.1.0.6:80")),                             # one part, encoded
    (b64("10.1.0.7:80") + "|r7", b"", upstream("10.1.0.7:80", "r7")),               # fewer parts
    (b64("10.1.0.8:80") + "|r8|rb|green||later|fields", b"", upstream("10.1.0.8:80", "r8", "rb", "green")),
    ("10.1.0.9:80", jackson({"upstream": "10.1.0.9:80", "requestId": "r9", "rackId": "rc"}), upstream("10.1.0.9:80")),
    (b64("[2001:db8::1]:80") + "|r10||default|", b"", upstream("[2001:db8::1]:80", "r10")),
    ("localhost:8080", b"", None),                                                  # an error in Java, too
]

# Services: id, data, what is seen of them ----------------------------------------------------------------------------------

SERVICES = [
    ("full", service("full", "cold", owners=["a", "b", "a"], additionalPaths=["/x", "/y"], loadBalancerGroups=["cold", "cold-2"],
                     options={"n": 1, "list": [1.5, None, "é"], "deep": {"k": True}}, templateName="", domains=["d.example.com"],
                     edgeCacheDomains=["e.example.com"], preResolveUpstreamDNS=True), "same"),
    ("short", {"serviceId": "short", "owners": [], "serviceBasePath": "/short", "loadBalancerGroups": ["cold"]},
     service("short", "cold", owners=[], options=None)),
    ("later", dict(service("later", "cold"), newerKey={"x": 1}), service("later", "cold")),
    ("edge", dict(service("edge", "cold"), edgeCacheDNS="e.example.com"),
     service("edge", "cold", edgeCacheDNS="e.example.com", edgeCacheDomains=["e.example.com"])),
    ("broken", b"{not json", None),
    ("void", b"", None),
]

# Groups: name, data, what is seen of them -------------------------------------------------------------------------------

GROUPS = [
    ("cold", group("cold", domain="d.example.com", trafficSources=[source("elb-1"), source("tg", "ALB_TARGET_GROUP", "PRIVATE_IP")],
                   defaultDomain="d.example.com", domains=["d.example.com", "w.example.com"],
                   domainAliases={"d.example.com": ["www.example.com"]}, minHealthyAgents=3), "same"),
    ("cold-2", {"name": "cold-2"}, group("cold-2")),
    ("old-domain", {"name": "old-domain", "domain": "o.example.com"}, group("old-domain", domain="o.example.com", defaultDomain="o.example.com")),
    ("both-domains", {"name": "both-domains", "domain": "o.example.com", "defaultDomain": "n.example.com"},
     group("both-domains", domain="n.example.com", defaultDomain="n.example.com")),
    ("old-sources", {"name": "old-sources", "sources": ["elb-1", "elb-2"]},
     group("old-sources", trafficSources=[source("elb-1"), source("elb-2")])),
    ("text-sources", {"name": "text-sources", "trafficSources": ["elb-7", {"name": "elb-8", "type": "NETWORK"}], "minHealthyAgents": None},
     group("text-sources", trafficSources=[source("elb-7"), source("elb-8", "NETWORK")])),
    # No Java program reads this one.
    ("later-source", {"name": "later-source", "trafficSources": [dict(source("elb-9"), newerKey=1)]},
     group("later-source", trafficSources=[source("elb-9")])),
    ("later-group", dict(group("later-group"), newerKey=[]), group("later-group")),
    ("only-a-name", b"", None),
]
COUNTS = [("cold", b'"3"', 3), ("cold-2", b"4", 4), ("only-a-name", None, 1)]

# Registered agents of "cold": name of the node, data, what is seen ---------------------------------------------------------

HOSTS = [
    ("_c_0b5e1a52-3f43-4c4e-8d6e-000000000001-latch-0000000000", metadata("10.2.0.1:8882"), "same"),
    ("latch-0000000001", b"http://10.2.0.2:8882/baragon-agent/v2", metadata("10.2.0.2:8882", batchEnabled=False)),
    ("n-0000000002", b"https://lb3.example.com:8882/b/", metadata("lb3.example.com:8882", baseAgentUri="https://lb3.example.com:8882/b/",
                                                                    batchEnabled=False)),
    ("latch-0000000003", b'"http://10.2.0.4:8882/baragon-agent/v2"', metadata("10.2.0.4:8882", batchEnabled=False)),
    ("latch-0000000004", {"baseAgentUri": "http://10.2.0.5:8882/b", "batchEnabled": True},
     metadata(None, baseAgentUri="http://10.2.0.5:8882/b", ec2=None)),
    ("latch-0000000005", metadata("10.2.0.6:8882", domain="d.example.com", ec2={
        "instanceId": "i-1", "availabilityZone": "z", "subnetId": "s", "vpcId": "v", "privateIp": "10.2.0.6"}, gcloud={
            "resourceGroup": "g", "project": "p", "region": None, "backendService": "b", "instanceName": "n"}, extraAgentData={"k": "v"}), "same"),
    ("latch-0000000006", dict(metadata("10.2.0.7:8882"), newerKey=1), metadata("10.2.0.7:8882")),
    ("latch-0000000007", b"{broken", None),
    # Java does not see this one.
    ("latch-0000000008", dict(metadata("10.2.0.9:8882"), gcloud={"newerKey": 1}), metadata("10.2.0.9:8882", gcloud=dict.fromkeys(
        ("resourceGroup", "project", "region", "backendService", "instanceName")))),
]
KNOWN = [
    ("10.2.0.1:8882", dict(metadata("10.2.0.1:8882"), lastSeenAt=NOW), "same"),
    ("10.2.0.5:8882", {"baseAgentUri": "http://10.2.0.5:8882/b", "agentId": "10.2.0.5:8882", "lastSeenAt": NOW},
     dict(metadata("10.2.0.5:8882", baseAgentUri="http://10.2.0.5:8882/b", ec2=None, batchEnabled=False), lastSeenAt=NOW)),
    ("10.2.0.8:8882", b"{broken", None),
]
BASE_URIS = [("/full", "full"), ("d.example.com/full", "full"), ("/é", "full")]
ALIASES = [
    ("edge-all", {"groups": ["cold", "cold-2"], "domains": ["d.example.com"], "edgeCacheDomains": ["e"]}, "same"),
    ("nulls", {"groups": None, "domains": None, "edgeCacheDomains": None}, {"groups": [], "domains": [], "edgeCacheDomains": []}),
    ("short-alias", {"groups": ["cold"]}, {"groups": ["cold"], "domains": [], "edgeCacheDomains": []}),
]
KEYS = [
    (ACTIVE_KEY, {"value": ACTIVE_KEY, "owner": "baragon", "createdAt": 1500000000000, "expiredAt": None}),
    (EXPIRED_KEY, {"value": EXPIRED_KEY, "owner": "me", "createdAt": 1500000000000, "expiredAt": 1500000000001}),
]

# What has ended: service, request id, data, has a mapping, what is seen ------------------------------------------------------

ANSWER = {"url": "http://10.2.0.1:8882/baragon-agent/v2/batch", "attempt": 0, "statusCode": 200, "content": None, "exception": None}
HISTORY = [
    ("full", "h1", response("h1", "SUCCESS", "UPDATE request succeeded!", {"APPLY": [ANSWER]},
                            request("h1", service("full", "cold"), ["10.1.0.1:80"])), True, "same"),
    ("full", "h2", response("h2", "FAILED", None), True, "same"),
    ("full", "h3", {"loadBalancerRequestId": "h3", "loadBalancerState": "CANCELED", "postApplyStepsSucceeded": False, "agentResponses": None},
     True, dict(response("h3", "CANCELED"), agentResponses=None)),
    ("full", "h4", response("h4", "INVALID_REQUEST_NOOP", "no"), False, None),  # found below its service only
]

# In flight: service, status, what a Java leader has done (sent: it has asked; answered: all; back: asked to go back), how it ends
IN_FLIGHT = [
    ("f-pending", "PENDING", (), "SUCCESS"),
    ("f-send", "SEND_APPLY_REQUESTS", (), "SUCCESS"),
    ("f-sent", "SEND_APPLY_REQUESTS", ("pending",), "SUCCESS"),
    ("f-retry", "SEND_APPLY_REQUESTS", ("APPLY-500",), "SUCCESS"),
    ("f-check", "CHECK_APPLY_RESPONSES", ("pending",), "SUCCESS"),
    ("f-answered", "CHECK_APPLY_RESPONSES", ("APPLY-200",), "SUCCESS"),
    ("f-poison", "CHECK_APPLY_RESPONSES", ("null-200",), "SUCCESS"),
    ("f-revert", "FAILED_SEND_REVERT_REQUESTS", ("APPLY-500",), "FAILED"),
    ("f-reverting", "FAILED_CHECK_REVERT_RESPONSES", ("APPLY-500", "REVERT-200"), "FAILED"),
    ("f-cancel", "CANCELLED_SEND_REVERT_REQUESTS", (), "CANCELED"),
    ("f-canceling", "CANCELLED_CHECK_REVERT_RESPONSES", ("CANCEL-200",), "CANCELED"),
    ("f-done", "COMPLETED", (), "SUCCESS"),
    ("f-done-2", "COMPLETED_POST_APPLY_FAILED", (), "SUCCESS"),
    ("f-noop", "INVALID_REQUEST_NOOP", (), "INVALID_REQUEST_NOOP"),
    ("f-failed", "FAILED_REVERTED", (), "FAILED"),
    ("f-failed-2", "FAILED_REVERT_FAILED", (), "FAILED"),
    ("f-failed-3", "FAILED_CANCEL_FAILED", (), "FAILED"),
    ("f-canceled", "CANCELLED", (), "CANCELED"),
]
TERMINAL = ("COMPLETED", "COMPLETED_POST_APPLY_FAILED", "INVALID_REQUEST_NOOP", "FAILED_REVERTED", "FAILED_REVERT_FAILED",
            "FAILED_CANCEL_FAILED", "CANCELLED")
# Items that no Java service gets past: request id (of the queue node), what is wrong.
POISONED = [("p-request", "request"), ("p-status", "status"), ("p-missing", "missing"), ("p-other", "other service"),
            ("p-service", "service record")]


class JavaTree:
    def __init__(self, zk, namespace, agents=()):
        self.zk, self.base, self.agents = zk, "/" + namespace, agents  # base URIs that a Java leader had asked
        self.items = []  # of the queue

    def put(self, path, value, **how):
        data = value if isinstance(value, bytes) else jackson(value)
        try:
            return self.zk.create(self.base + path, data, makepath=True, **how)
        except NodeExistsError:
            self.zk.set(self.base + path, data)
            return self.base + path

    def state(self, svc, rows):
        self.put("/state/" + svc["serviceId"], svc)
        for row in rows:
            self.put("/state/%s/%s" % (svc["serviceId"], node_name(row)), b"")

    # The tables -----------------------------------------------------------------------------------------------------

    def standing(self):
        """All that is not a request in flight."""
        self.put("/zk-data-version", b'"2"')
        for key, row in KEYS:
            self.put("/auth/" + key, row)
        for name, data, _ in GROUPS:
            self.put("/load-balancer/" + name, b"")
            if data:
                self.put("/load-balancer/" + name, data)
        for name, data, _ in COUNTS:
            if data:
                self.put("/load-balancer/%s/targetCount" % name, data)
        for name, data, _ in HOSTS:
            self.put("/load-balancer/cold/hosts/" + name, data, ephemeral=True)
        for name, data, _ in KNOWN:
            self.put("/load-balancer/cold/known-agents/" + name, data)
        for key, owner in BASE_URIS:
            self.put("/load-balancer/cold/base-uris/" + b64(key), owner)
        self.put("/load-balancer/cold/lastRequest", "h1")
        for name, data, _ in ALIASES:
            self.put("/aliases/" + name, data)
        for sid, rid, data, mapped, _ in HISTORY:
            self.put("/responseHistory/%s/%s" % (sid, rid), data)
            if mapped:
                self.put("/responseHistory/requestIdMapping/" + rid, sid)
        for sid, data, _ in SERVICES:
            self.put("/state/" + sid, data)
        for name, data, _ in UPSTREAMS:
            self.put("/state/full/" + name, data)
        for at in range(3):  # its data version is what counts: 2
            self.put("/state-last-updated", NOW - 3000 + at)

    def live(self, svc, names):
        """A service of the agents' group, committed by Java, with these names of upstreams."""
        self.put("/state/" + svc["serviceId"], svc)
        for name in names:
            self.put("/state/%s/%s" % (svc["serviceId"], name), b"")
        self.put("/load-balancer/web/base-uris/" + b64(svc["serviceBasePath"]), svc["serviceId"])

    def enqueue(self, rq, status, message=None):
        rid, sid = rq["loadBalancerRequestId"], rq["loadBalancerService"]["serviceId"]
        self.put("/request/" + rid, rq)
        self.put("/request/%s/status" % rid, status)
        return self.queue(sid, rid, message or rid)

    def queue(self, sid, rid, message_of=None):
        self.zk.ensure_path(self.base + "/queue")
        node = self.zk.create("%s/queue/%s|%s|" % (self.base, sid, rid), b"", sequence=True)
        if message_of:
            self.put("/request/%s/message" % rid, "Queued as QueuedRequestId{serviceId=%s, requestId=%s, index=%d}" % (
                sid, rid, int(node[-10:])))
        self.items.append(node.rsplit("/", 1)[1])
        return self.items[-1]

    def asked(self, rid, deeds):
        """Nodes of a Java leader's calls: one that is not answered, or an answer of each agent."""
        for uri in self.agents:
            for deed in deeds:
                if deed == "pending":
                    self.put("/request/%s/pendingRequests/%s" % (rid, b64(uri)), int(time.time() * 1000))
                    continue
                kind, status = deed.split("-")
                self.put("/request/%s/agent/%s-%s/%s-false-" % (rid, kind, b64(uri), status), {
                    "url": uri + "/batch", "attempt": 0, "statusCode": int(status), "content": None, "exception": None}, sequence=True)

    def in_flight(self, old, new):
        """Each service is committed with the address `old`, and is on its way to `new`."""
        for sid, status, deeds, _ in IN_FLIGHT:
            svc = service(sid)
            committed = new if status.startswith("COMPLETED") else old
            self.live(svc, [node_name(upstream(committed, "r-" + sid))])
            self.enqueue(request("r-" + sid, svc, [new], [old]), status)
            self.asked("r-" + sid, deeds)

    def poisoned(self):
        for sid, what in POISONED:
            rid = "r-" + sid
            rq = request(rid, service(sid), ["10.1.0.1:80"])
            if what == "missing":
                self.queue(sid, rid)
                continue
            self.enqueue(rq, "NO_SUCH_STATUS" if what == "status" else "PENDING")
            if what == "request":
                self.put("/request/" + rid, b'{"loadBalancerRequestId":')
            if what == "other service":
                self.put("/request/" + rid, request(rid, service("another"), []))
            if what == "service record":
                self.put("/state/" + sid, b"[]")
        self.zk.create(self.base + "/queue/no-bars-at-all", b"")
        self.items.append("no-bars-at-all")
        # Not queued any more, not yet removed; and what late writes bring back.
        self.put("/request/r-left", request("r-left", service("left"), []))
        self.put("/request/r-left/status", "COMPLETED")
        self.put("/request/r-orphan/agent/APPLY-%s/200-false-" % b64("http://10.2.0.1:8882/b"), b"", sequence=True)
