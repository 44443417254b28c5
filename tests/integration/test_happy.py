# SPDX-License-Identifier: Apache-2.0
"""What all of it is for: a request is posted, and when SUCCESS can be seen, traffic goes where it says."""
import json
import subprocess

import pytest

from harness.base import wait_for
from harness.traffic import stale


def curl(*args):
    out = subprocess.run(["curl", "-sS", "--max-time", "10", *args], capture_output=True, text=True, check=True)
    return out.stdout


def test_first_exchange(cluster):
    """http-api's first exchange, by curl: WAITING, then SUCCESS."""
    base = cluster.services[0].url
    address = cluster.upstreams.address("u1")
    body = {"loadBalancerRequestId": "deploy-17",
            "loadBalancerService": {"serviceId": "shop", "owners": ["team@example.com"], "serviceBasePath": "/shop",
                                    "loadBalancerGroups": ["web"],
                                    "options": {"nginxExtraConfigs": ["rewrite /a /b;"]}},
            "addUpstreams": [{"upstream": address, "rackId": "us-east-1a"}], "removeUpstreams": []}
    first = json.loads(curl("-X", "POST", "-H", "Content-Type: application/json", "-d", json.dumps(body),
                            base + "/request"))
    assert list(first) == ["loadBalancerRequestId", "loadBalancerState", "message", "agentResponses", "request"]
    assert first["loadBalancerState"] == "WAITING"
    assert first["message"].startswith("Queued as QueuedRequestId{serviceId=shop, requestId=deploy-17, index=")
    assert first["agentResponses"] == {}
    echo = first["request"]
    assert echo["addUpstreams"] == [{"upstream": address, "requestId": "deploy-17", "rackId": "us-east-1a",
                                     "group": "default", "resolvedUpstream": None}]
    assert list(echo) == ["loadBalancerRequestId", "loadBalancerService", "addUpstreams", "removeUpstreams",
                          "replaceUpstreams", "replaceServiceId", "action", "noValidate", "noReload",
                          "upstreamUpdateOnly", "noDuplicateUpstreams", "purgeCache"]

    def last():
        answer = json.loads(curl(base + "/request/deploy-17"))
        assert answer["loadBalancerState"] in ("WAITING", "SUCCESS"), answer
        return answer if answer["loadBalancerState"] == "SUCCESS" else None
    done = wait_for(last, 15, "SUCCESS")
    assert done["message"] == "UPDATE request succeeded! Added upstreams: [%s], Removed upstreams: []" % address
    apply = done["agentResponses"]["APPLY"]
    assert len(apply) == 2 and all(r["statusCode"] == 200 for r in apply), apply
    for h in cluster.hosts:
        assert curl(h.haproxy.url + "/shop/cart") == "u1"
    state = json.loads(curl(base + "/state/shop"))
    assert state["upstreams"] == [{"upstream": address, "requestId": "deploy-17", "rackId": "us-east-1a",
                                   "group": "default", "resolvedUpstream": None}]
    assert cluster.history_of("shop", "deploy-17")
    cluster.check_serving("shop", ["u1"])


def deploy_under_traffic(cluster, services, rounds):
    """Deploys one after the other, each replacing the only upstream, with a load through every HAProxy."""
    names = cluster.upstreams.names
    changes = {s: [] for s in services}
    for s in services:
        posted, seen = cluster.deploy(s, [names[0]])
        changes[s].append((posted, seen, names[0]))
    with cluster.traffic(services, rate=150) as load:
        for i in range(rounds):
            s = services[i % len(services)]
            name = names[(i // len(services) + 1) % len(names)]
            posted, seen = cluster.deploy(s, [name])
            changes[s].append((posted, seen, name))
            for h in cluster.hosts:
                assert h.answers(s) == name, (h.name, i)
    per_target = {i: changes[services[i % len(services)]] for i in range(len(load.targets))}
    samples = load.samples()
    bad = stale(samples, per_target)
    assert load.failures() == []
    assert bad == [], "%d stale of %d: %r" % (len(bad), len(samples), bad[:5])
    took = [(seen - posted) / 1e6 for rows in changes.values() for posted, seen, _ in rows]
    took.sort()
    print("%d deploys, POST to SUCCESS p50 %.0f ms, p99 %.0f ms, max %.0f ms; %d requests, 0 failed, 0 stale" % (
        len(took), took[len(took) // 2], took[len(took) * 99 // 100], took[-1], len(samples)))
    return samples


@pytest.mark.long
@pytest.mark.limit(300)
def test_200_deploys_with_collected_templates(cluster):
    assert len(deploy_under_traffic(cluster, ["s1", "s2"], 200)) > 1000
    assert all(h.haproxy.fingerprint() for h in cluster.hosts)


@pytest.mark.limit(180)
def test_40_deploys_with_per_service_templates(make_cluster):
    cluster = make_cluster(style="per-service").start()
    assert len(deploy_under_traffic(cluster, ["s1", "s2"], 40)) > 300


def test_a_service_and_another_whose_name_it_begins(cluster):
    """/svc1 must not match /svc10, whichever came first."""
    cluster.deploy("svc1", ["u1"])
    cluster.deploy("svc10", ["u2"])
    for h in cluster.hosts:
        assert h.answers("svc1") == "u1" and h.answers("svc10") == "u2"
        assert h.haproxy.get("svc100/x").status == 404


def test_many_services_in_one_batch(cluster):
    """Posted together, decided together where possible; each its own answer, each where it belongs."""
    names = cluster.upstreams.names
    rows = [("svc%d" % i, names[i % len(names)]) for i in range(20)]
    for s, name in rows:
        cluster.post(cluster.request("r-" + s, s, add=[name]))
    for s, name in rows:
        cluster.wait_state("r-" + s)
    for s, name in rows:
        cluster.check_serving(s, [name])


def test_delete_takes_it_off(cluster):
    cluster.deploy("s1", ["u1"])
    cluster.deploy("s2", ["u2"])
    answer = cluster.call("DELETE", "/state/s1").json()
    rid = answer["loadBalancerRequestId"]
    assert rid.startswith("s1-") and rid.endswith("-DELETE") and answer["loadBalancerState"] == "WAITING"
    cluster.wait_state(rid)
    assert cluster.call("GET", "/state/s1").status == 404
    for h in cluster.hosts:
        assert h.haproxy.get("s1/x").status == 404 and h.answers("s2") == "u2"


def test_same_id_again_is_one_deploy(cluster):
    body = cluster.request("once", "s1", add=["u1"])
    cluster.post(body)
    cluster.wait_state("once")
    reloads = [h.haproxy.show_proc()["reloads"] for h in cluster.hosts]
    assert cluster.post(body)["loadBalancerState"] == "SUCCESS"
    other = cluster.request("fresh", "s1", add=["u2"])
    cluster.post(other)
    different = dict(other, addUpstreams=[{"upstream": "127.0.0.1:1"}])
    again = cluster.post(different)
    if again["loadBalancerState"] == "FAILED":  # it was still in flight
        assert again["message"] == "Request fresh is already enqueued with different parameters"
    cluster.wait_state("fresh")
    assert cluster.committed("s1") == sorted(map(cluster.upstreams.address, ["u1", "u2"]))
    assert all(h.haproxy.show_proc()["reloads"] == r + 1 for h, r in zip(cluster.hosts, reloads))


def test_base_path_conflict_is_a_noop(cluster):
    cluster.deploy("s1", ["u1"])
    body = cluster.request("thief", "s2", add=["u2"], service_fields={"serviceBasePath": "/s1"})
    cluster.post(body)
    answer = cluster.wait_state("thief", "INVALID_REQUEST_NOOP")
    assert answer["message"] == "Invalid request due to base path conflicts: [ s1 on group web ]"
    cluster.check_serving("s1", ["u1"])


def test_unknown_group_is_a_noop(cluster):
    body = cluster.request("lost", "s1", add=["u1"], service_fields={"loadBalancerGroups": ["nowhere"]})
    cluster.post(body)
    answer = cluster.wait_state("lost", "INVALID_REQUEST_NOOP")
    assert answer["message"] == "Invalid request due to non-existent load balancer groups: [nowhere]"


def test_etag_follows_commits(cluster):
    cluster.deploy("s1", ["u1"])
    first = cluster.call("GET", "/state")
    etag = first.headers["etag"]
    assert etag.isdigit() and [s["service"]["serviceId"] for s in first.json()] == ["s1"]
    assert cluster.call("GET", "/state", headers={"If-None-Match": etag}).status == 304
    cluster.deploy("s2", ["u2"])
    second = cluster.call("GET", "/state", headers={"If-None-Match": etag})
    assert second.status == 200 and int(second.headers["etag"]) > int(etag)
    assert sorted(s["service"]["serviceId"] for s in second.json()) == ["s1", "s2"]


def test_auth_on_both_daemons(make_cluster):
    key = {"auth": {"enabled": True, "key": "k1"}}
    cluster = make_cluster(service_options=key, agent_options={"auth": {"enabled": True}}).start()
    body = cluster.request("r1", "s1", add=["u1"])
    for query in ("", "?authkey=wrong", "?authkey=wrong&authkey=k1"):
        answer = cluster.call("POST", "/request" + query, body)
        assert answer.status == 403 and answer.json() == {"code": 403, "message": "HTTP 403 Forbidden"}, query
    assert cluster.nothing_queued() is True
    assert cluster.call("POST", "/request?authkey=k1", body).status == 200
    cluster.wait_state("r1")
    for h in cluster.hosts:
        assert h.agent.call("POST", "/lockstep/batch", {}).status == 403
        assert h.agent.call("GET", "/status").status == 200


def test_rendered_configs_and_status(cluster):
    cluster.deploy("s1", ["u1"])
    address = cluster.upstreams.address("u1")
    for h in cluster.hosts:
        files = h.agent.call("GET", "/renderedConfigs/s1").json()
        assert any(address in f["content"] for f in files), files
        assert all(f["fullPath"].startswith(h.root) for f in files)
        status = h.agent.status()
        assert status["group"] == "web" and status["validConfigs"] is True
        assert status["agentInfo"]["agentId"] == h.agent.id
    workers = cluster.call("GET", "/workers").json()
    assert workers == [cluster.services[0].url]
    known = cluster.call("GET", "/load-balancer/web/known-agents").json()
    assert sorted(a["agentId"] for a in known) == sorted(h.agent.id for h in cluster.hosts)
