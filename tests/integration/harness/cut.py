# SPDX-License-Identifier: Apache-2.0
"""Things put between two processes: a TCP proxy that misbehaves, a tap on a Unix socket that hears and holds."""
import contextlib
import os
import select
import socket
import threading
import time

from .base import Ports


def _close(*socks):
    for s in socks:
        with contextlib.suppress(OSError):
            s.close()


def _reset(s):
    """Close with RST, as a peer that is gone."""
    with contextlib.suppress(OSError):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    _close(s)


class Relay:
    """Accepts on one listener and copies bytes both ways; sub-classes decide what passes."""

    def __init__(self, listener):
        self.listener = listener
        self.pairs = set()
        self.lock = threading.Lock()
        self.closing = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def connect(self):
        raise NotImplementedError

    def passes(self, data, upward):
        """Bytes to hand on; may block. None ends the connection."""
        return data

    def _accept(self):
        while not self.closing:
            try:
                if not select.select([self.listener], [], [], 0.1)[0]:
                    continue
                client, _ = self.listener.accept()
            except (OSError, ValueError):
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            server = self.connect()
        except OSError:
            server = None
        if server is None:
            _reset(client)
            return
        pair = (client, server)
        with self.lock:
            self.pairs.add(pair)
        down = threading.Thread(target=self._copy, args=(server, client, False), daemon=True)
        down.start()
        self._copy(client, server, True)
        down.join()
        with self.lock:
            self.pairs.discard(pair)
        _close(client, server)

    def _copy(self, src, dst, upward):
        try:
            while True:
                data = src.recv(65536)
                if not data:
                    dst.shutdown(socket.SHUT_WR)
                    return
                data = self.passes(data, upward)
                if data is None:
                    break
                dst.sendall(data)
        except OSError:
            pass
        for s in (src, dst):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def cut_all(self):
        """End every connection now, with RST."""
        with self.lock:
            pairs = list(self.pairs)
        for client, server in pairs:
            for s in (client, server):
                with contextlib.suppress(OSError):
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    s.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.closing = True
        _close(self.listener)
        self.cut_all()
        self.thread.join()


class Cut(Relay):
    """TCP proxy to a port of ours. mode: pass, reject (RST at once), drop (nothing comes through), delay."""

    def __init__(self, target_port):
        self.target_port = target_port
        self.port = Ports.take()
        self.mode = "pass"
        self.delay = 0.0
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(128)
        super().__init__(listener)

    def connect(self):
        if self.mode == "reject":
            return None
        return socket.create_connection(("127.0.0.1", self.target_port), 5)

    def passes(self, data, upward):
        if self.mode == "reject":
            return None
        if self.mode == "delay":
            time.sleep(self.delay)
        while self.mode == "drop" and not self.closing:
            time.sleep(0.01)
        return data

    @contextlib.contextmanager
    def rejecting(self):
        self.mode = "reject"
        self.cut_all()
        try:
            yield
        finally:
            self.mode = "pass"

    @contextlib.contextmanager
    def dropping(self):
        self.mode = "drop"
        try:
            yield
        finally:
            self.mode = "pass"
            self.cut_all()  # what was swallowed stays swallowed


class Tap(Relay):
    """A Unix socket in front of another one: remembers every command, and can hold those that contain a word."""

    def __init__(self, path, target):
        self.path, self.target = path, target
        self.heard = []
        self.held = threading.Event()    # something is being held
        self._word = None
        self._go = threading.Event()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen(64)
        super().__init__(listener)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(5)
        try:
            s.connect(self.target)
        except OSError:
            s.close()
            raise
        s.settimeout(None)
        return s

    def passes(self, data, upward):
        if upward:
            text = data.decode("utf-8", "replace")
            self.heard.append(text)
            if self._word and self._word in text:
                self.held.set()
                self._go.wait()
                if self.closing:
                    return None
        return data

    def hold(self, word):
        self.held.clear()
        self._go.clear()
        self._word = word

    def release(self):
        self._word = None
        self._go.set()

    def commands_but_reads(self):
        """What could have changed something."""
        reads = ("show ", "get ", "@1 show", "help", "prompt")
        lines = [c.strip() for text in self.heard for line in text.split("\n") for c in line.split(";")]
        return [c for c in lines if c and not c.startswith(reads)]

    def stop(self):
        self.closing = True
        self._go.set()
        super().stop()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
