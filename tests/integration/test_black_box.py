# SPDX-License-Identifier: Apache-2.0
"""BB1 to BB27: what Baragon's own tests assert, integration tests (B1) and unit tests (B2) alike, from outside and over real
processes. Each test names the ones it stands for. All share one cluster; after each every service is deleted, as they do."""
import concurrent.futures
import json
import os
import subprocess

import pytest

from harness.auth_matrix import AuthMatrix
from harness.base import BUILD, SLOW, read_file, to_yaml, wait_for, write_file
from harness.box import Box, standing
from harness.daemons import daemon_env

INVALID_CONFIG = {"options": {"nginxExtraConfigs": ["rewrite /this_is_invalid_yo"]}}


@pytest.fixture(scope="module")
def cluster(run_dir, shared_zk):
    box = Box(os.path.join(run_dir, "blackbox"), shared_zk, "blackbox-%d" % os.getpid())
    with standing(box) as started:
        yield started


@pytest.fixture
def box(cluster):
    yield cluster
    cluster.teardown()


def texts(answer, kind="APPLY"):
    return [r["content"] for r in answer["agentResponses"][kind]]


def steps(calls):
    """What was asked, in order; the same question again is the same step."""
    rows = [(c.type, c.items) for c in calls]
    return [r for i, r in enumerate(rows) if i == 0 or r != rows[i - 1]]


def path_of(path):
    return {"service_fields": {"serviceBasePath": path}}


def test_bb01_status_workers_groups(box):
    """testStatus, testWorkers, testLoadBalancers, testClusterAgents."""
    leading = box.leading()
    assert box.call("GET", "/status", service=leading).json()["leader"] is True
    assert box.call("GET", "/workers").json()[0] == box.services[leading].url
    assert sorted(box.call("GET", "/workers").json()) == sorted(s.url for s in box.services)
    assert box.call("GET", "/load-balancer").json() == ["edge", "web"]
    agents = box.call("GET", "/load-balancer/web/agents").json()
    assert sorted(a["baseAgentUri"] for a in agents) == sorted([box.recorder.url, box.web[1].agent.url])


def test_bb02_enqueue_to_success(box):
    """testValidRequest (8, with a replace id that nobody has, is the same)."""
    for more in ({}, {"replaceServiceId": "nobody"}):
        assert box.owner("/testservice") is None
        box.setup_service("testservice", **more)
        assert box.owner("/testservice") == "testservice"
        assert box.state("testservice")["service"]["serviceBasePath"] == "/testservice"
        assert box.owner(box.base_paths()[0]) == "testservice" and len(box.base_paths()) == 1
        box.check_serving("testservice", ["u1"], box.web)
        box.teardown()


def test_bb03_path_change_frees_the_old_path(box):
    """testValidPathChange; testValidBasePathRename, whose "first" path is of no order: both are occupied."""
    box.setup_service("testservice")
    box.setup_service("testservice", **path_of("/testservice-2"))
    assert box.base_paths() == ["/testservice-2"] and box.owner("/testservice") is None
    box.setup_service("other", **path_of("/testservice"))
    assert sorted(box.base_paths()) == ["/testservice", "/testservice-2"]
    assert (box.owner("/testservice"), box.owner("/testservice-2")) == ("other", "testservice")


def test_bb04_conflicts_of_paths(box):
    """testBasePathConflict (10, 13 and 16 are the same here), testAdditionalPathConflict, RequestTest's two; with domains."""
    box.setup_service("testservice")
    conflict = "Invalid request due to base path conflicts: [ testservice on group web ]"
    for more in (path_of("/testservice"), {"replaceServiceId": "nobody", **path_of("/testservice")},
                 {"service_fields": {"additionalPaths": ["/testservice"]}},
                 {"service_fields": {**INVALID_CONFIG, "serviceBasePath": "/testservice"}}):
        answer = box.setup_service("other", ["u2"], "INVALID_REQUEST_NOOP", **more)
        assert answer["message"] == conflict and answer["agentResponses"] == {}, answer
        assert box.state("other") is None and box.base_paths() == ["/testservice"]
    edge = {"loadBalancerGroups": ["edge"], "serviceBasePath": "/testservice"}
    box.setup_service("third", ["u3"], service_fields=edge)  # the same path, below the group's default domain
    assert sorted(box.base_paths("edge")) == ["/testservice", "d.example/testservice"]  # it has both
    assert box.base_paths() == ["/testservice"] and box.owner("/testservice") == "testservice"
    answer = box.setup_service("fourth", ["u4"], "INVALID_REQUEST_NOOP", service_fields={**edge, "domains": ["d.example"]})
    assert answer["message"] == "Invalid request due to base path conflicts: [ third on group edge ]", answer
    answer = box.setup_service("fourth", ["u4"], "INVALID_REQUEST_NOOP",
                               service_fields={**edge, "serviceBasePath": "/fourth", "domains": ["nope.example"]})
    assert answer["message"] == "No groups present that serve domains: [nope.example]", answer
    assert box.state("fourth") is None and box.owner("d.example/testservice", "edge") == "third"


def test_bb05_unknown_group(box):
    """RequestTest: WAITING, then INVALID_REQUEST_NOOP."""
    body = box.request("bb5", "testservice", add=["u1"], service_fields={"loadBalancerGroups": ["web", "nowhere"]})
    assert box.post(body)["loadBalancerState"] == "WAITING"
    answer = box.wait_state("bb5", "INVALID_REQUEST_NOOP")
    assert answer["message"] == "Invalid request due to non-existent load balancer groups: [nowhere]"
    assert box.state("testservice") is None and box.base_paths() == []


def test_bb06_unknown_template(box):
    """testInvalidTemplateName. The message names it; Java's is still `Queued as …`."""
    answer = box.setup_service("testservice", wanted="INVALID_REQUEST_NOOP",
                               service_fields={"templateName": "invalidtemplatename"})
    words = "MissingTemplateException : Template invalidtemplatename could not be found"
    assert answer["message"] == "Invalid request due to missing template: " + words
    assert words in texts(answer), answer
    assert box.state("testservice") is None and box.base_paths() == []


def test_bb07_agent_refuses(box):
    """testInvalidRequest (15 is the same): FAILED, REVERT answered 200; what was there is there."""
    for before in ((), ("u1",)):
        if before:
            box.setup_service("testservice", before)
        old = box.state("testservice")
        answer = box.setup_service("testservice", ["u2"], "FAILED", service_fields=INVALID_CONFIG)
        assert answer["agentResponses"]["REVERT"][0]["statusCode"] == 200, answer
        assert any("rewrite" in (t or "") for t in texts(answer)), answer
        assert answer["message"].startswith("Apply failed {") and answer["message"].endswith("}, REVERT OK."), answer
        assert box.state("testservice") == old
        assert box.base_paths() == (["/testservice"] if before else [])
        if before:
            box.check_serving("testservice", before, box.web)


def test_bb08_cancel_before_apply(box):
    """testCancelledRequest. The recorder holds the agent's call; Java's test hopes to be faster than the worker."""
    box.setup_service("testservice", ["u1"])
    old = box.state("testservice")
    with box.recorder.held():
        box.post(box.request("bb8", "testservice", add=["u2"], remove=["u1"]))
        assert box.get("bb8")["loadBalancerState"] == "WAITING"
        box.recorder.wait_asked("bb8")
        answer = box.call("DELETE", "/request/bb8")
        assert (answer.status, answer.json()["loadBalancerState"]) == (200, "CANCELING"), answer
    assert box.wait_state("bb8", "CANCELED")["message"].endswith("CANCEL OK.")
    assert box.state("testservice") == old
    box.check_serving("testservice", ["u1"], box.web)
    assert "APPLY" not in [c.type for c in box.recorder.about("bb8")]


def test_bb09_cancel_after_the_end(box):
    for rid, wanted, more in (("bb9-good", "SUCCESS", {}), ("bb9-bad", "FAILED", {"service_fields": INVALID_CONFIG})):
        ended = box.setup_service("testservice", rid=rid, wanted=wanted, **more)
        answer = box.call("DELETE", "/request/" + rid)
        assert answer.status == 200 and answer.json() == ended == box.get(rid), answer
    assert box.committed("testservice") == [box.upstreams.address("u1")]


def test_bb10_cancel_unknown(box):
    answer = box.call("DELETE", "/request/bb10")
    assert (answer.status, answer.json()) == (200, {
        "loadBalancerRequestId": "bb10", "loadBalancerState": "CANCELED", "message": "Request bb10 does not exist",
        "agentResponses": None, "request": None})
    assert box.call("GET", "/request/bb10").status == 404


def test_bb11_identical_repost(box):
    """RequestTest: twice the identical request gives equal answers; after its end the answer is the stored one."""
    body = box.request("bb11", "testservice", add=["u1"])

    def told(service):  # but what the other agent, which nobody holds, has said by then
        return {**box.post(body, service=service), "agentResponses": None}
    with box.recorder.held():
        first = told(0)
        assert first["loadBalancerState"] == "WAITING"
        assert told(0) == first == told(1)
        box.recorder.wait_asked("bb11")
        assert [q["requestId"] for q in box.call("GET", "/request").json()] == ["bb11"]
    ended = box.wait_state("bb11", "SUCCESS")
    assert box.post(body) == ended == box.post(body, service=0) == box.post(body, service=1)


def test_bb12_different_repost(box):
    """While the first is queued: FAILED with the scheduler's text, the first goes on. After its end: its answer."""
    body = box.request("bb12", "testservice", add=["u1"])
    other = box.request("bb12", "testservice", add=["u2"])
    with box.recorder.held():
        box.post(body)
        answer = box.post(other)
        assert (answer["loadBalancerState"], answer["message"]) == (
            "FAILED", "Request bb12 is already enqueued with different parameters"), answer
        assert box.get("bb12")["loadBalancerState"] == "WAITING"
    ended = box.wait_state("bb12", "SUCCESS")
    assert box.committed("testservice") == [box.upstreams.address("u1")]
    assert box.post(other) == ended


def test_bb13_no_duplicate_upstreams(box):
    """Q6: of other services only, by host:port, whatever its group."""
    box.setup_service("first", ["u1"])
    address = box.upstreams.address("u1")
    body = box.request("bb13", "second", add=["u1", "u2"], noDuplicateUpstreams=True)
    body["addUpstreams"][0]["group"] = "canary"
    answer = box.post(body)
    assert (answer["loadBalancerState"], answer["message"]) == (
        "FAILED", "If noDuplicateUpstreams is specified, you cannot have duplicate upstreams. "
        "Found these duplicate upstreams: [%s]" % address), answer
    assert box.state("second") is None
    box.setup_service("first", ["u1", "u2"], noDuplicateUpstreams=True)
    box.setup_service("second", ["u1"])
    assert box.committed("first") == sorted(map(box.upstreams.address, ("u1", "u2"))) and box.committed("second") == [address]


def test_bb14_remove_what_is_absent(box):
    """Fact 10: removal of something already removed, or never added, ends in SUCCESS."""
    box.setup_service("testservice", ["u1"])
    for service, left in (("testservice", ["u1"]), ("never-seen", [])):
        for i in range(2):
            rid = "bb14-%s-%d" % (service, i)
            box.post(box.request(rid, service, remove=["u3"]))
            box.wait_state(rid, "SUCCESS")
            assert box.committed(service) == [box.upstreams.address(n) for n in left]


def test_bb15_adding_again_replaces(box):
    """Fact 11: the same host:port and group is one upstream, with the values of the last request."""
    for i, rack in enumerate(("r1", "r2", None)):
        body = box.request("bb15-%d" % i, "testservice", add=["u1"])
        body["addUpstreams"][0]["rackId"] = rack
        box.post(body)
        box.wait_state("bb15-%d" % i, "SUCCESS")
        assert box.state("testservice")["upstreams"] == [{
            "upstream": box.upstreams.address("u1"), "requestId": "bb15-%d" % i, "rackId": rack, "group": "default",
            "resolvedUpstream": None}]
    box.check_serving("testservice", ["u1"], box.web)


def test_bb16_batches(box):
    """BaragonRequestWorkerTest, seen by the agent: testQueuedRequestsAreBatchedForAgent, testServiceBatchBoundaryIsRespected,
    testInFlightRequestsAreRespected, testQueuedRequestComparator.

    Java's items say what to do ({requestId, requestAction, requestType}, one POST to /batch); ours name requests in a call of
    one type (PREPARE, then APPLY, /lockstep/batch). Java orders by noValidate and noReload; here all that can start does,
    in the order of the queue, so there is nothing to prefer."""
    two = {"options": {"nginxExtraConfigs": ["option httpchk"]}}
    with box.recorder.held():
        box.post(box.request("hold", "first", add=["u1"]))
        box.recorder.wait_asked("hold")
        box.post(box.request("q1", "second", add=["u1"]))
        box.post(box.request("q2", "third", add=["u1"], noValidate=True))
        box.post(box.request("q3", "third", add=["u2"], service_fields=two))
        box.post(box.request("q4", "fourth", add=["u1"], noReload=True, noValidate=True))
        assert [q["requestId"] for q in box.call("GET", "/request").json()] == ["hold", "q1", "q2", "q3", "q4"]
        asked = {i["requestId"] for b in box.recorder.waiting for i in b["items"]}
        assert asked == {"hold"}, "nobody else is sent while it is in flight"
    for rid in ("hold", "q1", "q2", "q3", "q4"):
        box.wait_state(rid, "SUCCESS")
    rows = steps(box.recorder.calls)
    assert rows == [("PREPARE", ["hold"]), ("APPLY", ["hold"]), ("PREPARE", ["q1", "q2", "q4"]), ("APPLY", ["q1", "q2", "q4"]),
                    ("PREPARE", ["q3"]), ("APPLY", ["q3"])], rows
    assert len({c.batch for c in box.recorder.calls}) == 3
    assert box.state("third")["service"]["options"] == two["options"]


def test_bb17_retry_before_the_next(box):
    """testFailedRetriedRequestsAreConsideredInFlight: an agent that did not answer is asked again, and only then about others.

    Java's state goes back to SEND_APPLY_REQUESTS; here the call is repeated, PREPARE and APPLY alike."""
    box.recorder.fail_next(1)
    box.post(box.request("bb17-1", "testservice", add=["u1"]))
    box.post(box.request("bb17-2", "testservice", add=["u2"]))
    box.wait_state("bb17-2", "SUCCESS")
    first, again = box.recorder.calls[:2]
    assert (first.status, first.outcome, again.outcome) == (503, None, "prepared"), box.recorder.calls
    assert steps(box.recorder.calls) == [("PREPARE", ["bb17-1"]), ("APPLY", ["bb17-1"]),
                                         ("PREPARE", ["bb17-2"]), ("APPLY", ["bb17-2"])], box.recorder.calls
    assert box.get("bb17-1")["loadBalancerState"] == "SUCCESS"
    box.check_serving("testservice", ["u1", "u2"], box.web)


def test_bb18_delete_state(box):
    """The tests' teardown as a test: DELETE is a request that succeeds, and nothing is left of the service."""
    box.setup_service("testservice", ["u1"])
    box.check_serving("testservice", ["u1"], box.web)
    answer = box.call("DELETE", "/state/testservice")
    assert answer.status == 200 and answer.json()["loadBalancerState"] == "WAITING", answer
    box.wait_state(answer.json()["loadBalancerRequestId"], "SUCCESS")
    assert box.call("GET", "/state/testservice").status == 404
    wait_for(lambda: box.call("GET", "/state").json() == [], 5, "gone from the list")
    assert box.owner("/testservice") is None and box.base_paths() == []
    for h in box.web:
        assert not os.path.exists(h.file_of("testservice")) or "server" not in read_file(h.file_of("testservice"))
        assert h.serving("testservice") == [] and h.haproxy.get("testservice/x").status in (404, 503)


def test_bb19_base_path_unlock(box):
    """testDeleteBasePath: free, occupied, free; the service stays, which a header says."""
    assert box.owner("/testservice") is None
    box.setup_service("testservice", ["u1"])
    assert box.owner("/testservice") == "testservice"
    answer = box.call("DELETE", "/load-balancer/web/base-path?basePath=/testservice")
    assert answer.status == 204 and answer.headers["warning"], (answer, answer.headers)
    assert box.owner("/testservice") is None and box.base_paths() == []
    assert box.committed("testservice") == [box.upstreams.address("u1")]


def test_bb20_known_agents(box):
    """testClusterKnownAgents; KnownAgentTest: an agent written as its bare URI is read, junk is not an agent."""
    known = box.call("GET", "/load-balancer/edge/known-agents").json()
    assert [k["baseAgentUri"] for k in known] == [box.edge.agent.url] and known[0]["lastSeenAt"] > 0
    assert box.call("DELETE", "/load-balancer/edge/known-agents/" + known[0]["agentId"]).status == 204
    assert box.call("GET", "/load-balancer/edge/known-agents").json() == []
    box.setup_service("testservice", service_fields={"loadBalancerGroups": ["edge"]})  # it is registered: it still counts
    box.check_serving("testservice", ["u1"], [box.edge])
    hosts = "/%s/load-balancer/uris/hosts" % box.namespace
    with box.zk.client() as zk:
        zk.create(hosts + "/n-0", b"http://123.123.123.123:8080/test", makepath=True)
        zk.create(hosts + "/n-1", b"this is no agent")
    agents = wait_for(lambda: box.call("GET", "/load-balancer/uris/agents").json(), 10, "the agent")
    assert [(a["agentId"], a["batchEnabled"]) for a in agents] == [("123.123.123.123:8080", False)], agents
    assert agents[0]["ec2"] == dict.fromkeys(agents[0]["ec2"])
    with box.zk.client() as zk:
        zk.delete("/%s/load-balancer/uris" % box.namespace, recursive=True)


def test_bb21_auth_matrix(box):
    """Every call of both programs, with every kind of key, in the query and as Bearer, against harness/auth_matrix.txt."""
    problems = AuthMatrix(box).problems()
    assert not problems, "\n".join(problems)


# Racks of upstreams in their order, rack of the agent -> what is printed per upstream; `-`: nothing.
RACKS = """
a a b c e               | a | - - backup backup backup
a a b c e               | b | weight=2 weight=2 weight=16 backup backup
a a b c e               | c | weight=2 weight=2 backup weight=16 backup
a a b c e               | e | weight=2 weight=2 backup backup weight=16
a a b c e               | d | - - - - -
a a b b b b c c c c e e | a | weight=16*2 weight=2*8 backup*2
a a b b b b c c c c e e | b | backup*2 -*4 backup*6
a a b b b b c c c c e e | c | backup*6 -*4 backup*2
a a b b b b c c c c e e | d | -*12
a a b b b b c c c c e e | e | backup*2 weight=2*8 weight=16*2
- - - -                 | d | -*4
b b e e e a a a         | b | weight=9 weight=9 -*6
b b e e e a a a         | e | backup*2 -*3 backup*3
b b e e e a a a         | a | backup*5 -*3
"""


def test_bb22_rack_weights(folder):
    """PreferSameRackWeightingBalancedTest, all fourteen, through a template of a real agent (`--render`)."""
    rows = [[c.strip() for c in line.split("|")] for line in RACKS.strip().split("\n")]
    services = {racks: "s%d" % i for i, racks in enumerate(dict.fromkeys(r[0] for r in rows))}
    state = [{"service": {"serviceId": s, "owners": [], "serviceBasePath": "/" + s, "loadBalancerGroups": ["web"], "options": {}},
              "upstreams": [{"upstream": "10.0.0.1:%d" % (8001 + i), "rackId": None if rack == "-" else rack}
                            for i, rack in enumerate(racks.split())]} for racks, s in services.items()]
    write_file(os.path.join(folder, "state.json"), json.dumps(state))
    printed = {}
    for zone in "abcde":
        yaml = write_file(os.path.join(folder, zone + ".yml"), to_yaml({
            "hostname": "127.0.0.1", "zookeeper": {"quorum": "127.0.0.1:1", "zkNamespace": "none"}, "availabilityZone": zone,
            "loadBalancerConfig": {"name": "web", "rootPath": os.path.join(folder, "never"), "checkConfigCommand": "/bin/false",
                                   "reloadConfigCommand": "/bin/false"},
            "templates": [{"filename": "%s.txt", "output": "text", "template":
                           "{{#each upstreams}}[{{{preferSameRackWeighting upstreams this}}}]{{/each}}"}]}))
        out = os.path.join(folder, zone)
        done = subprocess.run([os.path.join(BUILD, "lockstep-agent"), "--render", "--state", os.path.join(folder, "state.json"),
                               "--out", out, yaml], capture_output=True, text=True, timeout=50 * SLOW, env=daemon_env())
        assert (done.returncode, done.stderr) == (0, ""), done
        printed.update({(s, zone): read_file(os.path.join(out, s + ".txt")) for s in services.values()})
    for racks, zone, want in rows:
        words = [w for part in want.split() for w in [part.partition("*")[0]] * int(part.partition("*")[2] or 1)]
        assert len(words) == len(racks.split())
        found = printed[services[racks], zone].strip()
        assert found == "".join("[%s]" % w.replace("-", "") for w in words), (racks, zone)
    assert len(rows) == 14


@pytest.mark.parametrize("template, service, other, flag", [
    (None, "serviceId", False, False), ("static_routes", "serviceId", False, True),
    ("static_routes", "excludedServiceId", False, False), ("static_routes", "excludedServiceId", True, True)])
def test_bb23_purge_cache_flag(box, template, service, other, flag):
    """PurgeCacheManagerTest, all four; the second service has no list of excluded ones."""
    rid = box.new_id("bb23")
    body = box.request(rid, service, add=["u1"], action="UPDATE", service_fields={"templateName": template} if template else {})
    assert box.post(body, service=1 if other else 0)["request"]["purgeCache"] is flag
    assert box.wait_state(rid, "SUCCESS")["request"]["purgeCache"] is flag


def test_bb24_six_fold_post(box):
    """Fact 6: the transport sends a POST up to six times; it is one deploy, whichever service gets them."""
    box.setup_service("testservice", ["u1"])
    reloads = [h.haproxy.show_proc()["reloads"] for h in box.web]
    body = box.request("bb24", "testservice", add=["u2"], remove=["u1"])
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda i: box.post(body, service=i % 2), range(6)))
    assert {a["loadBalancerRequestId"] for a in answers} == {"bb24"}
    assert {a["loadBalancerState"] for a in answers} <= {"WAITING", "SUCCESS"}, answers
    ended = box.wait_state("bb24", "SUCCESS")
    assert all(box.post(body, service=i) == ended for i in (0, 1))
    listed = [r["loadBalancerRequestId"] for r in box.call("GET", "/request/history/testservice").json()]
    assert listed.count("bb24") == 1 and box.call("GET", "/request").json() == []
    assert steps(box.recorder.about("bb24")) == [("PREPARE", ["bb24"]), ("APPLY", ["bb24"])]
    assert [h.haproxy.show_proc()["reloads"] for h in box.web] == [n + 1 for n in reloads]
    box.check_serving("testservice", ["u2"], box.web)


def test_bb25_rejected_post_then_get(box):
    """Q1: a rejected id is remembered, so that a scheduler that believes only GETs reads why; in every service."""
    box.setup_service("first", ["u1"])
    for rid, more, words in (
            ("bb25-1", {"noDuplicateUpstreams": True}, "Found these duplicate upstreams"),
            ("bb25-2", {"replaceUpstreams": [{"upstream": box.upstreams.address("u2")}]}, "If overrideUpstreams is specified"),
            ("bb25-3", {"action": "REVERT"}, "REVERT")):
        answer = box.post(box.request(rid, "second", add=["u1"], **more))
        assert answer["loadBalancerState"] == "FAILED" and words in answer["message"], answer
        for service in (0, 1):
            found = box.get(rid, service)
            assert (found["loadBalancerState"], found["message"]) == ("FAILED", answer["message"]), found
    assert box.state("second") is None


def test_bb26_state_keeps_rack_and_group(box):
    """Fact 13: without them the drift checker takes every upstream for a foreign one."""
    body = box.request("bb26", "testservice", add=["u1", "u2", "u3"])
    for upstream, (rack, group) in zip(body["addUpstreams"], (("us-east-1a", "default"), (None, "canary"), ("r:b", "g.1"))):
        upstream.update(rackId=rack, group=group)
    box.post(body)
    box.wait_state("bb26", "SUCCESS")
    want = sorted((u["upstream"], u["rackId"], u["group"]) for u in body["addUpstreams"])
    for service in (0, 1):
        wait_for(lambda: box.call("GET", "/state/testservice", service=service).status == 200, 5, "committed here too")
        found = box.call("GET", "/state/testservice", service=service).json()["upstreams"]
        assert sorted((u["upstream"], u["rackId"], u["group"]) for u in found) == want, found


def test_bb27_state_without_a_key(box):
    """Fact 2: the scheduler reads the state without authkey. The same with one that is wrong."""
    box.setup_service("testservice", ["u1"])
    for query in ("", "?authkey=wrong"):
        answer = box.call("GET", "/state/testservice" + query)
        assert answer.status == 200 and answer.json()["service"]["serviceId"] == "testservice", answer
    assert box.call("DELETE", "/state/testservice", key=None).status == 403
