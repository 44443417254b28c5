# SPDX-License-Identifier: Apache-2.0
"""What operators and clients see without polling: /metrics of both programs, and answers that wait."""
import json
import signal
import socket
import threading
import time
import urllib.parse

from harness.base import http_call, wait_for


def metrics(url):
    """Samples of the Prometheus text, by name with labels."""
    r = http_call("GET", url + "/metrics", headers={"Accept": "text/plain;version=0.0.4"})
    assert r.status == 200, r
    assert r.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = {}
    for line in r.text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in samples, name
            samples[name] = float(value)
    return samples


def test_metrics_follow_deploys(cluster):
    cluster.deploy("shop", ["u1"])
    service = metrics(cluster.services[0].url)
    assert service["lockstep_leader"] == 1
    assert service["lockstep_zookeeper_connected"] == 1
    assert service["lockstep_queue_length"] == 0
    assert service["lockstep_services"] == 1
    assert service['lockstep_batches_total{outcome="committed"}'] == 1
    assert service['lockstep_request_end_seconds_count{state="SUCCESS"}'] == 1
    assert 0 < service['lockstep_request_end_seconds_sum{state="SUCCESS"}'] < 20
    assert service['lockstep_agents_registered{group="web"}'] == len(cluster.hosts)
    assert service['lockstep_agents_known{group="web"}'] == len(cluster.hosts)
    assert service['lockstep_http_requests_total{method="POST",route="/request",status="200"}'] == 1
    for h in cluster.hosts:
        agent = metrics(h.agent.url)
        assert agent["lockstep_agent_registered"] == agent["lockstep_agent_settled"] == 1
        assert agent["lockstep_agent_services"] == 1
        assert agent["lockstep_agent_files"] >= 1
        assert agent["lockstep_haproxy_up"] == 1
        assert agent['lockstep_work_total{kind="prepare",outcome="ok"}'] == 1
        assert agent['lockstep_work_total{kind="apply",outcome="ok"}'] >= 1
        for stage in ("render", "check", "reload", "confirm", "commit"):
            assert agent['lockstep_stage_seconds_count{stage="%s"}' % stage] >= 1, stage
        assert abs(agent["lockstep_last_apply_time_seconds"] - time.time()) < 60
        plain = http_call("GET", h.agent.url + "/metrics").json()
        assert list(plain) == ["metrics", "gauges", "counters", "histograms", "meters", "timers", "names"]
        assert plain["gauges"]["lockstep_agent_services"] == {"value": 1}
        h.haproxy.stop()
        assert metrics(h.agent.url)["lockstep_haproxy_up"] == 0


def in_background(call):
    box = {}

    def run():
        box["answer"] = call()
        box["at"] = time.monotonic()
    t = threading.Thread(target=run, daemon=True)
    t.start()
    return t, box


def same_etag(services):
    etags = {http_call("GET", s.url + "/state").headers["etag"] for s in services}
    return etags.pop() if len(etags) == 1 else None


def test_answers_wait(make_cluster):
    """On leader and follower: held until SUCCESS, and until the next version of the state."""
    cluster = make_cluster(services=2).start()
    cluster.deploy("shop", ["u1"])
    for service in cluster.services:
        # Both know of the last commit: what is waited for is the next one.
        etag = wait_for(lambda: same_etag(cluster.services), 5, "the same state on both")
        waiting, state = in_background(lambda: http_call("GET", service.url + "/state?wait=30", timeout=40,
                                                        headers={"If-None-Match": etag}))
        wait_for(lambda: metrics(service.url)["lockstep_waiting_clients"] == 1, 5, "the waiting client")
        rid = cluster.new_id("shop")
        cluster.post(cluster.request(rid, "shop", add=["u2"]))
        began = time.monotonic()
        while True:
            r = http_call("GET", service.url + "/request/%s?wait=30&seen=WAITING" % rid, timeout=40).json()
            if r["loadBalancerState"] != "WAITING":
                break
            assert time.monotonic() - began < 20
        assert r["loadBalancerState"] == "SUCCESS", r
        waiting.join(10)
        assert state["answer"].status == 200 and state["answer"].headers["etag"] != etag
        assert json.loads(state["answer"].text)[0]["service"]["serviceId"] == "shop"


def test_those_who_leave_are_forgotten(cluster):
    cluster.deploy("shop", ["u1"])
    url = cluster.services[0].url
    parts = urllib.parse.urlsplit(url)
    etag = http_call("GET", url + "/state").headers["etag"]
    socks = []
    for _ in range(50):
        s = socket.create_connection((parts.hostname, parts.port))
        s.sendall(("GET %s/state?wait=60 HTTP/1.1\r\nHost: x\r\nIf-None-Match: %s\r\n\r\n" % (parts.path, etag)).encode())
        socks.append(s)
    wait_for(lambda: metrics(url)["lockstep_waiting_clients"] == 50, 5, "50 waiting clients")
    for s in socks:
        s.close()
    wait_for(lambda: metrics(url)["lockstep_waiting_clients"] == 0, 10, "nobody waiting")
    left = metrics(url)['lockstep_http_requests_total{method="GET",route="/state",status="499"}']
    assert left == 50


def test_a_stop_answers_those_who_wait(cluster):
    cluster.deploy("shop", ["u1"])
    service = cluster.services[0]
    etag = http_call("GET", service.url + "/state").headers["etag"]
    waiting, state = in_background(lambda: http_call("GET", service.url + "/state?wait=60", timeout=70,
                                                    headers={"If-None-Match": etag}))
    wait_for(lambda: metrics(service.url)["lockstep_waiting_clients"] == 1, 5, "the waiting client")
    began = time.monotonic()
    service.signal(signal.SIGTERM)
    waiting.join(10)
    assert state["answer"].status == 304
    assert state["at"] - began < 2
    service.stop()
