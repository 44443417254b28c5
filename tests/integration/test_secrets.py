# SPDX-License-Identifier: Apache-2.0
"""No key in any log or answer, whatever was asked; and no path from outside leads out of its place."""
import glob
import os
import socket
import urllib.parse

import pytest

from harness.base import read_file
from harness.cluster import SHORT, TERMINAL

OWN, MASTER, STORED, WRONG = "own-s3cret+&%", "master-s3cret", "stored-s3cret", "wrong-s3cret"
LOUD = {"logging": {"level": "DEBUG"}}


def raw(url, text):
    """What an http library would not send; the answer, however it ends."""
    at = urllib.parse.urlsplit(url)
    answer = b""
    with socket.create_connection((at.hostname, at.port), timeout=10) as s:
        s.sendall(text)
        s.shutdown(socket.SHUT_WR)
        try:
            while part := s.recv(65536):
                answer += part
        except ConnectionResetError:
            pass
    return answer


def odd_requests(url):
    path = urllib.parse.urlsplit(url).path
    for line in ("GET %s/request/x?authkey=%s HTTP/9.9", "G@T %s/?authkey=%s HTTP/1.1", "GET %s/%%zz?authkey=%s HTTP/1.1",
                 "GET %s/nothing/here?authkey=%s HTTP/1.1", "TRACE %s/request?authkey=%s HTTP/1.1", "GET %s/request?authkey=%s"):
        yield ((line % (path, WRONG)) + "\r\nHost: x\r\nConnection: close\r\n\r\n").encode()
    yield ("GET %s/request?authkey=%s&x=%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (path, WRONG, "y" * 9000)).encode()
    yield ("GET %s/request HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer %s%s\r\n\r\n" % (path, WRONG, "y" * 20000)).encode()
    yield ("POST %s/request?authkey=%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{\"authkey"
           % (path, WRONG)).encode()


@pytest.mark.limit(90)
def test_keys_stay_out_of_logs_and_answers(make_cluster):
    cluster = make_cluster(service_options=dict(SHORT, **LOUD, auth={"enabled": True, "key": OWN}, masterAuthKey=MASTER),
                           agent_options=dict(LOUD, auth={"enabled": True})).start()
    service, agent = cluster.services[0], cluster.hosts[0].agent
    said = []

    def ask(whom, method, path, body=None, headers=None):
        answer = whom.call(method, path, body, headers=headers)
        said.append(repr(answer.headers).encode() + answer.body)
        return answer
    own = "?authkey=" + urllib.parse.quote(OWN, safe="")
    assert service.call("POST", "/auth/keys?authkey=" + MASTER, {"value": STORED}).status == 204
    # Used, and refused: in the query, in a header, in a path.
    assert ask(service, "POST", "/request" + own, cluster.request("r1", "s1", add=["u1"])).status == 200
    cluster.wait_state("r1")
    for whom in (service, agent):
        for key in (STORED, WRONG):
            ask(whom, "GET", "/metrics?authkey=" + key)
            ask(whom, "GET", "/metrics", headers={"Authorization": "Bearer " + key})
            ask(whom, "GET", "/none/%s?authkey=%s" % (key, key))
        for text in odd_requests(whom.url):
            said.append(raw(whom.url, text))
    assert ask(service, "POST", "/request?authkey=" + STORED, b"{").status == 400
    assert ask(service, "DELETE", "/auth/keys/%s?authkey=%s" % (WRONG, STORED)).status == 403
    assert ask(service, "DELETE", "/auth/keys/%s?authkey=%s" % (WRONG, MASTER)).status == 404
    assert ask(service, "POST", "/auth/keys?authkey=" + MASTER, {"value": WRONG + "/x"}).status == 422
    # A call to an agent that is gone, with our key in its URL: in the log, the answer, the history.
    agent.kill()
    cluster.call("POST", "/request" + own, cluster.request("r2", "s1", add=["u2"]))
    cluster.wait_state("r2", wanted=TERMINAL, timeout=60)
    for path in ("/request/r2", "/request/history/s1", "/status", "/renderedConfigs/s1", "/openapi.json"):
        ask(service, "GET", path)
    agent.spawn()
    agent.wait_ready()
    logs = [read_file(f).encode() for f in glob.glob(os.path.join(cluster.folder, "**", "*.log"), recursive=True)]
    assert any(b"wrong key" in text for text in logs)
    told = b"\n".join(logs)
    for key in (OWN, urllib.parse.quote(OWN, safe=""), MASTER, STORED, WRONG):
        assert key.encode() not in told, key
        for answer in said:
            assert key.encode() not in answer, answer[:2000]


def test_no_path_leads_out(make_cluster):
    """Ids, groups, templates and domains are names: none of them becomes a place."""
    cluster = make_cluster(agents=1).start()
    host = cluster.hosts[0]
    cluster.deploy("s1", ["u1"])
    outside = os.path.join(os.path.dirname(host.root), "outside")
    before = sorted(os.listdir(os.path.dirname(host.root)))
    up = "../" * 3 + "outside"
    for n, change in enumerate(({"serviceId": up}, {"serviceId": ".."}, {"serviceId": "..%2Foutside"}, {"templateName": up},
                                {"loadBalancerGroups": [up]}, {"serviceBasePath": "/" + up}, {"domains": [up]})):
        body = cluster.request("out%d" % n, "s2", add=["u1"])
        body["loadBalancerService"].update(change)
        answer = cluster.call("POST", "/request", body)
        if answer.status == 200:
            cluster.wait_state("out%d" % n, wanted=TERMINAL)
        else:
            assert answer.status == 422, (change, answer)
    for whom in (cluster.services[0], host.agent):
        for path in ("/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/renderedConfigs/..%2f..%2fetc%2fpasswd", "/status/..%2f..",
                     "/request/..%2f..%2fstate%2fs1", "/state/..%2frequest", "/static/../../../../etc/passwd", "/ui/%2e%2e/x"):
            at = urllib.parse.urlsplit(whom.url)
            answer = raw(whom.url, ("GET %s%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % (at.path, path)).encode())
            assert b"root:" not in answer and b"u1" not in answer, answer
            assert answer.split()[1] in (b"404", b"400", b"405", b"500", b"200"), answer
            assert answer.split()[1] != b"200" or answer.endswith(b"[]"), (path, answer)
    assert not os.path.exists(outside)
    assert sorted(os.listdir(os.path.dirname(host.root))) == before
    cluster.check_serving("s1", ["u1"])
