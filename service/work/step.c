/*
 * step.c - the transitions that are written: each is one transaction, with the own latch node checked first
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/records/paths.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_ENTRY_MAX 200000 /* bytes; beyond, contents of answers are dropped and codes kept */

/* What an operation was for, so that a refused one says what happened. */
enum op_kind { OP_LATCH, OP_GROUP, OP_OTHER };

struct step {
	struct flight *f;
	struct worker *w;
	struct life *life;
	struct store_txn *t;
	struct arena *arena;
	enum op_kind *ops;
	size_t n_ops, cap_ops;
	int64_t dv_after; /* decision number once applied; -2 = the flight ends */
	void (*applied)(struct step *s);
	step_fn *done;
};

static struct step *step_new(struct flight *f, step_fn *done)
{
	struct step *s = xcalloc(1, sizeof(*s));

	s->f = f;
	s->w = f->w;
	s->life = life_ref(f->life);
	s->arena = arena_new();
	s->t = store_txn_new(f->w->st);
	s->done = done;
	store_txn_check(s->t, f->w->latch_node, -1); /* fencing: a deposed leader writes nothing */
	return s;
}

static void step_free(struct step *s)
{
	store_txn_free(&s->t);
	life_unref(&s->life);
	arena_free(&s->arena);
	free(s->ops);
	free(s);
}

static void mark(struct step *s, enum op_kind kind)
{
	while (s->n_ops < store_txn_count(s->t)) {
		GROW(s->ops, s->n_ops, s->cap_ops);
		s->ops[s->n_ops++] = kind;
	}
}

static enum step_end judge(const struct step *s, const struct store_result *res, const struct error *err)
{
	if (err == NULL)
		return STEP_DONE;
	if (err->code != ERR_CONFLICT)
		return STEP_UNKNOWN; /* maybe done, or not sent as the link went: reading back tells */
	if (res == NULL || res->failed_op >= s->n_ops)
		return STEP_CONFLICT;
	switch (s->ops[res->failed_op]) {
	case OP_LATCH:
		return STEP_DEPOSED;
	case OP_GROUP:
		return STEP_JOINED;
	case OP_OTHER:
		return STEP_CONFLICT;
	}
	return STEP_CONFLICT;
}

static void on_committed(void *ctx, const struct store_result *res, const struct error *err)
{
	struct step *s = ctx;
	struct flight *f = s->f;
	step_fn *done = s->done;
	enum step_end end;

	if (s->life->over) {
		step_free(s);
		return;
	}
	end = judge(s, res, err);
	if (end == STEP_UNKNOWN && !s->w->opt.rules.readback)
		end = STEP_CONFLICT; /* tests only: take it for a failure */
	if (end == STEP_CONFLICT || end == STEP_UNKNOWN)
		log_info(&f->log, "transaction not applied", "reason", err->text);
	f->in_txn = false;
	if (end == STEP_DONE && s->dv_after == -2) {
		s->applied(s); /* ends the flight */
		step_free(s);
		return;
	}
	if (end == STEP_DONE) {
		f->dv = s->dv_after;
		if (s->applied != NULL)
			s->applied(s);
	}
	step_free(s);
	done(f, end);
}

static void commit(struct step *s)
{
	s->f->in_txn = true;
	mark(s, OP_OTHER);
	s->ops[0] = OP_LATCH;
	store_txn_commit(&s->t, on_committed, s);
}

/* --- pieces ------------------------------------------------------------------------------------ */

static void check_groups(struct step *s)
{
	if (!s->w->opt.rules.gver)
		return;
	mark(s, OP_OTHER);
	for (size_t i = 0; i < s->f->groups.n; i++) {
		const struct roster_group *g = roster_get(s->w->roster, s->f->groups.items[i]);

		if (g != NULL && g->exists)
			store_txn_check(s->t, path_group(s->arena, g->name), g->gv);
	}
	mark(s, OP_GROUP);
}

static void set_status(struct step *s, struct flight_request *r, enum internal_state status)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	buf_printf(&text, "\"%s\"", internal_state_name(status));
	store_txn_set(s->t, path_status(s->arena, r->item->id.request_id), text.data, text.len,
		s->w->opt.rules.cas ? r->status_version : -1);
}

static void put_json_string(struct step *s, const char *path, const char *text, bool exists)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_json_string(&json, text, strlen(text));
	if (exists)
		store_txn_set(s->t, path, json.data, json.len, -1);
	else
		store_txn_create(s->t, path, json.data, json.len, STORE_PERSISTENT);
}

/* The record as it is to be: requests with their directions, the members of this instant, who leads. */
static void encode_decision(struct step *s, struct buf *out)
{
	struct flight *f = s->f;
	struct decision d = { .v = 1, .tenures = f->tenures, .since = f->since_ms };
	struct value *gv = value_map(s->arena);
	const struct member **members;
	size_t n = flight_members(f, &members);

	d.requests.items = arena_alloc(s->arena, f->n * sizeof(*d.requests.items));
	d.requests.n = f->n;
	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];

		d.requests.items[i] = (struct decided_request){ .id = r->item->id.request_id, .service = r->item->id.service_id,
			.dir = r->dir, .sv = r->plan.sv, .digest = f->digest };
		d.requests.items[i].paths.items = r->created;
		d.requests.items[i].paths.n = r->n_created;
	}
	if (n != SIZE_MAX) {
		d.members.items = arena_alloc(s->arena, (n + 1) * sizeof(*d.members.items));
		for (size_t i = 0; i < n; i++)
			if (!members[i]->excluded)
				d.members.items[d.members.n++] = (struct decided_member){ members[i]->group, members[i]->agent_id,
					members[i]->incarnation };
	}
	free(members);
	for (size_t i = 0; i < f->groups.n; i++) {
		const struct roster_group *g = roster_get(s->w->roster, f->groups.items[i]);

		if (g != NULL)
			value_map_put(s->arena, gv, g->name, value_int(s->arena, g->gv));
	}
	d.gv = gv;
	decision_encode(&d, out);
}

/* --- T2: DECIDE -------------------------------------------------------------------------------- */

static void lock_paths(struct step *s, struct flight_request *r)
{
	r->created = arena_alloc(s->f->arena, (r->plan.wanted.n + 1) * sizeof(*r->created));
	r->n_created = 0;
	for (size_t i = 0; i < r->plan.wanted.n; i++) {
		const struct plan_path *p = &r->plan.wanted.items[i];
		const char *path = path_base_uri(s->arena, p->group, p->key);

		if (p->owner != NULL) {
			store_txn_check(s->t, path, p->version);
			continue;
		}
		put_json_string(s, path, r->item->id.service_id, false);
		r->created[r->n_created++] = (struct decided_path){ p->group, p->key };
	}
}

static void decided(struct step *s)
{
	for (size_t i = 0; i < s->f->n; i++) {
		struct flight_request *r = &s->f->rq[i];

		if (r->dir == DIR_FORWARD) {
			r->status = INTERNAL_CHECK_APPLY;
			r->status_version++;
		}
	}
	log_info(&s->f->log, "decided", "requests", log_int((int64_t)s->f->n));
}

static void build_decide(struct step *s)
{
	struct flight *f = s->f;
	AUTO(buf_release) struct buf record = BUF_INIT;

	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];
		const char *service = path_service(s->arena, r->item->id.service_id);

		if (r->plan.sv >= 0)
			store_txn_check(s->t, service, r->plan.sv);
		if (r->dir == DIR_FORWARD) {
			set_status(s, r, INTERNAL_CHECK_APPLY);
			lock_paths(s, r);
		}
	}
	encode_decision(s, &record);
	store_txn_create(s->t, path_decision(s->arena, f->name), record.data, record.len, STORE_PERSISTENT);
	s->dv_after = 0;
	s->applied = decided;
}

/* Parents of what the steps create are made beforehand; made ones are only looked up in memory. */
static void on_parent(void *ctx, const struct error *err)
{
	struct step *s = ctx;

	if (s->life->over) {
		step_free(s);
		return;
	}
	if (err != NULL) {
		struct flight *f = s->f;
		step_fn *done = s->done;

		step_free(s);
		f->in_txn = false;
		done(f, STEP_UNKNOWN);
		return;
	}
	for (size_t i = 0; i < s->f->n; i++) {
		struct item *it = s->f->rq[i].item;

		if (!it->history_parent) {
			it->history_parent = true;
			store_ensure(s->w->st, path_history(s->arena, it->id.service_id), on_parent, s);
			return;
		}
	}
	for (size_t i = 0; i < s->f->groups.n; i++) {
		if (!s->f->notes[i].has_base_uris) {
			s->f->notes[i].has_base_uris = true;
			store_ensure(s->w->st, path_base_uris(s->arena, s->f->groups.items[i]), on_parent, s);
			return;
		}
	}
	check_groups(s);
	build_decide(s);
	commit(s);
}

void step_decide(struct flight *f, step_fn *done)
{
	struct step *s = step_new(f, done);

	f->in_txn = true;
	on_parent(s, NULL);
}

/* --- T9: a new leader goes on ------------------------------------------------------------------ */

static void rewrite_decision(struct step *s)
{
	AUTO(buf_release) struct buf record = BUF_INIT;

	encode_decision(s, &record);
	store_txn_set(s->t, path_decision(s->arena, s->f->name), record.data, record.len,
		s->w->opt.rules.cas ? (int32_t)s->f->dv : -1);
	s->dv_after = s->f->dv + 1;
}

void step_take_over(struct flight *f, step_fn *done)
{
	struct step *s;

	f->tenures++;
	s = step_new(f, done);
	rewrite_decision(s);
	commit(s);
}

/* --- T4, T5': the record says back -------------------------------------------------------------- */

static void turned(struct step *s)
{
	for (size_t i = 0; i < s->f->n; i++) {
		struct flight_request *r = &s->f->rq[i];

		if (r->dir == DIR_BACK && r->status == INTERNAL_CHECK_APPLY) {
			r->status = INTERNAL_FAILED_SEND_REVERT;
			r->status_version++;
			r->item->message = r->message;
		}
	}
	log_warn(&s->f->log, "turned back", "reason", s->f->failure);
}

void step_turn(struct flight *f, step_fn *done)
{
	struct step *s = step_new(f, done);

	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];

		if (r->dir != DIR_BACK || r->status != INTERNAL_CHECK_APPLY)
			continue;
		set_status(s, r, INTERNAL_FAILED_SEND_REVERT);
		r->message = arena_printf(f->arena, "Apply failed (%s), reverting...", f->failure);
		put_json_string(s, path_message(s->arena, r->item->id.request_id), r->message, r->item->message != NULL);
	}
	rewrite_decision(s);
	s->applied = turned;
	commit(s);
}

/* --- T1, T3, T6, T6': terminal ------------------------------------------------------------------- */

static void history_entry(struct step *s, struct flight_request *r)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct response resp = { .request_id = r->item->id.request_id, .message = r->message, .request = r->plan.request };
	const char *path = path_history_entry(s->arena, r->item->id.service_id, r->item->id.request_id);

	resp.state = (int)internal_state_public((enum internal_state)r->verdict);
	tally_responses(s->f->tally, s->arena, &resp.agent_responses);
	response_encode(&resp, &json);
	if (json.len > HISTORY_ENTRY_MAX) {
		for (size_t k = 0; k < resp.agent_responses.n; k++) {
			struct agent_response *list = resp.agent_responses.entries[k].list.items;

			for (size_t i = 0; i < resp.agent_responses.entries[k].list.n; i++)
				list[i].content = NULL;
		}
		buf_clear(&json);
		response_encode(&resp, &json);
	}
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
	if (r->verdict == INTERNAL_FAILED_REVERT_FAILED || r->verdict == INTERNAL_FAILED_CANCEL_FAILED)
		return; /* a host that may still serve them: the sweep frees them when it is back */
	for (size_t i = 0; i < r->n_created; i++)
		store_txn_delete(s->t, path_base_uri(s->arena, r->created[i].group, r->created[i].key), 0);
}

static bool note_last_request(struct step *s, const char *group, const char *request_id)
{
	for (size_t i = 0; i < s->f->groups.n; i++) {
		struct group_note *note = &s->f->notes[i];

		if (strcmp(note->name, group) != 0)
			continue;
		put_json_string(s, path_last_request(s->arena, group), request_id, note->has_last_request);
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

		if (s->f->rq[i].verdict != INTERNAL_COMPLETED)
			continue;
		for (size_t k = 0; k < rq->service->groups.n; k++)
			if (!strings_have(&told, rq->service->groups.items[k]) &&
				note_last_request(s, rq->service->groups.items[k], rq->id))
				strings_add(&told, s->arena, rq->service->groups.items[k]);
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
	for (size_t i = 0; i < f->n; i++) {
		janitor_retire(w->janitor, f->rq[i].item->id.request_id);
		if (w->ev.ended != NULL)
			w->ev.ended(w->ev.ctx, f->rq[i].item->id.request_id);
	}
}

static void finished(struct step *s)
{
	struct flight *f = s->f;

	tell_ended(s);
	for (size_t i = 0; i < f->n; i++)
		f->rq[i].item->bad = "ended"; /* its queue node is gone */
	worker_flight_over(f, true);
}

static void build_finish(struct step *s)
{
	struct flight *f = s->f;
	bool state_changed = false;

	for (size_t i = 0; i < f->n; i++) {
		struct flight_request *r = &f->rq[i];

		set_status(s, r, (enum internal_state)r->verdict);
		store_txn_delete(s->t, path_queue_item(s->arena, r->item->node), -1);
		history_entry(s, r);
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

static void on_history_parent(void *ctx, const struct error *err)
{
	struct step *s = ctx;

	if (s->life->over) {
		step_free(s);
		return;
	}
	if (err != NULL) {
		struct flight *f = s->f;
		step_fn *done = s->done;

		step_free(s);
		f->in_txn = false;
		done(f, STEP_UNKNOWN);
		return;
	}
	for (size_t i = 0; i < s->f->n; i++) {
		struct item *it = s->f->rq[i].item;

		if (!it->history_parent) {
			it->history_parent = true;
			store_ensure(s->w->st, path_history(s->arena, it->id.service_id), on_history_parent, s);
			return;
		}
	}
	if (s->f->dv >= 0 || !s->w->opt.rules.intent)
		check_groups(s); /* a refusal touched nobody: it needs no guard against a join */
	build_finish(s);
	commit(s);
}

void step_finish(struct flight *f, step_fn *done)
{
	struct step *s = step_new(f, done);

	f->in_txn = true;
	on_history_parent(s, NULL);
}
