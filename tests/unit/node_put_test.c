/*
 * node_put_test.c - a node is written whether it was there or not, and never over what was not read
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/node_put.h"

#include "lib/base/mem.h"
#include "lib/store/store_mem.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct store *st;
	struct life *life;
	int calls;
	int code; /* 0 or an enum error_code */
};

static int setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));

	b->l = loop_sim_new(1);
	b->srv = mem_server_new(b->l, 1);
	b->st = store_mem_new(b->srv, "a", 6000);
	b->life = life_new();
	assert_true(loop_sim_run_for(b->l, LOOP_MS(500), 100000));
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	life_end(&b->life);
	store_free(&b->st);
	mem_server_free(&b->srv);
	loop_free(&b->l);
	free(b);
	return 0;
}

static void on_done(void *ctx, const struct error *err)
{
	struct box *b = ctx;

	b->calls++;
	b->code = err != NULL ? (int)err->code : 0;
}

static int ended(struct box *b)
{
	b->calls = 0;
	assert_true(loop_sim_run_for(b->l, LOOP_MS(100), 100000));
	assert_int_equal(b->calls, 1);
	return b->code;
}

static void expect_node(struct box *b, const char *path, const char *text, int32_t version)
{
	const struct store_node *node = mem_server_get(b->srv, path);

	assert_non_null(node);
	assert_int_equal(node->len, strlen(text));
	assert_memory_equal(node->data, text, node->len);
	assert_int_equal(node->version, version);
}

static void put(void **state)
{
	struct box *b = *state;

	node_put(b->st, b->life, "/a/b/c", "1", 1, on_done, b);
	assert_int_equal(ended(b), 0);
	expect_node(b, "/a/b/c", "1", 0);
	assert_int_equal(mem_server_get(b->srv, "/a/b")->len, 0);
	node_put(b->st, b->life, "/a/b/c", "22", 2, on_done, b);
	assert_int_equal(ended(b), 0);
	expect_node(b, "/a/b/c", "22", 1);
	node_put(b->st, b->life, "/top", "3", 1, on_done, b);
	assert_int_equal(ended(b), 0);
	expect_node(b, "/top", "3", 0);
}

static void replace(void **state)
{
	struct box *b = *state;

	node_replace(b->st, b->life, "/a/b", "1", 1, 0, on_done, b);
	assert_int_equal(ended(b), ERR_CONFLICT); /* it had been there, and is not any more */
	node_replace(b->st, b->life, "/a/b", "1", 1, -1, on_done, b);
	assert_int_equal(ended(b), 0);
	node_replace(b->st, b->life, "/a/b", "2", 1, -1, on_done, b);
	assert_int_equal(ended(b), ERR_CONFLICT);
	expect_node(b, "/a/b", "1", 0);
	node_replace(b->st, b->life, "/a/b", "2", 1, 0, on_done, b);
	assert_int_equal(ended(b), 0);
	node_replace(b->st, b->life, "/a/b", "3", 1, 0, on_done, b);
	assert_int_equal(ended(b), ERR_CONFLICT);
	expect_node(b, "/a/b", "2", 1);
}

static void delete(void **state)
{
	struct box *b = *state;

	node_delete(b->st, b->life, "/x", -1, on_done, b);
	assert_int_equal(ended(b), 0);
	mem_server_put(b->srv, "/x", "1");
	node_delete(b->st, b->life, "/x", 7, on_done, b);
	assert_int_equal(ended(b), ERR_CONFLICT);
	assert_non_null(mem_server_get(b->srv, "/x"));
	node_delete(b->st, b->life, "/x", 0, on_done, b);
	assert_int_equal(ended(b), 0);
	assert_null(mem_server_get(b->srv, "/x"));
}

/* Whoever asked has gone, at any moment of it: nothing calls back, nothing is left over. */
static void nobody_waits(void **state)
{
	struct box *b = *state;

	for (int64_t us = 0; us < 1500; us += 100) { /* it takes four round trips of 400 us */
		struct life *life = life_new();
		AUTO(xfree_p) char *path = xasprintf("/gone/%lld/b", (long long)us);

		node_put(b->st, life, path, "1", 1, on_done, b);
		assert_true(loop_sim_run_for(b->l, us, 100000));
		life_end(&life);
		b->calls = 0;
		assert_true(loop_sim_run_for(b->l, LOOP_MS(20), 100000));
		assert_int_equal(b->calls, 0);
	}
}

static void away(void **state)
{
	struct box *b = *state;

	store_mem_cut(b->st, INT64_MAX);
	assert_true(loop_sim_run_for(b->l, LOOP_MS(10), 100000));
	node_put(b->st, b->life, "/a", "1", 1, on_done, b);
	assert_int_equal(ended(b), ERR_NOT_DONE);
	assert_null(mem_server_get(b->srv, "/a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(put, setup, teardown),
		cmocka_unit_test_setup_teardown(replace, setup, teardown),
		cmocka_unit_test_setup_teardown(delete, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
