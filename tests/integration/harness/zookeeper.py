# SPDX-License-Identifier: Apache-2.0
"""One small ZooKeeper (a JVM started directly, no system service) and a client that is not ours."""
import contextlib
import os
import shutil
import socket

from .base import Ports, Process, write_file


def jars():
    base = "/usr/share/java/"
    slf4j = [base + "slf4j-simple.jar"]
    return ":".join([base + "zookeeper.jar"] + [j for j in slf4j if os.path.exists(j)])


class ZooKeeper(Process):
    """Sessions can be as short as two ticks: tick 250 ms."""
    tick_ms = 250

    def __init__(self, folder, name="zookeeper"):
        super().__init__(name, folder)
        self.port = Ports.take()
        self.quorum = "127.0.0.1:%d" % self.port
        self.data = os.path.join(self.dir, "data")
        self.conf = write_file(os.path.join(self.dir, "zoo.cfg"), "\n".join([
            "tickTime=%d" % self.tick_ms, "dataDir=" + self.data, "clientPort=%d" % self.port,
            "clientPortAddress=127.0.0.1", "admin.enableServer=false", "4lw.commands.whitelist=*",
            "maxClientCnxns=0", ""]))

    def argv(self):
        return ["java", "-Xms32m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
                "-Dzookeeper.jmx.log4j.disable=true", "-Dzookeeper.preAllocSize=1024",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp", jars(), "org.apache.zookeeper.server.quorum.QuorumPeerMain", self.conf]

    def good_ends(self):
        return (0, 143)  # a JVM ends with 143 on SIGTERM

    def four(self, word, timeout=2):
        with socket.create_connection(("127.0.0.1", self.port), timeout) as s:
            s.settimeout(timeout)
            s.sendall(word.encode())
            out = b""
            while True:
                part = s.recv(65536)
                if not part:
                    return out.decode("utf-8", "replace")
                out += part

    def ready(self):
        # ruok says imok before it can serve; this line comes when it can.
        return "Mode:" in self.four("srvr")

    def wipe(self):
        shutil.rmtree(self.data, ignore_errors=True)

    @contextlib.contextmanager
    def client(self):
        """A kazoo client."""
        from kazoo.client import KazooClient
        zk = KazooClient(self.quorum, timeout=10)
        zk.start(10)
        try:
            yield zk
        finally:
            zk.stop()
            zk.close()
