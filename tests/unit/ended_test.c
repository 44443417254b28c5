/*
 * ended_test.c - entries of a history by age, with what leads to them
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/ended.h"

#include "lib/records/paths.h"
#include "tests/unit/store_sample.h"

struct reading {
	struct sample s;
	struct buf got; /* "id" or "id!" if not mapped, each with a space */
	size_t n;
	unsigned calls;
};

static void on_entries(void *ctx, const struct ended_entry *entries, size_t n, const struct error *err)
{
	struct reading *x = ctx;

	x->calls++;
	x->n = n;
	for (size_t i = 0; i < n; i++) {
		buf_printf(&x->got, "%s%s ", entries[i].id, entries[i].mapped ? "" : "!");
		assert_true(i == 0 || entries[i].zxid > entries[i - 1].zxid);
		assert_true(entries[i].ended_ms > 0);
	}
	sample_on_done(&x->s, err);
}

static void put(struct reading *x, const char *id, const char *owner)
{
	mem_server_put(x->s.server, path_history_entry(x->s.arena, "s", id), "{}");
	if (owner != NULL)
		mem_server_put(x->s.server, path_mapping(x->s.arena, id), owner);
}

static const char *entries(struct reading *x)
{
	buf_clear(&x->got);
	ended_read(x->s.st, x->s.life, "s", on_entries, x);
	sample_wait(&x->s);
	assert_int_equal(x->s.code, 0);
	return buf_cstr(&x->got);
}

static void begin(struct reading *x)
{
	memset(x, 0, sizeof(*x));
	sample_begin(&x->s);
	sample_settle(&x->s, 1000);
}

static void finish(struct reading *x)
{
	buf_release(&x->got);
	sample_end(&x->s);
}

static void oldest_first(void **state)
{
	struct reading x;

	(void)state;
	begin(&x);
	assert_string_equal(entries(&x), "");
	put(&x, "z", "\"s\"");
	put(&x, "m", NULL);
	put(&x, "a", "\"other\"");
	put(&x, "b", "no json");
	assert_string_equal(entries(&x), "z m! a! b! ");
	for (int i = 0; i < 320; i++)
		put(&x, arena_printf(x.s.arena, "r%d", 999 - i), "\"s\"");
	assert_true(str_starts(entries(&x), "z m! a! b! r999 r998 "));
	assert_true(str_ends(buf_cstr(&x.got), " r681 r680 "));
	assert_int_equal(x.n, 324);
	finish(&x);
}

static void on_committed(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)res;
	sample_on_done(ctx, err);
}

static int drop(struct reading *x, const char *id, bool mapped)
{
	struct store_txn *t = store_txn_new(x->s.st);

	ended_drop(t, x->s.arena, "s", id, mapped);
	store_txn_commit(&t, on_committed, &x->s);
	sample_wait(&x->s);
	return x->s.code;
}

static void dropped(void **state)
{
	struct reading x;

	(void)state;
	begin(&x);
	put(&x, "a", "\"s\"");
	put(&x, "b", "\"other\"");
	put(&x, "c", NULL);
	assert_int_equal(drop(&x, "a", true), 0);
	assert_null(sample_text(&x.s, path_mapping(x.s.arena, "a")));
	assert_int_equal(drop(&x, "b", false), 0);
	expect_node(&x.s, path_mapping(x.s.arena, "b"), "\"other\"");
	assert_int_equal(drop(&x, "c", true), ERR_CONFLICT);
	assert_string_equal(entries(&x), "c! ");
	finish(&x);
}

static void over_and_away(void **state)
{
	struct reading x;

	(void)state;
	begin(&x);
	put(&x, "a", "\"s\"");
	ended_read(x.s.st, x.s.life, "s", on_entries, &x);
	life_end(&x.s.life);
	sample_settle(&x.s, 100);
	assert_int_equal(x.calls, 0);
	x.s.life = life_new();
	store_mem_cut(x.s.st, INT64_MAX);
	ended_read(x.s.st, x.s.life, "s", on_entries, &x);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, ERR_NOT_DONE);
	finish(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(oldest_first),
		cmocka_unit_test(dropped),
		cmocka_unit_test(over_and_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
