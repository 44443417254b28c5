/*
 * flight.c - one batch on its way: gathers facts, asks lifecycle.c what is next, carries it out
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

#define RELEASE_WAIT LOOP_MS(1000)
#define TENURES_MAX 4 /* a batch that kills leaders cannot do so for ever */

static void load(struct flight *f);

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

static bool any_direction(const struct flight *f, enum direction dir)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rq[i].dir == (int)dir)
			return true;
	return false;
}

static bool any_cancelled(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rq[i].status == INTERNAL_CANCELLED_SEND_REVERT || f->rq[i].status == INTERNAL_CANCELLED_CHECK_REVERT)
			return true;
	return false;
}

/* A cancel that the record does not say yet. */
static bool cancel_to_record(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		if ((f->rq[i].status == INTERNAL_CANCELLED_SEND_REVERT || f->rq[i].status == INTERNAL_CANCELLED_CHECK_REVERT) &&
			(f->dv < 0 || f->rq[i].dir == DIR_FORWARD))
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
		return any_direction(f, DIR_BACK) ? CALL_REVERT : CALL_CANCEL;
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

/* Every requested group has as many registered hosts as it must have. */
static bool enough_registered(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct strings *groups = &f->rq[i].plan.request->service->groups;

		for (size_t k = 0; k < groups->n; k++) {
			const struct roster_group *g = roster_get(f->w->roster, groups->items[k]);
			int64_t n = 0;

			for (size_t m = 0; g != NULL && m < g->n; m++)
				n += g->members[m].registered && !g->members[m].excluded;
			if (g == NULL || n < plan_target(g, &f->w->opt.limits))
				return false;
		}
	}
	return true;
}

/* --- effects ---------------------------------------------------------------------------------- */

static void enter(struct flight *f, enum phase phase)
{
	f->phase = phase;
	f->phase_since = loop_now(f->w->loop);
	log_debug(&f->log, "phase", "phase", phase_name(phase));
}

static void after_step(struct flight *f, enum step_end end);

static void note_failure(struct flight *f, bool late, const struct member *const *members, size_t n)
{
	AUTO(buf_release) struct buf text = BUF_LIMITED(32768), who = BUF_LIMITED(16384);

	if (f->failure != NULL)
		return;
	if (late)
		tally_missing(f->tally, f->phase, flight_question(f), flight_number(f), members, n, &who);
	if (late && who.len > 0)
		buf_str(&text, buf_cstr(&who));
	else if (f->phase == PHASE_PREPARING && n > 0 && tally_get(f->tally, CALL_PREPARE, members[0]->group, members[0]->agent_id) == NULL)
		tally_missing(f->tally, f->phase, CALL_PREPARE, flight_number(f), members, n, &text);
	else
		tally_text(f->tally, CALL_APPLY, &text);
	f->failure = arena_strdup(f->arena, buf_cstr(&text));
}

static void turn_back(struct flight *f, enum direction dir)
{
	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];
		bool cancelled = r->status == INTERNAL_CANCELLED_SEND_REVERT || r->status == INTERNAL_CANCELLED_CHECK_REVERT;

		if (cancelled)
			r->dir = DIR_CANCEL;
		else if (dir == DIR_BACK && r->dir == DIR_FORWARD)
			r->dir = DIR_BACK;
	}
	fanout_cancel(f);
	step_turn(f, after_step);
}

static void split(struct flight *f)
{
	bool cancelled = any_cancelled(f);

	for (size_t i = 0; i < f->n; i++)
		f->rq[i].item->alone |= !cancelled || f->rq[i].status != INTERNAL_PENDING;
	f->split = true;
	worker_flight_over(f, true); /* the preparations are replaced by the next ones, or expire */
}

/* Final texts, as clients know them. */
static void final_messages(struct flight *f, bool late, const struct member *const *members, size_t n)
{
	AUTO(buf_release) struct buf missing = BUF_LIMITED(16384), applied = BUF_LIMITED(32768);
	const char *what, *applied_text;

	if (f->failure == NULL)
		tally_text(f->tally, CALL_APPLY, &applied);
	applied_text = f->failure != NULL ? f->failure : buf_cstr(&applied);
	if (f->phase == PHASE_BACK)
		tally_missing(f->tally, f->phase, flight_question(f), flight_number(f), members, n, &missing);
	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];

		if (r->verdict >= 0)
			continue;
		if (f->phase == PHASE_FORWARD && r->dir == DIR_FORWARD) {
			r->message = plan_success_text(r->plan.request, f->arena);
			continue;
		}
		what = r->dir == DIR_CANCEL || r->status == INTERNAL_CANCELLED_SEND_REVERT ? "CANCEL" : "REVERT";
		if (f->phase == PHASE_BACK && late)
			r->message = arena_printf(f->arena, "Apply failed {%s}, %s failed {%s}", applied_text, what, buf_cstr(&missing));
		else if (missing.len > 0)
			r->message = arena_printf(f->arena, "Apply failed {%s}, %s OK. Not confirmed: %s", applied_text, what,
				buf_cstr(&missing));
		else
			r->message = arena_printf(f->arena, "Apply failed {%s}, %s OK.", applied_text, what);
	}
}

/* Verdicts of requests that end without success. */
static void final_verdicts(struct flight *f, bool late)
{
	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];
		bool cancelled = r->dir == DIR_CANCEL || r->status == INTERNAL_CANCELLED_SEND_REVERT ||
				 r->status == INTERNAL_CANCELLED_CHECK_REVERT;

		if (r->verdict >= 0)
			continue;
		if (f->phase == PHASE_FORWARD && r->dir == DIR_FORWARD)
			r->verdict = INTERNAL_COMPLETED;
		else if (f->phase == PHASE_BACK && late)
			r->verdict = cancelled ? INTERNAL_FAILED_CANCEL_FAILED : INTERNAL_FAILED_REVERT_FAILED;
		else
			r->verdict = cancelled ? INTERNAL_CANCELLED : INTERNAL_FAILED_REVERTED;
	}
}

static void finish(struct flight *f, bool late, const struct member *const *members, size_t n)
{
	final_messages(f, late, members, n);
	final_verdicts(f, late);
	step_finish(f, after_step);
}

/* --- the step machine ------------------------------------------------------------------------- */

static struct lifecycle_facts facts_of(struct flight *f, const struct member *const *members, size_t n)
{
	struct lifecycle_facts facts = { .phase = f->phase, .many = f->n > 1 };

	for (size_t i = 0; i < f->n; i++)
		facts.invalid |= f->phase == PHASE_PREPARING && f->rq[i].verdict >= 0;
	facts.cancelled = f->phase == PHASE_PREPARING ? any_cancelled(f) : cancel_to_record(f);
	facts.late = loop_now(f->w->loop) >= flight_deadline(f);
	facts.tally = tally_judge(f->tally, f->phase, flight_question(f), flight_number(f), members, n);
	if (f->phase == PHASE_PREPARING && facts.tally == TALLY_ALL_OK && !enough_registered(f))
		facts.tally = TALLY_WAITING;
	return facts;
}

static void wait_for_events(struct flight *f)
{
	int64_t now = loop_now(f->w->loop), at = flight_deadline(f), retry = fanout_retry_at(f);

	if (retry < at)
		at = retry;
	loop_timer_start(f->w->loop, &f->timer, at > now ? at - now : 0);
}

static void carry_out(struct flight *f, enum effect effect, bool late, const struct member *const *members, size_t n)
{
	switch (effect) {
	case EFFECT_ASK:
		fanout_ask(f, members, n);
		wait_for_events(f);
		return;
	case EFFECT_DECIDE:
		if (f->w->opt.rules.intent) {
			step_decide(f, after_step);
			return;
		}
		enter(f, PHASE_FORWARD); /* tests only: act before it is written */
		flight_advance(f);
		return;
	case EFFECT_COMMIT:
		finish(f, false, members, n);
		return;
	case EFFECT_TURN:
		note_failure(f, late, members, n);
		turn_back(f, cancel_to_record(f) && !late ? DIR_CANCEL : DIR_BACK);
		return;
	case EFFECT_RELEASE:
		if (!any_cancelled(f))
			note_failure(f, late, members, n);
		for (size_t i = 0; i < f->n; i++)
			if (f->rq[i].status != INTERNAL_PENDING)
				f->rq[i].verdict = -1; /* an accepted cancel is stronger than a rule */
		fanout_cancel(f);
		enter(f, PHASE_RELEASING);
		flight_advance(f);
		return;
	case EFFECT_SPLIT:
		split(f);
		return;
	case EFFECT_END:
		finish(f, late, members, n);
		return;
	}
}

void flight_advance(struct flight *f)
{
	const struct member **members;
	struct lifecycle_facts facts;
	enum effect effect;
	size_t n;

	if (!f->ready || f->in_txn || f->w->reloading)
		return;
	n = flight_members(f, &members);
	if (n == SIZE_MAX)
		return; /* the roster wakes us */
	facts = facts_of(f, members, n);
	effect = lifecycle_next(&facts);
	carry_out(f, effect, facts.late && facts.tally != TALLY_REFUSED, members, n);
	free(members);
}

static void after_step(struct flight *f, enum step_end end)
{
	f->in_txn = false;
	switch (end) {
	case STEP_DONE:
		if (f->phase == PHASE_PREPARING)
			enter(f, f->dv < 0 ? PHASE_PREPARING : PHASE_FORWARD);
		else if (f->phase == PHASE_FORWARD && !any_direction(f, DIR_FORWARD))
			enter(f, PHASE_BACK);
		flight_advance(f);
		return;
	case STEP_JOINED: /* somebody joined: the members of now must answer */
		for (size_t i = 0; i < f->n; i++)
			if (f->phase != PHASE_PREPARING || f->rq[i].verdict == INTERNAL_COMPLETED)
				f->rq[i].verdict = -1;
		for (size_t i = 0; i < f->groups.n; i++)
			roster_stale(f->w->roster, f->groups.items[i]);
		wait_for_events(f);
		return;
	case STEP_CONFLICT:
		if (f->dv < 0) { /* nothing was written: look at the requests again */
			worker_flight_over(f, true);
			return;
		}
		worker_forget_and_reload(f->w, "a decided batch was changed by somebody else");
		return;
	case STEP_UNKNOWN:
		worker_forget_and_reload(f->w, "outcome of a transaction unknown");
		return;
	case STEP_DEPOSED:
		worker_deposed(f->w);
		return;
	}
}

static void on_timer(void *ctx)
{
	flight_advance(ctx);
}

void flight_resume_at(struct flight *f, int64_t at)
{
	int64_t now = loop_now(f->w->loop);

	if (f->ready && !f->in_txn && at < flight_deadline(f))
		loop_timer_start(f->w->loop, &f->timer, at > now ? at - now : 0);
}

/* --- watching for cancels ---------------------------------------------------------------------- */

static void on_status(void *ctx, struct reader **r_take, const struct error *err)
{
	struct flight_request *r = ctx;
	struct flight *f = r->flight;
	const struct store_node *node;
	const char *text;

	if (err == NULL && (node = reader_node(*r_take, 0)) != NULL && !f->in_txn &&
		json_string_decode(node->data, node->len, (*r_take)->arena, &text, NULL) == 0) {
		int status = internal_state_parse(text);

		if (status >= 0 && node->version > r->status_version) {
			r->status = status;
			r->status_version = node->version;
		}
	}
	reader_free(r_take);
	flight_advance(f);
}

static void look_at_status(void *ctx)
{
	struct flight_request *r = ctx;
	struct reader *rd = reader_new(r->flight->w->st, r->flight->life);

	reader_get(rd, path_status(rd->arena, r->item->id.request_id));
	reader_run(&rd, on_status, r);
}

/* --- making one --------------------------------------------------------------------------------- */

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
	f->timer = (struct loop_timer){ .fn = on_timer, .ctx = f };
	f->phase_since = loop_now(w->loop);
	f->next = w->flights;
	if (w->flights != NULL)
		w->flights->prev = f;
	w->flights = f;
	return f;
}

static void batch_digest_of(struct flight *f)
{
	const struct request **list = arena_alloc(f->arena, f->n * sizeof(struct request *));

	for (size_t i = 0; i < f->n; i++)
		list[i] = f->rq[i].plan.request;
	batch_digest(list, f->n, f->digest);
}

struct flight *flight_new(struct worker *w, struct item **items, size_t n)
{
	struct flight *f = flight_alloc(w, items, n);

	f->name = arena_printf(f->arena, "%016llx-%08llx", (unsigned long long)w->epoch, (unsigned long long)++w->counter);
	f->log = (struct log_ctx){ NULL, "batch", f->name };
	load(f);
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
	load(f);
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
	load(f);
	return f;
}

void flight_free(struct flight **fp)
{
	struct flight *f = STEAL(*fp);

	if (f == NULL)
		return;
	fanout_cancel(f);
	loop_timer_stop(f->w->loop, &f->timer);
	for (size_t i = 0; i < f->n; i++) {
		store_watch_free(&f->rq[i].watch);
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

/* --- loading: plans need the roster; locks and a few facts are then read in one wave ------------- */

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
			look_at_status, &f->rq[i]);
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
		enter(f, f->rq[0].dir == DIR_FORWARD ? PHASE_FORWARD : PHASE_BACK);
		step_decide(f, after_step);
		return;
	}
	enter(f, any_direction(f, DIR_FORWARD) ? PHASE_FORWARD : PHASE_BACK);
	if (f->phase == PHASE_FORWARD && f->w->first_start) {
		if (f->tenures + 1 >= TENURES_MAX) {
			f->failure = "its leaders died";
			turn_back(f, DIR_BACK);
			return;
		}
		step_take_over(f, after_step);
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
	load(ctx);
}

static void load(struct flight *f)
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
	f->timer.fn = on_timer;
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
