# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy before an agent: writes down what a leader asks of it, can hold its calls, and fail some."""
import collections
import contextlib
import http.server
import json
import threading

from .base import Ports, http_call, wait_for

Call = collections.namedtuple("Call", "type batch items status outcome")


class Recorder:
    """Its base URI goes into the agent's `baseUrlTemplate`; calls are those of POST …/lockstep/batch that were answered."""

    def __init__(self, context):
        self.target = None  # http://127.0.0.1:port of the agent
        self.calls, self.waiting, self.failing = [], [], 0
        self.lock, self.gate = threading.Lock(), threading.Event()
        self.gate.set()
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                recorder.pass_on(self, body)

            do_GET = do_POST = do_PUT = do_DELETE = handle_any

            def log_message(self, *args):
                pass

        self.port = Ports.take()
        self.url = "http://127.0.0.1:%d%s" % (self.port, context)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.gate.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def pass_on(self, handler, body):
        batch = json.loads(body) if handler.path.partition("?")[0].endswith("/lockstep/batch") else None
        if batch:
            with self.lock:
                self.waiting.append(batch)
            self.gate.wait()
        with self.lock:
            fails = batch is not None and self.failing > 0
            self.failing -= fails
        if fails:
            status, data, kind = 503, b'{"code":503,"message":"not now"}', "application/json"
        else:
            headers = {k: v for k, v in handler.headers.items() if k.lower() in ("content-type", "authorization")}
            answer = http_call(handler.command, self.target + handler.path, body or None, headers=headers)
            status, data, kind = answer.status, answer.body, answer.headers.get("content-type")
        if batch:
            with self.lock:
                self.calls.append(Call(batch["type"], batch["batch"], [i["requestId"] for i in batch["items"]], status,
                                       json.loads(data).get("outcome")))
        with contextlib.suppress(OSError):  # a leader that has given up the call
            handler.send_response(status)
            if kind:
                handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

    # What a test says -------------------------------------------------------------------------------------------

    def forget(self):
        with self.lock:
            self.calls, self.waiting = [], []

    def fail_next(self, n):
        """The next n calls are answered 503 and do not reach the agent."""
        with self.lock:
            self.failing = n

    @contextlib.contextmanager
    def held(self):
        """Calls come in, and wait until the end of the block."""
        self.gate.clear()
        try:
            yield self
        finally:
            self.gate.set()

    def wait_asked(self, request_id):
        """Until a leader has asked something of this request, answered or not."""
        wait_for(lambda: any(i["requestId"] == request_id for b in list(self.waiting) for i in b["items"]), 15,
                 "a call with " + request_id)

    def about(self, request_id):
        return [c for c in list(self.calls) if request_id in c.items]
