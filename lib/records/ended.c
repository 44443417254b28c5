/*
 * ended.c - the entries of a service's history by age
 *
 * Entries are read in waves whose data is given back before the next: only ids and times are kept.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/ended.h"

#include "lib/base/str.h"
#include "lib/model/record.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

#define WAVE 100

struct ending { /* a copy in the arena of each wave */
	struct store *st;
	struct life *life;
	const char *service;
	ended_fn *done;
	void *ctx;
	const char **names; /* names[0 … at) are read */
	size_t n_names, at, wave;
	struct ended_entry *entries;
	size_t n;
};

static int oldest_first(const void *x, const void *y)
{
	const struct ended_entry *a = x, *b = y;

	return (a->zxid > b->zxid) - (a->zxid < b->zxid);
}

static bool leads_to(const struct store_node *mapping, const char *service, struct arena *a)
{
	const char *owner;

	return mapping != NULL && json_string_decode(mapping->data, mapping->len, a, &owner, NULL) == 0 && str_eq(owner, service);
}

static void read_wave(const struct ending *old);

static void on_wave(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct ending *e = ctx;

	if (err != NULL) {
		e->done(e->ctx, NULL, 0, err);
		return;
	}
	for (size_t i = 0; i < e->wave; i++) {
		const struct store_node *node = reader_node(r, 2 * i);

		if (node != NULL)
			e->entries[e->n++] = (struct ended_entry){ e->names[e->at - e->wave + i], node->created_zxid,
				node->modified_ms, leads_to(reader_node(r, 2 * i + 1), e->service, r->arena) };
	}
	if (e->at < e->n_names) {
		read_wave(e);
		return;
	}
	qsort(e->entries, e->n, sizeof(*e->entries), oldest_first);
	e->done(e->ctx, e->entries, e->n, NULL);
}

static void read_wave(const struct ending *old)
{
	struct reader *r = reader_new(old->st, old->life);
	struct ending *e = arena_alloc(r->arena, sizeof(*e));

	*e = *old;
	e->service = arena_strdup(r->arena, old->service);
	e->names = arena_alloc(r->arena, (e->n_names + 1) * sizeof(char *));
	for (size_t i = 0; i < e->n_names; i++)
		e->names[i] = arena_strdup(r->arena, old->names[i]);
	e->entries = arena_alloc(r->arena, (e->n_names + 1) * sizeof(*e->entries));
	for (size_t i = 0; i < old->n; i++) {
		e->entries[i] = old->entries[i];
		e->entries[i].id = arena_strdup(r->arena, old->entries[i].id);
	}
	for (e->wave = 0; e->wave < WAVE && e->at < e->n_names; e->wave++, e->at++) {
		reader_get(r, path_history_entry(r->arena, e->service, e->names[e->at]));
		reader_get(r, path_mapping(r->arena, e->names[e->at]));
	}
	reader_run(&r, on_wave, e);
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct ending *e = ctx;
	const char *const *names;
	size_t n;

	if (err != NULL) {
		e->done(e->ctx, NULL, 0, err);
		return;
	}
	names = reader_names(r, 0, &n);
	e->names = arena_alloc(r->arena, (n + 1) * sizeof(char *));
	for (size_t i = 0; i < n && e->n_names < ENDED_MAX; i++)
		if (path_name_ok(names[i]))
			e->names[e->n_names++] = names[i];
	if (e->n_names == 0)
		e->done(e->ctx, NULL, 0, NULL);
	else
		read_wave(e);
}

void ended_read(struct store *st, struct life *life, const char *service, ended_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct ending *e = arena_alloc(r->arena, sizeof(*e));

	*e = (struct ending){ .st = st, .life = life, .service = arena_strdup(r->arena, service), .done = done, .ctx = ctx };
	reader_children(r, path_history(r->arena, service));
	reader_run(&r, on_names, e);
}

void ended_drop(struct store_txn *t, struct arena *a, const char *service, const char *id, bool mapped)
{
	store_txn_delete(t, path_history_entry(a, service, id), -1);
	if (mapped)
		store_txn_delete(t, path_mapping(a, id), -1);
}
