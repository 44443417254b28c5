# SPDX-License-Identifier: Apache-2.0
"""Faults on real processes: kill -9, ZooKeeper away, leaders lost, torn files. Seeds and times are printed."""
import os
import random
import shutil
import threading
import time

import pytest

from harness.base import read_file, wait_for, write_file
from harness.cluster import TERMINAL
from harness.inotify import Watcher, contents, snapshot

SEED = int(os.environ.get("LOCKSTEP_SEED", time.time_ns() % 10**9))


@pytest.fixture
def rng():
    print("seed %d (again: LOCKSTEP_SEED=%d)" % (SEED, SEED))
    return random.Random(SEED)


class Observer:
    """Asks for the state of requests all the time: a terminal state is final, whoever answers."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.ids = []
        self.final = {}     # id -> (state, when seen first, in ns)
        self.wrong = []
        self.stopping = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def watch(self, rid):
        self.ids.append(rid)

    def _run(self):
        while not self.stopping:
            for rid in list(self.ids):
                for i, s in enumerate(self.cluster.services):
                    try:
                        answer = self.cluster.get(rid, i) if s.running() else None
                    except (OSError, ValueError):
                        continue
                    state = answer["loadBalancerState"] if answer else None
                    if state in TERMINAL and rid not in self.final:
                        self.final[rid] = (state, time.monotonic_ns())
                    elif rid in self.final and state is not None and state != self.final[rid][0]:
                        self.wrong.append((rid, self.final[rid], state))
            time.sleep(0.01)

    def wait_all(self, timeout):
        wait_for(lambda: all(r in self.final for r in self.ids), timeout,
                 "all %d requests terminal (are: %r)" % (len(self.ids), self.final))

    def stop(self):
        self.stopping = True
        self.thread.join()
        assert self.wrong == [], "a terminal state changed"


@pytest.fixture
def observe():
    made = []

    def make(cluster):
        made.append(Observer(cluster))
        return made[-1]
    yield make
    for o in made:
        o.stop()


def post_retrying(cluster, body, timeout=25):
    """As the scheduler does it: no answer and 504 are UNKNOWN, post again; anything else is an answer."""
    def once():
        s = next((i for i, x in enumerate(cluster.services) if x.running()), None)
        if s is None:
            return None
        answer = cluster.call("POST", "/request", body, 5, s)
        assert answer.status in (200, 503, 504), answer
        return answer.json() if answer.status == 200 else None
    return wait_for(once, timeout, "POST %s accepted" % body["loadBalancerRequestId"], 0.05)


def check_settled(cluster, expected, rids):
    """Committed state, files and running HAProxies agree with `expected`; nothing is left in flight; each request
    has exactly one entry of history."""
    for service, names in expected.items():
        want = sorted(map(cluster.upstreams.address, names))
        # A service that does not lead reads what was committed a moment later.
        wait_for(lambda s=service, w=want: cluster.committed(s) == w, 10, "%s is committed" % service)
        for h in cluster.hosts:
            wait_for(lambda h=h, s=service, w=want: h.serving(s) == w, 20, "%s serves %s" % (h.name, service))
        cluster.check_serving(service, names)
    for service, rid in rids:
        assert cluster.zk_children("/responseHistory/" + service).count(rid) == 1, rid
    wait_for(lambda: not cluster.zk_children("/queue") and not cluster.zk_children("/lockstep/decided"), 10,
             "nothing is left in flight")


# Load ----------------------------------------------------------------------------------------------------------

def test_deploys_under_load(cluster):
    """Fresh and kept connections through both HAProxies over 40 deploys: no client request fails."""
    services = ["s1", "s2", "s3", "s4"]
    names = cluster.upstreams.names
    for s in services:
        cluster.deploy(s, names[:2])
    fresh = cluster.traffic(services, rate=60)
    kept = cluster.traffic(services, rate=60, keep=True)
    with fresh, kept:
        for i in range(40):
            cluster.deploy(services[i % 4], random.Random(i).sample(names, 2))
    for load in (fresh, kept):
        assert load.failures() == [] and len(load.samples()) > 500
        assert {s.body for s in load.samples()} == set(names)


# The service dies ----------------------------------------------------------------------------------------------

@pytest.mark.limit(120)
def test_service_killed_at_random_moments(cluster, rng, observe):
    """Twelve times kill -9 somewhere between the post and its end; every request ends once, traffic never fails."""
    service = cluster.services[0]
    names = cluster.upstreams.names
    cluster.deploy("s1", [names[0]])
    seen = observe(cluster)
    rids, live = [], [names[0]]
    with cluster.traffic(["s1"], rate=60) as load:
        for i in range(12):
            name = names[(i + 1) % len(names)]
            body = cluster.request("k%d" % i, "s1", add=[name], remove=live)
            post_retrying(cluster, body)
            time.sleep(rng.uniform(0, 0.25))
            service.kill()
            service.start()
            assert post_retrying(cluster, body)["loadBalancerState"] in ("WAITING",) + TERMINAL
            seen.watch(body["loadBalancerRequestId"])
            answer = cluster.wait_state(body["loadBalancerRequestId"], "SUCCESS", 30)
            rids.append(("s1", answer["loadBalancerRequestId"]))
            live = [name]
    assert load.failures() == []
    check_settled(cluster, {"s1": live}, rids)


@pytest.mark.limit(90)
def test_two_services_and_the_leader_is_killed(make_cluster, observe):
    """Requests posted to both while the leader dies: each is terminal exactly once; the time is printed."""
    cluster = make_cluster(services=2).start()
    names = cluster.upstreams.names
    seen = observe(cluster)
    leader = cluster.leader()
    other = next(s for s in cluster.services if s is not leader)
    bodies = [cluster.request("r%d" % i, "s%d" % i, add=[names[i % len(names)]]) for i in range(16)]
    for i, body in enumerate(bodies[:8]):
        answer = cluster.call("POST", "/request", body, service=i % 2)
        assert answer.status == 200 and answer.json()["loadBalancerState"] in ("WAITING", "SUCCESS"), answer
        seen.watch(body["loadBalancerRequestId"])
    leader.kill()
    killed = time.monotonic_ns()
    for body in bodies[8:]:
        post_retrying(cluster, body)
        seen.watch(body["loadBalancerRequestId"])
    seen.wait_all(40)
    assert cluster.leader() is other
    late = max(when for _, when in seen.final.values())
    print("leader killed; all %d requests terminal after %.2f s" % (len(bodies), (late - killed) / 1e9))
    assert {state for state, _ in seen.final.values()} == {"SUCCESS"}
    leader.start()
    for body in bodies:
        for i in range(2):  # both say the same
            assert cluster.get(body["loadBalancerRequestId"], i)["loadBalancerState"] == "SUCCESS"
    check_settled(cluster, {"s%d" % i: [names[i % len(names)]] for i in range(16)},
                  [("s%d" % i, "r%d" % i) for i in range(16)])


@pytest.mark.limit(90)
def test_leader_frozen_is_deposed(make_cluster, observe):
    """SIGSTOP longer than its session: the other leads; thawed, the old one does no harm and follows."""
    cluster = make_cluster(services=2).start()
    seen = observe(cluster)
    cluster.deploy("s1", ["u1"])
    old = cluster.leader()
    other = next(s for s in cluster.services if s is not old)
    index = cluster.services.index(other)
    old.freeze()
    body = cluster.request("during", "s1", add=["u2"], remove=["u1"])
    assert cluster.call("POST", "/request", body, service=index).status == 200
    wait_for(other.leads, 15, "the other leads")
    wait_for(lambda: cluster.get("during", index)["loadBalancerState"] == "SUCCESS", 20, "done by the other")
    old.thaw()
    seen.watch("during")
    wait_for(lambda: old.status()["zookeeperState"] in ("CONNECTED", "RECONNECTED"), 15, "the old one is back")
    cluster.live["s1"] = ["u2"]
    cluster.deploy("s1", ["u3"])
    assert [s.leads() for s in (old, other)] == [False, True]
    check_settled(cluster, {"s1": ["u3"]}, [("s1", "during")])


# An agent dies -------------------------------------------------------------------------------------------------

@pytest.mark.limit(120)
def test_agent_killed_while_publishing(cluster, rng):
    """kill -9 at random moments after the decision; it is restarted in time: the request succeeds, nothing is torn."""
    names = cluster.upstreams.names
    cluster.deploy("s1", [names[0]])
    two = cluster.hosts[1]
    foreign = write_file(os.path.join(two.root, "foreign.cfg.bak"), "not yours\n")
    with cluster.traffic(["s1"], rate=60) as load:
        for i in range(12):
            name = names[(i + 1) % len(names)]
            body = cluster.deploy_body("s1", [name])
            cluster.post(body)
            cluster.wait_decided()
            time.sleep(rng.uniform(0, 0.12))
            two.agent.kill()
            two.agent.spawn()
            cluster.wait_state(body["loadBalancerRequestId"], "SUCCESS", 30)
            cluster.live["s1"] = [name]
            cluster.check_serving("s1", [name])
            two.agent.wait_ready()
    assert load.failures() == []
    assert read_file(foreign) == "not yours\n"


def test_agent_started_late(cluster):
    """Stopped, three commits without it by the operator's word, started again: it comes to the committed state."""
    one, two = cluster.hosts
    cluster.deploy("s1", ["u1"])
    two.agent.kill()
    wait_for(lambda: len(cluster.zk_children("/load-balancer/web/hosts")) == 1, 15, "its registration ends")
    assert cluster.call("DELETE", "/load-balancer/web/known-agents/" + two.agent.id).status == 204
    for name in ("u2", "u3"):
        cluster.deploy("s1", [name])
    cluster.deploy("s2", ["u4"])
    two.agent.start()
    cluster.check_serving("s1", ["u3"])
    cluster.check_serving("s2", ["u4"])
    assert contents(two.root).keys() == contents(one.root).keys()


@pytest.mark.parametrize("damage", ["torn", "missing", "manifest torn", "records gone", "foreign"])
@pytest.mark.parametrize("style", ["collected", "per-service"])
def test_agent_mends_its_files(make_cluster, style, damage):
    """Files torn or gone while it was away: it comes to the committed state and keeps what is not its own."""
    cluster = make_cluster(style=style).start()
    cluster.deploy("s1", ["u1"])
    cluster.deploy("s2", ["u2"])
    two = cluster.hosts[1]
    before = contents(two.root)
    two.agent.kill()
    path = two.file_of("s1")
    foreign = {os.path.join(two.root, "notes.txt"): "an operator's\n",
               os.path.join(os.path.dirname(path), "zz-mine.conf"): "another's\n"}
    for p, text in foreign.items():
        write_file(p, text)
    if damage == "torn":
        text = read_file(path)
        write_file(path, text[:len(text) // 2])
    elif damage == "missing":
        os.unlink(path)
    elif damage == "manifest torn":
        private = os.path.join(two.root, ".lockstep")
        for name in os.listdir(private):
            p = os.path.join(private, name)
            if os.path.isfile(p):
                os.truncate(p, os.path.getsize(p) // 2)
    elif damage == "records gone":
        shutil.rmtree(os.path.join(two.root, ".lockstep"))
    two.agent.start()
    after = contents(two.root)
    for p, text in foreign.items():
        assert read_file(p) == text
        after.pop(os.path.relpath(p, two.root))
    assert after == before
    cluster.check_serving("s1", ["u1"])
    cluster.deploy("s1", ["u3"])
    cluster.check_serving("s1", ["u3"])
    assert all(read_file(p) == text for p, text in foreign.items())


def test_haproxy_killed(cluster):
    """kill -9 of a HAProxy: it comes back with what is on disk, which is the committed state."""
    cluster.deploy("s1", ["u1"])
    two = cluster.hosts[1].haproxy
    old = two.pid
    two.die()
    wait_for(lambda: two.pid != old and two.ready(), 15, "HAProxy is back")
    cluster.check_serving("s1", ["u1"])
    two.restarts = 0
    two.unexpected.clear()

    def again():
        answer = cluster.call("POST", "/request", cluster.deploy_body("s1", ["u2"]))
        rid = answer.json()["loadBalancerRequestId"]
        wait_for(lambda: cluster.get(rid)["loadBalancerState"] in TERMINAL, 20, "terminal")
        return cluster.get(rid)["loadBalancerState"] == "SUCCESS"
    wait_for(again, 20, "a deploy succeeds again", 0.3)
    cluster.check_serving("s1", ["u2"])


# ZooKeeper is away ---------------------------------------------------------------------------------------------

@pytest.mark.limit(90)
def test_zookeeper_stopped_for_ten_seconds(make_cluster, own_zk, observe):
    cluster = make_cluster(zk=own_zk).start()
    cluster.deploy("s1", ["u1"])
    watchers = [Watcher(h.root) for h in cluster.hosts]
    before = [(snapshot(h.root), h.haproxy.state()) for h in cluster.hosts]
    body = cluster.request("away", "s1", add=["u2"], remove=["u1"])
    with cluster.traffic(["s1"], rate=60) as load:
        own_zk.stop()
        stopped = time.monotonic()
        tries = 0
        while time.monotonic() - stopped < 10:
            start = time.monotonic()
            answer = cluster.call("POST", "/request", body, timeout=5)
            assert answer.status == 504, answer
            assert time.monotonic() - start < 2.5
            tries += 1
            known = cluster.call("GET", "/state/s1", timeout=5)
            assert known.status == 200, known
            time.sleep(0.5)
        assert tries >= 4
        for h, w, was in zip(cluster.hosts, watchers, before):
            assert w.events() == [] and (snapshot(h.root), h.haproxy.state()) == was, h.name
            w.close()
        own_zk.start()
        back = time.monotonic()
        post_retrying(cluster, body)
        cluster.wait_state("away", "SUCCESS", 30)
        print("ZooKeeper back; SUCCESS %.2f s later" % (time.monotonic() - back))
    assert load.failures() == []
    reloads = [h.haproxy.show_proc()["reloads"] for h in cluster.hosts]
    assert cluster.post(body)["loadBalancerState"] == "SUCCESS"  # a re-post is the same deploy
    check_settled(cluster, {"s1": ["u2"]}, [("s1", "away")])
    assert [h.haproxy.show_proc()["reloads"] for h in cluster.hosts] == reloads == \
        [was[1]["reloads"] + 1 for was in before]


def test_zookeeper_stopped_in_the_middle(make_cluster, own_zk, observe):
    """Decided, one host held, ZooKeeper stopped and back: the request goes on to its end, once."""
    cluster = make_cluster(zk=own_zk, taps=True).start()
    cluster.deploy("s1", ["u1"])
    seen = observe(cluster)
    two = cluster.hosts[1]
    two.master_tap.hold("reload")
    cluster.post(cluster.request("mid", "s1", add=["u2"], remove=["u1"]))
    seen.watch("mid")
    assert two.master_tap.held.wait(15)
    own_zk.stop()
    two.master_tap.release()
    own_zk.start()
    cluster.wait_state("mid", "SUCCESS", 40)
    check_settled(cluster, {"s1": ["u2"]}, [("s1", "mid")])


def test_session_lost_and_found(make_cluster, own_zk):
    """ZooKeeper frozen beyond every session: agents and service join again and go on."""
    cluster = make_cluster(zk=own_zk).start()
    cluster.deploy("s1", ["u1"])
    before = [h.haproxy.show_proc()["reloads"] for h in cluster.hosts]
    hosts = sorted(cluster.zk_children("/load-balancer/web/hosts"))
    own_zk.freeze()
    time.sleep(5)  # longer than the sessions of all: that is what this test is about
    own_zk.thaw()
    cluster.leader()
    post_retrying(cluster, cluster.deploy_body("s1", ["u2"], rid="after"))
    wait_for(lambda: cluster.get("after")["loadBalancerState"] in TERMINAL, 30, "terminal")
    assert cluster.get("after")["loadBalancerState"] == "SUCCESS", cluster.get("after")
    cluster.live["s1"] = ["u2"]
    cluster.check_serving("s1", ["u2"])
    assert len(cluster.zk_children("/load-balancer/web/hosts")) == len(hosts)
    assert all(h.haproxy.show_proc()["reloads"] <= r + 1 for h, r in zip(cluster.hosts, before))
