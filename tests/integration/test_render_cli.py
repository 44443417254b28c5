# SPDX-License-Identifier: Apache-2.0
"""lockstep-agent --render: the files of an agent, from a state file or from ZooKeeper, with nothing else touched."""
import json
import os
import subprocess

import pytest

from harness.base import BUILD, SLOW, make_dir, read_file, remove_dir, to_yaml, write_file
from harness.daemons import FINGERPRINT, daemon_env, merge
from harness.inotify import Watcher, snapshot

AGENT = os.path.join(BUILD, "lockstep-agent")
MORE = {
    "heartbeatIntervalSeconds": 600,
    "templates": [{"filename": "own/%s.txt", "mode": "0600",
                   "template": "{{service.serviceId}}\n{{#each upstreams}}  {{upstream}}\n{{/each}}"}],
    "groupTemplates": [{"filename": "group.txt", "template": "{{#each services}}{{service.serviceId}} {{/each}}\n"}],
}


def run(*args, stdin=None):
    done = subprocess.run([AGENT] + list(args), input=stdin, capture_output=True, text=True, env=daemon_env(),
                          timeout=50 * SLOW)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done


def files_below(root):
    out = {}
    for folder, dirs, names in os.walk(root):
        dirs[:] = [d for d in dirs if d != ".lockstep"]
        for name in names:
            path = os.path.join(folder, name)
            out[os.path.relpath(path, root)] = read_file(path)
    return out


def printed(text):
    """What was printed, by file."""
    out, name = {}, None
    for line in text.splitlines(keepends=True):
        if line.startswith("==> ") and line.endswith(" <==\n"):
            name = line[4:-5]
            assert name not in out
            out[name] = ""
        else:
            out[name] += line
    return out


def tree(client, path):
    """Every node below path: data and all that a write would change."""
    data, stat = client.get(path)
    out = {path: (data, stat.czxid, stat.mzxid, stat.pzxid, stat.version, stat.cversion, stat.ephemeralOwner)}
    for name in client.get_children(path):
        out.update(tree(client, path.rstrip("/") + "/" + name))
    return out


def service(name, group="web", **more):
    return merge({"service": {"serviceId": name, "owners": [], "serviceBasePath": "/" + name,
                              "loadBalancerGroups": [group], "options": {}},
                  "upstreams": [{"upstream": "10.0.0.1:80"}]}, more)


@pytest.fixture
def alone(folder):
    """A YAML without anything around it, and a state file."""
    class Alone:
        root = os.path.join(folder, "never-made")
        yaml = os.path.join(folder, "agent.yml")
        state = os.path.join(folder, "state.json")

        def settings(self, **more):
            write_file(self.yaml, to_yaml(merge({
                "hostname": "127.0.0.1", "zookeeper": {"quorum": "127.0.0.1:1", "zkNamespace": "none"},
                "loadBalancerConfig": {"name": "web", "rootPath": self.root, "checkConfigCommand": "/bin/false",
                                       "reloadConfigCommand": "/bin/false"}}, more)))
            return self

        def states(self, *rows):
            write_file(self.state, json.dumps(rows))
            return self

        def render(self, *args):
            return run("--render", "--state", self.state, *args, self.yaml)

        def line_of(self, text):
            return 1 + read_file(self.yaml).split("\n").index(text)

    a = Alone().settings(**MORE).states(service("b"), service("a"))
    yield a
    assert not os.path.exists(a.root)


def test_it_is_what_an_agent_publishes(make_cluster, folder):
    cluster = make_cluster(agents=1, agent_options=MORE).start()
    host = cluster.hosts[0]
    names = cluster.upstreams.names
    cluster.deploy("shop", names[:2])
    cluster.deploy("cart", names[2:3])
    published = files_below(host.root)
    del published[FINGERPRINT]
    assert published["own/shop.txt"].startswith("shop\n  127.0.0.1:") and published["group.txt"] == "cart shop \n"
    assert "cart" in published["backends.cfg"] and "shop" in published["backends.cfg"]
    before, watcher = snapshot(host.root), Watcher(host.root)
    state = cluster.call("GET", "/state").body.decode()
    write_file(os.path.join(folder, "state.json"), state)

    out = os.path.join(folder, "out", "new")
    done = run("--render", "--state", os.path.join(folder, "state.json"), "--out", out, host.agent.yaml)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert files_below(out) == published
    assert os.stat(out + "/own/shop.txt").st_mode & 0o777 == 0o600
    assert os.stat(out + "/group.txt").st_mode & 0o777 == 0o644
    assert os.stat(host.root + "/own/shop.txt").st_mode & 0o777 == 0o600

    done = run("--render", "--state", "-", host.agent.yaml, stdin=state)
    assert (done.returncode, done.stderr) == (0, "") and printed(done.stdout) == published

    # and from the live namespace, which it does not change
    with cluster.zk.client() as zk:
        nodes = tree(zk, "/" + cluster.namespace)
        done = run("--render", host.agent.yaml)
        assert (done.returncode, done.stderr) == (0, "") and printed(done.stdout) == published
        done = run("--render", "--service", "cart", host.agent.yaml)
        assert (done.returncode, done.stderr) == (0, "")
        assert printed(done.stdout)["own/cart.txt"] == published["own/cart.txt"]
        assert tree(zk, "/" + cluster.namespace) == nodes
        # nor one that is not there
        write_file(os.path.join(folder, "typo.yml"),
                   read_file(host.agent.yaml).replace(cluster.namespace, "not-there"))
        done = run("--render", os.path.join(folder, "typo.yml"))
        assert done.returncode == 1 and "zookeeper has no namespace '/not-there'" in done.stderr
        assert zk.exists("/not-there") is None

    assert watcher.events() == [] and snapshot(host.root) == before
    watcher.close()
    assert host.agent.status()["agentState"] == "ACCEPTING"


def test_one_service(alone):
    alone.states(service("b"), service("a"), service("bad", service={"options": {"v": "x\ny"}}), service("z", "other"))
    alone.settings(**merge(dict(MORE), {"collectedTemplates": [
        {"filename": "all.cfg", "header": "# head", "footer": "# foot", "shards": 1,
         "template": "backend {{service.serviceId}}\n    # {{service.options.v}}\n"}]}))
    done = alone.render("--service", "b")
    assert (done.returncode, done.stderr) == (0, "")
    assert printed(done.stdout) == {"all.cfg": "backend b\n    # \n", "own/b.txt": "b\n  10.0.0.1:80\n"}
    # what is wrong with another one does not matter; of all, it does
    done = alone.render("--service", "bad")
    assert done.returncode == 1 and done.stdout == "" and "service 'bad': all.cfg:2:" in done.stderr
    done = alone.render()
    assert done.returncode == 1 and done.stdout == "" and "service 'bad': all.cfg:2:" in done.stderr
    for name in ("z", "nobody"):
        done = alone.render("--service", name)
        assert done.returncode == 1 and "there is no service '%s' in group 'web'" % name in done.stderr


def test_every_blamed_service_is_said(alone, folder):
    alone.states(service("b", service={"templateName": "none"}), service("ok"), service("a", service={"templateName": "x"}))
    out = os.path.join(folder, "out")
    done = alone.render("--out", out)
    assert done.returncode == 1
    assert "service 'a': MissingTemplateException : Template x could not be found" in done.stderr
    assert "service 'b': MissingTemplateException : Template none could not be found" in done.stderr
    assert "service 'ok'" not in done.stderr and not os.path.exists(out)


def test_folders_it_does_not_write_to(alone, folder):
    full = os.path.join(folder, "full")
    write_file(full + "/x", "mine")
    done = alone.render("--out", full)
    assert done.returncode == 1 and "is not empty" in done.stderr and os.listdir(full) == ["x"]
    done = alone.render("--out", full + "/x")
    assert done.returncode == 1 and read_file(full + "/x") == "mine"
    root = make_dir()
    try:
        alone.settings(**merge(dict(MORE), {"loadBalancerConfig": {"rootPath": root}}))
        for out in (root, root + "/below/it"):
            done = alone.render("--out", out)
            assert done.returncode == 1 and "is in rootPath" in done.stderr and os.listdir(root) == []
    finally:
        remove_dir(root)


def test_states_it_cannot_read(alone):
    for text, message in (("{", alone.state), ("[{\"upstreams\":[]}]", "[0].service: may not be null"),
                          ("[{\"service\":{\"serviceId\":\"a\"}}]", "[0].service.owners: may not be null")):
        write_file(alone.state, text)
        done = alone.render()
        assert done.returncode == 1 and done.stdout == "" and message in done.stderr, text
    os.unlink(alone.state)
    done = alone.render()
    assert done.returncode == 1 and alone.state in done.stderr


def test_wrong_usage(alone):
    for args in (["--render"], ["--render", "--service"], ["--service", "x", alone.yaml], ["--out", "x", alone.yaml],
                 ["--render", "--what", alone.yaml], ["--render", alone.yaml, alone.yaml], ["--check-config", "--state", "x", alone.yaml]):
        done = run(*args)
        assert done.returncode == 2 and "usage:" in done.stderr and done.stdout == "", args


def test_errors_of_settings_have_their_lines(alone, folder):
    alone.settings(**merge(dict(MORE), {
        "templateLevel": "java", "maxResolveCacheSize": 0, "weightingFormat": "%s%s",
        "partialsDirectory": "nowhere", "groupTemplates": [{"filename": "g%s", "template": "x", "output": "apache"}]}))
    done = alone.render()
    assert done.returncode == 1 and done.stdout == ""
    for line in ("templateLevel: java", "maxResolveCacheSize: 0"):
        assert "%s:%d: %s" % (alone.yaml, alone.line_of(line), line.split(":")[0]) in done.stderr
    assert "groupTemplates[0].output: must be one of default, text, haproxy, haproxy-map, nginx, html: 'apache'" in done.stderr
    # what is checked once all values are of the right kind
    alone.settings(**merge(dict(MORE), {
        "weightingFormat": "%s%s", "partialsDirectory": "nowhere", "groupTemplates": [{"filename": "g%s", "template": "x"}],
        "collectedTemplates": [{"filename": "c", "template": "x", "shards": 2}]}))
    done = run("--check-config", alone.yaml)
    assert done.returncode == 1 and done.stdout == ""
    for line in ("weightingFormat: \"%s%s\"", "partialsDirectory: nowhere"):
        assert "%s:%d: %s: " % (alone.yaml, alone.line_of(line), line.split(":")[0]) in done.stderr
    assert "nowhere': No such file or directory" in done.stderr
    assert "groupTemplates[0].filename: is one file for all services" in done.stderr
    assert "collectedTemplates[0].filename: must have one '%s', for the number of the shard" in done.stderr


def test_errors_of_templates_have_their_lines(alone, folder):
    write_file(os.path.join(folder, "p", "sub", "good.hbs"), "[{{service.serviceId}}]")
    write_file(os.path.join(folder, "t.hbs"), "one\n{{#if x}}\n")
    alone.settings(partialsDirectory="p", templates=[
        {"filename": "a/%s", "template": "{{> sub/good}}\n", "namedTemplates": {"two": "ok\n{{/if}}\n"}},
        {"filename": "b/%s", "templateFile": "t.hbs"}],
        groupTemplates=[{"filename": "g.cfg", "template": "{{noSuchHelper 1}}\n"}])
    done = run("--check-config", alone.yaml)
    assert done.returncode == 1 and done.stdout == ""
    assert "templates[0].namedTemplates.two: a/%s (two):2:" in done.stderr
    assert "%s:%d: templates[1].templateFile: b/%%s:" % (alone.yaml, alone.line_of("    templateFile: t.hbs")) in done.stderr
    assert "groupTemplates[0].template: g.cfg:1:" in done.stderr
    assert len(done.stderr.splitlines()) == 3, done.stderr
    alone.settings(partialsDirectory="p", templates=[{"filename": "a/%s", "template": "{{> sub/good}}\n"}])
    done = alone.render()
    assert (done.returncode, done.stderr) == (0, "")
    assert printed(done.stdout) == {"a/a": "[a]\n", "a/b": "[b]\n"}
    write_file(os.path.join(folder, "p", "bad.hbs"), "x\n{{#each}}")
    done = run("--check-config", alone.yaml)
    assert done.returncode == 1
    assert "%s:%d: partialsDirectory: bad:2:" % (alone.yaml, alone.line_of("partialsDirectory: p")) in done.stderr


def test_check_config_lists_the_files(alone):
    alone.settings(templates=[{"filename": "own/%s.conf", "template": "x"}],
                   collectedTemplates=[{"filename": "all-%s.cfg", "template": "x", "shards": 2},
                                       {"filename": "r.map", "template": "x", "output": "text"}],
                   groupTemplates=[{"filename": "g.map", "template": "x"}])
    done = run("--check-config", alone.yaml)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        alone.yaml + " is valid",
        "templates are rendered at level lockstep",
        "own/%s.conf: output nginx, a file for each service",
        "all-%s.cfg: output haproxy, a fragment for each service, 2 shards",
        "r.map: output text, a fragment for each service",
        "g.map: output haproxy-map, one template for the group"]
    alone.settings(templateLevel="baragon", templates=[{"filename": "own/%s.conf", "template": "x"}])
    done = run("--check-config", alone.yaml)
    assert done.stdout.splitlines()[1:] == [
        "templates are rendered at level baragon",
        "own/%s.conf: output html, a file for each service"]


def test_services_are_in_their_shards(alone):
    alone.settings(collectedTemplates=[{"filename": "s-%s.txt", "template": "{{service.serviceId}}\n", "shards": 3,
                                        "header": "#"}])
    alone.states(*[service("s%d" % i) for i in range(20)])
    done = alone.render()
    assert (done.returncode, done.stderr) == (0, "")
    shards = printed(done.stdout)
    assert sorted(shards) == ["s-00.txt", "s-01.txt", "s-02.txt"]
    lines = [line for text in shards.values() for line in text.splitlines()]
    assert sorted(lines) == sorted(["#"] * 3 + ["s%d" % i for i in range(20)])
    one = printed(alone.render("--service", "s7").stdout)
    assert len(one) == 1 and list(one.values()) == ["s7\n"]
