# SPDX-License-Identifier: Apache-2.0
"""Upstream servers and the clients that talk to them through the load balancers."""
import collections
import os
import signal

from .base import SLOW, TOOLS, Process

Sample = collections.namedtuple("Sample", "start end target status body")


class Upstreams(Process):
    """Many tiny HTTP servers in one process; each answers with its name."""

    def __init__(self, folder, names, name="upstreams"):
        super().__init__(name, folder)
        self.names = list(names)
        self.ports = {}

    def argv(self):
        return [os.path.join(TOOLS, "upstreams")] + self.names

    def good_ends(self):
        return (-signal.SIGTERM,)

    def ready(self):
        with open(self.log) as f:
            rows = [line.split() for line in f if line.endswith("\n")]
        self.ports = {r[0]: int(r[1]) for r in rows if len(r) == 2}
        return len(self.ports) == len(self.names)

    def address(self, name):
        return "127.0.0.1:%d" % self.ports[name]


class Traffic(Process):
    """A load that runs beside a test. targets: (port, path) pairs, one client each."""

    def __init__(self, folder, targets, keep=False, rate=200, timeout_ms=3000, name="traffic"):
        super().__init__(name, folder)
        self.targets = list(targets)
        self.options = ["-r", str(rate), "-t", str(int(timeout_ms * SLOW))] + (["-k"] if keep else [])

    def argv(self):
        return [os.path.join(TOOLS, "traffic")] + self.options + \
            ["%d/%s" % (port, path.lstrip("/")) for port, path in self.targets]

    def samples(self):
        out = []
        with open(self.log, errors="replace") as f:
            for line in f:
                row = line.rstrip("\n").split(" ", 4)
                if line.endswith("\n") and len(row) == 5:
                    out.append(Sample(int(row[0]), int(row[1]), int(row[2]), int(row[3]), row[4]))
        return sorted(out)

    def failures(self):
        return [s for s in self.samples() if s.status != 200]


def stale(samples, changes):
    """Requests that met an upstream which was no longer the one.

    changes: per target, in time order, rows (posted_ns, success_ns, name): between posted and success either the
    old or the new may answer, after success only the new. success_ns None: it did not succeed.
    """
    out = []
    for s in samples:
        if s.status != 200:
            continue
        allowed = set()
        for posted, success, name in changes[s.target]:
            if success is not None and success < s.start:
                allowed = {name}
            elif posted < s.end:
                allowed.add(name)
        if s.body not in allowed:
            out.append((s, sorted(allowed)))
    return out
