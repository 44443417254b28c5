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

COLLECTED_MAP = "{{{service.serviceBasePath}}}/ lb_{{{service.serviceId}}}\n"


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
        return "lb_" + service


class Collected(Style):
    def templates(self):
        return {"collectedTemplates": [
            {"filename": "backends.cfg", "template": PER_SERVICE},
            {"filename": "routes.map", "template": COLLECTED_MAP}]}

    def routing(self):
        key = "path,concat(/),map_beg(%s)" % os.path.join(self.root, "routes.map")
        return "    use_backend %%[%s] if { %s -m found }" % (key, key)

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
