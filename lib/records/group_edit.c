/*
 * group_edit.c - what the API changes of a group: its data, its target count, who holds a base path
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/group_edit.h"

#include "lib/base/str.h"
#include "lib/model/request.h"
#include "lib/records/node_put.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <string.h>

/* Lives in the arena of its first reader. */
struct look {
	group_edit_fn *group;
	group_lock_fn *lock;
	void *ctx;
	struct group_lock seen;
};

/* --- data --- */

static void on_group(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	const struct look *l = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;
	struct error unreadable = ERROR_INIT;
	struct group *g = NULL;

	if (node != NULL && node->len > 0 &&
		group_decode(node->data, node->len, r->arena, &g, &unreadable) != 0)
		err = &unreadable;
	l->group(l->ctx, g, node != NULL ? node->version : -1, err);
}

void group_edit_read(
	struct store *st, struct life *life, const char *name, group_edit_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct look *l = arena_alloc(r->arena, sizeof(*l));

	*l = (struct look){ .group = done, .ctx = ctx };
	reader_sync_first(r);
	reader_get(r, path_group(r->arena, name));
	reader_run(&r, on_group, l);
}

void group_edit_write(struct store *st, struct life *life, const char *name, const struct group *g,
	int32_t version, store_done_fn *done, void *ctx)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT;

	group_encode(g, &json);
	node_replace(st, life, path_group(a, name), json.data, json.len, version, done, ctx);
}

void group_edit_target(struct store *st, struct life *life, const char *name, int64_t count,
	store_done_fn *done, void *ctx)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *text = arena_printf(a, "\"%lld\"", (long long)count);

	node_put(st, life, path_target_count(a, name), text, strlen(text), done, ctx);
}

/* --- locks --- */

static void on_owner(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct look *l = ctx;
	const char *const *queue;
	size_t n;

	if (err != NULL) {
		l->lock(l->ctx, NULL, err);
		return;
	}
	queue = reader_names(r, 0, &n);
	for (size_t i = 0; i < n && !l->seen.queued; i++) {
		struct queued_id id;

		l->seen.queued = queued_id_parse_node(queue[i], r->arena, &id, NULL) == 0 &&
				 str_eq(id.service_id, l->seen.owner);
	}
	l->seen.serving = reader_node(r, 1) != NULL && reader_node(r, 1)->num_children > 0;
	l->lock(l->ctx, &l->seen, NULL);
}

static void on_lock(void *ctx, struct reader **r_take, const struct error *err)
{
	struct look *l = ctx;
	const struct store_node *folder = err == NULL ? reader_node(*r_take, 0) : NULL;
	const struct store_node *node = err == NULL ? reader_node(*r_take, 1) : NULL;
	struct arena *a = (*r_take)->arena;
	struct reader *r;

	l->seen = (struct group_lock){ .version = node != NULL ? node->version : -1,
		.folder = folder != NULL ? folder->version : -1 };
	if (node != NULL &&
		(json_string_decode(node->data, node->len, a, &l->seen.owner, NULL) != 0 ||
			!path_name_ok(l->seen.owner)))
		l->seen.owner = NULL;
	if (l->seen.owner == NULL) {
		l->lock(l->ctx, err == NULL ? &l->seen : NULL, err);
		reader_free(r_take);
		return;
	}
	/* After the lock: whoever made it is still queued, or has ended. */
	r = reader_next(r_take);
	reader_children(r, PATH_QUEUE);
	reader_get(r, path_service(r->arena, l->seen.owner));
	reader_run(&r, on_owner, l);
}

void group_edit_look_at_lock(struct store *st, struct life *life, const char *name, const char *key,
	group_lock_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct look *l = arena_alloc(r->arena, sizeof(*l));

	*l = (struct look){ .lock = done, .ctx = ctx };
	reader_sync_first(r);
	reader_get(r, path_base_uris(r->arena, name)); /* first: what is decided after it is seen by the check */
	reader_get(r, path_base_uri(r->arena, name, key));
	reader_run(&r, on_lock, l);
}

void group_edit_free_lock(struct store *st, struct life *life, const char *name, const char *key,
	const struct group_lock *seen, store_done_fn *done, void *ctx)
{
	AUTO(arena_free) struct arena *a = arena_new();

	node_delete_guarded(st, life, path_base_uri(a, name, key), seen->version, path_base_uris(a, name),
		seen->folder, done, ctx);
}
