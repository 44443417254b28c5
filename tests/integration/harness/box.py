# SPDX-License-Identifier: Apache-2.0
"""A cluster that Baragon's own integration tests would accept: with keys, a group `web` of two agents and one `edge` that
serves domains, templates of Baragon's level, and a recorder before the first agent."""
import contextlib
import urllib.parse

from .base import wait_for
from .cluster import Cluster
from .recorder import Recorder
from .daemons import AGENT_CONTEXT

KEY, MASTER = "integration-test-authkey", "the-master-key"
# nginxExtraConfigs go into the file as they are: what HAProxy does not understand, its check refuses.
TEMPLATE = """\
backend lb_{{{service.serviceId}}}
    balance roundrobin
{{#each service.options.nginxExtraConfigs}}    {{{this}}}
{{/each}}
{{#each upstreams}}    server {{{upstream}}} {{{upstream}}}
{{/each}}"""
EDGE = {"loadBalancerConfig": {"defaultDomain": "d.example", "domains": ["d.example", "e.example"]}, "heartbeatIntervalSeconds": 600}


def own_settings(excluded):
    purge = {"enabledTemplates": ["static_routes", "static_routes_akamai"]}
    if excluded:
        purge["excludedServiceIds"] = excluded
    return {"auth": {"enabled": True, "key": KEY}, "masterAuthKey": MASTER, "purgeCache": purge}


class Box(Cluster):
    def __init__(self, folder, zk, namespace):
        super().__init__(folder, zk, namespace, services=2, agents=3, style="per-service")
        self.services[0].options = own_settings(["excludedServiceId"])
        self.services[1].options = own_settings([])
        self.web, self.edge = self.hosts[:2], self.hosts[2]
        self.edge.agent.group = "edge"
        self.recorder = Recorder(AGENT_CONTEXT)
        self.recorder.target = "http://127.0.0.1:%d" % self.hosts[0].agent.port
        for h in self.hosts:
            h.agent.templates = {"templates": [{"filename": "backends/%s.cfg", "template": TEMPLATE,
                                                "namedTemplates": {"static_routes": TEMPLATE,
                                                                   "static_routes_akamai": TEMPLATE}}]}
            h.agent.options = {"auth": {"enabled": True}, "templateLevel": "baragon", **(EDGE if h is self.edge else {})}
        self.hosts[0].agent.options["baseUrlTemplate"] = self.recorder.url

    def start(self):
        self.recorder.start()
        return super().start()

    def stop(self):
        super().stop()
        self.recorder.stop()

    def wait_agents(self, n):
        wait_for(lambda: sum(len(self.call("GET", "/load-balancer/%s/agents" % g).json()) for g in ("web", "edge")) == n,
                 15, "%d agents registered" % n)

    def call(self, method, path, body=None, timeout=10, service=None, headers=None, key=KEY):
        """As BaragonServiceClient: the key in the query; GETs come without one, as the scheduler's state reads do."""
        if key and method != "GET":
            path += ("&" if "?" in path else "?") + "authkey=" + key
        return super().call(method, path, body, timeout, service, headers)

    def leading(self):
        """Index of the service that leads."""
        return self.services.index(self.leader())

    def setup_service(self, service, names=("u1",), wanted="SUCCESS", rid=None, **more):
        """The tests' helper of that name: enqueue an UPDATE, wait for its end; the last answer."""
        rid = rid or self.new_id(service)
        body = self.request(rid, service, add=names, action="UPDATE", **more)
        assert self.post(body)["loadBalancerRequestId"] == rid
        return self.wait_state(rid, wanted)

    def base_paths(self, group="web"):
        return self.call("GET", "/load-balancer/%s/base-path/all" % group).json()

    def owner(self, path, group="web"):
        """The service that holds a base path, or None."""
        answer = self.call("GET", "/load-balancer/%s/base-path?basePath=%s" % (group, urllib.parse.quote(path, safe="")))
        assert answer.status in (200, 404), answer
        return answer.json()["serviceId"] if answer.status == 200 else None

    def teardown(self):
        """The tests' own: every service is deleted, which must succeed, and is gone then."""
        rids = {}
        for state in self.call("GET", "/state", service=self.leading()).json():
            service = state["service"]["serviceId"]
            answer = self.call("DELETE", "/state/" + service)
            assert answer.status == 200, answer
            rids[service] = answer.json()["loadBalancerRequestId"]
        for service, rid in rids.items():
            self.wait_state(rid, "SUCCESS")
            assert self.call("GET", "/state/" + service).status == 404
        self.recorder.forget()


@contextlib.contextmanager
def standing(box):
    """The box, started; stopped, and judged, at the end."""
    try:
        yield box.start()
    finally:
        box.stop()
    complaints = box.complaints()
    assert not complaints, "\n".join(complaints)
