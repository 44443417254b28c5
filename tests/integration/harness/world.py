# SPDX-License-Identifier: Apache-2.0
"""A scheduler's world: its tasks behind real load balancers, and traffic that must meet exactly the right ones."""
import contextlib
import os
import time

from . import base
from .cluster import Cluster
from .scheduler import Deploy, Pending, Scheduler, Task
from .scheduler_wire import Wire

KEY = "test key+1"  # goes over the wire as test%20key%2B1
AUTH = {"auth": {"enabled": True, "key": KEY}}
NAMES = ["u%d" % i for i in range(1, 101)]


@contextlib.contextmanager
def standing(zk, name, services=2, **options):
    """A cluster for a whole file: two services, two hosts, keys."""
    folder = base.make_dir("ls-")
    options["service_options"] = dict(AUTH, **options.get("service_options", {}))
    cluster = Cluster(folder, zk, "%s-%d" % (name, os.getpid()), services=services, upstreams=NAMES,
                      agent_options={"auth": {"enabled": True}}, **options)
    cluster.free_names = list(NAMES)
    try:
        yield cluster.start()
    finally:
        cluster.stop()
        complaints = cluster.complaints()
        base.remove_dir(folder)
    assert not complaints, "\n".join(complaints)


class Road:
    """Requests for a service through every HAProxy, all the time, and who may answer them when.

    From moving() to settled() those of before and those to come may; after settled() only the new ones, each of them
    on each host. Nothing may fail, unless `dying` tasks are among those that may answer.
    """

    def __init__(self, cluster, service, rate=60):
        self.cluster, self.service = cluster, service
        self.steps = []
        self.names = set()
        self.load = Road.traffic(cluster, service, rate)
        self.mortal = []    # (from, to): failures are forgiven

    @staticmethod
    def traffic(cluster, service, rate):
        return cluster.traffic([service], rate=rate)

    def _allow(self, names):
        self.steps.append((time.monotonic_ns(), frozenset(names)))

    def moving(self, to):
        self._allow(self.names | set(to))

    def settled(self, names):
        self._allow(names)
        self.names = set(names)
        self.cluster.check_serving(self.service, sorted(names))
        if not self.load.running():
            self.load.start()

    def died(self):
        self.mortal.append([time.monotonic_ns(), None])

    def buried(self):
        self.mortal[-1][1] = time.monotonic_ns()

    def allowed(self, start, end):
        out, before = set(), frozenset()
        for at, names in self.steps:
            if at <= start:
                before = names
            elif at < end:
                out |= names
        return out | before

    def forgiven(self, s):
        return any(s.end >= a and (b is None or s.start <= b) for a, b in self.mortal)

    def check(self):
        if self.load.running():
            self.load.stop()
        samples = self.load.samples()
        wrong = [(s, sorted(self.allowed(s.start, s.end))) for s in samples
                 if (s.status == 200 and s.body not in self.allowed(s.start, s.end)) or
                 (s.status != 200 and not self.forgiven(s))]
        assert wrong == [], "%d wrong of %d: %r" % (len(wrong), len(samples), wrong[:5])
        assert len(samples) > 10
        return samples


class World:
    """One request of the scheduler's, named `service`, on a standing cluster."""

    def __init__(self, cluster, service, through=0):
        self.cluster, self.service = cluster, service
        self.wire = Wire(cluster.services[through].url + "/request", {"authkey": KEY})
        self.s = Scheduler(self.wire)
        self.road = Road(cluster, service)

    def deploy_of(self, n, **more):
        return Deploy(self.service, "dep%d" % n, **more)

    def tasks(self, deploy, count, rack="us-east-1a"):
        out = []
        for _ in range(count):
            name = self.cluster.free_names.pop(0)
            out.append(Task(deploy, name, self.cluster.upstreams.address(name), rack))
        return out

    def names(self, tasks):
        return {t.name for t in tasks}

    def live(self, count, **more):
        """The first deploy: its tasks, served."""
        d = self.deploy_of(1, **more)
        tasks = self.tasks(d, count)
        p = self.s.deploy(Pending(d, tasks, []))
        assert p.state == "SUCCEEDED", p.updates
        self.road.settled(self.names(tasks))
        return d, tasks

    def swap(self, new, old, **more):
        """Both phases under traffic."""
        self.road.moving(self.names(new))
        p = self.s.deploy(Pending(new[0].deploy, new, old, **more))
        assert p.state == "SUCCEEDED", (p.state, p.message, p.updates)
        self.road.settled(self.names(new))
        return p

    def clean(self, tasks):
        self.road.moving(())
        self.s.clean(tasks)
        self.road.settled(self.road.names - self.names(tasks))

    def add(self, task):
        self.road.moving(self.names([task]))
        self.s.start_task(task)
        assert task.add.state == "SUCCESS", task.add
        self.road.settled(self.road.names | {task.name})

    def stored(self):
        """The committed state, or None."""
        return self.cluster.state(self.service)

    def calls(self, since=0):
        return self.wire.log[since:]

    def entries(self, *ids):
        """Each has exactly one entry of history."""
        kept = self.cluster.zk_children("/responseHistory/" + self.service)
        assert [kept.count(i) for i in ids] == [1] * len(ids), (ids, kept)

    def end(self):
        self.wire.close()
        if self.road.load.popen:
            self.road.check()
