/*
 * advance.c - moves a flight on: gathers facts, asks lifecycle.c what is next, carries it out
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/work/java_call.h"

#include <stdlib.h>

/* --- facts ------------------------------------------------------------------------------------- */

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

/* Every requested group has as many registered hosts as it must have. */
static bool enough_registered(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct strings *groups = &plan_asked(&f->rq[i].plan)->groups;

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

/* A requested group in which nobody counts any more has confirmed nothing. */
static bool anybody_serves(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct strings *groups = &plan_asked(&f->rq[i].plan)->groups;

		for (size_t k = 0; f->rq[i].dir == DIR_FORWARD && k < groups->n; k++) {
			const struct roster_group *g = roster_get(f->w->roster, groups->items[k]);
			bool any = false;

			for (size_t m = 0; g != NULL && m < g->n; m++)
				any |= !g->members[m].excluded;
			if (!any)
				return false;
		}
	}
	return true;
}

/* --- effects ---------------------------------------------------------------------------------- */

void flight_enter(struct flight *f, enum phase phase)
{
	f->phase = phase;
	f->phase_since = loop_now(f->w->loop);
	log_debug(&f->log, "phase", "phase", phase_name(phase));
}

static bool any_prepared(const struct flight *f, const struct member *const *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tally_get(f->tally, CALL_PREPARE, members[i]->group, members[i]->agent_id) != NULL)
			return true;
	return false;
}

static void note_failure(struct flight *f, bool late, const struct member *const *members, size_t n)
{
	AUTO(buf_release) struct buf text = BUF_LIMITED(32768), who = BUF_LIMITED(16384);

	if (f->failure != NULL)
		return;
	if (late)
		tally_missing(f->tally, f->phase, flight_question(f), flight_number(f), members, n, &who);
	if (late && who.len > 0)
		buf_str(&text, buf_cstr(&who));
	else if (f->phase == PHASE_PREPARING && n > 0 && !any_prepared(f, members, n))
		tally_missing(f->tally, f->phase, CALL_PREPARE, flight_number(f), members, n, &text);
	else
		tally_text(f->tally, CALL_APPLY, &text);
	f->failure = arena_strdup(f->arena, buf_cstr(&text));
}

void flight_turn_back(struct flight *f, enum direction dir)
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
	step_turn(f, flight_after_step);
}

static void split(struct flight *f)
{
	bool cancelled = any_cancelled(f);

	for (size_t i = 0; i < f->n; i++)
		f->rq[i].item->alone |= !cancelled || f->rq[i].status != INTERNAL_PENDING;
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
static void final_verdicts(struct flight *f, bool late, bool no_template)
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
		else if (cancelled)
			r->verdict = INTERNAL_CANCELLED;
		else
			r->verdict = no_template ? INTERNAL_INVALID_REQUEST_NOOP : INTERNAL_FAILED_REVERTED;
	}
}

/* A template that no agent has is a rule of Java's, told like the others, though agents had to be asked. */
static void judge_template(struct flight *f)
{
	const char *words = f->phase == PHASE_RELEASING ? tally_refused_with(f->tally, "MissingTemplateException") : NULL;

	for (size_t i = 0; i < f->n && words != NULL; i++) {
		struct flight_request *r = &f->rq[i];

		if (r->verdict >= 0 || r->status != INTERNAL_PENDING)
			continue;
		r->verdict = INTERNAL_INVALID_REQUEST_NOOP;
		r->message = arena_printf(f->arena, "Invalid request due to missing template: %s", words);
	}
}

static void finish(struct flight *f, bool late, const struct member *const *members, size_t n)
{
	judge_template(f);
	final_messages(f, late, members, n);
	final_verdicts(f, late, f->phase == PHASE_BACK && java_template_missing(f, members, n));
	step_finish(f, flight_after_step);
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
	if (facts.tally == TALLY_ALL_OK && ((f->phase == PHASE_PREPARING && !enough_registered(f)) ||
			(f->phase == PHASE_FORWARD && !anybody_serves(f))))
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
			step_decide(f, flight_after_step);
			return;
		}
		flight_enter(f, PHASE_FORWARD); /* tests only: act before it is written */
		flight_advance(f);
		return;
	case EFFECT_COMMIT:
		finish(f, false, members, n);
		return;
	case EFFECT_TURN:
		note_failure(f, late, members, n);
		flight_turn_back(f, cancel_to_record(f) && !late ? DIR_CANCEL : DIR_BACK);
		return;
	case EFFECT_RELEASE:
		if (!any_cancelled(f))
			note_failure(f, late, members, n);
		for (size_t i = 0; i < f->n; i++)
			if (f->rq[i].status != INTERNAL_PENDING)
				f->rq[i].verdict = -1; /* an accepted cancel is stronger than a rule */
		fanout_cancel(f);
		flight_enter(f, PHASE_RELEASING);
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

static void note_versions(struct flight *f)
{
	for (size_t i = 0; i < f->groups.n; i++) {
		const struct roster_group *g = roster_get(f->w->roster, f->groups.items[i]);

		f->notes[i].gv = g != NULL && g->exists ? g->gv : -1;
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
	if (f->misread) {
		f->failure = "misread";
		flight_turn_back(f, DIR_BACK);
		return;
	}
	n = flight_members(f, &members);
	if (n == SIZE_MAX)
		return; /* the roster wakes us */
	note_versions(f);
	facts = facts_of(f, members, n);
	effect = lifecycle_next(&facts);
	carry_out(f, effect, facts.late && facts.tally != TALLY_REFUSED, members, n);
	free(members);
}

void flight_after_step(struct flight *f, enum step_end end)
{
	f->in_txn = false;
	switch (end) {
	case STEP_DONE:
		f->misread = false;
		if (f->phase == PHASE_PREPARING)
			flight_enter(f, f->dv < 0 ? PHASE_PREPARING : PHASE_FORWARD);
		else if (f->phase == PHASE_FORWARD && !flight_has_direction(f, DIR_FORWARD))
			flight_enter(f, PHASE_BACK);
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
		if (!f->w->opt.rules.readback && f->phase == PHASE_FORWARD) {
			f->misread = true;
			loop_timer_start(f->w->loop, &f->timer, LOOP_MS(1)); /* and again, until there is a connection */
			return;
		}
		worker_forget_and_reload(f->w, "outcome of a transaction unknown");
		return;
	case STEP_DEPOSED:
		worker_deposed(f->w);
		return;
	}
}

void flight_on_timer(void *ctx)
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

	if (err == NULL)
		r->item->doubt = false;
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

void flight_look_at_status(void *ctx)
{
	struct flight_request *r = ctx;
	struct reader *rd = reader_new(r->flight->w->st, r->flight->life);

	reader_get(rd, path_status(rd->arena, r->item->id.request_id));
	reader_run(&rd, on_status, r);
}
