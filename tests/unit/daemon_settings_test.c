/*
 * daemon_settings_test.c - formats, levels, host names and namespaces; the listeners: service_settings_test.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/daemon_settings.h"

#include "tests/unit/cmocka_all.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct owner {
	struct daemon_conf daemon;
};

/* clang-format off */
static const struct setting rows[] = {
	DAEMON_HOSTNAME_ROW(struct owner, daemon),
	DAEMON_SERVER_ROWS(struct owner, daemon),
	DAEMON_ZOOKEEPER_ROWS(struct owner, daemon, "7000"),
	DAEMON_AUTH_ENABLED_ROW(struct owner, daemon),
	DAEMON_LOGGING_ROWS(struct owner, daemon),
	SET_END,
};
/* clang-format on */

static struct arena *arena;
static struct owner owner;
static struct settings_report rep = SETTINGS_REPORT_INIT;
static struct error err;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	settings_report_release(&rep);
	arena_free(&arena);
	return 0;
}

/* `more`: further keys of the top level. */
static int load(const char *ns, const char *more)
{
	const struct yaml_node *root = NULL;
	char text[512];

	settings_report_release(&rep);
	memset(&owner, 0, sizeof(owner));
	err = (struct error)ERROR_INIT;
	snprintf(text, sizeof(text), "zookeeper: {quorum: 'z:1', zkNamespace: %s}\n%s", ns, more);
	if (settings_parse(rows, "d.yml", text, strlen(text), arena, &owner, &root, &rep, &err) != 0)
		fail_msg("%s", err.text);
	return daemon_conf_finish(&owner.daemon, "d.yml", root, arena, &rep, &err);
}

static void formats(void **state)
{
	(void)state;
	assert_true(daemon_format_ok("http://%s:%d%s", "sds", false));
	assert_true(daemon_format_ok("100%%", "", false));
	assert_true(daemon_format_ok("%%%s%%", "s", false));
	assert_true(daemon_format_ok("none", "s", true));
	assert_false(daemon_format_ok("none", "s", false));
	assert_false(daemon_format_ok("%s%s", "s", true));
	assert_false(daemon_format_ok("%d%s", "sds", true));
	assert_false(daemon_format_ok("%n", "s", true));
	assert_false(daemon_format_ok("%5s", "s", true));
	assert_false(daemon_format_ok("%", "s", true));
	assert_false(daemon_format_ok("%", "", false));
}

static void levels(void **state)
{
	static const struct {
		const char *word;
		enum log_level level;
	} cases[] = { { "ALL", LOG_LEVEL_DEBUG }, { "trace", LOG_LEVEL_DEBUG }, { "DEBUG", LOG_LEVEL_DEBUG },
		{ "Info", LOG_LEVEL_INFO }, { "WARN", LOG_LEVEL_WARN }, { "ERROR", LOG_LEVEL_ERROR },
		{ "OFF", LOG_LEVEL_ERROR } };
	char more[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(more, sizeof(more), "hostname: h\nlogging: {level: %s}\n", cases[i].word);
		assert_int_equal(load("n", more), 0);
		assert_int_equal(owner.daemon.log_level, cases[i].level);
	}
}

/* Depends on the machine's interfaces, so only the form is looked at: an address, or a reason. */
static void host_is_found(void **state)
{
	struct in_addr in;

	(void)state;
	if (load("n", "") == 0) {
		assert_int_equal(inet_pton(AF_INET, owner.daemon.host, &in), 1);
		assert_int_not_equal(ntohl(in.s_addr) >> 24, 127);
	} else {
		assert_string_equal(err.text,
			"d.yml:1: hostname: is absent, and no interface has an IPv4 address");
	}
}

static void hosts(void **state)
{
	(void)state;
	assert_int_equal(load("n", "hostname: lb-1.example.com\n"), 0);
	assert_string_equal(owner.daemon.host, "lb-1.example.com");
	assert_int_equal(load("n", "hostname: '[fe80::1]'\n"), 0);
	assert_string_equal(owner.daemon.host, "[fe80::1]");
	assert_int_equal(load("n", "hostname: fe80::1\n"), 0);
	assert_string_equal(owner.daemon.host, "[fe80::1]");
	assert_int_equal(load("n", "hostname: http://h\n"), ERR_INVALID);
	assert_string_equal(err.text, "d.yml:2: hostname: is no host name or address");
	assert_int_equal(load("n", "hostname: ''\n"), load("n", "")); /* empty is absent */
}

static void namespaces(void **state)
{
	static const char *const bad[] = { "a/b", "'..'", "'.'", "zookeeper", "\"a\\n\"" };

	(void)state;
	assert_int_equal(load("baragon", "hostname: h\n"), 0);
	assert_string_equal(owner.daemon.namespace, "/baragon");
	assert_int_equal(owner.daemon.zk_session_timeout_ms, 7000);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		assert_int_equal(load(bad[i], "hostname: h\n"), ERR_INVALID);
		assert_non_null(strstr(err.text, "d.yml:1: zookeeper.zkNamespace: "));
		assert_int_equal(rep.errors, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats),
		cmocka_unit_test_setup_teardown(levels, setup, teardown),
		cmocka_unit_test_setup_teardown(host_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(hosts, setup, teardown),
		cmocka_unit_test_setup_teardown(namespaces, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
