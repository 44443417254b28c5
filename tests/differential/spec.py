# The cases of the public Mustache specification, from Debian's package of an R library that carries them.
# SPDX-License-Identifier: Apache-2.0
import glob
import os
import subprocess

import yaml

PACKAGE = "r-cran-whisker"
FILES = "usr/lib/R/site-library/whisker/specs"
# Not in Handlebars: {{=<% %>=}}, and functions in the data.
LEFT_OUT = ("delimiters.yml", "lambdas.yml")


def fetch(folder):
	"""Only unpacked: installing it would bring R along."""
	os.makedirs(folder, exist_ok=True)
	if not glob.glob(os.path.join(folder, "root", FILES, "*.yml")):
		command = ["apt-get", "download", "-q", PACKAGE]
		done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
		if done.returncode != 0 and os.getuid() == 0:
			subprocess.run(["apt-get", "update", "-q"], capture_output=True)
			done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
		packages = glob.glob(os.path.join(folder, PACKAGE + "_*.deb"))
		if done.returncode != 0 or not packages:
			raise SystemExit("the Mustache specification is not to be had: apt-get download %s: %s"
				% (PACKAGE, done.stderr.strip()))
		subprocess.run(["dpkg-deb", "-x", packages[0], os.path.join(folder, "root")], check=True)
	return os.path.join(folder, "root", FILES)


def pairs(folder):
	"""(title, pair, what must come out)"""
	out = []
	for path in sorted(glob.glob(os.path.join(fetch(folder), "*.yml"))):
		if os.path.basename(path) in LEFT_OUT:
			continue
		with open(path, encoding="utf-8") as f:
			tests = yaml.safe_load(f)["tests"]
		for test in tests:
			out.append(("%s: %s" % (os.path.basename(path), test["name"]), {"template": test["template"],
				"data": test["data"], "partials": test.get("partials", {}), "level": "lockstep",
				"output": "html", "control": True}, test["expected"]))
	return out
