/*
 * client_sim_test.c - calls between simulated processes, and every way they can go wrong
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/client_sim.h"

#define HOST "a:80"

struct world {
	struct loop *l;
	struct sim_net *net;
	struct client *c;
	struct router *r;
	struct call *call;
	int handled, hooked, gone;
	bool keep;
	struct http_request *kept[4];
	size_t n_kept;
	/* what the caller saw */
	int done, status;
	enum call_end end;
	char text[100], body[100];
	int64_t done_at;
	/* what the hook does */
	struct sim_fate request_fate, answer_fate;
	bool kill_caller, kill_callee;
	bool kill_at_answer;
};

static void on_gone(void *ctx)
{
	((struct world *)ctx)->gone++;
}

static void handle(struct http_request *rq, void *app)
{
	struct world *w = app;
	AUTO(buf_release) struct buf b = BUF_INIT;

	w->handled++;
	assert_string_equal(http_peer(rq), "caller");
	if (w->keep) {
		assert_true(w->n_kept < ARRAY_LEN(w->kept));
		http_on_gone(rq, on_gone, w);
		w->kept[w->n_kept++] = rq;
		return;
	}
	buf_printf(&b, "%s %.*s #%d", http_method(rq), (int)http_body(rq).n, http_body(rq).p,
		w->handled);
	http_reply(&rq, 200, "application/json", &b);
}

static const struct route routes[] = {
	{ "POST", "/x", handle, ROLE_OPEN, 1000, "" },
	{ "GET", "/x", handle, ROLE_OPEN, 0, "" },
};

static void callee_dies(struct world *w)
{
	sim_net_unlisten(w->net, HOST);
	for (size_t i = 0; i < w->n_kept; i++)
		http_reply(&w->kept[i], 200, NULL, NULL); /* as a process does on its way out */
	w->n_kept = 0;
	router_free(&w->r);
}

static void callee_starts(struct world *w)
{
	struct router_options opt = { .routes = routes, .n_routes = ARRAY_LEN(routes), .app = w };

	w->r = router_new(&opt);
	sim_net_listen(w->net, HOST, w->r);
}

static void hook(void *ctx, const struct sim_call *call, struct sim_fate *fate)
{
	struct world *w = ctx;

	w->hooked++;
	assert_string_equal(call->from, "caller");
	assert_string_equal(call->to, HOST);
	*fate = call->answer ? w->answer_fate : w->request_fate;
	if (call->answer != w->kill_at_answer)
		return;
	if (w->kill_caller)
		client_free(&w->c);
	if (w->kill_callee)
		callee_dies(w);
}

static void on_done(void *ctx, const struct call_result *res)
{
	struct world *w = ctx;

	w->call = NULL;
	w->done++;
	w->end = res->end;
	w->status = res->status;
	w->done_at = loop_now(w->l);
	snprintf(w->text, sizeof(w->text), "%s", res->text ? res->text : "-");
	snprintf(w->body, sizeof(w->body), "%s", res->body ? res->body : "-");
	assert_true((res->end == CALL_ANSWERED) == (res->text == NULL));
}

static void setup(struct world *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->l = loop_sim_new(seed);
	w->net = sim_net_new(w->l, seed);
	w->c = client_sim_new(w->net, "caller");
	callee_starts(w);
	sim_net_hook(w->net, hook, w);
}

static void teardown(struct world *w)
{
	client_free(&w->c);
	if (w->r)
		callee_dies(w);
	sim_net_free(&w->net);
	loop_free(&w->l);
}

static void post(struct world *w, int64_t deadline_ms)
{
	struct slice body = { "hello", 5 };

	w->call = client_call(w->c, "http://" HOST "/x", &body, LOOP_MS(deadline_ms), on_done, w);
	assert_int_equal(w->done, 0);
}

static void run_ms(struct world *w, int64_t ms)
{
	assert_true(loop_sim_run_for(w->l, LOOP_MS(ms), 10000));
}

static void ended(struct world *w, enum call_end end, const char *text)
{
	assert_int_equal(w->done, 1);
	assert_int_equal(w->end, end);
	assert_string_equal(w->text, text);
}

static void test_answered(void **state)
{
	struct world w;
	int64_t start;

	(void)state;
	setup(&w, 1);
	start = loop_now(w.l);
	post(&w, 1000);
	run_ms(&w, 5);
	ended(&w, CALL_ANSWERED, "-");
	assert_int_equal(w.status, 200);
	assert_string_equal(w.body, "POST hello #1");
	assert_int_equal(w.hooked, 2);
	assert_true(w.done_at - start >= 200 && w.done_at - start <= 1000);
	w.done = 0;
	client_call(w.c, "http://" HOST "/x", NULL, LOOP_MS(10), on_done, &w);
	run_ms(&w, 5);
	assert_string_equal(w.body, "GET  #2");
	w.done = 0;
	client_call(w.c, "http://" HOST "/nothing", NULL, LOOP_MS(10), on_done, &w);
	run_ms(&w, 5);
	ended(&w, CALL_ANSWERED, "-");
	assert_int_equal(w.status, 404);
	assert_false(loop_sim_step(w.l)); /* nothing left over */
	teardown(&w);
}

static void test_refused(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1);
	callee_dies(&w);
	post(&w, 1000);
	run_ms(&w, 5);
	ended(&w, CALL_NOT_SENT, "Connection refused: /" HOST);
	w.done = 0;
	client_call(w.c, "ftp://x/", NULL, LOOP_MS(10), on_done, &w);
	run_ms(&w, 5);
	ended(&w, CALL_NOT_SENT, "not an http URL: 'ftp://x/'");
	teardown(&w);
}

static void test_lost(void **state)
{
	struct world w;
	const char *text = "Request timed out to /" HOST " of 1000 ms";

	(void)state;
	setup(&w, 1);
	w.request_fate.lose_request = true;
	post(&w, 1000);
	run_ms(&w, 2000);
	ended(&w, CALL_MAYBE_DELIVERED, text);
	assert_int_equal(w.handled, 0);
	w.request_fate.lose_request = false;
	w.answer_fate.lose_answer = true;
	w.done = 0;
	post(&w, 1000);
	run_ms(&w, 2000);
	ended(&w, CALL_MAYBE_DELIVERED, text);
	assert_int_equal(w.handled, 1);
	teardown(&w);
}

static void test_late(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1);
	w.request_fate.delay_us = LOOP_MS(50);
	w.answer_fate.answer_delay_us = LOOP_MS(50);
	post(&w, 1000);
	run_ms(&w, 99);
	assert_int_equal(w.done, 0);
	run_ms(&w, 3);
	ended(&w, CALL_ANSWERED, "-");
	w.request_fate.delay_us = LOOP_MS(5000); /* the request arrives after the caller gave up */
	w.done = 0;
	post(&w, 1000);
	run_ms(&w, 1001);
	ended(&w, CALL_MAYBE_DELIVERED, "Request timed out to /" HOST " of 1000 ms");
	assert_int_equal(w.handled, 1);
	run_ms(&w, 5000);
	assert_int_equal(w.handled, 2);
	assert_int_equal(w.done, 1);
	teardown(&w);
}

static void test_twice(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1);
	w.request_fate.twice = true;
	w.request_fate.again_us = LOOP_MS(30);
	post(&w, 1000);
	run_ms(&w, 20);
	ended(&w, CALL_ANSWERED, "-");
	assert_int_equal(w.handled, 1);
	run_ms(&w, 20);
	assert_int_equal(w.handled, 2);
	assert_int_equal(w.done, 1);
	assert_string_equal(w.body, "POST hello #1");
	/* The first lost, the second there: the caller still hears nothing. */
	w.request_fate.lose_request = true;
	w.done = 0;
	post(&w, 100);
	run_ms(&w, 200);
	ended(&w, CALL_MAYBE_DELIVERED, "Request timed out to /" HOST " of 100 ms");
	assert_int_equal(w.handled, 3);
	teardown(&w);
}

static void test_frozen(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1);
	sim_net_freeze(w.net, HOST, true);
	post(&w, 1000);
	run_ms(&w, 500);
	assert_int_equal(w.handled, 0);
	sim_net_freeze(w.net, HOST, false);
	run_ms(&w, 5);
	ended(&w, CALL_ANSWERED, "-");
	sim_net_freeze(w.net, HOST, true);
	w.done = 0;
	post(&w, 1000);
	run_ms(&w, 1001);
	ended(&w, CALL_MAYBE_DELIVERED, "Request timed out to /" HOST " of 1000 ms");
	assert_int_equal(w.handled, 1);
	sim_net_freeze(w.net, HOST, false);
	run_ms(&w, 5);
	assert_int_equal(w.handled, 2);
	/* An answer made while frozen waits too; and a frozen process that is killed cuts. */
	w.keep = true;
	w.done = 0;
	post(&w, 1000);
	run_ms(&w, 5);
	sim_net_freeze(w.net, HOST, true);
	w.n_kept = 0;
	http_reply(&w.kept[0], 200, NULL, NULL);
	run_ms(&w, 5);
	assert_int_equal(w.done, 0);
	callee_dies(&w);
	run_ms(&w, 5);
	ended(&w, CALL_MAYBE_DELIVERED, "Remotely closed: /" HOST);
	teardown(&w);
}

static void test_callee_dies_with_call_in_hand(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1);
	w.keep = true;
	post(&w, 1000);
	run_ms(&w, 5);
	assert_int_equal(w.n_kept, 1);
	callee_dies(&w);
	assert_int_equal(w.done, 0);
	run_ms(&w, 5);
	ended(&w, CALL_MAYBE_DELIVERED, "Remotely closed: /" HOST);
	assert_int_equal(w.gone, 0);
	callee_starts(&w);
	w.keep = false;
	w.done = 0;
	post(&w, 1000);
	run_ms(&w, 5);
	ended(&w, CALL_ANSWERED, "-");
	teardown(&w);
}

static void test_caller_leaves(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1);
	w.keep = true;
	post(&w, 1000);
	run_ms(&w, 5);
	call_cancel(&w.call);
	run_ms(&w, 5);
	assert_int_equal(w.gone, 1);
	post(&w, 100);
	run_ms(&w, 101);
	assert_int_equal(w.gone, 2);
	w.done = 0;
	post(&w, 100);
	call_cancel(&w.call); /* on the wire: still delivered */
	run_ms(&w, 5);
	assert_int_equal(w.handled, 3);
	assert_int_equal(w.gone, 3);
	assert_int_equal(w.done, 0);
	teardown(&w);
}

static void test_hook_ends_processes(void **state)
{
	(void)state;
	for (int how = 0; how < 8; how++) {
		struct world w;

		setup(&w, (uint64_t)how);
		w.kill_at_answer = how & 1;
		w.kill_caller = how & 2;
		w.kill_callee = how & 4;
		w.request_fate.twice = true;
		post(&w, 100);
		run_ms(&w, 200);
		assert_int_equal(w.done, w.kill_caller ? 0 : 1);
		if (w.kill_callee && !w.kill_at_answer) {
			assert_int_equal(w.handled, 0);
			if (!w.kill_caller)
				ended(&w, CALL_NOT_SENT, "Connection refused: /" HOST);
		}
		assert_false(loop_sim_step(w.l));
		teardown(&w);
	}
}

static void test_net_freed_with_everything_open(void **state)
{
	struct world w;
	struct http_request *open;

	(void)state;
	setup(&w, 1);
	w.keep = true;
	w.request_fate.twice = true;
	w.request_fate.again_us = LOOP_MS(50);
	post(&w, 1000);
	run_ms(&w, 5);
	open = w.kept[0];
	w.n_kept = 0;
	client_free(&w.c);
	sim_net_free(&w.net);
	http_reply(&open, 200, NULL, NULL); /* dropped */
	router_free(&w.r);
	loop_free(&w.l);
	assert_int_equal(w.done, 0);
}

static void history(uint64_t seed, struct buf *out)
{
	struct world w;

	setup(&w, seed);
	for (int i = 0; i < 20; i++) {
		w.done = 0;
		post(&w, 10);
		run_ms(&w, 10);
		buf_printf(out, "%lld ", (long long)w.done_at);
	}
	teardown(&w);
}

static void test_same_seed_same_history(void **state)
{
	AUTO(buf_release) struct buf a = BUF_INIT;
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(buf_release) struct buf c = BUF_INIT;

	(void)state;
	history(7, &a);
	history(7, &b);
	history(8, &c);
	assert_string_equal(a.data, b.data);
	assert_string_not_equal(a.data, c.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answered),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_twice),
		cmocka_unit_test(test_frozen),
		cmocka_unit_test(test_callee_dies_with_call_in_hand),
		cmocka_unit_test(test_caller_leaves),
		cmocka_unit_test(test_hook_ends_processes),
		cmocka_unit_test(test_net_freed_with_everything_open),
		cmocka_unit_test(test_same_seed_same_history),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
