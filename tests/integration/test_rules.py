# SPDX-License-Identifier: Apache-2.0
"""Rules of requests, over real processes: a terminal answer is whole, order, noReload, target counts."""
import threading

from harness.base import read_file, wait_for
from harness.cluster import TERMINAL


def first_terminal(cluster, service, rid, out):
    """As quickly as one connection can ask: the first terminal answer, and how many came before."""
    n = 0
    while True:
        answer = cluster.get(rid, service=service)
        if answer and answer["loadBalancerState"] in TERMINAL:
            out[service] = answer
            return
        n += 1
        assert n < 100000


def test_a_terminal_answer_is_whole(make_cluster):
    """Asked on the leader and on another service without a pause: the first terminal answer is the last word."""
    cluster = make_cluster(services=2).start()
    for i in range(12):
        names = ["u%d" % (i % 3 + 1)]
        body = cluster.deploy_body("s1", names, rid="whole-%d" % i)
        if i % 4 == 3:  # agents refuse it
            body["loadBalancerService"]["templateName"] = "nowhere"
        elif i % 4 == 2:  # a rule refuses it
            body["loadBalancerService"]["domains"] = ["not-served.example"]
        else:
            cluster.live["s1"] = names
        cluster.post(body, service=i % 2)
        out = {}
        threads = [threading.Thread(target=first_terminal, args=(cluster, s, body["loadBalancerRequestId"], out)) for s in (0, 1)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        assert set(out) == {0, 1} and out[0] == out[1], out
        assert out[0]["message"] and out[0]["request"], out[0]
        if out[0]["loadBalancerState"] == "SUCCESS":
            assert sorted(r["statusCode"] for r in out[0]["agentResponses"]["APPLY"]) == [200, 200], out[0]
        for s in (0, 1):
            assert cluster.get(body["loadBalancerRequestId"], service=s) == out[s]


def test_requests_of_a_service_keep_their_order(cluster):
    """Java lets those with noValidate and noReload go first: an addition and its removal would change places."""
    cluster.deploy("s1", ["u1"])
    quick = {"noValidate": True, "noReload": False, "upstreamUpdateOnly": True}
    for i in range(6):
        cluster.post(cluster.request("add-%d" % i, "s1", add=["u2"]))
        cluster.post(cluster.request("remove-%d" % i, "s1", remove=["u2"], **quick))
    cluster.post(cluster.request("add-last", "s1", add=["u3"]))
    for rid in ["%s-%d" % (what, i) for i in range(6) for what in ("add", "remove")] + ["add-last"]:
        cluster.wait_state(rid)
    cluster.live["s1"] = ["u1", "u3"]
    cluster.check_serving("s1", ["u1", "u3"])


def test_no_reload(cluster):
    """Files are proved and written, what runs stays; RELOAD makes it live."""
    cluster.deploy("s1", ["u1"])
    cluster.post(cluster.request("quiet", "s1", add=["u2"], noReload=True))
    cluster.wait_state("quiet")
    both = sorted(cluster.upstreams.address(n) for n in ("u1", "u2"))
    assert cluster.committed("s1") == both
    for h in cluster.hosts:
        assert both[0] in read_file(h.file_of("s1")) and both[1] in read_file(h.file_of("s1"))
        assert h.serving("s1") == [cluster.upstreams.address("u1")]
    rid = cluster.call("POST", "/state/s1/reload").json()["loadBalancerRequestId"]
    cluster.wait_state(rid)
    cluster.live["s1"] = ["u1", "u2"]
    cluster.check_serving("s1", ["u1", "u2"])


def test_target_counts(make_cluster):
    """With enforceTargetAgentCount a group that is too small refuses; a count of its own goes before the default."""
    cluster = make_cluster(agents=1, service_options={"enforceTargetAgentCount": True, "defaultTargetAgentCount": 2}).start()
    cluster.post(cluster.request("few", "s1", add=["u1"]))
    answer = cluster.wait_state("few", "FAILED")
    assert answer["message"] == "Invalid request due to not enough agents present for group: " + cluster.group
    assert cluster.call("POST", "/load-balancer/%s/count?count=1" % cluster.group).status == 200
    wait_for(lambda: cluster.call("GET", "/load-balancer/%s/count" % cluster.group).json() == 1, 5, "the count")
    cluster.deploy("s1", ["u1"])
    assert cluster.call("POST", "/load-balancer/%s/count?count=3" % cluster.group).status == 200
    cluster.post(cluster.request("more", "s1", add=["u2"]))
    assert "not enough agents" in cluster.wait_state("more", "FAILED")["message"]
    cluster.check_serving("s1", ["u1"])
