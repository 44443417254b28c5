# SPDX-License-Identifier: Apache-2.0
"""Fixtures, the time limit of each test, and what a failure shows."""
import os
import re
import shutil
import signal
import sys

import pytest

sys.path.insert(0, os.path.dirname(__file__))

from harness import base  # noqa: E402
from harness.cluster import Cluster  # noqa: E402
from harness.zookeeper import ZooKeeper  # noqa: E402

LIMIT = 60  # seconds per test; more by @pytest.mark.limit(seconds)
# Where run.py, which runs us twice, wants our counts.
COUNTS = os.environ.get("LOCKSTEP_COUNTS")
FAILED = os.path.join(base.ROOT, "build", "failed-tests")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the time this test may take instead of %d s" % LIMIT)
    config.addinivalue_line("markers", "long: not run with the sanitizers")
    if not COUNTS:
        shutil.rmtree(FAILED, ignore_errors=True)


class Late(Exception):
    pass


def _late(signum, frame):
    raise Late("the test took longer than its limit")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    mark = item.get_closest_marker("limit")
    seconds = (mark.args[0] if mark else LIMIT) * base.SLOW
    old = signal.signal(signal.SIGALRM, _late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    setattr(item, "report_" + report.when, report)


def pytest_terminal_summary(terminalreporter):
    stats = terminalreporter.stats
    bad = len(stats.get("failed", [])) + len(stats.get("error", []))
    passed = len(stats.get("passed", []))
    if COUNTS:
        base.write_file(COUNTS, "%d %d\n" % (passed, bad))
    else:
        terminalreporter.write_line("integration: %d passed, %d failed" % (passed, bad))


@pytest.fixture(scope="session")
def run_dir():
    path = base.make_dir()
    yield path
    base.remove_dir(path)
    base.Ports.release_all()


@pytest.fixture(scope="session")
def shared_zk(run_dir):
    """One server per run; every test has a namespace of its own."""
    zk = ZooKeeper(run_dir)
    zk.start()
    yield zk
    zk.stop()


@pytest.fixture
def folder(run_dir, request):
    """A folder of this test; kept below build/ if the test fails, with the tail of each log printed."""
    name = re.sub(r"\W+", "-", request.node.name)[:40]
    path = base.make_dir("ls-")
    yield path
    report = getattr(request.node, "report_call", None)
    if report is None or report.failed:
        kept = os.path.join(FAILED, name)
        shutil.copytree(path, kept, ignore=shutil.ignore_patterns("*.sock", "version-2"), dirs_exist_ok=True)
        for log in sorted(f for f in os.listdir(path) if f.endswith(".log")):
            print("---- %s/%s" % (os.path.relpath(kept, base.ROOT), log))
            print(base.tail(os.path.join(path, log)))
    base.remove_dir(path)


@pytest.fixture
def namespace(request):
    test = request.module.__name__ + "-" + request.node.name
    return re.sub(r"\W+", "-", test)[:80] + "-%d" % os.getpid()


@pytest.fixture
def make_cluster(folder, shared_zk, namespace):
    """Cluster(...) with its own namespace on the shared ZooKeeper; stopped, and judged, at the end."""
    made = []

    def make(**options):
        options.setdefault("zk", shared_zk)
        cluster = Cluster(folder, namespace="%s-%d" % (namespace, len(made)), **options)
        made.append(cluster)
        return cluster

    yield make
    complaints = []
    for cluster in reversed(made):
        cluster.stop()
        complaints += cluster.complaints()
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def own_zk(folder):
    """A ZooKeeper that the test may stop, freeze and start."""
    zk = ZooKeeper(folder)
    zk.start()
    yield zk
    zk.stop()


@pytest.fixture
def cluster(make_cluster):
    """The usual one: one service, two agents with a HAProxy each, collected templates."""
    return make_cluster().start()
