# SPDX-License-Identifier: Apache-2.0
"""The two ways to write templates: collected (one file for all services) and Baragon's (a file per service)."""
import os

from .base import ROOT
from .daemons import FINGERPRINT

SHIPPED = os.path.join(ROOT, "templates", "haproxy")

PER_SERVICE = """\
backend lb_{{{service.serviceId}}}
    balance roundrobin
{{#each upstreams}}    server {{{upstream}}} {{{upstream}}}
{{/each}}"""

class Style:
    """What depends on it: the agent's keys, HAProxy's routing lines and -f arguments, where a service is."""

    def __init__(self, root):
        self.root = root
        self.prepare()

    def prepare(self):
        pass

    def fingerprint(self):
        return os.path.join(self.root, FINGERPRINT)

    def backend(self, service):
        raise NotImplementedError


class Collected(Style):
    """The shipped templates, and the routing of the shipped example."""

    def templates(self):
        return {"collectedTemplates": [
            {"filename": name, "templateFile": os.path.join(SHIPPED, name + ".hbs")}
            for name in ("backends.cfg", "routes.map")]}

    def routing(self):
        routes = os.path.join(self.root, "routes.map")
        return """\
    http-request set-var(txn.host) req.hdr(host),host_only,lower
    http-request set-var(txn.path) path,concat(/)
    http-request set-var(txn.backend) var(txn.host),concat(,txn.path),map_beg(%s)
    http-request set-var(txn.backend) var(txn.path),map_beg(%s) if !{ var(txn.backend) -m found }
    use_backend %%[var(txn.backend)] if { var(txn.backend) -m found }""" % (routes, routes)

    def backend(self, service):
        return service

    def includes(self):
        return [os.path.join(self.root, "backends.cfg"), self.fingerprint()]

    def needed(self):
        return self.includes() + [os.path.join(self.root, "routes.map")]

    def file_of(self, service):
        return os.path.join(self.root, "backends.cfg")


class PerService(Style):
    """The backend's name is computed from the path: a file per service cannot add rules to a shared frontend."""

    def prepare(self):
        os.makedirs(os.path.join(self.root, "backends"), exist_ok=True)

    def backend(self, service):
        return "lb_" + service

    def templates(self):
        return {"templates": [{"filename": "backends/%s.cfg", "template": PER_SERVICE}]}

    def routing(self):
        return "    use_backend lb_%[path,field(2,/)]"

    def includes(self):
        return [os.path.join(self.root, "backends"), self.fingerprint()]

    def needed(self):
        return [self.fingerprint()]

    def file_of(self, service):
        return os.path.join(self.root, "backends", service + ".cfg")


STYLES = {"collected": Collected, "per-service": PerService}
