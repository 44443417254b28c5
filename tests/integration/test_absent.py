# SPDX-License-Identifier: Apache-2.0
"""Agents that are frozen or dead: no request becomes SUCCESS without them, and the answer names the host."""
import time

import pytest

from harness.base import wait_for
from harness.cluster import SHORT, hosts_named
from harness.inotify import contents
from test_refusal import Untouched


@pytest.fixture
def pair(make_cluster):
    cluster = make_cluster(taps=True, service_options=SHORT).start()
    cluster.deploy("s1", ["u1"])
    return cluster


def swap_body(cluster, rid="swap"):
    return cluster.request(rid, "s1", add=["u2"], remove=["u1"])


def strike(how, hosts):
    for h in hosts:
        h.agent.freeze() if how == "frozen" else h.agent.kill()


def bring_back(how, hosts):
    for h in hosts:
        if how == "frozen":
            h.agent.thaw()
        else:
            h.agent.spawn()
    for h in hosts:
        h.agent.wait_ready()


def bytes_and_servers(hosts):
    return [(contents(h.root), h.haproxy.servers(), h.haproxy.fingerprint()) for h in hosts]


# Before DECIDE: nothing is touched -----------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["frozen", "dead"])
@pytest.mark.parametrize("which", ["one", "both"])
def test_gone_before_the_request(pair, how, which):
    gone = pair.hosts[1:] if which == "one" else pair.hosts
    untouched = Untouched(pair.hosts)
    strike(how, gone)
    start = time.monotonic()
    pair.post(swap_body(pair))
    answer = pair.wait_state("swap", "FAILED", timeout=20)
    took = time.monotonic() - start
    assert took >= 3.5, "an agent that restarts must be given time: %g s" % took
    assert hosts_named(answer["message"] + str(answer["agentResponses"]), gone) == [h.name for h in gone], answer
    untouched.assert_so()
    bring_back(how, gone)
    pair.deploy("s1", ["u3"])
    pair.check_serving("s1", ["u3"])


@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_back_in_time_before_the_decision(pair, how):
    """Back within the deadline: the request succeeds."""
    gone = pair.hosts[1:]
    strike(how, gone)
    pair.post(swap_body(pair))
    time.sleep(1)  # long enough that it was asked and missed; the deadline is 4 s
    assert pair.get("swap")["loadBalancerState"] == "WAITING"
    bring_back(how, gone)
    pair.wait_state("swap", "SUCCESS")
    pair.check_serving("s1", ["u2"])


def test_absent_longer_than_its_grace_counts_no_more(make_cluster):
    options = dict(SHORT, absentHostGraceSeconds=5)
    cluster = make_cluster(service_options=options).start()
    cluster.deploy("s1", ["u1"])
    one, two = cluster.hosts
    two.agent.kill()
    wait_for(lambda: cluster.zk_children("/lockstep/members/web") == [one.agent.id], 20, "the member's record ends", 0.2)
    cluster.deploy("s1", ["u2"])
    cluster.check_serving("s1", ["u2"], [one])
    assert two.answers("s1") == "u1"  # it still serves; the operator chose the grace
    two.agent.start()  # it joins, reads and converges before it counts again
    wait_for(lambda: two.answers("s1") == "u2", 15, "the host that is back serves the committed state")
    cluster.deploy("s1", ["u3"])
    cluster.check_serving("s1", ["u3"])


def test_removed_by_the_operator(pair):
    """DELETE known-agents of a dead host: it counts no more; of a living one: it goes on counting."""
    one, two = pair.hosts
    assert pair.call("DELETE", "/load-balancer/web/known-agents/" + one.agent.id).status == 204
    two.agent.kill()
    wait_for(lambda: len(pair.zk_children("/load-balancer/web/hosts")) == 1, 15, "its registration ends")
    assert pair.call("DELETE", "/load-balancer/web/known-agents/" + two.agent.id).status == 204
    assert pair.zk_children("/lockstep/members/web") == [one.agent.id]
    pair.deploy("s1", ["u2"])
    pair.check_serving("s1", ["u2"], [one])
    two.agent.start()
    pair.deploy("s1", ["u3"])
    pair.check_serving("s1", ["u3"])


def test_no_agent_known_fails_at_once(make_cluster):
    cluster = make_cluster(agents=0)
    cluster.start()
    with cluster.zk.client() as zk:
        zk.create("/%s/load-balancer/web" % cluster.namespace,
                  b'{"name":"web","domain":null,"trafficSources":[],"sources":[],"defaultDomain":null,"domains":[],'
                  b'"domainAliases":{},"minHealthyAgents":1}', makepath=True)
    cluster.post(cluster.request("r1", "s1", add=["u1"]))
    answer = cluster.wait_state("r1", "FAILED", timeout=5)
    assert answer["message"] == "Invalid request due to not enough agents present for group: web"


# After DECIDE: all that are up go back, or it is done when it returns -------------------------------------------

def decided_with_one_held(pair):
    """A decided request: host 1 has applied it, host 2 is held in front of its reload."""
    one, two = pair.hosts
    two.master_tap.hold("reload")
    pair.post(swap_body(pair))
    assert two.master_tap.held.wait(15), "host 2 never came to its reload"
    wait_for(lambda: one.answers("s1") == "u2", 10, "host 1 has applied")
    return one, two


@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_gone_after_the_decision(pair, how):
    before = bytes_and_servers(pair.hosts)
    one, two = decided_with_one_held(pair)
    strike(how, [two])
    two.master_tap.release()
    answer = pair.wait_state("swap", "FAILED", timeout=30)
    assert hosts_named(answer["message"], [two]) == [two.name], answer
    assert bytes_and_servers([one]) == before[:1]
    assert one.answers("s1") == "u1" and pair.committed("s1") == [pair.upstreams.address("u1")]
    bring_back(how, [two])
    wait_for(lambda: bytes_and_servers([two]) == before[1:], 15, "the host that is back is on the old state")
    pair.deploy("s1", ["u3"])
    pair.check_serving("s1", ["u3"])


@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_both_gone_after_the_decision(pair, how):
    before = bytes_and_servers(pair.hosts)
    one, two = decided_with_one_held(pair)
    strike(how, pair.hosts)
    two.master_tap.release()
    assert pair.get("swap")["loadBalancerState"] == "WAITING"
    answer = pair.wait_state("swap", "FAILED", timeout=30)
    # host 1 had confirmed; the one that had not is to blame
    assert pair.hosts[1].name in hosts_named(answer["message"], pair.hosts), answer
    bring_back(how, pair.hosts)
    wait_for(lambda: bytes_and_servers(pair.hosts) == before, 20, "both are back on the old state")
    pair.deploy("s1", ["u3"])
    pair.check_serving("s1", ["u3"])


@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_back_in_time_after_the_decision(pair, how):
    one, two = decided_with_one_held(pair)
    strike(how, [two])
    two.master_tap.release()
    bring_back(how, [two])
    pair.wait_state("swap", "SUCCESS")
    pair.check_serving("s1", ["u2"])


@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_confirmed_and_then_gone_does_not_hinder(pair, how):
    one, two = decided_with_one_held(pair)

    def one_confirmed():
        # Host 2's call, sent at the same time, has timed out: so what stands for host 1 is its answer to APPLY,
        # no longer the one to PREPARE.
        rows = pair.get("swap")["agentResponses"].get("APPLY", [])
        said = {h.name: r for h in pair.hosts for r in rows if h.agent.id in r["url"]}
        return len(said) == 2 and said["lb2"]["exception"] and said["lb1"]["statusCode"] == 200
    wait_for(one_confirmed, 5, "the leader has host 1's answer")
    strike(how, [one])
    if how == "dead":
        wait_for(lambda: len(pair.zk_children("/load-balancer/web/hosts")) == 1, 5, "its registration ends")
    two.master_tap.release()
    pair.wait_state("swap", "SUCCESS")
    pair.check_serving("s1", ["u2"])  # also on the host whose agent is gone: its HAProxy has what it confirmed
    bring_back(how, [one])
    pair.live["s1"] = ["u2"]
    pair.deploy("s1", ["u3"])
    pair.check_serving("s1", ["u3"])


def test_cancel_after_the_decision(pair):
    before = bytes_and_servers(pair.hosts)
    one, two = decided_with_one_held(pair)
    answer = pair.call("DELETE", "/request/swap").json()
    assert answer["loadBalancerState"] == "CANCELING"
    two.master_tap.release()
    answer = pair.wait_state("swap", "CANCELED", timeout=25)
    assert "CANCEL OK" in answer["message"], answer
    wait_for(lambda: bytes_and_servers(pair.hosts) == before, 10, "both are on the old state")
    nobody = pair.call("DELETE", "/request/nope").json()
    assert nobody["loadBalancerState"] == "CANCELED" and nobody["message"] == "Request nope does not exist"
    pair.deploy("s1", ["u3"])
    pair.check_serving("s1", ["u3"])


# The operator's word -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("how", ["frozen", "dead"])
def test_excluded_does_not_count(pair, how):
    """A request that waits for it goes on at once; when it is let in again it is on what was committed, and counts."""
    gone = pair.hosts[1]
    path = "/load-balancer/%s/excluded/%s" % (pair.group, gone.agent.id)
    strike(how, [gone])
    pair.post(swap_body(pair))
    assert pair.call("POST", path + "?by=me").status == 200
    pair.wait_state("swap", "SUCCESS", timeout=20)
    pair.check_serving("s1", ["u2"], pair.hosts[:1])
    assert [row["by"] for row in pair.call("GET", path.rsplit("/", 1)[0]).json()] == ["me"]
    bring_back(how, [gone])
    assert pair.call("DELETE", path).status == 204
    pair.live["s1"] = ["u2"]
    pair.deploy("s1", ["u3"])
    pair.check_serving("s1", ["u3"])
