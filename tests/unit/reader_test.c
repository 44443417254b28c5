/*
 * reader_test.c - sets of reads in waves: order, absence, errors, and an owner who goes
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/reader.h"

#include "tests/unit/store_sample.h"

#include <stdio.h>

struct reading {
	struct sample s;
	struct reader *got; /* kept for looking */
	unsigned calls;
	struct buf order; /* paths as they arrived at the server */
	unsigned syncs;
	enum mem_fault fault;
	const char *fault_path;
};

static void on_read(void *ctx, struct reader **r_take, const struct error *err)
{
	struct reading *x = ctx;

	x->got = STEAL(*r_take);
	x->calls++;
	sample_on_done(&x->s, err);
}

static enum mem_fault hook(void *ctx, const struct mem_op *op)
{
	struct reading *x = ctx;

	if (op->moment != MEM_BEFORE_APPLY)
		return MEM_FAULT_NONE;
	if (strcmp(op->kind, "sync") == 0)
		x->syncs++;
	if (op->path != NULL)
		buf_printf(&x->order, "%s ", op->path);
	return x->fault_path != NULL && str_eq(op->path, x->fault_path) ? x->fault : MEM_FAULT_NONE;
}

static void begin(struct reading *x)
{
	memset(x, 0, sizeof(*x));
	sample_begin(&x->s);
	mem_server_put(x->s.server, "/a", "one");
	mem_server_put(x->s.server, "/a/x", "");
	mem_server_put(x->s.server, "/a/y", "two");
	mem_server_hook(x->s.server, hook, x);
}

static void end(struct reading *x)
{
	reader_free(&x->got);
	buf_release(&x->order);
	sample_end(&x->s);
}

static void reads_nodes_and_lists_in_order(void **state)
{
	struct reading x;
	struct reader *r;
	size_t node, list, absent, no_list, empty, n;
	const char *const *names;

	(void)state;
	begin(&x);
	r = reader_new(x.s.st, x.s.life);

	node = reader_get(r, "/a");
	list = reader_children(r, "/a");
	absent = reader_get(r, "/nothing");
	no_list = reader_children(r, "/nothing");
	empty = reader_get(r, "/a/x");
	reader_run(&r, on_read, &x);
	assert_null(r);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, 0);
	assert_string_equal(buf_cstr(&x.order), "/a /a /nothing /nothing /a/x ");
	assert_int_equal(x.syncs, 0);
	assert_memory_equal(reader_node(x.got, node)->data, "one", 3);
	assert_int_equal(reader_node(x.got, node)->num_children, 2);
	names = reader_names(x.got, list, &n);
	assert_int_equal(n, 2);
	assert_true(strcmp(names[0], names[1]) != 0);
	assert_null(reader_node(x.got, absent));
	assert_false(reader_exists(x.got, absent));
	reader_names(x.got, no_list, &n);
	assert_int_equal(n, 0);
	assert_int_equal(reader_node(x.got, empty)->len, 0);
	end(&x);
}

static void many_reads_are_one_answer(void **state)
{
	struct reading x;
	struct reader *r;
	char path[32];

	(void)state;
	begin(&x);
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/n/%d", i);
		mem_server_put(x.s.server, path, path);
	}
	r = reader_new(x.s.st, x.s.life);
	for (int i = 0; i < 500; i++) {
		snprintf(path, sizeof(path), "/n/%d", i);
		assert_int_equal(reader_get(r, path), i);
	}
	reader_run(&r, on_read, &x);
	sample_wait(&x.s);
	for (size_t i = 0; i < 500; i++) {
		int n = snprintf(path, sizeof(path), "/n/%zu", i);

		assert_int_equal(reader_node(x.got, i)->len, n);
		assert_memory_equal(reader_node(x.got, i)->data, path, (size_t)n);
	}
	end(&x);
	assert_int_equal(x.calls, 1);
}

static void nothing_to_read_answers_later(void **state)
{
	struct reading x;
	struct reader *r;

	(void)state;
	begin(&x);
	r = reader_new(x.s.st, x.s.life);
	reader_run(&r, on_read, &x);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, 0);
	end(&x);
}

static void sync_sees_all_that_was_committed(void **state)
{
	struct reading x;
	struct reader *r;

	(void)state;
	begin(&x);
	store_mem_lag(x.s.st, LOOP_MS(60000));
	mem_server_put(x.s.server, "/new", "1");
	r = reader_new(x.s.st, x.s.life);
	reader_get(r, "/new");
	reader_run(&r, on_read, &x);
	sample_wait(&x.s);
	assert_false(reader_exists(x.got, 0));
	reader_free(&x.got);
	r = reader_new(x.s.st, x.s.life);
	reader_sync_first(r);
	reader_get(r, "/new");
	reader_run(&r, on_read, &x);
	sample_wait(&x.s);
	assert_true(reader_exists(x.got, 0));
	assert_int_equal(x.syncs, 1);
	end(&x);
}

static void waves_keep_the_former(void **state)
{
	struct reading x;
	struct reader *r;

	(void)state;
	begin(&x);
	r = reader_new(x.s.st, x.s.life);
	reader_get(r, "/a");
	reader_run(&r, on_read, &x);
	sample_wait(&x.s);
	r = reader_next(&x.got);
	assert_null(x.got);
	reader_get(r, "/a/y");
	reader_run(&r, on_read, &x);
	sample_wait(&x.s);
	assert_memory_equal(reader_node(x.got, 0)->data, "two", 3);
	assert_memory_equal(reader_node(x.got->prev, 0)->data, "one", 3);
	end(&x);
}

static void one_error_ends_all(void **state)
{
	struct reading x;
	struct reader *r;

	(void)state;
	begin(&x);
	x.fault = MEM_FAULT_LOSE_BEFORE;
	x.fault_path = "/a/x";
	r = reader_new(x.s.st, x.s.life);
	reader_get(r, "/a");
	reader_get(r, "/a/x");
	reader_get(r, "/a/y");
	reader_run(&r, on_read, &x);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, ERR_NOT_DONE);
	sample_settle(&x.s, 1000);
	assert_int_equal(x.calls, 1);
	end(&x);
}

static void an_owner_who_has_gone_hears_nothing(void **state)
{
	struct reading x;
	struct reader *r;

	(void)state;
	begin(&x);
	r = reader_new(x.s.st, x.s.life);
	for (int i = 0; i < 100; i++)
		reader_get(r, "/a");
	reader_run(&r, on_read, &x);
	life_end(&x.s.life);
	x.s.life = life_new();
	sample_settle(&x.s, 1000);
	assert_int_equal(x.calls, 0);
	/* Nor does one whose store closes after it. */
	r = reader_new(x.s.st, x.s.life);
	reader_get(r, "/a");
	reader_run(&r, on_read, &x);
	life_end(&x.s.life);
	end(&x);
	assert_int_equal(x.calls, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_nodes_and_lists_in_order),
		cmocka_unit_test(many_reads_are_one_answer),
		cmocka_unit_test(nothing_to_read_answers_later),
		cmocka_unit_test(sync_sees_all_that_was_committed),
		cmocka_unit_test(waves_keep_the_former),
		cmocka_unit_test(one_error_ends_all),
		cmocka_unit_test(an_owner_who_has_gone_hears_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
