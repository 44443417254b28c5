# SPDX-License-Identifier: Apache-2.0
"""make demo: a small cluster on free loopback ports, and what it does, told as it happens.

Ends by itself with DEMO_ONCE=1; exit 0 only if everything it showed was so. Otherwise it stays up until Ctrl-C.
"""
import json
import os
import shlex
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "integration"))

from harness import base  # noqa: E402
from harness.cluster import TERMINAL, Cluster, hosts_named  # noqa: E402
from harness.inotify import Watcher, snapshot  # noqa: E402
from harness.zookeeper import ZooKeeper  # noqa: E402

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
wrong = []


def paint(code, text):
    return "\033[%sm%s\033[0m" % (code, text) if COLOUR else text


def title(text):
    print("\n" + paint("1", "== " + text), flush=True)


def say(text=""):
    print("   " + text.replace("\n", "\n" + " " * 14), flush=True)


def expect(so, text):
    """Something shown: it is so, or the demo fails in the end."""
    if not so:
        wrong.append(text)
    print("   %s %s" % (paint("32", "ok") if so else paint("31", "NOT SO:"), text), flush=True)
    return so


def run(*argv):
    """Show a command and run it; its output."""
    print("   " + paint("36", "$ " + " ".join(shlex.quote(a) for a in argv)), flush=True)
    out = subprocess.run(argv, capture_output=True, text=True)
    if out.returncode != 0:
        say("(exit %d) %s" % (out.returncode, out.stderr.strip()))
    return out.stdout


def post(cluster, body):
    text = run("curl", "-sS", "-X", "POST", cluster.services[0].url + "/request", "-H",
               "Content-Type: application/json", "-d", json.dumps(body))
    try:
        answer = json.loads(text)
    except ValueError:
        expect(False, "the service answers JSON, not %r" % text)
        return False
    say("%s: %s" % (answer["loadBalancerState"], answer["message"]))
    return expect(answer["loadBalancerState"] == "WAITING", "accepted, the state is WAITING")


def follow(cluster, rid, wanted, seconds=40):
    """Show each change of the request's state until it is terminal; its last answer."""
    start, shown, deadline = time.monotonic(), None, time.monotonic() + seconds
    answer = None
    while time.monotonic() < deadline:
        try:
            answer = cluster.get(rid)
        except OSError:
            time.sleep(0.05)
            continue
        now = (answer["loadBalancerState"], answer["message"]) if answer else ("(unknown)", "")
        if now != shown:
            say("%5.0f ms  %s  %s" % ((time.monotonic() - start) * 1000, now[0], now[1]))
            shown = now
        if answer and now[0] in TERMINAL:
            break
        time.sleep(0.005)
    state = answer["loadBalancerState"] if answer else "(unknown)"
    expect(state == wanted, "%s ends as %s" % (rid, wanted))
    return answer or {"message": "", "agentResponses": {}}


def through_both(cluster, service, names):
    for h in cluster.hosts:
        answers = {run("curl", "-sS", "%s/%s/hello" % (h.haproxy.url, service)) for _ in range(len(names))}
        expect(answers == set(names), "%s: new connections reach %s" % (h.name, ", ".join(sorted(answers))))


# The story ----------------------------------------------------------------------------------------------------

def start(cluster):
    title("A cluster on this machine")
    cluster.start()
    say("ZooKeeper   %s" % cluster.zk.quorum)
    say("service     %s" % cluster.services[0].url)
    for h in cluster.hosts:
        say("host %s    agent %s, HAProxy %s" % (h.name, h.agent.url, h.haproxy.url))
    for name in cluster.upstreams.names:
        say("upstream    %-6s %s" % (name, cluster.upstreams.address(name)))
    agents = cluster.call("GET", "/load-balancer/%s/agents" % cluster.group).json()
    expect(len(agents) == 2, "both agents have joined the group %r" % cluster.group)


def deploys(cluster):
    title("A deploy: the service shop behind both load balancers")
    if post(cluster, cluster.request("shop-1", "shop", add=["blue"])):
        follow(cluster, "shop-1", "SUCCESS")
    through_both(cluster, "shop", ["blue"])
    title("The next version replaces it")
    if post(cluster, cluster.request("shop-2", "shop", add=["green"], remove=["blue"])):
        follow(cluster, "shop-2", "SUCCESS")
    through_both(cluster, "shop", ["green"])


def refusal(cluster):
    title("A deploy that HAProxy refuses on one of the two hosts")
    one, two = cluster.hosts
    two.take_name("cart")
    say("The operator of %s has a backend 'cart' of their own; a service cart would make a second one." % two.name)
    watchers = [Watcher(h.root) for h in cluster.hosts]
    before = [(snapshot(h.root), h.haproxy.state()) for h in cluster.hosts]
    if post(cluster, cluster.request("cart-1", "cart", add=["red"])):
        answer = follow(cluster, "cart-1", "FAILED")
        text = answer["message"] + json.dumps(answer["agentResponses"])
        expect("has the same name as backend" in text, "the answer has HAProxy's own words")
        expect(hosts_named(text, [two]) == [two.name], "and names the host that refused, %s" % two.agent.id)
    for h, w, was in zip(cluster.hosts, watchers, before):
        files, proc = was
        events, now = w.events(), h.haproxy.state()
        w.close()
        expect(not events and snapshot(h.root) == files,
               "%s: no live file was opened for writing, all %d are the same inodes" % (h.name, len(files)))
        expect(now["worker"] == proc["worker"] and now["reloads"] == proc["reloads"],
               "%s: same worker %s, reloads still %d" % (h.name, now["worker"], now["reloads"]))
    two.haproxy.configure()
    through_both(cluster, "shop", ["green"])


def killed_service(cluster):
    title("The service is killed in the middle of a deploy")
    one, two = cluster.hosts
    service = cluster.services[0]
    two.master_tap.hold("reload")
    if not post(cluster, cluster.request("shop-3", "shop", add=["red"], remove=["green"])):
        return
    expect(two.master_tap.held.wait(20), "%s is held in front of its reload, so that there is a middle" % two.name)
    pid = service.pid
    service.kill()
    say("kill -9 %d (lockstep-service)" % pid)
    two.master_tap.release()
    service.start()
    say("lockstep-service runs again, pid %d" % service.pid)
    follow(cluster, "shop-3", "SUCCESS")
    through_both(cluster, "shop", ["red"])


def stay(cluster):
    title("It stays up until Ctrl-C. To try:")
    url = cluster.services[0].url
    body = json.dumps(cluster.request("mine-1", "mine", add=["blue", "green"]))
    say("curl %s/status" % url)
    say("curl %s/state" % url)
    say("curl -X POST %s/request -H 'Content-Type: application/json' -d '%s'" % (url, body))
    say("curl %s/request/mine-1" % url)
    for h in cluster.hosts:
        say("curl %s/mine/hello" % h.haproxy.url)
    say("curl -X DELETE %s/state/mine" % url)
    say("Settings, logs and rendered files are below %s" % cluster.folder)
    while all(p.running() for p in [cluster.services[0]] + [h.agent for h in cluster.hosts]):
        time.sleep(0.2)
    expect(False, "all daemons stay up")


def show_logs(folder):
    for name in sorted(os.listdir(folder)):
        if name.endswith(".log"):
            print("---- " + name)
            print(base.tail(os.path.join(folder, name), 15))


def interrupted(signum, frame):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupted)
    folder = base.make_dir()
    zk, cluster = None, None
    once = os.environ.get("DEMO_ONCE", "") not in ("", "0")
    rc, staying = 0, False
    try:
        try:
            zk = ZooKeeper(folder)
            zk.start()
            cluster = Cluster(folder, zk, "demo", upstreams=("blue", "green", "red"), taps=True)
            start(cluster)
            for part in (deploys, refusal, killed_service):
                part(cluster)
            if not once:
                staying = True
                stay(cluster)
        except KeyboardInterrupt:
            print("\n   stopping", flush=True)
            rc = 0 if staying else 130
        except (AssertionError, RuntimeError, OSError, ValueError) as e:
            expect(False, str(e))
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if cluster:
            cluster.stop()
            for c in cluster.complaints():
                expect(False, c)
        if zk:
            zk.stop()
        if wrong:
            show_logs(folder)
        base.remove_dir(folder)
    title("Everything shown was so." if not wrong and rc == 0 else "Interrupted." if not wrong else "%d things were not so:" % len(wrong))
    for w in wrong:
        say(w)
    return 1 if wrong else rc


if __name__ == "__main__":
    sys.exit(main())
