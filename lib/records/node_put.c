/*
 * node_put.c - write one node, whether it and its parents are there or not
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/node_put.h"

#include "lib/base/buf.h"

#include <string.h>

struct putting {
	struct store *st;
	struct life *life;
	char *path;
	struct buf data;
	bool ensured; /* its parents are there */
	store_done_fn *done;
	void *ctx;
};

static struct putting *putting_new(struct store *st, struct life *life, const char *path,
	const void *data, size_t n, store_done_fn *done, void *ctx)
{
	struct putting *p = xcalloc(1, sizeof(*p));

	p->st = st;
	p->life = life_ref(life);
	p->path = xstrdup(path);
	if (n > 0)
		buf_append(&p->data, data, n);
	p->done = done;
	p->ctx = ctx;
	return p;
}

static void over(struct putting *p, const struct error *err)
{
	if (!p->life->over)
		p->done(p->ctx, err);
	life_unref(&p->life);
	buf_release(&p->data);
	free(p->path);
	free(p);
}

static void create(struct putting *p);

static void on_parents(void *ctx, const struct error *err)
{
	struct putting *p = ctx;

	p->ensured = true;
	if (err != NULL || p->life->over)
		over(p, err);
	else
		create(p);
}

static void on_created(void *ctx, const struct store_result *res, const struct error *err)
{
	struct putting *p = ctx;
	char *slash = strrchr(p->path, '/');

	if (err == NULL || err->code != ERR_CONFLICT || res->failed_why != STORE_WHY_ABSENT ||
		p->ensured || slash == p->path || p->life->over) {
		over(p, err);
		return;
	}
	*slash = '\0';
	store_ensure(p->st, p->path, on_parents, p); /* it has a copy */
	*slash = '/';
}

static void create(struct putting *p)
{
	struct store_txn *t = store_txn_new(p->st);

	store_txn_create(t, p->path, p->data.data, p->data.len, STORE_PERSISTENT);
	store_txn_commit(&t, on_created, p);
}

static void on_done(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)res;
	over(ctx, err);
}

static void on_set(void *ctx, const struct store_result *res, const struct error *err)
{
	struct putting *p = ctx;

	if (err != NULL && err->code == ERR_CONFLICT && res->failed_why == STORE_WHY_ABSENT &&
		!p->life->over)
		create(p);
	else
		over(p, err);
}

void node_put(struct store *st, struct life *life, const char *path, const void *data, size_t n,
	store_done_fn *done, void *ctx)
{
	struct putting *p = putting_new(st, life, path, data, n, done, ctx);
	struct store_txn *t = store_txn_new(st);

	store_txn_set(t, path, p->data.data, p->data.len, -1);
	store_txn_commit(&t, on_set, p);
}

void node_replace(struct store *st, struct life *life, const char *path, const void *data, size_t n,
	int32_t version, store_done_fn *done, void *ctx)
{
	struct putting *p = putting_new(st, life, path, data, n, done, ctx);
	struct store_txn *t;

	if (version < 0) {
		create(p);
		return;
	}
	t = store_txn_new(st);
	store_txn_set(t, path, p->data.data, p->data.len, version);
	store_txn_commit(&t, on_done, p);
}

static void on_deleted(void *ctx, const struct store_result *res, const struct error *err)
{
	bool absent = err != NULL && err->code == ERR_CONFLICT &&
		      res->failed_why == STORE_WHY_ABSENT;

	over(ctx, absent ? NULL : err);
}

void node_delete(struct store *st, struct life *life, const char *path, int32_t version,
	store_done_fn *done, void *ctx)
{
	struct putting *p = putting_new(st, life, path, NULL, 0, done, ctx);
	struct store_txn *t = store_txn_new(st);

	store_txn_delete(t, path, version);
	store_txn_commit(&t, on_deleted, p);
}

void node_delete_guarded(struct store *st, struct life *life, const char *path, int32_t version,
	const char *guard, int32_t guard_version, store_done_fn *done, void *ctx)
{
	struct putting *p = putting_new(st, life, path, NULL, 0, done, ctx);
	struct store_txn *t = store_txn_new(st);

	store_txn_check(t, guard, guard_version);
	store_txn_delete(t, path, version);
	store_txn_commit(&t, on_deleted, p);
}
