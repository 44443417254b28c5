# SPDX-License-Identifier: Apache-2.0
"""What templates write for a value is what the real HAProxy and nginx read; and the facts this stands on."""
import os
import signal
import subprocess

import pytest

from harness.base import TOOLS, Ports, Process, http_call

PRINTABLE = "".join(map(chr, range(0x20, 0x7f)))
# Every byte alone between two others, all in one, pairs of those that mean something, and what is not ASCII.
PLAIN = ["<%s>" % c for c in PRINTABLE] + ["a" + PRINTABLE, "a" + PRINTABLE[::-1]]
PAIRS = ["." + a + b + "." for a in "\\\"'# $;{}" for b in "\\\"'# $nx{};"]
OTHERS = ["caf\u00e9 \u20ac \U0001f600", "${HOME} $HOME %[path] %% %T", "\\x41\\n\\t", "a", "\\", "\"", "'", "'''",
          "\"\"\"", "\\\\\\", "#", "# x", " x", "x ", " ", "it's \"it\"", "x" * 3000]
BYTES = [bytes([0x61, b, 0x62]) for b in range(0x80, 0x100)]
VALUES = [v.encode() for v in PLAIN + PAIRS + OTHERS] + BYTES


def quote(target, *pieces):
    """Texts and values in turn; the file, or None if a value was refused."""
    run = subprocess.run([os.path.join(TOOLS, "quote_value"), target], input=b"".join(p + b"\0" for p in pieces),
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)
    if run.returncode == 1:
        assert run.stderr and not run.stdout
        return None
    assert run.returncode == 0, run.stderr
    return run.stdout


def taken(target, before, values):
    return [v for v in values if quote(target, before, v) is not None]


class Daemon(Process):
    """Answers /N with what the configuration says for N."""

    def __init__(self, name, folder):
        super().__init__(name, folder)
        self.port = Ports.take()

    def get(self, path, headers=None):
        return http_call("GET", "http://127.0.0.1:%d/%s" % (self.port, path), timeout=5, headers=headers)

    def ready(self):
        return self.get("ready").status == 200

    def write(self, name, content):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as f:
            f.write(content)
        return path

    def good_ends(self):
        return (0, 143, 130, -signal.SIGTERM)


# HAProxy ----------------------------------------------------------------------------------------------------

HAPROXY = """\
global
    stats socket {dir}/stats.sock mode 600 level admin
    setenv LS_TEST env
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:{port}
{rules}    use_backend b%[path,field(2,/)]
backend bready
    http-request return status 200
"""


class HAProxy(Daemon):
    def __init__(self, folder, rules=""):
        super().__init__("haproxy", folder)
        self.head = HAPROXY.format(dir=self.dir, port=self.port, rules=rules).encode()

    def load(self, content):
        self.write("haproxy.cfg", self.head + content)
        return self

    def argv(self):
        return ["/usr/sbin/haproxy", "-db", "-f", os.path.join(self.dir, "haproxy.cfg")]

    def check(self, content):
        self.load(content)
        return subprocess.run(self.argv() + ["-c"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)


RETURN = b"    http-request return status 200 content-type text/plain string "
AFTER = b" hdr x-after \"y z\"\n"
# (before, after) of a value, and what they are when read.
HAPROXY_PLACES = [
    (b"", b"", b"", b""),
    (b"x", b"y", b"x", b"y"),
    (b'"', b'"', b"", b""),
    (b'"x #\\"', b' y"z', b'x #"', b" yz"),
    (b"'", b"'", b"", b""),
    (b"'x #\"\\", b" y'z", b'x #"\\', b" yz"),
    (b'"x y"', b"'z'", b"x y", b"z"),
    (b"x\\ \\x41", b"\\#", b"x A", b"#"),
    (b'"${LS_TEST}', b'"', b"env", b""),
    (b"${LS_TEST}", b"", b"${LS_TEST}", b""),
]


@pytest.mark.parametrize("place", HAPROXY_PLACES, ids=lambda p: (p[0] + b"_" + p[1]).decode())
def test_haproxy_reads_the_value(folder, place):
    before, after, text_before, text_after = place
    pieces = []
    for n, value in enumerate(VALUES):
        head = b"" if n == 0 else pieces.pop()
        pieces += [head + b"backend b%d\n    # a comment: " % n, value, b"\n" + RETURN + before, value, after + AFTER]
    content = quote("haproxy", *pieces)
    with HAProxy(folder).load(content) as haproxy:
        for n, value in enumerate(VALUES):
            got = haproxy.get(str(n))
            assert got.status == 200, value
            assert got.body == text_before + value + text_after, value
            assert got.headers["x-after"] == "y z", value


def test_haproxy_reads_words_as_the_states_say(folder):
    raw = [
        (b"a\\x41b", b"aAb"), (b'"a\\x41b"', b"aAb"), (b"'a\\x41b'", b"a\\x41b"),
        (b"\\q\\$\\1", b"\\q\\$\\1"), (b'"\\q\\$\\1"', b"\\q$\\1"),
        (b"\\ \\#\\'\\\"\\\\", b" #'\"\\"), (b'"\\ \\#\\\'\\"\\\\"', b" #'\"\\"),
        (b"\\t\\n\\r.", b"\t\n\r."), (b'"\\t\\n\\r."', b"\t\n\r."),
        (b"$LS_TEST${LS_TEST}", b"$LS_TEST${LS_TEST}"), (b'"$LS_TEST-${LS_TEST}x${NONE-d}"', b"env-envxd"),
        (b"'$LS_TEST'", b"$LS_TEST"), (b"a\"b c\"d'e f'g", b"ab cde fg"), (b"a\x85\xa0b", b"a\x85\xa0b"),
        (b"a\x0b", b"a"), (b"a\x0c", b"a"), (b"a\t", b"a"),
    ]
    cut = [(b"a#b", b"a"), (b"a\rb", b"a"), (b"a # b", b"a"), (b"a\\", b"a\\")]
    lines = [(r + AFTER, text) for r, text in raw] + [(r + b"\n", text) for r, text in cut]
    content = b"".join(b"backend b%d\n%s%s" % (n, RETURN, line) for n, (line, _) in enumerate(lines))
    with HAProxy(folder).load(content) as haproxy:
        for n, (line, text) in enumerate(lines):
            got = haproxy.get(str(n))
            assert (got.status, got.body) == (200, text), line
            assert ("x-after" in got.headers) == (n < len(raw)), line


def test_haproxy_refuses_what_the_states_call_an_error(folder):
    haproxy = HAProxy(folder)
    where = b"haproxy.cfg:%d]" % (haproxy.head.count(b"\n") + 2)
    for word in (b"\\x4", b'"\\x4"', b'"a', b"'a", b'"a\rb"', b'"$"', b'"${LS_TEST"', b" ".join([b"x"] * 64)):
        got = haproxy.check(b"backend b\n" + RETURN + word + b"\n")
        assert got.returncode == 1 and where in got.stdout, (word, got.stdout)
    assert haproxy.check(b"backend b\n    acl a path " + b" ".join([b"x"] * 61) + b"\n").returncode == 0
    assert haproxy.check(b"backend b\n    acl a path " + b"x" * 1000000 + b"\n").returncode == 0


def test_haproxy_compares_words_without_their_quotes(folder):
    """Why some values are refused even in quotes."""
    patterns = os.path.join(folder, "patterns")
    with open(patterns, "w") as f:
        f.write("/from-file\n")
    deny = b"    http-request deny deny_status 403 if "
    text = b"".join(
        b"backend b%d\n%s%s\n%s\n" % (n, deny, condition, RETURN + b"ok") for n, condition in enumerate([
            b'{ path /x "}"', b'{ path "-f" "%s" }' % patterns.encode(), b'{ path "/1" "or" "/x" }',
            b'FALSE "or" TRUE', b'"!" FALSE', b"FALSE '||' TRUE", b'"!{" path /x "}"', b'FALSE "unless"']))
    haproxy = HAProxy(folder)
    assert haproxy.check(text).returncode == 1  # FALSE unless: no such ACL
    # In { } only } is special; a flag reads a file; the others are what they are without quotes.
    with haproxy.load(text[:text.index(b"backend b7")]):
        assert [haproxy.get(str(n)).status for n in range(7)] == [200, 200, 200, 403, 403, 403, 403]
    for word in (b"{", b"}", b"!", b"||", b"or", b"if", b"unless", b"-f", b"-i", b"--", b"!{"):
        for before in (b"acl a ", b'acl a "', b"acl a '"):
            assert quote("haproxy", before, word) is None


def test_map_reads_keys_and_values(folder):
    keys = taken("haproxy-map", b"", VALUES)
    values = taken("haproxy-map", b"key ", VALUES)
    assert len(keys) > 200 and len(values) > 250
    assert quote("haproxy-map", b"", b"#x") is None and quote("haproxy-map", b"", b"a b") is None
    pieces = [b"# " + PRINTABLE.encode() + b"\n"]
    for n, key in enumerate(keys):
        pieces += [key, b" \t%d \n" % n]
    for n, value in enumerate(values):
        pieces[-1] += b"value-%d  " % n
        pieces += [value, b"\n"]
    haproxy = HAProxy(folder)
    path = haproxy.write("a.map", quote("haproxy-map", *pieces))
    rule = b"    http-request return status 200 content-type text/plain lf-string \"%%[%s,map(%s,NONE)]\"\n"
    content = b"backend bkey\n" + rule % (b"req.fhdr(x-key)", path.encode())
    with haproxy.load(content):
        for n, key in enumerate(keys):
            assert haproxy.get("key", {"x-key": key}).body == b"%d" % n, key
        for n, value in enumerate(values):
            assert haproxy.get("key", {"x-key": "value-%d" % n}).body == value, value


def test_map_lines_are_read_as_the_states_say(folder):
    lines = [(b"k1  v1 x \t ", b"k1", b"v1 x"), (b"\t k2\tv2", b"k2", b"v2"), (b"k3", b"k3", b""),
             (b" #k4 v", b"#k4", b"v"), (b'k5 "q q" \\#h', b"k5", b'"q q" \\#h'), (b"k\\6\\ v", b"k\\6\\", b"v"),
             (b"k7 v7\rz", b"k7", b"v7"),
             (b"#k8 v8", b"#k8", b"NONE"), (b"k9\x0b a", b"k9\x0b", b"a")]
    # What is more than a buffer goes on as a line of its own.
    lines.append((b"long " + b"x" * (16383 - 5) + b"inj ected", b"inj", b"ected"))
    haproxy = HAProxy(folder)
    path = haproxy.write("a.map", b"".join(line + b"\n" for line, _, _ in lines))
    content = (b"backend bkey\n    http-request return status 200 content-type text/plain lf-string "
               b"\"%%[req.fhdr(x-key),map(%s,NONE)]\"\n" % path.encode())
    with haproxy.load(content):
        for line, key, value in lines:
            assert haproxy.get("key", {"x-key": key}).body == value, line
    assert quote("haproxy-map", b"long ", b"x" * 4096) is not None
    assert quote("haproxy-map", b"long ", b"x" * 4097) is None


def test_log_formats_take_a_doubled_percent_as_text(folder):
    """What logFormat of the templates stands on: as a string and as a header."""
    texts = [v for v in VALUES if v == v.strip() and v.isascii()] + [b"%", b"%%", b"%[src]", b"%{+Q}H", b"100%  %t"]
    pieces = []
    for n, text in enumerate(texts):
        doubled = text.replace(b"%", b"%%")
        head = b"" if n == 0 else pieces.pop()
        pieces += [head + b"backend b%d\n    http-request return status 200 content-type text/plain lf-string \"" % n,
                   doubled, b'" hdr x-text "<', doubled, b'>"\n']
    with HAProxy(folder).load(quote("haproxy", *pieces)) as haproxy:
        for n, text in enumerate(texts):
            got = haproxy.get(str(n))
            assert (got.status, got.body) == (200, text), text
            assert got.headers["x-text"] == "<%s>" % text.decode(), text


# nginx ------------------------------------------------------------------------------------------------------

NGINX = """\
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 64; }}
http {{
access_log off;
client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5;
default_type text/plain;
server {{
listen 127.0.0.1:{port};
location = /ready {{ return 200 "ready"; }}
set $ls_test var;
"""


class Nginx(Daemon):
    def __init__(self, folder):
        super().__init__("nginx", folder)
        self.head = NGINX.format(dir=self.dir, port=self.port).encode()

    def load(self, content):
        self.write("nginx.conf", self.head + content + b"}}\n")
        return self

    def argv(self):
        return ["/usr/sbin/nginx", "-e", "stderr", "-p", self.dir, "-c", os.path.join(self.dir, "nginx.conf")]

    def check(self, content):
        self.load(content)
        return subprocess.run(self.argv() + ["-t"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)


NGINX_PLACES = [
    (b"", b"", b"", b""),
    (b"x", b"y", b"x", b"y"),
    (b'x"', b"\\'y", b'x"', b"'y"),
    (b"${ls_test}", b"", b"var", b""),
    (b'"', b'"', b"", b""),
    (b'"x ;#\\"', b' {y"', b'x ;#"', b" {y"),
    (b"'", b"'", b"", b""),
    (b"'x\n;#\\'$ls_test-", b" {y'", b"x\n;#'var-", b" {y"),
]


@pytest.mark.parametrize("place", NGINX_PLACES, ids=lambda p: (p[0] + b"_" + p[1]).decode())
def test_nginx_reads_the_value(folder, place):
    before, after, text_before, text_after = place
    values = taken("nginx", b"return 200 " + before, VALUES)
    assert len(values) > (200 if before[:1] in (b'"', b"'") else 150)
    pieces = [b""]
    for n, value in enumerate(values):
        pieces[-1] += b"location = /%d { # a comment: " % n
        pieces += [value, b"\nreturn 200 " + before, value, after + b"; add_header x-after \"y z\"; }\n"]
    with Nginx(folder).load(quote("nginx", *pieces)) as nginx:
        for n, value in enumerate(values):
            got = nginx.get(str(n))
            assert got.body == text_before + value + text_after, value
            assert got.headers["x-after"] == "y z", value


def test_nginx_reads_words_as_the_states_say(folder):
    raw = [
        (b"a#b}c\"d'e", b"a#b}c\"d'e"), (b'a\\"\\\'\\\\b', b"a\"'\\b"), (b'\\"b', b'"b'), (b"a\\qb\\ c", b"a\\qb\\ c"),
        (b"a\\;b\\{", b"a\\;b\\{"), (b"a\\tb", b"a\tb"), (b'"a\\"b\\\'c\'\\q"', b"a\"b'c'\\q"),
        (b"'a\\'b\\\"c\"'", b"a'b\"c\""),
        (b"a\\$ls_test", b"a\\var"), (b'"a\\$ls_test"', b"a\\var"), (b"'a${ls_test}b'", b"avarb"),
        (b"a${ls_test}b", b"avarb"),
        (b"# ; }\na", b"a"), (b"\"a\nb\"", b"a\nb"), (b"a\x0b\x85\xa0b", b"a\x0b\x85\xa0b"),
    ]
    content = b"".join(b"location = /%d { return 200 %s; add_header x-after \"y z\"; }\n" % (n, r)
                       for n, (r, _) in enumerate(raw))
    with Nginx(folder).load(content) as nginx:
        for n, (word, text) in enumerate(raw):
            got = nginx.get(str(n))
            assert (got.status, got.body, got.headers["x-after"]) == (200, text, "y z"), word


def test_nginx_refuses_what_the_states_call_an_error(folder):
    nginx = Nginx(folder)
    for word in (b'"a"b', b"'a'\"b\"", b"}", b"a{", b"a\\${ls_test}", b"x" * 4200):
        assert nginx.check(b"location = /x { return 200 " + word + b"; }\n").returncode == 1, word
    assert nginx.check(b"if ($ls_test = \"var\") { return 200 a; }\n").returncode == 0


def test_nginx_takes_kinds_of_match_without_their_quotes(folder):
    with Nginx(folder).load(b"location \"~b+c\" { return 200 regex; }\nlocation '=/exact' { return 200 exact; }\n"
                            b"location / { return 404; }\n") as nginx:
        assert nginx.get("xbbbc").body == b"regex"
        assert nginx.get("exact").body == b"exact"
    for value in (b"~b+c", b"=/exact", b"^~/a", b"@name"):
        for before in (b"location ", b'location "', b"location '"):
            assert quote("nginx", before, value) is None
