# SPDX-License-Identifier: Apache-2.0
"""Java agents under a service of ours: one test for each rule of how they are led."""
import pytest

from harness.base import wait_for
from harness.java_agent import JavaAgent

SETTLE_S = 2.5
OPTIONS = {"agentMaxAttempts": 3, "worker": {
    "prepareDeadlineMs": 8000, "applyDeadlineMs": 6000, "revertDeadlineMs": 15000, "agentCallTimeoutMs": 1500,
    "javaAgentSettleMs": int(SETTLE_S * 1000)}}


@pytest.fixture
def mixed(make_cluster):
    """mixed(ours=0, java=2, ...): a cluster of ours, and Java agents in its group."""
    def make(ours=0, java=2, rules=None, **more):
        cluster = make_cluster(agents=ours, service_options=OPTIONS, **more).start()
        agents = [JavaAgent(cluster.folder, "java%d" % (i + 1), cluster.zk.quorum, cluster.namespace, cluster.group,
                            batch=(rules or {}).get("batch", True)) for i in range(java)]
        cluster.extra += agents
        for a in agents:
            a.rules(**{k: v for k, v in (rules or {}).items() if k != "batch"})
            a.spawn()
        for a in agents:
            a.wait_ready()
        cluster.wait_agents(ours + java)
        return cluster, agents

    return make


def run(cluster, rid, service, add=(), remove=(), wanted="SUCCESS", timeout=30, **more):
    cluster.post(cluster.request(rid, service, add=add, remove=remove, **more))
    return cluster.wait_state(rid, wanted, timeout)


def kinds(agent, rid):
    """Types of the calls for a request, in the order of arrival."""
    return ["RELOAD" if c["action"] == "RELOAD" else c["kind"] for c in agent.calls(rid) if c["status"] is None]


def everywhere(cluster, agents, service, names):
    want = sorted(cluster.upstreams.address(n) for n in names)
    assert [sorted(a.serving(service)) for a in agents] == [want] * len(agents)


def test_apply_and_commit(mixed):
    """Nothing but Java agents: called as by Java, and committed when all have answered."""
    cluster, agents = mixed()
    answer = run(cluster, "r1", "s1", ["u1"])
    everywhere(cluster, agents, "s1", ["u1"])
    assert sorted((a["url"], a["statusCode"], a["content"]) for a in answer["agentResponses"]["APPLY"]) == \
        sorted((a.url + "/batch", 200, None) for a in agents)
    run(cluster, "r2", "s1", ["u2"], ["u1"])
    run(cluster, "r3", "s2", ["u3"])
    everywhere(cluster, agents, "s1", ["u2"])
    everywhere(cluster, agents, "s2", ["u3"])
    cluster.call("DELETE", "/state/s2")
    wait_for(lambda: all(a.serving("s2") == [] for a in agents), 15, "the service is gone")
    for a in agents:
        assert [c["kind"] for r in ("r1", "r2", "r3") for c in a.calls(r) if c["status"] is None] == ["APPLY"] * 3
        peers = [c["peer"] for c in a.calls() if c["status"] is None and c["peer"]]
        assert len(peers) == len(set(peers)), peers  # each on a connection of its own
    wait_for(lambda: not cluster.zk_children("/request"), 15, "nothing is left of the requests")


def test_needs_a_service(make_cluster):
    """It starts under ours as under Java's, and with nobody it does not start."""
    cluster = make_cluster(agents=0, services=1)
    agent = JavaAgent(cluster.folder, "java1", cluster.zk.quorum, cluster.namespace, cluster.group)
    agent.spawn()
    assert agent.popen.wait(30) == 1
    agent.popen = None
    cluster.start()
    cluster.extra.append(agent)
    agent.start()
    cluster.wait_agents(1)
    run(cluster, "r1", "s1", ["u1"])
    agent.stop()
    cluster.wait_agents(0)
    agent.start()  # it reads GET /state now
    everywhere(cluster, [agent], "s1", ["u1"])


def test_ours_refuses_first(mixed):
    """Ours prove it; only then is a Java agent called."""
    cluster, agents = mixed(ours=1, java=1)
    run(cluster, "r1", "s1", ["u1"])
    cluster.check_serving("s1", ["u1"])
    everywhere(cluster, agents, "s1", ["u1"])
    cluster.hosts[0].take_name("taken")
    answer = run(cluster, "r2", "taken", ["u2"], wanted="FAILED")
    assert "has the same name as backend" in answer["message"]
    assert agents[0].calls("r2") == []


def test_one_refuses(mixed):
    """It may fail as often as a Java service would let it; then everybody goes back."""
    cluster, agents = mixed(ours=1, java=2)
    run(cluster, "r1", "s1", ["u1"])
    agents[1].rules(refuse="forced failure by test")
    answer = run(cluster, "r2", "s1", ["u2"], ["u1"], wanted="FAILED")
    assert "Caught exception while UPDATEING for request r2: com.hubspot.baragon.exceptions.InvalidConfigException: " \
        "forced failure by test" in answer["message"] and "REVERT OK" in answer["message"], answer["message"]
    assert kinds(agents[1], "r2") == ["APPLY"] * 3 + ["REVERT"]
    assert kinds(agents[0], "r2") == ["APPLY", "REVERT"]
    everywhere(cluster, agents, "s1", ["u1"])
    cluster.check_serving("s1", ["u1"])
    agents[1].rules()
    run(cluster, "r3", "s1", ["u3"], ["u1"])
    everywhere(cluster, agents, "s1", ["u3"])


def test_revert_that_did_not_reload(mixed):
    """Java puts the files back, fails to reload, and says 200 the next time as nothing is left to do: it is told to reload."""
    cluster, agents = mixed(java=2)
    run(cluster, "r1", "s1", ["u1"])
    agents[0].rules(check_s=0.3)
    agents[1].rules(refuse="no")
    cluster.post(cluster.request("r2", "s1", add=["u2"], remove=["u1"]))
    wait_for(lambda: agents[0].serving("s1") == [cluster.upstreams.address("u2")], 10, "applied on one")
    agents[0].rules(reload="Process exited with an error: 3")
    wait_for(lambda: any(c["status"] == 500 for c in agents[0].calls("r2")), 15, "a REVERT without a reload")
    assert agents[0].rendered("s1") == [cluster.upstreams.address("u1")]
    assert agents[0].serving("s1") == [cluster.upstreams.address("u2")]
    agents[0].rules()
    cluster.wait_state("r2", "FAILED", 20)
    everywhere(cluster, agents, "s1", ["u1"])


def test_template_missing_everywhere(mixed):
    cluster, agents = mixed()
    answer = run(cluster, "r1", "s1", ["u1"], wanted="INVALID_REQUEST_NOOP", service_fields={"templateName": "zzz"})
    assert "MissingTemplateException : Template zzz could not be found" in answer["message"]
    assert [kinds(a, "r1").count("APPLY") for a in agents] == [1, 1]
    assert cluster.state("s1") is None and all(a.serving("s1") == [] for a in agents)
    agents[0].rules(templates=["default", "zzz"])
    answer = run(cluster, "r2", "s1", ["u1"], wanted="FAILED", service_fields={"templateName": "zzz"})
    assert agents[0].serving("s1") == []


def test_late_apply(mixed):
    """APPLY is not answered in time, and carried out while everybody goes back: FAILED is said only when all of it is over."""
    cluster, agents = mixed()
    run(cluster, "r1", "s1", ["u1"])
    agents[0].rules(refuse="no")
    agents[1].rules(check_s=2.2)
    cluster.post(cluster.request("r2", "s1", add=["u2"], remove=["u1"]))
    wait_for(lambda: [c for c in agents[1].calls() if c["kind"] == "check"][1:], 10, "its check")
    agents[1].rules()
    answer = cluster.wait_state("r2", "FAILED", 30)
    assert kinds(agents[1], "r2") == ["APPLY", "REVERT", "REVERT", "RELOAD"]
    calls = agents[1].calls("r2")
    apply, first, second = [c["at"] for c in calls if c["status"] is None][:3]
    assert first - apply > 1.4, calls  # never two at once: the former has its time
    assert second - first > SETTLE_S - 0.2, calls
    assert any(c["kind"] == "APPLY" and c["status"] == 200 and c["at"] > first for c in agents[1].calls("r2"))
    everywhere(cluster, agents, "s1", ["u1"])
    assert cluster.committed("s1") == [cluster.upstreams.address("u1")]
    assert "REVERT OK" in answer["message"]


def test_cancel_waits_for_the_answer(mixed):
    cluster, agents = mixed()
    agents[1].rules(check_s=1.0)
    cluster.post(cluster.request("r1", "s1", add=["u1"]))
    wait_for(lambda: kinds(agents[1], "r1"), 10, "the call")
    cluster.call("DELETE", "/request/r1")
    cluster.wait_state("r1", "CANCELED", 20)
    for a in agents:
        rows = [(c["kind"], c["status"]) for c in a.calls("r1")]
        assert rows == [("APPLY", None), ("APPLY", 200), ("CANCEL", None), ("CANCEL", 200)], rows
        assert a.serving("s1") == []


def test_registered_anew_after_its_answer(mixed):
    """Its answer was another process's, for all we know: it is asked again."""
    cluster, agents = mixed()
    agents[1].rules(check_s=1.2)
    cluster.post(cluster.request("r1", "s1", add=["u1"]))
    wait_for(lambda: any(c["status"] == 200 for c in agents[0].calls("r1")), 10, "the first answer")
    agents[0].register_anew()
    cluster.wait_state("r1", "SUCCESS", 20)
    assert kinds(agents[0], "r1") == ["APPLY", "APPLY"]
    assert kinds(agents[1], "r1") == ["APPLY"]


def test_registered_during_the_commit(mixed):
    """It had read the old state and is seen only after COMMIT: it is told to look again, while the request is still there."""
    cluster, agents = mixed(java=1)
    run(cluster, "r1", "s1", ["u1"])
    late = JavaAgent(cluster.folder, "late", cluster.zk.quorum, cluster.namespace, cluster.group)
    cluster.extra.append(late)
    go = late.dir + "/go"
    late.rules(wait=go)
    late.spawn()
    wait_for(lambda: late.serving("s1"), 20, "it has read the state")
    cluster.post(cluster.request("r2", "s1", add=["u2"], remove=["u1"]))
    cluster.wait_state("r2", "SUCCESS")
    open(go, "w").close()
    late.wait_ready()
    wait_for(lambda: any(c["kind"] == "REVERT" and c["status"] == 200 for c in late.calls("r2")), 15, "the second look")
    everywhere(cluster, agents + [late], "s1", ["u2"])
    assert kinds(agents[0], "r2") == ["APPLY"]
    wait_for(lambda: not cluster.zk_children("/request"), 20, "nothing is left of the request")


def test_gone(mixed):
    """They count only while they are registered; a group that nobody is left of has confirmed nothing."""
    cluster, agents = mixed()
    run(cluster, "r1", "s1", ["u1"])
    agents[1].kill()
    run(cluster, "r2", "s1", ["u2"], ["u1"])
    everywhere(cluster, agents[:1], "s1", ["u2"])
    agents[0].rules(check_s=1.2)
    cluster.post(cluster.request("r3", "s1", add=["u3"]))
    wait_for(lambda: kinds(agents[0], "r3"), 10, "the call")
    agents[0].kill()
    cluster.wait_state("r3", "FAILED", 30)
    for a in agents:
        a.start()
    cluster.wait_agents(2)
    everywhere(cluster, agents, "s1", ["u2"])


def test_single_calls(mixed):
    """An agent without batchEnabled: POST for APPLY, DELETE to go back (Java's POST would apply it again)."""
    cluster, agents = mixed(rules={"batch": False, "singles": True})
    answer = run(cluster, "r1", "s1", ["u1"])
    assert sorted(a["url"] for a in answer["agentResponses"]["APPLY"]) == sorted(a.url + "/request/r1" for a in agents)
    agents[1].rules(singles=True, refuse="no")
    run(cluster, "r2", "s1", ["u2"], ["u1"], wanted="FAILED")
    assert kinds(agents[0], "r2") == ["POST", "DELETE"]
    everywhere(cluster, agents, "s1", ["u1"])


def test_leader_dies(mixed):
    """The next one goes on in the recorded direction: who has applied it says so again."""
    cluster, agents = mixed(services=2)
    run(cluster, "r1", "s1", ["u1"])
    agents[1].rules(check_s=0.5)
    cluster.post(cluster.request("r2", "s1", add=["u2"], remove=["u1"]))
    wait_for(lambda: kinds(agents[1], "r2"), 10, "the call")
    leader = cluster.leader()
    leader.kill()
    cluster.wait_state("r2", "SUCCESS", 30)
    everywhere(cluster, agents, "s1", ["u2"])
    assert kinds(agents[0], "r2") == ["APPLY", "APPLY"]
