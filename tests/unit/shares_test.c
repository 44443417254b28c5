/*
 * shares_test.c - shares of groups become weights of servers
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* `groups`: a letter per server, '-' is a null. What comes out as JSON, or the error's text. */
static void weights(const char *groups, const char *shares, const char *want)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct value *servers = value_list(a);
	const struct value *out = NULL, *given = NULL;
	struct error err = ERROR_INIT;

	for (const char *g = groups; *g != '\0'; g++) {
		struct value *server = value_map(a);

		value_map_put(a, server, "group", *g == '-' ? value_null() : value_string(a, arena_printf(a, "%c", *g)));
		value_list_add(a, servers, server);
	}
	if (value_parse(shares, strlen(shares), a, &given, &err) != 0)
		fail_msg("%s: %s", shares, err.text);
	if (shares_weights(servers, given, "groupWeights", a, &out, &err) != 0)
		buf_str(&json, err.text);
	else
		value_write(out, false, &json);
	assert_string_equal(buf_cstr(&json), want);
}

static void test_shares(void **state)
{
	(void)state;
	weights("aac", "{\"c\":5}", "{\"a\":\"19\",\"c\":\"2\"}");
	weights("aabc", "{\"c\":10}", "{\"a\":\"3\",\"b\":\"3\",\"c\":\"1\"}");
	weights("ab", "{\"a\":1,\"b\":3}", "{\"a\":\"1\",\"b\":\"3\"}");
	weights("ab", "{\"b\":0}", "{\"a\":\"1\",\"b\":\"0\"}");
	weights("ab", "{\"b\":100}", "{\"a\":\"0\",\"b\":\"1\"}");
	weights("aab", "{\"z\":50,\"b\":10}", "{\"a\":\"2\",\"b\":\"1\"}"); /* 40 and 10 remain */
	weights("--c", "{\"c\":50}", "{\"default\":\"1\",\"c\":\"2\"}");
	/* 7 servers at 97/7, 11 at 2/11, 13 at 1/13: no whole weights up to 256 are exact */
	weights("aaaaaaabbbbbbbbbbbccccccccccccc", "{\"b\":2,\"c\":1}", "{\"a\":\"256\",\"b\":\"3\",\"c\":\"1\"}");
	weights("aab", "{\"z\":100}", "null"); /* nobody has a share: all are equal */
	weights("aab", "null", "null");
	weights("", "{\"c\":5}", "null");
	weights("a", "{\"c\":60,\"d\":41}", "option 'groupWeights': '{\"c\":60,\"d\":41}' adds up to more than 100");
	weights("a", "{\"c\":\"5\"}", "option 'groupWeights': '5' is no whole number from 0 to 100");
	weights("a", "{\"c\":101}", "option 'groupWeights': '101' is no whole number from 0 to 100");
	weights("a", "[5]", "option 'groupWeights': '[5]' is no map of groups, 32 at most");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_shares) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
