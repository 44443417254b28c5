/*
 * decide.c - transactions that write the decision: made (T2), taken over (T9), turned back (T4, T5')
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/step.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"

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
		step_put_json_string(s, path, r->item->id.service_id, false);
		r->created[r->n_created++] = (struct decided_path){ p->group, p->key };
	}
}

/* What the commit will release must be there still, so that it can. */
static void check_released(struct step *s, struct flight_request *r)
{
	struct plan_paths released;

	plan_released(&r->plan, s->arena, &released);
	for (size_t i = 0; i < released.n; i++)
		store_txn_check(s->t, path_base_uri(s->arena, released.items[i].group, released.items[i].key),
			released.items[i].version);
}

static bool counts_on_locks(const struct flight *f, const char *group)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct plan *p = &f->rq[i].plan;

		for (size_t k = 0; k < p->wanted.n; k++)
			if (str_eq(p->wanted.items[k].group, group))
				return true;
		for (size_t k = 0; k < p->held.n; k++)
			if (str_eq(p->held.items[k].group, group))
				return true;
	}
	return false;
}

/* A lock is made anew with the version that it had before, and counting on one does not change it.  So who frees one by hand
 * checks the version of the folder. */
static void touch_folders(struct step *s)
{
	const struct flight *f = s->f;

	for (size_t i = 0; i < f->groups.n; i++)
		if (f->notes[i].has_base_uris && counts_on_locks(f, f->groups.items[i]))
			store_txn_set(s->t, path_base_uris(s->arena, f->groups.items[i]), NULL, 0, -1);
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
			step_set_status(s, r, INTERNAL_CHECK_APPLY);
			lock_paths(s, r);
			check_released(s, r);
		}
	}
	touch_folders(s);
	step_encode_decision(s, &record);
	store_txn_create(s->t, path_decision(s->arena, f->name), record.data, record.len, STORE_PERSISTENT);
	s->dv_after = 0;
	s->applied = decided;
}

void step_decide(struct flight *f, step_fn *done)
{
	struct step *s = step_new(f, done);

	step_check_groups(s);
	step_make_parents(s, true);
	build_decide(s);
	step_commit(s);
}

/* --- T9: a new leader goes on ------------------------------------------------------------------ */

static void rewrite_decision(struct step *s)
{
	AUTO(buf_release) struct buf record = BUF_INIT;

	step_encode_decision(s, &record);
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
	step_commit(s);
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
		step_set_status(s, r, INTERNAL_FAILED_SEND_REVERT);
		r->message = arena_printf(f->arena, "Apply failed (%s), reverting...", f->failure);
		step_put_json_string(s, path_message(s->arena, r->item->id.request_id), r->message, r->item->message != NULL);
	}
	if (f->misread)
		s->dv_after = f->dv;
	else
		rewrite_decision(s);
	s->applied = turned;
	step_commit(s);
}
