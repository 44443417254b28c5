# SPDX-License-Identifier: Apache-2.0
"""The templates we ship, rendered and loaded by a real HAProxy or nginx in the example configurations."""
import http.server
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading

from .base import BUILD, ROOT, SLOW, Ports, Process, http_call, read_file, to_yaml, write_file

GROUP = "web"
TEMPLATES = os.path.join(ROOT, "templates")
SETS = {"haproxy": {"backends.cfg": "backends.cfg.hbs", "routes.map": "routes.map.hbs"},
        "nginx": {"proxy/%s.conf": "proxy.conf.hbs", "upstreams/%s.conf": "upstreams.conf.hbs"}}


def render(root, services, kind="haproxy", settings=None):
    """The shipped templates of a set into `root`, as an agent with these more settings would; its exit status and
    words. What was there goes."""
    key = "templates" if kind == "nginx" else "collectedTemplates"
    shutil.rmtree(root, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="ls-", dir=os.environ.get("LOCKSTEP_TMP", "/tmp")) as folder:
        yaml = {"zookeeper": {"quorum": "127.0.0.1:1", "zkNamespace": "none"}, "hostname": "127.0.0.1",
                "loadBalancerConfig": {"name": GROUP, "rootPath": root, "checkConfigCommand": "true",
                                   "reloadConfigCommand": "true"},
                key: [{"filename": name, "templateFile": os.path.join(TEMPLATES, kind, text)}
                      for name, text in SETS[kind].items()]}
        yaml.update(settings or {})
        return subprocess.run(
            [os.path.join(BUILD, "lockstep-agent"), "--render", "--out", root,
             "--state", write_file(os.path.join(folder, "state.json"), json.dumps(services)),
             write_file(os.path.join(folder, "agent.yml"), to_yaml(yaml))],
            stderr=subprocess.PIPE, universal_newlines=True, timeout=60 * SLOW)


def blamed(out):
    """{service: why it was not rendered}"""
    return dict(re.findall(r"^lockstep-agent: service '([^']*)': (.*)$", out.stderr, re.M))


def service(name, path, upstreams, more=(), domains=(), options=None):
    """A state as GET /state gives it; an upstream is its address, or (address, group)."""
    rows = [{"upstream": u} if isinstance(u, str) else {"upstream": u[0], "group": u[1]} for u in upstreams]
    return {"service": {"serviceId": name, "owners": [], "serviceBasePath": path, "additionalPaths": list(more),
                        "loadBalancerGroups": [GROUP], "options": options, "domains": list(domains)},
            "upstreams": rows}


class _Shipped(Process):
    """A load balancer with the example configuration, its places and port replaced by ours."""
    kind = None
    config = None

    def __init__(self, folder, name):
        super().__init__(name, folder)
        self.root = os.path.join(folder, "managed")
        self.port = Ports.take()
        text = read_file(os.path.join(TEMPLATES, self.kind, self.config))
        for was, now in self.replaced():
            assert was in text
            text = text.replace(was, now)
        self.base = write_file(os.path.join(self.dir, self.config), text)

    def replaced(self):
        raise NotImplementedError

    def render(self, services, settings=None):
        return render(self.root, services, self.kind, settings)

    def load(self, services):
        """Render, which must work and pass the check without a warning; then it can be entered."""
        out = self.render(services)
        assert out.returncode == 0, out.stderr
        check = self.check()
        assert check.returncode == 0 and "[warn" not in check.stdout.lower(), check.stdout
        return self

    def check(self):
        return subprocess.run(self.check_argv(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=20, cwd=self.dir)

    def ready(self):
        return http_call("GET", "http://127.0.0.1:%d/none-of-ours" % self.port, timeout=2).status == 404

    def call(self, path, host="other.org", method="GET", headers=None):
        return http_call(method, "http://127.0.0.1:%d%s" % (self.port, path), headers=dict({"Host": host}, **headers or {}))

    def nobody(self, answer):
        """No service is at that path."""
        raise NotImplementedError

    def get(self, path, host="other.org"):
        """Who answers; None: no service is there, a number: that status."""
        answer = self.call(path, host)
        if self.nobody(answer):
            return None
        return answer.text.strip() if answer.status == 200 else answer.status


class ShippedHAProxy(_Shipped):
    kind = "haproxy"
    config = "haproxy.cfg"

    def __init__(self, folder, name="haproxy"):
        super().__init__(folder, name)
        self.ca = os.path.join(self.dir, "ca")
        self.stats = os.path.join(self.dir, "stats.sock")

    def replaced(self):
        return (("bind :80", "bind 127.0.0.1:%d" % self.port),
                ("/run/haproxy/stats.sock", os.path.join(self.dir, "stats.sock")),
                ("/etc/haproxy/ca", os.path.join(self.dir, "ca")),
                ("/etc/haproxy/lockstep/routes.map", os.path.join(self.root, "routes.map")))

    def argv(self):
        return ["/usr/sbin/haproxy", "-W", "-f", self.base, "-f", os.path.join(self.root, "backends.cfg")]

    def check_argv(self):
        return self.argv() + ["-c"]

    def good_ends(self):
        return (0, 143, -signal.SIGTERM)

    def nobody(self, answer):
        return answer.status == 404 and answer.text == "no service is at this path\n"


class ShippedNginx(_Shipped):
    kind = "nginx"
    config = "nginx.conf"

    def __init__(self, folder, name="nginx"):
        super().__init__(folder, name)
        self.ca = os.path.join(self.dir, "ca")
        for sub in ("proxy", "upstreams"):
            os.makedirs(os.path.join(self.root, sub), exist_ok=True)

    def replaced(self):
        temps = "".join("    %s_temp_path %s;\n" % (t, os.path.join(self.dir, t))
                        for t in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return (("listen 80 default_server", "listen 127.0.0.1:%d default_server" % self.port),
                ("worker_processes auto;", "worker_processes 1;\ndaemon off;"),
                ("/run/nginx.pid", os.path.join(self.dir, "nginx.pid")),
                ("error_log /var/log/nginx/error.log warn", "error_log stderr warn"),
                ("access_log /var/log/nginx/access.log combined;", "access_log off;\n" + temps),
                ("/etc/nginx/lockstep", self.root))

    def argv(self):
        return ["/usr/sbin/nginx", "-p", self.dir, "-c", self.base]

    def check_argv(self):
        return self.argv() + ["-t"]

    def nobody(self, answer):
        return answer.status == 404


class Echo:
    """An HTTP server in a thread of ours that answers with the request it got, as JSON; `certificate` (a pair of
    files) makes it TLS."""

    def __init__(self, name, certificate=None):
        owner = self
        self.name, self.seen, self.names, self.status = name, [], [], 200
        self.response_headers = {}

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                row = {"name": owner.name, "method": self.command, "path": self.path, "version": self.request_version,
                       "headers": [[k, v] for k, v in self.headers.items()]}
                owner.seen.append(row)
                body = b"" if self.command == "HEAD" else json.dumps(row).encode()
                self.send_response(owner.status)
                for k, v in owner.response_headers.items():
                    self.send_header(k, v)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_HEAD = do_OPTIONS = do_GET

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, client_address):
                pass  # a peer that refuses our certificate hangs up

        self.server = Server(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            context.sni_callback = lambda sock, name, ctx: self.names.append(name)
            # in the connection's thread, not in accept(): one slow peer must not hold the others
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.address = "127.0.0.1:%d" % self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def headers_of(answer, name):
    """The values of a header in what an Echo saw."""
    return [v for k, v in answer.json()["headers"] if k.lower() == name.lower()]


def make_certificates(folder, names=("shop.internal",)):
    """ca.pem, and a certificate for these names signed by it: (ca, certificate, key)."""
    os.makedirs(folder, exist_ok=True)
    at = lambda f: os.path.join(folder, f)  # noqa: E731

    def run(*args):
        subprocess.run(("openssl",) + args, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=20)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *key, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-days", "2", "-subj", "/CN=test-ca")
    run("req", *key, "-keyout", at("server.key"), "-out", at("server.csr"), "-subj", "/CN=" + names[0])
    write_file(at("names"), "subjectAltName=" + ",".join("DNS:" + n for n in names) + "\n")
    run("x509", "-req", "-in", at("server.csr"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial",
        "-out", at("server.pem"), "-days", "2", "-extfile", at("names"))
    return at("ca.pem"), at("server.pem"), at("server.key")


def copy_ca(balancer, ca, name):
    """Into the operator's folder of certificates."""
    os.makedirs(balancer.ca, exist_ok=True)
    shutil.copy(ca, os.path.join(balancer.ca, name))
