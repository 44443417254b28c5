/*
 * store_many.c - calls made of many: get_many, children_many, ensure
 *
 * The parts are ordinary calls, at most STORE_PIPELINE on their way.  The whole lives as long as a
 * part of it does: each part either calls back or is dropped with the store.
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/store/store_internal.h"

struct many;
struct part {
	struct many *m;
	size_t i;
};

struct many {
	struct store *st;
	struct arena *mem;
	enum store_call_kind kind;
	size_t n, next, pending;
	char **paths;
	struct part *parts;
	struct store_row *rows;    /* of get_many */
	struct store_names *names; /* of children_many */
	bool over; /* it has called back */
	bool late; /* the store was closed before: it never will */
	struct error err;
	store_many_fn *got;
	store_children_many_fn *listed;
	store_done_fn *ensured;
	void *ctx;
	void (*drop)(void *ctx); /* if it never calls back; may be NULL */
};

static void many_done(struct many *m)
{
	const struct error *err = m->err.code != 0 ? &m->err : NULL;

	m->over = true;
	if (m->got != NULL)
		m->got(m->ctx, err != NULL ? NULL : m->rows, err != NULL ? 0 : m->n, err);
	else if (m->listed != NULL)
		m->listed(m->ctx, err != NULL ? NULL : m->names, err != NULL ? 0 : m->n, err);
	else
		m->ensured(m->ctx, err);
}

/* Not over when its last part goes: the store was closed. */
static void many_unref(struct many *m)
{
	if (--m->pending > 0)
		return;
	if (!m->over && m->drop != NULL) {
		m->drop(m->ctx);
	} else if (!m->over && !m->late) {
		error_set(&m->err, m->kind == STORE_CALL_COMMIT ? ERR_MAYBE_DONE : ERR_NOT_DONE,
			"the store was closed");
		many_done(m);
	}
	arena_free(&m->mem);
	free(m);
}

static void part_drop(void *ctx)
{
	struct part *p = ctx;

	many_unref(p->m);
}

static void pump(struct many *m);

/* A part is over; the last one calls back. */
static void part_end(struct many *m, const struct error *err)
{
	if (err != NULL && m->err.code == 0)
		m->err = *err;
	pump(m);
	if (m->pending == 1 && (m->next == m->n || m->err.code != 0))
		many_done(m);
	many_unref(m);
}

static void got(void *ctx, const struct store_node *node, const struct error *err)
{
	struct part *p = ctx;
	struct store_row *row = &p->m->rows[p->i];
	void *copy;

	if (err == NULL) {
		row->exists = true;
		row->node = *node;
		row->node.data = NULL;
		if (node->len > 0) {
			copy = arena_alloc(p->m->mem, node->len);
			memcpy(copy, node->data, node->len);
			row->node.data = copy;
		}
	}
	part_end(p->m, err != NULL && err->code == ERR_NOT_FOUND ? NULL : err);
}

static void listed(void *ctx, const char *const *names, size_t n, const struct error *err)
{
	struct part *p = ctx;
	struct store_names *row = &p->m->names[p->i];
	const char **copy;
	size_t i;

	if (err == NULL) {
		copy = arena_alloc(p->m->mem, (n + 1) * sizeof(*copy));
		for (i = 0; i < n; i++)
			copy[i] = arena_strdup(p->m->mem, names[i]);
		*row = (struct store_names){true, copy, n};
	}
	part_end(p->m, err != NULL && err->code == ERR_NOT_FOUND ? NULL : err);
}

static void created(void *ctx, const struct store_result *res, const struct error *err)
{
	struct part *p = ctx;

	if (err != NULL && err->code == ERR_CONFLICT && res->failed_why == STORE_WHY_EXISTS)
		err = NULL;
	part_end(p->m, err);
}

static void send_part(struct many *m, size_t i)
{
	struct store_call *c = store_call_new(m->st, m->kind, &m->parts[i]);

	m->parts[i] = (struct part){m, i};
	c->drop = part_drop;
	if (m->kind == STORE_CALL_COMMIT) {
		c->txn = store_txn_new(m->st);
		store_txn_create(c->txn, m->paths[i], NULL, 0, STORE_PERSISTENT);
		c->done.commit = created;
	} else {
		c->path = xstrdup(m->paths[i]);
		if (m->kind == STORE_CALL_GET)
			c->done.get = got;
		else
			c->done.children = listed;
	}
	store_call_send(c);
}

/* The caller holds one pending of its own, so that parts dropped in here do not free `m`. */
static void pump(struct many *m)
{
	while (m->next < m->n && m->pending <= STORE_PIPELINE && m->err.code == 0) {
		m->pending++;
		send_part(m, m->next++);
	}
}

static struct many *many_new(struct store *st, enum store_call_kind kind, size_t n, void *ctx)
{
	struct many *m = xcalloc(1, sizeof(*m));

	m->st = st;
	m->mem = arena_new();
	m->kind = kind;
	m->n = n;
	m->pending = 1;
	m->ctx = ctx;
	m->late = st->closed;
	m->paths = arena_alloc(m->mem, (n + 1) * sizeof(*m->paths));
	m->parts = arena_alloc(m->mem, (n + 1) * sizeof(*m->parts));
	return m;
}

static void nothing_asked(void *ctx, const struct error *err)
{
	struct part *p = ctx;

	part_end(p->m, err);
}

static void many_start(struct many *m)
{
	struct store_call *c;

	if (m->n == 0) {
		m->pending++;
		m->parts[0] = (struct part){m, 0};
		c = store_call_new(m->st, STORE_CALL_SYNC, &m->parts[0]);
		c->drop = part_drop;
		c->done.sync = nothing_asked;
		store_call_later(c);
	}
	pump(m);
	many_unref(m);
}

static void copy_paths(struct many *m, const char *const *paths)
{
	size_t i;

	for (i = 0; i < m->n; i++)
		m->paths[i] = arena_strdup(m->mem, paths[i]);
}

void store_get_many(struct store *st, const char *const *paths, size_t n, store_many_fn *done, void *ctx)
{
	struct many *m = many_new(st, STORE_CALL_GET, n, ctx);

	copy_paths(m, paths);
	m->rows = arena_alloc(m->mem, (n + 1) * sizeof(*m->rows));
	m->got = done;
	many_start(m);
}

void store_children_many(struct store *st, const char *const *paths, size_t n, store_children_many_fn *done,
	void *ctx)
{
	struct many *m = many_new(st, STORE_CALL_CHILDREN, n, ctx);

	copy_paths(m, paths);
	m->names = arena_alloc(m->mem, (n + 1) * sizeof(*m->names));
	m->listed = done;
	many_start(m);
}

/* --- ensure: one read if it is there; else all creates at once, parents first by order --- */

static size_t count_parts(const char *path)
{
	size_t n = 0;

	for (; *path != '\0'; path++)
		n += path[0] == '/' && path[1] != '\0';
	return n;
}

static void ensure_looked(void *ctx, const struct store_node *node, const struct error *err)
{
	struct part *p = ctx;
	struct many *m = p->m;
	const char *path = m->paths[0], *e = path;
	size_t i;

	(void)node;
	if (err == NULL || err->code != ERR_NOT_FOUND) {
		m->next = m->n;
		part_end(m, err);
		return;
	}
	for (i = 0; i < m->n; i++) {
		e = strchrnul(e + 1, '/');
		m->paths[i] = arena_strndup(m->mem, path, (size_t)(e - path));
	}
	part_end(m, NULL);
}

void store_ensure(struct store *st, const char *path, store_done_fn *done, void *ctx)
{
	store_ensure_or_drop(st, path, done, NULL, ctx);
}

void store_ensure_or_drop(struct store *st, const char *path, store_done_fn *done, void (*drop)(void *ctx),
	void *ctx)
{
	struct many *m = many_new(st, STORE_CALL_COMMIT, count_parts(path), ctx);
	struct store_call *c;

	m->ensured = done;
	m->drop = drop;
	m->paths[0] = arena_strdup(m->mem, path);
	m->parts[0] = (struct part){m, 0};
	c = store_call_new(st, STORE_CALL_GET, &m->parts[0]);
	c->path = xstrdup(path);
	c->drop = part_drop;
	c->done.get = ensure_looked;
	store_call_send(c); /* ends with the hold that many_new() gave */
}
