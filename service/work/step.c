/*
 * step.c - the transitions that are written: each is one transaction, with the own latch node checked first
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/step.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "service/work/java_call.h"

#include <stdlib.h>
#include <string.h>

struct step *step_new(struct flight *f, step_fn *done)
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

void step_free(struct step *s)
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

/* Of T2; after a terminal one nobody asks. */
static void parents_made(struct step *s)
{
	if (!s->parents)
		return;
	for (size_t i = 0; i < s->f->n; i++)
		s->f->rq[i].item->history_parent = true;
	for (size_t i = 0; i < s->f->groups.n; i++) {
		s->f->notes[i].has_base_uris |= s->parents_of[i];
		load_learn(s->w, &s->f->notes[i]);
	}
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
	if (end == STEP_CONFLICT || end == STEP_UNKNOWN)
		log_info(&f->log, "transaction not applied", "reason", err->text);
	f->in_txn = false;
	if (end != STEP_DONE)
		past_doubt(s->w->past, f);
	if (end == STEP_DONE && s->dv_after == -2) {
		s->applied(s); /* ends the flight */
		step_free(s);
		return;
	}
	if (end == STEP_DONE) {
		f->dv = s->dv_after;
		parents_made(s);
		if (s->applied != NULL)
			s->applied(s);
	}
	step_free(s);
	done(f, end);
}

void step_commit(struct step *s)
{
	s->f->in_txn = true;
	mark(s, OP_OTHER);
	s->ops[0] = OP_LATCH;
	store_txn_commit(&s->t, on_committed, s);
}

/* --- pieces ------------------------------------------------------------------------------------ */

void step_check_groups(struct step *s)
{
	if (!s->w->opt.rules.gver)
		return;
	mark(s, OP_OTHER);
	/* The versions that go with the members that were judged, not those of now: who joined since was not asked. */
	for (size_t i = 0; i < s->f->groups.n; i++)
		if (s->f->notes[i].gv >= 0)
			store_txn_check(s->t, path_group(s->arena, s->f->notes[i].name), s->f->notes[i].gv);
	mark(s, OP_GROUP);
}

void step_check_java_nodes(struct step *s)
{
	struct flight *f = s->f;
	const struct member **members;
	size_t n = flight_members(f, &members);

	mark(s, OP_OTHER);
	f->java_nodes = NULL;
	f->java_after = false;
	for (size_t i = 0; i < f->groups.n; i++) {
		const struct roster_group *g = roster_get(s->w->roster, f->groups.items[i]);

		f->java_after |= g != NULL && g->java_seen;
	}
	for (size_t i = 0; n != SIZE_MAX && i < n; i++) {
		const struct member *m = members[i];
		struct java_node *seen;

		if (!member_is_java(m) || m->excluded)
			continue;
		store_txn_check(s->t, path_host(s->arena, m->group, m->node), -1);
		seen = arena_alloc(f->arena, sizeof(*seen));
		*seen = (struct java_node){ .next = f->java_nodes };
		seen->group = arena_strdup(f->arena, m->group);
		seen->incarnation = arena_strdup(f->arena, m->incarnation);
		f->java_nodes = seen;
	}
	free(members);
	mark(s, OP_GROUP);
}

static bool locks_in(const struct flight *f, const char *group)
{
	for (size_t i = 0; i < f->n; i++)
		for (size_t k = 0; k < f->rq[i].plan.wanted.n; k++)
			if (f->rq[i].dir == DIR_FORWARD && str_eq(f->rq[i].plan.wanted.items[k].group, group))
				return true;
	return false;
}

void step_make_parents(struct step *s, bool for_locks)
{
	struct flight *f = s->f;

	s->parents = true;
	s->parents_of = arena_alloc(s->arena, f->groups.n + 1);
	for (size_t i = 0; i < f->n; i++)
		if (!f->rq[i].item->history_parent)
			store_txn_create(s->t, path_history(s->arena, f->rq[i].item->id.service_id), NULL, 0, STORE_PERSISTENT);
	for (size_t i = 0; for_locks && i < f->groups.n; i++) {
		const char *group = f->groups.items[i];

		if (f->notes[i].has_base_uris || !locks_in(f, group))
			continue;
		store_txn_create(s->t, path_base_uris(s->arena, group), NULL, 0, STORE_PERSISTENT);
		s->parents_of[i] = true;
	}
}

void step_set_status(struct step *s, struct flight_request *r, enum internal_state status)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	buf_printf(&text, "\"%s\"", internal_state_name(status));
	store_txn_set(s->t, path_status(s->arena, r->item->id.request_id), text.data, text.len,
		s->w->opt.rules.cas && !s->f->misread ? r->status_version : -1);
}

void step_put_json_string(struct step *s, const char *path, const char *text, bool exists)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_json_string(&json, text, strlen(text));
	if (exists)
		store_txn_set(s->t, path, json.data, json.len, -1);
	else
		store_txn_create(s->t, path, json.data, json.len, STORE_PERSISTENT);
}

/* The record as it is to be: requests with their directions, the members of this instant, who leads. */
void step_encode_decision(struct step *s, struct buf *out)
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
