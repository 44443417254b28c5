/*
 * load.c - what a flight must know before it starts: plans need the roster; locks and a few facts are read in one wave
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/work/java_call.h"

#include <stdlib.h>

#define TENURES_MAX 4 /* a batch that kills leaders cannot do so for ever */

/* --- groups ------------------------------------------------------------------------------------------ */

const struct roster_group **load_groups(struct worker *w, const struct strings *names, struct arena *a, size_t *n_out)
{
	const struct roster_group **list = arena_alloc(a, (names->n + 1) * sizeof(struct roster_group *));

	*n_out = 0;
	for (size_t i = 0; i < names->n; i++) {
		list[*n_out] = roster_get(w->roster, names->items[i]);
		if (list[*n_out] != NULL)
			(*n_out)++;
	}
	return list;
}

static struct group_note *note_of(const struct worker *w, const char *group)
{
	struct group_note *note;

	MAP_FIND(w->notes, group, note);
	return note;
}

void load_learn(struct worker *w, const struct group_note *seen)
{
	struct group_note *note = note_of(w, seen->name);

	if (note == NULL) {
		note = xcalloc(1, sizeof(*note));
		note->name = xstrdup(seen->name);
		MAP_ADD(w->notes, name, note);
	}
	note->has_last_request |= seen->has_last_request;
	note->has_base_uris |= seen->has_base_uris;
}

void load_forget(struct worker *w)
{
	struct group_note *note, *tmp;

	MAP_EACH(w->notes, note, tmp) {
		MAP_DEL(w->notes, note);
		free((void *)(uintptr_t)note->name);
		free(note);
	}
	w->has_state_version = false;
}

/* --- facts ------------------------------------------------------------------------------------------- */

static void batch_digest_of(struct flight *f)
{
	const struct request **list = arena_alloc(f->arena, f->n * sizeof(struct request *));

	for (size_t i = 0; i < f->n; i++)
		list[i] = f->rq[i].plan.request;
	batch_digest(list, f->n, f->digest);
}

size_t load_read_locks(struct reader *r, const struct plan_paths *list)
{
	for (size_t i = 0; i < list->n; i++)
		reader_get(r, path_base_uri(r->arena, list->items[i].group, list->items[i].key));
	return list->n;
}

size_t load_take_locks(const struct reader *r, size_t at, struct plan_paths *list, struct arena *a)
{
	for (size_t i = 0; i < list->n; i++, at++) {
		const struct store_node *node = reader_node(r, at);
		const char *owner;

		list->items[i].owner = NULL;
		list->items[i].version = node != NULL ? node->version : -1;
		if (node != NULL)
			list->items[i].owner = json_string_decode(node->data, node->len, a, &owner, NULL) == 0 ? owner : "?";
	}
	return at;
}

static bool take_known_locks(const struct plan_paths *known, struct plan_paths *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct plan_path *p = &list->items[i];
		size_t k = 0;

		while (k < known->n && (!str_eq(known->items[k].group, p->group) || !str_eq(known->items[k].key, p->key)))
			k++;
		if (k == known->n)
			return false;
		p->owner = known->items[k].owner;
		p->version = known->items[k].version;
	}
	return true;
}

/* What was read with the items, if no flight has ended since: nobody else of this service moves locks. */
static bool all_known(struct flight *f)
{
	const struct worker *w = f->w;

	if (!w->has_state_version || f->adopted)
		return false;
	for (size_t i = 0; i < f->groups.n; i++)
		if (!f->notes[i].has_last_request || !f->notes[i].has_base_uris)
			return false;
	for (size_t i = 0; i < f->n; i++) {
		const struct item *it = f->rq[i].item;

		if (it->locks_at != w->flights_over || loop_now(w->loop) - it->known_at >= FRESH)
			return false;
		if (!take_known_locks(&it->locks, &f->rq[i].plan.wanted) || !take_known_locks(&it->locks, &f->rq[i].plan.held))
			return false;
	}
	f->has_state_version = true;
	return true;
}

/* A commit is never split: what cannot be written in one transaction is refused before anybody is asked. */
static bool fits(struct flight *f, struct flight_request *r, enum internal_state *state_out, const char **message_out)
{
	size_t bytes = item_bytes(r->item);

	if (bytes <= STORE_TXN_MAX - 100000)
		return true;
	*state_out = INTERNAL_FAILED_REVERTED;
	*message_out = arena_printf(f->arena, "Invalid request: its commit takes %zu bytes, one transaction takes at most %d", bytes,
		STORE_TXN_MAX - 100000);
	return false;
}

/* False: a roster is being read again, so nothing can be said of its group yet. */
static bool judge_rules(struct flight *f)
{
	size_t n;
	const struct roster_group **groups = load_groups(f->w, &f->groups, f->arena, &n);

	if (n < f->groups.n)
		return false;
	for (size_t i = 0; i < f->n; i++) {
		enum internal_state state;
		const char *message;

		if (fits(f, &f->rq[i], &state, &message) &&
			plan_allowed(&f->rq[i].plan, groups, n, &f->w->opt.limits, f->arena, &state, &message))
			continue;
		f->rq[i].verdict = (int)state;
		f->rq[i].message = message;
	}
	return true;
}

static bool any_invalid(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rq[i].verdict >= 0)
			return true;
	return false;
}

/* What a rule refuses ends alone; the others fly without it. */
static void part_from_invalid(struct flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		f->rq[i].item->alone |= f->rq[i].verdict >= 0;
	worker_flight_over(f, true);
}

static void on_load_timer(void *ctx)
{
	flight_load(ctx);
}

static void load_again(struct flight *f)
{
	f->timer.fn = on_load_timer;
	loop_timer_start(f->w->loop, &f->timer, LOOP_MS(2));
}

static void start(struct flight *f)
{
	bool none_recorded = f->adopted && f->dv < 0;

	if (!f->adopted && !judge_rules(f)) {
		load_again(f);
		return;
	}
	f->ready = true;
	for (size_t i = 0; i < f->n; i++) {
		struct arena *scratch = arena_new();

		f->rq[i].watch = store_watch_new(f->w->st, path_status(scratch, f->rq[i].item->id.request_id), STORE_WATCH_DATA,
			flight_look_at_status, &f->rq[i]);
		arena_free(&scratch);
		flight_look_at_status(&f->rq[i]); /* a cancel before the watch was there */
	}
	if (!f->adopted) {
		if (f->n > 1 && any_invalid(f))
			part_from_invalid(f);
		else
			flight_advance(f);
		return;
	}
	if (none_recorded) { /* started by a Java leader: APPLY or REVERT may have been sent */
		flight_enter(f, f->rq[0].dir == DIR_FORWARD ? PHASE_FORWARD : PHASE_BACK);
		java_adopted(f);
		step_decide(f, flight_after_step);
		return;
	}
	flight_enter(f, flight_has_direction(f, DIR_FORWARD) ? PHASE_FORWARD : PHASE_BACK);
	if (f->w->first_start)
		java_adopted(f);
	if (f->phase == PHASE_FORWARD && f->w->first_start) {
		if (f->tenures + 1 >= TENURES_MAX) {
			f->failure = "its leaders died";
			flight_turn_back(f, DIR_BACK);
			return;
		}
		step_take_over(f, flight_after_step);
		return;
	}
	flight_advance(f);
}

static void on_loaded(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct flight *f = ctx;
	size_t at = 0;

	if (err != NULL) {
		worker_forget_and_reload(f->w, "cannot read");
		return;
	}
	for (size_t i = 0; i < f->n; i++) {
		at = load_take_locks(r, at, &f->rq[i].plan.wanted, f->arena);
		at = load_take_locks(r, at, &f->rq[i].plan.held, f->arena);
	}
	for (size_t i = 0; i < f->groups.n; i++) {
		if (!f->notes[i].has_last_request)
			f->notes[i].has_last_request = reader_exists(r, at++);
		if (!f->notes[i].has_base_uris)
			f->notes[i].has_base_uris = reader_exists(r, at++);
		load_learn(f->w, &f->notes[i]);
	}
	f->has_state_version = f->w->has_state_version || reader_exists(r, at);
	f->w->has_state_version = f->has_state_version;
	start(f);
}

static void on_nothing_to_read(void *ctx)
{
	struct flight *f = ctx;

	f->timer.fn = flight_on_timer;
	start(f);
}

static void read_facts(struct flight *f)
{
	struct reader *r = reader_new(f->w->st, f->life);

	for (size_t i = 0; i < f->n; i++) {
		load_read_locks(r, &f->rq[i].plan.wanted);
		load_read_locks(r, &f->rq[i].plan.held);
	}
	for (size_t i = 0; i < f->groups.n; i++) {
		if (!f->notes[i].has_last_request)
			reader_get(r, path_last_request(r->arena, f->groups.items[i]));
		if (!f->notes[i].has_base_uris)
			reader_get(r, path_base_uris(r->arena, f->groups.items[i]));
	}
	if (!f->w->has_state_version || r->n == 0)
		reader_get(r, PATH_STATE_VERSION);
	reader_run(&r, on_loaded, f);
}

void flight_load(struct flight *f)
{
	const struct roster_group **groups;
	size_t n;

	groups = load_groups(f->w, &f->groups, f->arena, &n);
	if (n < f->groups.n) { /* the roster is reading: its wake-up comes to the worker, ours looks again */
		load_again(f);
		return;
	}
	f->timer.fn = flight_on_timer;
	for (size_t i = 0; i < f->n; i++)
		plan_make(f->rq[i].item->request, &f->rq[i].item->base, f->rq[i].item->sv, groups, n, f->arena, &f->rq[i].plan);
	batch_digest_of(f);
	f->notes = arena_alloc(f->arena, (f->groups.n + 1) * sizeof(*f->notes));
	for (size_t i = 0; i < f->groups.n; i++) {
		const struct group_note *note = note_of(f->w, f->groups.items[i]);

		if (note != NULL)
			f->notes[i] = *note;
		f->notes[i].name = f->groups.items[i];
		f->notes[i].gv = -1;
	}
	if (all_known(f)) {
		f->timer.fn = on_nothing_to_read;
		loop_timer_start(f->w->loop, &f->timer, 0);
		return;
	}
	read_facts(f);
}
