/*
 * store_mem_test.c - the store in memory keeps ZooKeeper's rules, and its faults are what they say
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

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/store/store_mem.h"

#define TIMEOUT_MS 6000

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct store *a, *b;
	/* last answer */
	bool done;
	int code;
	struct store_node node;
	char data[64];
	size_t n, failed;
	enum store_why why;
	char text[512];
	/* faults */
	uint64_t fault_at;
	const char *fault_path; /* instead of a number */
	enum mem_moment fault_moment;
	enum mem_fault fault;
	struct store **kill;
	bool kill_politely;
	/* commits */
	struct buf commits;
	int watched;
	struct buf links;
	struct store_listener listener;
};

static void setup(struct box *x)
{
	memset(x, 0, sizeof(*x));
	x->l = loop_sim_new(7);
	x->srv = mem_server_new(x->l, 7);
	x->a = store_mem_new(x->srv, "a", TIMEOUT_MS);
	x->b = store_mem_new(x->srv, "b", TIMEOUT_MS);
	assert_int_equal(store_link(x->a), STORE_LINK_DOWN);
	assert_true(loop_sim_run_for(x->l, LOOP_MS(10), 1000));
	assert_int_equal(store_link(x->a), STORE_LINK_UP);
}

static void teardown(struct box *x)
{
	store_free(&x->a);
	store_free(&x->b);
	mem_server_free(&x->srv);
	loop_free(&x->l);
	buf_release(&x->commits);
	buf_release(&x->links);
}

static void run(struct box *x)
{
	size_t i;

	assert_false(x->done); /* never inside the call */
	for (i = 0; i < 10000 && !x->done; i++)
		assert_true(loop_sim_step(x->l));
	assert_true(x->done);
	x->done = false;
}

static void on_done(void *ctx, const struct error *err)
{
	struct box *x = ctx;

	x->done = true;
	x->code = err != NULL ? (int)err->code : 0;
}

static void on_get(void *ctx, const struct store_node *node, const struct error *err)
{
	struct box *x = ctx;

	on_done(ctx, err);
	if (err != NULL)
		return;
	x->node = *node;
	memset(x->data, 0, sizeof(x->data));
	if (node->len > 0)
		memcpy(x->data, node->data, node->len);
}

static void append(struct box *x, const char *word)
{
	size_t used = strlen(x->text);

	snprintf(x->text + used, sizeof(x->text) - used, "%s ", word);
}

static void on_commit(void *ctx, const struct store_result *res, const struct error *err)
{
	struct box *x = ctx;
	size_t i;

	on_done(ctx, err);
	x->failed = res->failed_op;
	x->why = res->failed_why;
	x->text[0] = '\0';
	for (i = 0; err == NULL && i < res->n; i++)
		if (res->created[i] != NULL)
			append(x, res->created[i]);
}

static int compare(const void *p, const void *q)
{
	return strcmp(*(const char *const *)p, *(const char *const *)q);
}

static void on_children(void *ctx, const char *const *names, size_t n, const struct error *err)
{
	struct box *x = ctx;
	const char *sorted[64];
	size_t i;

	on_done(ctx, err);
	x->n = n;
	x->text[0] = '\0';
	for (i = 0; i < n && i < 64; i++)
		sorted[i] = names[i];
	qsort(sorted, n, sizeof(*sorted), compare);
	for (i = 0; i < n; i++)
		append(x, sorted[i]);
}

static int get(struct box *x, struct store *st, const char *path)
{
	store_get(st, path, on_get, x);
	run(x);
	return x->code;
}

static int children(struct box *x, struct store *st, const char *path)
{
	store_children(st, path, on_children, x);
	run(x);
	return x->code;
}

static int commit(struct box *x, struct store_txn *t)
{
	store_txn_commit(&t, on_commit, x);
	assert_null(t);
	run(x);
	return x->code;
}

static struct store_txn *txn_create(struct store *st, const char *path, const char *text, unsigned flags)
{
	struct store_txn *t = store_txn_new(st);

	store_txn_create(t, path, text, strlen(text), flags);
	return t;
}

static int create(struct box *x, struct store *st, const char *path, const char *text, unsigned flags)
{
	return commit(x, txn_create(st, path, text, flags));
}

/* --- rules --- */

static void versions_and_zxids(void **state)
{
	struct box x;
	struct store_txn *t;
	int64_t z;

	(void)state;
	setup(&x);
	z = mem_server_zxid(x.srv);
	t = txn_create(x.a, "/p", "one", 0);
	store_txn_create(t, "/p/c", "", 0, 0);
	store_txn_set(t, "/p", "two", 3, 0);
	store_txn_set(t, "/p", "two", 3, 1);
	assert_int_equal(commit(&x, t), 0);
	assert_string_equal(x.text, "/p /p/c ");
	assert_int_equal(mem_server_zxid(x.srv), z + 1);
	assert_int_equal(get(&x, x.b, "/p"), 0);
	assert_string_equal(x.data, "two");
	assert_int_equal(x.node.version, 2); /* equal data counts too */
	assert_int_equal(x.node.num_children, 1);
	assert_int_equal(x.node.children_version, 1);
	assert_int_equal(x.node.created_zxid, z + 1);
	assert_int_equal(x.node.modified_zxid, z + 1);
	assert_int_equal(get(&x, x.b, "/p/c"), 0);
	assert_null(x.node.data);
	t = store_txn_new(x.a);
	store_txn_delete(t, "/p/c", -1);
	assert_int_equal(commit(&x, t), 0);
	assert_int_equal(get(&x, x.b, "/p"), 0);
	assert_int_equal(x.node.children_version, 2);
	assert_int_equal(x.node.version, 2);
	assert_int_equal(get(&x, x.b, "/p/c"), ERR_NOT_FOUND);
	assert_int_equal(children(&x, x.b, "/nope"), ERR_NOT_FOUND);
	teardown(&x);
}

static void refusals_roll_back(void **state)
{
	struct box x;
	struct store_txn *t;

	(void)state;
	setup(&x);
	assert_int_equal(create(&x, x.a, "/p", "v", 0), 0);
	assert_int_equal(create(&x, x.a, "/p/c", "w", 0), 0);
	assert_int_equal(create(&x, x.a, "/p", "", 0), ERR_CONFLICT);
	assert_int_equal(x.why, STORE_WHY_EXISTS);
	assert_int_equal(create(&x, x.a, "/q/c", "", 0), ERR_CONFLICT);
	assert_int_equal(x.why, STORE_WHY_ABSENT);
	t = store_txn_new(x.a);
	store_txn_delete(t, "/p", -1);
	assert_int_equal(commit(&x, t), ERR_CONFLICT);
	assert_int_equal(x.why, STORE_WHY_NOT_EMPTY);
	/* all kinds before the failing check are taken back */
	t = store_txn_new(x.a);
	store_txn_set(t, "/p", "changed", 7, 0);
	store_txn_create(t, "/p/d", "", 0, STORE_SEQUENCE);
	store_txn_delete(t, "/p/c", 0);
	store_txn_create(t, "/p/c", "again", 5, 0);
	store_txn_delete(t, "/p/c", 0);
	store_txn_check(t, "/p", 0);
	assert_int_equal(commit(&x, t), ERR_CONFLICT);
	assert_int_equal(x.failed, 5);
	assert_int_equal(x.why, STORE_WHY_VERSION);
	assert_int_equal(get(&x, x.a, "/p"), 0);
	assert_string_equal(x.data, "v");
	assert_int_equal(x.node.version, 0);
	assert_int_equal(x.node.children_version, 1);
	assert_int_equal(get(&x, x.a, "/p/c"), 0);
	assert_string_equal(x.data, "w");
	assert_int_equal(children(&x, x.a, "/p"), 0);
	assert_string_equal(x.text, "c ");
	/* and the counter of sequential names too */
	assert_int_equal(create(&x, x.a, "/p/d-", "", STORE_SEQUENCE), 0);
	assert_string_equal(x.text, "/p/d-0000000001 ");
	teardown(&x);
}

static void names_and_sizes(void **state)
{
	static const char *const wrong[] = {"p", "/p/", "//p", "/p/../q", "/.", "/p\x01", "/\xff", "/\xc2\x80", "/", ""};
	struct box x;
	struct store_txn *t;
	char *big = xcalloc(1, STORE_VALUE_MAX + 1);
	size_t i;

	(void)state;
	setup(&x);
	for (i = 0; i < ARRAY_LEN(wrong); i++)
		assert_int_equal(create(&x, x.a, wrong[i], "", 0), ERR_INVALID);
	assert_int_equal(get(&x, x.a, "nope"), ERR_INVALID);
	assert_int_equal(get(&x, x.a, "/"), 0);
	assert_int_equal(create(&x, x.a, "/\xc3\xa9", "", 0), 0);
	t = store_txn_new(x.a);
	store_txn_create(t, "/big", big, STORE_VALUE_MAX + 1, 0);
	assert_int_equal(commit(&x, t), ERR_INVALID);
	t = store_txn_new(x.a);
	store_txn_create(t, "/big", big, 500000, 0);
	assert_int_equal(store_txn_bytes(t), 500000 + 4 + 40);
	store_txn_create(t, "/big2", big, 500000, 0);
	assert_int_equal(store_txn_count(t), 2);
	assert_int_equal(commit(&x, t), ERR_INVALID);
	assert_null(mem_server_get(x.srv, "/big"));
	assert_int_equal(commit(&x, store_txn_new(x.a)), 0); /* nothing to do is fine */
	free(big);
	teardown(&x);
}

static void sequence_restarts_with_parent(void **state)
{
	struct box x;
	struct store_txn *t;

	(void)state;
	setup(&x);
	assert_int_equal(create(&x, x.a, "/p", "", 0), 0);
	assert_int_equal(create(&x, x.a, "/p/s-", "", STORE_SEQUENCE), 0);
	assert_int_equal(create(&x, x.b, "/p/s-", "", STORE_SEQUENCE), 0);
	assert_string_equal(x.text, "/p/s-0000000001 ");
	t = store_txn_new(x.a);
	store_txn_delete(t, "/p/s-0000000001", -1);
	store_txn_create(t, "/p/s-", "", 0, STORE_SEQUENCE);
	assert_int_equal(commit(&x, t), 0);
	assert_string_equal(x.text, "/p/s-0000000002 ");
	t = store_txn_new(x.a);
	store_txn_delete(t, "/p/s-0000000000", -1);
	store_txn_delete(t, "/p/s-0000000002", -1);
	store_txn_delete(t, "/p", -1);
	store_txn_create(t, "/p", "", 0, 0);
	store_txn_create(t, "/p/s-", "", 0, STORE_SEQUENCE);
	assert_int_equal(commit(&x, t), 0);
	assert_string_equal(x.text, "/p /p/s-0000000000 ");
	teardown(&x);
}

static void note_commit(void *ctx, const char *session, const struct mem_change *c, size_t n)
{
	struct box *x = ctx;
	size_t i;

	buf_printf(&x->commits, "%s:", session);
	for (i = 0; i < n; i++)
		buf_printf(&x->commits, "%c%s", c[i].created ? '+' : c[i].deleted ? '-' : '=', c[i].path);
	buf_char(&x->commits, ' ');
}

static void ephemerals_end_with_session(void **state)
{
	struct box x;
	int64_t z;

	(void)state;
	setup(&x);
	mem_server_on_commit(x.srv, note_commit, &x);
	mem_server_put(x.srv, "/p/q", "text");
	assert_int_equal(create(&x, x.a, "/p/e", "", STORE_EPHEMERAL), 0);
	assert_int_equal(create(&x, x.a, "/p/f-", "", STORE_EPHEMERAL | STORE_SEQUENCE), 0);
	assert_int_equal(create(&x, x.a, "/p/e/c", "", 0), ERR_CONFLICT);
	assert_int_equal(x.why, STORE_WHY_OTHER);
	z = mem_server_zxid(x.srv);
	store_free(&x.a);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(10), 1000));
	assert_int_equal(mem_server_zxid(x.srv), z + 1);
	assert_int_equal(mem_server_children(x.srv, "/p", NULL), 1);
	assert_string_equal(buf_cstr(&x.commits), ":+/p+/p/q a:+/p/e a:+/p/f-0000000002 a:-/p/e-/p/f-0000000002 ");
	/* a process that dies: after the timeout only */
	assert_int_equal(create(&x, x.b, "/p/g", "", STORE_EPHEMERAL), 0);
	store_mem_abandon(&x.b);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(TIMEOUT_MS - 1), 1000));
	assert_non_null(mem_server_get(x.srv, "/p/g"));
	assert_true(loop_sim_run_for(x.l, LOOP_MS(2), 1000));
	assert_null(mem_server_get(x.srv, "/p/g"));
	teardown(&x);
}

/* --- many, ensure --- */

static void on_many(void *ctx, const struct store_row *rows, size_t n, const struct error *err)
{
	struct box *x = ctx;
	size_t i;

	on_done(ctx, err);
	x->n = n;
	for (i = 0; i < n; i++) {
		assert_int_equal(rows[i].exists, i % 2 == 0);
		if (rows[i].exists)
			assert_memory_equal(rows[i].node.data, "v", 1);
	}
}

static void on_lists(void *ctx, const struct store_names *rows, size_t n, const struct error *err)
{
	struct box *x = ctx;

	on_done(ctx, err);
	x->n = n;
	if (err != NULL)
		return;
	assert_true(rows[0].exists);
	assert_int_equal(rows[0].n, 100);
	assert_false(rows[1].exists);
}

static void many_reads(void **state)
{
	static const char *const lists[] = {"/p", "/none"};
	struct box x;
	struct store *gone;
	char *paths[200];
	size_t i;

	(void)state;
	setup(&x);
	for (i = 0; i < 200; i++) {
		paths[i] = xasprintf("/p/n%zu", i);
		if (i % 2 == 0)
			mem_server_put(x.srv, paths[i], "v");
	}
	store_get_many(x.a, (const char *const *)paths, 200, on_many, &x);
	run(&x);
	assert_int_equal(x.code, 0);
	assert_int_equal(x.n, 200);
	store_get_many(x.a, NULL, 0, on_many, &x);
	run(&x);
	assert_int_equal(x.code, 0);
	store_children_many(x.a, lists, 2, on_lists, &x);
	run(&x);
	assert_int_equal(x.code, 0);
	/* the connection goes in the middle, or the store: one error */
	store_get_many(x.a, (const char *const *)paths, 200, on_many, &x);
	assert_true(loop_sim_step(x.l));
	store_mem_cut(x.a, LOOP_MS(10));
	run(&x);
	assert_int_equal(x.code, ERR_NOT_DONE);
	store_get_many(x.b, (const char *const *)paths, 200, on_many, &x);
	assert_true(loop_sim_step(x.l));
	gone = x.b;
	store_listen(gone, &x.listener); /* keeps the memory */
	store_free(&x.b);
	assert_true(x.done);
	assert_int_equal(x.code, ERR_NOT_DONE);
	x.done = false;
	/* asked of a closed store: never answered */
	store_get_many(gone, (const char *const *)paths, 200, on_many, &x);
	store_get(gone, "/p", on_get, &x);
	store_ensure(gone, "/p/q", on_done, &x);
	store_unlisten(gone, &x.listener);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(50), 10000));
	assert_false(x.done);
	for (i = 0; i < 200; i++)
		free(paths[i]);
	teardown(&x);
}

static void ensure_makes_parents(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	mem_server_put(x.srv, "/p", "kept");
	store_ensure(x.a, "/p/q/r/s", on_done, &x);
	run(&x);
	assert_int_equal(x.code, 0);
	assert_non_null(mem_server_get(x.srv, "/p/q/r/s"));
	assert_memory_equal(mem_server_get(x.srv, "/p")->data, "kept", 4);
	store_ensure(x.a, "/p/q/r/s", on_done, &x);
	run(&x);
	assert_int_equal(x.code, 0);
	store_ensure(x.a, "p", on_done, &x);
	run(&x);
	assert_int_equal(x.code, ERR_INVALID);
	teardown(&x);
}

/* --- faults --- */

static enum mem_fault fault(void *ctx, const struct mem_op *op)
{
	struct box *x = ctx;

	if (x->fault_path != NULL ? strcmp(op->path, x->fault_path) != 0 : op->number != x->fault_at)
		return MEM_FAULT_NONE;
	if (op->moment != x->fault_moment)
		return MEM_FAULT_NONE;
	if (x->kill != NULL && x->kill_politely)
		store_free(x->kill);
	else if (x->kill != NULL)
		store_mem_abandon(x->kill);
	return x->fault;
}

static void lost_writes_and_reads(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	mem_server_hook(x.srv, fault, &x);
	x.fault_at = 1;
	x.fault = MEM_FAULT_LOSE_BEFORE;
	assert_int_equal(create(&x, x.a, "/before", "", 0), ERR_MAYBE_DONE);
	assert_null(mem_server_get(x.srv, "/before"));
	assert_int_equal(store_link(x.a), STORE_LINK_SUSPECT);
	assert_string_equal(store_link_name(x.a), "SUSPENDED");
	assert_int_equal(create(&x, x.a, "/refused", "", 0), ERR_NOT_DONE);
	assert_int_equal(get(&x, x.a, "/"), ERR_NOT_DONE);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(1000), 1000));
	assert_int_equal(store_link(x.a), STORE_LINK_UP);
	assert_int_equal(store_session(x.a), 1);
	x.fault_at = 2;
	x.fault_moment = MEM_AFTER_APPLY;
	x.fault = MEM_FAULT_LOSE_AFTER;
	assert_int_equal(create(&x, x.a, "/after", "", 0), ERR_MAYBE_DONE);
	assert_non_null(mem_server_get(x.srv, "/after"));
	assert_true(loop_sim_run_for(x.l, LOOP_MS(1000), 1000));
	x.fault_at = 3;
	assert_int_equal(get(&x, x.a, "/after"), ERR_NOT_DONE);
	assert_null(mem_server_get(x.srv, "/refused"));
	teardown(&x);
}

static void held_session_freezes(void **state)
{
	struct box x;
	int64_t from;

	(void)state;
	setup(&x);
	mem_server_hook(x.srv, fault, &x);
	x.fault_at = 1;
	x.fault = MEM_FAULT_HOLD;
	from = loop_now(x.l);
	assert_int_equal(create(&x, x.a, "/p", "", 0), ERR_MAYBE_DONE);
	assert_in_range(loop_now(x.l) - from, LOOP_MS(TIMEOUT_MS * 2 / 3), LOOP_MS(TIMEOUT_MS * 2 / 3 + 5));
	assert_int_equal(store_link(x.a), STORE_LINK_SUSPECT);
	assert_null(mem_server_get(x.srv, "/p"));
	assert_true(loop_sim_run_for(x.l, LOOP_MS(200), 1000));
	assert_int_equal(store_link(x.a), STORE_LINK_UP);
	assert_int_equal(create(&x, x.a, "/p", "", 0), 0);
	teardown(&x);
}

/* Every way to die inside a hook, at each moment, with more operations on the way. */
static void killed_inside_a_hook(void **state)
{
	static const enum mem_fault faults[] = {MEM_FAULT_NONE, MEM_FAULT_LOSE_BEFORE, MEM_FAULT_LOSE_AFTER,
		MEM_FAULT_HOLD};
	struct box x;
	struct store_txn *t;
	unsigned i;
	bool applied;

	(void)state;
	for (i = 0; i < 32; i++) {
		setup(&x);
		mem_server_hook(x.srv, fault, &x);
		x.fault_path = "/e";
		x.fault = faults[i % 4];
		x.fault_moment = (i & 4) != 0 ? MEM_AFTER_APPLY : MEM_BEFORE_APPLY;
		x.kill_politely = (i & 8) != 0;
		x.kill = (i & 16) != 0 ? &x.b : &x.a;
		t = txn_create(x.a, "/e", "", STORE_EPHEMERAL);
		store_txn_commit(&t, on_commit, &x);
		t = txn_create(x.a, "/late", "", 0);
		store_txn_commit(&t, on_commit, &x);
		store_get(x.b, "/", on_get, &x);
		assert_true(loop_sim_run_for(x.l, 450, 1000));
		applied = x.fault_moment == MEM_AFTER_APPLY || x.fault == MEM_FAULT_NONE ||
			x.fault == MEM_FAULT_LOSE_AFTER;
		if (x.kill == &x.a && !x.kill_politely) {
			assert_int_equal(mem_server_get(x.srv, "/e") != NULL, applied);
			assert_null(mem_server_get(x.srv, "/late"));
			assert_null(x.a);
		}
		assert_true(loop_sim_run_for(x.l, LOOP_MS(3 * TIMEOUT_MS), 10000));
		if (x.kill == &x.a)
			assert_null(mem_server_get(x.srv, "/e"));
		teardown(&x);
	}
}

/* --- link, watches --- */

static void note_link(void *ctx, enum store_link link)
{
	static const char names[] = "DUSL";

	buf_char(&((struct box *)ctx)->links, names[link]);
}

static void note_watch(void *ctx)
{
	((struct box *)ctx)->watched++;
}

static void link_story(void **state)
{
	struct box x;
	struct store_watch *w;
	struct store *gone;

	(void)state;
	setup(&x);
	x.listener = (struct store_listener){.fn = note_link, .ctx = &x};
	store_listen(x.a, &x.listener);
	w = store_watch_new(x.a, "/p", STORE_WATCH_DATA, note_watch, &x);
	assert_int_equal(create(&x, x.a, "/e", "", STORE_EPHEMERAL), 0);
	store_mem_cut(x.a, LOOP_MS(TIMEOUT_MS - 100));
	assert_int_equal(store_link(x.a), STORE_LINK_UP); /* not noticed yet */
	assert_true(loop_sim_run_for(x.l, LOOP_MS(TIMEOUT_MS), 1000));
	assert_string_equal(buf_cstr(&x.links), "SU");
	assert_int_equal(store_session(x.a), 1);
	assert_int_equal(x.watched, 1);
	assert_non_null(mem_server_get(x.srv, "/e"));
	store_mem_cut(x.a, LOOP_MS(TIMEOUT_MS + 100));
	assert_true(loop_sim_run_for(x.l, LOOP_MS(TIMEOUT_MS + 50), 1000));
	assert_null(mem_server_get(x.srv, "/e"));
	assert_string_equal(buf_cstr(&x.links), "SUS");
	assert_true(loop_sim_run_for(x.l, LOOP_MS(100), 1000));
	assert_string_equal(buf_cstr(&x.links), "SUSLU");
	assert_int_equal(store_session(x.a), 2);
	assert_int_equal(x.watched, 2);
	assert_int_equal(create(&x, x.a, "/e", "", STORE_EPHEMERAL), 0);
	store_mem_expire(x.a);
	assert_null(mem_server_get(x.srv, "/e"));
	store_mem_cut(x.b, INT64_MAX);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5 * TIMEOUT_MS), 1000));
	assert_string_equal(buf_cstr(&x.links), "SUSLUSLU");
	assert_int_equal(store_link(x.b), STORE_LINK_SUSPECT);
	store_mem_cut(x.b, 0);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(10), 1000));
	assert_int_equal(store_link(x.b), STORE_LINK_UP);
	/* owners may go in any order */
	gone = x.a;
	store_free(&x.a);
	store_watch_free(&w);
	store_unlisten(gone, &x.listener);
	teardown(&x);
}

static void watches_miss_nothing(void **state)
{
	struct box x;
	struct store_watch *data, *kids;
	int data_calls, i;

	(void)state;
	setup(&x);
	data = store_watch_new(x.a, "/p", STORE_WATCH_DATA, note_watch, &x);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	assert_int_equal(x.watched, 0);
	assert_int_equal(create(&x, x.b, "/p", "", 0), 0);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	assert_int_equal(x.watched, 1);
	assert_int_equal(create(&x, x.b, "/p/c", "", 0), 0); /* no change of its data */
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	assert_int_equal(x.watched, 1);
	for (i = 0; i < 50; i++)
		mem_server_put(x.srv, "/p", "burst");
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	data_calls = x.watched;
	assert_int_equal(data_calls, 2); /* one-shot: a burst is one call */
	mem_server_put(x.srv, "/p", "again");
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	assert_int_equal(x.watched, 3);
	store_watch_free(&data);
	kids = store_watch_new(x.a, "/p", STORE_WATCH_CHILDREN, note_watch, &x);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	mem_server_put(x.srv, "/p", "data");
	mem_server_put(x.srv, "/p/c", "data of a child");
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	assert_int_equal(x.watched, 3);
	mem_server_put(x.srv, "/p/d", "");
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	assert_int_equal(x.watched, 4);
	mem_server_put(x.srv, "/p/e", "");
	store_watch_free(&kids); /* its event is on the way */
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	assert_int_equal(x.watched, 4);
	teardown(&x);
}

static void lag_is_monotone(void **state)
{
	struct box x;
	struct store_watch *w;

	(void)state;
	setup(&x);
	mem_server_put(x.srv, "/p", "old");
	store_mem_lag(x.a, LOOP_MS(500));
	w = store_watch_new(x.a, "/p", STORE_WATCH_DATA, note_watch, &x);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(5), 1000));
	mem_server_put(x.srv, "/p", "new");
	assert_int_equal(get(&x, x.a, "/p"), 0);
	assert_string_equal(x.data, "old");
	assert_int_equal(get(&x, x.b, "/p"), 0);
	assert_string_equal(x.data, "new");
	assert_int_equal(x.watched, 0);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(505), 1000));
	assert_int_equal(x.watched, 1);
	assert_int_equal(get(&x, x.a, "/p"), 0);
	assert_string_equal(x.data, "new");
	assert_int_equal(x.node.version, 1);
	mem_server_put(x.srv, "/p", "newer");
	assert_int_equal(get(&x, x.a, "/p"), 0);
	assert_string_equal(x.data, "new");
	store_sync(x.a, on_done, &x);
	run(&x);
	assert_int_equal(get(&x, x.a, "/p"), 0);
	assert_string_equal(x.data, "newer");
	mem_server_put(x.srv, "/p", "newest");
	assert_int_equal(create(&x, x.a, "/mine", "", 0), 0); /* own writes are seen, and all before */
	assert_int_equal(get(&x, x.a, "/p"), 0);
	assert_string_equal(x.data, "newest");
	store_watch_free(&w);
	teardown(&x);
}

static void free_inside_callback(void *ctx, enum store_link link)
{
	struct box *x = ctx;

	note_link(ctx, link);
	store_unlisten(x->a, &x->listener);
	store_free(&x->a);
}

static void store_freed_by_its_listener(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	x.listener = (struct store_listener){.fn = free_inside_callback, .ctx = &x};
	store_listen(x.a, &x.listener);
	store_get(x.a, "/", on_get, &x);
	store_mem_cut(x.a, 0);
	assert_true(loop_sim_run_for(x.l, LOOP_MS(3 * TIMEOUT_MS), 1000));
	assert_string_equal(buf_cstr(&x.links), "S");
	assert_true(x.done); /* ended from inside store_free() */
	teardown(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions_and_zxids),
		cmocka_unit_test(refusals_roll_back),
		cmocka_unit_test(names_and_sizes),
		cmocka_unit_test(sequence_restarts_with_parent),
		cmocka_unit_test(ephemerals_end_with_session),
		cmocka_unit_test(many_reads),
		cmocka_unit_test(ensure_makes_parents),
		cmocka_unit_test(lost_writes_and_reads),
		cmocka_unit_test(held_session_freezes),
		cmocka_unit_test(killed_inside_a_hook),
		cmocka_unit_test(link_story),
		cmocka_unit_test(watches_miss_nothing),
		cmocka_unit_test(lag_is_monotone),
		cmocka_unit_test(store_freed_by_its_listener),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
