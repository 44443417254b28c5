# SPDX-License-Identifier: Apache-2.0
"""The records in ZooKeeper: what Java programs left is read, and what ours write is as theirs, key by key."""
import os

import pytest

from harness import java_tree as java
from harness.base import read_file, wait_for
from harness.cluster import Cluster
from harness.daemons import Service

LIVE = [  # services that Java committed for the agents' group: id, names of upstreams by those of ours
    ("canon", lambda a: [java.b64(a("u1")) + "|r0|ra|default|"]),
    ("plain", lambda a: [a("u2")]),
    ("short-name", lambda a: [java.b64(a("u1"), pad=False) + "|r0"]),
    ("mixed", lambda a: [a("u1"), java.b64(a("u2")) + "|||default|"]),
]
LIVE_UPSTREAMS = {"canon": ["u1"], "plain": ["u2"], "short-name": ["u1"], "mixed": ["u1", "u2"]}


@pytest.fixture(scope="module")
def moved(run_dir, shared_zk):
    """Java's namespace; our agents come first, and render it without any service; then ours takes over."""
    cluster = Cluster(os.path.join(run_dir, "java-tree"), shared_zk, "java-tree-%d" % os.getpid(), services=0,
                      upstreams=("u1", "u2"))
    address = cluster.upstreams.address
    with shared_zk.client() as zk:
        try:
            cluster.upstreams.start()  # their ports are chosen by the system
            tree = java.JavaTree(zk, cluster.namespace, [h.agent.url for h in cluster.hosts])
            tree.put("/load-balancer/web", java.group("web"))
            tree.standing()
            for sid, names in LIVE:
                tree.live(java.service(sid), names(address))
            cluster.start()
            cluster.tree = tree
            yield cluster
        finally:
            cluster.stop()
    complaints = cluster.complaints()
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="module")
def taken_over(moved):
    """Our service has taken over, with Java's requests in flight."""
    moved.tree.in_flight(moved.upstreams.address("u1"), moved.upstreams.address("u2"))
    moved.tree.poisoned()
    for i, options in enumerate(({"worker": {"revertDeadlineMs": 10000}}, {"auth": {"enabled": True}, "masterAuthKey": "m"})):
        moved.services.append(Service(moved.folder, "service%d" % (i + 1), moved.zk.quorum, moved.namespace, options))
    moved.services[0].start()
    moved.leader()
    moved.services[1].start()
    return moved


def seen(rows):
    """{name: what clients see} of a table."""
    return {row[0]: row[1] if row[-1] == "same" else row[-1] for row in rows}


def by_upstream(rows):
    return sorted(rows, key=lambda u: u["upstream"])


# What Java left is read ------------------------------------------------------------------------------------------------

def test_agents_render_it(moved):
    for sid, names in LIVE_UPSTREAMS.items():
        moved.check_serving(sid, names)
    for h in moved.hosts:  # groups of others are not theirs
        assert "10.1.0." not in read_file(h.file_of("canon"))


def get(cluster, path, service=0):
    answer = cluster.call("GET", path, service=service)
    assert answer.status == 200, (path, answer)
    return answer.json()


def test_services(taken_over):
    wanted = seen(java.SERVICES)
    listed = {row["service"]["serviceId"]: row for row in get(taken_over, "/state")}
    for sid, want in wanted.items():
        if want is None:
            assert sid not in listed
            continue
        row = get(taken_over, "/state/" + sid)
        assert row == listed[sid]
        assert row["service"] == want and list(row["service"]) == list(want)
    for sid in LIVE_UPSTREAMS:
        assert listed[sid]["service"] == java.service(sid)


def test_names_of_upstreams(taken_over):
    rows = get(taken_over, "/state/full")["upstreams"]
    assert by_upstream(rows) == by_upstream([u for _, _, u in java.UPSTREAMS if u])
    assert all(list(row) == list(java.upstream("x")) for row in rows)


def test_groups(taken_over):
    wanted = seen(java.GROUPS)
    names = get(taken_over, "/load-balancer")
    assert names == sorted(set(wanted) | {"web"} | {a[0] for a in java.ALIASES})
    listed = {row["name"]: row for row in get(taken_over, "/load-balancer/all")}
    for name, want in wanted.items():
        if want is None:
            assert name not in listed and taken_over.call("GET", "/load-balancer/" + name).status == 404
            continue
        row = get(taken_over, "/load-balancer/" + name)
        assert row == listed[name] and list(row) == list(want)
        assert sorted(map(str, row.pop("trafficSources"))) == sorted(map(str, want["trafficSources"]))
        assert row == {k: v for k, v in want.items() if k != "trafficSources"}
    for name, _, want in java.COUNTS:
        assert get(taken_over, "/load-balancer/%s/count" % name) == want


@pytest.mark.parametrize("table,call", [("HOSTS", "agents"), ("KNOWN", "known-agents")])
def test_agents(taken_over, table, call):
    def key(row):
        return row["baseAgentUri"]
    want = sorted((row for row in seen(getattr(java, table)).values() if row), key=key)
    assert sorted(get(taken_over, "/load-balancer/cold/" + call), key=key) == want
    if call == "agents":
        assert sorted(get(taken_over, "/load-balancer/cold/hosts")) == [row["baseAgentUri"] for row in want]


def test_base_paths(taken_over):
    assert get(taken_over, "/load-balancer/cold/base-path/all") == sorted(key for key, _ in java.BASE_URIS)
    for key, owner in java.BASE_URIS:
        assert get(taken_over, "/load-balancer/cold/base-path?basePath=" + key.replace("é", "%C3%A9"))["serviceId"] == owner


def test_aliases(taken_over):
    for name, want in seen(java.ALIASES).items():
        assert get(taken_over, "/aliases/" + name) == want


def test_keys(taken_over):
    for key, good in ((java.ACTIVE_KEY, True), (java.EXPIRED_KEY, False), ("none", False)):
        answer = taken_over.call("GET", "/auth/key/verify?authkey=" + key, service=1)
        assert (answer.status < 300) == good and answer.status in (200, 204, 403), answer
    rows = get(taken_over, "/auth/keys?authkey=m", service=1)
    assert sorted(rows, key=lambda r: r["value"]) == sorted((row for _, row in java.KEYS), key=lambda r: r["value"])


def test_history(taken_over):
    for sid, rid, data, _, want in java.HISTORY:
        want = data if want == "same" else want
        if want is None:
            assert taken_over.call("GET", "/request/" + rid).status == 404
            want = data
        else:
            assert get(taken_over, "/request/" + rid) == want
        assert want in get(taken_over, "/request/history/" + sid)


def test_version_of_the_state(taken_over):
    """Bumped, never made anew: what watches it goes on."""
    with taken_over.zk.client() as zk:
        assert zk.get("/%s/state-last-updated" % taken_over.namespace)[1].version >= 2
        assert zk.get("/%s/zk-data-version" % taken_over.namespace)[0] == b'"2"'


# Requests in flight -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("sid,status,deeds,end", java.IN_FLIGHT, ids=[row[0] for row in java.IN_FLIGHT])
def test_in_flight(taken_over, sid, status, deeds, end):
    answer = taken_over.wait_state("r-" + sid, end, 40)
    assert answer["request"]["loadBalancerService"]["serviceId"] == sid
    if end == "FAILED" and status not in java.TERMINAL:
        assert "REVERT OK." in answer["message"], answer
    taken_over.check_serving(sid, ["u2" if end == "SUCCESS" else "u1"])
    # Java writes it last; without it nobody finds the answer once the leader has forgotten it.
    with taken_over.zk.client() as zk:
        assert zk.get("/%s/responseHistory/requestIdMapping/r-%s" % (taken_over.namespace, sid))[0] == java.jackson(sid)


def test_poisoned(taken_over):
    """Set aside, with the reason; clients learn the end of what has an id; others went on."""
    with taken_over.zk.client() as zk:
        base = "/" + taken_over.namespace

        def aside():
            return sorted(zk.get_children(base + "/lockstep/quarantine"))
        bad = sorted(i for i in taken_over.tree.items if i.split("|")[0].startswith("p-") or "|" not in i)
        assert wait_for(lambda: aside() == bad and aside(), 20, "quarantine: %s of %s" % (aside(), bad)) == bad
        assert all(zk.get(base + "/lockstep/quarantine/" + q)[0].splitlines()[0] for q in bad)
        wait_for(lambda: not zk.get_children(base + "/queue"), 20, "an empty queue")
        wait_for(lambda: not zk.get_children(base + "/request"), 20, "no remains of requests")
    for sid, _ in java.POISONED:
        assert taken_over.get("r-" + sid)["loadBalancerState"] == "FAILED"


def test_it_goes_on(taken_over):
    """A Java-made service is changed: its old names of upstreams go, canonical ones come."""
    address = taken_over.upstreams.address
    taken_over.live["mixed"] = ["u1", "u2"]
    taken_over.deploy("mixed", ["u2"])
    taken_over.check_serving("mixed", ["u2"])
    assert taken_over.zk_children("/state/mixed") == [java.b64(address("u2")) + "|||default|"]
    taken_over.live["plain"] = ["u2"]
    taken_over.deploy("plain", ["u1"])
    rid = taken_over.get("plain-2")["loadBalancerRequestId"]
    assert taken_over.zk_children("/state/plain") == [java.b64(address("u1")) + "|%s||default|" % rid]
