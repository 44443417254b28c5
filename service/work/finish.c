/*
 * finish.c - transactions that end a flight: states, history, locks and the decision in one (T1, T3, T6, T6')
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/step.h"

#include "lib/records/paths.h"
#include "service/work/java_call.h"
#include "service/work/service_metrics.h"
#include "service/work/janitor.h"

#include <string.h>

#define HISTORY_ENTRY_MAX 200000 /* bytes; beyond, contents of answers are dropped and codes kept */

static void history_entry(struct step *s, struct flight_request *r)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct response resp = { .request_id = r->item->id.request_id, .message = r->message, .request = r->plan.request };
	const char *path = path_history_entry(s->arena, r->item->id.service_id, r->item->id.request_id);

	resp.state = (int)internal_state_public((enum internal_state)r->verdict);
	tally_responses(s->f->tally, s->arena, &resp.agent_responses);
	response_encode(&resp, &json);
	if (json.len > HISTORY_ENTRY_MAX || json.len > FLIGHT_BYTES_MAX / 2 / s->f->n) {
		for (size_t k = 0; k < resp.agent_responses.n; k++) {
			struct agent_response *list = resp.agent_responses.entries[k].list.items;

			for (size_t i = 0; i < resp.agent_responses.entries[k].list.n; i++)
				list[i].content = NULL;
		}
		buf_clear(&json);
		response_encode(&resp, &json);
	}
	r->answer = (struct slice){ arena_strndup(s->f->arena, json.data, json.len), json.len };
	if (r->item->unmapped)
		step_put_json_string(s, path_mapping(s->arena, r->item->id.request_id), r->item->id.service_id, false);
	if (r->item->history_entry)
		store_txn_set(s->t, path, json.data, json.len, -1);
	else
		store_txn_create(s->t, path, json.data, json.len, STORE_PERSISTENT);
}

static void change_state(struct step *s, struct flight_request *r, bool *changed)
{
	struct plan_changes ch;
	AUTO(buf_release) struct buf json = BUF_INIT;
	const char *id = r->item->id.service_id, *service = path_service(s->arena, id);

	plan_changes(&r->plan, s->arena, &ch);
	*changed |= ch.state_changed;
	if (ch.service == PLAN_SERVICE_CREATE || ch.service == PLAN_SERVICE_SET)
		record_encode(&service_record, r->plan.next.service, &json);
	if (ch.service == PLAN_SERVICE_CREATE)
		store_txn_create(s->t, service, json.data, json.len, STORE_PERSISTENT);
	if (ch.service == PLAN_SERVICE_SET)
		store_txn_set(s->t, service, json.data, json.len, r->plan.sv);
	for (size_t i = 0; i < ch.remove.n; i++)
		store_txn_delete(s->t, path_upstream(s->arena, id, ch.remove.items[i]), -1);
	for (size_t i = 0; i < ch.create.n; i++)
		store_txn_create(s->t, path_upstream(s->arena, id, ch.create.items[i]), NULL, 0, STORE_PERSISTENT);
	if (ch.service == PLAN_SERVICE_DELETE)
		store_txn_delete(s->t, service, -1);
}

static void release_paths(struct step *s, struct flight_request *r)
{
	struct plan_paths released;

	if (r->verdict == INTERNAL_COMPLETED) {
		plan_released(&r->plan, s->arena, &released);
		for (size_t i = 0; i < released.n; i++)
			store_txn_delete(s->t, path_base_uri(s->arena, released.items[i].group, released.items[i].key),
				released.items[i].version);
		return;
	}
	if (r->verdict == INTERNAL_FAILED_REVERT_FAILED || r->verdict == INTERNAL_FAILED_CANCEL_FAILED) {
		locks_kept(s->w->locks, s->f); /* a host may still serve them: freed when all are known to be back */
		return;
	}
	for (size_t i = 0; i < r->n_created; i++)
		store_txn_delete(s->t, path_base_uri(s->arena, r->created[i].group, r->created[i].key), 0);
}

static bool note_last_request(struct step *s, const char *group, const char *request_id)
{
	for (size_t i = 0; i < s->f->groups.n; i++) {
		struct group_note *note = &s->f->notes[i];

		if (strcmp(note->name, group) != 0)
			continue;
		step_put_json_string(s, path_last_request(s->arena, group), request_id, note->has_last_request);
		note->has_last_request = true; /* within this transaction, and after it */
		return true;
	}
	return false;
}

/* Once per group: the last request of the batch that reached it. */
static void last_requests(struct step *s)
{
	struct strings told = { NULL, 0 };

	for (size_t i = s->f->n; i-- > 0;) {
		const struct request *rq = s->f->rq[i].plan.request;
		const struct strings *groups;

		if (s->f->rq[i].verdict != INTERNAL_COMPLETED)
			continue;
		groups = &plan_asked(&s->f->rq[i].plan)->groups;
		for (size_t k = 0; k < groups->n; k++)
			if (!strings_have(&told, groups->items[k]) && note_last_request(s, groups->items[k], rq->id))
				strings_add(&told, s->arena, groups->items[k]);
	}
}

static const char *outcome_of(const struct flight *f)
{
	const char *outcome = f->dv >= 0 ? "reverted" : "refused";

	for (size_t i = 0; i < f->n; i++) {
		int verdict = f->rq[i].verdict;

		if (verdict == INTERNAL_COMPLETED)
			return "committed";
		if (verdict == INTERNAL_FAILED_REVERT_FAILED || verdict == INTERNAL_FAILED_CANCEL_FAILED)
			return "stuck";
		if (verdict == INTERNAL_CANCELLED)
			outcome = "cancelled";
	}
	return outcome;
}

static void count_end(const struct step *s)
{
	struct metrics *m = s->w->opt.metrics;
	int64_t now = loop_wall_ms(s->w->loop);

	metrics_add(m, METRIC_BATCHES, METRIC_LABELS(outcome_of(s->f)), 1);
	for (size_t i = 0; i < s->f->n; i++) {
		const struct flight_request *r = &s->f->rq[i];
		enum public_state state = internal_state_public((enum internal_state)r->verdict);

		if (r->item->posted_ms > 0)
			metrics_took(m, METRIC_REQUESTS, METRIC_LABELS(public_state_names[state]),
				LOOP_MS(now - r->item->posted_ms));
	}
}

static void tell_ended(struct step *s)
{
	struct flight *f = s->f;
	struct worker *w = s->w;
	struct worker_commit *commits = arena_alloc(s->arena, (f->n + 1) * sizeof(*commits));
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];
		const struct log_ctx ctx = { &f->log, "request", r->item->id.request_id };

		log_info(&ctx, "ended", "state", public_state_names[internal_state_public((enum internal_state)r->verdict)], "message",
			r->message);
		if (r->verdict == INTERNAL_COMPLETED)
			commits[n++] = (struct worker_commit){ r->item->id.service_id, &r->plan.next,
				r->plan.request->action == ACTION_NONE || r->plan.request->action == ACTION_UPDATE ||
					r->plan.request->action == ACTION_DELETE };
	}
	if (n > 0 && w->ev.committed != NULL)
		w->ev.committed(w->ev.ctx, commits, n);
	if (n > 0) /* its last requests are there now */
		for (size_t i = 0; i < f->groups.n; i++)
			load_learn(w, &f->notes[i]);
	for (size_t i = 0; i < f->n; i++) {
		look_ended(w, f->rq[i].item->id.request_id, f->rq[i].answer.p, f->rq[i].answer.n);
		if (!f->java_after)
			janitor_retire(w->janitor, f->rq[i].item->id.request_id);
		if (w->ev.ended != NULL)
			w->ev.ended(w->ev.ctx, f->rq[i].item->id.request_id);
	}
}

static void finished(struct step *s)
{
	struct flight *f = s->f;

	tell_ended(s);
	if (f->java_after)
		java_after(f);
	past_ended(s->w->past, f);
	count_end(s);
	locks_ended(s->w->locks, f);
	for (size_t i = 0; i < f->n; i++)
		f->rq[i].item->bad = "ended"; /* its queue node is gone */
	worker_flight_over(f, true);
}

static void build_finish(struct step *s)
{
	struct flight *f = s->f;
	bool state_changed = false;
	size_t dropped = 0; /* bytes */

	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];

		step_set_status(s, r, (enum internal_state)r->verdict);
		store_txn_delete(s->t, path_queue_item(s->arena, r->item->node), -1);
		history_entry(s, r);
		dropped += past_drop(s->w->past, s, r->item->id.service_id, dropped);
		if (r->verdict == INTERNAL_COMPLETED)
			change_state(s, r, &state_changed);
		release_paths(s, r);
	}
	last_requests(s);
	if (state_changed) {
		const char *now = arena_printf(s->arena, "%lld", (long long)loop_wall_ms(s->w->loop));

		if (f->has_state_version)
			store_txn_set(s->t, PATH_STATE_VERSION, now, strlen(now), -1);
		else
			store_txn_create(s->t, PATH_STATE_VERSION, now, strlen(now), STORE_PERSISTENT);
	}
	if (f->dv >= 0)
		store_txn_delete(s->t, path_decision(s->arena, f->name), s->w->opt.rules.cas ? (int32_t)f->dv : -1);
	s->dv_after = -2;
	s->applied = finished;
}

static bool commits(const struct flight *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->rq[i].verdict == INTERNAL_COMPLETED)
			return true;
	return false;
}

void step_finish(struct flight *f, step_fn *done)
{
	struct step *s = step_new(f, done);

	if (f->dv >= 0 || !s->w->opt.rules.intent)
		step_check_groups(s); /* a refusal touched nobody: it needs no guard against a join */
	if (commits(f))
		step_check_java_nodes(s); /* they do not set their group's node when they come back */
	step_make_parents(s, false);
	build_finish(s);
	step_commit(s);
}
