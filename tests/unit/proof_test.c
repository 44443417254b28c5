/*
 * proof_test.c - places and names in the output of haproxy -c and nginx -t, as they came
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/proof.h"

#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static struct proof_marks marks_of(const char *text)
{
	struct proof_marks m;

	proof_marks(text, strlen(text), arena, &m);
	return m;
}

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void test_haproxy(void **state)
{
	struct proof_marks m = marks_of(
		"[NOTICE]   (9225) : haproxy version is 2.6.12-1+deb12u4\n"
		"[WARNING]  (9225) : config : parsing [/r/w.cfg:3] : missing timeouts\n"
		"[ALERT]    (9225) : config : parsing [/r/svc/a.cfg:3] : unknown keyword 'bogus' in 'global' section\n"
		"[ALERT]    (9225) : config : [dup.cfg:2] : 'server c/a' : unknown keyword 'bla'.\n"
		"[ALERT]    (9225) : config : Error(s) found in configuration file : dup.cfg\n"
		"[ALERT]    (9225) : config : Parsing [x.cfg:1]: backend 'b' has the same name as backend 'b' "
		"declared at y.cfg:11.\n"
		"[ALERT]    (9225) : config : backend 'c' : unable to find server 'zz' referenced.\n"
		"[ALERT]    (9225) : config : Fatal errors found in configuration.\n");

	(void)state;
	assert_int_equal(m.n, 6);
	assert_string_equal(m.items[0].file, "/r/svc/a.cfg");
	assert_int_equal(m.items[0].line, 3);
	assert_non_null(strstr(m.items[0].message, "unknown keyword 'bogus'"));
	assert_string_equal(m.items[1].file, "dup.cfg");
	assert_int_equal(m.items[1].line, 2);
	assert_string_equal(m.items[2].file, "x.cfg");
	assert_string_equal(m.items[3].file, "y.cfg");
	assert_int_equal(m.items[3].line, 11);
	assert_null(m.items[4].file);
	assert_string_equal(m.items[4].name, "c");
	assert_string_equal(m.items[5].name, "zz");
	free(m.items);
}

static void test_nginx(void **state)
{
	struct proof_marks m = marks_of(
		"nginx: [warn] conflicting server name in /etc/nginx/a.conf:1\n"
		"nginx: [emerg] unknown directive \"foo\" in /etc/nginx/conf.d/x.conf:12\n"
		"nginx: configuration file /etc/nginx/nginx.conf test failed\n");

	(void)state;
	assert_int_equal(m.n, 1);
	assert_string_equal(m.items[0].file, "/etc/nginx/conf.d/x.conf");
	assert_int_equal(m.items[0].line, 12);
	free(m.items);
}

static void test_what_is_no_place(void **state)
{
	struct proof_marks m = marks_of("[ALERT] (1) : Starting frontend f: cannot bind socket [10.0.0.1:80]\n"
					"[ALERT] 'server b1/s1' is odd\nplain words: 7\n'unclosed\n\n");

	(void)state;
	assert_int_equal(m.n, 1);
	assert_string_equal(m.items[0].name, "server b1");
	free(m.items);
	m = marks_of("");
	assert_int_equal(m.n, 0);
}

static void test_headline(void **state)
{
	static const char text[] = "\n[NOTICE] (1) : haproxy version\n [ALERT] (1) : this\n[ALERT] (1) : that\n";

	(void)state;
	assert_string_equal(proof_headline(text, strlen(text), arena), "[ALERT] (1) : this");
	assert_string_equal(proof_headline("[NOTICE] x\n", 11, arena), "[NOTICE] x");
	assert_null(proof_headline("\n \n", 3, arena));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_haproxy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nginx, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_place, setup, teardown),
		cmocka_unit_test_setup_teardown(test_headline, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
