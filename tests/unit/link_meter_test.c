/*
 * link_meter_test.c - each loss of the connection and each return is counted once
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/link_meter.h"

#include "lib/store/store_mem.h"
#include "tests/unit/cmocka_all.h"

static const struct metric table[METRIC_OWN] = { METRIC_COMMON_ROWS };

static void run_for(struct loop *l, int64_t ms)
{
	assert_true(loop_sim_run_for(l, LOOP_MS(ms), 1000000));
}

static double value(const struct metrics *m, enum metric_common row)
{
	return metrics_value(m, (size_t)row, METRIC_PLAIN);
}

static void losses_and_returns(void **state)
{
	struct loop *l = loop_sim_new(3);
	struct mem_server *srv = mem_server_new(l, 3);
	struct store *st = store_mem_new(srv, "a", 4000);
	struct metrics *m = metrics_new(table, METRIC_OWN);
	struct link_meter *lm = link_meter_new(st, m);

	(void)state;
	assert_true(value(m, METRIC_ZK_CONNECTED) == 0);
	run_for(l, 500);
	assert_true(value(m, METRIC_ZK_CONNECTED) == 1);
	assert_true(value(m, METRIC_ZK_RECONNECTS) == 0); /* the first time is none */
	store_mem_cut(st, LOOP_MS(1000));
	run_for(l, 500);
	assert_true(value(m, METRIC_ZK_CONNECTED) == 0);
	run_for(l, 2000);
	assert_true(value(m, METRIC_ZK_CONNECTED) == 1);
	assert_true(value(m, METRIC_ZK_RECONNECTS) == 1);
	assert_true(value(m, METRIC_ZK_LOST) == 0);
	store_mem_expire(st);
	run_for(l, 10000);
	assert_true(value(m, METRIC_ZK_CONNECTED) == 1);
	assert_true(value(m, METRIC_ZK_RECONNECTS) == 2);
	assert_true(value(m, METRIC_ZK_LOST) == 1);
	link_meter_free(&lm);
	metrics_free(&m);
	store_free(&st);
	mem_server_free(&srv);
	loop_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(losses_and_returns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
