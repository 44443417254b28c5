# SPDX-License-Identifier: Apache-2.0
"""Every node that Java programs know: how it is called, how long it lives, and its bytes, key by key in their order."""
import base64
import json
import re

from kazoo.exceptions import NoNodeError

from .java_tree import b64, jackson

# Values -------------------------------------------------------------------------------------------------------------


def text(v):
    assert isinstance(v, str)


def flag(v):
    assert isinstance(v, bool)


def number(v):
    assert isinstance(v, int) and not isinstance(v, bool)


def millis(v):
    number(v)
    assert 10 ** 12 < v < 10 ** 13


def anything(v):
    pass


def one_of(*names):
    def check(v):
        assert v in names
    return check


def opt(check):
    return lambda v: v is None or check(v)


def many(check):
    def checked(v):
        assert isinstance(v, list)
        for x in v:
            check(x)
    return checked


def by_name(check, names=text):
    def checked(v):
        assert isinstance(v, dict)
        for k, x in v.items():
            names(k)
            check(x)
    return checked


def fields(**checks):
    """All of them, in this order, and no other."""
    def checked(v):
        assert isinstance(v, dict) and list(v) == list(checks), list(v)
        for k, check in checks.items():
            try:
                check(v[k])
            except AssertionError as e:
                raise AssertionError("%s: %r: %s" % (k, v[k], e)) from None
    return checked


# Payloads -------------------------------------------------------------------------------------------------------------

ACTIONS = ("UPDATE", "DELETE", "RELOAD", "REVERT", "GET_RENDERED_CONFIG", "PURGE_CACHE")
KINDS = ("APPLY", "REVERT", "CANCEL", "PURGE_CACHE")
PUBLIC = ("FAILED", "WAITING", "SUCCESS", "CANCELING", "CANCELED", "INVALID_REQUEST_NOOP")
INTERNAL = ("PENDING", "SEND_APPLY_REQUESTS", "CHECK_APPLY_RESPONSES", "FAILED_SEND_REVERT_REQUESTS", "FAILED_CHECK_REVERT_RESPONSES",
            "CANCELLED_SEND_REVERT_REQUESTS", "CANCELLED_CHECK_REVERT_RESPONSES", "COMPLETED", "COMPLETED_POST_APPLY_FAILED",
            "INVALID_REQUEST_NOOP", "FAILED_REVERTED", "FAILED_REVERT_FAILED", "CANCELLED", "FAILED_CANCEL_FAILED")

upstream = fields(upstream=text, requestId=opt(text), rackId=opt(text), group=text, resolvedUpstream=opt(text))
service = fields(serviceId=text, owners=many(text), serviceBasePath=text, additionalPaths=many(text), loadBalancerGroups=many(text),
                 options=opt(by_name(anything)), templateName=opt(text), domains=many(text), edgeCacheDNS=one_of(None),
                 edgeCacheDomains=many(text), preResolveUpstreamDNS=flag)
request = fields(loadBalancerRequestId=text, loadBalancerService=service, addUpstreams=many(upstream), removeUpstreams=many(upstream),
                 replaceUpstreams=many(upstream), replaceServiceId=one_of(None), action=opt(one_of(*ACTIONS)), noValidate=flag,
                 noReload=flag, upstreamUpdateOnly=flag, noDuplicateUpstreams=flag, purgeCache=flag)
answer = fields(url=text, attempt=number, statusCode=opt(number), content=opt(text), exception=opt(text))
response = fields(loadBalancerRequestId=text, loadBalancerState=one_of(*PUBLIC), message=opt(text),
                  agentResponses=opt(by_name(many(answer), one_of(*KINDS))), request=opt(request))
source = fields(name=text, type=one_of("CLASSIC", "ALB_TARGET_GROUP", "NETWORK"), registerBy=one_of("INSTANCE_ID", "PRIVATE_IP"))
group = fields(name=text, domain=opt(text), trafficSources=many(source), sources=one_of([]), defaultDomain=opt(text), domains=many(text),
               domainAliases=by_name(many(text)), minHealthyAgents=number)
ec2 = fields(instanceId=opt(text), availabilityZone=opt(text), subnetId=opt(text), vpcId=opt(text), privateIp=opt(text))
gcloud = fields(resourceGroup=text, project=text, region=opt(text), backendService=text, instanceName=text)
METADATA = dict(baseAgentUri=text, agentId=text, domain=opt(text), ec2=ec2, gcloud=opt(gcloud), extraAgentData=by_name(text),
                batchEnabled=one_of(True))
metadata = fields(**METADATA)
known_agent = fields(**METADATA, lastSeenAt=millis)
alias = fields(groups=many(text), domains=many(text), edgeCacheDomains=many(text))
auth_key = fields(value=text, owner=text, createdAt=millis, expiredAt=opt(millis))


# Forms of data: what the bytes must be, given what the path says ---------------------------------------------------------

def empty(data, m):
    assert data == b""


def json_of(check, own=None):
    """`own`: (key, name of the path's part) that must agree."""
    def checked(data, m):
        value = json.loads(data)
        assert jackson(value) == data, "not as Jackson writes it"
        check(value)
        if own:
            assert value[own[0]] == m.group(own[1])
    return checked


def or_empty(check):
    return lambda data, m: data == b"" or check(data, m)


def matching(pattern):
    def checked(data, m):
        assert re.fullmatch(pattern, data.decode()), pattern
    return checked


def upstream_name(data, m):
    """The canonical form, and nothing as data."""
    assert data == b""
    parts = m.group("node").split("|")
    assert len(parts) == 5 and parts[3], parts
    assert b64(base64.urlsafe_b64decode(parts[0]).decode()) == parts[0]


def base_uri(data, m):
    json_of(text)(data, m)
    assert b64(base64.urlsafe_b64decode(m.group("key")).decode()) == m.group("key")


LATCH = "_c_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-latch-[0-9]{10}"
ID = "[^/|\\s]+"
EPHEMERAL, PERSISTENT = True, False

TABLE = [(re.compile(p), how, form) for p, how, form in [
    ("", PERSISTENT, empty),
    ("/queue", PERSISTENT, empty),
    ("/queue/%s\\|%s\\|[0-9]{10}" % (ID, ID), PERSISTENT, empty),
    ("/request", PERSISTENT, empty),
    ("/request/(?P<id>%s)" % ID, PERSISTENT, json_of(request, ("loadBalancerRequestId", "id"))),
    ("/request/%s/status" % ID, PERSISTENT, json_of(one_of(*INTERNAL))),
    ("/request/%s/message" % ID, PERSISTENT, json_of(text)),
    ("/state", PERSISTENT, empty),
    ("/state/(?P<id>%s)" % ID, PERSISTENT, json_of(service, ("serviceId", "id"))),
    ("/state/%s/(?P<node>[^/]+)" % ID, PERSISTENT, upstream_name),
    ("/state-last-updated", PERSISTENT, matching("[0-9]{13}")),
    ("/load-balancer", PERSISTENT, empty),
    ("/load-balancer/(?P<id>%s)" % ID, PERSISTENT, or_empty(json_of(group, ("name", "id")))),
    ("/load-balancer/%s/hosts" % ID, PERSISTENT, empty),
    ("/load-balancer/%s/hosts/%s" % (ID, LATCH), EPHEMERAL, json_of(metadata)),
    ("/load-balancer/%s/known-agents" % ID, PERSISTENT, empty),
    ("/load-balancer/%s/known-agents/(?P<id>%s)" % (ID, ID), PERSISTENT, json_of(known_agent, ("agentId", "id"))),
    ("/load-balancer/%s/base-uris" % ID, PERSISTENT, empty),
    ("/load-balancer/%s/base-uris/(?P<key>[A-Za-z0-9_=-]+)" % ID, PERSISTENT, base_uri),
    ("/load-balancer/%s/lastRequest" % ID, PERSISTENT, json_of(text)),
    ("/load-balancer/%s/targetCount" % ID, PERSISTENT, matching('"[0-9]+"')),
    ("/workers", PERSISTENT, empty),
    ("/workers/" + LATCH, EPHEMERAL, matching("https?://[^/:]+:[0-9]+/baragon/v2")),
    ("/responseHistory", PERSISTENT, empty),
    ("/responseHistory/requestIdMapping", PERSISTENT, empty),
    ("/responseHistory/requestIdMapping/" + ID, PERSISTENT, json_of(text)),
    ("/responseHistory/(?!requestIdMapping)" + ID, PERSISTENT, empty),
    ("/responseHistory/(?!requestIdMapping/)%s/(?P<id>%s)" % (ID, ID), PERSISTENT, json_of(response, ("loadBalancerRequestId", "id"))),
    ("/auth", PERSISTENT, empty),
    ("/auth/(?P<id>%s)" % ID, PERSISTENT, json_of(auth_key, ("value", "id"))),
    ("/aliases", PERSISTENT, empty),
    ("/aliases/" + ID, PERSISTENT, json_of(alias)),
    ("/zk-data-version", PERSISTENT, matching('"2"')),
]]


class Walk:
    """All nodes of a namespace, with what is wrong of them: {path: (data, stat)}, and texts."""

    def __init__(self, zk, namespace):
        self.zk, self.base = zk, "/" + namespace
        self.nodes, self.wrong = {}, []
        self.go("")

    def go(self, path):
        try:
            data, stat = self.zk.get(self.base + path)
            children = self.zk.get_children(self.base + path)
        except NoNodeError:
            return  # it has just gone
        self.nodes[path] = (data, stat)
        if not path.startswith("/lockstep"):
            self.check(path, data, stat)
        for name in sorted(children):
            self.go(path + "/" + name)

    def check(self, path, data, stat):
        for pattern, how, form in TABLE:
            m = pattern.fullmatch(path)
            if m is None:
                continue
            try:
                assert (stat.ephemeralOwner != 0) == how, "persistent" if how else "ephemeral"
                form(data, m)
            except (AssertionError, ValueError, KeyError) as e:
                self.wrong.append("%s: %s: %r" % (path, e, data[:300]))
            return
        self.wrong.append("%s: no Java program knows it: %r" % (path, data[:100]))

    def below(self, folder):
        """{name: data} of the nodes right below it."""
        return {p[len(folder) + 1:]: d for p, (d, _) in self.nodes.items()
                if p.startswith(folder + "/") and "/" not in p[len(folder) + 1:]}
