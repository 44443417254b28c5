/*
 * worker.c - what starts when, and the life of the worker
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/worker.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "service/core/schedule.h"
#include "service/work/flight.h"
#include "service/work/java_call.h"
#include "service/work/janitor.h"

#include <stdlib.h>
#include <string.h>

#define OVERDUE LOOP_MS(5000)

/* --- what starts ---------------------------------------------------------------------------------- */

/* Begun without a decision record: a Java leader may have told hosts. A cancel of ours that came before the decision looks
 * the same to a new leader; then going back is only more than was needed. */
static bool begun_elsewhere(const struct item *it)
{
	switch ((enum internal_state)it->status) {
	case INTERNAL_SEND_APPLY:
	case INTERNAL_CHECK_APPLY:
	case INTERNAL_FAILED_SEND_REVERT:
	case INTERNAL_FAILED_CHECK_REVERT:
	case INTERNAL_CANCELLED_CHECK_REVERT:
		return true;
	case INTERNAL_CANCELLED_SEND_REVERT:
		return it->inherited;
	case INTERNAL_PENDING:
	case INTERNAL_COMPLETED:
	case INTERNAL_COMPLETED_POST_APPLY_FAILED:
	case INTERNAL_INVALID_REQUEST_NOOP:
	case INTERNAL_FAILED_REVERTED:
	case INTERNAL_FAILED_REVERT_FAILED:
	case INTERNAL_CANCELLED:
	case INTERNAL_FAILED_CANCEL_FAILED:
		return false;
	}
	return false;
}

static bool any_java(const struct roster_group *const *groups, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < groups[i]->n; k++)
			if (member_is_java(&groups[i]->members[k]) && !groups[i]->members[k].excluded)
				return true;
	return false;
}

/* Made once, until its service, its request or a roster changes; false: a roster is not known yet. */
static bool have_plan(struct worker *w, struct item *it, struct arena *a, struct strings *groups_out)
{
	const struct roster_group **groups;
	size_t n;

	if (it->plan != NULL)
		return true;
	plan_groups(it->request, it->base.service, a, groups_out);
	groups = load_groups(w, groups_out, a, &n);
	if (n < groups_out->n)
		return false;
	it->java = any_java(groups, n);
	it->plan_arena = arena_new();
	it->plan = arena_alloc(it->plan_arena, sizeof(*it->plan));
	plan_make(it->request, &it->base, it->sv, groups, n, it->plan_arena, it->plan);
	return true;
}

static bool describe(struct worker *w, struct item *it, struct arena *a, struct schedule_item *out)
{
	struct plan *none;

	if (it->bad != NULL && it->flight == NULL)
		return false;
	out->service = it->id.service_id;
	out->flying = it->flight != NULL;
	out->alone = it->alone;
	none = arena_alloc(a, sizeof(*none));
	out->groups = &none->groups;
	out->wanted = &none->wanted;
	if (it->request == NULL || !it->loaded || !have_plan(w, it, a, &none->groups))
		return true;
	out->groups = &it->plan->groups;
	out->wanted = &it->plan->wanted;
	out->alone |= it->java;
	out->bytes = item_bytes(it);
	out->overdue = loop_now(w->loop) - it->seen_at > OVERDUE;
	out->startable = it->listed && !it->stale && !begun_elsewhere(it) &&
			 !(it->java && java_after_fresh(w->java_afters, it->id.service_id));
	return true;
}

static void start_batches(struct worker *w)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct schedule_item *items;
	struct item **known, **members, *it;
	size_t n = 0, max = 0;
	int batches;

	DL_COUNT(w->items, it, max);
	max = max < KNOWN_MAX ? max : KNOWN_MAX;
	items = arena_alloc(a, (max + 1) * sizeof(*items));
	known = arena_alloc(a, (max + 1) * sizeof(*known));
	members = arena_alloc(a, (max + 1) * sizeof(*members));
	DL_FOREACH(w->items, it) {
		if (n == max)
			break;
		if (describe(w, it, a, &items[n]))
			known[n++] = it;
	}
	batches = schedule(items, n, &(struct schedule_limits){ w->opt.batch_max, FLIGHT_BYTES_MAX });
	for (int b = 0; b < batches; b++) {
		size_t k = 0;

		for (size_t i = 0; i < n; i++)
			if (items[i].batch == b)
				members[k++] = known[i];
		flight_new(w, members, k);
	}
}

static bool service_flies(const struct worker *w, const char *service)
{
	const struct item *it;

	DL_FOREACH(w->items, it)
		if (it->flight != NULL && str_eq(it->id.service_id, service))
			return true;
	return false;
}

/* Items that are no ordinary PENDING requests: leftovers, and what a Java leader began. */
static void settle_odd(struct worker *w)
{
	struct item *it, *tmp;

	DL_FOREACH_SAFE(w->items, it, tmp) {
		if (it->flight != NULL || !it->loaded || it->stale || it->loading)
			continue;
		if (it->bad != NULL) {
			it->loading = true; /* asked for; the next scan finds it gone */
			janitor_quarantine(w->janitor, it);
		} else if (internal_state_terminal((enum internal_state)it->status)) {
			it->loading = true;
			janitor_sweep_terminal(w->janitor, it);
		} else if (begun_elsewhere(it) && !service_flies(w, it->id.service_id)) {
			flight_adopt_undecided(w, it);
		}
	}
}

void worker_turn(void *ctx)
{
	struct worker *w = ctx;

	w->last_turn_ms = loop_wall_ms(w->loop);
	if (!w->started || w->reloading || store_link(w->st) != STORE_LINK_UP)
		return;
	settle_odd(w);
	start_batches(w);
}

void worker_turn_soon(struct worker *w)
{
	loop_timer_start(w->loop, &w->turn, 0);
}

static void on_roster(void *ctx)
{
	struct worker *w = ctx;
	struct flight *f, *next;

	queue_forget_plans(w, NULL);
	for (f = w->flights; f != NULL; f = next) {
		next = f->next;
		flight_advance(f);
	}
	worker_turn_soon(w);
}

/* --- life -------------------------------------------------------------------------------------------- */

void worker_flight_over(struct flight *f, bool rescan)
{
	struct worker *w = f->w;
	struct item *it, *tmp;
	bool stale = false;

	w->flights_over++;
	for (size_t i = 0; i < f->n; i++) {
		struct item *own = f->rq[i].item;

		DL_FOREACH(w->items, it)
			if (str_eq(it->id.service_id, own->id.service_id))
				it->stale = true; /* its base may have moved */
	}
	DL_FOREACH(w->items, it)
		if (it->flight == f && it->bad != NULL)
			it->ended = true;
	flight_free(&f);
	DL_FOREACH_SAFE(w->items, it, tmp) {
		if (it->ended)
			queue_item_free(w, it); /* with its node: no list read from now on has it */
		else
			stale |= it->stale;
	}
	if (rescan && stale)
		queue_scan(w);
	worker_turn_soon(w); /* what waited for its groups */
}

static void on_deposed(void *ctx)
{
	struct worker *w = ctx;

	w->ev.deposed(w->ev.ctx);
}

void worker_deposed(struct worker *w)
{
	w->reloading = true;
	w->turn.fn = on_deposed;
	loop_timer_start(w->loop, &w->turn, 0);
}

static void on_queue_changed(void *ctx)
{
	queue_scan(ctx);
}

static void on_tick(void *ctx)
{
	struct worker *w = ctx;
	struct item *it;

	DL_FOREACH(w->items, it)
		it->stale |= it->flight == NULL; /* a cancel of what waits has no watch */
	queue_scan(w);
	janitor_tick(w->janitor);
	known_agents_tick(w->known_agents);
	loop_timer_start(w->loop, &w->tick, LOOP_MS(w->opt.tick_ms));
}

static void default_java(struct java_options *o)
{
	o->max_attempts = o->max_attempts != 0 ? o->max_attempts : 5;
	o->timeout_ms = o->timeout_ms != 0 ? o->timeout_ms : 60000;
	o->settle_ms = o->settle_ms != 0 ? o->settle_ms : 25000;
	o->batch_url = o->batch_url != NULL ? o->batch_url : "%s/batch";
	o->request_url = o->request_url != NULL ? o->request_url : "%s/request/%s";
}

struct worker *worker_new(struct loop *l, struct store *st, struct client *cl, const struct worker_options *opt,
	const char *latch_node, int64_t epoch, const struct worker_events *ev)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->st = st;
	w->client = cl;
	w->opt = *opt;
	w->opt.tick_ms = opt->tick_ms != 0 ? opt->tick_ms : 5000;
	w->opt.ended_known_ms = opt->ended_known_ms != 0 ? opt->ended_known_ms : 60000;
	w->opt.history_spared_ms = opt->history_spared_ms != 0 ? opt->history_spared_ms : 120000;
	w->history_max = opt->history_max;
	default_java(&w->opt.java);
	w->opt.rules.absent = opt->rules.absent && opt->absent_grace_ms > 0;
	w->ev = *ev;
	w->life = life_new();
	w->latch_node = xstrdup(latch_node);
	w->epoch = epoch;
	w->first_start = true;
	w->tick = (struct loop_timer){ .fn = on_tick, .ctx = w };
	w->turn = (struct loop_timer){ .fn = worker_turn, .ctx = w };
	w->roster = roster_new(l, st, &w->opt.rules, on_roster, w);
	w->janitor = janitor_new(w);
	w->locks = locks_new(w);
	w->known_agents = known_agents_new(w);
	w->past = past_new(w);
	w->expiry = expiry_new(w);
	w->java = java_calls_new(w);
	w->java_afters = java_afters_new(w);
	w->listener = (struct store_listener){ .fn = takeover_on_link, .ctx = w };
	store_listen(st, &w->listener);
	w->queue_watch = store_watch_new(st, PATH_QUEUE, STORE_WATCH_CHILDREN, on_queue_changed, w);
	loop_timer_start(l, &w->tick, LOOP_MS(w->opt.tick_ms));
	takeover_start(w);
	return w;
}

void worker_free(struct worker **wp)
{
	struct worker *w = STEAL(*wp);

	if (w == NULL)
		return;
	takeover_forget(w);
	look_forget_all(w);
	store_watch_free(&w->queue_watch);
	store_unlisten(w->st, &w->listener);
	loop_timer_stop(w->loop, &w->tick);
	loop_timer_stop(w->loop, &w->turn);
	janitor_free(&w->janitor);
	locks_free(&w->locks);
	known_agents_free(&w->known_agents);
	past_free(&w->past);
	expiry_free(&w->expiry);
	java_afters_free(&w->java_afters);
	java_calls_free(&w->java);
	roster_free(&w->roster);
	life_end(&w->life);
	free(w->latch_node);
	free(w);
}

size_t worker_flights(const struct worker *w)
{
	size_t n = 0;

	for (const struct flight *f = w->flights; f != NULL; f = f->next)
		n++;
	return n;
}

int64_t worker_last_turn_ms(const struct worker *w)
{
	return w->last_turn_ms;
}
