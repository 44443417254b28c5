# SPDX-License-Identifier: Apache-2.0
"""Run the integration tests in two halves side by side, each with its own ZooKeeper: most of the time they wait.

usage: run.py [pytest arguments]; shows the second half as it runs, then the first; counts both at the end.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# About as long as all the others, which are found by themselves.
FIRST = ["test_absent.py", "test_black_box.py", "test_happy.py", "test_refusal.py", "test_scheduler_quirks.py",
         "test_zk_records.py"]
NOTHING_SELECTED = 5


def start(files, counts, out, arguments):
    env = dict(os.environ, LOCKSTEP_COUNTS=counts, PYTHONDONTWRITEBYTECODE="1")
    return subprocess.Popen([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q"] + files + arguments,
                            cwd=HERE, env=env, stdout=out)


def ask_to_stop(signum, frame):
    """From a terminal both halves hear Ctrl-C themselves and stop what they run; we wait for them."""


def read_counts(path):
    """(passed, failed) as conftest.py wrote them; None if it never came so far."""
    try:
        with open(path) as f:
            return tuple(int(n) for n in f.read().split())
    except FileNotFoundError:
        return None


def main():
    arguments = sys.argv[1:]
    signal.signal(signal.SIGINT, ask_to_stop)
    shutil.rmtree(os.path.join(ROOT, "build", "failed-tests"), ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="lockstep-") as folder, \
            open(os.path.join(folder, "first.log"), "w+") as log:
        counts = [os.path.join(folder, "counts%d" % i) for i in range(2)]
        halves = [start(FIRST, counts[0], log, arguments),
                  start(["--ignore=" + f for f in FIRST], counts[1], None, arguments)]
        signal.signal(signal.SIGTERM, lambda *_: [h.send_signal(signal.SIGINT) for h in halves])
        ends = [h.wait() for h in reversed(halves)]
        log.seek(0)
        shutil.copyfileobj(log, sys.stdout)
        found = [read_counts(c) for c in counts]
    passed = sum(f[0] for f in found if f)
    failed = sum(f[1] for f in found if f)
    good = all(e in (0, NOTHING_SELECTED) for e in ends) and None not in found and passed > 0
    if not good and failed == 0:
        failed = 1
    print("integration: %d passed, %d failed" % (passed, failed))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
