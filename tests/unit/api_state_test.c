/*
 * api_state_test.c - /state in-process: from memory, with its ETag; removal and reload become
 * requests
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"
#include "lib/http/gzip.h"

#define STATE(id, upstreams) "{\"service\":" SERVICE_JSON(id) ",\"upstreams\":[" upstreams "]}"
#define UPSTREAM                                                                                    \
	"{\"upstream\":\"10.0.0.1:80\",\"requestId\":\"r1\",\"rackId\":null,\"group\":\"default\"," \
	"\"resolvedUpstream\":null}"

static void start(struct box *x)
{
	box_start(x, false);
	mem_server_put(x->srv, "/state/s1", SERVICE_JSON("s1"));
	mem_server_put(x->srv, "/state/s1/MTAuMC4wLjE6ODA=|r1||default|", "");
	mem_server_put(x->srv, "/state-last-updated", "1");
	run_for(x, LOOP_MS(200));
}

static void test_reads(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	expect(&x, "GET", "/state/s1", NULL, 200, STATE("s1", UPSTREAM));
	got = ask(&x, "GET", "/state", NULL);
	assert_string_equal(buf_cstr(&got->body), "[" STATE("s1", UPSTREAM) "]");
	assert_non_null(strstr(got->headers, "ETag: 0\n"));
	assert_null(strstr(got->headers, "Warning"));
	expect(&x, "GET", "/state/s2", NULL, 404,
		"{\"code\":404,\"message\":\"HTTP 404 Not Found\"}");
	/* Not in memory, as nobody said that something changed; but in the store. */
	mem_server_put(x.srv, "/state/s2", SERVICE_JSON("s2"));
	expect(&x, "GET", "/state/s2", NULL, 200, STATE("s2", ""));
	mem_server_put(x.srv, "/state/s1", SERVICE_JSON("other"));
	expect(&x, "GET", "/state/s1", NULL, 200, STATE("s1", UPSTREAM));
	expect(&x, "GET", "/state/s1?fresh=true", NULL, 200, STATE("other", UPSTREAM));
	box_stop(&x);
}

static void ask_if_none_match(struct box *x, struct answer *got, const char *etag)
{
	struct http_request *rq = http_request_local(
		"GET", "/v2/state", NULL, (struct slice){ "", 0 }, on_answer, got);

	http_request_local_header(rq, "If-None-Match", etag);
	got->done = false;
	router_dispatch(api_router(x->api), rq);
	assert_true(got->done);
}

/* What was read over a session counts for the next GET over it, though nobody here has committed it. */
static void test_reads_what_it_has_shown(void **state)
{
	static const char other[] = SERVICE_JSON("other");
	struct box x = { 0 };
	unsigned before = 0, after = 0;

	(void)state;
	start(&x);
	for (int i = 2; i < 40; i++) {
		const char *want = i % 2 == 0 ? STATE("other", UPSTREAM) : STATE("s1", UPSTREAM);
		char version[8];

		snprintf(version, sizeof(version), "%d", i);
		mem_server_put(x.srv, "/state/s1", i % 2 == 0 ? other : SERVICE_JSON("s1"));
		mem_server_put(x.srv, "/state-last-updated", version);
		before += !str_eq(buf_cstr(&ask(&x, "GET", "/state/s1", NULL)->body), want);
		run_for(&x, LOOP_MS(i % 5));
		ask(&x, "GET", "/load-balancer/none/count", NULL); /* read from the store */
		expect(&x, "GET", "/state/s1", NULL, 200, want);
		after += !state_cache_current(x.cache);
		run_for(&x, LOOP_MS(200));
		assert_true(state_cache_current(x.cache));
	}
	assert_int_not_equal(before, 0); /* from memory, until somebody said that it changed */
	assert_int_not_equal(after, 0);  /* the cache was behind then */
	box_stop(&x);
}

static void test_etag(void **state)
{
	struct box x = { 0 };
	struct answer got = { 0 };

	(void)state;
	start(&x);
	ask_if_none_match(&x, &got, "0");
	assert_int_equal(got.status, 304);
	assert_int_equal(got.body.len, 0);
	assert_non_null(strstr(got.headers, "ETag: 0\n"));
	ask_if_none_match(&x, &got, "\"0\"");
	assert_int_equal(got.status, 200);
	mem_server_put(x.srv, "/state-last-updated", "2");
	run_for(&x, LOOP_MS(200));
	ask_if_none_match(&x, &got, "0");
	assert_int_equal(got.status, 200);
	assert_non_null(strstr(got.headers, "ETag: 1\n"));
	buf_release(&got.body);
	box_stop(&x);
}

static void ask_gzip(struct box *x, struct answer *got)
{
	struct http_request *rq = http_request_local(
		"GET", "/v2/state", NULL, (struct slice){ "", 0 }, on_answer, got);

	http_request_local_header(rq, "Accept-Encoding", "snappy,gzip,deflate");
	got->done = false;
	router_dispatch(api_router(x->api), rq);
	assert_true(got->done);
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(got->headers, "Vary: Accept-Encoding\n"));
}

static void expect_gzip_of(const struct answer *got, const char *want)
{
	AUTO(gzip_free) struct gzip *g = gzip_new();
	AUTO(buf_release) struct buf bytes = BUF_INIT;

	gzip_add(g, want, strlen(want), true);
	gzip_take(g, &bytes);
	assert_non_null(strstr(got->headers, "Content-Encoding: gzip\n"));
	assert_int_equal(got->body.len, bytes.len);
	assert_memory_equal(got->body.data, bytes.data, bytes.len);
}

/* A large state is compressed between other things: until then it comes as it is. */
static void test_gzip(void **state)
{
	struct box x = { 0 };
	struct answer got = { 0 };
	size_t plain;

	(void)state;
	start(&x);
	ask_gzip(&x, &got);
	expect_gzip_of(&got, "[" STATE("s1", UPSTREAM) "]");
	for (int i = 0; i < 2000; i++) {
		AUTO(xfree_p) char *path = xasprintf("/state/many%d", i);

		mem_server_put(x.srv, path, SERVICE_JSON("many"));
	}
	mem_server_put(x.srv, "/state-last-updated", "2");
	run_for(&x, LOOP_MS(500));
	ask_gzip(&x, &got);
	assert_null(strstr(got.headers, "Content-Encoding"));
	plain = got.body.len;
	assert_true(plain > 400000);
	run_for(&x, LOOP_MS(5));
	ask_gzip(&x, &got);
	assert_non_null(strstr(got.headers, "Content-Encoding: gzip\n"));
	assert_true(got.body.len < plain / 10);
	/* Stopped in the middle of the next one. */
	mem_server_put(x.srv, "/state-last-updated", "3");
	run_for(&x, LOOP_MS(1000));
	ask_gzip(&x, &got);
	buf_release(&got.body);
	box_stop(&x);
}

static void test_away(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	got = ask(&x, "GET", "/state/s1", NULL);
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(got->headers, "Warning: 110 "));
	got = ask(&x, "GET", "/state", NULL);
	assert_string_equal(buf_cstr(&got->body), "[" STATE("s1", UPSTREAM) "]");
	assert_non_null(strstr(got->headers, "Warning: 110 "));
	assert_int_equal(ask(&x, "GET", "/state/s2", NULL)->status, 504);
	assert_int_equal(ask(&x, "DELETE", "/state/s1", NULL)->status, 504);
	assert_int_equal(ask(&x, "GET", "/load-balancer", NULL)->status, 504);
	box_stop(&x);
}

static void test_health(void **state)
{
	struct box x = { .options = { .admin_path = "/v2/admin" } };

	(void)state;
	start(&x);
	expect(&x, "GET", "/admin/healthcheck", NULL, 200, "{\"ZooKeeperHealthcheck\":{\"healthy\":true,\"message\":\"CONNECTED\"}}");
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	expect(&x, "GET", "/admin/healthcheck", NULL, 500, "{\"ZooKeeperHealthcheck\":{\"healthy\":false,\"message\":\"SUSPENDED\"}}");
	assert_string_equal(buf_cstr(&ask(&x, "GET", "/admin/ping", NULL)->body), "pong\n");
	box_stop(&x);
}

static void test_delete_and_reload(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	got = ask(&x, "DELETE", "/state/none", NULL);
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(buf_cstr(&got->body),
		"-DELETE\",\"loadBalancerState\":\"INVALID_REQUEST_NOOP\",\"message\":\"Service "
		"none not found\",\"agentResponses\":null,\"request\":null}"));
	assert_int_equal(count(&x, "/queue"), 0);
	got = ask(&x, "DELETE", "/state/s1?noValidate=True&noReload=1", NULL);
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(buf_cstr(&got->body),
		"-DELETE\",\"loadBalancerState\":\"WAITING\",\"message\":\"Queued as"));
	assert_non_null(strstr(buf_cstr(&got->body),
		"\"addUpstreams\":[],\"removeUpstreams\":[" UPSTREAM "],\"replaceUpstreams\":[],"
		"\"replaceServiceId\":null,\"action\":\"DELETE\",\"noValidate\":true,\"noReload\":false"));
	got = ask(&x, "POST", "/state/s1/reload", "{}");
	assert_int_equal(got->status, 200);
	assert_non_null(
		strstr(buf_cstr(&got->body), "-RELOAD\",\"loadBalancerState\":\"WAITING\""));
	assert_non_null(strstr(buf_cstr(&got->body), "\"action\":\"RELOAD\",\"noValidate\":false"));
	assert_int_equal(count(&x, "/queue"), 2);
	box_stop(&x);
}

/* --- everything else that is read --- */

#define GROUP(name, domain)                                                                        \
	"{\"name\":\"" name "\",\"domain\":" domain                                                \
	",\"trafficSources\":[],\"sources\":[],\"defaultDomain\":" domain                          \
	",\"domains\":[],\"domainAliases\":{},\"minHealthyAgents\":1}"
#define AGENT(n)                                                                                   \
	"{\"baseAgentUri\":\"http://10.0.0." n ":1/a\",\"agentId\":\"10.0.0." n                    \
	":1\",\"domain\":null,\"ec2\":null,"                                                       \
	"\"gcloud\":null,\"extraAgentData\":{},\"batchEnabled\":true"

static void test_groups(void **state)
{
	struct box x = { 0 };

	(void)state;
	start(&x);
	expect(&x, "GET", "/load-balancer", NULL, 200, "[]");
	mem_server_put(x.srv, "/load-balancer/g", GROUP("g", "null"));
	mem_server_put(x.srv, "/load-balancer/a", GROUP("a", "\"d\""));
	mem_server_put(x.srv, "/load-balancer/bare", "");
	mem_server_put(x.srv, "/load-balancer/bare/targetCount", "3");
	mem_server_put(x.srv, "/aliases/all", "{}");
	mem_server_put(x.srv, "/aliases/g", "{}");
	mem_server_put(x.srv, "/load-balancer/g/hosts/_c_x-latch-0000000001", AGENT("2") "}");
	mem_server_put(x.srv, "/load-balancer/g/hosts/_c_y-latch-0000000000", AGENT("1") "}");
	mem_server_put(x.srv, "/load-balancer/g/hosts/_c_z-latch-0000000002", "no agent");
	mem_server_put(x.srv, "/load-balancer/g/known-agents/10.0.0.1:1",
		AGENT("1") ",\"lastSeenAt\":17}");
	mem_server_put(x.srv, "/load-balancer/g/base-uris/L3N2YzE=", "\"s1\"");
	expect(&x, "GET", "/load-balancer", NULL, 200, "[\"a\",\"all\",\"bare\",\"g\"]");
	expect(&x, "GET", "/load-balancer/all", NULL, 200,
		"[" GROUP("a", "\"d\"") "," GROUP("g", "null") "]");
	expect(&x, "GET", "/load-balancer/a", NULL, 200, GROUP("a", "\"d\""));
	expect(&x, "GET", "/load-balancer/bare", NULL, 404,
		"{\"code\":404,\"message\":\"HTTP 404 Not Found\"}");
	expect(&x, "GET", "/load-balancer/bare/count", NULL, 200, "3");
	expect(&x, "GET", "/load-balancer/g/count", NULL, 200, "1");
	expect(&x, "GET", "/load-balancer/g/agents", NULL, 200,
		"[" AGENT("1") "}," AGENT("2") "}]");
	expect(&x, "GET", "/load-balancer/none/agents", NULL, 200, "[]");
	expect(&x, "GET", "/load-balancer/g/hosts", NULL, 200,
		"[\"http://10.0.0.1:1/a\",\"http://10.0.0.2:1/a\"]");
	expect(&x, "GET", "/load-balancer/g/known-agents", NULL, 200,
		"[" AGENT("1") ",\"lastSeenAt\":17}]");
	expect(&x, "GET", "/load-balancer/g/base-path/all", NULL, 200, "[\"/svc1\"]");
	expect(&x, "GET", "/load-balancer/g/base-path?basePath=/svc1", NULL, 200,
		SERVICE_JSON("s1"));
	expect(&x, "GET", "/load-balancer/g/base-path?basePath=/free", NULL, 404,
		"{\"code\":404,\"message\":\"HTTP 404 Not Found\"}");
	expect(&x, "GET", "/load-balancer/g/base-path", NULL, 400,
		"{\"code\":400,\"message\":\"basePath must not be null\"}");
	box_stop(&x);
}

static void test_forgetting_agents(void **state)
{
	struct box x = { 0 };

	(void)state;
	start(&x);
	mem_server_put(x.srv, "/load-balancer/g", GROUP("g", "null"));
	mem_server_put(x.srv, "/load-balancer/g/hosts/_c_y-latch-0000000000", AGENT("1") "}");
	mem_server_put(x.srv, "/load-balancer/g/known-agents/10.0.0.1:1", AGENT("1") "}");
	mem_server_put(x.srv, "/load-balancer/g/known-agents/10.0.0.2:1", AGENT("2") "}");
	mem_server_put(x.srv, "/lockstep/members/g/10.0.0.1:1",
		"{\"node\":\"_c_y-latch-0000000000\",\"since\":1}");
	mem_server_put(x.srv, "/lockstep/members/g/10.0.0.2:1",
		"{\"node\":\"_c_q-latch-0000000003\",\"since\":1}");
	expect(&x, "DELETE", "/load-balancer/g/known-agents/10.0.0.1:1", NULL, 204, "");
	expect(&x, "DELETE", "/load-balancer/g/known-agents/10.0.0.2:1", NULL, 204, "");
	expect(&x, "DELETE", "/load-balancer/g/known-agents/10.0.0.2:1", NULL, 204, "");
	expect(&x, "DELETE", "/load-balancer/none/known-agents/x", NULL, 204, "");
	assert_int_equal(count(&x, "/load-balancer/g/known-agents"), 0);
	/* The one that is registered goes on counting. */
	assert_non_null(mem_server_get(x.srv, "/lockstep/members/g/10.0.0.1:1"));
	assert_null(mem_server_get(x.srv, "/lockstep/members/g/10.0.0.2:1"));
	box_stop(&x);
}

static void test_checkin_and_status(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	start(&x);
	expect(&x, "POST", "/checkin/g/startup", AGENT("1") "}", 200,
		"{\"state\":\"DONE\",\"exceptionMessage\":null,\"waitTime\":0}");
	expect(&x, "POST", "/checkin/g/shutdown?status=true", AGENT("1") "}", 200,
		"{\"state\":\"DONE\",\"exceptionMessage\":null,\"waitTime\":0}");
	assert_int_equal(ask(&x, "POST", "/checkin/g/startup", "null")->status, 400);
	got = ask(&x, "GET", "/checkin/g/can-shutdown?agentId=x", NULL);
	assert_string_equal(buf_cstr(&got->body), "1");
	assert_string_equal(got->type, "text/plain");
	got = ask(&x, "GET", "/status", NULL);
	assert_true(str_starts(buf_cstr(&got->body),
		"{\"leader\":false,\"pendingRequestCount\":0,\"workerLagMs\":"));
	assert_true(str_ends(buf_cstr(&got->body),
		",\"zookeeperState\":\"CONNECTED\",\"oldestPendingRequest\":0}"));
	expect(&x, "GET", "/workers", NULL, 200, "[]");
	expect(&x, "GET", "/auth/key/verify", NULL, 204, "");
	box_stop(&x);
}

static void leader_status(struct http_request *rq, void *app)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)app;
	buf_str(&b, "{\"leader\":true}");
	http_reply(&rq, 200, JSON_TYPE, &b);
}

static void test_status_of_the_leader(void **state)
{
	static const struct route routes[] = { { "GET", "/status", leader_status, ROLE_OPEN, 0, "" } };
	const struct router_options options = { .context_path = "/v2", .routes = routes, .n_routes = 1 };
	struct router *other = router_new(&options);
	struct box x = { 0 };

	(void)state;
	start(&x);
	mem_server_put(x.srv, "/workers/_c_b-latch-0000000002", "http://10.0.0.8:1/v2");
	mem_server_put(x.srv, "/workers/_c_a-latch-0000000007", "http://10.0.0.9:1/v2");
	expect(&x, "GET", "/workers", NULL, 200,
		"[\"http://10.0.0.8:1/v2\",\"http://10.0.0.9:1/v2\"]");
	sim_net_listen(x.net, "10.0.0.8:1", other);
	expect(&x, "GET", "/status/master", NULL, 200, "{\"leader\":true}");
	sim_net_freeze(x.net, "10.0.0.8:1", true);
	assert_true(str_starts(
		buf_cstr(&ask(&x, "GET", "/status/master", NULL)->body), "{\"leader\":false,"));
	sim_net_unlisten(x.net, "10.0.0.8:1");
	assert_true(str_starts(
		buf_cstr(&ask(&x, "GET", "/status/master", NULL)->body), "{\"leader\":false,"));
	box_stop(&x);
	router_free(&other);
}

static void test_keys(void **state)
{
	struct box x = { 0 };

	(void)state;
	x.options.auth_enabled = true;
	x.options.auth_key = "own";
	start(&x);
	assert_non_null(mem_server_get(x.srv, "/auth/own"));
	expect(&x, "GET", "/auth/key/verify", NULL, 403,
		"{\"code\":403,\"message\":\"HTTP 403 Forbidden\"}");
	expect(&x, "GET", "/auth/key/verify?authkey=bad&authkey=own", NULL, 403,
		"{\"code\":403,\"message\":\"HTTP 403 Forbidden\"}");
	expect(&x, "GET", "/auth/key/verify?authkey=own", NULL, 204, "");
	expect(&x, "POST", "/request", "{", 403,
		"{\"code\":403,\"message\":\"HTTP 403 Forbidden\"}");
	assert_int_equal(ask(&x, "POST", "/request?authkey=own", "{")->status, 400);
	assert_int_equal(ask(&x, "DELETE", "/state/s1", NULL)->status, 403);
	assert_int_equal(ask(&x, "GET", "/state/s1", NULL)->status, 200);
	/* One that comes is good at once, one that has expired soon is not. */
	mem_server_put(x.srv, "/auth/k2",
		"{\"value\":\"k2\",\"owner\":\"o\",\"createdAt\":0,\"expiredAt\":null}");
	run_for(&x, LOOP_MS(100));
	expect(&x, "GET", "/auth/key/verify?authkey=k2", NULL, 204, "");
	mem_server_put(x.srv, "/auth/k2",
		"{\"value\":\"k2\",\"owner\":\"o\",\"createdAt\":0,\"expiredAt\":1}");
	run_for(&x, LOOP_MS(11000));
	expect(&x, "GET", "/auth/key/verify?authkey=k2", NULL, 403,
		"{\"code\":403,\"message\":\"HTTP 403 Forbidden\"}");
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_reads_what_it_has_shown),
		cmocka_unit_test(test_etag),
		cmocka_unit_test(test_gzip),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_delete_and_reload),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_forgetting_agents),
		cmocka_unit_test(test_checkin_and_status),
		cmocka_unit_test(test_status_of_the_leader),
		cmocka_unit_test(test_keys),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
