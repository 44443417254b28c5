# SPDX-License-Identifier: Apache-2.0
"""Where a deploy's time goes: read from the debug logs of a run of its own (BENCH_STAGES=1)."""
import datetime
import re
import statistics

from harness.base import read_file

OPTIONS = {"logging": {"level": "DEBUG"}}
PREPARE = ("render", "live", "prove")
APPLY = PREPARE + ("publish", "activate", "commit")


def lines(log):
    """(milliseconds, the rest) of each line that has a time."""
    for line in read_file(log).splitlines():
        m = re.match(r"(\d{4}-\d\d-\d\dT[\d:]+\.\d{3})Z (.*)", line)
        if m:
            yield datetime.datetime.fromisoformat(m.group(1)).timestamp() * 1000, m.group(2)


def service_steps(log):
    """[(queued to decided, decided to ended)] in ms, by the service's log."""
    queued = decided = None
    out = []
    for at, text in lines(log):
        if " queued" in text:
            queued, decided = at, None
        elif " decided" in text:
            decided = at
        elif " ended" in text and queued and decided:
            out.append((decided - queued, at - decided))
            queued = decided = None
    return out


def agent_stages(log):
    """Rows of {stage: ms}: of preparations, and of applications."""
    prepared, applied, row = [], [], {}
    for _, text in lines(log):
        m = re.search(r" stage .*name=\"?(\w+)\"? .*us=\"?(\d+)", text)
        if not m:
            continue
        name, ms = m.group(1), int(m.group(2)) / 1000
        if name == "render" and row:
            (applied if "commit" in row else prepared).append(row)
            row = {}
        row[name] = ms
    if row:
        (applied if "commit" in row else prepared).append(row)
    return prepared, applied


def middle(rows, name):
    values = [r[name] for r in rows if name in r]
    return "%s %.1f" % (name, statistics.median(values)) if values else name + " -"


def show(stand, count):
    """Deploys on a stand made with OPTIONS; prints medians in ms."""
    try:
        stand.start()
        total = statistics.median(stand.deploys(count, warm=2))
    finally:
        stand.stop()
    steps = service_steps(stand.service.log)[-count:]
    prepared, applied, sweeps = [], [], []
    for a in stand.agents:
        p, q = agent_stages(a.log)
        prepared += p[-count:]
        applied += [row for row in q if row["publish"] > 0.05][-count:]
        sweeps += [row for row in q if row["publish"] <= 0.05]
    again = sum(row["prove"] > 0.5 for row in applied)
    print("stages of %s, with debug logs, ms: client %.1f; queued to decided %.1f; decided to ended %.1f" % (
        stand.name, total, statistics.median(s[0] for s in steps), statistics.median(s[1] for s in steps)))
    print("  agent, PREPARE: " + ", ".join(middle(prepared, n) for n in PREPARE))
    print("  agent, APPLY: " + ", ".join(middle(applied, n) for n in APPLY))
    print("  %d of %d applications proved again; %d convergences changed nothing: %s" % (
        again, len(applied), len(sweeps), middle(sweeps, "render")), flush=True)
