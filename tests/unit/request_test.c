/*
 * request_test.c - what Java accepts and refuses, its construction rules, sameness, queue names
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/request.h"

#define S                                                                                          \
	"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"/"                               \
	"\",\"loadBalancerGroups\":[\"g\"]}"
#define HEAD "{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":" S
#define LISTS ",\"addUpstreams\":[],\"removeUpstreams\":[]"

static struct request *request(struct arena *a, const char *text)
{
	struct error err = ERROR_INIT;
	struct request *r = NULL;

	if (request_decode(text, strlen(text), a, &r, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return r;
}

static void full_echo(void **state)
{
	expect_record(&request_record,
		request(*state, HEAD ",\"addUpstreams\":[\"h.x:80\",{\"upstream\":\"a:1\","
				     "\"requestId\":\"q\",\"rackId\":\"k\","
				     "\"resolvedUpstream\":\"1.1.1.1:1\"},\"aG9zdDo4MA==|req|rack|"
				     "grp|1.2.3.4:80\",{}],"
				     "\"removeUpstreams\":[\"aG9zdDo4MA==||k|grp|1.2.3.4:80\"],"
				     "\"replaceUpstreams\":[\"h.x:80\"],"
				     "\"replaceServiceId\":\"old\",\"action\":\" purge-cache "
				     "\",\"noReload\":1,\"unknown\":[{}]}"),
		"{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":{\"serviceId\":\"s\","
		"\"owners\":[],"
		"\"serviceBasePath\":\"/"
		"\",\"additionalPaths\":[],\"loadBalancerGroups\":[\"g\"],\"options\":null,"
		"\"templateName\":null,\"domains\":[],\"edgeCacheDNS\":null,\"edgeCacheDomains\":[]"
		","
		"\"preResolveUpstreamDNS\":false},\"addUpstreams\":["
		"{\"upstream\":\"h.x:80\",\"requestId\":\"r\",\"rackId\":null,\"group\":"
		"\"default\",\"resolvedUpstream\":null},"
		"{\"upstream\":\"a:1\",\"requestId\":\"q\",\"rackId\":\"k\",\"group\":\"default\","
		"\"resolvedUpstream\":\"1.1.1.1:1\"},"
		"{\"upstream\":\"host:80\",\"requestId\":\"req\",\"rackId\":\"rack\",\"group\":"
		"\"grp\","
		"\"resolvedUpstream\":\"1.2.3.4:80\"},"
		"{\"upstream\":null,\"requestId\":\"r\",\"rackId\":null,\"group\":\"default\","
		"\"resolvedUpstream\":null}],"
		"\"removeUpstreams\":[{\"upstream\":\"host:80\",\"requestId\":\"r\",\"rackId\":"
		"\"k\",\"group\":\"grp\","
		"\"resolvedUpstream\":null}],"
		"\"replaceUpstreams\":[{\"upstream\":\"h.x:80\",\"requestId\":null,\"rackId\":null,"
		"\"group\":\"default\","
		"\"resolvedUpstream\":null}],"
		"\"replaceServiceId\":null,\"action\":\"PURGE_CACHE\",\"noValidate\":false,"
		"\"noReload\":true,"
		"\"upstreamUpdateOnly\":false,\"noDuplicateUpstreams\":false,\"purgeCache\":"
		"false}");
}

static void refused_with_the_place(void **state)
{
	static const char *const rows[][2] = {
		{"{}", "loadBalancerRequestId: may not be null"},
		{"{\"loadBalancerRequestId\":\"r\"}", "loadBalancerService: may not be null"},
		{HEAD "}", "addUpstreams: may not be null"},
		{HEAD ",\"addUpstreams\":[]}", "removeUpstreams: may not be null"},
		{"{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":{}}",
			"loadBalancerService.serviceId: may not be null"},
		{HEAD ",\"addUpstreams\":[\"host:80\"]}",
			"addUpstreams[0]: upstream 'host:80' is neither host:port with a dot nor "
			"base64url"},
		{HEAD ",\"addUpstreams\":[{},null]}", "addUpstreams[1]: may not be null"},
		{HEAD ",\"addUpstreams\":[5]}", "addUpstreams[0]: must be an object"},
		{HEAD ",\"addUpstreams\":[[\"h.x:80\"]]}", "addUpstreams[0]: must be an object"},
		{HEAD LISTS ",\"action\":\"FOO\"}",
			"action: must be one of UPDATE, DELETE, RELOAD, REVERT, "
			"GET_RENDERED_CONFIG, PURGE_CACHE"},
		{HEAD LISTS ",\"action\":\"\"}", "action: must be one of UPDATE, DELETE, RELOAD, "
						 "REVERT, GET_RENDERED_CONFIG, PURGE_CACHE"},
		{HEAD LISTS ",\"action\":1}", "action: must be one of UPDATE, DELETE, RELOAD, "
					      "REVERT, GET_RENDERED_CONFIG, PURGE_CACHE"},
		{HEAD LISTS ",\"noValidate\":\"yes\"}", "noValidate: must be true or false"},
		{HEAD LISTS ",\"noValidate\":1.0}", "noValidate: must be true or false"},
		{HEAD LISTS ",\"noValidate\":\"TRUE\"}", "noValidate: must be true or false"},
		{"[]", "must be an object"},
		{"\"x\"", "must be an object"},
		{"null", "may not be null"},
	};
	static const char *const syntax[] = {"", " ", HEAD LISTS, HEAD LISTS ",}",
		"/* c */" HEAD LISTS "}", HEAD LISTS ",\"noReload\":true,\"noReload\":true}",
		HEAD LISTS ",\"x\":\"\\u0000\"}"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		refuse_record(&request_record, *state, rows[i][0], rows[i][1]);
	for (i = 0; i < ARRAY_LEN(syntax); i++) {
		struct request *r = NULL;

		assert_int_equal(request_decode(syntax[i], strlen(syntax[i]), *state, &r, NULL),
			ERR_INVALID);
	}
}

static void accepted_leniently(void **state)
{
	const struct request *r;

	assert_int_equal(
		request(*state, HEAD LISTS ",\"action\":\"update\"}")->action, ACTION_UPDATE);
	assert_int_equal(request(*state, HEAD LISTS ",\"action\":\"Get.Rendered.Config\"}")->action,
		ACTION_GET_RENDERED_CONFIG);
	assert_int_equal(request(*state, HEAD LISTS "}")->action, ACTION_NONE);
	assert_string_equal(action_name(ACTION_NONE), "UPDATE");
	assert_string_equal(action_name(ACTION_RELOAD), "RELOAD");
	assert_true(request(*state, HEAD LISTS ",\"noValidate\":\"true\"}")->no_validate);
	assert_true(request(*state, HEAD LISTS ",\"noValidate\":1}")->no_validate);
	assert_false(request(*state, HEAD LISTS ",\"noValidate\":\"\"}")->no_validate);
	request(*state, HEAD LISTS "} trailing [[[");
	r = request(*state, "{\"loadBalancerRequestId\":5,\"loadBalancerService\":{\"serviceId\":"
			    "\"s\",\"owners\":[1,true],"
			    "\"serviceBasePath\":\"\",\"loadBalancerGroups\":[\"\"]}" LISTS "}");
	assert_string_equal(r->id, "5");
	assert_string_equal(r->service->owners.items[0], "1");
	assert_string_equal(r->service->owners.items[1], "true");
	assert_string_equal(r->service->groups.items[0], "");
	r = request(*state, "{\"loadBalancerRequestId\":\"a\xc2\xa0"
			    "b\",\"loadBalancerService\":" S LISTS "}");
	assert_string_equal(r->id, "a\xc2\xa0" "b");
}

static void sameness(void **state)
{
	static const struct {
		const char *x, *y;
		bool same;
	} rows[] = {
		{HEAD LISTS "}", HEAD LISTS "}", true},
		{HEAD LISTS ",\"action\":\"UPDATE\"}", HEAD LISTS "}", false},
		{HEAD LISTS ",\"replaceServiceId\":\"x\"}", HEAD LISTS "}", true},
		{HEAD LISTS ",\"noValidate\":true}", HEAD LISTS "}", false},
		{HEAD LISTS ",\"purgeCache\":true}", HEAD LISTS "}", false},
		{HEAD LISTS ",\"upstreamUpdateOnly\":true}", HEAD LISTS "}", false},
		{HEAD LISTS ",\"noDuplicateUpstreams\":true}", HEAD LISTS "}", false},
		{HEAD LISTS ",\"noReload\":true}", HEAD LISTS "}", false},
		{HEAD ",\"addUpstreams\":[\"a.b:1\",\"a.b:2\"],\"removeUpstreams\":[]}",
			HEAD ",\"addUpstreams\":[\"a.b:2\",\"a.b:1\"],\"removeUpstreams\":[]}",
			false},
		{HEAD ",\"addUpstreams\":[\"YS5iOjE=|q|k|g|\"],\"removeUpstreams\":[]}",
			HEAD ",\"addUpstreams\":[{\"upstream\":\"a.b:1\",\"requestId\":\"q\","
			     "\"rackId\":\"k\",\"group\":\"g\"}],"
			     "\"removeUpstreams\":[]}",
			true},
		{HEAD LISTS ",\"replaceUpstreams\":[\"a.b:1\"]}",
			HEAD LISTS ",\"replaceUpstreams\":[{\"upstream\":\"a.b:1\"}]}", true},
		{HEAD ",\"addUpstreams\":[\"a.b:1\"],\"removeUpstreams\":[]}",
			HEAD ",\"addUpstreams\":[{\"upstream\":\"a.b:1\",\"rackId\":\"k\"}],"
			     "\"removeUpstreams\":[]}",
			false},
		/* what a leader rewrites by itself */
		{HEAD ",\"addUpstreams\":[],\"removeUpstreams\":[\"a.b:1\"]}",
			HEAD
			",\"addUpstreams\":[],\"removeUpstreams\":[\"a.b:1\"],\"noValidate\":true}",
			true},
		{HEAD ",\"addUpstreams\":[\"a.b:1\"],\"removeUpstreams\":[]}",
			HEAD ",\"addUpstreams\":[{\"upstream\":\"a.b:1\",\"requestId\":\"r\","
			     "\"resolvedUpstream\":\"1.1.1.1:1\"}],\"removeUpstreams\":[]}",
			true},
		{HEAD ",\"addUpstreams\":[{\"upstream\":\"a.b:1\",\"requestId\":\"r\","
		      "\"resolvedUpstream\":\"2.2.2.2:1\"}],"
		      "\"removeUpstreams\":[]}",
			HEAD ",\"addUpstreams\":[{\"upstream\":\"a.b:1\",\"requestId\":\"r\","
			     "\"resolvedUpstream\":\"1.1.1.1:1\"}],\"removeUpstreams\":[]}",
			false},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		const struct request *x = request(*state, rows[i].x),
				     *y = request(*state, rows[i].y);

		if (request_same(x, y) != rows[i].same || request_same(y, x) != rows[i].same)
			fail_msg("%s\n%s", rows[i].x, rows[i].y);
		assert_true(request_same(x, record_clone(&request_record, x, *state)));
	}
}

static void sameness_of_services(void **state)
{
	static const char shape[] = "{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":{"
				    "\"serviceId\":\"s\",\"owners\":[],"
				    "\"serviceBasePath\":\"/\",%s}" LISTS "}";
	static const struct {
		const char *x, *y;
		bool same;
	} rows[] = {
		{"\"loadBalancerGroups\":[\"a\",\"b\"]",
			"\"loadBalancerGroups\":[\"b\",\"a\",\"b\"]", true},
		{"\"loadBalancerGroups\":[\"a\"]", "\"loadBalancerGroups\":[\"b\"]", false},
		{"\"loadBalancerGroups\":[],\"edgeCacheDNS\":\"x\"",
			"\"loadBalancerGroups\":[],\"edgeCacheDomains\":[\"x\"]", true},
		{"\"loadBalancerGroups\":[],\"options\":{}", "\"loadBalancerGroups\":[]", false},
		{"\"loadBalancerGroups\":[],\"options\":{\"a\":1,\"b\":2}",
			"\"loadBalancerGroups\":[],\"options\":{\"b\":2,\"a\":1}", true},
		{"\"loadBalancerGroups\":[],\"options\":{\"a\":1}",
			"\"loadBalancerGroups\":[],\"options\":{\"a\":1.0}", false},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		const char *x = arena_printf(*state, shape, rows[i].x),
			   *y = arena_printf(*state, shape, rows[i].y);

		if (request_same(request(*state, x), request(*state, y)) != rows[i].same)
			fail_msg("%s\n%s", x, y);
	}
}

static void queue_names(void **state)
{
	static const char *const bad[] = {"", "s|r", "s|r|", "s|r|x", "|r|0000000001",
		"s||0000000001", "s|r|1|2", "s|r|99999999999"};
	struct queued_id q = { "svc-a", "req-1", 42 }, back;
	struct buf out = BUF_INIT;
	size_t i;

	queued_id_text(&q, &out);
	assert_string_equal(
		buf_cstr(&out), "QueuedRequestId{serviceId=svc-a, requestId=req-1, index=42}");
	buf_clear(&out);
	queued_id_node_name(&q, &out);
	assert_string_equal(buf_cstr(&out), "svc-a|req-1|0000000042");
	assert_int_equal(queued_id_parse_node(buf_cstr(&out), *state, &back, NULL), 0);
	expect_record(&queued_id_record, &back,
		"{\"serviceId\":\"svc-a\",\"requestId\":\"req-1\",\"index\":42}");
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(queued_id_parse_node(bad[i], *state, &back, NULL), ERR_INVALID);
	assert_int_equal(queued_id_parse_node("s|r|-2147483648", *state, &back, NULL), 0);
	buf_clear(&out);
	queued_id_node_name(&back, &out);
	assert_string_equal(buf_cstr(&out), "s|r|-2147483648");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(full_echo), TEST(refused_with_the_place),
		TEST(accepted_leniently), TEST(sameness), TEST(sameness_of_services),
		TEST(queue_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
