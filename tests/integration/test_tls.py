# SPDX-License-Identifier: Apache-2.0
"""TLS on the listeners and in the calls of both programs; certificates on both sides of a connection."""
import http.client
import os
import socket
import ssl
import subprocess

import pytest
from harness.base import http_call, read_file, wait_for
from harness.certificates import Authority


def both_sides(ca, files, **client):
    """Settings of a program that shows `files` and believes `ca`, on both of its sides."""
    return {"server": {"tls": dict(files, clientCa=ca.file)},
            "httpClient": {"tls": dict(client or files, ca=ca.file)}}


@pytest.fixture
def ca(tmp_path):
    return Authority(str(tmp_path), "ours")


@pytest.fixture
def foreign(tmp_path):
    return Authority(str(tmp_path), "foreign")


def secure(cluster, context):
    for d in cluster.services + [h.agent for h in cluster.hosts]:
        d.use_tls(context)
    return cluster


def refusals(daemon):
    return [line for line in read_file(daemon.log).splitlines() if "a TLS connection was refused" in line]


def curl(url, *arguments):
    run = subprocess.run(["curl", "-sS", "-m", "20", *arguments, url], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stdout, run.stderr


def test_deploys_over_mutual_tls(make_cluster, ca):
    files = ca.issue("one")
    options = both_sides(ca, files)
    cluster = secure(make_cluster(service_options=options, agent_options=options), ca.context(files)).start()
    cluster.deploy("s1", ["u1", "u2"])
    cluster.check_serving("s1", ["u1", "u2"])
    cluster.deploy("s1", ["u3"])
    cluster.check_serving("s1", ["u3"])
    # Who is who: in ZooKeeper and in answers.
    service = cluster.services[0]
    assert cluster.call("GET", "/workers").json() == [service.url]
    agents = cluster.call("GET", "/load-balancer/web/agents").json()
    assert sorted(a["baseAgentUri"] for a in agents) == sorted(h.agent.url for h in cluster.hosts)
    # More than fits a record, in both directions.
    names = ["u1"] + ["198.51.100.%d:%d" % (i % 250 + 1, 2000 + i) for i in range(1500)]
    body = cluster.request("big", "s2", add=names, noValidate=True)
    assert cluster.call("POST", "/request", body).status == 200
    cluster.wait_state("big")
    assert len(cluster.call("GET", "/state/s2").body) > 65536
    # What an operator types.
    shown = ["--cert", files["certificate"], "--key", files["key"]]
    rc, out, _ = curl(service.url + "/status", "--cacert", ca.file, *shown)
    assert rc == 0 and '"leader":true' in out
    rc, out, _ = curl(cluster.hosts[0].agent.url + "/status", "--cacert", ca.file, "--tls-max", "1.2", *shown)
    assert rc == 0 and '"agentState"' in out
    assert curl(service.url + "/status", "--cacert", ca.file, "--tls-max", "1.1", *shown)[0] == 35
    assert not any(refusals(h.agent) for h in cluster.hosts)


def test_server_certificates_alone(make_cluster, ca):
    """Nobody is asked for one: encryption, and callers who know whom they talk to."""
    options = {"server": {"tls": ca.issue("one")}, "httpClient": {"tls": {"ca": ca.file}}}
    cluster = secure(make_cluster(agents=1, service_options=options, agent_options=options), ca.context()).start()
    cluster.deploy("s1", ["u1"])
    cluster.check_serving("s1", ["u1"])


def test_who_is_not_trusted(make_cluster, ca, foreign):
    files = ca.issue("one")
    strange = foreign.issue("two")
    cluster = secure(make_cluster(
        agents=1, service_options={"server": {"tls": files}, "httpClient": {"tls": dict(strange, ca=ca.file)},
                                   "worker": {"prepareDeadlineMs": 2000}},
        agent_options=both_sides(ca, files)), ca.context(files)).start()
    service, agent = cluster.services[0], cluster.hosts[0].agent
    # The service shows a certificate that the agent does not believe.
    cluster.post(cluster.request("r1", "s1", add=["u1"]))
    answer = cluster.wait_state("r1", "FAILED")
    assert "issuer is unknown" in answer["message"] and agent.id in answer["message"], answer["message"]
    line = wait_for(lambda: next((x for x in refusals(agent) if "issuer is unknown" in x), None), 5, "a line of the log")
    assert "127.0.0.1" in line
    # None at all, one for servers only, no TLS. Nothing is done for them.
    for context, reason in ((ca.context(), "showed no certificate"),
                            (ca.context(ca.issue("three", usage="serverAuth")), "certificate")):
        for method, path, body in (("GET", "/status", None), ("POST", "/batch", b"x" * 100000)):
            refused = http_call(method, agent.url + path, body, tls=context)
            assert refused.status == 403 and reason in refused.json()["message"], refused
            assert refused.headers["connection"] == "close"
    with pytest.raises((OSError, http.client.HTTPException)):
        http_call("GET", agent.url.replace("https", "http") + "/status")
    # We do not believe this server; it says that somebody left.
    rc, _, said = curl(service.url + "/status", "--cacert", foreign.file)
    assert rc == 60 and "certificate" in said
    assert service.status()["leader"] and agent.status()["agentState"] == "ACCEPTING"


@pytest.mark.parametrize("what,reason", [("foreign", "unable to get local issuer certificate"),
                                         ("elsewhere", "no alternative certificate subject name matches")])
def test_an_agent_that_is_not_trusted(make_cluster, ca, foreign, what, reason):
    files = ca.issue("one")
    certificate = foreign.issue("two") if what == "foreign" else ca.issue("two", address="192.0.2.1")
    cluster = make_cluster(
        agents=1, service_options=dict(both_sides(ca, files), worker={"prepareDeadlineMs": 2000}),
        agent_options={"server": {"tls": certificate}, "httpClient": {"tls": dict(files, ca=ca.file)}})
    context = ca.context(files)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    secure(cluster, context).start()
    cluster.post(cluster.request("r1", "s1", add=["u1"]))
    message = cluster.wait_state("r1", "FAILED")["message"]
    assert reason in message and cluster.hosts[0].agent.id in message, message


def test_half_handshakes_hold_nobody_up(make_cluster, ca):
    files = ca.issue("one")
    options = dict(both_sides(ca, files))
    options["server"]["limits"] = {"idleMs": 3000, "requestMs": 3000}
    cluster = secure(make_cluster(agents=0, service_options=options), ca.context(files)).start()
    service = cluster.services[0]
    # The first bytes of a ClientHello, by a client that is stopped there.
    ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        ca.context(files).wrap_bio(ours, theirs, server_hostname="127.0.0.1").do_handshake()
    hello = theirs.read()
    held = []
    try:
        for i in range(300):
            s = socket.create_connection(("127.0.0.1", service.port), timeout=10)
            s.sendall(hello[:i % len(hello)])
            held.append(s)
        for _ in range(20):
            assert service.status()["leader"]
        fds = "/proc/%d/fd" % service.pid
        wait_for(lambda: len(os.listdir(fds)) < 100, 20, "they are cut")
        assert any("reason" in line for line in refusals(service))
    finally:
        for s in held:
            s.close()
    assert service.status()["leader"]
