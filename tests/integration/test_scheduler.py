# SPDX-License-Identifier: Apache-2.0
"""The time lines of a scheduler's deploys, with its own bytes, over real load balancers under traffic."""
import itertools
import re

import pytest

from harness.base import wait_for
from harness.scheduler import Pending, Task
from harness.scheduler_wire import Wire, delete_body, service_part, to_bytes, update_body
from harness.traffic import Upstreams
from harness.world import KEY, World, standing

SERIAL = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(shared_zk):
    with standing(shared_zk, "scheduler") as c:
        yield c


@pytest.fixture
def world(cluster, request):
    """Speaks to the service that leads in odd tests, to the other one in even ones."""
    n = next(SERIAL)
    leads = cluster.services.index(cluster.leader())
    w = World(cluster, "req%d" % n, through=leads if n % 2 else 1 - leads)
    yield w
    w.end()


# Bytes ------------------------------------------------------------------------------------------------------

DEPLOY = b'{"loadBalancerRequestId":"req-dep1-2-1700000000001-DEPLOY-1",' \
    b'"loadBalancerService":{"serviceId":"req","owners":["a@x.com"],"serviceBasePath":"/base","additionalPaths":[],' \
    b'"loadBalancerGroups":["g1","g2"],"domains":[],"edgeCacheDomains":[],"preResolveUpstreamDNS":false},' \
    b'"addUpstreams":[{"upstream":"h1:31001","requestId":"req-dep1-2-1700000000001-DEPLOY-1","rackId":"us-east-1a",' \
    b'"group":"default"}],' \
    b'"removeUpstreams":[{"upstream":"h2:31002","requestId":"req-dep1-2-1700000000001-DEPLOY-1","group":"default"}],' \
    b'"replaceUpstreams":[],"action":"UPDATE","noValidate":false,"noReload":false,"upstreamUpdateOnly":false,' \
    b'"noDuplicateUpstreams":true}'
FULL = b'{"serviceId":"svc-override","owners":["a@x.com"],"serviceBasePath":"/base","additionalPaths":["/extra"],' \
    b'"loadBalancerGroups":["g1"],"options":{"nginxExtraConfigs":["rewrite /a /b"],"n":5},"templateName":"tmplA",' \
    b'"domains":["d1.com"],"edgeCacheDomains":[],"preResolveUpstreamDNS":true}'
REMOVAL = b'{"loadBalancerRequestId":"req-1700000000002-DELETE-1","loadBalancerService":{"serviceId":"req","owners":[],' \
    b'"serviceBasePath":"/base","additionalPaths":[],"loadBalancerGroups":["g1"],"options":{},"domains":[],' \
    b'"edgeCacheDomains":[],"preResolveUpstreamDNS":false},"addUpstreams":[],"removeUpstreams":[],"replaceUpstreams":[],' \
    b'"action":"DELETE","noValidate":false,"noReload":false,"upstreamUpdateOnly":false,"noDuplicateUpstreams":false}'


def test_the_client_emits_the_recorded_bytes():
    """What the tests below send is what the real client was seen sending."""
    rid = "req-dep1-2-1700000000001-DEPLOY-1"
    service = service_part("req", ["a@x.com"], "/base", groups=["g1", "g2"])
    assert to_bytes(update_body(rid, service, [("h1:31001", "us-east-1a", "default")],
                                [("h2:31002", None, "default")])) == DEPLOY
    assert to_bytes(service_part("svc-override", ["a@x.com"], "/base", ["/extra"], ["g1"], {
        "nginxExtraConfigs": ["rewrite /a /b"], "n": 5, "gone": None}, "tmplA", ["d1.com"], True)) == FULL
    assert to_bytes(delete_body("req-1700000000002-DELETE-1", "req", "/base", ["g1"])) == REMOVAL
    wire = Wire("http://lb.request.example:8080/baragon/v2/request", {"authkey": KEY})
    assert wire.raw("POST", wire.target(), b"{}") == (
        b"POST /baragon/v2/request?authkey=test%20key%2B1 HTTP/1.1\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nConnection: keep-alive\r\nHost: lb.request.example:8080\r\nAccept: */*\r\n"
        b"User-Agent: AHC/1.0\r\n\r\n{}")
    assert wire.raw("GET", wire.target("/" + rid)).startswith(
        b"GET /baragon/v2/request/req-dep1-2-1700000000001-DEPLOY-1?authkey=test%20key%2B1 HTTP/1.1\r\nConnection: ")


# A deploy ---------------------------------------------------------------------------------------------------

def test_two_phases(world):
    """New tasks in and old ones out in one step; the old ones are then killed without another call."""
    _, old = world.live(2)
    never_added = world.tasks(old[0].deploy, 1)
    new = world.tasks(world.deploy_of(2), 2)
    p = world.swap(new, old + never_added)
    first, *polls = p.updates
    assert (first.method, first.state, first.status) == ("ENQUEUE", "WAITING", 200)
    assert re.fullmatch(r"Queued as QueuedRequestId\{serviceId=%s, requestId=%s, index=\d+\}" % (world.service, first.lbr_id),
                        first.message)
    assert re.fullmatch(world.service + r"-dep2-2-\d{13}-DEPLOY-1", first.lbr_id) and p.ids() == [first.lbr_id]
    assert polls[-1].message == "UPDATE request succeeded! Added upstreams: [%s], Removed upstreams: [%s]" % (
        ", ".join(t.address for t in new), ", ".join(t.address for t in old + never_added))
    made = len(world.calls())
    world.clean(old + never_added)
    assert world.calls(made) == [] and all(t.remove.lbr_id == first.lbr_id for t in old)
    assert {(u["upstream"], u["rackId"], u["group"]) for u in world.stored()["upstreams"]} == \
        {t.upstream() for t in new}
    world.entries(first.lbr_id)


def test_a_refused_deploy_touches_nothing(world):
    """The HAProxies refuse the new configuration: the deploy fails by the next polls, old tasks serve throughout, and the
    scheduler makes no repair."""
    d, old = world.live(2)
    before = [h.haproxy.state() for h in world.cluster.hosts]
    bad = world.deploy_of(2, options={"ssl": True, "sslCa": "there-is-no-such-file.crt"})
    new = world.tasks(bad, 2)
    p = world.s.deploy(Pending(bad, new, old))  # no moving(): the road allows the old ones only
    assert p.state == "FAILED" and "there-is-no-such-file.crt" in p.message, p.message
    assert re.match(r"Load balancer had state FAILED \(Apply failed \{.*\}, REVERT OK\.", p.message, re.S)
    world.road.settled(world.names(old))
    assert [h.haproxy.state() for h in world.cluster.hosts] == before
    made = len(world.calls())
    world.clean(new)
    assert world.calls(made) == [], "their ADD has failed: killed without a call"
    assert world.stored()["service"]["options"] in ({}, None)
    world.swap(world.tasks(world.deploy_of(3), 2), old)


def test_rules_that_refuse_a_deploy(world):
    """INVALID_REQUEST_NOOP by the first poll that is final."""
    _, old = world.live(1)
    for more, text in (({"groups": ["nowhere"]}, "Invalid request due to non-existent load balancer groups: [nowhere]"),
                       ({"domains": ["d1.com"]}, "No groups present that serve domains: [d1.com]"),
                       ({"base_path": "/" + world.service, "override": world.service + "-thief"},
                        "Invalid request due to base path conflicts: [ %s on group web ]" % world.service)):
        d = world.deploy_of(2, **more)
        p = world.s.deploy(Pending(d, world.tasks(d, 1), []))
        assert (p.state, p.message) == ("FAILED", "Load balancer had state INVALID_REQUEST_NOOP (%s)" % text)
        world.road.settled(world.names(old))


def test_new_tasks_die_while_the_deploy_waits(world):
    """DELETE of the pending id, then removals of tasks that never came in: each ends in SUCCESS, nothing was touched."""
    _, old = world.live(2)
    new = world.tasks(world.deploy_of(2), 2)
    p = Pending(new[0].deploy, new, old)
    agent = world.cluster.hosts[0].agent
    agent.freeze()
    try:
        world.s.deploy_pass(p)
        world.s.deploy_pass(p)
        assert [u.state for u in p.updates] == ["WAITING", "WAITING"]
        world.s.cancel_for_dead_tasks(p, "At least 1 task(s) for this instance group failed")
        assert (p.updates[-1].method, p.updates[-1].state, p.updates[-1].status) == ("CANCEL", "CANCELING", 200)
    finally:
        agent.thaw()
    for t in new:
        world.s.clean([t])
        assert t.remove.state == "SUCCESS" and t.remove.lbr_id == t.id + "-REMOVE-1", t.remove
    world.road.settled(world.names(old))
    wait_for(lambda: world.wire.check(p.updates[0].lbr_id).state == "CANCELED", 10, "CANCELED")
    assert world.wire.cancel(p.updates[0].lbr_id).state == "CANCELED", "a finished id answers how it ended"
    unknown = world.wire.cancel(world.service + "-never-posted-DEPLOY-1")
    assert (unknown.state, unknown.message) == ("CANCELED", "Request %s does not exist" % unknown.lbr_id)


def test_checks_fail_after_the_swap(world):
    """The deploy is taken back by a request of the scheduler's; removals of tasks that are out already are SUCCESS."""
    _, old = world.live(2)
    new = world.tasks(world.deploy_of(2), 2)
    seen = []

    def accept():
        world.road.settled(world.names(new))
        seen.append(world.stored())
        world.road.moving(world.names(old))
        return False
    world.road.moving(world.names(new))
    p = world.s.deploy(Pending(new[0].deploy, new, old, accept=accept))
    assert (p.state, p.message) == ("FAILED", "acceptance failed") and len(seen) == 1
    swap, revert = p.ids()
    assert re.fullmatch(world.service + r"-dep1-ADD-FOR-REVERT-\d{13}-DEPLOY-1", revert)
    world.road.settled(world.names(old))
    world.clean(new)
    world.entries(swap, revert, *(t.id + "-REMOVE-1" for t in new))
    assert not world.s.notified


# Canary -----------------------------------------------------------------------------------------------------

def test_canary(world):
    """Steps of one: each re-sends all new tasks under a new id, then one old task goes by itself."""
    _, old = world.live(3)
    d = world.deploy_of(2, options={"timeoutServer": "31s"})
    new, left = [], list(old)
    for _ in range(3):
        new += world.tasks(d, 1)
        world.road.moving(world.names(new))
        p = world.s.deploy(Pending(d, list(new), list(left), canary=True))
        assert p.state == "SUCCEEDED" and "-dep2-%d-" % len(new) in p.ids()[0]
        world.road.settled(world.names(new + left))
        assert sorted(u["upstream"] for u in world.stored()["upstreams"]) == sorted(t.address for t in new + left)
        gone = left.pop(0)
        made = len(world.calls())
        world.clean([gone])
        assert world.calls(made)[0] == "POST /baragon/v2/request" and gone.remove.lbr_id == gone.id + "-REMOVE-1"
    assert not left and world.stored()["service"]["options"] == {"timeoutServer": "31s"}, \
        "removals of old tasks carry the old deploy's service"


def test_canary_that_fails(world):
    """A task that was replaced comes back by its own ADD; then the new ones go."""
    _, old = world.live(2)
    d = world.deploy_of(2, options={"timeoutServer": "32s"})
    new = world.tasks(d, 1)
    world.road.moving(world.names(new))
    assert world.s.deploy(Pending(d, new, old, canary=True)).state == "SUCCEEDED"
    world.road.settled(world.names(new + old))
    world.clean(old[:1])
    second = world.tasks(d, 1)
    world.road.moving(world.names(second))
    p = world.s.deploy(Pending(d, new + second, old[1:], canary=True, accept=lambda: False))
    assert (p.state, p.message) == ("FAILED", "acceptance failed")
    world.road.settled(world.names(new + second + old[1:]))
    again = world.tasks(old[0].deploy, 1)[0]
    world.add(again)
    world.clean(new + second)
    assert world.road.names == world.names(old[1:] + [again])
    assert world.stored()["service"]["options"] in ({}, None), "the old deploy's service is back with its task"


# Tasks ------------------------------------------------------------------------------------------------------

def test_bounce(world):
    """A replacement first, then the old one, one after the other."""
    d, old = world.live(2)
    for t in old:
        made = len(world.calls())
        again = world.tasks(d, 1)[0]
        world.add(again)
        assert again.add.lbr_id == again.id + "-ADD-1" and world.calls(made)[0].startswith("POST")
        world.clean([t])
        assert t.remove.message == "UPDATE request succeeded! Added upstreams: [], Removed upstreams: [%s]" % t.address
        world.entries(again.id + "-ADD-1", t.id + "-REMOVE-1")


def test_scaling_down_and_pausing(world):
    """Several removals in the same pass; then the last tasks: killed at once, their removals follow."""
    _, tasks = world.live(4)
    world.clean(tasks[:2])
    world.road.died()
    world.s.clean(tasks[2:])
    for h in world.cluster.hosts:
        assert h.serving(world.service) == []
    assert world.stored()["upstreams"] == []
    world.road.load.stop()


def test_a_task_dies_by_itself(world):
    """It is taken out; what was lost is lost only until then."""
    d, tasks = world.live(2)
    mortal = Upstreams(world.cluster.folder, ["m-" + world.service], name="mortal-" + world.service)
    with mortal:
        name = mortal.names[0]
        world.cluster.upstreams.ports[name] = mortal.ports[name]
        t = Task(d, name, mortal.address(name), "us-east-1b")
        world.add(t)
        world.road.died()
        mortal.kill()
        world.s.clean([t])
        world.road.settled(world.names(tasks))
        world.road.buried()
        assert t.remove.state == "SUCCESS" and t.killed


def test_a_request_is_deleted(world):
    d, tasks = world.live(2)
    world.road.died()
    world.s.clean(tasks)
    last = world.s.delete_request(d)
    assert last.state == "SUCCESS" and re.fullmatch(world.service + r"-\d{13}-DELETE-1", last.lbr_id), last
    assert last.message.startswith("DELETE request succeeded!"), last
    assert world.stored() is None
    for h in world.cluster.hosts:
        assert h.haproxy.get(world.service + "/x").status == 404
    world.road.load.stop()
    again = world.s.delete_request(d)
    assert again.state == "SUCCESS", "what is gone can be deleted: %r" % (again,)


# Drift ------------------------------------------------------------------------------------------------------

def test_drift(world):
    """What the scheduler does not know is taken out; it knows its own by address, group and rack."""
    d, tasks = world.live(2)
    made = len(world.calls())
    assert world.s.check_drift(d, tasks) == ([], None)
    assert world.calls(made) == ["GET /baragon/v2/state/" + world.service], "no other call, and without a key"
    lost = world.tasks(d, 1, rack="us-east-1c")[0]
    world.add(lost)
    other_group = world.tasks(world.deploy_of(1, upstream_group="blue"), 1)[0]
    world.add(other_group)
    world.road.moving(())
    extra, last = world.s.check_drift(d, tasks)
    assert extra == [lost.upstream()] and last.state == "SUCCESS", (extra, last)
    world.road.settled(world.names(tasks + [other_group]))
    assert world.s.check_drift(d, tasks) == ([], None)
    made = len(world.calls())
    with pytest.raises(RuntimeError, match="Would remove all remaining upstreams"):
        world.s.check_drift(d, [])
    assert len(world.calls(made)) == 1
    nobody = world.deploy_of(1, override="nobody-" + world.service)
    assert world.s.check_drift(nobody, tasks) == ([], None), "404 is an empty list"
