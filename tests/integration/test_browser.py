# SPDX-License-Identifier: Apache-2.0
"""Baragon's web page against our service: its calls, byte for byte, one test per row of its feature table with a call of ours.

What the page reads of an answer is read here as it reads it; the calls that its buttons make are made as they make them."""
import http.client
import json
import os
import re
import time
import urllib.parse

import pytest

from harness.base import SLOW, wait_for
from harness.box import KEY, Box, standing

NOTHING = object()
ABSENT = "ElbSync and related actions are not currently enabled"


class Pop(Exception):
    """The page's pop-up: status and the text it shows."""


class Page:
    """fetch(apiRoot + path) as the page wraps it."""

    def __init__(self, url, key=None):
        self.url, self.key = urllib.parse.urlsplit(url), key

    def send(self, method, path, body, headers):
        if self.key:
            path += ("&" if "?" in path else "?") + "authkey=" + self.key  # as it is, not encoded
        conn = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=10 * SLOW)
        try:
            conn.request(method, self.url.path + path, body, {
                "Cookie": "session=0123456789abcdef; theme=dark", "User-Agent": "Mozilla/5.0", "Accept-Language": "en",
                "Accept-Encoding": "identity", "Referer": "http://page.example/baragon/v2/ui/services", **headers})
            res = conn.getresponse()
            return res, res.read()
        finally:
            conn.close()

    def read(self, res, data):
        """204 is nothing; anything else must have a Content-Type, else the page's code throws."""
        if res.status == 204:
            assert data == b""
            return None
        kind = res.getheader("Content-Type")
        assert kind is not None, "an answer without Content-Type: %d" % res.status
        value = json.loads(data) if "application/json" in kind else data.decode()
        if res.status >= 400:
            raise Pop(res.status, value["message"] if isinstance(value, dict) else value)
        return value

    def get(self, path):
        return self.read(*self.send("GET", path, None, {"Accept": "*/*"}))

    def json(self, method, path, body=None):
        """A "JSON call": both headers and a body, `{}` if there is nothing to say; for DELETE too."""
        data = json.dumps({} if body is None else body, separators=(",", ":"))
        return self.read(*self.send(method, path, data, {"Content-Type": "application/json", "Accept": "application/json"}))

    def bare(self, method, path):
        """No body and no Content-Type."""
        return self.read(*self.send(method, path, None, {"Accept": "*/*"}))


@pytest.fixture(scope="module")
def cluster(run_dir, shared_zk):
    box = Box(os.path.join(run_dir, "browser"), shared_zk, "browser-%d" % os.getpid())
    for s in box.services:
        s.options["enableCorsFilter"] = True
    with standing(box) as started:
        yield started


@pytest.fixture
def box(cluster):
    yield cluster
    cluster.teardown()


@pytest.fixture
def page(cluster):
    """In edit mode, on the service that leads."""
    return Page(cluster.leader().url, KEY)


@pytest.fixture
def looking(cluster):
    """Without a key."""
    return Page(cluster.leader().url)


def service_of(page, service):
    """GET /state/{id} as the service page has it."""
    state = page.get("/state/" + service)
    assert {"serviceId", "serviceBasePath", "owners", "loadBalancerGroups"} <= set(state["service"])
    assert all({"upstream", "rackId", "group"} <= set(u) for u in state["upstreams"])
    return state


def follow(box, answer):
    """After an action the browser goes to /requests/{id} of the answer."""
    box.wait_state(answer["loadBalancerRequestId"], "SUCCESS")


def remove(page, state, upstreams, validate=True, reload=True):
    """The body of its remove-upstreams button: objects as they came, no action, no replaceUpstreams."""
    return page.json("POST", "/request", {
        "loadBalancerService": state["service"], "noValidate": not validate, "noReload": not reload,
        "loadBalancerRequestId": "%s-%d" % (state["service"]["serviceId"], time.time_ns() // 1000000),
        "addUpstreams": [], "removeUpstreams": upstreams})


# Edit mode -------------------------------------------------------------------------------------------------------------

def test_enable_edit(box, looking):
    assert looking.get("/auth/key/verify?authkey=" + KEY) is None
    with pytest.raises(Pop) as pop:
        looking.get("/auth/key/verify?authkey=no-such-key")
    assert pop.value.args[0] == 403
    with pytest.raises(Pop) as pop:
        looking.json("POST", "/state/shop/reload")
    assert pop.value.args == (403, "HTTP 403 Forbidden")


# Status ----------------------------------------------------------------------------------------------------------------

def test_status_lags(box, looking, page):
    for p in (looking, page):
        status = p.get("/status/master")
        assert status["zookeeperState"] == "CONNECTED" and 0 <= status["workerLagMs"] < 60000
        assert all(isinstance(status[k], int) for k in ("elbWorkerLagMs", "oldestPendingRequest"))


def test_status_workers(box, looking):
    for uri in looking.get("/workers"):
        assert Page(uri).get("/status")["zookeeperState"] == "CONNECTED"  # its link


def test_status_pending_requests(box, looking, page):
    with box.recorder.held():
        box.post(box.request("pending", "shop", add=["u1"]))
        assert [r["requestId"] for r in looking.get("/request")] == ["pending"]
        assert page.get("/request/pending")["loadBalancerState"] == "WAITING"
    box.wait_state("pending")


# Services --------------------------------------------------------------------------------------------------------------

def test_services(box, looking, page):
    """The table, and its three actions per row."""
    box.setup_service("shop", ["u1", "u2"])
    box.setup_service("blog", ["u3"])
    rows = {s["service"]["serviceId"]: s for s in looking.get("/state")}
    assert {i: len(s["upstreams"]) for i, s in rows.items()} == {"shop": 2, "blog": 1}
    assert all(s["service"]["serviceBasePath"] == "/" + i and s["service"]["loadBalancerGroups"] == ["web"] for i, s in rows.items())
    follow(box, page.json("POST", "/state/shop/reload"))
    follow(box, remove(page, rows["shop"], rows["shop"]["upstreams"]))
    follow(box, page.json("DELETE", "/state/blog?noValidate=false&noReload=false"))
    wait_for(lambda: [(s["service"]["serviceId"], s["upstreams"]) for s in looking.get("/state")] == [("shop", [])], 5, "the table")


def test_service_reload(box, looking, page):
    body = box.request("made", "shop", add=["u1"])
    body["addUpstreams"][0]["rackId"] = "r1"
    box.post(body)
    box.wait_state("made")
    state = service_of(looking, "shop")
    assert state["service"]["owners"] == ["team@example.com"]
    assert [(u["upstream"], u["rackId"], u["group"]) for u in state["upstreams"]] == [
        (box.upstreams.address("u1"), "r1", "default")]
    answer = page.json("POST", "/state/shop/reload")
    assert re.fullmatch(r"shop-\d+-RELOAD", answer["loadBalancerRequestId"])
    follow(box, answer)
    assert service_of(looking, "shop") == state


def test_service_recent_requests_and_purge(box, looking, page):
    box.setup_service("shop", ["u1"], rid="shop-a")
    box.setup_service("shop", ["u1"], "FAILED", rid="shop-b", service_fields={"options": {"nginxExtraConfigs": ["nonsense"]}})
    follow(box, page.json("POST", "/purgeCache/shop"))
    rows = [(r["loadBalancerRequestId"], r["loadBalancerState"]) for r in looking.get("/request/history/shop")]
    assert rows[1:3] == [("shop-b", "FAILED"), ("shop-a", "SUCCESS")] and rows[0][1] == "SUCCESS", rows
    assert re.fullmatch(r"shop-\d+-PURGE_CACHE", rows[0][0])


@pytest.mark.parametrize("validate, reload", [(True, True), (False, True), (True, False)])
def test_service_remove_upstreams(box, looking, page, validate, reload):
    """All of them, with its tick boxes; the object it copies is the state's, stored fields and all."""
    box.setup_service("shop", ["u1", "u2"])
    state = service_of(looking, "shop")
    answer = remove(page, state, state["upstreams"], validate, reload)
    assert answer["request"]["action"] is None and answer["request"]["loadBalancerService"] == state["service"]
    assert (answer["request"]["noValidate"], answer["request"]["noReload"]) == (not validate, not reload)
    follow(box, answer)
    assert service_of(looking, "shop") == {"service": state["service"], "upstreams": []}


def test_service_remove_one_upstream(box, looking, page):
    box.setup_service("shop", ["u1", "u2"])
    state = service_of(looking, "shop")
    first, second = state["upstreams"]
    follow(box, remove(page, state, [first]))
    assert service_of(looking, "shop")["upstreams"] == [second]
    box.check_serving("shop", [n for n in ("u1", "u2") if box.upstreams.address(n) == second["upstream"]], box.web)


def test_service_rendered_configs_and_delete(box, looking, page):
    box.setup_service("shop", ["u1"])
    files = looking.get("/renderedConfigs/shop")
    assert [os.path.basename(f["fullPath"]) for f in files] == ["shop.cfg"] and box.upstreams.address("u1") in files[0]["content"]
    follow(box, page.json("DELETE", "/state/shop?noValidate=true&noReload=false"))
    with pytest.raises(Pop) as pop:
        looking.get("/state/shop")
    assert pop.value.args == (404, "HTTP 404 Not Found")  # silent on the page


def test_request(box, looking):
    """Summary, answers of agents by type, the original request; an unknown id is a 404 that the page can read."""
    box.setup_service("shop", ["u1"], "FAILED", rid="bad", service_fields={"options": {"nginxExtraConfigs": ["nonsense"]}})
    answer = looking.get("/request/bad")
    assert answer["loadBalancerRequestId"] == "bad" and "nonsense" in answer["message"]
    assert answer["request"]["loadBalancerService"]["serviceId"] == "shop"
    assert set(answer["agentResponses"]) == {"APPLY", "REVERT"}
    for rows in answer["agentResponses"].values():
        assert all({"url", "attempt", "statusCode", "content", "exception"} == set(r) for r in rows), rows
    with pytest.raises(Pop) as pop:
        looking.get("/request/none")
    assert pop.value.args == (404, "HTTP 404 Not Found")


# Groups ----------------------------------------------------------------------------------------------------------------

def test_groups(box, looking):
    rows = {g["name"]: g for g in looking.get("/load-balancer/all")}
    assert rows["edge"]["defaultDomain"] == "d.example" and rows["web"]["defaultDomain"] is None
    assert all(isinstance(g["trafficSources"], list) for g in rows.values())


def test_group_target_count(box, looking, page):
    group = looking.get("/load-balancer/edge")
    assert {"domain", "domains", "trafficSources"} <= set(group)
    assert looking.get("/load-balancer/edge/count") == 1
    assert page.bare("POST", "/load-balancer/edge/count?count=2") == 2
    assert looking.get("/load-balancer/edge/count") == 2
    assert page.bare("POST", "/load-balancer/edge/count?count=1") == 1


def test_group_domains_served(box, looking):
    group = looking.get("/load-balancer/edge")
    assert sorted(group["domains"]) == ["d.example", "e.example"] and group["defaultDomain"] == "d.example"


@pytest.mark.parametrize("kind, by", [("CLASSIC", "INSTANCE_ID"), ("ALB_TARGET_GROUP", "PRIVATE_IP")])
def test_group_traffic_sources(box, looking, page, kind, by):
    source = {"type": kind, "registerBy": by, "name": "elb-1"}
    as_stored = {"name": "elb-1", "type": kind, "registerBy": by}
    assert page.json("POST", "/load-balancer/edge/traffic-source", source)["trafficSources"] == [as_stored]
    assert looking.get("/load-balancer/edge")["trafficSources"] == [as_stored]
    assert page.json("DELETE", "/load-balancer/edge/traffic-source", as_stored)["trafficSources"] == []  # a body on DELETE
    with pytest.raises(Pop) as pop:
        Page(box.leader().url).json("DELETE", "/load-balancer/edge/traffic-source", as_stored)
    assert pop.value.args[0] == 403


def test_group_active_agents(box, looking):
    rows = looking.get("/load-balancer/edge/agents")
    assert [(a["agentId"], a["ec2"]["instanceId"]) for a in rows] == [(box.edge.agent.id, None)]
    assert Page(rows[0]["baseAgentUri"]).get("/status")["group"] == "edge"  # its link


def test_group_known_agents(box, looking, page):
    rows = looking.get("/load-balancer/edge/known-agents")
    assert [r["agentId"] for r in rows] == [box.edge.agent.id] and rows[0]["lastSeenAt"] > 1500000000000
    assert page.bare("DELETE", "/load-balancer/edge/known-agents/" + rows[0]["agentId"]) is None
    assert looking.get("/load-balancer/edge/known-agents") == []


def test_group_base_paths(box, looking, page):
    """The path goes into the query as it is."""
    box.setup_service("shop", ["u1"], service_fields={"serviceBasePath": "/shop/v1", "additionalPaths": ["/a/b:c@d"]})
    assert sorted(looking.get("/load-balancer/web/base-path/all")) == ["/a/b:c@d", "/shop/v1"]
    for path in ("/a/b:c@d", "/shop/v1"):
        assert page.bare("DELETE", "/load-balancer/web/base-path?basePath=" + path) is None
    assert looking.get("/load-balancer/web/base-path/all") == []


# Load balancers of AWS: not there, and the page can say so -----------------------------------------------------------------

@pytest.mark.parametrize("method, path, body", [
    ("GET", "/albs/load-balancers", NOTHING), ("GET", "/elbs", NOTHING), ("GET", "/albs/target-groups", NOTHING),
    ("GET", "/elbs/e1", NOTHING), ("GET", "/elbs/e1/instances", NOTHING),
    ("POST", "/elbs/e1/update?instanceId=i-1", {}), ("DELETE", "/elbs/e1/update?instanceId=i-1", NOTHING),
    ("GET", "/albs/load-balancers/a1", NOTHING), ("GET", "/albs/load-balancers/a1/listeners", NOTHING),
    ("GET", "/albs/listeners/rules/arn:aws:elasticloadbalancing:us-east-1:1:listener/app/a1/5/f", NOTHING),
    ("GET", "/albs/target-groups/t1", NOTHING), ("GET", "/albs/target-groups/t1/targets", NOTHING),
    ("POST", "/albs/target-group/t1/targets?instanceId=i-1", {}), ("DELETE", "/albs/target-groups/t1/targets/i-1", {}),
    ("POST", "/albs/target-groups/t1", {"healthCheckProtocol": "HTTP", "healthCheckPort": "80", "healthCheckPath": "/"})])
def test_load_balancers(box, page, method, path, body):
    with pytest.raises(Pop) as pop:
        page.bare(method, path) if body is NOTHING else page.json(method, path, body)
    assert pop.value.args[0] == 500 and pop.value.args[1] in (ABSENT, ABSENT.replace("are not", "not")), pop.value.args


# The page somewhere else (localStorage's apiRootOverride) -------------------------------------------------------------------

def test_page_on_another_origin(box, page):
    """A browser asks before its JSON calls and its DELETEs, without the key, and shows a page what it may read."""
    origin = {"Origin": "http://page.example"}
    for method, path in (("POST", "/request"), ("DELETE", "/state/shop"), ("DELETE", "/load-balancer/edge/traffic-source")):
        res, _ = Page(box.leader().url).send("OPTIONS", path, None, {
            **origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": "accept,content-type"})
        assert res.status == 200 and res.getheader("Access-Control-Allow-Origin") == "http://page.example"
        assert method in res.getheader("Access-Control-Allow-Methods").split(",")
        assert res.getheader("Access-Control-Allow-Credentials") == "true"  # cookies are included
    for path, status in (("/state", 200), ("/request/none", 404)):
        res, _ = page.send("GET", path, None, origin)
        assert (res.status, res.getheader("Access-Control-Allow-Origin")) == (status, "http://page.example")
        assert "Origin" in ",".join(res.headers.get_all("Vary"))
