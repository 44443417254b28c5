/*
 * past.c - bounds the history of a service within the transactions that end its requests
 *
 * Each end adds an entry and, beyond the limit, takes the oldest ones along.  For that the entries of a service are known in memory,
 * oldest first; they are read when its folder is seen to hold too many, and forgotten whenever a transaction with such deletes did
 * not go through: somebody else may have removed them.  What has ended only just now is spared, as a client may be asking for it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/past.h"

#include "lib/base/str.h"
#include "lib/records/ended.h"
#include "service/work/step.h"

#include <stdlib.h>
#include <string.h>

#define PER_REQUEST 4         /* dropped per request that ends */
#define BYTES_MAX 20000       /* of a transaction, for what is dropped */
#define SPARED_MAX 200        /* young ones are kept, but not more than this beyond the limit */
#define SERVICES_MAX 5000     /* known at a time */

struct past_entry {
	char *id;
	int64_t ended_ms;
	bool mapped;
	const struct flight *taken_by; /* its transaction drops it */
};

struct past_service {
	UT_hash_handle hh;
	char *id;
	struct past *past;
	struct past_entry *items;
	size_t n, cap;
	bool loading;
	uint64_t used;
};

struct past {
	struct worker *w;
	struct life *life;
	struct past_service *services;
	uint64_t uses;
};

/* --- what is known of a service ---------------------------------------------------------------------------- */

static void forget_service(struct past *p, struct past_service *s)
{
	MAP_DEL(p->services, s);
	for (size_t i = 0; i < s->n; i++)
		free(s->items[i].id);
	free(s->items);
	free(s->id);
	free(s);
}

static struct past_service *find(const struct past *p, const char *service)
{
	struct past_service *s;

	MAP_FIND(p->services, service, s);
	return s;
}

static void add_entry(struct past_service *s, const char *id, int64_t ended_ms, bool mapped)
{
	GROW(s->items, s->n, s->cap);
	s->items[s->n++] = (struct past_entry){ xstrdup(id), ended_ms, mapped, NULL };
}

static bool has_entry(const struct past_service *s, const char *id)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i].id, id) == 0)
			return true;
	return false;
}

static void drop_entry(struct past_service *s, const char *id)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i].id, id) == 0)
			free(s->items[i].id);
		else
			s->items[kept++] = s->items[i];
	s->n = kept;
}

static void on_entries(void *ctx, const struct ended_entry *entries, size_t n, const struct error *err)
{
	struct past_service *s = ctx;
	struct past_entry *since = s->items;
	size_t n_since = s->n;

	if (err != NULL) {
		forget_service(s->past, s);
		return;
	}
	s->loading = false;
	s->items = NULL;
	s->n = s->cap = 0;
	for (size_t i = 0; i < n; i++)
		add_entry(s, entries[i].id, entries[i].ended_ms, entries[i].mapped);
	for (size_t i = 0; i < n_since; i++) { /* ended while it was read: in the list, or younger than all of it */
		if (!has_entry(s, since[i].id))
			add_entry(s, since[i].id, since[i].ended_ms, since[i].mapped);
		free(since[i].id);
	}
	free(since);
}

static void drop_least_used(struct past *p)
{
	struct past_service *s, *tmp, *least = NULL;

	MAP_EACH(p->services, s, tmp)
		if (!s->loading && (least == NULL || s->used < least->used))
			least = s;
	if (least != NULL)
		forget_service(p, least);
}

/* A folder is read when it holds a quarter more than the limit, so that a new leader need not read all of them. */
void past_look(struct past *p, const char *service, size_t count)
{
	const size_t max = p->w->history_max, slack = max / 4 + 1;
	struct past_service *s = find(p, service);

	if (max == 0 || count <= max + slack)
		return;
	if (s != NULL && (s->loading || count <= s->n + slack || s->n > max))
		return; /* known, or not yet down to the limit */
	if (s != NULL)
		forget_service(p, s); /* there are more than we knew of: refused ones, or more than were read */
	if (MAP_COUNT(p->services) >= SERVICES_MAX)
		drop_least_used(p);
	s = xcalloc(1, sizeof(*s));
	s->id = xstrdup(service);
	s->past = p;
	s->loading = true;
	MAP_ADD(p->services, id, s);
	ended_read(p->w->st, p->life, service, on_entries, s);
}

bool past_release(struct past *p, const char *service)
{
	struct past_service *s = find(p, service);

	if (s == NULL)
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].taken_by != NULL)
			return false;
	if (s->loading)
		return false;
	forget_service(p, s);
	return true;
}

/* --- within the end of a flight ------------------------------------------------------------------------------ */

/* Its entry is written by this very transaction. */
static bool ends_now(const struct flight *f, const char *id)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->rq[i].item->id.request_id, id) == 0)
			return true;
	return false;
}

static bool is_spared(const struct past *p, const struct past_service *s, const struct past_entry *e)
{
	return loop_wall_ms(p->w->loop) - e->ended_ms < p->w->opt.history_spared_ms && s->n <= p->w->history_max + SPARED_MAX;
}

size_t past_drop(struct past *p, struct step *step, const char *service, size_t bytes)
{
	const size_t max = p->w->history_max;
	struct past_service *s = max > 0 ? find(p, service) : NULL;
	size_t dropped = 0, taken = 0, before = store_txn_bytes(step->t);

	if (s == NULL || s->loading)
		return 0;
	s->used = ++p->uses;
	for (size_t i = 0; i < s->n; i++)
		taken += s->items[i].taken_by != NULL;
	for (size_t i = 0; i < s->n && dropped < PER_REQUEST && s->n + 1 - taken > max; i++) {
		struct past_entry *e = &s->items[i];

		if (e->taken_by != NULL || ends_now(step->f, e->id))
			continue;
		if (is_spared(p, s, e) || bytes + store_txn_bytes(step->t) - before > BYTES_MAX)
			break; /* those behind it are younger */
		ended_drop(step->t, step->arena, service, e->id, e->mapped);
		e->taken_by = step->f;
		taken++;
		dropped++;
	}
	return store_txn_bytes(step->t) - before;
}

void past_ended(struct past *p, const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct item *it = f->rq[i].item;
		struct past_service *s = find(p, it->id.service_id);
		size_t kept = 0;

		if (s == NULL)
			continue;
		for (size_t k = 0; k < s->n; k++)
			if (s->items[k].taken_by == f)
				free(s->items[k].id);
			else
				s->items[kept++] = s->items[k];
		s->n = kept;
		drop_entry(s, it->id.request_id); /* posted anew: it is young again */
		add_entry(s, it->id.request_id, loop_wall_ms(p->w->loop), true);
	}
}

void past_doubt(struct past *p, const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct past_service *s = find(p, f->rq[i].item->id.service_id);
		bool ours = false;

		for (size_t k = 0; s != NULL && !ours && k < s->n; k++)
			ours = s->items[k].taken_by == f;
		if (ours)
			forget_service(p, s);
	}
}

/* --- the whole ----------------------------------------------------------------------------------------------- */

void past_forget(struct past *p)
{
	struct past_service *s, *tmp;

	life_end(&p->life);
	p->life = life_new();
	MAP_EACH(p->services, s, tmp)
		forget_service(p, s);
}

struct past *past_new(struct worker *w)
{
	struct past *p = xcalloc(1, sizeof(*p));

	p->w = w;
	p->life = life_new();
	return p;
}

void past_free(struct past **pp)
{
	struct past *p = STEAL(*pp);

	if (p == NULL)
		return;
	past_forget(p);
	life_end(&p->life);
	free(p);
}
