# SPDX-License-Identifier: Apache-2.0
"""Requests that the service makes itself, lists of requests, and what is answered of services, over real processes."""
import gzip
import json
import re
import urllib.parse
import urllib.request


def ended(cluster, answer):
    assert answer.status == 200, answer
    rid = answer.json()["loadBalancerRequestId"]
    return rid, cluster.wait_state(rid)


def test_upstreams_one_by_one(cluster):
    """PUT, DELETE and POST of /request/upstreams, and a whole host: each is a request that ends, and is served."""
    cluster.deploy("shop", ["u1"])
    cluster.deploy("blog", ["u1"])
    at = {n: cluster.upstreams.address(n) for n in ("u1", "u2", "u3")}
    rid, done = ended(cluster, cluster.call("PUT", "/request/upstreams/shop?upstream=" + urllib.parse.quote(at["u2"])))
    assert re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rid)
    assert done["request"]["noValidate"] and done["request"]["upstreamUpdateOnly"], done
    cluster.check_serving("shop", ["u1", "u2"])
    ended(cluster, cluster.call("DELETE", "/request/upstreams/shop?upstream=" + urllib.parse.quote(at["u1"])))
    cluster.check_serving("shop", ["u2"])
    ended(cluster, cluster.call("POST", "/request/upstreams/shop", [at["u1"], {"upstream": at["u3"]}]))
    cluster.check_serving("shop", ["u1", "u3"])
    answer = cluster.call("PUT", "/request/upstreams/nobody?upstream=" + at["u1"])
    assert (answer.status, answer.json()) == (400, {"code": 400, "message": "Service nobody not found"})
    # All of them are on one host: nothing of any service is left.
    host = at["u1"].rsplit(":", 1)[0]
    answers = cluster.call("DELETE", "/request/upstream?host=" + host)
    assert answers.status == 200, answers
    assert sorted(a["request"]["loadBalancerService"]["serviceId"] for a in answers.json()) == ["blog", "shop"]
    for a in answers.json():
        cluster.wait_state(a["loadBalancerRequestId"])
    assert cluster.committed("shop") == cluster.committed("blog") == []
    cluster.live.update(shop=[], blog=[])


def test_purge_ends(cluster):
    """Whatever agents do with it, a purge comes to an end and changes nothing that is served."""
    cluster.deploy("shop", ["u1"])
    before = cluster.state("shop")
    rid, done = ended(cluster, cluster.call("POST", "/purgeCache/shop"))
    assert re.fullmatch(r"shop-\d+-PURGE_CACHE", rid)
    assert done["message"].startswith("PURGE_CACHE request succeeded!"), done
    assert cluster.state("shop") == before
    cluster.check_serving("shop", ["u1"])


def test_names_without_addresses(cluster):
    """preResolveUpstreamDNS: the reason names the host, and nothing is queued. 504 where no name server can say."""
    body = {"loadBalancerRequestId": "nameless", "addUpstreams": [{"upstream": "no-such-host.invalid:80"}], "removeUpstreams": [],
            "loadBalancerService": {"serviceId": "nameless", "owners": [], "serviceBasePath": "/nameless",
                                    "loadBalancerGroups": [cluster.group], "preResolveUpstreamDNS": True}}
    answer = cluster.call("POST", "/request", body)
    assert "[no-such-host.invalid]" in answer.json()["message"], answer
    assert answer.status == 504 or answer.json()["loadBalancerState"] == "FAILED", answer
    known = cluster.call("GET", "/request/nameless")
    assert known.status == 404 if answer.status == 504 else known.json() == answer.json(), known
    assert cluster.call("GET", "/request").json() == []
    assert cluster.call("GET", "/state/nameless").status == 404


def test_what_is_told_of_services(cluster):
    cluster.deploy("shop", ["u1"])
    cluster.deploy("blog", ["u2"])
    found = cluster.call("GET", "/service-lookup?hostPort=" + cluster.upstreams.address("u2")).json()
    assert [s["service"]["serviceId"] for s in found] == ["blog"]
    files = cluster.call("GET", "/renderedConfigs/shop").json()
    assert files and all(list(f) == ["fullPath", "content"] for f in files), files
    assert any(cluster.upstreams.address("u1") in f["content"] for f in files), files
    for h in cluster.hosts:
        h.agent.stop()
    cluster.wait_agents(0)
    answer = cluster.call("GET", "/renderedConfigs/shop")
    assert answer.status == 500 and "no agent of service shop is registered" in answer.json()["message"], answer
    plain = cluster.call("GET", "/state")
    packed = urllib.request.urlopen(urllib.request.Request(cluster.services[0].url + "/state",
                                                           headers={"Accept-Encoding": "snappy,gzip,deflate"}))
    assert packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
    assert json.loads(gzip.decompress(packed.read())) == plain.json()


def test_history_is_short(make_cluster):
    """Of a service the newest are kept; what is dropped is dropped with its mapping."""
    cluster = make_cluster(service_options={"history": {"maxRequestsPerService": 4}}).start()
    shop = []
    for i in range(3):
        cluster.deploy("shop", ["u%d" % (i % 2 + 1)], rid="early-%d" % i)
        shop.insert(0, "early-%d" % i)
    listed = cluster.call("GET", "/request/history/shop").json()
    assert [r["loadBalancerRequestId"] for r in listed] == shop
    assert all(r["loadBalancerState"] == "SUCCESS" and len(r["agentResponses"]["APPLY"]) == 2 for r in listed), listed
    two = cluster.call("GET", "/request/history/shop?limit=2").json()
    assert [r["loadBalancerRequestId"] for r in two] == shop[:2]
    assert cluster.call("GET", "/request/history/nobody").json() == []
    # Two hundred young ones are spared; beyond those the oldest go, four with each that ends.
    with cluster.zk.client() as zk:
        root = "/%s/responseHistory" % cluster.namespace
        for i in range(215):
            zk.create("%s/shop/late-%d" % (root, i), json.dumps({"loadBalancerRequestId": "late-%d" % i}).encode())
            zk.create("%s/requestIdMapping/late-%d" % (root, i), b'"shop"')
    for i in range(8):
        cluster.deploy("shop", ["u%d" % (i % 2 + 1)], rid="last-%d" % i)
    kept = cluster.zk_children("/responseHistory/shop")
    assert len(kept) <= 4 + 200 + 1, len(kept)
    assert not set(kept) & set(shop + ["late-0"]) and "late-214" in kept, kept
    assert cluster.get("late-0") is None
    assert cluster.get("last-0") and sorted(kept) == sorted(cluster.zk_children("/responseHistory/requestIdMapping"))
