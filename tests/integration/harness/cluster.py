# SPDX-License-Identifier: Apache-2.0
"""Everything together: services, agents with a HAProxy each, upstreams; and the words tests speak in."""
import json
import os
import re
import time

from .base import read_file, wait_for
from .cut import Tap
from .daemons import Agent, Service
from .haproxy import HAProxy
from .styles import STYLES
from .traffic import Traffic, Upstreams

TERMINAL = ("SUCCESS", "FAILED", "CANCELED", "INVALID_REQUEST_NOOP")
GROUP = "web"

# Deadlines short enough for tests of what happens when they pass.
SHORT = {"worker": {"prepareDeadlineMs": 4000, "applyDeadlineMs": 6000, "revertDeadlineMs": 6000,
                    "agentCallTimeoutMs": 1500}}


class Host:
    """A load-balancer host: its agent, its HAProxy, its folder of managed files."""

    def __init__(self, cluster, number, style, taps, options):
        self.name = "lb%d" % number
        self.root = os.path.join(cluster.folder, self.name, "managed")
        os.makedirs(self.root, exist_ok=True)
        self.style = STYLES[style](self.root)
        self.haproxy = HAProxy(cluster.folder, self.name + "-haproxy", self.style.routing(), self.style.includes())
        self.agent = Agent(cluster.folder, self.name + "-agent", cluster.zk.quorum, cluster.namespace, GROUP,
                           self.root, self.haproxy, self.style.templates(), options)
        self.taps = []
        if taps:
            self.master_tap = self._tap("master", self.haproxy.master_socket)
            self.stats_tap = self._tap("stats", self.haproxy.stats_socket)
            self.agent.master_socket, self.agent.stats_socket = self.master_tap.path, self.stats_tap.path

    def _tap(self, name, target):
        tap = Tap(os.path.join(os.path.dirname(self.root), name + ".tap"), target)
        self.taps.append(tap)
        return tap

    def start_haproxy(self):
        """It needs the files that the agent renders at its join."""
        wait_for(lambda: all(os.path.exists(f) for f in self.style.needed()), 15,
                 self.name + ": files of the agent")
        self.haproxy.start()

    def answers(self, service):
        """Who answers a new connection for this service."""
        return self.haproxy.get(service + "/x").text

    def take_name(self, service):
        """The operator gets a backend of that service's name: HAProxy refuses a second one."""
        self.haproxy.configure("\nbackend %s\n    server x 127.0.0.1:9\n" % self.style.backend(service))

    def serving(self, service):
        return self.haproxy.servers().get(self.style.backend(service), [])

    def file_of(self, service):
        return self.style.file_of(service)


class Cluster:
    def __init__(self, folder, zk, namespace, services=1, agents=2, style="collected",
                 upstreams=("u1", "u2", "u3", "u4"), taps=False, service_options=None, agent_options=None):
        self.folder, self.zk, self.namespace = folder, zk, namespace
        self.services = [Service(folder, "service%d" % (i + 1), zk.quorum, namespace, service_options)
                         for i in range(services)]
        self.hosts = [Host(self, i + 1, style, taps, agent_options) for i in range(agents)]
        self.upstreams = Upstreams(folder, upstreams)
        self.group = GROUP
        self.live = {}      # service -> names of its upstreams, by what was SUCCESS
        self.extra = []     # other processes to stop with us
        self._serial = 0

    # Life ---------------------------------------------------------------------------------------------------

    def start(self):
        if not self.upstreams.running():
            self.upstreams.start()
        for s in self.services:
            s.spawn()
        for s in self.services:
            s.wait_ready()
        if self.services:
            self.leader()
        for h in self.hosts:
            h.agent.spawn()
        for h in self.hosts:
            h.start_haproxy()
        for h in self.hosts:
            h.agent.wait_ready()
        if self.services:
            self.wait_agents(len(self.hosts))
        return self

    def stop(self):
        for t in self.extra:
            t.stop()
        for s in self.services:  # all at the same time: each gives its idle connections a moment
            s.ask_to_stop()
        for h in self.hosts:
            for tap in h.taps:
                tap.release()
            h.agent.ask_to_stop()
        for s in self.services:
            s.stop()
        for h in self.hosts:
            h.agent.stop()
            h.haproxy.stop()
            for tap in h.taps:
                tap.stop()
        self.upstreams.stop()

    def processes(self):
        return [p for h in self.hosts for p in (h.agent, h.haproxy)] + self.services + [self.upstreams] + self.extra

    def complaints(self):
        out = [c for p in self.processes() for c in p.complaints()]
        return out + ["%s: HAProxy was restarted %d times" % (h.name, h.haproxy.restarts)
                      for h in self.hosts if h.haproxy.restarts]

    # The service's API --------------------------------------------------------------------------------------

    def call(self, method, path, body=None, timeout=10, service=None, headers=None):
        s = self.services[service] if service is not None else next(x for x in self.services if x.running())
        return s.call(method, path, body, timeout, headers)

    def leader(self):
        return wait_for(lambda: next((s for s in self.services if s.leads()), None), 20, "a service leads")

    def wait_agents(self, n):
        wait_for(lambda: len(self.call("GET", "/load-balancer/%s/agents" % GROUP).json()) == n, 15,
                 "%d agents registered" % n)

    def new_id(self, service="r"):
        self._serial += 1
        return "%s-%d" % (service, self._serial)

    def request(self, rid, service, add=(), remove=(), **more):
        """The body of a request; names of upstreams become addresses, what is none passes as it is."""
        def rows(names):
            return [{"upstream": self.upstreams.address(n) if n in self.upstreams.ports else n} for n in names]
        body = {
            "loadBalancerRequestId": rid,
            "loadBalancerService": {"serviceId": service, "owners": ["team@example.com"],
                                    "serviceBasePath": "/" + service, "loadBalancerGroups": [GROUP], "options": {}},
            "addUpstreams": rows(add), "removeUpstreams": rows(remove)}
        body["loadBalancerService"].update(more.pop("service_fields", {}))
        body.update(more)
        return body

    def post(self, body, timeout=10, service=None):
        """Must be accepted: 200; the answer's object."""
        answer = self.call("POST", "/request", body, timeout, service)
        assert answer.status == 200, answer
        return answer.json()

    def get(self, rid, service=None):
        """The request's answer, or None where it is unknown."""
        answer = self.call("GET", "/request/" + rid, timeout=5, service=service)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise OSError("GET /request/%s: %r" % (rid, answer))
        return answer.json()

    def wait_state(self, rid, wanted="SUCCESS", timeout=20, every=0.004):
        """Poll as a scheduler does until the request is terminal, which must be `wanted`."""
        def check():
            answer = self.get(rid)
            return answer if answer and answer["loadBalancerState"] in TERMINAL else None
        try:
            answer = wait_for(check, timeout, "%s terminal" % rid, every)
        except AssertionError as e:
            raise AssertionError("%s; last answer: %s" % (e, json.dumps(self.get(rid)))) from None
        wanted = (wanted,) if isinstance(wanted, str) else wanted
        assert answer["loadBalancerState"] in wanted, answer
        return answer

    def deploy_body(self, service, names, rid=None, **more):
        old = self.live.get(service, [])
        return self.request(rid or self.new_id(service), service, add=[n for n in names if n not in old],
                            remove=[n for n in old if n not in names], **more)

    def deploy(self, service, names, timeout=20, **more):
        """Post it, wait for SUCCESS; (time of the post, time at which SUCCESS was seen), both in ns."""
        body = self.deploy_body(service, names, **more)
        posted = time.monotonic_ns()
        first = self.post(body)
        assert first["loadBalancerState"] in ("WAITING", "SUCCESS"), first
        self.wait_state(body["loadBalancerRequestId"], "SUCCESS", timeout)
        seen = time.monotonic_ns()
        self.live[service] = list(names)
        return posted, seen

    def state(self, service):
        answer = self.call("GET", "/state/" + service)
        return answer.json() if answer.status == 200 else None

    def committed(self, service):
        """Sorted addresses of the committed upstreams, or None."""
        state = self.state(service)
        return sorted(u["upstream"] for u in state["upstreams"]) if state else None

    # The hosts ----------------------------------------------------------------------------------------------

    def check_serving(self, service, names, hosts=None):
        """On every host: the running HAProxy has these servers and new connections reach only them."""
        want = sorted(self.upstreams.address(n) for n in names)
        for h in hosts or self.hosts:
            assert h.serving(service) == want, (h.name, h.serving(service), want)
            for _ in range(2 * len(names)):
                assert h.answers(service) in names, h.name
            text = read_file(h.file_of(service))
            assert all(a in text for a in want), (h.name, text)

    def traffic(self, services, **options):
        """A load on every service through every HAProxy; target i is (host i // S, service i % S)."""
        t = Traffic(self.folder, [(h.haproxy.port, s + "/t") for h in self.hosts for s in services],
                    name="traffic%d" % len(self.extra), **options)
        self.extra.append(t)
        return t

    # ZooKeeper, seen by a client that is not ours -------------------------------------------------------------

    def zk_children(self, path):
        from kazoo.exceptions import NoNodeError
        with self.zk.client() as zk:
            try:
                return zk.get_children("/" + self.namespace + path)
            except NoNodeError:
                return []

    def wait_decided(self, timeout=15):
        """Until a decision is recorded."""
        with self.zk.client() as zk:
            base = "/" + self.namespace + "/lockstep/decided"
            wait_for(lambda: zk.exists(base) and zk.get_children(base), timeout, "a decision", 0.002)

    def nothing_queued(self):
        left = [p for p in ("/queue", "/request", "/lockstep/decided", "/state") if self.zk_children(p)]
        return not left or left

    def history_of(self, service, rid):
        return rid in self.zk_children("/responseHistory/" + service)


def hosts_named(message, hosts):
    """Which of the hosts a message names."""
    return [h.name for h in hosts if re.search(re.escape(h.agent.id) + r"\b", message or "")]
