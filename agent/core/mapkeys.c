/*
 * mapkeys.c - keys that two services have in one HAProxy map
 *
 * Lines are read as target_map.c says that HAProxy reads them.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/mapkeys.h"

#include "lib/base/map.h"
#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

struct line {
	const char *key, *value;
	size_t n_key, n_value;
};

struct entry {
	UT_hash_handle hh;
	struct line line;
	const char *owner; /* one of `mine` */
};

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next line with a key; false: there is none. */
static bool next_line(const char **at, const char *end, struct line *out)
{
	while (*at < end) {
		const char *p = *at, *feed = memchr(p, '\n', (size_t)(end - p)), *stop = feed ? feed : end, *cr;

		*at = feed ? feed + 1 : end;
		if (*p == '#')
			continue;
		cr = memchr(p, '\r', (size_t)(stop - p));
		stop = cr ? cr : stop;
		while (p < stop && blank(*p))
			p++;
		out->key = p;
		while (p < stop && !blank(*p))
			p++;
		out->n_key = (size_t)(p - out->key);
		while (p < stop && blank(*p))
			p++;
		while (stop > p && blank(stop[-1]))
			stop--;
		out->value = p;
		out->n_value = (size_t)(stop - p);
		if (out->n_key > 0)
			return true;
	}
	return false;
}

static bool same_value(const struct line *x, const struct line *y)
{
	return x->n_value == y->n_value && memcmp(x->value, y->value, x->n_value) == 0;
}

static int compare_ids(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void sort_ids(struct strings *ids)
{
	if (ids->n > 1)
		qsort(ids->items, ids->n, sizeof(*ids->items), compare_ids);
}

static bool among(const struct strings *list, const char *owner)
{
	size_t lo = 0, hi = list->n;

	while (owner != NULL && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(list->items[mid], owner);

		if (c == 0)
			return true;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static void add_clash(struct mapkeys_clashes *out, const char *service, const char *other, const struct line *l,
	struct arena *a)
{
	for (size_t i = 0; i < out->n; i++)
		if (str_eq(out->items[i].service, service))
			return;
	GROW(out->items, out->n, out->cap);
	out->items[out->n++] = (struct mapkeys_clash){ arena_strdup(a, service), other ? arena_strdup(a, other) : NULL,
		arena_printf(a, "%.*s", (int)l->n_key, l->key) };
}

/* What mine have, each key once. */
static void gather(const struct fileset_piece *p, struct entry **entries, struct arena *a, struct mapkeys_clashes *out)
{
	const char *at = p->data;
	struct line l;

	while (next_line(&at, p->data + p->size, &l)) {
		struct entry *e;

		HASH_FIND(hh, *entries, l.key, l.n_key, e);
		if (e == NULL) {
			e = arena_alloc(a, sizeof(*e));
			*e = (struct entry){ .line = l, .owner = p->owner };
			HASH_ADD_KEYPTR(hh, *entries, e->line.key, e->line.n_key, e);
		} else if (!str_eq(e->owner, p->owner) && !same_value(&e->line, &l)) {
			add_clash(out, p->owner, e->owner, &l, a);
		}
	}
}

static void compare(const struct fileset_piece *p, struct entry *entries, struct arena *a, struct mapkeys_clashes *out)
{
	const char *at = p->data;
	struct line l;

	while (next_line(&at, p->data + p->size, &l)) {
		struct entry *e;

		HASH_FIND(hh, entries, l.key, l.n_key, e);
		if (e != NULL && !same_value(&e->line, &l))
			add_clash(out, e->owner, p->owner, &l, a);
	}
}

void mapkeys_find(const struct fileset_file *f, const char *const *mine, size_t n_mine, const struct strings *idle,
	struct arena *a, struct mapkeys_clashes *out)
{
	struct entry *entries = NULL;
	struct strings own;

	if (!f->keyed || f->scope != SCOPE_COLLECTED || n_mine == 0)
		return;
	own = (struct strings){ arena_alloc(a, n_mine * sizeof(*own.items)), n_mine };
	memcpy(own.items, mine, n_mine * sizeof(*own.items));
	sort_ids(&own);
	for (size_t i = 0; i < f->n_pieces; i++)
		if (among(&own, f->pieces[i].owner) && !among(idle, f->pieces[i].owner))
			gather(&f->pieces[i], &entries, a, out);
	for (size_t i = 0; entries != NULL && i < f->n_pieces; i++)
		if (!among(&own, f->pieces[i].owner) && !among(idle, f->pieces[i].owner))
			compare(&f->pieces[i], entries, a, out);
	HASH_CLEAR(hh, entries);
}

/* --- idle services --- */

struct strings mapkeys_idle(const struct service_state *const *services, size_t n, struct arena *a)
{
	struct strings idle = { arena_alloc(a, (n + 1) * sizeof(*idle.items)), 0 };

	for (size_t i = 0; i < n; i++)
		if (services[i]->upstreams.n == 0)
			idle.items[idle.n++] = arena_strdup(a, services[i]->service->id);
	sort_ids(&idle);
	return idle;
}

/* A key of idle services; `taken`: somebody else has it, too. */
struct idle_key {
	UT_hash_handle hh;
	struct line line;
	bool taken;
};

static void gather_idle(const struct fileset_piece *p, struct idle_key **keys, struct arena *a)
{
	const char *at = p->data;
	struct line l;

	while (next_line(&at, p->data + p->size, &l)) {
		struct idle_key *k;

		HASH_FIND(hh, *keys, l.key, l.n_key, k);
		if (k != NULL)
			continue;
		k = arena_alloc(a, sizeof(*k));
		*k = (struct idle_key){ .line = l };
		HASH_ADD_KEYPTR(hh, *keys, k->line.key, k->line.n_key, k);
	}
}

static bool mark_taken(const struct fileset_piece *p, struct idle_key *keys)
{
	const char *at = p->data;
	struct line l;
	bool any = false;

	while (next_line(&at, p->data + p->size, &l)) {
		struct idle_key *k;

		HASH_FIND(hh, keys, l.key, l.n_key, k);
		if (k != NULL)
			any = k->taken = true;
	}
	return any;
}

/* Only the first byte of a line makes it a comment. `text` is the copy of the piece. */
static void comment_out(const struct fileset_piece *p, struct idle_key *keys, char *text)
{
	const char *at = p->data;
	struct line l;

	while (next_line(&at, p->data + p->size, &l)) {
		const char *begin = l.key;
		struct idle_key *k;

		HASH_FIND(hh, keys, l.key, l.n_key, k);
		while (begin > p->data && begin[-1] != '\n')
			begin--;
		if (k->taken)
			text[begin - p->data] = '#';
	}
}

static const char *rewritten(const struct fileset_file *f, const struct strings *idle, struct idle_key *keys, struct arena *a)
{
	char *text = arena_alloc(a, f->size + 1), *to = text;

	for (size_t i = 0; i < f->n_pieces; i++) {
		const struct fileset_piece *p = &f->pieces[i];

		memcpy(to, p->data, p->size);
		if (among(idle, p->owner))
			comment_out(p, keys, to);
		to += p->size;
	}
	return text;
}

const char *mapkeys_yielded(const struct fileset_file *f, const struct strings *idle, struct arena *a)
{
	struct arena *scratch;
	struct idle_key *keys = NULL;
	const char *text = NULL;
	bool any = false;

	if (!f->keyed || f->scope != SCOPE_COLLECTED || idle->n == 0)
		return NULL;
	scratch = arena_new();
	for (size_t i = 0; i < f->n_pieces; i++)
		if (among(idle, f->pieces[i].owner))
			gather_idle(&f->pieces[i], &keys, scratch);
	for (size_t i = 0; keys != NULL && i < f->n_pieces; i++)
		if (!among(idle, f->pieces[i].owner))
			any |= mark_taken(&f->pieces[i], keys);
	if (any)
		text = rewritten(f, idle, keys, a);
	HASH_CLEAR(hh, keys);
	arena_free(&scratch);
	return text;
}

bool mapkeys_twice(const char *text, size_t n, const char *key)
{
	const char *at = text;
	struct line l, first = { NULL, NULL, 0, 0 };
	size_t n_key = strlen(key);

	while (next_line(&at, text + n, &l)) {
		if (l.n_key != n_key || memcmp(l.key, key, n_key) != 0)
			continue;
		if (first.key == NULL)
			first = l;
		else if (!same_value(&first, &l))
			return true;
	}
	return false;
}

void mapkeys_release(struct mapkeys_clashes *c)
{
	free(c->items);
	*c = (struct mapkeys_clashes){ NULL, 0, 0 };
}
