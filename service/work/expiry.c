/*
 * expiry.c - the walk over all histories: what the ends of requests do not come to
 *
 * Entries that are too old, those of services that are gone, of refused requests, and what a Java leader has piled up.  One service
 * at a time, with pauses; nothing here may hurt if it fails: the next walk comes by again.
 *
 * It also counts.  If there are more of all services than may be, what each may keep is lowered to where the sum fits, for the walk
 * that follows at once and for the ends of requests: so those with the most give.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/ended.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

#define FIRST LOOP_MS(60000)      /* after the start of a leader */
#define PAUSE LOOP_MS(20)         /* between two services */
#define AFTER_TROUBLE LOOP_MS(60000)
#define WHEN_FULL LOOP_MS(3600000) /* to the next walk, as long as there are about as many as may be */
#define PER_TRANSACTION 200

struct expiry {
	struct worker *w;
	struct life *life;
	struct loop_timer timer;
	struct arena *arena; /* of the walk; NULL: none in progress */
	const char **services;
	size_t *counts; /* of each, when it was left */
	size_t n, at;
	size_t dropped;
	bool again; /* this walk follows another, for the lower limit */
};

static void later(struct expiry *p, int64_t us)
{
	loop_timer_start(p->w->loop, &p->timer, us);
}

static void next_service(struct expiry *p)
{
	p->at++;
	later(p, PAUSE);
}

/* --- how many there are of all ---------------------------------------------------------------------------------- */

static size_t sum_within(const struct expiry *p, size_t limit)
{
	size_t sum = 0;

	for (size_t i = 0; i < p->n; i++)
		sum += p->counts[i] < limit ? p->counts[i] : limit;
	return sum;
}

/* True: the limit of a service is lower now. */
static bool set_limit(struct expiry *p)
{
	const size_t total = p->w->opt.history_total, sum = sum_within(p, SIZE_MAX), before = p->w->history_max;
	size_t lo = 1, hi = before; /* the newest of each stays */

	if (total == 0 || before == 0)
		return false;
	if (sum <= total) {
		if (sum <= total / 10 * 9)
			p->w->history_max = p->w->opt.history_max;
		return false;
	}
	while (lo < hi) {
		size_t mid = hi - (hi - lo) / 2;

		if (sum_within(p, mid) <= total)
			lo = mid;
		else
			hi = mid - 1;
	}
	p->w->history_max = lo;
	if (lo < before)
		log_warn(NULL, "history is full: fewer are kept of each service", "entries", log_int((int64_t)sum), "limit",
			log_int((int64_t)total), "perService", log_int((int64_t)lo));
	return lo < before;
}

static int64_t until_next(const struct expiry *p)
{
	int64_t every = p->w->opt.history_every_ms > 0 ? LOOP_MS(p->w->opt.history_every_ms) : LOOP_MS(86400000);
	bool full = p->w->opt.history_total > 0 && sum_within(p, SIZE_MAX) > p->w->opt.history_total / 2;

	return full && every > WHEN_FULL ? WHEN_FULL : every;
}

static void end_walk(struct expiry *p)
{
	if (p->dropped > 0)
		log_info(NULL, "history purged", "entries", log_int((int64_t)p->dropped));
	p->again = set_limit(p) && !p->again;
	later(p, p->again ? PAUSE : until_next(p));
	arena_free(&p->arena);
}

/* --- one service --------------------------------------------------------------------------------------------- */

static void on_folder_gone(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err; /* something has ended meanwhile, or it is the next leader's */
}

struct looking {
	struct expiry *p;
	const char *service;
};

static void on_known(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct looking *l = ctx;
	struct store_txn *t;
	size_t n;

	reader_names(r, 1, &n);
	if (err == NULL && !reader_exists(r, 0) && n == 0 && past_release(l->p->w->past, l->service)) {
		t = store_txn_new(l->p->w->st);
		store_txn_check(t, l->p->w->latch_node, -1);
		store_txn_delete(t, path_history(r->arena, l->service), -1);
		store_txn_commit(&t, on_folder_gone, NULL);
	}
	next_service(l->p);
}

/* Nothing of it is left: the folder goes if the service is gone and nothing of it is queued. */
static void look_at_folder(struct expiry *p, const char *service)
{
	struct reader *r = reader_new(p->w->st, p->life);
	struct looking *l = arena_alloc(r->arena, sizeof(*l));

	*l = (struct looking){ p, service };
	for (const struct item *it = p->w->items; it != NULL; it = it->next)
		if (str_eq(it->id.service_id, service)) {
			reader_free(&r);
			next_service(p);
			return;
		}
	reader_get(r, path_service(r->arena, service));
	reader_children(r, path_history(r->arena, service));
	reader_run(&r, on_known, l);
}

struct dropping {
	struct expiry *p;
	struct life *life;
	size_t n;
};

static void on_dropped(void *ctx, const struct store_result *res, const struct error *err)
{
	struct dropping *d = ctx;
	struct expiry *p = d->p;

	(void)res;
	if (d->life->over) {
		life_unref(&d->life);
		free(d);
		return;
	}
	if (err == NULL)
		p->dropped += d->n;
	if (err == NULL)
		later(p, PAUSE); /* the same service again: there may be more */
	else
		next_service(p);
	life_unref(&d->life);
	free(d);
}

static bool must_go(const struct expiry *p, const struct ended_entry *e, size_t younger)
{
	const struct worker_options *opt = &p->w->opt;
	int64_t age = loop_wall_ms(p->w->loop) - e->ended_ms;

	if (opt->history_age_ms > 0 && age > opt->history_age_ms)
		return true;
	return p->w->history_max > 0 && younger >= p->w->history_max && age > opt->history_spared_ms;
}

static void on_entries(void *ctx, const struct ended_entry *entries, size_t n, const struct error *err)
{
	struct expiry *p = ctx;
	const char *service = p->services[p->at];
	AUTO(arena_free) struct arena *a = NULL;
	struct dropping *d;
	struct store_txn *t;

	if (err != NULL) {
		next_service(p);
		return;
	}
	p->counts[p->at] = n;
	if (n == 0) {
		look_at_folder(p, service);
		return;
	}
	if (!must_go(p, &entries[0], n - 1) || !past_release(p->w->past, service)) {
		next_service(p);
		return;
	}
	a = arena_new();
	d = xcalloc(1, sizeof(*d));
	*d = (struct dropping){ p, life_ref(p->life), 0 };
	t = store_txn_new(p->w->st);
	store_txn_check(t, p->w->latch_node, -1);
	while (d->n < PER_TRANSACTION && d->n < n && must_go(p, &entries[d->n], n - 1 - d->n)) {
		ended_drop(t, a, service, entries[d->n].id, entries[d->n].mapped);
		d->n++;
	}
	store_txn_commit(&t, on_dropped, d);
}

/* --- the walk ------------------------------------------------------------------------------------------------ */

static void on_services(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct expiry *p = ctx;
	const char *const *names;
	size_t n;

	if (err != NULL) {
		later(p, AFTER_TROUBLE);
		return;
	}
	names = reader_names(r, 0, &n);
	p->arena = arena_new();
	p->services = arena_alloc(p->arena, (n + 1) * sizeof(char *));
	p->counts = arena_alloc(p->arena, (n + 1) * sizeof(*p->counts));
	p->n = p->at = p->dropped = 0; /* counts: the arena gives zeros */
	for (size_t i = 0; i < n; i++)
		if (path_name_ok(names[i]) && !str_eq(PATH_HISTORY "/requestIdMapping", path_history(r->arena, names[i])))
			p->services[p->n++] = arena_strdup(p->arena, names[i]);
	later(p, 0);
}

static void on_timer(void *ctx)
{
	struct expiry *p = ctx;
	struct reader *r;

	if (store_link(p->w->st) != STORE_LINK_UP) {
		later(p, AFTER_TROUBLE);
	} else if (p->arena == NULL) {
		r = reader_new(p->w->st, p->life);
		reader_children(r, PATH_HISTORY);
		reader_run(&r, on_services, p);
	} else if (p->at == p->n) {
		end_walk(p);
	} else {
		ended_read(p->w->st, p->life, p->services[p->at], on_entries, p);
	}
}

struct expiry *expiry_new(struct worker *w)
{
	struct expiry *p = xcalloc(1, sizeof(*p));

	p->w = w;
	p->life = life_new();
	p->timer = (struct loop_timer){ .fn = on_timer, .ctx = p };
	if (w->opt.history_max > 0 || w->opt.history_age_ms > 0)
		later(p, FIRST);
	return p;
}

void expiry_free(struct expiry **pp)
{
	struct expiry *p = STEAL(*pp);

	if (p == NULL)
		return;
	life_end(&p->life);
	loop_timer_stop(p->w->loop, &p->timer);
	arena_free(&p->arena);
	free(p);
}
