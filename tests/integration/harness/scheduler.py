# SPDX-License-Identifier: Apache-2.0
"""A scheduler's side of a deploy: its deploy checker, new-task checker, cleaner and drift checker, over harness/scheduler_wire.py.

Each makes at most one call per pass and item, and believes what the original believes: the deploy checker only the answers of GET,
the others also that of POST. Its pauses are the original's, divided by `hurry`.
"""
import itertools
import re
import time

from .base import SLOW, Timeout
from .scheduler_wire import IN_PROGRESS, Update, Wire, delete_body, millis, service_part, update_body

PASS_S = 5.0    # deploy checker, new-task checker and cleaner
DRIFT_S = 1.0   # between two looks of the drift checker at its own request


class Deploy:
    """What a user posts to the scheduler: the deploy's part of each body."""

    def __init__(self, request_id, deploy_id, base_path=None, groups=("web",), options=None, template=None, routes=(),
                 domains=(), owners=("team@example.com",), override=None, upstream_group="default"):
        self.request_id, self.id = request_id, deploy_id
        self.base_path = base_path or "/" + request_id
        self.groups, self.options, self.template = list(groups), options, template
        self.routes, self.domains, self.owners = list(routes), list(domains), list(owners)
        self.service_id = override or request_id
        self.upstream_group = upstream_group

    def service(self):
        return service_part(self.service_id, self.owners, self.base_path, self.routes, self.groups, self.options,
                            self.template, self.domains)


class Task:
    """A running instance; `name`: the upstream that stands for it."""
    _instances = itertools.count(1)

    def __init__(self, deploy, name, address, rack=None):
        self.deploy, self.name, self.address, self.rack = deploy, name, address, rack
        safe = [re.sub("-", "_", x) for x in (address.rsplit(":", 1)[0], rack or "DEFAULT")]
        self.id = "%s-%s-%d-%d-%s-%s" % (deploy.request_id, deploy.id, millis(), next(Task._instances), *safe)
        self.add = self.remove = None   # the last Update of each kind
        self.killed = False

    def upstream(self):
        return self.address, self.rack, self.deploy.upstream_group


class Pending:
    """A deploy on its way, step by step: `accept` is called when the load balancer has it, False: the checks failed."""

    def __init__(self, deploy, new, old, canary=False, accept=lambda: True):
        self.deploy, self.new, self.old, self.canary, self.accept = deploy, new, old, canary, accept
        self.target = len(new)
        self.pending = None      # id that is polled
        self.updates = []        # every Update, in order
        self.state, self.message = "WAITING", None
        self.reverting = self.launched = False

    def ids(self):
        return list(dict.fromkeys(u.lbr_id for u in self.updates))


class Scheduler:
    def __init__(self, wire, hurry=50):
        self.wire = wire if isinstance(wire, Wire) else Wire(wire)
        self.hurry = hurry
        self.notified = []   # mails to its operators: failed removals

    # Passes -------------------------------------------------------------------------------------------------

    def run(self, one_pass, until, limit=20, pause=PASS_S):
        """Passes with the scheduler's pause between them until `until()`."""
        deadline = time.monotonic() + limit * SLOW
        while not until():
            if time.monotonic() > deadline:
                raise Timeout("the scheduler still waits after %g s: %s" % (limit, self.wire.log[-5:]))
            one_pass()
            if not until():
                time.sleep(pause / self.hurry)

    # Deploy checker -----------------------------------------------------------------------------------------

    def deploy(self, p, limit=20):
        """One step to its end: p.state is SUCCEEDED, FAILED or CANCELED."""
        self.run(lambda: self.deploy_pass(p), lambda: p.state != "WAITING", limit)
        return p

    def deploy_pass(self, p):
        if p.launched:
            self._acceptance(p)
        elif p.pending is None:
            self._send_step(p)
        else:
            self._poll_step(p)

    def _send_step(self, p):
        d = p.deploy
        if p.reverting:
            lbr_id = "%s-%s-ADD-FOR-REVERT-%d-DEPLOY-1" % (d.request_id, p.old[0].deploy.id, millis())
            add, remove, service = p.old, p.new, p.old[0].deploy.service()
        else:
            lbr_id = "%s-%s-%d-%d-DEPLOY-1" % (d.request_id, d.id, p.target, millis())
            add, remove, service = p.new, [] if p.canary else p.old, d.service()
            before = Update("UNKNOWN", None, "PRE_ENQUEUE", lbr_id, None)
            for t in add:
                t.add = before
            for t in remove:
                if t.add and (t.add.state == "SUCCESS" or t.add.state in IN_PROGRESS):
                    t.remove = before
        body = update_body(lbr_id, service, [t.upstream() for t in add], [t.upstream() for t in remove])
        p.updates.append(self.wire.enqueue(body))  # whatever it says
        p.pending = lbr_id

    def _poll_step(self, p):
        u = self.wire.check(p.pending)
        p.updates.append(u)
        if p.reverting:
            self._after_revert(p, u)
            return
        if u.state in ("WAITING", "UNKNOWN"):
            return
        p.pending = None
        for t in p.new:
            t.add = u
        for t in ([] if p.canary else p.old):
            if t.remove:
                t.remove = u
        if u.state == "SUCCESS":
            p.launched = True
        elif u.state in ("FAILED", "INVALID_REQUEST_NOOP"):
            p.state, p.message = "FAILED", "Load balancer had state %s (%s)" % (u.state, u.message)
        elif u.state == "CANCELED":
            p.state = "CANCELED"
        # CANCELING: the id is forgotten, the next pass sends a new one.

    def _after_revert(self, p, u):
        if u.state == "WAITING":
            return
        p.pending = None
        if u.state == "SUCCESS":
            p.state, p.message = "FAILED", "acceptance failed"
            for t in p.old:
                t.add = u
        # Anything else: a new revert with a new id, without limit.

    def _acceptance(self, p):
        p.launched = False
        if p.accept():
            p.state = "SUCCEEDED"
        elif p.canary:
            p.state, p.message = "FAILED", "acceptance failed"
        else:
            p.reverting = True
            for t in p.old:
                t.add = t.remove = None

    def cancel_for_dead_tasks(self, p, text):
        """The answer is ignored and the id is not polled again; the new tasks go one by one."""
        p.updates.append(self.wire.cancel(p.pending))
        p.pending, p.state, p.message = None, "FAILED", text

    # New-task checker ---------------------------------------------------------------------------------------

    def new_task_pass(self, t):
        """At most one call; True: checking has ended."""
        lbr_id = t.id + "-ADD-1"
        if t.add is None or t.add.state == "UNKNOWN":
            t.add = self.wire.enqueue(update_body(lbr_id, t.deploy.service(), [t.upstream()], []))
        elif t.add.state in IN_PROGRESS:
            t.add = self.wire.check(lbr_id)
        return t.add.state != "UNKNOWN" and t.add.state not in IN_PROGRESS

    def start_task(self, t, limit=20):
        """A replacement is in the load balancer; otherwise it is killed."""
        ended = []
        self.run(lambda: ended.append(self.new_task_pass(t)), lambda: ended and ended[-1], limit)
        t.killed = t.add.state != "SUCCESS"
        return t

    def recover(self, t, limit=20):
        """The host of a task thought lost is back: its history is wiped and its check starts again."""
        if t.remove and t.remove.state in IN_PROGRESS:
            t.remove = self.wire.check(t.remove.lbr_id)
            if t.remove.state in IN_PROGRESS:
                return self.clean([t], limit)
        t.add = t.remove = None
        t.killed = False
        return self.start_task(t, limit)

    # Cleaner ------------------------------------------------------------------------------------------------

    def clean_pass(self, t):
        """At most one call; the task is killed when the load balancer is settled."""
        if t.add is None or t.add.state in ("INVALID_REQUEST_NOOP", "FAILED", "CANCELED", "CANCELING"):
            t.killed = True
            return
        if t.remove is None or t.remove.state == "UNKNOWN":
            self._send_removal(t, t.remove.lbr_id if t.remove else t.id + "-REMOVE-1")
        elif t.remove.state in ("FAILED", "CANCELED"):
            attempt = int(t.remove.lbr_id.rsplit("-", 1)[1]) + 1
            self._send_removal(t, "%s-REMOVE-%d" % (t.id, attempt))
        elif t.remove.state in IN_PROGRESS:
            t.remove = self.wire.check(t.remove.lbr_id)
        if t.remove.state in ("FAILED", "CANCELED", "INVALID_REQUEST_NOOP"):
            self.notified.append(t.remove)
        t.killed = t.remove.state in ("SUCCESS", "INVALID_REQUEST_NOOP")

    def _send_removal(self, t, lbr_id):
        t.remove = self.wire.enqueue(update_body(lbr_id, t.deploy.service(), [], [t.upstream()]))

    def clean(self, tasks, limit=20):
        """Until each is killed."""
        def one_pass():
            for t in tasks:
                if not t.killed:
                    self.clean_pass(t)
        self.run(one_pass, lambda: all(t.killed for t in tasks), limit)

    def delete_request(self, deploy, limit=20):
        """deleteRemovedRequestsFromLoadBalancer: the id of the override is not used here. The last Update."""
        n, last = itertools.count(1), []

        def one_pass():
            if last and last[-1].state in IN_PROGRESS:
                last.append(self.wire.check(last[-1].lbr_id))
                return
            lbr_id = last[-1].lbr_id if last and last[-1].state == "UNKNOWN" else \
                "%s-%d-DELETE-%d" % (deploy.request_id, millis(), next(n))
            last.append(self.wire.enqueue(delete_body(lbr_id, deploy.request_id, deploy.base_path, deploy.groups)))

        def over():
            u = last[-1] if last else None
            return u and (u.state in ("SUCCESS", "INVALID_REQUEST_NOOP") or
                          (u.state == "FAILED" and "Invalid request due to" in (u.message or "")))
        self.run(one_pass, over, limit)
        return last[-1]

    # Drift checker ------------------------------------------------------------------------------------------

    def check_drift(self, deploy, tasks, limit=20):
        """Takes off what is not of these tasks: (extra, last Update or None). Refuses to take all."""
        there = [u for u in self.wire.service_state(deploy.service_id) if u[2] == deploy.upstream_group]
        extra = [u for u in there if u not in [t.upstream() for t in tasks]]
        if not extra:
            return [], None
        if len(extra) == len(there):
            raise RuntimeError("Would remove all remaining upstreams for %s in LB, skipping" % deploy.service_id)
        lbr_id = "%s-%s-%d-REMOVE-1" % (deploy.request_id, deploy.id, millis())
        self.wire.enqueue(update_body(lbr_id, deploy.service(), [], extra))
        seen = []
        self.run(lambda: seen.append(self.wire.check(lbr_id)), lambda: seen and seen[-1].state != "WAITING", limit, DRIFT_S)
        return extra, seen[-1]
