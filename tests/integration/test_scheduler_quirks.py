# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between a scheduler and Java's Baragon, and must not here: lost answers, refusals nobody remembers, tasks that
come back, removals of what is not there, requests that never end."""
import contextlib
import itertools
import json
import time

import pytest

from harness.base import wait_for
from harness.cluster import SHORT
from harness.dropping import Dropping
from harness.scheduler import Pending
from harness.scheduler_wire import SENDS, Wire, update_body
from harness.world import KEY, World, standing

SERIAL = itertools.count(1)
REPOST_MS = 400
WORKER = {"worker": dict(SHORT["worker"], prepareDeadlineMs=2500, repostAfterMs=REPOST_MS)}


@pytest.fixture(scope="module")
def cluster(shared_zk):
    with standing(shared_zk, "quirks", service_options=WORKER) as c:
        yield c


@pytest.fixture
def make_world(cluster):
    made = []

    def make(through=0):
        made.append(World(cluster, "quirk%d" % next(SERIAL), through))
        return made[-1]
    yield make
    for w in made:
        w.end()


@pytest.fixture
def world(make_world):
    return make_world()


@contextlib.contextmanager
def frozen(agent, cluster):
    agent.freeze()
    try:
        yield
    finally:
        agent.thaw()
        cluster.wait_agents(len(cluster.hosts))


# Lost answers -----------------------------------------------------------------------------------------------

def lose_answers(world, targets, before=None):
    """A deploy whose answers are lost: (the pending deploy, the proxy). It was sent six times."""
    _, old = world.live(1)
    new = world.tasks(world.deploy_of(2), 1)
    proxy = Dropping(targets, before)
    reloads = [h.haproxy.show_proc()["reloads"] for h in world.cluster.hosts]
    try:
        p = Pending(new[0].deploy, new, old)
        world.road.moving(world.names(new))
        world.s.wire = Wire("http://127.0.0.1:%d/baragon/v2/request" % proxy.port, {"authkey": KEY}, limit_s=20)
        world.s.deploy_pass(p)
        (exchange,) = world.s.wire.exchanges
        assert (p.updates[0].state, exchange.sends, len(proxy.requests)) == ("UNKNOWN", SENDS, SENDS)
        assert len(set(proxy.requests)) == 1, "the same bytes each time"
    finally:
        world.s.wire.close()
        proxy.close()
    return p, proxy, reloads


def one_deploy(world, p, reloads):
    """It comes to SUCCESS, once."""
    world.s.wire = world.wire
    world.s.deploy(p)
    assert p.state == "SUCCEEDED", p.updates
    world.road.settled(world.names(p.new))
    world.entries(*p.ids())
    assert len(p.ids()) == 1
    assert [h.haproxy.show_proc()["reloads"] for h in world.cluster.hosts] == [r + 1 for r in reloads]


def accepted(answers, lbr_id):
    for status, text in answers:
        answer = json.loads(text)
        assert status == 200 and answer["loadBalancerRequestId"] == lbr_id, answer
        assert answer["loadBalancerState"] in ("WAITING", "SUCCESS"), answer


def test_six_posts_to_one_instance(world):
    p, proxy, reloads = lose_answers(world, [world.cluster.services[0].port])
    accepted(proxy.answers, p.pending)
    assert len(proxy.answers) == SENDS
    one_deploy(world, p, reloads)


def test_six_posts_over_two_instances(world):
    p, proxy, reloads = lose_answers(world, [s.port for s in world.cluster.services])
    accepted(proxy.answers, p.pending)
    assert len(proxy.answers) == SENDS
    one_deploy(world, p, reloads)


def test_some_of_six_posts_arrive(world):
    ports = [s.port for s in world.cluster.services]
    p, proxy, reloads = lose_answers(world, [None, None, ports[0], None, ports[1], None])
    accepted(proxy.answers, p.pending)
    assert len(proxy.answers) == 2
    one_deploy(world, p, reloads)


def test_six_posts_and_the_leader_is_killed_among_them(make_world):
    cluster = make_world().cluster
    leader = cluster.leader()
    other = next(s for s in cluster.services if s is not leader)
    world = make_world(through=cluster.services.index(other))
    try:
        p, proxy, reloads = lose_answers(world, [leader.port, other.port], lambda i: leader.kill() if i == 3 else None)
        accepted(proxy.answers, p.pending)
        assert 4 <= len(proxy.answers) < SENDS
        one_deploy(world, p, reloads)
    finally:
        if not leader.running():
            leader.start()


def test_one_id_two_bodies(world):
    """The text makes the client post once more; the first body goes on."""
    d, tasks = world.live(1)
    a, b = world.tasks(d, 2)
    with frozen(world.cluster.hosts[0].agent, world.cluster):
        lbr_id = a.id + "-ADD-1"
        assert world.wire.enqueue(update_body(lbr_id, d.service(), [a.upstream()], [])).state == "WAITING"
        made = len(world.calls())
        u = world.wire.enqueue(update_body(lbr_id, d.service(), [b.upstream()], []))
        assert (u.state, u.method, u.message) == (
            "FAILED", "CHECK_STATE", "Request %s is already enqueued with different parameters" % lbr_id)
        assert world.calls(made) == ["POST /baragon/v2/request"] * 2
        world.road.moving(world.names([a]))
    end = wait_for(lambda: (lambda x: x if x.state != "WAITING" else None)(world.wire.check(lbr_id)), 15, "its end")
    world.road.settled(world.names(tasks + [a] if end.state == "SUCCESS" else tasks))


# Refusals ---------------------------------------------------------------------------------------------------

def test_a_refusal_is_remembered(make_world):
    """The deploy checker believes GET only: a deploy that was refused at the door must not hang. Duplicates are told by address
    whatever their group, and of other services only."""
    owner, other = make_world(), make_world(through=1)
    d, tasks = owner.live(1)
    for more in ({}, {"upstream_group": "blue"}):
        thief = other.deploy_of(1, **more)
        stolen = other.tasks(thief, 1)
        stolen[0].address = tasks[0].address
        p = other.s.deploy(Pending(thief, stolen, []))
        text = "If noDuplicateUpstreams is specified, you cannot have duplicate upstreams. Found these duplicate upstreams: [%s]" \
            % tasks[0].address
        assert (p.updates[0].state, p.updates[0].message, p.updates[0].status) == ("FAILED", text, 200)
        assert (p.state, p.message) == ("FAILED", "Load balancer had state FAILED (%s)" % text)
    owner.add(owner.tasks(owner.deploy_of(1, upstream_group="blue"), 1)[0])
    again = Pending(d, tasks, [], canary=True)
    assert owner.s.deploy(again).state == "SUCCEEDED", "its own upstreams are no duplicates"


def test_a_malformed_deploy_is_remembered(world):
    _, old = world.live(1)
    d = world.deploy_of(2)
    new = world.tasks(d, 1, rack="r" * 101)
    p = world.s.deploy(Pending(d, new, old))
    assert (p.updates[0].state, p.updates[0].status) == ("FAILED", 422)
    assert p.state == "FAILED" and "Malformed request: addUpstreams[0].rackId size must be" in p.message, p.message
    world.road.settled(world.names(old))
    right = update_body(p.updates[0].lbr_id, d.service(), [world.tasks(d, 1)[0].upstream()], [])
    right["removeUpstreams"] = [{"upstream": old[0].address}]
    world.road.moving(world.cluster.upstreams.names)
    assert world.wire.enqueue(right).state == "WAITING", "its id is free for a body that is right"
    done = wait_for(lambda: (lambda u: u if u.state != "WAITING" else None)(world.wire.check(p.updates[0].lbr_id)), 10, "its end")
    assert done.state == "SUCCESS", done


def test_without_the_key(world):
    """403 is not a refusal of the request: nothing of it is kept."""
    wire = Wire(world.wire.uri)
    body = update_body(world.service + "-dep1-DEPLOY-1", world.deploy_of(1).service(), [("10.0.0.1:80", None, "default")], [])
    u = wire.enqueue(body)
    assert (u.state, u.status) == ("FAILED", 403) and u.message.startswith("Response status code 403: {")
    u = wire.check(body["loadBalancerRequestId"])
    assert (u.state, u.status) == ("UNKNOWN", 404)
    u = wire.cancel(body["loadBalancerRequestId"])
    assert (u.state, u.status) == ("UNKNOWN", 403)
    assert wire.service_state("nobody") == []
    wire.close()


# Tasks ------------------------------------------------------------------------------------------------------

def test_a_task_comes_back(make_world):
    """Its addition is posted again under an id that has ended: it is in again, and not only in an old answer."""
    world = make_world()
    d, tasks = world.live(1)
    t = world.tasks(d, 1)[0]
    world.add(t)
    world.clean([t])
    lbr_id = t.id + "-ADD-1"
    with world.cluster.zk.client() as zk:
        path = "/%s/responseHistory/%s/%s" % (world.cluster.namespace, world.service, lbr_id)
        ended = zk.get(path)[1].mtime
    # Before that it is taken for a late copy of the first one.
    wait_for(lambda: time.time() * 1000 > ended + REPOST_MS + 50, 5, "it is older")
    world.wire.use(world.cluster.services[1].url + "/request")
    world.road.moving(world.names([t]))
    made = len(world.calls())
    world.s.recover(t)
    assert t.add.state == "SUCCESS" and not t.killed, t.add
    assert world.calls(made)[1:], "it was queued, not answered from history"
    world.road.settled(world.names(tasks + [t]))
    world.entries(lbr_id, t.id + "-REMOVE-1")
    # While it is in, its id answers how it ended.
    made = len(world.calls())
    world.s.recover(t)
    assert t.add.state == "SUCCESS" and world.calls(made) == ["POST /baragon/v2/request"]


def test_removals_of_what_is_not_there(make_world):
    """All are SUCCESS: a task that never was in, one that is out already, one of a service that nobody knows."""
    world = make_world()
    d, tasks = world.live(1)
    never, known = world.tasks(d, 1)[0], tasks[0]
    service = d.service()
    nobody = dict(service, serviceId="nobody-" + world.service, serviceBasePath="/nobody-" + world.service)
    old = dict(service, loadBalancerGroups=["gone"], serviceBasePath="/elsewhere")
    for i, (part, t) in enumerate([(service, never), (nobody, never), (old, never)]):
        lbr_id = "%s-REMOVE-%d" % (never.id, i + 1)
        first = world.wire.enqueue(update_body(lbr_id, part, [], [t.upstream()]))
        assert first.state == "WAITING", first
        last = wait_for(lambda: (lambda u: u if u.state != "WAITING" else None)(world.wire.check(lbr_id)), 10, "its end")
        assert last.state == "SUCCESS", last
    assert world.stored()["service"]["loadBalancerGroups"] == ["web"]
    world.road.settled(world.names([known]))
    assert not world.s.notified


def test_delete_does_not_know_the_override(make_world):
    """The scheduler names the request, not the service: SUCCESS, and the service stays until its tasks are out."""
    world = make_world()
    d = world.deploy_of(1, override=world.service)
    d.request_id = "request-of-" + world.service
    tasks = world.tasks(d, 1)
    assert world.s.deploy(Pending(d, tasks, [])).state == "SUCCEEDED"
    world.road.settled(world.names(tasks))
    last = world.s.delete_request(d)
    assert last.state == "SUCCESS", last
    world.road.settled(world.names(tasks))
    assert world.stored()["upstreams"][0]["upstream"] == tasks[0].address


def test_a_drift_request_ends(world):
    """The scheduler looks at it every second without limit, and holds a lock: a host that hangs must not keep it."""
    d, tasks = world.live(2)
    with frozen(world.cluster.hosts[1].agent, world.cluster):
        began = time.monotonic()
        extra, last = world.s.check_drift(d, tasks[:1], limit=10)
        assert extra == [tasks[1].upstream()] and last.state == "FAILED", last
        assert world.cluster.hosts[1].agent.id in last.message, last
        print("ended after %.1f s" % (time.monotonic() - began))
    world.road.settled(world.names(tasks))


# ZooKeeper --------------------------------------------------------------------------------------------------

def test_zookeeper_hangs_while_a_task_starts(own_zk):
    """UNKNOWN within the client's two seconds; the same id is posted again, and is one request."""
    with standing(own_zk, "hanging", services=1) as cluster:
        world = World(cluster, "slow")
        d, tasks = world.live(1)
        t = world.tasks(d, 1)[0]
        own_zk.freeze()
        try:
            for _ in range(2):
                assert world.s.new_task_pass(t) is False
                assert (t.add.state, t.add.status) == ("UNKNOWN", 504), t.add
        finally:
            own_zk.thaw()
        world.add(t)
        world.entries(t.id + "-ADD-1")
        world.end()
