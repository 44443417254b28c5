# SPDX-License-Identifier: Apache-2.0
"""Programs to send made-up requests to, and what judges the answers: each is what /openapi.json says, within seconds; the
programs live on, and a deploy goes through afterwards."""
import collections
import copy
import http.client
import random
import socket
import time

from .base import SLOW, http_call, wait_for
from .cluster import GROUP, SHORT
from .conforming import SECONDS, Document
from .daemons import merge
from .fancies import Maker

MASTER_KEY, OWN_KEY = "the-key-of-all-keys", "the-key-of-services"


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return "<%d %s %r>" % (self.status, self.headers, self.body[:400])


class Wire:
    """One kept connection; whatever bytes."""

    def __init__(self, port):
        self.port, self.socket = port, None

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, rq):
        fresh = self.socket is None
        try:
            return self._ask(rq)
        except (ConnectionError, http.client.HTTPException):
            self.close()  # a kept connection may end at any time; a new one may not
            if fresh:
                raise
            return self._ask(rq)
        except OSError:
            self.close()
            raise

    def _ask(self, rq):
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=3 * SECONDS * SLOW)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(encode(rq))
        answer = http.client.HTTPResponse(self.socket, method=rq.method)
        answer.begin()
        body = answer.read()
        out = Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)
        if answer.will_close:
            self.close()
        return out


def encode(rq):
    headers = dict({"Host": "127.0.0.1"}, **rq.headers)
    body = rq.body or b""
    if headers.get("Transfer-Encoding") == "chunked":
        half = len(body) // 2
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part) + b"0\r\n\r\n"
    elif rq.body is not None:
        headers["Content-Length"] = str(len(body))
    head = "%s %s HTTP/1.1\r\n" % (rq.method, rq.target) + "".join("%s: %s\r\n" % h for h in headers.items())
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + body


class Target:
    """A program with its page. keys: what to show, now and then."""

    def __init__(self, daemon, keys=()):
        self.daemon, self.keys = daemon, keys
        self.document = Document(http_call("GET", daemon.url + "/openapi.json").json())
        self.wire = Wire(daemon.port)
        self.counts = collections.Counter()

    def show_key(self, rq, rng):
        if self.keys and rng.random() < 0.8:
            key = rng.choice(self.keys)
            if rng.random() < 0.5:
                rq.headers["Authorization"] = "Bearer " + key
            else:
                rq.target += ("&" if "?" in rq.target else "?") + "authkey=" + key

    def send(self, rq):
        """The answer, or None, and the complaint about it, or None."""
        start = time.monotonic()
        try:
            answer = self.wire.ask(rq)
        except (OSError, http.client.HTTPException) as e:
            answer, why = None, "no answer: %r" % e
        if answer is not None:
            self.counts[answer.status] += 1
            why = self.document.complaint(rq.method, self.document.find(rq.method, rq.target), gunzipped(answer), (time.monotonic() - start) / SLOW)
        return answer, why and "%s\n    %r\n    %r" % (why, rq, answer)


def gunzipped(answer):
    if answer.headers.get("content-encoding") == "gzip":
        import gzip
        answer.body = gzip.decompress(answer.body)
    return answer


def prepare(make_cluster, **options):
    """The cluster: two services, the second wants keys; an agent with a HAProxy.  Not started yet."""
    options.setdefault("service_options", copy.deepcopy(SHORT))  # while its only host is excluded a batch waits for its deadline
    cluster = make_cluster(services=2, agents=1, **options)
    cluster.services[1].options = merge({"auth": {"enabled": True, "key": OWN_KEY}, "masterAuthKey": MASTER_KEY},
                                        copy.deepcopy(cluster.services[1].options))
    return cluster


def targets(cluster):
    return [Target(cluster.services[0]), Target(cluster.services[1], [OWN_KEY, OWN_KEY, OWN_KEY, MASTER_KEY, "key-0"]),
            Target(cluster.hosts[0].agent)]


def known(cluster):
    """What the names of the page stand for in this cluster."""
    services = ["s%d" % i for i in range(8)]
    requests = ["p-%d" % i for i in range(60)]
    addresses = [cluster.upstreams.address(n) for n in cluster.upstreams.ports] + ["127.0.0.1:%d" % p for p in range(30000, 30004)]
    groups = [GROUP] * 6 + ["other", "alias"]
    return {
        "requestId": requests, "loadBalancerRequestId": requests, "serviceId": services, "replaceServiceId": services,
        "group": groups, "groups": groups, "loadBalancerGroups": groups, "name": ["alias", "source"],
        "upstream": addresses, "addUpstreams": addresses, "removeUpstreams": addresses, "replaceUpstreams": addresses,
        "resolvedUpstream": addresses, "hostPort": addresses, "host": ["127.0.0.1", "localhost"], "source": ["source"],
        "basePath": ["/" + s for s in services], "serviceBasePath": ["/" + s for s in services] + ["/s0/x"],
        "additionalPaths": ["/more", "/s1/y"], "domains": ["example.com", "a.example.com"], "edgeCacheDomains": ["example.com"],
        "": addresses, "owners": ["team@example.com"], "agentId": [cluster.hosts[0].agent.id], "count": ["0", "1", "2"], "templateName": ["default"],
        "key": ["key-%d" % i for i in range(3)], "value": ["key-%d" % i for i in range(3)], "rackId": ["r1", "r2"],
        "state": ["WAITING", "SUCCESS"], "seen": ["WAITING", "SUCCESS"], "format": ["prometheus", "json", "openmetrics"], "limit": ["1", "10"], "by": ["me"],
        "option": ["balance", "a", "nginxExtraConfigs"]}


class Run:
    """Sends; collects what is wrong, each kind once."""

    def __init__(self, cluster, seed):
        self.cluster, self.rng = cluster, random.Random(seed)
        self.targets = targets(cluster)
        self.known = known(cluster)
        self.makers = [Maker(t.document, self.rng, self.known) for t in self.targets]
        self.complaints, self.sent, self.slowest = {}, 0, 0.0

    def send(self, target, rq):
        target.show_key(rq, self.rng)
        start = time.monotonic()
        answer, why = target.send(rq)
        self.slowest = max(self.slowest, time.monotonic() - start)
        self.sent += 1
        if why:
            self.complain(target, rq, why)
        assert target.daemon.running(), self.report()
        return answer

    def complain(self, target, rq, why):
        call = target.document.find(rq.method, rq.target)
        key = (target.daemon.program, call["operationId"] if call else rq.method, why.split("\n")[0][:90])
        self.complaints.setdefault(key, "%s: %s" % (target.daemon.name, why))
        assert len(self.complaints) < 30, self.report()

    def make(self, n):
        for _ in range(n):
            i = self.rng.choices(range(3), (5, 2, 3))[0]
            self.send(self.targets[i], self.makers[i].make())

    def report(self):
        lines = ["%d requests, slowest %.2f s; statuses:" % (self.sent, self.slowest)]
        lines += ["  %s: %s" % (t.daemon.name, dict(sorted(t.counts.items()))) for t in self.targets]
        return "\n".join(lines + list(self.complaints.values()))

    def finish(self):
        """Everything lives, what was queued ends, and a deploy reaches HAProxy."""
        for t in self.targets:
            t.wire.close()
        assert not self.complaints, self.report()
        assert all(t.daemon.running() for t in self.targets)
        self.cluster.call("DELETE", "/aliases/" + GROUP, service=0)
        self.cluster.call("DELETE", "/load-balancer/%s/excluded/%s" % (GROUP, self.cluster.hosts[0].agent.id), service=0)
        wait_for(lambda: self.cluster.call("GET", "/request", service=0).json() == [], 40, "what was queued has ended")
        self.cluster.deploy("last", ["u1", "u2"], 30)
        self.cluster.check_serving("last", ["u1", "u2"])
