/*
 * load.c - what a flight must know before it starts: plans need the roster; locks and a few facts are read in one wave
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/records/paths.h"
#include "lib/records/reader.h"

#define TENURES_MAX 4 /* a batch that kills leaders cannot do so for ever */

static const struct roster_group **groups_of(struct flight *f, size_t *n_out)
{
	const struct roster_group **list = arena_alloc(f->arena, (f->groups.n + 1) * sizeof(struct roster_group *));

	*n_out = 0;
	for (size_t i = 0; i < f->groups.n; i++) {
		list[*n_out] = roster_get(f->w->roster, f->groups.items[i]);
		if (list[*n_out] != NULL)
			(*n_out)++;
	}
	return list;
}

static void batch_digest_of(struct flight *f)
{
	const struct request **list = arena_alloc(f->arena, f->n * sizeof(struct request *));

	for (size_t i = 0; i < f->n; i++)
		list[i] = f->rq[i].plan.request;
	batch_digest(list, f->n, f->digest);
}

static void read_paths(struct reader *r, const struct plan_paths *list)
{
	for (size_t i = 0; i < list->n; i++)
		reader_get(r, path_base_uri(r->arena, list->items[i].group, list->items[i].key));
}

static size_t take_paths(struct flight *f, const struct reader *r, size_t at, struct plan_paths *list)
{
	for (size_t i = 0; i < list->n; i++, at++) {
		const struct store_node *node = reader_node(r, at);
		const char *owner;

		list->items[i].owner = NULL;
		list->items[i].version = node != NULL ? node->version : -1;
		if (node != NULL)
			list->items[i].owner = json_string_decode(node->data, node->len, f->arena, &owner, NULL) == 0 ? owner : "?";
	}
	return at;
}

static void judge_rules(struct flight *f)
{
	size_t n;
	const struct roster_group **groups = groups_of(f, &n);

	for (size_t i = 0; i < f->n; i++) {
		enum internal_state state;
		const char *message;

		if (plan_allowed(&f->rq[i].plan, groups, n, &f->w->opt.limits, f->arena, &state, &message))
			continue;
		f->rq[i].verdict = (int)state;
		f->rq[i].message = message;
	}
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

static void start(struct flight *f)
{
	bool none_recorded = f->adopted && f->dv < 0;

	f->ready = true;
	for (size_t i = 0; i < f->n; i++) {
		struct arena *scratch = arena_new();

		f->rq[i].watch = store_watch_new(f->w->st, path_status(scratch, f->rq[i].item->id.request_id), STORE_WATCH_DATA,
			flight_look_at_status, &f->rq[i]);
		arena_free(&scratch);
	}
	if (!f->adopted) {
		judge_rules(f);
		if (f->n > 1 && any_invalid(f))
			part_from_invalid(f);
		else
			flight_advance(f);
		return;
	}
	if (none_recorded) { /* started by a Java leader: APPLY or REVERT may have been sent */
		flight_enter(f, f->rq[0].dir == DIR_FORWARD ? PHASE_FORWARD : PHASE_BACK);
		step_decide(f, flight_after_step);
		return;
	}
	flight_enter(f, flight_has_direction(f, DIR_FORWARD) ? PHASE_FORWARD : PHASE_BACK);
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
		at = take_paths(f, r, at, &f->rq[i].plan.wanted);
		at = take_paths(f, r, at, &f->rq[i].plan.held);
	}
	for (size_t i = 0; i < f->groups.n; i++) {
		f->notes[i].has_last_request = reader_exists(r, at++);
		f->notes[i].has_base_uris = reader_exists(r, at++);
	}
	f->has_state_version = reader_exists(r, at);
	start(f);
}

static void on_load_timer(void *ctx)
{
	flight_load(ctx);
}

void flight_load(struct flight *f)
{
	const struct roster_group **groups;
	struct reader *r;
	size_t n;

	groups = groups_of(f, &n);
	if (n < f->groups.n) { /* the roster is reading: its wake-up comes to the worker, ours looks again */
		f->timer.fn = on_load_timer;
		loop_timer_start(f->w->loop, &f->timer, LOOP_MS(2));
		return;
	}
	f->timer.fn = flight_on_timer;
	for (size_t i = 0; i < f->n; i++)
		plan_make(f->rq[i].item->request, &f->rq[i].item->base, f->rq[i].item->sv, groups, n, f->arena, &f->rq[i].plan);
	batch_digest_of(f);
	f->notes = arena_alloc(f->arena, (f->groups.n + 1) * sizeof(*f->notes));
	r = reader_new(f->w->st, f->life);
	for (size_t i = 0; i < f->n; i++) {
		read_paths(r, &f->rq[i].plan.wanted);
		read_paths(r, &f->rq[i].plan.held);
	}
	for (size_t i = 0; i < f->groups.n; i++) {
		f->notes[i].name = f->groups.items[i];
		reader_get(r, path_last_request(r->arena, f->groups.items[i]));
		reader_get(r, path_base_uris(r->arena, f->groups.items[i]));
	}
	reader_get(r, PATH_STATE_VERSION);
	reader_run(&r, on_loaded, f);
}
