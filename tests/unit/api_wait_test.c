/*
 * api_wait_test.c - wait=SECONDS in-process: held until there is something new, never longer, never too many
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"
#include "lib/base/metrics.h"
#include "service/work/service_metrics.h"

#define BODY(id)                                                                                            \
	"{\"loadBalancerRequestId\":\"" id "\",\"loadBalancerService\":{\"serviceId\":\"s1\",\"owners\":[],"    \
	"\"serviceBasePath\":\"/s1\",\"loadBalancerGroups\":[\"g\"]},\"addUpstreams\":[{\"upstream\":\"10.0.0.1:80\"}]," \
	"\"removeUpstreams\":[]}"

static void begin(struct box *x, struct answer *got, const char *path, const char *etag)
{
	AUTO(xfree_p) char *full = xasprintf("/v2%s", path);
	struct http_request *rq = http_request_local("GET", full, NULL, (struct slice){ "", 0 }, on_answer, got);

	if (etag != NULL)
		http_request_local_header(rq, "If-None-Match", etag);
	got->done = false;
	router_dispatch(api_router(x->api), rq);
	run_for(x, LOOP_MS(50));
}

static void expect_state(const struct answer *got, int status, const char *state)
{
	AUTO(xfree_p) char *want = xasprintf("\"loadBalancerState\":\"%s\"", state);

	assert_true(got->done);
	assert_int_equal(got->status, status);
	if (strstr(buf_cstr(&got->body), want) == NULL)
		fail_msg("no %s in %s", want, buf_cstr(&got->body));
}

static void set_status(struct box *x, const char *id, const char *status)
{
	AUTO(xfree_p) char *path = xasprintf("/request/%s/status", id), *text = xasprintf("\"%s\"", status);

	mem_server_put(x->srv, path, text);
	run_for(x, LOOP_MS(50));
}

static void start(struct box *x)
{
	box_start(x, false);
	mem_server_put(x->srv, "/load-balancer/g", "{\"name\":\"g\"}");
	assert_int_equal(ask(x, "POST", "/request", BODY("r1"))->status, 200);
}

static void a_request_is_told_when_its_state_changes(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false }, late = { .done = false };

	(void)state;
	start(&x);
	begin(&x, &got, "/request/r1?wait=30", NULL);
	assert_false(got.done);
	set_status(&x, "r1", "CHECK_APPLY_RESPONSES"); /* WAITING as before */
	assert_false(got.done);
	set_status(&x, "r1", "CANCELLED_SEND_REVERT_REQUESTS");
	expect_state(&got, 200, "CANCELING");
	/* Who comes later saw CANCELING. */
	begin(&x, &late, "/request/r1?wait=30", NULL);
	assert_false(late.done);
	/* Who says so need not have been there. */
	begin(&x, &got, "/request/r1?wait=30&seen=WAITING", NULL);
	expect_state(&got, 200, "CANCELING");
	mem_server_put(x.srv, "/responseHistory/s1/r1",
		"{\"loadBalancerRequestId\":\"r1\",\"loadBalancerState\":\"CANCELED\",\"message\":\"m\",\"agentResponses\":{},"
		"\"request\":null}");
	set_status(&x, "r1", "CANCELLED");
	expect_state(&late, 200, "CANCELED");
	/* There is nothing more to wait for. */
	begin(&x, &got, "/request/r1?wait=30&seen=CANCELED", NULL);
	expect_state(&got, 200, "CANCELED");
	buf_release(&got.body);
	buf_release(&late.body);
	box_stop(&x);
}

static void the_time_is_over(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false };

	(void)state;
	start(&x);
	begin(&x, &got, "/request/r1?wait=2", NULL);
	run_for(&x, LOOP_MS(1800));
	assert_false(got.done);
	run_for(&x, LOOP_MS(300));
	expect_state(&got, 200, "WAITING");
	begin(&x, &got, "/request/r1?wait=0", NULL);
	expect_state(&got, 200, "WAITING");
	buf_release(&got.body);
	box_stop(&x);
}

static void zookeeper_goes_and_comes_back_meanwhile(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false };

	(void)state;
	start(&x);
	begin(&x, &got, "/request/r1?wait=30", NULL);
	store_mem_cut(x.st, LOOP_MS(2000));
	run_for(&x, LOOP_MS(500));
	assert_false(got.done);
	set_status(&x, "r1", "CANCELLED_SEND_REVERT_REQUESTS");
	assert_false(got.done);
	run_for(&x, LOOP_MS(3000));
	expect_state(&got, 200, "CANCELING");
	buf_release(&got.body);
	box_stop(&x);
}

static void what_is_no_request_is_not_waited_for(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false };

	(void)state;
	start(&x);
	begin(&x, &got, "/request/unknown?wait=30", NULL);
	assert_true(got.done);
	assert_int_equal(got.status, 404);
	begin(&x, &got, "/request/r1?wait=61", NULL);
	assert_int_equal(got.status, 400);
	begin(&x, &got, "/request/r1?wait=1.5", NULL);
	assert_int_equal(got.status, 400);
	begin(&x, &got, "/request/r1?wait=5&seen=DONE", NULL);
	assert_int_equal(got.status, 400);
	begin(&x, &got, "/state?wait=-1", NULL);
	assert_int_equal(got.status, 400);
	buf_release(&got.body);
	box_stop(&x);
}

static void the_leader_tells_the_end(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false };

	(void)state;
	box_start(&x, true);
	mem_server_put(x.srv, "/load-balancer/g", "{\"name\":\"g\"}");
	run_for(&x, LOOP_MS(500));
	assert_int_equal(ask(&x, "POST", "/request", BODY("r1"))->status, 200);
	begin(&x, &got, "/request/r1?wait=30&seen=WAITING", NULL);
	run_for(&x, LOOP_MS(4000));
	assert_true(got.done);
	assert_int_equal(got.status, 200);
	assert_null(strstr(buf_cstr(&got.body), "\"WAITING\""));
	buf_release(&got.body);
	box_stop(&x);
}

static void the_state_is_told_when_its_version_changes(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false };

	(void)state;
	box_start(&x, false);
	mem_server_put(x.srv, "/state/s1", SERVICE_JSON("s1"));
	mem_server_put(x.srv, "/state-last-updated", "1");
	run_for(&x, LOOP_MS(200));
	begin(&x, &got, "/state?wait=30", NULL); /* nothing to compare with */
	assert_int_equal(got.status, 200);
	begin(&x, &got, "/state?wait=30", "17");
	assert_int_equal(got.status, 200);
	begin(&x, &got, "/state?wait=2", "0");
	assert_false(got.done);
	run_for(&x, LOOP_MS(2100));
	assert_true(got.done);
	assert_int_equal(got.status, 304);
	begin(&x, &got, "/state?wait=30", "0");
	mem_server_put(x.srv, "/state/s2", SERVICE_JSON("s2"));
	run_for(&x, LOOP_MS(200));
	assert_false(got.done);
	mem_server_put(x.srv, "/state-last-updated", "2");
	run_for(&x, LOOP_MS(200));
	assert_true(got.done);
	assert_int_equal(got.status, 200);
	assert_non_null(strstr(got.headers, "ETag: 1\n"));
	assert_non_null(strstr(buf_cstr(&got.body), "\"serviceId\":\"s2\""));
	buf_release(&got.body);
	box_stop(&x);
}

static double waiting(struct box *x, struct metrics *m)
{
	ask(x, "GET", "/metrics", NULL);
	return metrics_value(m, METRIC_WAITERS, METRIC_PLAIN);
}

static void there_is_room_for_so_many(void **state)
{
	struct box x = { 0 };
	struct answer got[4] = { { .done = false } };
	struct metrics *m = metrics_new(service_metrics, METRIC_SERVICE_END);

	(void)state;
	x.options.max_waiters = 2;
	x.options.metrics = m;
	start(&x);
	begin(&x, &got[0], "/request/r1?wait=30", NULL);
	mem_server_put(x.srv, "/state-last-updated", "1");
	run_for(&x, LOOP_MS(200));
	begin(&x, &got[1], "/state?wait=30", "0");
	assert_true(waiting(&x, m) == 2);
	begin(&x, &got[2], "/request/r1?wait=30", NULL);
	expect_state(&got[2], 200, "WAITING");
	begin(&x, &got[3], "/state?wait=30", "0");
	assert_int_equal(got[3].status, 304);
	/* The service is stopping: all are told what is known, and nobody is held any more. */
	assert_false(got[0].done);
	api_drain(x.api);
	run_for(&x, LOOP_MS(50));
	expect_state(&got[0], 200, "WAITING");
	assert_int_equal(got[1].status, 304);
	begin(&x, &got[2], "/request/r1?wait=30", NULL);
	expect_state(&got[2], 200, "WAITING");
	assert_true(waiting(&x, m) == 0);
	for (size_t i = 0; i < ARRAY_LEN(got); i++)
		buf_release(&got[i].body);
	box_stop(&x);
	metrics_free(&m);
}

static void those_held_at_the_end_are_answered(void **state)
{
	struct box x = { 0 };
	struct answer got[2] = { { .done = false } };

	(void)state;
	start(&x);
	mem_server_put(x.srv, "/state-last-updated", "1");
	run_for(&x, LOOP_MS(200));
	begin(&x, &got[0], "/request/r1?wait=30", NULL);
	begin(&x, &got[1], "/state?wait=30", "0");
	box_stop(&x);
	for (size_t i = 0; i < ARRAY_LEN(got); i++) {
		assert_true(got[i].done);
		assert_int_equal(got[i].status, 503);
		buf_release(&got[i].body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_told_when_its_state_changes),
		cmocka_unit_test(the_time_is_over),
		cmocka_unit_test(zookeeper_goes_and_comes_back_meanwhile),
		cmocka_unit_test(what_is_no_request_is_not_waited_for),
		cmocka_unit_test(the_leader_tells_the_end),
		cmocka_unit_test(the_state_is_told_when_its_version_changes),
		cmocka_unit_test(there_is_room_for_so_many),
		cmocka_unit_test(those_held_at_the_end_are_answered),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
