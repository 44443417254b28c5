# SPDX-License-Identifier: Apache-2.0
"""Certificates as an operator makes them with openssl, each from a CA of the test's own."""
import os
import ssl
import subprocess


class Authority:
    def __init__(self, folder, name):
        self.dir = os.path.join(folder, name)
        os.makedirs(self.dir)
        self.file = self._make("ca", ["-addext", "keyUsage=critical,keyCertSign"])["certificate"]

    def _make(self, name, more):
        crt, key = (os.path.join(self.dir, name + end) for end in (".pem", ".key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=" + name, "-out", crt, "-keyout", key] + more,
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
        return {"certificate": crt, "key": key}

    def issue(self, name, address="127.0.0.1", usage="serverAuth,clientAuth"):
        """{certificate, key}: names of the files."""
        return self._make(name, ["-CA", self.file, "-CAkey", os.path.join(self.dir, "ca.key"),
                                 "-addext", "basicConstraints=critical,CA:FALSE",
                                 "-addext", "subjectAltName=IP:" + address, "-addext", "extendedKeyUsage=" + usage])

    def context(self, files=None):
        """For a client that believes this CA and shows this certificate."""
        context = ssl.create_default_context(cafile=self.file)
        if files:
            context.load_cert_chain(files["certificate"], files["key"])
        return context
