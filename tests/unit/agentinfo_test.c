/*
 * agentinfo_test.c - metadata of agents: Java's, ours, and the bare URI of old ones
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/agentinfo.h"

static int decode(struct arena *a, const char *text, struct agentinfo **out)
{
	return agentinfo_decode(text, strlen(text), a, out, NULL);
}

static void java_metadata(void **state)
{
	static const char text[] =
		"{\"baseAgentUri\":\"http://10.0.0.1:8882/baragon-agent/"
		"v2\",\"agentId\":\"10.0.0.1:8882\",\"domain\":null,"
		"\"ec2\":{\"instanceId\":\"i-1\",\"availabilityZone\":null,\"subnetId\":null,"
		"\"vpcId\":null,\"privateIp\":null},"
		"\"gcloud\":{\"resourceGroup\":\"a\",\"project\":\"b\",\"region\":null,"
		"\"backendService\":\"c\","
		"\"instanceName\":\"d\"},\"extraAgentData\":{\"k\":\"v\"},\"batchEnabled\":true}";
	struct agentinfo *i;

	assert_int_equal(decode(*state, text, &i), 0);
	expect_record(&agentinfo_record, i, text);
	assert_true(i->batch_enabled);
	assert_false(agentinfo_is_lockstep(i));
	assert_int_equal(decode(*state, "{}", &i), 0);
	expect_record(&agentinfo_record, i,
		"{\"baseAgentUri\":null,\"agentId\":null,\"domain\":null,\"ec2\":null,\"gcloud\":"
		"null,"
		"\"extraAgentData\":{},\"batchEnabled\":false}");
}

static void known_agents_have_a_time(void **state)
{
	const struct agentinfo *i = read_record(
		&known_agent_record, *state, "{\"agentId\":\"a:1\",\"lastSeenAt\":1700000000000}");

	expect_record(&known_agent_record, i,
		"{\"baseAgentUri\":null,\"agentId\":\"a:1\",\"domain\":null,\"ec2\":null,"
		"\"gcloud\":null,"
		"\"extraAgentData\":{},\"batchEnabled\":false,\"lastSeenAt\":1700000000000}");
	refuse_record(&known_agent_record, *state, "\"http://a:1/x\"", "must be an object");
}

static void announced_lockstep(void **state)
{
	struct agentinfo *i;

	assert_int_equal(decode(*state, "{\"extraAgentData\":{\"lockstep\":\"1\"}}", &i), 0);
	assert_true(agentinfo_is_lockstep(i));
	assert_int_equal(decode(*state, "{\"extraAgentData\":{\"lockstep\":\"\"}}", &i), 0);
	assert_false(agentinfo_is_lockstep(i));
}

static void bare_uris(void **state)
{
	static const char *const good[][2] = {
		{"http://10.0.0.1:8882/baragon-agent/v2", "10.0.0.1:8882"},
		{"https://host:1/", "host:1"}, {"\"http://h.x:80/y\"", "h.x:80"}};
	static const char *const bad[] = {"http://host/x", "http://host:123456/x", "http://host:80",
		"http://:80/x", "ftp://host:80/x", "https//host:80/", "http://a:b:80/x",
		"\"host:80\"", "http://h:80/\xff"};
	struct agentinfo *i;
	size_t k;

	for (k = 0; k < ARRAY_LEN(good); k++) {
		assert_int_equal(decode(*state, good[k][0], &i), 0);
		assert_string_equal(i->agent_id, good[k][1]);
		assert_false(i->batch_enabled);
	}
	for (k = 0; k < ARRAY_LEN(bad); k++)
		assert_int_equal(decode(*state, bad[k], &i), ERR_INVALID);
	assert_int_equal(agentinfo_decode("http://h:1/\0x", 13, *state, &i, NULL), ERR_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(java_metadata), TEST(known_agents_have_a_time),
		TEST(announced_lockstep), TEST(bare_uris)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
