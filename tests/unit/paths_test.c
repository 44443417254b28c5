/*
 * paths_test.c - the tree's layout word for word, as other programs know it, and which names fit in it
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/paths.h"

#include "tests/unit/model_sample.h"

static void layout(void **state)
{
	struct arena *a = *state;

	assert_string_equal(path_request(a, "r1"), "/request/r1");
	assert_string_equal(path_status(a, "r1"), "/request/r1/status");
	assert_string_equal(path_message(a, "r1"), "/request/r1/message");
	assert_string_equal(path_mapping(a, "r1"), PATH_MAPPING "/r1");
	assert_string_equal(path_queue_prefix(a, "s", "r1"), "/queue/s|r1|");
	assert_string_equal(path_queue_item(a, "s|r1|0000000003"), "/queue/s|r1|0000000003");
	assert_string_equal(path_history_entry(a, "s", "r1"), arena_printf(a, "%s/r1", path_history(a, "s")));
	assert_string_equal(path_service(a, "s"), "/state/s");
	assert_string_equal(path_upstream(a, "s", "YQ==||||"), "/state/s/YQ==||||");
	assert_string_equal(path_join(a, "/x", "y"), "/x/y");
}

static void of_groups(void **state)
{
	struct arena *a = *state;
	const char *group = path_group(a, "g");

	assert_string_equal(path_hosts(a, "g"), path_join(a, group, "hosts"));
	assert_string_equal(path_host(a, "g", "n1"), path_join(a, group, "hosts/n1"));
	assert_string_equal(path_known_agents(a, "g"), path_join(a, group, "known-agents"));
	assert_string_equal(path_known_agent(a, "g", "a1"), path_join(a, group, "known-agents/a1"));
	assert_string_equal(path_target_count(a, "g"), path_join(a, group, "targetCount"));
	assert_string_equal(path_last_request(a, "g"), path_join(a, group, "lastRequest"));
	assert_string_equal(path_base_uris(a, "g"), path_join(a, group, "base-uris"));
	/* A key has slashes: it is one name all the same. */
	assert_string_equal(path_base_uri(a, "g", "/api"), path_join(a, group, "base-uris/L2FwaQ=="));
	assert_string_equal(path_member(a, "g", "a1"), PATH_MEMBERS "/g/a1");
	assert_string_equal(path_members(a, "g"), PATH_MEMBERS "/g");
	assert_string_equal(path_excluded(a, "g"), PATH_EXCLUDED "/g");
	assert_string_equal(path_excluded_agent(a, "g", "a1"), PATH_EXCLUDED "/g/a1");
	assert_string_equal(path_decision(a, "b1"), PATH_DECIDED "/b1");
}

static void names(void **state)
{
	static const char *const good[] = { "a", "a b", "a.b", "...", "s|r", "\xc3\xa4", "\xef\xa4\x80", "\xef\xbf\xaf" };
	static const char *const bad[] = { "", ".", "..", "a/b", "/", "a\nb", "\x01", "\x7f", "\xff", "\xc3", "a\xc2\x85", "\xee\x80\x80",
		"\xef\xa3\xbf", "\xef\xbf\xb0", "\xf0\x9f\x98\x80" };
	struct arena *a = *state;
	char *text = arena_alloc(a, 300);

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(path_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(path_name_ok(bad[i]));
	memset(text, 'x', 250);
	assert_true(path_name_ok(text));
	text[250] = 'x';
	assert_false(path_name_ok(text));
}

int main(void)
{
	static const struct CMUnitTest tests[] = { TEST(layout), TEST(of_groups), TEST(names) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
