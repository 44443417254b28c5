/*
 * latch_test.c - one leader, one node each, whatever happens to the connection
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/store/latch.h"
#include "lib/store/store_mem.h"

#define TIMEOUT_MS 4000
#define GUID_A "aaaaaaaa-0000-4000-8000-000000000001"
#define GUID_B "bbbbbbbb-0000-4000-8000-000000000002"

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct store *sa, *sb;
	struct latch *a, *b;
	int changes;
	uint64_t fault_at;
	enum mem_fault fault;
	bool kill;
};

static void changed(void *ctx)
{
	((struct box *)ctx)->changes++;
}

static void wait_ms(struct box *x, int64_t ms)
{
	assert_true(loop_sim_run_for(x->l, LOOP_MS(ms), 100000));
}

static void setup(struct box *x)
{
	memset(x, 0, sizeof(*x));
	x->l = loop_sim_new(3);
	x->srv = mem_server_new(x->l, 3);
	x->sa = store_mem_new(x->srv, "a", TIMEOUT_MS);
	x->sb = store_mem_new(x->srv, "b", TIMEOUT_MS);
}

static void join(struct box *x)
{
	x->a = latch_new(x->l, x->sa, "/base/workers", GUID_A, "http://a", changed, x);
	wait_ms(x, 50);
	x->b = latch_new(x->l, x->sb, "/base/workers", GUID_B, "http://b", changed, x);
	wait_ms(x, 50);
}

static void teardown(struct box *x)
{
	latch_free(&x->a);
	latch_free(&x->b);
	wait_ms(x, 50);
	store_free(&x->sa);
	store_free(&x->sb);
	mem_server_free(&x->srv);
	loop_free(&x->l);
}

static size_t nodes_of(struct box *x, const char *guid)
{
	const char *const *names;
	size_t n = mem_server_children(x->srv, "/base/workers", &names), i, found = 0;

	for (i = 0; n != SIZE_MAX && i < n; i++)
		found += strstr(names[i], guid) != NULL;
	return found;
}

static void lowest_leads(void **state)
{
	const char *const *names;
	struct box x;

	(void)state;
	setup(&x);
	join(&x);
	assert_true(latch_leads(x.a));
	assert_false(latch_leads(x.b));
	assert_string_equal(latch_node(x.a), "/base/workers/_c_" GUID_A "-latch-0000000000");
	assert_int_equal(latch_participants(x.b, &names), 2);
	assert_string_equal(names[1], "_c_" GUID_B "-latch-0000000001");
	assert_memory_equal(mem_server_get(x.srv, latch_node(x.b))->data, "http://b", 8);
	assert_int_equal(latch_epoch(x.b), mem_server_get(x.srv, latch_node(x.b))->created_zxid);
	x.changes = 0;
	latch_free(&x.a);
	wait_ms(&x, 50);
	assert_true(latch_leads(x.b));
	assert_true(x.changes > 0);
	assert_int_equal(latch_participants(x.b, NULL), 1);
	/* freed while its node is being made: the node goes too */
	x.a = latch_new(x.l, x.sa, "/base/workers", GUID_A, "", changed, &x);
	while (nodes_of(&x, GUID_A) == 0)
		assert_true(loop_sim_step(x.l));
	assert_null(latch_node(x.a));
	latch_free(&x.a);
	wait_ms(&x, 50);
	assert_int_equal(nodes_of(&x, GUID_A), 0);
	teardown(&x);
}

static void dead_leader_is_followed(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	join(&x);
	store_mem_abandon(&x.sa);
	assert_false(latch_leads(x.a));
	wait_ms(&x, TIMEOUT_MS - 10);
	assert_false(latch_leads(x.b));
	wait_ms(&x, 50);
	assert_true(latch_leads(x.b));
	teardown(&x);
}

static void node_survives_a_reconnect_only(void **state)
{
	AUTO(xfree_p) char *node = NULL;
	struct box x;
	int64_t epoch;

	(void)state;
	setup(&x);
	join(&x);
	node = xstrdup(latch_node(x.a));
	epoch = latch_epoch(x.a);
	store_mem_cut(x.sa, LOOP_MS(TIMEOUT_MS / 2));
	wait_ms(&x, 10);
	assert_false(latch_leads(x.a));
	wait_ms(&x, TIMEOUT_MS / 2 + 50);
	assert_true(latch_leads(x.a));
	assert_string_equal(latch_node(x.a), node);
	assert_int_equal(latch_epoch(x.a), epoch);
	store_mem_cut(x.sa, LOOP_MS(TIMEOUT_MS + 500));
	wait_ms(&x, TIMEOUT_MS + 100);
	assert_true(latch_leads(x.b));
	wait_ms(&x, 600);
	assert_false(latch_leads(x.a));
	assert_non_null(latch_node(x.a));
	assert_string_not_equal(latch_node(x.a), node);
	assert_true(latch_epoch(x.a) > epoch);
	assert_int_equal(nodes_of(&x, GUID_A), 1);
	store_mem_expire(x.sb);
	wait_ms(&x, 200);
	assert_true(latch_leads(x.a));
	assert_false(latch_leads(x.b));
	assert_int_equal(latch_participants(x.a, NULL), 2);
	teardown(&x);
}

static enum mem_fault fault(void *ctx, const struct mem_op *op)
{
	struct box *x = ctx;
	enum mem_moment m = x->fault == MEM_FAULT_LOSE_AFTER ? MEM_AFTER_APPLY : MEM_BEFORE_APPLY;

	if (op->number != x->fault_at || op->moment != m)
		return MEM_FAULT_NONE;
	if (x->kill)
		store_mem_abandon(op->session[0] == 'a' ? &x->sa : &x->sb);
	return x->fault;
}

/* At each operation, each way to go wrong: in the end one node each, and one leader. */
static void any_operation_may_fail(void **state)
{
	static const enum mem_fault faults[] = {MEM_FAULT_LOSE_BEFORE, MEM_FAULT_LOSE_AFTER, MEM_FAULT_HOLD};
	struct box x;
	uint64_t at;
	size_t f;

	(void)state;
	for (at = 1; at <= 30; at++)
		for (f = 0; f < 2 * ARRAY_LEN(faults); f++) {
			setup(&x);
			mem_server_hook(x.srv, fault, &x);
			x.fault_at = at;
			x.fault = faults[f / 2];
			x.kill = f % 2 == 1;
			join(&x);
			wait_ms(&x, 3 * TIMEOUT_MS);
			assert_int_equal(nodes_of(&x, GUID_A), x.sa != NULL);
			assert_int_equal(nodes_of(&x, GUID_B), x.sb != NULL);
			assert_int_equal(latch_leads(x.a) + latch_leads(x.b), 1);
			teardown(&x);
		}
}

static void duplicates_are_removed(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	mem_server_put(x.srv, "/base/workers/other", "not a latch");
	mem_server_put(x.srv, "/base/workers/_c_" GUID_A "-latch-0000000007", "");
	mem_server_put(x.srv, "/base/workers/_c_" GUID_A "-latch-0000000005", "");
	join(&x);
	assert_int_equal(nodes_of(&x, GUID_A), 1);
	assert_string_equal(latch_node(x.a), "/base/workers/_c_" GUID_A "-latch-0000000005");
	assert_int_equal(latch_participants(x.a, NULL), 2);
	teardown(&x);
}

static void committed(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)res;
	assert_null(err);
	*(bool *)ctx = true;
}

static void cleared_folder_is_made_again(void **state)
{
	struct box x;
	struct store_txn *t;
	bool did = false;

	(void)state;
	setup(&x);
	join(&x);
	t = store_txn_new(x.sb);
	store_txn_delete(t, latch_node(x.a), -1);
	store_txn_delete(t, latch_node(x.b), -1);
	store_txn_delete(t, "/base/workers", -1);
	store_txn_commit(&t, committed, &did);
	wait_ms(&x, 2000);
	assert_true(did);
	assert_int_equal(nodes_of(&x, GUID_A), 1);
	assert_int_equal(nodes_of(&x, GUID_B), 1);
	assert_int_equal(latch_leads(x.a) + latch_leads(x.b), 1);
	teardown(&x);
}

static void without_guid_it_watches(void **state)
{
	const char *const *names;
	struct box x;

	(void)state;
	setup(&x);
	x.a = latch_new(x.l, x.sa, "/base/workers", NULL, NULL, changed, &x);
	wait_ms(&x, 50);
	assert_int_equal(latch_participants(x.a, &names), 0);
	x.b = latch_new(x.l, x.sb, "/base/workers", GUID_B, "", changed, &x);
	wait_ms(&x, 50);
	assert_int_equal(latch_participants(x.a, &names), 1);
	assert_string_equal(names[0], "_c_" GUID_B "-latch-0000000000");
	assert_null(latch_node(x.a));
	assert_false(latch_leads(x.a));
	assert_true(latch_leads(x.b));
	teardown(&x);
}

static void names(void **state)
{
	char guid[37];
	int64_t seq = 0;

	(void)state;
	assert_true(latch_parse_name("_c_" GUID_A "-latch-0000000007", &seq, guid));
	assert_int_equal(seq, 7);
	assert_string_equal(guid, GUID_A);
	assert_true(latch_parse_name("latch-2147483647", &seq, guid));
	assert_int_equal(seq, 2147483647);
	assert_string_equal(guid, "");
	assert_true(latch_parse_name("_c_short-latch-0000000001", &seq, guid));
	assert_string_equal(guid, "");
	assert_false(latch_parse_name("latch-7", &seq, guid));
	assert_false(latch_parse_name("latch-00000000x7", &seq, guid));
	assert_false(latch_parse_name("lock-0000000007", &seq, guid));
	assert_false(latch_parse_name("", &seq, guid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lowest_leads),
		cmocka_unit_test(dead_leader_is_followed),
		cmocka_unit_test(node_survives_a_reconnect_only),
		cmocka_unit_test(any_operation_may_fail),
		cmocka_unit_test(duplicates_are_removed),
		cmocka_unit_test(cleared_folder_is_made_again),
		cmocka_unit_test(without_guid_it_watches),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
