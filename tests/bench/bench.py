# SPDX-License-Identifier: Apache-2.0
"""make bench: what a deploy takes, as a ratio to the least that its parts take, both measured in this run.

README.md says what is measured and how. Prints one table; never fails because a goal was missed, but ends with 1 when
something did not work. BENCH_QUICK=1: fewer deploys, within some minutes. BENCH_ONLY=templates,true,10,1000,rate,http,crowd: some
of it.
BENCH_STAGES=1: afterwards, some deploys with debug logs, and where their time goes.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

from harness import base  # noqa: E402
from harness.base import BUILD, Process, wait_for  # noqa: E402
from harness.cluster import GROUP  # noqa: E402
from harness.daemons import CONTEXT, FINGERPRINT, Agent, Service  # noqa: E402
from harness.haproxy import HAProxy  # noqa: E402
from harness.styles import Collected  # noqa: E402
from harness.zookeeper import ZooKeeper, jars  # noqa: E402

import crowd  # noqa: E402
import rendering  # noqa: E402
import serving  # noqa: E402
import stages  # noqa: E402

QUICK = os.environ.get("BENCH_QUICK", "") not in ("", "0")
ONLY = [x for x in os.environ.get("BENCH_ONLY", "").split(",") if x]
STAGES = os.environ.get("BENCH_STAGES", "") not in ("", "0")
GOAL = 1.3
SESSION = {"zookeeper": {"sessionTimeoutMillis": 10000}}
PARTS = ("t0", "call1", "files1", "command1", "t2", "call2", "files2", "command2", "t3")


class Failed(Exception):
    pass


class BenchZooKeeper(ZooKeeper):
    """As an operator would run it: heap enough, the compiler not held back."""
    tick_ms = 2000

    def argv(self):
        return ["java", "-Xms256m", "-Xmx1g", "-XX:-UsePerfData", "-Dzookeeper.jmx.log4j.disable=true",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", jars(),
                "org.apache.zookeeper.server.quorum.QuorumPeerMain", self.conf]


class NoHAProxy:
    master_socket = stats_socket = ""

    def __init__(self, check="/bin/true"):
        self.check = check

    def check_command(self):
        return self.check


class BenchAgent(Agent):
    def settings(self):
        out = super().settings()
        if not self.master_socket:
            del out["loadBalancerConfig"]["haproxy"]
            out["loadBalancerConfig"]["reloadConfigCommand"] = "/bin/true"
        return out


class FloorHost(Process):
    """floor host, with a HAProxy of its own if the agent has one."""

    def __init__(self, folder, name, like, haproxy):
        super().__init__(name, folder)
        self.like, self.haproxy = like, None
        self.root = os.path.join(self.dir, "managed")
        shutil.copytree(like, self.root, ignore=shutil.ignore_patterns(".lockstep"))
        if haproxy:
            style = Collected(self.root)
            self.haproxy = HAProxy(folder, name + "-haproxy", style.routing(), style.includes())

    def argv(self):
        words = [os.path.join(BUILD, "bench", "floor"), "host", "root=" + self.root, "like=" + self.like,
                 "files=backends.cfg"]
        if not self.haproxy:
            return words + ["check=/bin/true", "reload=/bin/true"]
        stage = os.path.join(self.root, ".lockstep", "stage")
        check = " ".join(["/usr/sbin/haproxy", "-c", "-f", self.haproxy.base, "-f",
                         stage + "/backends.cfg", "-f", stage + "/" + FINGERPRINT])
        return words + ["check=" + check, "marker=" + FINGERPRINT, "master=" + self.haproxy.master_socket,
                        "stats=" + self.haproxy.stats_socket]

    def ready(self):
        return re.search(r"^port (\d+)$", base.read_file(self.log), re.M)

    @property
    def url(self):
        return "http://127.0.0.1:%s/" % self.ready().group(1)

    def start(self):
        super().start()
        if self.haproxy:
            self.haproxy.start()
        return self

    def stop(self):
        super().stop()
        if self.haproxy:
            self.haproxy.stop()


class Stand:
    """One service, its agents, and as many floor hosts, on one ZooKeeper."""

    def __init__(self, zk, folder, name, agents, haproxy, services, options=None, check="/bin/true"):
        self.zk, self.folder, self.name, self.services = zk, os.path.join(folder, name), name, services
        os.makedirs(self.folder)
        self.service = Service(self.folder, "service", zk.quorum, name, base_options(options))
        self.agents, self.haproxies, self.hosts = [], [], []
        for i in range(agents):
            root = os.path.join(self.folder, "lb%d" % (i + 1), "managed")
            os.makedirs(root)
            style = Collected(root)
            lb = HAProxy(self.folder, "lb%d-haproxy" % (i + 1), style.routing(), style.includes()) if haproxy \
                else NoHAProxy(check)
            self.agents.append(BenchAgent(self.folder, "agent%d" % (i + 1), zk.quorum, name, GROUP, root, lb,
                                          style.templates(), base_options(options)))
            if haproxy:
                self.haproxies.append((lb, style))
        self.next_k = 0
        self.runs = 0

    def start(self):
        """The services are there before the daemons: what it takes to make them is not measured here."""
        self.run("floor", "fill", "quorum=" + self.zk.quorum, "ns=" + self.name, "prefix=s",
                 "services=%d" % self.services)
        self.next_k = self.services
        self.service.start()
        wait_for(self.service.leads, 20, "the service leads")
        for a in self.agents:
            a.spawn()
        for lb, style in self.haproxies:
            wait_for(lambda files=style.needed(): all(os.path.exists(f) for f in files), 15, "files of an agent")
            lb.start()
        for a in self.agents:
            a.wait_ready()
        wait_for(lambda: len(self.service.call("GET", "/load-balancer/%s/agents" % GROUP).json()) == len(self.agents),
                 20, "agents registered")
        return self

    def start_floor(self):
        """After the services are there: the floor writes files as large as the agents'."""
        like = self.agents[0].root
        for i in range(len(self.agents)):
            self.hosts.append(FloorHost(self.folder, "floor%d" % (i + 1), like, bool(self.haproxies)).start())
        return self

    def stop(self):
        for p in self.hosts + self.agents + [lb for lb, _ in self.haproxies] + [self.service]:
            p.stop()

    def complaints(self):
        return [c for p in self.hosts + self.agents + [lb for lb, _ in self.haproxies] + [self.service]
                for c in p.complaints()]

    def run(self, program, *words):
        argv = [os.path.join(BUILD, "bench", program)] + list(words)
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        if done.returncode != 0:
            raise Failed("%s: %s" % (" ".join(argv), done.stderr.strip()))
        lines = [line.split() for line in done.stdout.splitlines()]
        return [dict(zip(line[::2], map(int, line[1::2]))) for line in lines]

    def deploys(self, count, clients=1, poll_us=1000, warm=0):
        """Milliseconds of each."""
        rows = self.run("deploys", "port=%d" % self.service.port, "path=" + CONTEXT, "prefix=s",
                        "services=%d" % self.services, "from=%d" % self.next_k, "count=%d" % (count + warm),
                        "clients=%d" % clients, "poll_us=%d" % poll_us)
        self.next_k += count + warm
        return [r["us"] / 1000 for r in rows if "us" in r and "done" not in r][warm:]

    def floor(self, count, warm):
        self.runs += 1
        return [{k: v / 1000 for k, v in r.items()} for r in self.run(
            "floor", "deploy", "quorum=" + self.zk.quorum, "ns=floor-%s-%d" % (self.name, self.runs), "prefix=s",
            "services=10", "count=%d" % count, "warm=%d" % warm, "hosts=" + ",".join(h.url for h in self.hosts))
            if "done" not in r]

    def rate(self, seconds, clients, turn):
        row = self.run("deploys", "port=%d" % self.service.port, "path=" + CONTEXT, "prefix=r", "services=%d" % clients,
                       "from=%d" % (turn * clients * 100000), "seconds=%d" % seconds, "clients=%d" % clients,
                       "poll_us=20000")[-1]
        return row["done"] * 1e6 / row["us"]

    def floor_enqueue(self, ms, chains):
        """Requests per second."""
        self.runs += 1
        row = self.run("floor", "enqueue", "quorum=" + self.zk.quorum, "ns=floor-%s-%d" % (self.name, self.runs),
                       "prefix=s", "chains=%d" % chains, "ms=%d" % ms)[-1]
        return row["done"] * 1e6 / row["us"]

    def floor_rate(self, seconds, chains):
        self.runs += 1
        row = self.run("floor", "rate", "quorum=" + self.zk.quorum, "ns=floor-%s-%d" % (self.name, self.runs),
                       "prefix=r", "services=%d" % chains, "seconds=%d" % seconds)[-1]
        return row["done"] * 1e6 / row["us"]


def base_options(options):
    out = {k: dict(v) for k, v in SESSION.items()}
    out.update(options or {})
    return out


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def short(x):
    """Three digits that count, and no fewer than two behind the point."""
    return "%.1f" % x if x >= 100 else "%.2f" % x if x >= 0.1 else "%.5f" % x


def say(*words):
    print(*words, flush=True)


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, parts, floor, ours, ratio, unit, goal=GOAL):
        met = "-" if goal is None else "yes" if ratio <= goal else "NO"
        self.rows.append((what, parts, short(floor), short(ours), unit, short(ratio),
                          "-" if goal is None else "<= %s" % goal, met))

    def add_rates(self, what, parts, floors, rates, goal):
        """Per second, of rounds that stand side by side: the more the better."""
        ratios = [o / f for f, o in zip(floors, rates)]
        low, ratio, high = statistics.quantiles(ratios, n=4, method="inclusive")
        self.rows.append((what, parts, short(statistics.median(floors)), short(statistics.median(rates)), "requests/s",
                          "%s (%s-%s)" % (short(ratio), short(low), short(high)),
                          "-" if goal is None else ">= %s" % goal,
                          "-" if goal is None else "yes" if ratio >= goal else "NO"))

    def show(self):
        head = ("what", "floor's parts (medians, ms)", "floor", "ours", "", "ratio", "goal", "met")
        widths = [max(len(r[i]) for r in self.rows + [head]) for i in range(len(head))]
        for row in [head] + self.rows:
            say("  ".join(c.ljust(w) if i < 2 or i in (4, 6) else c.rjust(w)
                          for i, (c, w) in enumerate(zip(row, widths))).rstrip())


def parts_text(rows):
    m = {k: statistics.median(r[k] for r in rows) for k in PARTS}
    return "T0 %.1f | call %.1f (files %.1f, check %.1f) | T2 %.1f | call %.1f (files %.1f, reload %.1f) | T3 %.1f" % (
        m["t0"], m["call1"], m["files1"], m["command1"], m["t2"], m["call2"], m["files2"], m["command2"], m["t3"])


def latency(table, stand, what, rounds, count, p99):
    """Rounds of floor and ours in turn, each after deploys that warm up and are not counted."""
    floors, ours = [], []
    warm = max(1, min(10, count // 3))
    for r in range(rounds):
        floors.append(stand.floor(count, warm))
        ours.append(stand.deploys(count, warm=warm))
        say("  %s, round %d: floor %.1f ms, ours %.1f ms" % (
            what, r + 1, statistics.median(x["us"] for x in floors[-1]), statistics.median(ours[-1])))
    flat = [x for rows in floors for x in rows]
    f50, o50 = [statistics.median(x["us"] for x in rows) for rows in floors], [statistics.median(x) for x in ours]
    ratio = statistics.median(o / f for f, o in zip(f50, o50))
    f50, o50 = statistics.median(f50), statistics.median(o50)
    table.add(what + ", p50", parts_text(flat), f50, o50, ratio, "ms")
    if p99:
        f99 = percentile([x["us"] for x in flat], 99)
        o99 = percentile([x for rows in ours for x in rows], 99)
        table.add(what + ", p99", "of all %d" % len(flat), f99, o99, o99 / f99, "ms")


def throughput(table, stand, rounds, seconds, clients):
    floors, ours = [], []
    stand.rate(2, clients, 0)
    for r in range(rounds):
        floors.append(stand.floor_rate(seconds, clients))
        ours.append(stand.rate(seconds, clients, r + 1))
        say("  %d services in flight, round %d: bare transactions %.0f/s, ours %.0f/s" % (
            clients, r + 1, floors[-1], ours[-1]))
    f, o = statistics.median(floors), statistics.median(ours)
    table.add("%d services in flight" % clients, "T0, T2, T3 of each request, no agents", f, o, f / o, "requests/s", None)


def serve(table, zk, folder):
    gate = serving.Gate(folder)
    stand = Stand(zk, folder, "http", 1, False, serving.SERVICES, None, gate.command)
    start = time.monotonic()
    try:
        serving.give_time(stand)
        stand.start()
        say("http: %d services, ready after %.1f s" % (serving.SERVICES, time.monotonic() - start))
        serving.rows(table, stand, folder, gate, QUICK, say, Failed)
    finally:
        stand.stop()
    if stand.complaints():
        raise Failed("\n".join(stand.complaints()))


def measure(zk, folder, name, agents, haproxy, services, body):
    start = time.monotonic()
    stand = Stand(zk, folder, name, agents, haproxy, services)
    try:
        stand.start().start_floor()
        say("%s: %d agents, %d services, ready after %.1f s" % (name, agents, services, time.monotonic() - start))
        body(stand)
    finally:
        stand.stop()
    if stand.complaints():
        raise Failed("\n".join(stand.complaints()))
    if STAGES:
        stages.show(Stand(zk, folder, name + "-stages", agents, haproxy, services, stages.OPTIONS), 4 if services > 100 else 30)


def crowded(table, zk, folder):
    stand = Stand(zk, folder, "crowd", 1, False, 10, crowd.LIMITS)
    try:
        stand.start()
        crowd.rows(table, stand, QUICK, say, Failed)
    finally:
        stand.stop()
    if stand.complaints():
        raise Failed("\n".join(stand.complaints()))


def disk_folder():
    """ZooKeeper's log and the agents' files must be on a disk: syncing a tmpfs costs nothing."""
    for parent in (os.environ.get("LOCKSTEP_TMP", "/tmp"), "/var/tmp", os.path.join(base.ROOT, "build")):
        kind = subprocess.run(["stat", "-f", "-c", "%T", parent], stdout=subprocess.PIPE, text=True).stdout.strip()
        if kind not in ("tmpfs", "ramfs", ""):
            os.environ["LOCKSTEP_TMP"] = parent
            return base.make_dir("ls-bench-")
    raise Failed("no folder on a disk")


def wanted(name):
    return not ONLY or name in ONLY


def bench(folder):
    table = Table()
    if wanted("templates"):
        rendering.rows(table, folder, 2 if QUICK else 5, Failed)
    zk = BenchZooKeeper(folder)
    zk.start()
    try:
        if wanted("true") or wanted("rate"):
            def commands(stand):
                if wanted("true"):
                    latency(table, stand, "3 agents, commands /bin/true", 3 if QUICK else 6, 20 if QUICK else 50, True)
                if wanted("rate"):
                    throughput(table, stand, 3, 1 if QUICK else 5, 64)
            measure(zk, folder, "true", 3, False, 10, commands)
        if wanted("crowd"):
            crowded(table, zk, folder)
        for services, rounds, count in ((10, 3, 5), (1000, 3, 2)) if QUICK else ((10, 5, 15), (1000, 4, 6)):
            if wanted(str(services)):
                def with_haproxy(stand):
                    latency(table, stand, "2 HAProxies, %d services" % services, rounds, count, False)
                measure(zk, folder, "haproxy%d" % services, 2, True, services, with_haproxy)
        if wanted("http"):
            serve(table, zk, folder)
    finally:
        zk.stop()
        if table.rows:
            say()
            table.show()
            say("goals met: %d of %d" % (sum(r[-1] == "yes" for r in table.rows), sum(r[-1] != "-" for r in table.rows)))


def main():
    start = time.monotonic()
    folder = disk_folder()
    try:
        bench(folder)
    except (Failed, AssertionError, OSError, RuntimeError, subprocess.TimeoutExpired) as e:
        say("bench: failed: %s" % e)
        for root, _, names in os.walk(folder):
            for log in sorted(n for n in names if n.endswith(".log")):
                say("---- %s\n%s" % (log, base.tail(os.path.join(root, log), 8)))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        base.remove_dir(folder)
        base.Ports.release_all()
    say("bench: %.0f s" % (time.monotonic() - start))
    return 0


if __name__ == "__main__":
    sys.exit(main())
