# SPDX-License-Identifier: Apache-2.0
"""The records in ZooKeeper: what Java programs left is read, and what ours write is as theirs, key by key."""
import json
import os
import threading

import pytest

from harness import java_tree as java
from harness.base import read_file, wait_for
from harness.cluster import SHORT, Cluster
from harness.daemons import Service
from harness.java_table import TABLE, Walk

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


# What ours write --------------------------------------------------------------------------------------------------------

DOMAIN = "d.example.com"


class Watcher(threading.Thread):
    """Walks all the time, so that what is only there for a moment is seen as well."""

    def __init__(self, zk, namespace):
        super().__init__(daemon=True)
        self.zk, self.namespace = zk, namespace
        self.over = threading.Event()
        self.wrong, self.paths, self.statuses, self.failure = [], set(), set(), None

    def run(self):
        while not self.over.is_set():
            try:
                walk = Walk(self.zk, self.namespace)
            except BaseException as e:
                self.failure = e
                return
            self.wrong += [w for w in walk.wrong if w not in self.wrong]
            self.paths |= set(walk.nodes)
            self.statuses |= {d for p, (d, _) in walk.nodes.items() if p.startswith("/request/") and p.endswith("/status")}


def ended(cluster, answer, wanted="SUCCESS"):
    assert answer.status == 200, answer
    return cluster.wait_state(answer.json()["loadBalancerRequestId"], wanted)


def settings_of_groups(cluster):
    def ok(*call):
        answer = cluster.call(*call)
        assert answer.status in (200, 204), (call, answer)
    ok("POST", "/load-balancer/web/count?count=2")
    ok("POST", "/load-balancer/ghost/count?count=1")
    ok("POST", "/load-balancer/web/traffic-source", {"name": "elb-1", "type": "CLASSIC"})
    ok("POST", "/load-balancer/fresh/traffic-source", {"name": "tg", "type": "ALB_TARGET_GROUP", "registerBy": "PRIVATE_IP"})
    ok("POST", "/aliases/edge", {"groups": ["web"], "domains": [DOMAIN]})
    ok("POST", "/auth/keys?authkey=m", {"value": "k1", "owner": "me", "createdAt": java.NOW})
    ok("POST", "/auth/keys?authkey=m", {"value": "k2", "owner": "me", "createdAt": java.NOW})
    ok("DELETE", "/auth/keys/k2?authkey=m")


def all_kinds(cluster):
    """One of every kind that ends well. {request id: what its record must hold}"""
    at = cluster.upstreams.address
    rows = {}

    def post(body, **stored):
        cluster.post(body)
        rid = body["loadBalancerRequestId"]
        cluster.wait_state(rid)
        rows[rid] = stored
    post(cluster.request("k1", "s1", service_fields={"options": {"é": [1, 2.5, None, {"deep": True}]}, "additionalPaths": ["/more"]},
                         addUpstreams=[{"upstream": at("u1"), "rackId": "ra", "group": "blue"}, {"upstream": at("u2")}]))
    post(cluster.request("k2", "s1", add=["u3"], remove=["u2"], action="UPDATE"), action="UPDATE")
    post(cluster.request("k3", "s1", add=["u2"], upstreamUpdateOnly=True, noValidate=True), upstreamUpdateOnly=True, noValidate=True)
    post(cluster.request("k4", "s1", replaceUpstreams=[{"upstream": at("u1")}]))
    post(cluster.request("k5", "s2", add=["u1"], noReload=True, service_fields={"loadBalancerGroups": ["edge"]}), noReload=True)
    post(cluster.request("k6", "s2", add=["u2"], noDuplicateUpstreams=True), noDuplicateUpstreams=True)
    ended(cluster, cluster.call("PUT", "/request/upstreams/s1?upstream=" + at("u4")))
    ended(cluster, cluster.call("POST", "/state/s1/reload"))
    ended(cluster, cluster.call("POST", "/purgeCache/s1"))
    post(cluster.request("k7", "s3", add=["u1"]))
    ended(cluster, cluster.call("DELETE", "/state/s3"))
    post(cluster.request("k8", "s4", add=["u1"]))
    post(cluster.request("k9", "s4", remove=["u1"]))
    return rows


def all_ends(cluster):
    """Requests that end otherwise, and one that is cancelled while an agent does not answer."""
    cluster.post(cluster.request("conflict", "s5", add=["u1"], service_fields={"serviceBasePath": "/s1"}))
    cluster.wait_state("conflict", "INVALID_REQUEST_NOOP")
    cluster.post(cluster.request("no-group", "s5", add=["u1"], service_fields={"loadBalancerGroups": ["nowhere"]}))
    cluster.wait_state("no-group", "INVALID_REQUEST_NOOP")
    assert cluster.post(cluster.request("duplicate", "s5", add=["u1"], noDuplicateUpstreams=True))["loadBalancerState"] == "FAILED"
    frozen = cluster.hosts[1].agent
    frozen.freeze()
    try:
        cluster.post(cluster.request("late", "s5", add=["u1"]))
        cluster.wait_state("late", "FAILED")
        cluster.post(cluster.request("cancelled", "s6", add=["u1"]))
        assert cluster.call("DELETE", "/request/cancelled").status == 200
        cluster.wait_state("cancelled", "CANCELED")
    finally:
        frozen.thaw()
    # Its session may have ended meanwhile: it takes part again when it has answered.
    rid = cluster.call("POST", "/state/s1/reload").json()["loadBalancerRequestId"]
    cluster.wait_state(rid, "SUCCESS")
    wait_for(lambda: len(cluster.zk_children("/load-balancer/web/hosts")) == len(cluster.hosts), 20, "all are registered")
    assert cluster.call("POST", "/load-balancer/web/excluded/" + frozen.id).status == 200
    assert cluster.call("DELETE", "/load-balancer/web/excluded/" + frozen.id).status == 204


@pytest.fixture(scope="module")
def written(run_dir, shared_zk):
    """(cluster, the last walk, what was seen on the way, records of requests)"""
    options = {"masterAuthKey": "m", "auth": {"enabled": False, "key": "own"}}
    cluster = Cluster(os.path.join(run_dir, "written"), shared_zk, "written-%d" % os.getpid(), upstreams=("u1", "u2", "u3", "u4"),
                      service_options=dict(SHORT, **options),
                      agent_options={"loadBalancerConfig": {"defaultDomain": DOMAIN, "domains": [DOMAIN, "w.example.com"]}})
    with shared_zk.client() as zk:
        watcher = Watcher(zk, cluster.namespace)
        try:
            cluster.start()
            watcher.start()
            settings_of_groups(cluster)
            rows = all_kinds(cluster)
            all_ends(cluster)
            wait_for(lambda: not cluster.zk_children("/queue") and not cluster.zk_children("/request"), 20, "no remains")
            watcher.over.set()
            watcher.join()
            cluster.states = {s["service"]["serviceId"]: s for s in cluster.call("GET", "/state").json()}
            yield cluster, Walk(zk, cluster.namespace), watcher, rows
        finally:
            watcher.over.set()
            cluster.stop()
    complaints = cluster.complaints()
    assert not complaints, "\n".join(complaints)


def test_every_node_is_as_in_the_tables(written):
    _, walk, watcher, _ = written
    assert watcher.failure is None
    assert not walk.wrong, "\n".join(walk.wrong)
    assert not watcher.wrong, "\n".join(watcher.wrong)


def test_every_kind_of_node_was_there(written):
    """Else the tables prove nothing."""
    _, _, watcher, _ = written
    for pattern, _, _ in TABLE:
        if pattern.pattern.endswith("/message"):
            continue  # written for a moment only
        assert any(pattern.fullmatch(p) for p in watcher.paths), pattern.pattern
    assert watcher.statuses <= {java.jackson(s) for s in (
        "PENDING", "CHECK_APPLY_RESPONSES", "CANCELLED_SEND_REVERT_REQUESTS", "FAILED_SEND_REVERT_REQUESTS", "COMPLETED",
        "FAILED_REVERTED", "CANCELLED", "INVALID_REQUEST_NOOP")}, watcher.statuses


def test_history_and_mappings_agree(written):
    cluster, walk, _, rows = written
    mapped = {rid: json.loads(d) for rid, d in walk.below("/responseHistory/requestIdMapping").items()}
    entries = {}
    for p, (d, _) in walk.nodes.items():
        parts = p.split("/")
        if len(parts) == 4 and parts[1] == "responseHistory" and parts[2] != "requestIdMapping":
            assert parts[3] not in entries
            entries[parts[3]] = (parts[2], json.loads(d))
    assert mapped == {rid: sid for rid, (sid, _) in entries.items()}
    for rid, (sid, entry) in entries.items():
        assert entry["request"] is None or entry["request"]["loadBalancerService"]["serviceId"] == sid
        assert cluster.get(rid) == entry
    for rid, stored in rows.items():
        sid, entry = entries[rid]
        got = entry["request"]
        want = java.request(rid, got["loadBalancerService"], **stored)
        for rest in ("addUpstreams", "removeUpstreams", "replaceUpstreams"):
            want[rest] = got[rest]
        assert got == want
        assert entry["loadBalancerState"] == "SUCCESS" and len(entry["agentResponses"]["APPLY"]) == len(cluster.hosts)
    expected = {"conflict": "INVALID_REQUEST_NOOP", "no-group": "INVALID_REQUEST_NOOP", "duplicate": "FAILED", "late": "FAILED",
                "cancelled": "CANCELED"}
    assert {rid: entries[rid][1]["loadBalancerState"] for rid in expected} == expected


def test_state_and_locks_agree(written):
    """What readers of ZooKeeper see is what the API says; every path of a live service has its lock, no other has one."""
    cluster, walk, _, _ = written
    assert set(walk.below("/state")) == set(cluster.states) == {"s1", "s2", "s4"}
    locks = {}
    for sid, state in cluster.states.items():
        assert json.loads(walk.nodes["/state/" + sid][0]) == state["service"]
        assert set(walk.below("/state/" + sid)) == {java.node_name(u) for u in state["upstreams"]}
        paths = state["service"]["additionalPaths"] + [state["service"]["serviceBasePath"]]
        for domain in state["service"]["domains"] if state["upstreams"] else ():
            locks.update({java.b64(domain + p): java.jackson(sid) for p in paths})
            if domain == DOMAIN:
                locks.update({java.b64(p): java.jackson(sid) for p in paths})
    assert walk.below("/load-balancer/web/base-uris") == locks
    # Each decision that counts on locks sets their folder: what frees one by hand looks at that.
    assert walk.nodes["/load-balancer/web/base-uris"][1].version >= 10
    upstreams = {u["upstream"]: u for u in cluster.states["s1"]["upstreams"]}
    assert set(upstreams) == {cluster.upstreams.address(n) for n in ("u1", "u4")}
    assert cluster.states["s4"]["upstreams"] == []


def test_groups_and_the_rest(written):
    cluster, walk, _, _ = written
    web = json.loads(walk.nodes["/load-balancer/web"][0])
    assert web == java.group("web", domain=DOMAIN, trafficSources=[java.source("elb-1")], defaultDomain=DOMAIN,
                             domains=[DOMAIN, "w.example.com"])
    assert walk.nodes["/load-balancer/ghost"][0] == b"" and walk.nodes["/load-balancer/ghost/targetCount"][0] == b'"1"'
    assert json.loads(walk.nodes["/load-balancer/fresh"][0]) == java.group(
        "fresh", trafficSources=[java.source("tg", "ALB_TARGET_GROUP", "PRIVATE_IP")])
    agents = {h.agent.id: h.agent.url for h in cluster.hosts}
    hosts = [json.loads(d) for d in walk.below("/load-balancer/web/hosts").values()]
    known = {name: json.loads(d) for name, d in walk.below("/load-balancer/web/known-agents").items()}
    assert {h["agentId"]: h["baseAgentUri"] for h in hosts} == {n: k["baseAgentUri"] for n, k in known.items()} == agents
    assert [d.decode() for d in walk.below("/workers").values()] == [cluster.services[0].url]
    keys = {name: json.loads(d) for name, d in walk.below("/auth").items()}
    assert set(keys) == {"k1", "k2"} and keys["k1"]["expiredAt"] is None and keys["k2"]["expiredAt"] >= java.NOW
    assert json.loads(walk.nodes["/aliases/edge"][0]) == {"groups": ["web"], "domains": [DOMAIN], "edgeCacheDomains": []}
    assert json.loads(walk.nodes["/load-balancer/web/lastRequest"][0]) in walk.below("/responseHistory/requestIdMapping")
    # Each commit that changes the state sets it once, and it was never made anew.
    commits = len([p for p in walk.nodes if p.startswith("/responseHistory/") and b'"loadBalancerState":"SUCCESS"' in walk.nodes[p][0]
                   and b'"action":"RELOAD"' not in walk.nodes[p][0] and b'"action":"PURGE_CACHE"' not in walk.nodes[p][0]])
    assert walk.nodes["/state-last-updated"][1].version == commits - 1
    assert not walk.below("/lockstep/decided") and not walk.below("/lockstep/quarantine")


# The tables themselves ----------------------------------------------------------------------------------------------------

GOOD = [
    ("/state/s", java.service("s")), ("/state/s/" + java.node_name(java.upstream("10.0.0.1:80", "r")), b""),
    ("/request/r", java.request("r", java.service("s"), ["10.0.0.1:80"])), ("/request/r/status", b'"PENDING"'),
    ("/load-balancer/g", java.group("g", trafficSources=[java.source("e")])), ("/load-balancer/g/targetCount", b'"3"'),
    ("/load-balancer/g/known-agents/h:1", dict(java.metadata("h:1"), lastSeenAt=java.NOW)),
    ("/responseHistory/s/r", java.response("r", "SUCCESS", None, {"APPLY": [java.ANSWER]}, java.request("r", java.service("s")))),
]
BAD = [
    ("/state/s", dict(reversed(java.service("s").items()))), ("/state/s", java.service("other")),
    ("/state/s", json.dumps(java.service("s")).encode()), ("/state/s", dict(java.service("s"), more=1)),
    ("/state/s/10.0.0.1:80", b""), ("/state/s/" + java.node_name(java.upstream("10.0.0.1:80")), b"{}"),
    ("/request/r/status", b'"NEW"'), ("/request/r/pendingRequests", b""), ("/request/r/agent", b""),
    ("/load-balancer/g/targetCount", b"3"), ("/load-balancer/g/base-uris/" + java.b64("/s", pad=False), b'"s"'),
    ("/load-balancer/g/hosts/latch-0000000001", java.metadata("h:1")), ("/workers/x", b"http://h:1/baragon/v2"),
    ("/state-last-updated", b'"1500000000000"'), ("/zk-data-version", b"2"), ("/new", b""), ("/queue/s|r|1", b""),
]


def test_tables(shared_zk):
    """What a Java program writes passes; anything else is told."""
    def wrong(name, path, data):
        tree.put("/" + name + path, data)
        return [w for w in Walk(zk, tree.base[1:] + "/" + name).wrong if w.startswith(path + ": ")]
    with shared_zk.client() as zk:
        tree = java.JavaTree(zk, "tables-%d" % os.getpid())
        for path, data in GOOD:
            assert wrong("good", path, data) == []
        for i, (path, data) in enumerate(BAD):
            assert wrong("bad%d" % i, path, data), path
