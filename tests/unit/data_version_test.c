/*
 * data_version_test.c - an empty namespace is marked, others are left as they are
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#define PATH "/zk-data-version"

static void expect_version(struct box *x, const char *text)
{
	const struct store_node *node = mem_server_get(x->srv, PATH);

	if (text == NULL) {
		assert_null(node);
		return;
	}
	assert_non_null(node);
	assert_int_equal(node->len, strlen(text));
	assert_memory_equal(node->data, text, node->len);
	assert_int_equal(node->version, 0);
}

static void an_empty_one_is_marked(void **state)
{
	struct box x = { 0 };

	(void)state;
	box_start(&x, true);
	expect_version(&x, "\"2\"");
	box_stop(&x);
	/* A service that does not lead writes nothing. */
	x = (struct box){ 0 };
	box_start(&x, false);
	expect_version(&x, NULL);
	box_stop(&x);
}

/* Before the service is there, as far as the leader sees. */
static void restart_with(struct box *x, const char *version, bool services)
{
	box_start(x, false);
	if (version != NULL)
		mem_server_put(x->srv, PATH, version);
	if (services)
		mem_server_put(x->srv, "/state/s1", SERVICE_JSON("s1"));
	x->leader = leader_new(x->l, x->st, x->process.client,
		&(struct leader_options){ .base_uri = "http://me:1/x", .version = "1", .enabled = true, .seed = 1,
			.worker = { .rules = RULES_ON, .batch_max = 10, .limits = { false, 1 } } });
	run_for(x, LOOP_MS(500));
	assert_non_null(leader_worker(x->leader));
}

static void others_are_left_alone(void **state)
{
	static const struct {
		const char *version;
		bool services;
	} cases[] = { { NULL, true }, { "\"1\"", true }, { "\"1\"", false }, { "\"2\"", true }, { "2", false }, { "\"x\"", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct box x = { 0 };

		restart_with(&x, cases[i].version, cases[i].services);
		expect_version(&x, cases[i].version);
		box_stop(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_one_is_marked),
		cmocka_unit_test(others_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
