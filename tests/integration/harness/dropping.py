# SPDX-License-Identifier: Apache-2.0
"""A way to the services that loses answers: each request arrives, what comes back does not."""
import socket
import threading

from .scheduler_wire import NoAnswer, read_answer


class Dropping:
    """The i-th request goes to targets[i % n] (ports; None: it does not even arrive), then the connection is closed.

    `before(i)` is called when the i-th request has come and before it goes on.
    """

    def __init__(self, targets, before=None):
        self.targets, self.before = targets, before
        self.requests, self.answers = [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(5)
                try:
                    self._one(sock)
                except (OSError, NoAnswer):
                    pass  # the service was killed under it

    def _one(self, sock):
        data = b""
        while b"\r\n\r\n" not in data:
            data += sock.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        length = next((int(row.split(b":")[1]) for row in head.split(b"\r\n") if row.startswith(b"Content-Length:")), 0)
        while len(body) < length:
            body += sock.recv(65536)
        i = len(self.requests)
        self.requests.append(head + b"\r\n\r\n" + body)
        if self.before:
            self.before(i)
        target = self.targets[i % len(self.targets)]
        if target is not None:
            with socket.create_connection(("127.0.0.1", target), 5) as onward:
                onward.sendall(self.requests[i])
                self.answers.append(read_answer(onward)[:2])

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
