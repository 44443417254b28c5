/*
 * config_test.c - sections and servers of rendered files
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/config.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct config *read_text(const char *text)
{
	struct config *c = config_new();

	config_add(c, "f.cfg", text, strlen(text));
	return c;
}

static void test_sections_and_servers(void **state)
{
	struct config *c = read_text("# note\nglobal\n  daemon\n\nbackend b1 # first\n"
				     "\tserver s_1 10.0.0.1:80 check\n"
				     "  server \"s 2\" [2001:db8::1]:8080\n  server s\\ 3 ::1:9 # v6\n"
				     "listen l1\n  server x host.example:81\nbackend b2\n");

	(void)state;
	assert_int_equal(c->n_sections, 4);
	assert_string_equal(c->sections[1].kind, "backend");
	assert_string_equal(c->sections[1].name, "b1");
	assert_int_equal(c->sections[1].line, 5);
	assert_true(c->sections[1].certain);
	assert_int_equal(c->n_servers, 4);
	assert_string_equal(c->servers[0].name, "s_1");
	assert_string_equal(c->servers[0].host, "10.0.0.1");
	assert_int_equal(c->servers[0].port, 80);
	assert_int_equal(c->servers[0].line, 6);
	assert_string_equal(c->servers[1].name, "s 2");
	assert_string_equal(c->servers[1].host, "2001:db8::1");
	assert_int_equal(c->servers[1].port, 8080);
	assert_string_equal(c->servers[2].name, "s 3");
	assert_string_equal(c->servers[2].host, "::1");
	assert_int_equal(c->servers[2].port, 9);
	assert_int_equal(c->servers[3].section, 2);
	assert_string_equal(config_find(c, "b2")->name, "b2");
	assert_ptr_equal(config_find(c, "l1"), &c->sections[2]);
	assert_null(config_find(c, "b3"));
	config_free(&c);
}

static void test_what_cannot_be_told(void **state)
{
	struct config *c = read_text("backend a\n server s \"${HOST}:80\"\nbackend b\n server-template x 3 h:80\n"
				     "backend c\n server s unix@/run/x\nbackend d\n server s 10.0.0.1:+5\n"
				     "backend e\n disabled\n");

	(void)state;
	assert_false(config_find(c, "a")->certain);
	assert_false(config_find(c, "b")->certain);
	assert_true(config_find(c, "c")->certain);
	assert_null(c->servers[1].host);
	assert_null(c->servers[2].host);
	assert_false(config_find(c, "e")->certain);
	config_free(&c);
	c = read_text("backend a\n server s 10.0.0.1:80\n.if defined(X)\n server t 10.0.0.2:80\n.endif\n");
	assert_false(config_find(c, "a")->certain);
	config_free(&c);
}

static void test_files_do_not_run_into_each_other(void **state)
{
	struct config *c = read_text("backend a");

	(void)state;
	config_add(c, "g.cfg", " server lost 10.0.0.1:80\nbackend b\n", 36);
	assert_int_equal(c->n_servers, 0);
	assert_int_equal(c->n_sections, 2);
	assert_string_equal(c->sections[1].file, "g.cfg");
	assert_int_equal(c->sections[1].line, 2);
	config_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sections_and_servers),
		cmocka_unit_test(test_what_cannot_be_told),
		cmocka_unit_test(test_files_do_not_run_into_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
