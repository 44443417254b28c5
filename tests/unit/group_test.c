/*
 * group_test.c - groups as Java writes them, with what old versions left behind
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/group.h"

static struct group *group(struct arena *a, const char *text)
{
	struct error err = ERROR_INIT;
	struct group *g = NULL;

	if (group_decode(text, strlen(text), a, &g, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return g;
}

static void expect_group(const struct group *g, const char *text)
{
	struct buf out = BUF_INIT;

	group_encode(g, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_release(&out);
}

static void a_new_group(void **state)
{
	const struct group fresh = { .name = "test", .min_healthy_agents = 1 };
	static const char text[] =
		"{\"name\":\"test\",\"domain\":null,\"trafficSources\":[],\"sources\":[],"
		"\"defaultDomain\":null,\"domains\":[],\"domainAliases\":{},\"minHealthyAgents\":"
		"1}";

	expect_group(&fresh, text);
	expect_group(group(*state, "{\"name\":\"test\"}"), text);
}

static void domains(void **state)
{
	static const char text[] = "{\"name\":\"edge\",\"domain\":\"edge.example.com\","
				   "\"trafficSources\":[{\"name\":\"elb-1\",\"type\":\"CLASSIC\","
				   "\"registerBy\":\"INSTANCE_ID\"}],\"sources\":[],"
				   "\"defaultDomain\":\"edge.example.com\","
				   "\"domains\":[\"edge.example.com\"],\"domainAliases\":{\"edge."
				   "example.com\":[\"e.example.com\"]},"
				   "\"minHealthyAgents\":2}";
	const struct group *g = group(*state, text);

	expect_group(g, text);
	assert_string_equal(group(*state, "{\"domain\":\"d\"}")->default_domain, "d");
	g = group(*state, "{\"domain\":\"old\",\"defaultDomain\":\"new\"}");
	assert_string_equal(g->default_domain, "new");
	assert_string_equal(g->domain, "new");
	assert_int_equal(group(*state, "{\"minHealthyAgents\":0}")->min_healthy_agents, 0);
}

static void sources(void **state)
{
	const struct group *g = group(*state, "{\"sources\":[\"elb-1\",\"elb-2\"]}");

	assert_int_equal(g->traffic_sources.n, 2);
	expect_group(g, "{\"name\":null,\"domain\":null,\"trafficSources\":[{\"name\":\"elb-1\","
			"\"type\":\"CLASSIC\","
			"\"registerBy\":\"INSTANCE_ID\"},{\"name\":\"elb-2\",\"type\":\"CLASSIC\","
			"\"registerBy\":\"INSTANCE_ID\"}],"
			"\"sources\":[],\"defaultDomain\":null,\"domains\":[],\"domainAliases\":{},"
			"\"minHealthyAgents\":1}");
	g = group(*state, "{\"trafficSources\":[{\"name\":\"n\",\"type\":\"network\","
			  "\"registerBy\":\"PRIVATE_IP\"}],"
			  "\"sources\":[\"ignored\"]}");
	assert_int_equal(g->traffic_sources.n, 1);
	assert_string_equal(traffic_source_type_names[g->traffic_sources.items[0].type], "NETWORK");
	assert_string_equal(
		register_by_names[g->traffic_sources.items[0].register_by], "PRIVATE_IP");
	expect_record(&traffic_source_record,
		read_record(&traffic_source_record, *state, "\"elb1\""),
		"{\"name\":\"elb1\",\"type\":\"CLASSIC\",\"registerBy\":\"INSTANCE_ID\"}");
	refuse_record(&traffic_source_record, *state, "{}", "type: may not be null");
}

static void bad_aliases(void **state)
{
	static const char *const rows[][2] = {
		{ "{\"domainAliases\":[]}", "domainAliases: must be an object" },
		{ "{\"domainAliases\":{\"a\":\"b\"}}", "domainAliases.a: must be an array" },
		{ "{\"domainAliases\":{\"a\":[\"b\",1]}}", "domainAliases.a[1]: must be a string" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = ERROR_INIT;
		struct group *g = NULL;

		assert_int_equal(group_decode(rows[i][0], strlen(rows[i][0]), *state, &g, &err),
			ERR_INVALID);
		assert_string_equal(err.text, rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_new_group), TEST(domains), TEST(sources), TEST(bad_aliases)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
