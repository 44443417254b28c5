# SPDX-License-Identifier: Apache-2.0
"""Groups, aliases and keys as operators and Java's programs change them, on both sides of the same ZooKeeper."""
import json

from harness.base import wait_for

FORBIDDEN = {"code": 403, "message": "HTTP 403 Forbidden"}
# Each kind of record as Baragon's writers leave it, its keys in their order.
GROUP = (b'{"name":"edge","domain":"edge.example.com","trafficSources":[{"name":"elb-1","type":"CLASSIC",'
         b'"registerBy":"INSTANCE_ID"}],"sources":[],"defaultDomain":"edge.example.com",'
         b'"domains":["edge.example.com"],"domainAliases":{},"minHealthyAgents":1}')
ALIAS = b'{"groups":["edge","edge2"],"domains":[],"edgeCacheDomains":[]}'
KEY = b'{"value":"k1","owner":"baragon","createdAt":1731577200123,"expiredAt":null}'
OLD_GROUP = b'{"name":"old","sources":["elb-9"],"domain":"old.example.com"}'


def data(zk, cluster, path):
    return zk.get("/%s%s" % (cluster.namespace, path))[0]


def test_records_are_java_s(make_cluster):
    """What another client wrote is read, also in old forms; what we write has its keys, order and forms."""
    cluster = make_cluster(agents=0, service_options={"masterAuthKey": "m"}).start()
    with cluster.zk.client() as zk:
        def put(path, value):
            zk.create("/%s%s" % (cluster.namespace, path), value, makepath=True)
        put("/load-balancer/edge", GROUP)
        put("/load-balancer/old", OLD_GROUP)
        put("/load-balancer/edge/targetCount", b'"2"')
        put("/load-balancer/edge/base-uris/L3Nob3A=", b'"shop"')
        put("/aliases/all-edges", ALIAS)
        put("/auth/k1", KEY)
        assert cluster.call("GET", "/load-balancer/edge").body == GROUP
        assert cluster.call("GET", "/load-balancer/edge/count").body == b"2"
        assert cluster.call("GET", "/load-balancer/edge/base-path/all").body == b'["/shop"]'
        assert cluster.call("GET", "/aliases/all-edges").body == ALIAS
        assert cluster.call("GET", "/auth/keys?authkey=m").body == b"[" + KEY + b"]"
        # Written again by us: the same bytes, and what was added.
        source = {"name": "t", "type": "ALB_TARGET_GROUP", "registerBy": "PRIVATE_IP"}
        answer = cluster.call("POST", "/load-balancer/edge/traffic-source", source)
        assert answer.status == 200 and len(answer.json()["trafficSources"]) == 2
        assert data(zk, cluster, "/load-balancer/edge") == answer.body
        assert cluster.call("DELETE", "/load-balancer/edge/traffic-source", source).body == GROUP
        assert data(zk, cluster, "/load-balancer/edge") == GROUP
        old = cluster.call("POST", "/load-balancer/old/sources?source=elb-10").json()
        assert [s["name"] for s in old["trafficSources"]] == ["elb-9", "elb-10"]
        assert old["defaultDomain"] == old["domain"] == "old.example.com" and old["sources"] == []
        assert cluster.call("POST", "/load-balancer/ghost/count?count=3").body == b"3"
        assert data(zk, cluster, "/load-balancer/ghost/targetCount") == b'"3"'
        assert data(zk, cluster, "/load-balancer/ghost") == b""
        assert cluster.call("GET", "/load-balancer/ghost").status == 404
        assert cluster.call("GET", "/load-balancer").json() == ["all-edges", "edge", "ghost", "old"]
        assert cluster.call("POST", "/aliases/again", json.loads(ALIAS)).body == ALIAS
        assert data(zk, cluster, "/aliases/again") == ALIAS
        assert cluster.call("DELETE", "/aliases/again").status == 204
        assert not zk.exists("/%s/aliases/again" % cluster.namespace)
        key = dict(json.loads(KEY), value="k2")
        assert cluster.call("POST", "/auth/keys?authkey=m", key).status == 204
        assert data(zk, cluster, "/auth/k2") == KEY.replace(b"k1", b"k2")
        ended = cluster.call("DELETE", "/auth/keys/k2?authkey=m")
        assert ended.json()["expiredAt"] > key["createdAt"] and data(zk, cluster, "/auth/k2") == ended.body


def test_keys_count_at_once_everywhere(make_cluster):
    cluster = make_cluster(services=2, service_options={"auth": {"enabled": True, "key": "own"}, "masterAuthKey": "m"},
                           agent_options={"auth": {"enabled": True}}).start()
    everywhere = [lambda key, s=s: s.call("GET", "/aliases/none?authkey=" + key).status for s in cluster.services]
    everywhere += [lambda key, h=h: h.agent.call("GET", "/status/none?authkey=" + key).status for h in cluster.hosts]

    def all_say(key, status):
        wait_for(lambda: all(ask(key) == status for ask in everywhere), 2, "%s: %d everywhere" % (key, status))
    all_say("k2", 403)
    assert cluster.call("POST", "/auth/keys?authkey=own", {"value": "k2"}).status == 403
    assert cluster.call("POST", "/auth/keys?authkey=m", {"value": "k2"}, service=0).status == 204
    assert cluster.call("GET", "/auth/key/verify?authkey=k2", service=0).status == 204  # no waiting where it was posted
    all_say("k2", 404)
    assert cluster.call("DELETE", "/auth/keys/k2?authkey=m", service=1).status == 200
    all_say("k2", 403)
    # In a header; what a role does not open says so.
    bearer = {"Authorization": "Bearer own"}
    assert cluster.call("GET", "/auth/key/verify", headers=bearer).status == 204
    assert cluster.hosts[0].agent.call("GET", "/status/none", headers=bearer).status == 404
    assert cluster.call("POST", "/auth/keys?authkey=m", {"value": "r", "role": "read"}).status == 204
    all_say("r", 404)
    answer = cluster.call("DELETE", "/aliases/none?authkey=r")
    assert answer.status == 403 and "`write`" in answer.json()["message"]
    assert cluster.hosts[0].agent.call("POST", "/lockstep/batch?authkey=r", {}).json() == FORBIDDEN
    # And none of it disturbs the calls between the programs.
    assert cluster.call("POST", "/request?authkey=own", cluster.request("r1", "s1", add=["u1"])).status == 200
    cluster.wait_state("r1")


def test_a_base_path_is_set_free(cluster):
    """It is free, the service stays; its next update takes it again."""
    cluster.deploy("s1", ["u1"])
    assert cluster.call("GET", "/load-balancer/web/base-path/all").json() == ["/s1"]
    answer = cluster.call("DELETE", "/load-balancer/web/base-path?basePath=%2Fs1")
    assert answer.status == 204 and "service s1 is committed" in answer.headers["warning"]
    assert cluster.call("GET", "/load-balancer/web/base-path/all").json() == []
    cluster.check_serving("s1", ["u1"])
    cluster.deploy("s1", ["u2"])
    assert cluster.call("GET", "/load-balancer/web/base-path/all").json() == ["/s1"]
    cluster.check_serving("s1", ["u2"])


def test_an_alias_leads_to_its_groups(cluster):
    assert cluster.call("POST", "/aliases/everywhere", {"groups": ["web"]}).status == 200
    cluster.post(cluster.request("r1", "s1", add=["u1"], service_fields={"loadBalancerGroups": ["everywhere"]}))
    assert cluster.wait_state("r1")["request"]["loadBalancerService"]["loadBalancerGroups"] == ["web"]
    # Gone, and at once.
    assert cluster.call("DELETE", "/aliases/everywhere").status == 204
    cluster.post(cluster.request("r2", "s1", add=["u2"], service_fields={"loadBalancerGroups": ["everywhere"]}))
    cluster.wait_state("r2", "INVALID_REQUEST_NOOP")
