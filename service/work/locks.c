/*
 * locks.c - frees base paths whose locks T6' had to leave, once no host can serve them any more
 *
 * A group is sound when this leader has seen a batch end with every member of it on the decided state, and no T6' since:
 * whatever a host had kept from an earlier batch is gone then, as nobody prepares who is not on his target.  In a sound group
 * a lock that its owner's committed state does not name, while nothing of its owner is queued, is of no use to anybody.
 *
 * Only this leader makes and deletes locks, and a lock is made anew with the version that it had before.  So what is deleted
 * was read while no flight ended, and no flight of now wants it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_EVERY LOOP_MS(3600000)
#define PASSES 5 /* on a busy leader flights end all the time: the fewer are left, the shorter it takes to read them */

struct lock_group {
	UT_hash_handle hh;
	char *name;
	bool sound;
	int64_t next_at; /* loop time */
};

struct locks {
	struct worker *w;
	struct lock_group *groups;
	bool sweeping; /* one group at a time */
};

struct lock_owner { /* of locks that were found */
	UT_hash_handle hh;
	const char *id;
	bool queued, known;
	const struct service *service; /* NULL: none is committed, or it has no upstreams and gives its paths free */
	struct plan_paths paths;
};

struct held_lock {
	const char *path, *key;
	int32_t version;
	struct lock_owner *owner; /* NULL: free, or nothing that we understand */
};

struct sweep { /* in the arena of its reader */
	struct locks *l;
	struct lock_group *g;
	struct held_lock *held;
	struct lock_owner *owners;
	size_t n, n_owners;
	uint64_t flights_over; /* when the locks were read */
	int passes;
};

/* --- which groups ------------------------------------------------------------------------------------------- */

static struct lock_group *group_of(struct locks *l, const char *name)
{
	struct lock_group *g;

	MAP_FIND(l->groups, name, g);
	if (g == NULL) {
		g = xcalloc(1, sizeof(*g));
		g->name = xstrdup(name);
		MAP_ADD(l->groups, name, g);
	}
	return g;
}

void locks_kept(struct locks *l, const struct flight *f)
{
	for (size_t i = 0; i < f->groups.n; i++)
		group_of(l, f->groups.items[i])->sound = false;
}

static bool leaves_locks(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rq[i].verdict == INTERNAL_FAILED_REVERT_FAILED || f->rq[i].verdict == INTERNAL_FAILED_CANCEL_FAILED)
			return true;
	return false;
}

static bool all_confirmed(struct flight *f)
{
	const struct member **members;
	size_t n = flight_members(f, &members);
	bool ok = n != SIZE_MAX;

	for (size_t i = 0; ok && i < n; i++)
		ok = members[i]->excluded || tally_confirmed(f->tally, members[i], flight_question(f), flight_number(f));
	free(members);
	return ok;
}

void locks_ended(struct locks *l, struct flight *f)
{
	if (f->dv < 0 || leaves_locks(f) || !all_confirmed(f))
		return;
	for (size_t i = 0; i < f->groups.n; i++) {
		struct lock_group *g = group_of(l, f->groups.items[i]);

		if (!g->sound)
			g->next_at = loop_now(l->w->loop); /* at the next tick */
		g->sound = true;
	}
}

/* --- one group ------------------------------------------------------------------------------------------------ */

static void read_locks(struct sweep *s, struct reader *r);

static void sweep_over(struct sweep *s, bool done)
{
	s->l->sweeping = false;
	if (done)
		s->g->next_at = loop_now(s->l->w->loop) + SWEEP_EVERY;
}

static bool flights_want(const struct worker *w, const char *group, const char *key)
{
	for (const struct flight *f = w->flights; f != NULL; f = f->next)
		for (size_t i = 0; i < f->n; i++) {
			const struct plan_paths *wanted = &f->rq[i].plan.wanted;

			for (size_t k = 0; k < wanted->n; k++)
				if (str_eq(wanted->items[k].group, group) && str_eq(wanted->items[k].key, key))
					return true;
		}
	return false;
}

static void on_freed(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err; /* still there: the next sweep sees it again */
}

static void free_locks(struct sweep *s)
{
	struct worker *w = s->l->w;

	for (size_t i = 0; i < s->n; i++) {
		const struct held_lock *h = &s->held[i];
		struct store_txn *t;

		if (flights_want(w, s->g->name, h->key))
			continue;
		log_warn(NULL, "base path freed: nobody serves it since a failed revert", "group", s->g->name, "path", h->key,
			"service", h->owner->id);
		t = store_txn_new(w->st);
		store_txn_check(t, w->latch_node, -1);
		store_txn_delete(t, h->path, h->version);
		store_txn_commit(&t, on_freed, NULL);
		w->flights_over++; /* what was read of locks before is not true any more */
	}
}

static bool is_of_use(const struct held_lock *h, const char *group)
{
	if (h->owner->queued || !h->owner->known)
		return true;
	for (size_t i = 0; i < h->owner->paths.n; i++)
		if (str_eq(h->owner->paths.items[i].group, group) && str_eq(h->owner->paths.items[i].key, h->key))
			return true;
	return false;
}

/* Answers: the queue, then the service of each owner. */
static void take_owners(struct sweep *s, const struct reader *r, const struct roster_group *g)
{
	struct lock_owner *map = NULL, *o, *tmp;
	const char *const *queue;
	const struct item *it;
	size_t n;

	for (size_t i = 0; i < s->n_owners; i++) {
		const struct store_node *node = reader_node(r, 1 + i);
		struct service *service;

		o = &s->owners[i];
		MAP_ADD(map, id, o);
		o->known = node == NULL;
		if (node == NULL || record_decode(&service_record, node->data, node->len, r->arena, &service, NULL) != 0)
			continue;
		o->known = true;
		if (node->num_children > 0)
			plan_service_paths(service, &g, 1, r->arena, &o->paths);
	}
	queue = reader_names(r, 0, &n);
	for (size_t i = 0; i < n; i++) {
		struct queued_id id;

		if (queued_id_parse_node(queue[i], r->arena, &id, NULL) != 0)
			continue;
		MAP_FIND(map, id.service_id, o);
		if (o != NULL)
			o->queued = true;
	}
	DL_FOREACH(s->l->w->items, it) {
		if (it->id.service_id == NULL || it->ended)
			continue;
		MAP_FIND(map, it->id.service_id, o);
		if (o != NULL)
			o->queued = true;
	}
	MAP_EACH(map, o, tmp)
		MAP_DEL(map, o);
}

static void on_owners(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct sweep *s = ctx;
	struct worker *w = s->l->w;
	const struct roster_group *g = roster_get(w->roster, s->g->name);
	struct reader *next;
	size_t n = 0;

	if (err != NULL || !s->g->sound || g == NULL || g->group == NULL) {
		sweep_over(s, false);
		return;
	}
	take_owners(s, r, g);
	for (size_t i = 0; i < s->n; i++)
		if (!is_of_use(&s->held[i], s->g->name))
			s->held[n++] = s->held[i];
	s->n = n;
	if (n == 0 || w->flights_over == s->flights_over) {
		free_locks(s);
		sweep_over(s, true);
		return;
	}
	if (++s->passes == PASSES) {
		sweep_over(s, false);
		return;
	}
	next = reader_next(&r);
	read_locks(s, next);
}

static struct lock_owner *owner_named(struct sweep *s, struct lock_owner **map, const struct store_node *node, struct arena *a)
{
	struct lock_owner *o;
	const char *id;

	if (node == NULL || json_string_decode(node->data, node->len, a, &id, NULL) != 0 || !path_name_ok(id))
		return NULL;
	MAP_FIND(*map, id, o);
	if (o == NULL) {
		o = &s->owners[s->n_owners++];
		*o = (struct lock_owner){ .id = id };
		MAP_ADD(*map, id, o);
	}
	return o;
}

static void on_locks(void *ctx, struct reader **r_take, const struct error *err)
{
	struct sweep *s = ctx;
	struct lock_owner *map = NULL, *o, *tmp;
	struct reader *r = *r_take;
	size_t n = 0;

	if (err != NULL) {
		sweep_over(s, false);
		reader_free(r_take);
		return;
	}
	s->owners = arena_alloc(r->arena, (s->n + 1) * sizeof(*s->owners));
	s->n_owners = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct held_lock h = s->held[i];
		const struct store_node *node = reader_node(r, i);

		h.owner = owner_named(s, &map, node, r->arena);
		if (h.owner == NULL)
			continue; /* not ours to judge */
		h.version = node->version;
		s->held[n++] = h;
	}
	s->n = n;
	MAP_EACH(map, o, tmp)
		MAP_DEL(map, o);
	r = reader_next(r_take);
	reader_children(r, PATH_QUEUE); /* whoever had been queued when a lock was made is either there or committed */
	for (size_t i = 0; i < s->n_owners; i++)
		reader_get(r, path_service(r->arena, s->owners[i].id));
	reader_run(&r, on_owners, s);
}

static void read_locks(struct sweep *s, struct reader *r)
{
	s->flights_over = s->l->w->flights_over;
	for (size_t i = 0; i < s->n; i++)
		reader_get(r, s->held[i].path);
	reader_run(&r, on_locks, s);
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	struct sweep *s = ctx;
	struct reader *r = *r_take;
	const char *const *names;
	size_t n;

	if (err != NULL) {
		sweep_over(s, false);
		reader_free(r_take);
		return;
	}
	names = reader_names(r, 0, &n);
	s->held = arena_alloc(r->arena, (n + 1) * sizeof(*s->held));
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf key = BUF_INIT;

		if (!b64url_decode(&key, names[i], strlen(names[i])) || !utf8_valid(buf_cstr(&key), key.len))
			continue;
		s->held[s->n++] = (struct held_lock){ .key = arena_strdup(r->arena, buf_cstr(&key)),
			.path = path_join(r->arena, path_base_uris(r->arena, s->g->name), names[i]) };
	}
	r = reader_next(r_take);
	read_locks(s, r);
}

static void sweep_group(struct locks *l, struct lock_group *g)
{
	struct reader *r = reader_new(l->w->st, l->w->life);
	struct sweep *s = arena_alloc(r->arena, sizeof(*s));

	*s = (struct sweep){ .l = l, .g = g };
	l->sweeping = true;
	reader_children(r, path_base_uris(r->arena, g->name));
	reader_run(&r, on_names, s);
}

void locks_tick(struct locks *l)
{
	struct lock_group *g, *tmp;
	int64_t now = loop_now(l->w->loop);

	if (l->sweeping || !l->w->started || l->w->reloading)
		return;
	MAP_EACH(l->groups, g, tmp)
		if (g->sound && now >= g->next_at) {
			sweep_group(l, g);
			return;
		}
}

/* --- life ------------------------------------------------------------------------------------------------------- */

struct locks *locks_new(struct worker *w)
{
	struct locks *l = xcalloc(1, sizeof(*l));

	l->w = w;
	return l;
}

void locks_forget(struct locks *l)
{
	struct lock_group *g, *tmp;

	l->sweeping = false; /* what was being read has gone with w->life */
	MAP_EACH(l->groups, g, tmp) {
		MAP_DEL(l->groups, g);
		free(g->name);
		free(g);
	}
}

void locks_free(struct locks **lp)
{
	struct locks *l = STEAL(*lp);

	if (l == NULL)
		return;
	locks_forget(l);
	free(l);
}
