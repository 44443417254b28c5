/*
 * exclusion.c - hosts that an operator has told not to count
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/exclusion.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/model/value.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

/* --- reading ------------------------------------------------------------------------------------ */

struct listing { /* in the arena of the first wave */
	const char *group;
	exclusions_fn *done;
	void *ctx;
};

static void decode(const struct store_node *node, struct arena *a, struct exclusion *ex)
{
	const struct value *v, *by, *since;

	ex->since_ms = node->modified_ms;
	if (value_parse(node->data, node->len, a, &v, NULL) != 0)
		return;
	by = value_get(v, "by");
	since = value_get(v, "since");
	if (by != NULL && by->kind == VALUE_STRING)
		ex->by = by->u.s;
	if (since != NULL && since->kind == VALUE_INT)
		ex->since_ms = since->u.i;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(((const struct exclusion *)x)->agent_id, ((const struct exclusion *)y)->agent_id);
}

static void on_rows(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	const struct listing *l = ctx;
	const char *const *names;
	struct exclusion *list;
	size_t n, kept = 0;

	if (err != NULL) {
		l->done(l->ctx, NULL, 0, err);
		return;
	}
	names = reader_names(r->prev, 0, &n);
	list = arena_alloc(r->arena, (n + 1) * sizeof(*list));
	for (size_t i = 0; i < n; i++) {
		const struct store_node *node = reader_node(r, i);

		if (node == NULL)
			continue; /* it has just ended */
		list[kept] = (struct exclusion){ .agent_id = names[i] };
		decode(node, r->arena, &list[kept++]);
	}
	qsort(list, kept, sizeof(*list), by_name);
	l->done(l->ctx, list, kept, NULL);
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	const struct listing *l = ctx;
	const char *const *names;
	struct reader *next;
	size_t n;

	if (err != NULL) {
		l->done(l->ctx, NULL, 0, err);
		return;
	}
	names = reader_names(r, 0, &n);
	if (n == 0) {
		l->done(l->ctx, NULL, 0, NULL);
		return;
	}
	next = reader_next(&r);
	for (size_t i = 0; i < n; i++)
		reader_get(next, path_excluded_agent(next->arena, l->group, names[i]));
	reader_run(&next, on_rows, ctx);
}

void exclusions_read(struct store *st, struct life *life, const char *group, exclusions_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct listing *l = arena_alloc(r->arena, sizeof(*l));

	*l = (struct listing){ arena_strdup(r->arena, group), done, ctx };
	reader_sync_first(r);
	reader_children(r, path_excluded(r->arena, group));
	reader_run(&r, on_names, l);
}

/* --- writing ------------------------------------------------------------------------------------ */

struct writing { /* in the reader's arena while reading, on the heap for the transaction */
	struct store *st;
	struct life *life;
	struct exclusion ex;
	const char *group;
	size_t at_group, at_folders[3], at_own, at_member, at_known, at_host;
	bool ends;
	store_done_fn *done;
	void *ctx;
};

static void on_written(void *ctx, const struct store_result *res, const struct error *err)
{
	struct writing *w = ctx;

	(void)res;
	if (!w->life->over)
		w->done(w->ctx, err);
	life_unref(&w->life);
	free(w);
}

static void write_record(const struct exclusion *ex, struct buf *json)
{
	buf_str(json, "{\"by\":");
	if (ex->by != NULL)
		buf_json_string(json, ex->by, strlen(ex->by));
	else
		buf_str(json, "null");
	buf_printf(json, ",\"since\":%lld,\"until\":null}", (long long)ex->since_ms);
}

/* Outermost first. */
static const char *folder(struct arena *a, const char *group, size_t i)
{
	return i == 0 ? PATH_LOCKSTEP : i == 1 ? PATH_EXCLUDED : path_excluded(a, group);
}

static struct store_txn *build(const struct writing *w, const struct reader *r)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	const struct store_node *group = reader_node(r, w->at_group), *own = reader_node(r, w->at_own);
	const char *path = path_excluded_agent(r->arena, w->group, w->ex.agent_id);
	struct store_txn *t = store_txn_new(w->st);

	if (group != NULL) /* what it holds stays: only its version counts */
		store_txn_set(t, path_group(r->arena, w->group), group->data, group->len, group->version);
	if (w->ends) {
		store_txn_delete(t, path, own->version);
		return t;
	}
	for (size_t i = 0; i < ARRAY_LEN(w->at_folders); i++)
		if (!reader_exists(r, w->at_folders[i]))
			store_txn_create(t, folder(r->arena, w->group, i), NULL, 0, STORE_PERSISTENT);
	write_record(&w->ex, &json);
	store_txn_create(t, path, json.data, json.len, STORE_PERSISTENT);
	return t;
}

static void on_seen(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct writing *w = ctx, *keep;
	struct error none = ERROR_INIT;
	struct store_txn *t;

	if (err == NULL && w->ends == !reader_exists(r, w->at_own)) {
		w->done(w->ctx, NULL); /* as it is to be */
		return;
	}
	if (err == NULL && !w->ends &&
		(!reader_exists(r, w->at_group) || (!reader_exists(r, w->at_member) && !reader_exists(r, w->at_known) &&
							   !reader_exists(r, w->at_host)))) {
		error_set(&none, ERR_NOT_FOUND, "no agent '%s' is known in group '%s'", w->ex.agent_id, w->group);
		err = &none;
	}
	if (err != NULL) {
		w->done(w->ctx, err);
		return;
	}
	t = build(w, r);
	keep = xmalloc(sizeof(*keep));
	*keep = *w;
	life_ref(keep->life);
	store_txn_commit(&t, on_written, keep);
}

static void look(struct writing *proto)
{
	struct reader *r = reader_new(proto->st, proto->life);
	struct writing *w = arena_alloc(r->arena, sizeof(*w));
	struct arena *a = r->arena;

	*w = *proto;
	w->group = arena_strdup(a, proto->group);
	w->ex.agent_id = arena_strdup(a, proto->ex.agent_id);
	w->ex.by = proto->ex.by != NULL ? arena_strdup(a, proto->ex.by) : NULL;
	reader_sync_first(r);
	w->at_group = reader_get(r, path_group(a, w->group));
	for (size_t i = 0; i < ARRAY_LEN(w->at_folders); i++)
		w->at_folders[i] = reader_get(r, folder(a, w->group, i));
	w->at_own = reader_get(r, path_excluded_agent(a, w->group, w->ex.agent_id));
	w->at_member = reader_get(r, path_member(a, w->group, w->ex.agent_id));
	w->at_known = reader_get(r, path_known_agent(a, w->group, w->ex.agent_id));
	w->at_host = reader_get(r, path_host(a, w->group, w->ex.agent_id)); /* one whose metadata cannot be read goes by its node */
	reader_run(&r, on_seen, w);
}

void exclusion_make(struct store *st, struct life *life, const char *group, const struct exclusion *ex,
	store_done_fn *done, void *ctx)
{
	look(&(struct writing){ .st = st, .life = life, .group = group, .ex = *ex, .done = done, .ctx = ctx });
}

void exclusion_end(struct store *st, struct life *life, const char *group, const char *agent_id, store_done_fn *done, void *ctx)
{
	look(&(struct writing){ .st = st, .life = life, .group = group, .ex = { .agent_id = agent_id }, .ends = true, .done = done,
		.ctx = ctx });
}
