/*
 * known_agents_test.c - the leader forgets Java's records of agents that were not seen for half an
 * hour, and only those
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"

#define MINUTES(n) LOOP_MS((int64_t)(n) * 60000)
#define KNOWN "/load-balancer/g/known-agents/"

static void put(struct box *x, const char *name, int64_t seen_ms)
{
	AUTO(xfree_p) char *path = xasprintf(KNOWN "%s", name);
	AUTO(xfree_p) char *json = xasprintf("{\"baseAgentUri\":\"http://%s:1/a\",\"agentId\":\"%s\","
					     "\"lastSeenAt\":%lld}",
		name, name, (long long)seen_ms);

	mem_server_put(x->srv, path, json);
}

static bool known(struct box *x, const char *name)
{
	AUTO(xfree_p) char *path = xasprintf(KNOWN "%s", name);

	return mem_server_get(x->srv, path) != NULL;
}

static void start(struct box *x, bool leads)
{
	box_start(x, leads);
	put(x, "gone", 1);
	put(x, "beats", 1);
	put(x, "ahead", loop_wall_ms(x->l) + 86400000);
	mem_server_put(x->srv, KNOWN "unreadable", "{");
	mem_server_put(x->srv, "/lockstep/members/g/gone", "{\"node\":\"_c_y-latch-0000000000\",\"since\":1}");
	mem_server_put(x->srv, "/load-balancer/h", "");
}

static void forgets(void **state)
{
	struct box x = { 0 };

	(void)state;
	start(&x, true);
	run_for(&x, MINUTES(15));
	put(&x, "beats", 1); /* its clock is wrong, and yet it beats */
	run_for(&x, MINUTES(14));
	assert_int_equal(count(&x, "/load-balancer/g/known-agents"), 4);
	run_for(&x, MINUTES(3));
	assert_false(known(&x, "gone"));
	assert_false(known(&x, "unreadable"));
	assert_true(known(&x, "beats"));
	assert_true(known(&x, "ahead"));
	run_for(&x, MINUTES(20));
	assert_false(known(&x, "beats"));
	assert_true(known(&x, "ahead"));
	box_stop(&x);
}

static void only_the_leader(void **state)
{
	struct box x = { 0 };

	(void)state;
	start(&x, false);
	run_for(&x, MINUTES(60));
	assert_int_equal(count(&x, "/load-balancer/g/known-agents"), 4);
	box_stop(&x);
}

/* It beats between the reading and the removal. */
static enum mem_fault beat(void *ctx, const struct mem_op *op)
{
	if (op->write && op->moment == MEM_BEFORE_APPLY && str_eq(op->path, KNOWN "gone"))
		put(ctx, "gone", 2);
	return MEM_FAULT_NONE;
}

static void seen_just_now(void **state)
{
	struct box x = { 0 };

	(void)state;
	start(&x, true);
	mem_server_hook(x.srv, beat, &x);
	run_for(&x, MINUTES(35));
	assert_true(known(&x, "gone"));
	assert_false(known(&x, "unreadable"));
	mem_server_hook(x.srv, NULL, NULL);
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forgets),
		cmocka_unit_test(only_the_leader),
		cmocka_unit_test(seen_just_now),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
