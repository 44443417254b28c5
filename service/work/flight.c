/*
 * flight.c - one batch on its way: what it is, how it is made, adopted from a predecessor, and freed
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "service/work/java_call.h"

#include <stdlib.h>
#include <string.h>

#define RELEASE_WAIT LOOP_MS(1000)

/* --- questions about a flight ---------------------------------------------------------------- */

int64_t flight_deadline(const struct flight *f)
{
	const struct worker_options *o = &f->w->opt;

	switch (f->phase) {
	case PHASE_PREPARING:
		return f->phase_since + LOOP_MS(o->prepare_deadline_ms);
	case PHASE_FORWARD:
		return f->phase_since + LOOP_MS(o->apply_deadline_ms);
	case PHASE_BACK:
		return f->phase_since + LOOP_MS(o->revert_deadline_ms);
	case PHASE_RELEASING:
		return f->phase_since + RELEASE_WAIT;
	}
	return 0;
}

bool flight_has_direction(const struct flight *f, enum direction dir)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rq[i].dir == (int)dir)
			return true;
	return false;
}

enum call_type flight_question(const struct flight *f)
{
	switch (f->phase) {
	case PHASE_PREPARING:
		return CALL_PREPARE;
	case PHASE_FORWARD:
		return CALL_APPLY;
	case PHASE_BACK:
		return flight_has_direction(f, DIR_BACK) ? CALL_REVERT : CALL_CANCEL;
	case PHASE_RELEASING:
		return CALL_RELEASE;
	}
	return CALL_RELEASE;
}

int64_t flight_number(const struct flight *f)
{
	return f->dv;
}

size_t flight_members(struct flight *f, const struct member ***out)
{
	size_t n = 0, cap = 0;
	const struct member **list = NULL;

	*out = NULL;
	for (size_t i = 0; i < f->groups.n; i++) {
		const struct roster_group *g = roster_get(f->w->roster, f->groups.items[i]);

		if (g == NULL) {
			free(list);
			return SIZE_MAX;
		}
		for (size_t k = 0; k < g->n; k++) {
			GROW(list, n, cap);
			list[n++] = &g->members[k];
		}
	}
	*out = list;
	return n;
}

/* --- making one --------------------------------------------------------------------------------- */

static struct flight *flight_alloc(struct worker *w, struct item **items, size_t n)
{
	struct flight *f = xcalloc(1, sizeof(*f));

	f->w = w;
	f->life = life_new();
	f->arena = arena_new();
	f->tally = tally_new();
	f->dv = -1;
	f->since_ms = loop_wall_ms(w->loop);
	f->rq = arena_alloc(f->arena, n * sizeof(*f->rq));
	f->n = n;
	for (size_t i = 0; i < n; i++) {
		struct flight_request *r = &f->rq[i];
		struct strings groups;

		r->item = items[i];
		r->flight = f;
		r->verdict = -1;
		r->status = items[i]->status;
		r->status_version = items[i]->status_version;
		items[i]->flight = f;
		plan_groups(items[i]->request, items[i]->base.service, f->arena, &groups);
		for (size_t k = 0; k < groups.n; k++)
			if (!strings_have(&f->groups, groups.items[k]))
				strings_add(&f->groups, f->arena, groups.items[k]);
	}
	f->timer = (struct loop_timer){ .fn = flight_on_timer, .ctx = f };
	f->phase_since = loop_now(w->loop);
	f->next = w->flights;
	if (w->flights != NULL)
		w->flights->prev = f;
	w->flights = f;
	return f;
}

struct flight *flight_new(struct worker *w, struct item **items, size_t n)
{
	struct flight *f = flight_alloc(w, items, n);

	f->name = arena_printf(f->arena, "%016llx-%08llx", (unsigned long long)w->epoch, (unsigned long long)++w->counter);
	f->log = (struct log_ctx){ NULL, "batch", f->name };
	flight_load(f);
	return f;
}

/* "Apply failed (…), reverting..." of a predecessor: what failed then is still why. */
static const char *former_failure(struct flight *f, const char *message)
{
	static const char head[] = "Apply failed (", tail[] = "), reverting...";

	if (message == NULL || !str_starts(message, head) || !str_ends(message, tail))
		return NULL;
	return arena_strndup(f->arena, message + sizeof(head) - 1, strlen(message) - (sizeof(head) - 1) - (sizeof(tail) - 1));
}

struct flight *flight_adopt(struct worker *w, const char *batch, const struct decision *d, int64_t dv, struct item **items, size_t n)
{
	struct flight *f = flight_alloc(w, items, n);

	f->name = arena_strdup(f->arena, batch);
	f->log = (struct log_ctx){ NULL, "batch", f->name };
	f->adopted = true;
	f->dv = dv;
	f->tenures = d->tenures;
	f->since_ms = d->since;
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < d->requests.n; k++) {
			const struct decided_request *dr = &d->requests.items[k];

			if (strcmp(dr->id, items[i]->id.request_id) != 0)
				continue;
			f->rq[i].dir = dr->dir;
			f->rq[i].n_created = dr->paths.n;
			f->rq[i].created = arena_alloc(f->arena, (dr->paths.n + 1) * sizeof(*f->rq[i].created));
			for (size_t p = 0; p < dr->paths.n; p++)
				f->rq[i].created[p] = (struct decided_path){ arena_strdup(f->arena, dr->paths.items[p].group),
					arena_strdup(f->arena, dr->paths.items[p].key) };
		}
		if (f->failure == NULL)
			f->failure = former_failure(f, items[i]->message);
	}
	flight_load(f);
	return f;
}

struct flight *flight_adopt_undecided(struct worker *w, struct item *item)
{
	struct flight *f = flight_alloc(w, &item, 1);

	f->name = arena_printf(f->arena, "%016llx-%08llx", (unsigned long long)w->epoch, (unsigned long long)++w->counter);
	f->log = (struct log_ctx){ NULL, "batch", f->name };
	f->adopted = true;
	if (item->status == INTERNAL_FAILED_SEND_REVERT || item->status == INTERNAL_FAILED_CHECK_REVERT)
		f->rq[0].dir = DIR_BACK;
	else if (item->status == INTERNAL_CANCELLED_SEND_REVERT || item->status == INTERNAL_CANCELLED_CHECK_REVERT)
		f->rq[0].dir = DIR_CANCEL;
	f->failure = former_failure(f, item->message);
	flight_load(f);
	return f;
}

void flight_free(struct flight **fp)
{
	struct flight *f = STEAL(*fp);

	if (f == NULL)
		return;
	fanout_cancel(f);
	java_detach(f);
	loop_timer_stop(f->w->loop, &f->timer);
	for (size_t i = 0; i < f->n; i++) {
		store_watch_free(&f->rq[i].watch);
		kept_release(&f->rq[i].kept);
		if (f->rq[i].item->flight == f)
			f->rq[i].item->flight = NULL;
	}
	if (f->prev != NULL)
		f->prev->next = f->next;
	else
		f->w->flights = f->next;
	if (f->next != NULL)
		f->next->prev = f->prev;
	life_end(&f->life);
	tally_free(&f->tally);
	arena_free(&f->arena);
	free(f);
}
