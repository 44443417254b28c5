# SPDX-License-Identifier: Apache-2.0
"""tests/golden/SET/CASE: state.json gives the files of expected/, byte by byte, and the load balancer takes them.

UPDATE_GOLDEN=1 writes what comes out as what is expected: read the difference before you commit it.
"""
import json
import os
import re
import shutil

import pytest

from harness.base import ROOT, read_file
from harness.shipped import ShippedHAProxy, ShippedNginx, copy_ca, make_certificates

GOLDEN = os.path.join(ROOT, "tests", "golden")
CASES = [(kind, case) for kind in sorted(os.listdir(GOLDEN)) for case in sorted(os.listdir(os.path.join(GOLDEN, kind)))]
BALANCERS = {"haproxy": ShippedHAProxy, "nginx": ShippedNginx}


@pytest.fixture(scope="module")
def authority(run_dir):
    return make_certificates(os.path.join(run_dir, "golden-ca"))[0]


def files_below(root):
    return {os.path.relpath(os.path.join(at, f), root): read_file(os.path.join(at, f))
            for at, _, files in os.walk(root) for f in files if not f.startswith(".")}


@pytest.mark.parametrize("kind,case", CASES, ids=["%s-%s" % c for c in CASES])
def test_golden(folder, authority, kind, case):
    at = os.path.join(GOLDEN, kind, case)
    balancer = BALANCERS[kind](folder)
    for name in ("ca-certificates.crt", "internal.pem"):
        copy_ca(balancer, authority, name)
    out = balancer.render(json.loads(read_file(os.path.join(at, "state.json"))), settings_of(at))
    assert out.returncode == 0, out.stderr
    got = files_below(balancer.root)
    expected = os.path.join(at, "expected")
    if os.environ.get("UPDATE_GOLDEN"):
        shutil.rmtree(expected, ignore_errors=True)
        shutil.copytree(balancer.root, expected, ignore=shutil.ignore_patterns(".*"))
    want = files_below(expected)
    assert sorted(got) == sorted(want)
    for name in want:
        assert got[name] == want[name], name
    check = balancer.check()
    assert check.returncode == 0 and "[warn" not in check.stdout.lower(), check.stdout


def settings_of(at):
    """What the case wants in the agent's YAML besides the templates."""
    path = os.path.join(at, "settings.json")
    return json.loads(read_file(path)) if os.path.exists(path) else None


def test_every_option_is_in_a_case_and_in_the_manual():
    """An option that a template reads stands in templates/README.md, and in some case of its set."""
    manual = read_file(os.path.join(ROOT, "templates", "README.md"))
    for kind in BALANCERS:
        folder = os.path.join(ROOT, "templates", kind)
        text = "".join(read_file(os.path.join(folder, f)) for f in os.listdir(folder) if f.endswith(".hbs"))
        options = set(re.findall(r"service\.options\.(\w+)", text))
        assert len(options) > 15
        states = "".join(read_file(os.path.join(GOLDEN, kind, c, "state.json")) for k, c in CASES if k == kind)
        for name in options:
            assert '"%s":' % name in states, (kind, name)
            assert "`%s`" % name in manual or "`%s:" % name in manual, (kind, name)
