# SPDX-License-Identifier: Apache-2.0
"""Our agents under a Java service: what it instructs is live when it is answered 200, holds until it is committed or taken
back, and is refused as soon as a service of ours leads."""
import json

import pytest

from harness.base import wait_for
from harness.daemons import Service
from harness.java_service import JavaService

OK = (200, None)


@pytest.fixture
def under_java(make_cluster):
    """make(**options): two agents, no service of ours, and a Java service that leads."""
    made = []

    def make(**options):
        options.setdefault("services", 0)
        cluster = make_cluster(**options)
        java = JavaService(cluster.zk.quorum, cluster.namespace, cluster.group).start()
        made.append(java)
        cluster.start()
        java.wait_agents(len(cluster.hosts))
        return cluster, java

    yield make
    for java in made:
        java.stop()


def everywhere(answers, rid, wanted=OK):
    assert [rows[rid] for rows in answers.values()] == [wanted] * len(answers), answers


def reloads(cluster):
    return [h.haproxy.show_proc()["reloads"] for h in cluster.hosts]


def uri(cluster, i):
    return cluster.hosts[i].agent.url


def test_apply_commit_and_take_back(under_java):
    cluster, java = under_java()
    assert java.run(cluster.request("r1", "s1", add=["u1"]))[0] == "SUCCESS"
    cluster.check_serving("s1", ["u1"])
    assert [h.agent.status()["mostRecentRequestId"] for h in cluster.hosts] == ["r1", "r1"]
    for kind in ("REVERT", "CANCEL"):
        rid = java.enqueue(cluster.request("r2-" + kind, "s1", add=["u2"], remove=["u1"]))
        everywhere(java.apply([rid]), rid)
        cluster.check_serving("s1", ["u2"])
        everywhere(java.take_back([rid], kind), rid)
        cluster.check_serving("s1", ["u1"])
        java.end(rid, "CANCELLED", "CANCELED")
    # One that was never applied is taken back as well, and nothing happens.
    before = reloads(cluster)
    rid = java.enqueue(cluster.request("r3", "s2", add=["u2"]))
    everywhere(java.take_back([rid], "CANCEL"), rid)
    assert reloads(cluster) == before


def test_single_calls(under_java):
    """What a Java service calls where batchEnabled is false, and what no Java agent can do."""
    cluster, java = under_java()
    agent = cluster.hosts[0].agent
    rid = java.enqueue(cluster.request("r1", "s1", add=["u1"]))
    for _ in range(2):
        answer = agent.call("POST", "/request/" + rid)
        assert (answer.status, answer.body) == (200, b"") and "content-type" not in answer.headers, answer
    cluster.check_serving("s1", ["u1"], cluster.hosts[:1])
    answer = agent.call("DELETE", "/request/" + rid)
    assert (answer.status, answer.body) == (200, b"")
    assert cluster.hosts[0].serving("s1") == []
    answer = agent.call("POST", "/request/nope")
    assert (answer.status, answer.text) == (404, "Request nope does not exist")
    assert answer.headers["content-type"] == "application/json"
    answer = agent.call("POST", "/request/l1/literal", cluster.request("l1", "s1", add=["u3"]))
    assert (answer.status, answer.body) == (200, b"")
    cluster.check_serving("s1", ["u3"], cluster.hosts[:1])
    java.put("/request/shows", dict(cluster.request("shows", "s1"), action="GET_RENDERED_CONFIG"))
    files = agent.call("POST", "/request/shows").json()
    assert any(cluster.upstreams.address("u3") in f["content"] for f in files), files


def test_refused_by_one_host(under_java):
    """Five attempts, then back; the refusing command's words are in every answer."""
    cluster, java = under_java()
    assert java.run(cluster.request("r1", "s1", add=["u1"]))[0] == "SUCCESS"
    cluster.hosts[1].take_name("taken")
    state, answers = java.run(cluster.request("r2", "taken", add=["u2"]))
    assert state == "FAILED"
    assert answers[uri(cluster, 0)] == OK
    status, message = answers[uri(cluster, 1)]
    assert status == 500 and message.startswith("Caught exception while UPDATEING for request r2: "), message
    assert "has the same name as backend" in message
    assert [cluster.upstreams.address("u2") in h.serving("taken") for h in cluster.hosts] == [False, False]
    cluster.check_serving("s1", ["u1"])


def test_missing_template_and_unknown_request(under_java):
    cluster, java = under_java()
    body = cluster.request("r1", "s1", add=["u1"], service_fields={"templateName": "nowhere"})
    state, answers = java.run(body)
    assert state == "INVALID_REQUEST_NOOP", answers
    assert all("MissingTemplateException : Template nowhere could not be found" in m for _, m in answers.values())
    status, rows = java.call_one(uri(cluster, 0), [
        {"requestId": "r1", "requestAction": None, "requestType": "APPLY"},
        {"requestId": "gone", "requestAction": "DELETE", "requestType": "REVERT"}])
    assert status == 200
    assert [(r["statusCode"], r["message"]) for r in rows] == [
        (404, "Request r1 does not exist"), (404, "Request gone does not exist")]
    assert java.call_one(uri(cluster, 0), []) == (200, [])
    for body, field in ((None, ""), (b"null", "array"), ([{"requestId": "r"}], "requestType")):
        answer = cluster.hosts[0].agent.call("POST", "/batch", body)
        assert answer.status == 400 and field in answer.json()["message"], answer


def test_a_bad_item_costs_only_itself(under_java):
    """On one host one of five is refused: the other four are live there, and on the other host all five by one reload."""
    cluster, java = under_java()
    cluster.hosts[1].take_name("taken")
    names = ["a", "b", "taken", "c", "d"]
    ids = [java.enqueue(cluster.request("r-" + n, n, add=["u1"])) for n in names]
    before = reloads(cluster)
    answers = java.apply(ids)
    everywhere({uri(cluster, 0): answers[uri(cluster, 0)]}, "r-taken")
    assert reloads(cluster)[0] == before[0] + 1
    for n in ("a", "b", "c", "d"):
        everywhere(answers, "r-" + n)
        cluster.check_serving(n, ["u1"])
    status, message = answers[uri(cluster, 1)]["r-taken"]
    assert status == 500 and "has the same name as backend" in message, message
    for n in ("a", "b", "c", "d"):
        java.commit("r-" + n)
    everywhere(java.take_back(["r-taken"]), "r-taken")
    assert cluster.hosts[0].serving("taken") == []


@pytest.mark.parametrize("end", ["commit", "revert"])
def test_agent_restarts_in_between(under_java, end):
    """After its restart it follows what becomes of the request, without any further instruction."""
    cluster, java = under_java()
    assert java.run(cluster.request("r1", "s1", add=["u1"]))[0] == "SUCCESS"
    rid = java.enqueue(cluster.request("r2", "s1", add=["u2"], remove=["u1"]))
    everywhere(java.apply([rid]), rid)
    one = cluster.hosts[0]
    one.agent.kill()
    one.agent.start()
    java.wait_agents(2)
    if end == "commit":
        java.commit(rid)
    else:
        everywhere(java.take_back([rid]), rid)
        java.end(rid, "FAILED_REVERTED", "FAILED")
    want = "u2" if end == "commit" else "u1"
    wait_for(lambda: one.serving("s1") == [cluster.upstreams.address(want)], 10, "the host follows")
    cluster.check_serving("s1", [want])
    assert java.run(cluster.request("r3", "s1", add=["u3"], remove=["u1", "u2"]))[0] == "SUCCESS"
    cluster.check_serving("s1", ["u3"])


def test_resync_in_flight(under_java):
    """A full look at the state takes in what somebody wrote there, and leaves alone what is in flight."""
    cluster, java = under_java(agent_options={"stateCheckIntervalSecs": 1})
    assert java.run(cluster.request("r1", "s1", add=["u1"]))[0] == "SUCCESS"
    rid = java.enqueue(cluster.request("r2", "s1", add=["u2"], remove=["u1"]))
    new = java.enqueue(cluster.request("r3", "s2", add=["u3"]))
    everywhere(java.apply([rid, new]), new)
    for name in ("x1", "x2"):  # each is seen only by a look
        java.put("/state/" + name, cluster.request("x", name)["loadBalancerService"])
        wait_for(lambda n=name: all(n in h.haproxy.cli("show backend") for h in cluster.hosts), 10, "a look at the state")
        cluster.check_serving("s1", ["u2"])
        cluster.check_serving("s2", ["u3"])
    java.commit(rid)
    java.end(new, "FAILED_REVERTED", "FAILED")  # and its REVERT never reached us
    wait_for(lambda: all(h.serving("s2") == [] for h in cluster.hosts), 10, "what has ended without us is gone")
    cluster.check_serving("s1", ["u2"])


def test_refused_under_lockstep(make_cluster):
    """A Java service that does not lead, or any script: no message makes a host leave what is decided."""
    cluster = make_cluster(service_options={"allowMixedServices": True}).start()
    cluster.deploy("s1", ["u1"])
    states = [h.haproxy.state() for h in cluster.hosts]
    java = JavaService(cluster.zk.quorum, cluster.namespace, cluster.group).start(lead=False)
    try:
        java.put("/request/r1", cluster.request("r1", "s1", add=["u2"], remove=["u1"]))
        for _ in range(2):
            for kind in ("APPLY", "REVERT", "CANCEL"):
                for rows in java.send(["r1"], kind).values():
                    assert rows["r1"][0] == 0 and "a Lockstep service leads" in rows["r1"][1], rows
            for method in ("POST", "DELETE"):
                answer = cluster.hosts[0].agent.call(method, "/request/r1")
                assert answer.status == 409 and "a Lockstep service leads" in answer.json()["message"], answer
            java.lead()  # it takes part, in the second place
        assert [h.haproxy.state() for h in cluster.hosts] == states
        cluster.check_serving("s1", ["u1"])
    finally:
        java.stop()


def test_ours_takes_over_in_flight(under_java):
    """The Java services are stopped, ours is started: what was applied everywhere is carried to its end."""
    cluster, java = under_java()
    assert java.run(cluster.request("r1", "s1", add=["u1"]))[0] == "SUCCESS"
    rid = java.enqueue(cluster.request("r2", "s1", add=["u2"], remove=["u1"]))
    everywhere(java.apply([rid]), rid)
    service = Service(cluster.folder, "service1", cluster.zk.quorum, cluster.namespace)
    cluster.services.append(service)
    service.start()
    java.leave()
    cluster.wait_state(rid, "SUCCESS", 40)
    cluster.check_serving("s1", ["u2"])
    java.put("/request/late", cluster.request("late", "s1", add=["u1"]))
    answer = java.call_one(uri(cluster, 0), [{"requestId": "late", "requestAction": None, "requestType": "REVERT"}])
    assert answer[0] == 409, answer
    cluster.deploy("s2", ["u3"])
    cluster.check_serving("s2", ["u3"])


def test_nobody_leads(under_java):
    cluster, java = under_java(agents=1)
    java.leave()
    java.put("/request/r1", cluster.request("r1", "s1", add=["u1"]))
    answer = cluster.hosts[0].agent.call("POST", "/batch", [{"requestId": "r1", "requestType": "APPLY"}])
    assert answer.status == 409 and json.loads(answer.body)["code"] == 409, answer
    java.lead()
    assert java.send(["r1"])[uri(cluster, 0)]["r1"] == OK
