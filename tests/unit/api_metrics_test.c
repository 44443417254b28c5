/*
 * api_metrics_test.c - GET /metrics in-process: what a leader counts, and what is looked up
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"
#include "service/work/service_metrics.h"

#define BODY(id)                                                                                            \
	"{\"loadBalancerRequestId\":\"" id "\",\"loadBalancerService\":{\"serviceId\":\"" id "\",\"owners\":[],"    \
	"\"serviceBasePath\":\"/" id "\",\"loadBalancerGroups\":[\"g\"]},\"addUpstreams\":[{\"upstream\":\"10.0.0.1:80\"}]," \
	"\"removeUpstreams\":[]}"

static const char *scrape(struct box *x)
{
	const struct answer *got = ask(x, "GET", "/metrics?format=prometheus", NULL);

	assert_int_equal(got->status, 200);
	return buf_cstr(&got->body);
}

static void has(const char *text, const char *line)
{
	AUTO(xfree_p) char *want = xasprintf("\n%s\n", line);

	if (strstr(text, want) == NULL)
		fail_msg("'%s' is not in:\n%s", line, text);
}

static void queue_and_agents(void **state)
{
	struct box x = { 0 };
	const char *text;

	(void)state;
	box_start(&x, false);
	text = scrape(&x);
	has(text, "lockstep_leader 0");
	has(text, "lockstep_queue_length 0");
	has(text, "lockstep_queue_oldest_seconds 0");
	mem_server_put(x.srv, "/load-balancer/g", "{\"name\":\"g\"}");
	mem_server_put(x.srv, "/load-balancer/g/hosts/a-lock-0000000001", "{}");
	mem_server_put(x.srv, "/load-balancer/g/known-agents/a:1", "{}");
	mem_server_put(x.srv, "/load-balancer/g/known-agents/b:1", "{}");
	assert_int_equal(ask(&x, "POST", "/request", BODY("r1"))->status, 200);
	run_for(&x, LOOP_MS(3000));
	assert_int_equal(ask(&x, "POST", "/request", BODY("r2"))->status, 200);
	text = scrape(&x);
	has(text, "lockstep_queue_length 2");
	assert_non_null(strstr(text, "lockstep_queue_oldest_seconds 3."));
	has(text, "lockstep_agents_registered{group=\"g\"} 1");
	has(text, "lockstep_agents_known{group=\"g\"} 2");
	has(text, "lockstep_http_requests_total{method=\"POST\",route=\"/request\",status=\"200\"} 2");
	box_stop(&x);
}

static void a_leader_counts_ends(void **state)
{
	struct box x = { 0 };
	struct metrics *m = metrics_new(service_metrics, METRIC_SERVICE_END);
	const char *text;

	(void)state;
	x.options.metrics = m;
	box_start(&x, true);
	mem_server_put(x.srv, "/load-balancer/g", "{\"name\":\"g\"}");
	run_for(&x, LOOP_MS(500));
	assert_int_equal(ask(&x, "POST", "/request", BODY("r1"))->status, 200);
	run_for(&x, LOOP_MS(5000));
	text = scrape(&x);
	has(text, "lockstep_leader 1");
	has(text, "lockstep_queue_length 0");
	has(text, "lockstep_batches_in_progress 0");
	has(text, "lockstep_batches_total{outcome=\"refused\"} 1"); /* there is no agent */
	has(text, "lockstep_batches_total{outcome=\"committed\"} 0");
	has(text, "lockstep_request_end_seconds_count{state=\"FAILED\"} 1");
	has(text, "lockstep_request_end_seconds_count{state=\"SUCCESS\"} 0");
	box_stop(&x);
	metrics_free(&m);
}

static void without_zookeeper_it_tells_what_it_knows(void **state)
{
	struct box x = { 0 };
	const char *text;

	(void)state;
	box_start(&x, false);
	scrape(&x);
	store_mem_cut(x.st, INT64_MAX);
	text = scrape(&x); /* the cut is not noticed yet, or just now */
	has(text, "lockstep_leader 0");
	run_for(&x, LOOP_MS(2000));
	text = scrape(&x);
	has(text, "lockstep_leader 0");
	assert_null(strstr(text, "lockstep_queue_length "));
	box_stop(&x);
}

static void the_type_is_negotiated(void **state)
{
	struct box x = { 0 };
	struct answer got = { .done = false };
	struct http_request *rq;

	(void)state;
	box_start(&x, false);
	rq = http_request_local("GET", "/v2/metrics", NULL, (struct slice){ "", 0 }, on_answer, &got);
	http_request_local_header(rq, "Accept", "text/plain;version=0.0.4");
	router_dispatch(api_router(x.api), rq);
	run_for(&x, LOOP_MS(100));
	assert_int_equal(got.status, 200);
	assert_non_null(strstr(buf_cstr(&got.body), "# TYPE lockstep_leader gauge\n"));
	got.done = false;
	rq = http_request_local("GET", "/v2/metrics", NULL, (struct slice){ "", 0 }, on_answer, &got);
	http_request_local_header(rq, "Accept", "image/png");
	router_dispatch(api_router(x.api), rq);
	run_for(&x, LOOP_MS(100));
	assert_int_equal(got.status, 406);
	assert_int_equal(ask(&x, "GET", "/metrics", NULL)->body.data[0], '{');
	buf_release(&got.body);
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_and_agents),
		cmocka_unit_test(a_leader_counts_ends),
		cmocka_unit_test(without_zookeeper_it_tells_what_it_knows),
		cmocka_unit_test(the_type_is_negotiated),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
