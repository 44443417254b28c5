# SPDX-License-Identifier: Apache-2.0
"""The programs under test: lockstep-service and lockstep-agent, with the YAML they are given."""
import copy
import os
import shlex

from .base import BUILD, ROOT, Ports, Process, http_call, to_yaml, write_file

CONTEXT = "/baragon/v2"
AGENT_CONTEXT = "/baragon-agent/v2"
FINGERPRINT = "fingerprint.cfg"  # below the agent's rootPath


def merge(into, more):
    """Deep merge of dictionaries: a test changes one key without repeating its section."""
    for key, value in (more or {}).items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value
    return into


def daemon_env():
    env = dict(os.environ)
    env.setdefault("ASAN_OPTIONS", "detect_leaks=1:exitcode=99:allocator_may_return_null=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1:halt_on_error=1")
    supp = os.path.join(ROOT, "tests", "lint", "tsan.supp")
    env.setdefault("TSAN_OPTIONS", "exitcode=66:second_deadlock_stack=1" +
                   (":suppressions=" + supp if os.path.exists(supp) else ""))
    return env


class Daemon(Process):
    program = None
    context = None
    tls = None  # SSLContext of the tests' own calls

    def __init__(self, folder, name, port=None):
        super().__init__(name, folder)
        self.port = port or Ports.take()
        self.url = "http://127.0.0.1:%d%s" % (self.port, self.context)
        self.yaml = os.path.join(self.dir, self.program.split("-")[1] + ".yml")

    def argv(self):
        return shlex.split(os.environ.get("LOCKSTEP_WRAP", "")) + [os.path.join(BUILD, self.program), self.yaml]

    def env(self):
        return daemon_env()

    def settings(self):
        raise NotImplementedError

    def spawn(self):
        write_file(self.yaml, to_yaml(self.settings()))
        return super().spawn()

    def use_tls(self, context):
        self.tls = context
        self.url = self.url.replace("http://", "https://")

    def call(self, method, path, body=None, timeout=10, headers=None):
        return http_call(method, self.url + path, body, timeout, headers, self.tls)

    def status(self):
        return self.call("GET", "/status", timeout=3).json()

    def server_settings(self):
        return {"type": "simple", "applicationContextPath": self.context,
                "connector": {"type": "http", "bindHost": "127.0.0.1", "port": self.port}}


def zookeeper_settings(quorum, namespace, session_ms):
    return {"quorum": quorum, "zkNamespace": namespace, "sessionTimeoutMillis": session_ms,
            "connectTimeoutMillis": 2000}


class Service(Daemon):
    program = "lockstep-service"
    context = CONTEXT

    def __init__(self, folder, name, quorum, namespace, options=None):
        super().__init__(folder, name)
        self.quorum, self.namespace, self.options = quorum, namespace, options or {}

    def settings(self):
        return merge({
            "server": self.server_settings(),
            "hostname": "127.0.0.1",
            "zookeeper": zookeeper_settings(self.quorum, self.namespace, 4000),
        }, self.options)

    def ready(self):
        return self.status()["zookeeperState"] in ("CONNECTED", "RECONNECTED")

    def leads(self):
        try:
            return self.running() and self.status()["leader"]
        except (OSError, ValueError):
            return False


class Agent(Daemon):
    """templates: keys for the top of its YAML (templates, collectedTemplates)."""
    program = "lockstep-agent"
    context = AGENT_CONTEXT

    def __init__(self, folder, name, quorum, namespace, group, root, haproxy, templates, options=None):
        super().__init__(folder, name)
        self.quorum, self.namespace, self.group = quorum, namespace, group
        self.root, self.haproxy, self.templates = root, haproxy, templates
        self.options = options or {}
        self.id = "127.0.0.1:%d" % self.port
        self.master_socket, self.stats_socket = haproxy.master_socket, haproxy.stats_socket
        self.check_command = haproxy.check_command()

    def settings(self):
        return merge({
            "server": self.server_settings(),
            "hostname": "127.0.0.1",
            "zookeeper": zookeeper_settings(self.quorum, self.namespace, 2000),
            "loadBalancerConfig": {
                "name": self.group,
                "rootPath": self.root,
                "checkConfigCommand": self.check_command,
                # Not used while the sockets are set; an operator has it all the same.
                "reloadConfigCommand": "/bin/false",
                "haproxy": {"masterSocket": self.master_socket, "statsSocket": self.stats_socket,
                            "fingerprintFile": FINGERPRINT},
            },
            "heartbeatIntervalSeconds": 2,
        }, merge(copy.deepcopy(self.templates), self.options))

    def ready(self):
        return self.status()["agentState"] == "ACCEPTING"
