/*
 * api_request_test.c - /request in-process: what is queued, what is refused and leaves nothing
 * behind, what is cancelled
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"

#define BODY(id, upstream, more)                                                                                  \
	"{\"loadBalancerRequestId\":\"" id                                                                        \
	"\",\"loadBalancerService\":{\"serviceId\":\"s1\",\"owners\":[],"                                         \
	"\"serviceBasePath\":\"/s1\",\"loadBalancerGroups\":[\"g\"]},\"addUpstreams\":[{\"upstream\":\"" upstream \
	"\"}],\"removeUpstreams\":[]" more "}"
#define ECHO(id, upstream, domains)                                                                                  \
	"{\"loadBalancerRequestId\":\"" id                                                                           \
	"\",\"loadBalancerService\":{\"serviceId\":\"s1\",\"owners\":[],"                                            \
	"\"serviceBasePath\":\"/s1\",\"additionalPaths\":[],\"loadBalancerGroups\":[\"g\"],\"options\":null,"        \
	"\"templateName\":null,\"domains\":[" domains                                                                \
	"],\"edgeCacheDNS\":null,\"edgeCacheDomains\":[],"                                                           \
	"\"preResolveUpstreamDNS\":false},\"addUpstreams\":[{\"upstream\":\"" upstream                               \
	"\",\"requestId\":\"" id                                                                                     \
	"\",\"rackId\":null,\"group\":\"default\",\"resolvedUpstream\":null}],\"removeUpstreams\":[],"               \
	"\"replaceUpstreams\":[],\"replaceServiceId\":null,\"action\":null,\"noValidate\":false,\"noReload\":false," \
	"\"upstreamUpdateOnly\":false,\"noDuplicateUpstreams\":false,\"purgeCache\":false}"
#define ANSWER(id, state, message, answers, request)                                               \
	"{\"loadBalancerRequestId\":\"" id "\",\"loadBalancerState\":\"" state                     \
	"\",\"message\":\"" message "\",\"agentResponses\":" answers ",\"request\":" request "}"
#define QUEUED(id, index)                                                                          \
	"Queued as QueuedRequestId{serviceId=s1, requestId=" id ", index=" index "}"

static void nothing_stored(struct box *x)
{
	assert_int_equal(count(x, "/queue"), 0);
	assert_int_equal(count(x, "/request"), 0);
	assert_int_equal(count(x, "/responseHistory/requestIdMapping"), 0);
	assert_int_equal(count(x, "/responseHistory"), 1);
}

static void nothing_queued(struct box *x)
{
	assert_int_equal(count(x, "/queue"), 0);
	assert_int_equal(count(x, "/request"), 0);
}

static void expect_node(struct box *x, const char *path, const char *text)
{
	const struct store_node *node = mem_server_get(x->srv, path);

	assert_non_null(node);
	assert_int_equal(node->len, strlen(text));
	assert_memory_equal(node->data, text, node->len);
}

static void test_post(void **state)
{
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	mem_server_put(
		x.srv, "/load-balancer/g", "{\"name\":\"g\",\"defaultDomain\":\"d.example\"}");
	expect(&x, "GET", "/request", NULL, 200, "[]");
	expect(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""), 200,
		ANSWER("r1", "WAITING", QUEUED("r1", "0"), "{}",
			ECHO("r1", "10.0.0.1:80", "\"d.example\"")));
	expect(&x, "GET", "/request/r1", NULL, 200,
		ANSWER("r1", "WAITING", QUEUED("r1", "0"), "{}",
			ECHO("r1", "10.0.0.1:80", "\"d.example\"")));
	/* The same again, and another under the same id. */
	expect(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""), 200,
		ANSWER("r1", "WAITING", QUEUED("r1", "0"), "{}",
			ECHO("r1", "10.0.0.1:80", "\"d.example\"")));
	expect(&x, "POST", "/request", BODY("r1", "10.0.0.2:80", ""), 200,
		"{\"loadBalancerRequestId\":\"r1\",\"loadBalancerState\":\"FAILED\",\"message\":\"Request r1 is already enqueued with "
		"different parameters\",\"agentResponses\":null,\"request\":null}");
	expect(&x, "GET", "/request", NULL, 200,
		"[{\"serviceId\":\"s1\",\"requestId\":\"r1\",\"index\":0}]");
	expect(&x, "GET", "/request/r2", NULL, 404,
		"{\"code\":404,\"message\":\"HTTP 404 Not Found\"}");
	box_stop(&x);
}

static void test_an_old_answer_is_given_again(void **state)
{
	static const char old[] = ANSWER("r0", "SUCCESS", "done", "{}", "null");
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	mem_server_put(x.srv, "/responseHistory/s1/r0", old);
	mem_server_put(x.srv, "/responseHistory/requestIdMapping/r0", "\"s1\"");
	expect(&x, "POST", "/request", BODY("r0", "10.0.0.9:80", ""), 200, old);
	expect(&x, "GET", "/request/r0", NULL, 200, old);
	expect(&x, "DELETE", "/request/r0", NULL, 200, old);
	assert_int_equal(count(&x, "/queue"), 0);
	box_stop(&x);
}

static void test_rules_refuse_and_remember(void **state)
{
	static const char reload[] =
		"{\"loadBalancerRequestId\":\"q1\",\"loadBalancerState\":\"FAILED\",\"message\":\"You can not "
		"specify 'noReload' on a request with action 'RELOAD'\",\"agentResponses\":null,\"request\":null}";
	static const char twice[] =
		"{\"loadBalancerRequestId\":\"q2\",\"loadBalancerState\":\"FAILED\",\"message\":\"If "
		"noDuplicateUpstreams is specified, you cannot have duplicate upstreams. Found these duplicate upstreams: "
		"[10.0.0.7:80]\",\"agentResponses\":null,\"request\":null}";
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	expect(&x, "POST", "/request",
		BODY("q1", "10.0.0.1:80", ",\"action\":\"RELOAD\",\"noReload\":true"), 200, reload);
	expect(&x, "GET", "/request/q1", NULL, 200, reload);
	mem_server_put(x.srv, "/state/s2", SERVICE_JSON("s2"));
	mem_server_put(x.srv, "/state/s2/MTAuMC4wLjc6ODA=|r||default|", "");
	mem_server_put(x.srv, "/state-last-updated", "1");
	run_for(&x, LOOP_MS(200));
	expect(&x, "POST", "/request", BODY("q2", "10.0.0.7:80", ",\"noDuplicateUpstreams\":true"),
		200, twice);
	expect(&x, "POST", "/request", BODY("q2", "10.0.0.8:80", ""), 200, twice);
	assert_int_equal(count(&x, "/queue"), 0);
	assert_int_equal(count(&x, "/request"), 0);
	box_stop(&x);
}

/* GET must not say "unknown", which a scheduler takes for "wait"; a body that is right may have the id. */
static void test_malformed_is_remembered(void **state)
{
	static const char problem[] = "addUpstreams[0].upstream is not valid: ";
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	box_start(&x, false);
	for (int i = 0; i < 2; i++) {
		got = ask(&x, "POST", "/request", BODY("m1", "10.0.0.1", ""));
		assert_int_equal(got->status, 422);
		assert_non_null(strstr(buf_cstr(&got->body), problem));
		got = ask(&x, "GET", "/request/m1", NULL);
		assert_int_equal(got->status, 200);
		assert_non_null(strstr(buf_cstr(&got->body), "\"loadBalancerState\":\"FAILED\""));
		assert_non_null(strstr(buf_cstr(&got->body), "\"message\":\"Malformed request: addUpstreams[0].upstream is not"));
	}
	nothing_queued(&x);
	expect(&x, "POST", "/request", BODY("m1", "10.0.0.1:80", ""), 200,
		ANSWER("m1", "WAITING", QUEUED("m1", "0"), "{}", ECHO("m1", "10.0.0.1:80", "")));
	expect(&x, "GET", "/request/m1", NULL, 200,
		ANSWER("m1", "WAITING", QUEUED("m1", "0"), "{}", ECHO("m1", "10.0.0.1:80", "")));
	/* What is wrong now changes nothing of what is queued. */
	assert_int_equal(ask(&x, "POST", "/request", BODY("m1", "10.0.0.1", ""))->status, 422);
	expect(&x, "GET", "/request/m1", NULL, 200,
		ANSWER("m1", "WAITING", QUEUED("m1", "0"), "{}", ECHO("m1", "10.0.0.1:80", "")));
	/* Without ids nobody can ask for it; without ZooKeeper nothing can be kept. */
	assert_int_equal(ask(&x, "POST", "/request", BODY("a b", "10.0.0.1", ""))->status, 422);
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	assert_int_equal(ask(&x, "POST", "/request", BODY("m2", "10.0.0.1", ""))->status, 422);
	box_stop(&x);
}

/* A task that was thought lost is back. */
static void test_an_addition_is_done_anew(void **state)
{
	static const char lost[] = BODY("t-ADD-1", "10.0.0.1:80", ""),
			  old[] = ANSWER("t-ADD-1", "SUCCESS", "done", "{}", ECHO("t-ADD-1", "10.0.0.1:80", "")),
			  there[] = ANSWER("t-ADD-2", "SUCCESS", "done", "{}", ECHO("t-ADD-2", "10.0.0.2:80", "")),
			  anew[] = ANSWER("t-ADD-1", "WAITING", QUEUED("t-ADD-1", "0"), "{}", ECHO("t-ADD-1", "10.0.0.1:80", ""));

	(void)state;
	for (int on = 0; on < 2; on++) {
		struct box x = { .options.repost_after_ms = on * 10000 };

		box_start(&x, false);
		mem_server_put(x.srv, "/responseHistory/s1/t-ADD-1", old);
		mem_server_put(x.srv, "/responseHistory/requestIdMapping/t-ADD-1", "\"s1\"");
		mem_server_put(x.srv, "/responseHistory/s1/t-ADD-2", there);
		mem_server_put(x.srv, "/responseHistory/requestIdMapping/t-ADD-2", "\"s1\"");
		mem_server_put(x.srv, "/state/s1", SERVICE_JSON("s1"));
		mem_server_put(x.srv, "/state/s1/MTAuMC4wLjI6ODA=|t-ADD-2||default|", "");
		mem_server_put(x.srv, "/state-last-updated", "1");
		run_for(&x, LOOP_MS(500));
		expect(&x, "POST", "/request", lost, 200, old); /* it may be a late copy of the first post */
		run_for(&x, LOOP_MS(10000));
		expect(&x, "POST", "/request", BODY("t-ADD-2", "10.0.0.2:80", ""), 200, there);
		expect(&x, "POST", "/request", BODY("t-ADD-1", "10.0.0.3:80", ""), 200, old);
		for (int i = 0; i < 2; i++)
			expect(&x, "POST", "/request", lost, 200, on ? anew : old);
		expect(&x, "GET", "/request/t-ADD-1", NULL, 200, on ? anew : old);
		assert_int_equal(count(&x, "/queue"), on);
		assert_int_equal(count(&x, "/responseHistory/s1"), 2 - on);
		box_stop(&x);
	}
}

static void test_too_large_for_a_transaction(void **state)
{
	struct box x = { 0 };
	AUTO(buf_release) struct buf body = BUF_INIT;
	const struct answer *got;

	(void)state;
	box_start(&x, false);
	buf_str(&body, "{\"loadBalancerRequestId\":\"big\",\"loadBalancerService\":" SERVICE_JSON(
			       "s1") ",\"addUpstreams\":[");
	for (int i = 0; i < 9000; i++)
		buf_printf(
			&body, "%s\"10.0.%d.%d:%d\"", i > 0 ? "," : "", i / 250, i % 250, 1000 + i);
	buf_str(&body, "],\"removeUpstreams\":[]}");
	got = ask(&x, "POST", "/request", buf_cstr(&body));
	assert_int_equal(got->status, 200);
	assert_non_null(strstr(buf_cstr(&got->body), "\"FAILED\""));
	assert_non_null(strstr(buf_cstr(&got->body), "the limit is 800000"));
	got = ask(&x, "GET", "/request/big", NULL);
	assert_non_null(strstr(buf_cstr(&got->body), "the limit is 800000"));
	assert_int_equal(count(&x, "/queue"), 0);
	box_stop(&x);
}

static void test_lists(void **state)
{
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	expect(&x, "GET", "/request/history/s1", NULL, 200, "[]");
	expect(&x, "GET", "/request/history/a%7Cb%0A", NULL, 200, "[]");
	mem_server_put(x.srv, "/responseHistory/s1/r0", ANSWER("r0", "SUCCESS", "done", "{}", "null"));
	mem_server_put(x.srv, "/responseHistory/s1/r00", ANSWER("r00", "FAILED", "no", "{}", "null"));
	ask(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""));
	ask(&x, "POST", "/request", BODY("r2", "10.0.0.2:80", ""));
	expect(&x, "GET", "/request/history/s1?limit=1", NULL, 200,
		"[" ANSWER("r1", "WAITING", QUEUED("r1", "0"), "{}", ECHO("r1", "10.0.0.1:80", "")) ","
		ANSWER("r2", "WAITING", QUEUED("r2", "1"), "{}", ECHO("r2", "10.0.0.2:80", "")) ","
		ANSWER("r00", "FAILED", "no", "{}", "null") "]");
	expect(&x, "GET", "/request/history/s1?limit=0", NULL, 400,
		"{\"code\":400,\"message\":\"limit must be a number from 1 to 1000\"}");
	expect(&x, "GET", "/request?serviceId=s1&limit=1", NULL, 200,
		"[{\"serviceId\":\"s1\",\"requestId\":\"r1\",\"index\":0}]");
	expect(&x, "GET", "/request?group=g&state=WAITING&serviceId=s1", NULL, 200,
		"[{\"serviceId\":\"s1\",\"requestId\":\"r1\",\"index\":0},"
		"{\"serviceId\":\"s1\",\"requestId\":\"r2\",\"index\":1}]");
	expect(&x, "GET", "/request?group=h", NULL, 200, "[]");
	assert_int_equal(ask(&x, "GET", "/request?state=EXPLODED", NULL)->status, 400);
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	assert_int_equal(ask(&x, "GET", "/request/history/s1", NULL)->status, 504);
	assert_int_equal(ask(&x, "GET", "/request?state=WAITING", NULL)->status, 504);
	box_stop(&x);
}

static void test_bad_bodies(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *part;
	} rows[] = {
		{ "", 422, "{\"errors\":[\"The request body may not be null\"]}" },
		{ " \n", 422, "{\"errors\":[\"The request body may not be null\"]}" },
		{ "null", 422, "{\"errors\":[\"The request body may not be null\"]}" },
		{ "{}", 422,
			"{\"errors\":[\"loadBalancerRequestId may not be null\",\"loadBalancerService may not be "
			"null\",\"addUpstreams may not be null\",\"removeUpstreams may not be null\"]}" },
		{ "{\"loadBalancerRequestId\":\"r1\",\"loadBalancerService\":{},\"addUpstreams\":[null],"
		  "\"removeUpstreams\":[]}",
			422, "\"loadBalancerService.owners may not be null\"" },
		{ "{\"loadBalancerRequestId\":\"r1\",\"addUpstreams\":[null],\"removeUpstreams\":[]}", 422,
			"[\"loadBalancerService may not be null\",\"addUpstreams[0] may not be null\"]" },
		{ "{\"addUpstreams\":5}", 400, "addUpstreams: must be an array" },
		{ "{\"loadBalancerRequestId\":\"r1\",}", 400, "Unable to process JSON" },
		{ "[]", 400, "Unable to process JSON" },
		{ "\"x\"", 400, "Unable to process JSON" },
		{ "{\"loadBalancerRequestId\":\"r1\",}", 400, "Unable to process JSON" },
		{ "{\"loadBalancerRequestId\":\"r\xff\"}", 400, "UTF-8" },
		{ BODY("r1", "10.0.0.1:80", ",\"action\":\"EXPLODE\""), 400,
			"action: must be one of" },
		{ BODY("r1", "10.0.0.1:80", ",\"noValidate\":\"perhaps\""), 400, "noValidate" },
		{ BODY("r1", "10.0.0.1:80", ",\"replaceUpstreams\":5"), 400,
			"replaceUpstreams: must be an array" },
		{ BODY("a/b", "10.0.0.1:80", ""), 422,
			"loadBalancerRequestId cannot contain whitespace, '/', or '|'" },
		{ BODY("a b", "10.0.0.1:80", ""), 422, "loadBalancerRequestId cannot contain" },
		{ BODY("a\\nb", "10.0.0.1:80", ""), 422, "loadBalancerRequestId cannot contain" },
		{ BODY("..", "10.0.0.1:80", ""), 422,
			"loadBalancerRequestId cannot be '.' or '..'" },
		{ BODY("../../state", "10.0.0.1:80", ""), 422,
			"loadBalancerRequestId cannot contain" },
		{ BODY("a\\u0000b", "10.0.0.1:80", ""), 400, "loadBalancerRequestId: NUL" },
		{ BODY("r1", "10.0.0.1:80\\u0000", ""), 400, "addUpstreams[0].upstream: NUL" },
		{ BODY("r1", "10.0.0.1", ""), 422, "addUpstreams[0].upstream is not valid: " },
		{ BODY("r1", "10.0.0.1:80\\nserver x", ""), 422,
			"addUpstreams[0].upstream is not valid: " },
		{ BODY("r1", "10.0.0.1:80", ",\"replaceUpstreams\":[\"localhost:8080\"]"), 400,
			"replaceUpstreams[0]: " },
	};
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct answer *got = ask(&x, "POST", "/request", rows[i].body);

		if (got->status != rows[i].status ||
			strstr(buf_cstr(&got->body), rows[i].part) == NULL)
			fail_msg("%s: %d %s", rows[i].body, got->status, buf_cstr(&got->body));
		assert_string_equal(got->type, JSON_TYPE);
		nothing_queued(&x);
	}
	box_stop(&x);
}

static void test_depth_size_and_type(void **state)
{
	struct box x = { 0 };
	AUTO(buf_release) struct buf deep = BUF_INIT;
	struct answer got = { 0 };

	(void)state;
	box_start(&x, false);
	for (int i = 0; i < 100000; i++)
		buf_char(&deep, '[');
	assert_int_equal(ask(&x, "POST", "/request", buf_cstr(&deep))->status, 400);
	while (deep.len < 5 << 20)
		buf_char(&deep, '[');
	assert_int_equal(ask(&x, "POST", "/request", buf_cstr(&deep))->status, 413);
	send_bytes(&x, &got, "POST", "/request", "text/plain", (struct slice){ "{}", 2 });
	assert_int_equal(got.status, 415);
	send_bytes(&x, &got, "POST", "/request", NULL, (struct slice){ "{}", 2 });
	assert_int_equal(got.status, 415);
	send_bytes(&x, &got, "GET", "/request/r1", "text/plain", (struct slice){ "", 0 });
	assert_int_equal(got.status, 415);
	send_bytes(&x, &got, "POST", "/request", "Application/JSON ; charset=utf-8",
		(struct slice){ "{}", 2 });
	assert_int_equal(got.status, 422);
	send_bytes(&x, &got, "POST", "/request/abc", JSON_TYPE, (struct slice){ "{}", 2 });
	assert_int_equal(got.status, 405);
	nothing_stored(&x);
	buf_release(&got.body);
	box_stop(&x);
}

static void test_ids_in_paths(void **state)
{
	static const char *const paths[] = { "/request/%2e%2e", "/request/a%2Fb", "/request/a%0Ab",
		"/request/a%00b", "/request/%ff", "/request/%zz", "/state/%2e%2e",
		"/state/a%2F..%2Fb", "/load-balancer/a%2Fb", "/load-balancer/%2e%2e" };
	struct box x = { 0 };
	int64_t zxid;

	(void)state;
	box_start(&x, false);
	zxid = mem_server_zxid(x.srv);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int status = ask(&x, "GET", paths[i], NULL)->status;

		assert_true(status == 404 || status == 400);
		status = ask(&x, "DELETE", paths[i], NULL)->status;
		assert_true(status == 200 || status == 400 || status == 404 || status == 405);
	}
	assert_int_equal(mem_server_zxid(x.srv), zxid);
	expect(&x, "DELETE", "/request/a%20b", NULL, 200,
		"{\"loadBalancerRequestId\":\"a b\",\"loadBalancerState\":\"CANCELED\","
		"\"message\":\"Request a b does not exist\",\"agentResponses\":null,\"request\":null}");
	box_stop(&x);
}

static void test_cancel(void **state)
{
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	ask(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""));
	expect(&x, "DELETE", "/request/r1", NULL, 200,
		ANSWER("r1", "CANCELING", QUEUED("r1", "0"), "{}", ECHO("r1", "10.0.0.1:80", "")));
	expect_node(&x, "/request/r1/status", "\"CANCELLED_SEND_REVERT_REQUESTS\"");
	expect(&x, "DELETE", "/request/r1", NULL, 200,
		ANSWER("r1", "CANCELING", QUEUED("r1", "0"), "{}", ECHO("r1", "10.0.0.1:80", "")));
	box_stop(&x);
}

static void test_with_a_leader(void **state)
{
	static const char refused[] = ANSWER("r1", "INVALID_REQUEST_NOOP",
		"Invalid request due to non-existent load balancer groups: [g]", "{}",
		ECHO("r1", "10.0.0.1:80", ""));
	struct box x = { 0 };

	(void)state;
	box_start(&x, true);
	assert_non_null(strstr(buf_cstr(&ask(&x, "GET", "/status", NULL)->body),
		"{\"leader\":true,\"pendingRequestCount\":0,"));
	expect(&x, "GET", "/workers", NULL, 200, "[\"http://me:1/x\"]");
	ask(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""));
	run_for(&x, LOOP_MS(500));
	expect(&x, "GET", "/request/r1", NULL, 200, refused);
	expect(&x, "POST", "/request", BODY("r1", "10.0.0.2:80", ""), 200, refused);
	expect(&x, "GET", "/request", NULL, 200, "[]");
	box_stop(&x);
}

/* --- what is answered or used without reading --- */

static enum mem_fault count_reads(void *ctx, const struct mem_op *op)
{
	if (!op->write && op->moment == MEM_BEFORE_APPLY)
		(*(int *)ctx)++;
	return MEM_FAULT_NONE;
}

static void test_an_end_is_remembered(void **state)
{
	struct box x = { 0 };
	AUTO(xfree_p) char *stored = NULL;
	int reads = 0;

	(void)state;
	box_start(&x, true);
	ask(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""));
	run_for(&x, LOOP_MS(500));
	stored = xstrndup(mem_server_get(x.srv, "/responseHistory/s1/r1")->data,
		mem_server_get(x.srv, "/responseHistory/s1/r1")->len);
	mem_server_hook(x.srv, count_reads, &reads);
	expect(&x, "GET", "/request/r1", NULL, 200, stored);
	assert_int_equal(reads, 0);
	ask(&x, "GET", "/request/r2", NULL);
	assert_true(reads > 0); /* what is not known is looked for */
	box_stop(&x);
}

static void test_groups_are_read_when_they_change(void **state)
{
	struct box x = { 0 };
	int reads = 0;

	(void)state;
	box_start(&x, false);
	mem_server_put(
		x.srv, "/load-balancer/g", "{\"name\":\"g\",\"defaultDomain\":\"d.example\"}");
	ask(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""));
	ask(&x, "POST", "/request", BODY("r2", "10.0.0.1:80", ""));
	run_for(&x, LOOP_MS(100));
	mem_server_hook(x.srv, count_reads, &reads);
	expect(&x, "POST", "/request", BODY("r3", "10.0.0.1:80", ""), 200,
		ANSWER("r3", "WAITING", QUEUED("r3", "2"), "{}",
			ECHO("r3", "10.0.0.1:80", "\"d.example\"")));
	assert_int_equal(reads, 0);
	mem_server_put(
		x.srv, "/load-balancer/g", "{\"name\":\"g\",\"defaultDomain\":\"e.example\"}");
	run_for(&x, LOOP_MS(100));
	expect(&x, "POST", "/request", BODY("r4", "10.0.0.1:80", ""), 200,
		ANSWER("r4", "WAITING", QUEUED("r4", "3"), "{}",
			ECHO("r4", "10.0.0.1:80", "\"e.example\"")));
	mem_server_put(x.srv, "/aliases/g", "{\"groups\":[\"h\"],\"domains\":[],\"edgeCacheDomains\":[]}");
	run_for(&x, LOOP_MS(100));
	assert_non_null(strstr(buf_cstr(&ask(&x, "POST", "/request", BODY("r5", "10.0.0.1:80", ""))->body),
		"\"loadBalancerGroups\":[\"h\"]"));
	box_stop(&x);
}

/* --- without ZooKeeper --- */

static enum mem_fault lose(void *ctx, const struct mem_op *op)
{
	int *fault = ctx;

	if (!op->write || *fault < 0 || op->moment != MEM_BEFORE_APPLY)
		return MEM_FAULT_NONE;
	{
		int now = *fault;

		*fault = -1;
		return (enum mem_fault)now;
	}
}

static void test_away(void **state)
{
	struct box x = { 0 };
	int64_t from;

	(void)state;
	box_start(&x, false);
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	from = loop_now(x.l);
	expect(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""), 504,
		"{\"code\":504,\"message\":\"ZooKeeper cannot be reached: not done\"}");
	assert_true(loop_now(x.l) - from < LOOP_MS(2000));
	expect(&x, "DELETE", "/request/r1", NULL, 504,
		"{\"code\":504,\"message\":\"ZooKeeper cannot be reached: not done\"}");
	expect(&x, "GET", "/request/r1", NULL, 504,
		"{\"code\":504,\"message\":\"ZooKeeper cannot be reached\"}");
	nothing_stored(&x);
	assert_int_equal(ask(&x, "GET", "/status", NULL)->status, 200);
	box_stop(&x);
}

/* The link comes back in time: one request, whatever became of the first try. */
static void test_lost_answers(void **state)
{
	static const enum mem_fault faults[] = { MEM_FAULT_LOSE_BEFORE, MEM_FAULT_LOSE_AFTER };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		struct box x = { 0 };
		int fault = (int)faults[i];
		const struct answer *got;

		box_start(&x, false);
		mem_server_hook(x.srv, lose, &fault);
		got = ask(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""));
		assert_int_equal(fault, -1);
		assert_int_equal(got->status, 200);
		assert_non_null(
			strstr(buf_cstr(&got->body), "\"WAITING\",\"message\":\"Queued as"));
		assert_int_equal(count(&x, "/queue"), 1);
		fault = (int)faults[i];
		got = ask(&x, "DELETE", "/request/r1", NULL);
		assert_int_equal(fault, -1);
		assert_int_equal(got->status, 200);
		assert_non_null(strstr(buf_cstr(&got->body), "\"CANCELING\""));
		box_stop(&x);
	}
}

static void test_a_frozen_store(void **state)
{
	struct box x = { 0 };
	int fault = MEM_FAULT_HOLD;

	(void)state;
	box_start(&x, false);
	mem_server_hook(x.srv, lose, &fault);
	expect(&x, "POST", "/request", BODY("r1", "10.0.0.1:80", ""), 504,
		"{\"code\":504,\"message\":\"ZooKeeper did not answer: maybe done; ask for it, or send it again with the same id\"}");
	box_stop(&x);
}

/* Open requests are answered when the api goes, and nothing is called back afterwards. */
static void test_free_with_open_requests(void **state)
{
	struct box x = { 0 };
	struct answer got[3] = { { 0 } };

	(void)state;
	box_start(&x, false);
	send_bytes(&x, &got[0], "POST", "/request", JSON_TYPE,
		(struct slice){
			BODY("r1", "10.0.0.1:80", ""), strlen(BODY("r1", "10.0.0.1:80", "")) });
	send_bytes(&x, &got[1], "GET", "/request/r1", NULL, (struct slice){ "", 0 });
	send_bytes(&x, &got[2], "DELETE", "/state/s1", NULL, (struct slice){ "", 0 });
	api_free(&x.process.api);
	for (size_t i = 0; i < ARRAY_LEN(got); i++) {
		assert_int_equal(got[i].status, 503);
		buf_release(&got[i].body);
	}
	run_for(&x, LOOP_MS(2000));
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_post),
		cmocka_unit_test(test_an_old_answer_is_given_again),
		cmocka_unit_test(test_rules_refuse_and_remember),
		cmocka_unit_test(test_malformed_is_remembered),
		cmocka_unit_test(test_an_addition_is_done_anew),
		cmocka_unit_test(test_too_large_for_a_transaction),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bad_bodies),
		cmocka_unit_test(test_depth_size_and_type),
		cmocka_unit_test(test_ids_in_paths),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_with_a_leader),
		cmocka_unit_test(test_an_end_is_remembered),
		cmocka_unit_test(test_groups_are_read_when_they_change),
		cmocka_unit_test(test_away),
		cmocka_unit_test(test_lost_answers),
		cmocka_unit_test(test_a_frozen_store),
		cmocka_unit_test(test_free_with_open_requests),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
