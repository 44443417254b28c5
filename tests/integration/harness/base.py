# SPDX-License-Identifier: Apache-2.0
"""What every part stands on: waiting, ports, folders, processes with logs, YAML and HTTP without libraries."""
import ctypes
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
# The programs under test: build/, or build/asan and so on.
BUILD = os.path.join(ROOT, os.environ.get("LOCKSTEP_BUILD", "build"))
TOOLS = os.path.join(ROOT, "build", "tools")
# Sanitizers and valgrind make everything slower; deadlines of the tests are stretched by this.
SLOW = float(os.environ.get("LOCKSTEP_SLOW", "1"))
REPORTS = re.compile(
    r"ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error:|SUMMARY: \w+Sanitizer|ASSERT|assertion failed", re.I)


class Timeout(AssertionError):
    pass


def wait_for(condition, timeout, what, every=0.02):
    """Poll until condition() is true and return its value; an exception of the last try is shown."""
    deadline = time.monotonic() + timeout * SLOW
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (OSError, http.client.HTTPException, ValueError) as e:
            last = e
        if time.monotonic() > deadline:
            raise Timeout("not within %g s: %s (last: %r)" % (timeout, what, last))
        time.sleep(every)


# Ports ------------------------------------------------------------------------------------------------------

class Ports:
    """Ports that stay ours between two lives of a process.

    They lie outside the range from which the kernel takes source ports, so that no outgoing connection can sit
    on one while its owner restarts; an abstract socket per port is the lock against other runs on the machine
    and ends with us by itself.
    """
    _locks = {}

    @classmethod
    def take(cls):
        with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
            low = int(f.read().split()[0])
        span = range(10000, low) if low > 12000 else range(61000, 65500)
        for port in random.SystemRandom().sample(span, min(len(span), 2000)):
            lock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                lock.bind("\0lockstep-port-%d" % port)
                with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                    probe.bind(("127.0.0.1", port))
            except OSError:
                lock.close()
                continue
            cls._locks[port] = lock
            return port
        raise RuntimeError("no free port")

    @classmethod
    def release(cls, port):
        cls._locks.pop(port).close()

    @classmethod
    def release_all(cls):
        for port in list(cls._locks):
            cls.release(port)


# Folders ----------------------------------------------------------------------------------------------------

def make_dir(prefix="lockstep-"):
    """A short path: names of Unix sockets below it must fit 107 bytes."""
    return tempfile.mkdtemp(prefix=prefix, dir=os.environ.get("LOCKSTEP_TMP", "/tmp"))


def remove_dir(path):
    shutil.rmtree(path, ignore_errors=True)


def write_file(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def read_file(path):
    with open(path, errors="surrogateescape") as f:
        return f.read()


def tail(path, lines=40):
    try:
        with open(path, errors="replace") as f:
            return "".join(f.readlines()[-lines:])
    except OSError as e:
        return str(e)


# YAML -------------------------------------------------------------------------------------------------------

def to_yaml(value, indent=0):
    """Enough YAML for settings: readable in the demo, and no library needed."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        return "".join(pad + k + ":" + _yaml_inline(v, indent) for k, v in value.items())
    if isinstance(value, list) and value:
        out = ""
        for v in value:
            body = to_yaml(v, indent + 1) if isinstance(v, (dict, list)) and v else None
            out += pad + "- " + (body[len(pad) + 2:] if body else _yaml_scalar(v) + "\n")
        return out
    return pad + _yaml_scalar(value) + "\n"


def _yaml_inline(v, indent):
    if isinstance(v, (dict, list)) and v:
        return "\n" + to_yaml(v, indent + 1)
    if isinstance(v, str) and "\n" in v and v.endswith("\n") and not v.startswith((" ", "\t", "\n")) \
            and not v.endswith("\n\n"):
        pad = "  " * (indent + 1)
        return " |\n" + "".join((pad + line if line else "") + "\n" for line in v[:-1].split("\n"))
    return " " + _yaml_scalar(v) + "\n"


def _yaml_scalar(v):
    if isinstance(v, str) and re.fullmatch(r"[A-Za-z/][A-Za-z0-9_./-]*", v) \
            and v.lower() not in ("true", "false", "yes", "no", "null", "on", "off", "y", "n"):
        return v
    return json.dumps(v)


# HTTP -------------------------------------------------------------------------------------------------------

class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "<%d %s>" % (self.status, self.text[:300])


def http_call(method, url, body=None, timeout=10, headers=None, tls=None):
    """One request on a connection of its own. `body`: bytes go as they are, anything else as JSON; `tls`: an SSLContext."""
    u = urllib.parse.urlsplit(url)
    if u.scheme == "https":
        conn = http.client.HTTPSConnection(u.hostname, u.port, timeout=timeout * SLOW, context=tls)
    else:
        conn = http.client.HTTPConnection(u.hostname, u.port, timeout=timeout * SLOW)
    send = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
    if body is not None:
        send.setdefault("Content-Type", "application/json")
    try:
        conn.request(method, u.path + ("?" + u.query if u.query else ""), body, send)
        res = conn.getresponse()
        return Answer(res.status, {k.lower(): v for k, v in res.getheaders()}, res.read())
    finally:
        conn.close()


# Processes --------------------------------------------------------------------------------------------------

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG: nothing outlives a killed test run


class Process:
    """A child with a log. Sub-classes give argv() and, if it has one, ready()."""
    start_timeout = 20
    stop_timeout = 10

    def __init__(self, name, folder):
        self.name = name
        self.dir = os.path.join(folder, name)
        os.makedirs(self.dir, exist_ok=True)
        self.log = os.path.join(folder, name + ".log")
        self.popen = None
        self.frozen = False
        self.asked = False      # SIGTERM was sent
        self.unexpected = []  # ends nobody asked for

    def argv(self):
        raise NotImplementedError

    def env(self):
        return dict(os.environ)

    def ready(self):
        return True

    @property
    def pid(self):
        return self.popen.pid if self.popen else None

    def running(self):
        return self.popen is not None and self.popen.poll() is None

    def spawn(self):
        assert not self.running(), self.name + " already runs"
        with open(self.log, "ab") as log:
            # A session of its own: Ctrl-C reaches us only, and we stop the others in order.
            self.popen = subprocess.Popen(
                self.argv(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env(),
                cwd=self.dir, start_new_session=True, preexec_fn=_die_with_parent)
        self.frozen = False
        return self

    def start(self):
        self.spawn()
        self.wait_ready()
        return self

    def wait_ready(self, timeout=None):
        def check():
            if not self.running():
                raise RuntimeError("%s ended with %s while starting\n%s" % (
                    self.name, self.popen.returncode, tail(self.log)))
            return self.ready()
        wait_for(check, timeout or self.start_timeout, self.name + " ready")

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()

    def signal(self, sig):
        if self.running():
            os.kill(self.pid, sig)

    def freeze(self):
        self.signal(signal.SIGSTOP)
        self.frozen = True

    def thaw(self):
        self.signal(signal.SIGCONT)
        self.frozen = False

    def kill(self):
        """kill -9."""
        self.note_end()
        self.signal(signal.SIGKILL)
        if self.popen:
            self.popen.wait()
            self.popen = None

    def ask_to_stop(self):
        """SIGTERM; stop() waits. Several can so end at the same time."""
        if self.running():
            if self.frozen:
                self.thaw()
            self.signal(signal.SIGTERM)
            self.asked = True

    def stop(self):
        """SIGTERM, and the time to end by itself; ends with kill -9 if it does not, which is a failure."""
        if not self.asked:
            self.note_end()
            self.ask_to_stop()
        if self.asked:
            try:
                rc = self.popen.wait(self.stop_timeout * SLOW)
                if rc not in self.good_ends():
                    self.unexpected.append("%s ended with %s on SIGTERM" % (self.name, rc))
            except subprocess.TimeoutExpired:
                self.unexpected.append("%s did not end within %g s of SIGTERM" % (self.name, self.stop_timeout))
                self.popen.kill()
                self.popen.wait()
        self.asked = False
        self.popen = None

    def good_ends(self):
        return (0,)

    def note_end(self):
        """Remember an end that nobody asked for."""
        if self.popen and self.popen.poll() is not None:
            self.unexpected.append("%s ended by itself with %s" % (self.name, self.popen.returncode))

    def complaints(self):
        """What must not be in any run: unexpected ends, sanitizer reports, failed assertions."""
        self.note_end()
        out = list(self.unexpected)
        try:
            with open(self.log, errors="replace") as f:
                for n, line in enumerate(f, 1):
                    if REPORTS.search(line):
                        out.append("%s, line %d of its log: %s" % (self.name, n, line.strip()))
        except FileNotFoundError:
            pass
        return out
