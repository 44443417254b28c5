/*
 * api_java_test.c - the calls of a Java service: shapes of bodies and answers, and what is done after the link
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "lib/http/client_sim.h"
#include "tests/unit/link_sample.h"

#include <stdio.h>

#define LATCH "/workers/_c_6bd61d37-0000-4000-8000-000000000001-latch-0000000003"
#define MARKER "/lockstep/services/6bd61d37-0000-4000-8000-000000000001"
#define UPDATING "Caught exception while UPDATEING for request "

struct calling {
	struct linked x;
	struct agent_api *api;
	struct sim_net *net;
	struct client *client;
	struct purger *purger;
	struct router *cache; /* that is purged */
	char purged[128];
	unsigned answers;
	int status;
	const char *body, *type, *headers;
};

static void on_purge(struct http_request *rq, void *app)
{
	struct calling *p = app;
	struct buf body = BUF_INIT;

	snprintf(p->purged, sizeof(p->purged), "%s", http_param(rq, "what"));
	buf_str(&body, "gone \xff");
	http_reply(&rq, 207, "text/plain", &body);
}

static void open_cache(struct calling *p)
{
	static const struct route routes[] = { { "POST", "/purge/{what}", on_purge, ROLE_OPEN, 0, "" } };
	const struct router_options opt = { .context_path = "", .routes = routes, .n_routes = 1, .app = p };

	p->net = sim_net_new(p->x.s.loop, 1);
	p->cache = router_new(&opt);
	sim_net_listen(p->net, "cache:1", p->cache);
	p->client = client_sim_new(p->net, "agent");
	p->purger = purger_new(p->client, "http://cache:1/purge/%s*");
}

static int begin(void **state)
{
	struct calling *p = xcalloc(1, sizeof(*p));

	linked_begin(&p->x);
	mem_server_put(p->x.s.server, LATCH, "http://java/b");
	mem_server_put(p->x.s.server, "/request/r1", REQUEST("r1", "s", ""));
	mem_server_put(p->x.s.server, "/request/bad", REQUEST("bad", "bad", ""));
	open_cache(p);
	linked_join(&p->x);
	p->api = agent_api_new(&(struct agent_api_options){ .loop = p->x.s.loop, .link = p->x.link, .context_path = "/a",
		.link_options = &p->x.opt, .purger = p->purger });
	buf_clear(&p->x.obeyer.told);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct calling *p = *state;

	agent_api_free(&p->api);
	purger_free(&p->purger);
	client_free(&p->client);
	sim_net_free(&p->net);
	router_free(&p->cache);
	linked_end(&p->x);
	free(p);
	return 0;
}

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct calling *p = ctx;

	p->answers++;
	p->status = a->status;
	p->type = arena_strdup(p->x.s.arena, a->content_type);
	p->body = arena_strndup(p->x.s.arena, a->body.n > 0 ? a->body.p : "", a->body.n);
	p->headers = arena_strdup(p->x.s.arena, a->headers);
}

static void call(struct calling *p, const char *method, const char *path, const char *body)
{
	const struct slice s = { body, strlen(body) };

	p->status = 0;
	p->answers = 0;
	router_dispatch(agent_api_router(p->api), http_request_local(method, path, "application/json", s, on_answer, p));
}

static void expect(struct calling *p, const char *method, const char *path, const char *body, int status, const char *answer)
{
	call(p, method, path, body);
	sample_settle(&p->x.s, 300);
	assert_int_equal(p->answers, 1);
	assert_string_equal(p->body, answer);
	assert_int_equal(p->status, status);
}

static void batches(void **state)
{
	struct calling *p = *state;

	expect(p, "POST", "/a/batch", "[]", 200, "[]");
	expect(p, "POST", "/a/batch", "[{\"requestId\":\"r1\",\"requestAction\":null,\"requestType\":\"APPLY\"}]", 200,
		"[{\"requestId\":\"r1\",\"statusCode\":200,\"message\":null,\"requestType\":\"APPLY\"}]");
	assert_string_equal(p->type, "application/json");
	p->x.obeyer.hates = "bad";
	p->x.obeyer.blames = "bad";
	expect(p, "POST", "/a/batch",
		"[{\"requestId\":\"r1\",\"requestType\":\"APPLY\"},{\"requestId\":\"bad\",\"requestAction\":\"UPDATE\",\"requestType\":\"APPLY\"},"
		"{\"requestId\":\"gone-1\",\"requestAction\":\"DELETE\",\"requestType\":\"APPLY\"},"
		"{\"requestId\":\"r1\",\"requestAction\":\"UPDATE\",\"requestType\":\"CANCEL\"}]",
		200,
		"[{\"requestId\":\"r1\",\"statusCode\":200,\"message\":null,\"requestType\":\"APPLY\"},"
		"{\"requestId\":\"bad\",\"statusCode\":500,\"message\":\"" UPDATING "bad: I hate bad: it is the one\",\"requestType\":\"APPLY\"},"
		"{\"requestId\":\"gone-1\",\"statusCode\":404,\"message\":\"Request gone-1 does not exist\",\"requestType\":\"APPLY\"},"
		"{\"requestId\":\"r1\",\"statusCode\":200,\"message\":null,\"requestType\":\"CANCEL\"}]");
}

static void bad_bodies(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" }, { "null", "array" }, { "{}", "array" }, { "nonsense", "" },
		{ "[{\"requestId\":\"r1\"}]", "[0].requestType" },
		{ "[{\"requestId\":\"r1\",\"requestType\":\"APPLY\"},{\"requestType\":\"APPLY\"}]", "[1].requestId" },
	};
	struct calling *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		call(p, "POST", "/a/batch", rows[i][0]);
		sample_settle(&p->x.s, 10);
		assert_int_equal(p->answers, 1);
		assert_int_equal(p->status, 400);
		if (strstr(p->body, rows[i][1]) == NULL)
			fail_msg("'%s' does not name %s", p->body, rows[i][1]);
	}
	assert_string_equal(buf_cstr(&p->x.obeyer.told), "");
}

static void single_calls(void **state)
{
	struct calling *p = *state;

	expect(p, "POST", "/a/request/r1", "", 200, "");
	assert_null(p->type);
	expect_told(&p->x, "CONVERGE s(1) [s]\n");
	expect(p, "DELETE", "/a/request/r1", "", 200, "");
	expect_told(&p->x, "CONVERGE [s]\n");
	expect(p, "POST", "/a/request/none", "", 404, "Request none does not exist"); /* bare, though called JSON */
	assert_string_equal(p->type, "application/json");
	p->x.obeyer.hates = "bad";
	expect(p, "POST", "/a/request/bad", "", 500, UPDATING "bad: I hate bad");
	call(p, "GET", "/a/request/r1", "");
	sample_settle(&p->x.s, 10);
	assert_int_equal(p->status, 405);
}

static void literally(void **state)
{
	struct calling *p = *state;

	expect(p, "POST", "/a/request/l1/literal", REQUEST("l1", "u", ""), 200, "");
	expect_told(&p->x, "CONVERGE u(1) [u]\n");
	expect(p, "POST", "/a/request/l2/literal", REQUEST("l1", "u", ""), 400,
		"{\"code\":400,\"message\":\"loadBalancerRequestId: is not that of the path\"}");
	call(p, "POST", "/a/request/l1/literal", "{}");
	sample_settle(&p->x.s, 10);
	assert_int_equal(p->status, 400);
	assert_non_null(strstr(p->body, "loadBalancerRequestId"));
}

static void refused_under_ours(void **state)
{
	static const char why[] = "{\"code\":409,\"message\":\"a Lockstep service leads: what must run is decided in ZooKeeper, "
				  "not by this call\"}";
	struct calling *p = *state;

	mem_server_put(p->x.s.server, MARKER, "{}");
	expect(p, "POST", "/a/batch", "[{\"requestId\":\"r1\",\"requestType\":\"APPLY\"}]", 409, why);
	expect(p, "POST", "/a/request/r1", "", 409, why);
	expect(p, "DELETE", "/a/request/r1", "", 409, why);
	expect(p, "POST", "/a/batch", "[]", 200, "[]");
	assert_string_equal(buf_cstr(&p->x.obeyer.told), "");
	store_mem_cut(p->x.s.st, INT64_MAX);
	sample_settle(&p->x.s, 10);
	call(p, "POST", "/a/request/r1", "");
	sample_settle(&p->x.s, 100);
	assert_int_equal(p->status, 503);
	assert_non_null(strstr(p->headers, "Retry-After: 1"));
}

static void purging(void **state)
{
	struct calling *p = *state;

	expect(p, "POST", "/a/purgeCache/s", "", 500, "Could not find service with serviceId=s");
	expect(p, "POST", "/a/request/r1", "", 200, "");
	expect(p, "POST", "/a/purgeCache/s", "", 207, "gone ?");
	/* The SHA-256 of "s". */
	assert_string_equal(p->purged, "043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf89*");
	expect(p, "POST", "/a/batch",
		"[{\"requestId\":\"r1\",\"requestAction\":\"PURGE_CACHE\",\"requestType\":\"APPLY\"},"
		"{\"requestId\":\"bad\",\"requestType\":\"PURGE_CACHE\"},"
		"{\"requestId\":\"r1\",\"requestAction\":\"GET_RENDERED_CONFIG\",\"requestType\":\"APPLY\"}]",
		200,
		"[{\"requestId\":\"r1\",\"statusCode\":207,\"message\":\"gone ?\",\"requestType\":\"APPLY\"},"
		"{\"requestId\":\"bad\",\"statusCode\":500,\"message\":\"Could not find service with serviceId=bad\",\"requestType\":\"PURGE_CACHE\"},"
		"{\"requestId\":\"r1\",\"statusCode\":200,\"message\":\"[]\",\"requestType\":\"APPLY\"}]");
	sim_net_unlisten(p->net, "cache:1");
	call(p, "POST", "/a/purgeCache/s", "");
	sample_settle(&p->x.s, 11000);
	assert_int_equal(p->answers, 1);
	assert_int_equal(p->status, 500);
	assert_non_null(strstr(p->body, "cache:1"));
}

static void stopping_answers_what_is_open(void **state)
{
	struct calling *p = *state;

	p->x.obeyer.frozen = true;
	call(p, "POST", "/a/request/r1", "");
	sample_settle(&p->x.s, 100);
	assert_int_equal(p->answers, 0);
	agent_api_free(&p->api);
	assert_int_equal(p->answers, 1);
	assert_int_equal(p->status, 503);
	obeyer_thaw(&p->x.obeyer);
	sample_settle(&p->x.s, 100);
	assert_int_equal(p->answers, 1);
}

static void stopping_while_a_cache_is_asked(void **state)
{
	struct calling *p = *state;

	expect(p, "POST", "/a/request/r1", "", 200, "");
	call(p, "POST", "/a/purgeCache/s", "");
	agent_api_free(&p->api);
	assert_int_equal(p->answers, 1);
	assert_int_equal(p->status, 503);
}

static void not_too_many_wait(void **state)
{
	struct calling *p = *state;

	p->x.obeyer.frozen = true;
	for (int i = 0; i < 64; i++)
		call(p, "POST", "/a/request/r1", "");
	assert_int_equal(p->answers, 0);
	call(p, "POST", "/a/request/r1", "");
	assert_int_equal(p->answers, 1);
	assert_int_equal(p->status, 503);
	obeyer_thaw(&p->x.obeyer);
	p->answers = 0;
	sample_settle(&p->x.s, 1000);
	assert_int_equal(p->answers, 64);
	expect_told(&p->x, "CONVERGE s(1) [s]\n");
}

#define CALL_TEST(fn) cmocka_unit_test_setup_teardown(fn, begin, end)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CALL_TEST(batches),
		CALL_TEST(bad_bodies),
		CALL_TEST(single_calls),
		CALL_TEST(literally),
		CALL_TEST(refused_under_ours),
		CALL_TEST(purging),
		CALL_TEST(stopping_answers_what_is_open),
		CALL_TEST(stopping_while_a_cache_is_asked),
		CALL_TEST(not_too_many_wait),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
