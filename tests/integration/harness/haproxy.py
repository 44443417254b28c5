# SPDX-License-Identifier: Apache-2.0
"""A real HAProxy in master-worker mode, supervised as an operator's unit would, and what can be asked of it."""
import os
import re
import signal
import socket
import threading

from .base import Ports, Process, http_call, wait_for, write_file

BINARY = "/usr/sbin/haproxy"

BASE = """\
global
    stats socket {stats} mode 600 level admin
    stats timeout 1m
    maxconn 4000
    nbthread 1
    hard-stop-after 15s

defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    retries 3
    option redispatch
    # without it a client that keeps its connection can meet its end at a reload
    option idle-close-on-response

frontend main
    bind 127.0.0.1:{port}
{routing}
    default_backend nothing

backend nothing
    http-request return status 404 content-type text/plain string "no such service"
"""


def dialog(path, command, timeout=5):
    """One command to a stats or master socket, the whole answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(path)
        s.sendall(command.encode() + b"\n")
        s.shutdown(socket.SHUT_WR)
        out = b""
        while True:
            part = s.recv(65536)
            if not part:
                return out.decode("utf-8", "replace")
            out += part


class HAProxy(Process):
    """routing: lines for the frontend; includes: what follows the base file by -f (files or folders)."""

    def __init__(self, folder, name, routing, includes, extra=""):
        super().__init__(name, folder)
        self.port = Ports.take()
        self.url = "http://127.0.0.1:%d" % self.port
        self.master_socket = os.path.join(self.dir, "master.sock")
        self.stats_socket = os.path.join(self.dir, "stats.sock")
        self.base = os.path.join(self.dir, "haproxy.cfg")
        self.routing, self.includes = routing, list(includes)
        self.configure(extra)
        self.supervised = False
        self.restarts = 0
        self._guard = None
        self._ended = threading.Event()
        self._lock = threading.RLock()

    def configure(self, extra=""):
        """The operator's own part of the configuration."""
        write_file(self.base, BASE.format(stats=self.stats_socket, port=self.port, routing=self.routing) + extra)

    def files(self):
        return [x for f in [self.base] + self.includes for x in ("-f", f)]

    def argv(self):
        return [BINARY, "-W", "-S", self.master_socket + ",mode,600"] + self.files()

    def check_command(self):
        """What an operator would write as checkConfigCommand."""
        return " ".join([BINARY, "-c"] + self.files())

    def good_ends(self):
        return (0, 143, -signal.SIGTERM, -signal.SIGINT, 130)

    def ready(self):
        return self.ask_proc()["worker"] and "Pid:" in self.cli("show info") and \
            http_call("GET", self.url + "/", timeout=2).status == 404

    def start(self, supervised=True):
        super().start()
        self.supervised = supervised
        if supervised:
            self._ended.clear()
            self._guard = threading.Thread(target=self._supervise, daemon=True)
            self._guard.start()
        return self

    def _supervise(self):
        """Starts it again when it ends by itself, as systemd would. A child dies with the thread that forked it
        (_die_with_parent), so this one lives until the child has been stopped."""
        while not self._ended.wait(0.05):
            with self._lock:
                if self.supervised and not self.running():
                    self.restarts += 1
                    self.spawn()

    def stop(self):
        self.supervised = False
        with self._lock:
            super().stop()
        if self._guard:
            self._ended.set()
            self._guard.join()
            self._guard = None

    def die(self):
        """kill -9 of the master; the supervisor, if any, brings it back."""
        with self._lock:
            self.signal(signal.SIGKILL)
            self.popen.wait()

    # What it says -------------------------------------------------------------------------------------------

    def cli(self, command):
        return dialog(self.stats_socket, command)

    def master(self, command):
        return dialog(self.master_socket, command)

    def show_proc(self):
        """{'reloads', 'failed', 'worker' (pid), 'old' [pids]}; the master answers nobody while it loads: waits."""
        def ask():
            rows = self.ask_proc()
            return rows if rows["worker"] else None
        return wait_for(ask, 10, self.name + ": show proc")

    def ask_proc(self):
        """The same, OSError while it loads."""
        text = self.master("show proc")
        if "master" not in text:
            raise OSError("master answers %r" % text)
        row = next(line for line in text.splitlines() if re.match(r"\d+\s+master", line))
        failed = re.search(r"\[failed: (\d+)\]", row)
        out = {"reloads": int(row.split()[2]), "failed": int(failed.group(1)) if failed else 0, "worker": None,
               "old": []}
        old = False
        for line in text.splitlines():
            if line.startswith("# old workers"):
                old = True
            m = re.match(r"(\d+)\s+worker", line)
            if m and old:
                out["old"].append(int(m.group(1)))
            elif m:
                out["worker"] = int(m.group(1))
        return out

    def reload(self):
        return self.master("reload")

    def fingerprint(self):
        m = re.search(r"value=<([^>]*)>", self.cli("get var proc.lockstep"))
        return m.group(1) if m else None

    def servers(self, backend=None):
        """{backend: sorted [address:port]} of the servers that may get traffic now."""
        out = {}
        text = self.cli("show servers state" + (" " + backend if backend else ""))
        for line in text.splitlines():
            f = line.split()
            if len(f) < 19 or not f[0].isdigit():
                continue
            rows = out.setdefault(f[1], [])
            if f[6] == "0":  # srv_admin_state: neither maintenance nor drain
                rows.append("%s:%s" % (f[4], f[18]))
        return {k: sorted(v) for k, v in out.items()}

    def get(self, path, timeout=5):
        """A request on a new connection: who answers."""
        return http_call("GET", self.url + "/" + path.lstrip("/"), timeout=timeout, headers={"Connection": "close"})

    def state(self):
        """What must not move when nothing was to be touched."""
        proc = self.show_proc()
        return {"reloads": proc["reloads"], "failed": proc["failed"], "worker": proc["worker"],
                "servers": self.servers(), "fingerprint": self.fingerprint(), "master": self.pid}
