# SPDX-License-Identifier: Apache-2.0
"""Bad input: a clear 4xx that names the field, nothing queued or stored; values stay values in rendered files."""
import copy
import json
import socket
import time

import pytest

from harness.base import read_file
from harness.cluster import Cluster
from harness.styles import PER_SERVICE


@pytest.fixture(scope="module")
def standing(run_dir, shared_zk):
    """One cluster for all of them: none of these may change anything."""
    from harness import base
    folder = base.make_dir("ls-")
    cluster = Cluster(folder, shared_zk, "bad-input-%d" % time.time_ns())
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        complaints = cluster.complaints()
        base.remove_dir(folder)
    assert not complaints, "\n".join(complaints)


def good(rid="r1"):
    return {"loadBalancerRequestId": rid,
            "loadBalancerService": {"serviceId": "s1", "owners": [], "serviceBasePath": "/s1",
                                    "loadBalancerGroups": ["web"]},
            "addUpstreams": [{"upstream": "127.0.0.1:8080"}], "removeUpstreams": []}


def having(path, value):
    """A good request but for one value."""
    body = copy.deepcopy(good())
    at = body
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return body


def without(*path):
    body = copy.deepcopy(good())
    at = body
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return body


def nothing_happened(cluster, rid="r1", refused=None):
    """refused: what GET says of its id, once it was legible."""
    assert cluster.call("GET", "/request").json() == []
    assert cluster.nothing_queued() is True
    assert cluster.call("GET", "/state").json() == []
    if rid:
        answer = cluster.call("GET", "/request/" + rid)
        if refused is None:
            assert answer.status == 404, answer
        else:
            assert answer.json()["loadBalancerState"] == "FAILED" and refused in answer.json()["message"], answer
    assert all(s.running() for s in cluster.services)


def deep(n):
    return b'{"loadBalancerRequestId":"r1","x":' + b"[" * n + b"]" * n + b"}"


FIELDS = [
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "a/b")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "..")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "../../x")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "a b")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "a\nb")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "a\0b")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "a|b")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], "")),
    ("loadBalancerRequestId", without("loadBalancerRequestId")),
    ("loadBalancerRequestId", having(["loadBalancerRequestId"], {"a": 1})),
    ("serviceId", having(["loadBalancerService", "serviceId"], "..")),
    ("serviceId", having(["loadBalancerService", "serviceId"], ".")),
    ("serviceId", having(["loadBalancerService", "serviceId"], "a/../b")),
    ("serviceId", having(["loadBalancerService", "serviceId"], "a\nb")),
    ("serviceId", having(["loadBalancerService", "serviceId"], "a\0b")),
    ("serviceId", having(["loadBalancerService", "serviceId"], " ")),
    ("serviceId", without("loadBalancerService", "serviceId")),
    ("loadBalancerGroups", having(["loadBalancerService", "loadBalancerGroups"], [])),
    ("loadBalancerGroups", without("loadBalancerService", "loadBalancerGroups")),
    ("owners", having(["loadBalancerService", "owners"], "me")),
    ("options", having(["loadBalancerService", "options"], [])),
    ("serviceBasePath", without("loadBalancerService", "serviceBasePath")),
    ("loadBalancerService", without("loadBalancerService")),
    ("loadBalancerService", having(["loadBalancerService"], 5)),
    ("addUpstreams", without("addUpstreams")),
    ("addUpstreams", having(["addUpstreams"], {})),
    ("addUpstreams", having(["addUpstreams"], [5])),
    ("removeUpstreams", having(["removeUpstreams"], "x")),
    ("action", having(["action"], "EXPLODE")),
    ("noValidate", having(["noValidate"], "perhaps")),
] + [("addUpstreams", having(["addUpstreams"], [{"upstream": u}])) for u in (
    "", "nohost", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:80:80", "1.2.3.4:8o",
    "1.2.3.4:80 check", "1.2.3.4:80\nserver x 1.2.3.4:81", "1.2.3.4:80\0", "[::1:80", "a b:80", "x;y:80", "#:80",
    "{{x}}:80", "-:80\t", "\u00e9:80")] + [
    ("rackId", having(["addUpstreams"], [{"upstream": "127.0.0.1:80", "rackId": "a b"}])),
    ("requestId", having(["addUpstreams"], [{"upstream": "127.0.0.1:80", "requestId": "a/b"}])),
]


def is_kept(answer, field, body):
    """One that is a request, of a service that can be, and yet breaks a rule."""
    return answer.status == 422 and field != "serviceId" and set(good()) <= set(body) and \
        set(good()["loadBalancerService"]) <= set(body["loadBalancerService"])


@pytest.mark.parametrize("field,body", FIELDS, ids=["%02d-%s" % (i, f) for i, (f, _) in enumerate(FIELDS)])
def test_a_bad_field_is_named(standing, field, body):
    rid = body.get("loadBalancerRequestId")
    if rid == "r1":  # what is said of one id stays there
        rid = "bad-%d" % FIELDS.index((field, body))
        body = dict(body, loadBalancerRequestId=rid)
    else:
        rid = None
    answer = standing.call("POST", "/request", body)
    assert 400 <= answer.status < 500, answer
    assert field in answer.text, answer
    assert answer.headers["content-type"].startswith("application/json")
    nothing_happened(standing, rid, "Malformed request: " + answer.json()["errors"][0] if is_kept(answer, field, body) else None)


@pytest.mark.parametrize("body,status", [
    (b"", (400, 422)), (b"   ", (400, 422)), (b"null", (400, 422)), (b"[]", (400,)), (b'"x"', (400,)), (b"{", (400,)),
    (b'{"loadBalancerRequestId":"r1",}', (400,)), (b"{} //", (400, 422)),
    (deep(100000), (400, 413)), (b'{"loadBalancerRequestId":"r\xff1"}', (400,)),
    (b'{"loadBalancerRequestId":"r\xc0\xaf"}', (400,)), (b'{"loadBalancerRequestId":"\\ud800"}', (400,)),
    (b"\xef\xbb\xbf{", (400,)), (json.dumps(good()).encode()[:-1], (400,)),
], ids=lambda x: repr(x)[:30] if isinstance(x, bytes) else "")
def test_what_is_no_request(standing, body, status):
    answer = standing.call("POST", "/request", body, headers={"Content-Type": "application/json"})
    assert answer.status in status, answer
    nothing_happened(standing)


def test_body_over_the_limit(standing):
    """Refused by its length, and also where the length is not told beforehand; memory stays what it was."""
    big = b'{"loadBalancerRequestId":"' + b"x" * (16 << 20) + b'"}'
    service = standing.services[0]
    for headers, body in (
            ("Content-Length: %d\r\n" % len(big), big),
            ("Transfer-Encoding: chunked\r\n", b"%x\r\n" % len(big) + big + b"\r\n0\r\n\r\n")):
        with socket.create_connection(("127.0.0.1", service.port), 10) as s:
            s.settimeout(10)
            s.sendall(("POST /baragon/v2/request HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
                       headers + "\r\n").encode())
            try:
                s.sendall(body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it need not read what it refuses
            answer = b""
            try:
                while b"\r\n\r\n" not in answer:
                    part = s.recv(65536)
                    if not part:
                        break
                    answer += part
            except ConnectionResetError:
                pass
        assert answer.startswith(b"HTTP/1.1 413"), (headers, answer[:200])
    nothing_happened(standing)


@pytest.mark.parametrize("path", [
    "/request/%2e%2e", "/request/a%2Fb", "/request/a%20b", "/request/a%0Ab", "/request/a%00b", "/request/%ff",
    "/request/%c0%ae%c0%ae", "/state/%2e%2e", "/state/a%2F..%2Fb", "/state/a%00", "/state/%ff", "/request/%zz",
    "/load-balancer/%2e%2e", "/load-balancer/a%2Fb/agents", "/request/" + "x" * 5000])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_bad_ids_in_paths(standing, method, path):
    answer = standing.call(method, path)
    if method == "DELETE" and answer.status == 200:  # Java's answer for an id that does not exist
        assert answer.json()["loadBalancerState"] in ("CANCELED", "INVALID_REQUEST_NOOP"), answer
    elif method == "GET" and answer.status == 200:
        assert path.endswith("/agents") and answer.json() == []
    else:
        assert 400 <= answer.status < 500, answer
    nothing_happened(standing, None)


def test_content_type_and_method(standing):
    body = json.dumps(good()).encode()
    assert standing.call("POST", "/request", body, headers={"Content-Type": "text/plain"}).status == 415
    answer = standing.call("POST", "/request/abc", body)
    assert answer.status == 405 and "GET" in answer.headers["allow"]
    assert standing.call("GET", "/nothing/here").status == 404
    nothing_happened(standing)


def test_too_large_for_one_transaction(make_cluster):
    """Refused before it is queued; its id answers FAILED with the limit."""
    cluster = make_cluster().start()
    many = ["10.%d.%d.%d:%d" % (i >> 16 & 255, i >> 8 & 255, i & 255, 1024 + i % 60000) for i in range(9000)]
    body = cluster.request("huge", "s1", add=many)
    answer = cluster.post(body, timeout=20)
    assert answer["loadBalancerState"] == "FAILED", answer
    again = cluster.get("huge")
    assert again["loadBalancerState"] == "FAILED"
    assert any(c.isdigit() for c in again["message"]) and "limit" in again["message"].lower(), again["message"]
    assert cluster.zk_children("/queue") == [] and cluster.zk_children("/state") == []
    cluster.deploy("s1", ["u1"])


EVIL = ["a\nlisten evil\n    bind 127.0.0.1:1", "a\r\n    server evil 1.2.3.4:5", "a\n", "\0", "a\x1bb", "a\u2028b",
        "a\x0bb", "a\u0085b"]


@pytest.mark.parametrize("place", ["options", "owners", "serviceBasePath", "rackId"])
def test_a_value_never_adds_a_line(make_cluster, place):
    """Whatever a value is, each rendered file has the lines that the template has, or the request is refused."""
    template = ("# owners {{#each service.owners}}{{{this}}} {{/each}}note {{service.options.note}} path "
                "{{{service.serviceBasePath}}} racks {{#each upstreams}}{{{rackId}}} {{/each}}\n") + PER_SERVICE
    cluster = make_cluster(style="per-service")
    for h in cluster.hosts:
        h.agent.templates["templates"][0]["template"] = template
    cluster.start()
    cluster.deploy("s1", ["u1"], service_fields={"options": {"note": "n"}})
    lines = {h.name: read_file(h.file_of("s1")).count("\n") for h in cluster.hosts}
    for i, evil in enumerate(EVIL):
        body = cluster.request("e%d" % i, "s1")
        if place == "options":
            body["loadBalancerService"]["options"] = {"note": evil}
        elif place == "owners":
            body["loadBalancerService"]["owners"] = [evil]
        elif place == "serviceBasePath":
            body["loadBalancerService"]["serviceBasePath"] = "/" + evil
        else:
            body["addUpstreams"] = [{"upstream": cluster.upstreams.address("u1"), "rackId": evil}]
        answer = cluster.call("POST", "/request", body)
        if answer.status == 200:
            state = cluster.wait_state("e%d" % i, ("FAILED", "SUCCESS", "INVALID_REQUEST_NOOP"))
            assert state["loadBalancerState"] != "SUCCESS" or not any(ord(c) < 32 for c in evil), (evil, state)
        else:
            assert 400 <= answer.status < 500, answer
        for h in cluster.hosts:
            text = read_file(h.file_of("s1"))
            assert text.count("\n") == lines[h.name] and "\r" not in text and "\0" not in text, (evil, text)
            assert "evil" not in h.haproxy.servers()


def test_what_a_java_service_has_queued(make_cluster):
    """It takes any name of a group: the request ends, the leader lives, what is behind it goes on."""
    cluster = make_cluster(agents=1).start()
    base = "/" + cluster.namespace
    with cluster.zk.client() as zk:
        for i, group in enumerate(["..", "a/b", "", "\ue000", "\U0001f600"]):
            rid, body = "java-%d" % i, good("java-%d" % i)
            body["loadBalancerService"]["loadBalancerGroups"] = [group]
            txn = zk.transaction()
            for folder in ("/request", "/queue", "/responseHistory/requestIdMapping"):
                zk.ensure_path(base + folder)
            txn.create(base + "/responseHistory/requestIdMapping/" + rid, b'"s1"')
            txn.create(base + "/request/" + rid, json.dumps(body).encode())
            txn.create(base + "/request/" + rid + "/status", b'"PENDING"')
            txn.create(base + "/queue/s1|%s|" % rid, json.dumps({"serviceId": "s1", "requestId": rid, "index": i}).encode(),
                       sequence=True)
            assert not any(isinstance(r, Exception) for r in txn.commit())
    for i in range(5):
        answer = cluster.wait_state("java-%d" % i, "FAILED")
        assert answer["message"] == "one of its loadBalancerGroups is no name of a group"
    cluster.deploy("s2", ["u1"])
