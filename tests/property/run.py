# SPDX-License-Identifier: Apache-2.0
"""make property: many requests made up from /openapi.json of both programs, which run with a HAProxy and under ASan.

Seven of ten are schemathesis', that fit the page and that do not, with names of what is there put into them; the others are
those of tests/integration/harness/fancies.py: bytes, headers, methods and paths that the page has no words for. Each answer
is judged by harness/conforming.py, and by schemathesis' own checks.

REQUESTS=20000 SEED=1: how many, and which; the same seed makes the same requests as far as schemathesis allows.
"""
import os
import random
import sys
import time

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.errors import SchemathesisError
from schemathesis.specs.openapi.checks import (content_type_conformance, response_schema_conformance,
                                               status_code_conformance)

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

from harness import base, hammer  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.fancies import Request  # noqa: E402
from harness.zookeeper import ZooKeeper  # noqa: E402

EACH = 10  # of a call, in one go
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
QUIET = settings(max_examples=EACH, deadline=None, database=None, suppress_health_check=list(HealthCheck),
                 phases=[Phase.generate])


class Enough(Exception):
    pass


def sensible(value, name, known, rng):
    """The same with names of what is there, mostly."""
    if isinstance(value, dict):
        return {k: sensible(v, k, known, rng) for k, v in value.items()}
    if isinstance(value, list):
        return [sensible(v, name, known, rng) for v in value]
    if isinstance(value, (str, int)) and not isinstance(value, bool) and name in known and rng.random() < 0.8:
        word = rng.choice(known[name])
        return type(value)(word) if isinstance(value, str) or word.isdigit() else value
    return value


def as_request(case, base_path):
    """What schemathesis would send; kept short where it asks to be held."""
    if case.query and "wait" in case.query and str(case.query["wait"]).isdigit():
        case.query["wait"] = int(case.query["wait"]) % 2
    kwargs = case.as_transport_kwargs(base_url="http://127.0.0.1" + base_path)
    kwargs.pop("timeout", None)
    prepared = requests.Request(**{k: v for k, v in kwargs.items() if k in (
        "method", "url", "headers", "params", "data", "json", "files", "cookies")}).prepare()
    body = prepared.body.encode() if isinstance(prepared.body, str) else prepared.body
    headers = {k: v for k, v in prepared.headers.items() if k != "Content-Length"}
    return prepared, Request(prepared.method, prepared.path_url, headers, body)


def as_response(prepared, answer):
    return schemathesis.Response(answer.status, {k: [v] for k, v in answer.headers.items()}, answer.body, prepared, 0.0, True)


class Source:
    """Schemathesis' requests to one target."""

    def __init__(self, run, target, limit):
        self.run, self.target, self.limit = run, target, limit
        self.schema = schemathesis.openapi.from_dict(target.document.page)
        self.impossible = set()  # every word of a path fits, and nothing else is wanted
        self.calls = [result.ok() for result in self.schema.get_all_operations()]

    def send(self, case):
        run = self.run
        if run.sent >= self.limit:
            raise Enough
        for part in (case.path_parameters, case.query):
            if isinstance(part, dict):
                part.update(sensible(part, "", run.known, run.rng))
        if isinstance(case.body, (dict, list)):
            case.body = sensible(case.body, "", run.known, run.rng)
        try:
            prepared, rq = as_request(case, self.target.document.base)
        except (ValueError, requests.RequestException):
            return  # schemathesis' body cannot be written down
        if any("\r" in str(v) or "\n" in str(v) for v in rq.headers.values()):
            return
        answer = run.send(self.target, rq)
        told = case.operation.definition.raw["responses"].get(str(answer.status) if answer else "", {})
        if answer and answer.status != 304 and "raw" not in str(told):
            try:
                case.validate_response(as_response(prepared, answer), checks=CHECKS)
            except FailureGroup as e:
                run.complain(self.target, rq, "schemathesis: %s\n    %r\n    %r" % ("; ".join(map(repr, e.exceptions)), rq, answer))

    def round(self, number):
        for call in self.calls:
            if not call.body and not call.query:
                self.impossible.add((call.path, call.method, GenerationMode.NEGATIVE))
            few = not any(code < "300" for code in call.definition.raw["responses"])
            if few and number % 8:
                continue
            for mode in MODES:
                if (call.path, call.method, mode) in self.impossible:
                    continue
                examples = EACH * (4 if call.body and mode is GenerationMode.POSITIVE else 1)
                try:
                    strategy = call.as_strategy(generation_mode=mode)

                    @seed(number)
                    @settings(QUIET, max_examples=examples)
                    @given(case=strategy)
                    def one(case):
                        self.send(case)
                    one()
                except (SchemathesisError, Unsatisfiable):
                    if mode is GenerationMode.POSITIVE:
                        raise
                    self.impossible.add((call.path, call.method, mode))


def requests_of(run, count, own_part=0.3):
    sources = [Source(run, t, count) for t in run.targets]
    number = 0
    try:
        while run.sent < count:
            number += 1
            before = run.sent
            for source in sources:
                source.round(run.rng.randrange(1 << 30) // 8 * 8 + number)
            run.make(min(count - run.sent, int((run.sent - before) * own_part / (1 - own_part))))
            print("%d requests, %.0f s" % (run.sent, time.monotonic() - run.started), flush=True)
    except Enough:
        pass


def outcomes(cluster):
    """How what was queued has ended, by the services' logs."""
    counts = {}
    for s in cluster.services:
        for line in base.read_file(s.log).splitlines():
            if " ended batch=" in line:
                state = line.split(" state=")[1].split()[0]
                counts[state] = counts.get(state, 0) + 1
    return counts


def main():
    count, number = int(os.environ.get("REQUESTS", "20000")), int(os.environ.get("SEED", "1"))
    random.seed(number)
    folder = base.make_dir("ls-property-")
    zk = ZooKeeper(folder)
    cluster, complaints = None, []
    try:
        zk.start()
        cluster = hammer.prepare(lambda **options: Cluster(folder, zk, "property", **options)).start()
        run = hammer.Run(cluster, number)
        run.started = time.monotonic()
        try:
            requests_of(run, count)
            run.finish()
        except (AssertionError, OSError) as e:
            complaints.append(str(e))
        print(run.report())
        print("ended: %s" % outcomes(cluster))
    finally:
        if cluster:
            cluster.stop()
            complaints += cluster.complaints()
        zk.stop()
        if complaints:
            print("logs: %s\n%s" % (folder, "\n".join(complaints)))
        else:
            base.remove_dir(folder)
        base.Ports.release_all()
    print("property: %d passed, %d failed" % (run.sent - len(run.complaints), len(run.complaints) + bool(complaints)))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
