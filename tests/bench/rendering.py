# SPDX-License-Identifier: Apache-2.0
"""The rows about templates: rendering against another engine and against copying; the check of what was rendered
against that of a configuration written by hand."""
import os
import re
import statistics
import subprocess
import time

from harness import base

TEMPLATES = os.path.join(base.ROOT, "templates", "haproxy")
HERE = os.path.dirname(os.path.abspath(__file__))
SERVICES, UPSTREAMS = 10000, 10

# What both configurations have around the backends: the operator's part. A check binds nothing.
COMMON = """\
global
    maxconn 2000
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend http
    bind 127.0.0.1:1
    http-request set-var(txn.host) req.hdr(host),host_only,lower
    http-request set-var(txn.path) path,concat(/)
    http-request set-var(txn.backend) var(txn.host),concat(,txn.path),map_beg(%(map)s)
    http-request set-var(txn.backend) var(txn.path),map_beg(%(map)s) if !{ var(txn.backend) -m found }
    use_backend %%[var(txn.backend)] if { var(txn.backend) -m found }
    default_backend none
backend none
    http-request deny deny_status 404
"""


def run(argv, fail):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    if done.returncode != 0:
        raise fail("%s: %s" % (" ".join(argv[:2]), (done.stderr or done.stdout).strip()[-2000:]))
    return done.stdout


def by_hand(folder):
    """The same backends, servers and routes, as one would write them who needs nothing else."""
    with open(os.path.join(folder, "by-hand.cfg"), "w") as out:
        for i in range(SERVICES):
            out.write("backend service-%05d\n    balance %s\n    option httpchk GET /health\n"
                      % (i, "leastconn" if i % 2 == 0 else "roundrobin"))
            for k in range(UPSTREAMS):
                address = "10.%d.%d.%d" % (i // 250 % 250, i % 250, k)
                out.write("    server s_%s_%d %s:%d maxconn %d check\n"
                          % (address, 20000 + k, address, 20000 + k, 100 + i % 50))
    with open(os.path.join(folder, "by-hand.map"), "w") as out:
        for i in range(SERVICES):
            out.write("d%d.example.com/api/%05d/ service-%05d\n" % (i % 100, i, i))


def check_ms(folder, config, routes, fail):
    common = os.path.join(folder, "common-%s" % config)
    with open(common, "w") as out:
        out.write(COMMON % {"map": os.path.join(folder, routes)})
    start = time.monotonic()
    run(["/usr/sbin/haproxy", "-c", "-f", common, "-f", os.path.join(folder, config)], fail)
    return (time.monotonic() - start) * 1000


def same_content(folder, fail):
    """Both must have the same servers in the same backends, or the comparison says nothing."""
    def content(name):
        found, backend = [], None
        with open(os.path.join(folder, name)) as f:
            for line in f:
                words = line.split()
                if words[:1] == ["backend"]:
                    backend = words[1]
                elif words[:1] == ["server"]:
                    found.append((backend, words[1], words[2]))
        return found
    if content("by-hand.cfg") != content("backends.cfg"):
        raise fail("the configuration by hand has other servers than ours")
    with open(os.path.join(folder, "by-hand.map")) as a, open(os.path.join(folder, "routes.map")) as b:
        if sorted(a) != sorted(line for line in b if line.strip() and not line.startswith("#")):
            raise fail("the map by hand has other routes than ours")


def rows(table, folder, rounds, fail):
    """Renders, and adds the rows; `fail` is the exception for what did not work."""
    folder = os.path.join(folder, "rendering")
    os.makedirs(folder)
    program = os.path.join(base.BUILD, "bench", "templates")
    ours, theirs = [], []
    for _ in range(rounds):
        out = run([program, "folder=" + folder, "templates=" + TEMPLATES, "services=%d" % SERVICES,
                   "upstreams=%d" % UPSTREAMS, "rounds=3"], fail).split()
        ours.append({k: int(v) / 1000 for k, v in zip(out[::2], out[1::2])})
        js = run(["nodejs", os.path.join(HERE, "templates.js"), folder, TEMPLATES, "3"], fail)
        theirs.append(int(re.search(r"render (\d+)", js).group(1)) / 1000)
    m = {k: statistics.median(r[k] for r in ours) for k in ours[0]}
    js = statistics.median(theirs)
    many = "%d x %d" % (SERVICES, UPSTREAMS)
    table.add("templates, " + many + ", ready contexts", "handlebars.js, the same templates and contexts",
              js, m["render"], statistics.median(o["render"] / t for o, t in zip(ours, theirs)), "ms", 0.1)
    table.add("the same, from services to files", "handlebars.js, as above", js, m["scratch"],
              statistics.median(o["scratch"] / t for o, t in zip(ours, theirs)), "ms", None)
    table.add("the same, ready contexts", "memcpy of the %.1f MB" % (m["bytes"] / 1000), m["copy"], m["render"],
              statistics.median(o["render"] / o["copy"] for o in ours), "ms", None)
    table.add("one service changed among %d" % SERVICES, "all of them, from services to files", m["scratch"],
              m["change"], statistics.median(o["change"] / o["scratch"] for o in ours), "ms", 0.001)
    by_hand(folder)
    same_content(folder, fail)
    checks = [(check_ms(folder, "by-hand.cfg", "by-hand.map", fail), check_ms(folder, "backends.cfg", "routes.map", fail))
              for _ in range(rounds + 2)]
    table.add("haproxy -c, " + many, "haproxy -c, written by hand", statistics.median(f for f, _ in checks),
              statistics.median(o for _, o in checks), statistics.median(o / f for f, o in checks), "ms", 1.2)
