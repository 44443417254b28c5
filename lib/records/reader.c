/*
 * reader.c - read a set of nodes and child lists in one go
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/reader.h"

#include <string.h>

#define WINDOW 64 /* reads in flight: throughput is flat above (library-facts of the C client) */

struct reader_item {
	struct reader *reader;
	const char *path;
	bool list, exists;
	struct store_node node;
	const char **names;
	size_t n_names;
};

struct reader *reader_new(struct store *st, struct life *life)
{
	struct reader *r = xcalloc(1, sizeof(*r));

	r->arena = arena_new();
	r->st = st;
	r->life = life_ref(life);
	return r;
}

struct reader *reader_next(struct reader **prev_take)
{
	struct reader *prev = STEAL(*prev_take);
	struct reader *r = reader_new(prev->st, prev->life);

	r->prev = prev;
	return r;
}

void reader_free(struct reader **rp)
{
	struct reader *r = STEAL(*rp);

	if (r == NULL)
		return;
	reader_free(&r->prev);
	arena_free(&r->arena);
	life_unref(&r->life);
	free(r->items);
	free(r);
}

static size_t add_item(struct reader *r, const char *path, bool list)
{
	GROW(r->items, r->n, r->cap);
	r->items[r->n] = (struct reader_item){ .path = arena_strdup(r->arena, path), .list = list };
	return r->n++;
}

size_t reader_get(struct reader *r, const char *path)
{
	return add_item(r, path, false);
}

size_t reader_children(struct reader *r, const char *path)
{
	return add_item(r, path, true);
}

void reader_sync_first(struct reader *r)
{
	r->sync_first = true;
}

static void send_more(struct reader *r);

/* Nothing is outstanding and nothing more will be sent: tell, or go quietly. */
static void finish(struct reader *r)
{
	struct error err = r->err; /* `done` may free the reader first */

	if (r->life->over) {
		reader_free(&r);
		return;
	}
	r->done(r->ctx, &r, err.code != 0 ? &err : NULL);
	reader_free(&r);
}

static void answered(struct reader *r, const struct error *err)
{
	r->outstanding--;
	if (err != NULL && err->code != ERR_NOT_FOUND && r->err.code == 0)
		r->err = *err;
	if (r->err.code == 0 && !r->life->over)
		send_more(r);
	if (r->outstanding == 0)
		finish(r);
}

static void on_get(void *ctx, const struct store_node *node, const struct error *err)
{
	struct reader_item *it = ctx;

	if (node != NULL) {
		it->exists = true;
		it->node = *node;
		it->node.data = arena_strndup(it->reader->arena, node->len != 0 ? node->data : "", node->len);
	}
	answered(it->reader, err);
}

static void on_children(void *ctx, const char *const *names, size_t n, const struct error *err)
{
	struct reader_item *it = ctx;
	struct arena *a = it->reader->arena;

	if (err == NULL) {
		it->exists = true;
		it->names = arena_alloc(a, (n + 1) * sizeof(*it->names));
		it->n_names = n;
		for (size_t i = 0; i < n; i++)
			it->names[i] = arena_strdup(a, names[i]);
	}
	answered(it->reader, err);
}

static void send_more(struct reader *r)
{
	while (r->sent < r->n && r->outstanding < WINDOW) {
		struct reader_item *it = &r->items[r->sent++];

		it->reader = r;
		r->outstanding++;
		if (it->list)
			store_children(r->st, it->path, on_children, it);
		else
			store_get(r->st, it->path, on_get, it);
	}
}

static void on_synced(void *ctx, const struct error *err)
{
	answered(ctx, err);
}

void reader_run(struct reader **r_take, void (*done)(void *ctx, struct reader **r_take, const struct error *err), void *ctx)
{
	struct reader *r = STEAL(*r_take);

	r->done = done;
	r->ctx = ctx;
	if (r->sync_first || r->n == 0) { /* an empty set still answers in a later turn */
		r->outstanding++;
		store_sync(r->st, on_synced, r);
		return;
	}
	send_more(r);
}

const struct store_node *reader_node(const struct reader *r, size_t i)
{
	ASSERT(i < r->n && !r->items[i].list);
	return r->items[i].exists ? &r->items[i].node : NULL;
}

const char *const *reader_names(const struct reader *r, size_t i, size_t *n_out)
{
	ASSERT(i < r->n && r->items[i].list);
	*n_out = r->items[i].n_names;
	return r->items[i].names;
}

bool reader_exists(const struct reader *r, size_t i)
{
	ASSERT(i < r->n);
	return r->items[i].exists;
}
