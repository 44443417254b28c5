/*
 * leader_test.c - a foreign service that leaves at any moment of our start: it is either never met, or waited out
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/base/log.h"
#include "lib/http/client_sim.h"
#include "lib/records/paths.h"
#include "lib/records/rules.h"
#include "lib/store/latch.h"
#include "lib/store/store_mem.h"
#include "service/work/leader.h"

#define TIMEOUT_MS 4000
#define FOREIGN_GUID "ffffffff-0000-4000-8000-000000000001"
#define WAIT LOOP_MS(15000)

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct sim_net *net;
	struct store *foreign_store, *store;
	struct client *client;
	struct latch *foreign;
	struct leader *leader;
	unsigned looks; /* our reads of the line while it stood there */
	int64_t left_at;
};

static void nothing(void *ctx)
{
	(void)ctx;
}

static bool in_line(const struct box *x)
{
	const char *const *names;
	size_t n = mem_server_children(x->srv, PATH_WORKERS, &names);

	for (size_t i = 0; n != SIZE_MAX && i < n; i++)
		if (strstr(names[i], FOREIGN_GUID) != NULL)
			return true;
	return false;
}

static enum mem_fault on_op(void *ctx, const struct mem_op *op)
{
	struct box *x = ctx;

	if (op->moment == MEM_BEFORE_APPLY && strcmp(op->session, "ours") == 0 && strcmp(op->kind, "children") == 0 &&
		strcmp(op->path, PATH_WORKERS) == 0)
		x->looks += in_line(x);
	return MEM_FAULT_NONE;
}

static void on_commit(void *ctx, const char *session, const struct mem_change *c, size_t n)
{
	struct box *x = ctx;

	(void)session;
	for (size_t i = 0; i < n; i++)
		if (c[i].deleted && strstr(c[i].path, FOREIGN_GUID) != NULL)
			x->left_at = loop_now(x->l);
}

static void setup(struct box *x)
{
	memset(x, 0, sizeof(*x));
	x->l = loop_sim_new(5);
	x->srv = mem_server_new(x->l, 5);
	x->net = sim_net_new(x->l, 5);
	mem_server_on_commit(x->srv, on_commit, x);
	mem_server_hook(x->srv, on_op, x);
	x->foreign_store = store_mem_new(x->srv, "foreign", TIMEOUT_MS);
	x->foreign = latch_new(x->l, x->foreign_store, PATH_WORKERS, FOREIGN_GUID, "http://java", nothing, x);
	assert_true(loop_sim_run_for(x->l, LOOP_MS(100), 100000));
}

static void start(struct box *x)
{
	struct leader_options opt = { .base_uri = "http://ours", .version = "test", .enabled = true, .seed = 9 };

	opt.worker = (struct worker_options){ .rules = RULES_ON, .prepare_deadline_ms = 1000, .apply_deadline_ms = 1000,
		.revert_deadline_ms = 1000, .call_timeout_ms = 1000, .absent_grace_ms = 1000, .tick_ms = 5000, .batch_max = 1 };
	x->store = store_mem_new(x->srv, "ours", TIMEOUT_MS);
	x->client = client_sim_new(x->net, "ours");
	x->leader = leader_new(x->l, x->store, x->client, &opt);
}

static void leave(struct box *x)
{
	latch_free(&x->foreign);
	store_free(&x->foreign_store);
}

static int64_t led_at(struct box *x)
{
	int64_t end = loop_now(x->l) + LOOP_MS(40000);

	while (!leader_leads(x->leader) && loop_now(x->l) < end)
		assert_true(loop_sim_run_for(x->l, LOOP_MS(1), 100000));
	assert_true(leader_leads(x->leader));
	return loop_now(x->l);
}

static void teardown(struct box *x)
{
	mem_server_hook(x->srv, NULL, NULL);
	leader_free(&x->leader);
	client_free(&x->client);
	assert_true(loop_sim_run_for(x->l, LOOP_MS(50), 100000));
	store_free(&x->store);
	sim_net_free(&x->net);
	mem_server_free(&x->srv);
	loop_free(&x->l);
}

/* Neither is one that may not lead, which came first, in anybody's way, nor does it ever lead. */
static void test_one_that_may_not_lead(void **state)
{
	const struct leader_options opt = { .base_uri = "http://only-http", .version = "test", .enabled = false, .seed = 3 };
	struct leader *other;
	struct store *st;
	struct box x;
	const char *const *names;

	(void)state;
	setup(&x);
	leave(&x);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(100), 100000));
	st = store_mem_new(x.srv, "only-http", TIMEOUT_MS);
	x.client = client_sim_new(x.net, "ours");
	other = leader_new(x.l, st, x.client, &opt);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(30000), 1000000));
	assert_false(leader_leads(other));
	assert_true(leader_ready(other));
	assert_int_equal(mem_server_children(x.srv, PATH_WORKERS, &names), 0);
	client_free(&x.client);
	start(&x);
	led_at(&x);
	assert_false(leader_leads(other));
	leader_free(&other);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(50), 100000));
	store_free(&st);
	teardown(&x);
}

static void test_it_leaves_while_we_start(void **state)
{
	size_t met = 0, missed = 0;

	(void)state;
	for (int64_t us = 0; us <= LOOP_MS(30); us += 250) {
		struct box x;
		int64_t led;

		setup(&x);
		start(&x);
		assert_true(loop_sim_run_for(x.l, us, 100000));
		leave(&x);
		led = led_at(&x);
		assert_true(x.left_at > 0);
		if (x.looks >= 2) /* one look reads it twice, around the markers */
			assert_true(led >= x.left_at + WAIT);
		met += x.looks >= 2;
		missed += led < x.left_at + WAIT;
		teardown(&x);
	}
	assert_true(met > 0 && missed > 0);
}

static void test_it_was_seen_long_ago(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	start(&x);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(120000), 1000000));
	assert_false(leader_leads(x.leader));
	assert_int_equal(leader_unmarked(x.leader), 1);
	leave(&x);
	assert_true(led_at(&x) >= x.left_at + WAIT);
	teardown(&x);
}

static void test_it_leaves_while_we_are_away(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	start(&x);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(60000), 1000000));
	store_mem_expire(x.store);
	leave(&x);
	assert_true(led_at(&x) >= x.left_at + WAIT);
	teardown(&x);
}

static void test_none_ever(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	leave(&x);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(1000), 100000));
	start(&x);
	assert_true(led_at(&x) < x.left_at + LOOP_MS(3000));
	teardown(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_may_not_lead),
		cmocka_unit_test(test_it_leaves_while_we_start),
		cmocka_unit_test(test_it_was_seen_long_ago),
		cmocka_unit_test(test_it_leaves_while_we_are_away),
		cmocka_unit_test(test_none_ever),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
