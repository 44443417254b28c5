/*
 * batches.c - the leader's calls: PREPARE proves and keeps, RELEASE drops, the rest converge to what is decided
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/link_internal.h"

#include "lib/base/log.h"
#include "lib/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREPARED_FOR LOOP_MS(60000) /* longer than any D_prepare that makes sense, + 5 s */

void batches_drop_prepared(struct agent_link *ln)
{
	free(ln->prepared.batch);
	arena_free(&ln->prepared.arena);
	ln->prepared = (struct prepared){ 0 };
	loop_timer_stop(ln->loop, &ln->expiry_timer);
}

static void forget_one(struct remembered *r)
{
	free(r->batch);
	for (size_t i = 0; r->services != NULL && r->services[i] != NULL; i++)
		free(r->services[i]);
	free(r->services);
}

void batches_forget(struct agent_link *ln)
{
	batches_drop_prepared(ln);
	ln->epoch_seen = 0;
	for (size_t i = 0; i < ln->n_remembered; i++)
		forget_one(&ln->remembered[i]);
	ln->n_remembered = 0;
}

static struct batch_answer answer_of(const struct op *op, enum outcome outcome, const char *message)
{
	return (struct batch_answer){ .batch = op->call->batch, .number = op->version_read, .incarnation = op->ln->guid,
		.outcome = (int)outcome, .message = message };
}

static void answer(struct op *op, int status, enum outcome outcome, const char *message)
{
	struct batch_answer ans = answer_of(op, outcome, message);

	op_answer(op, status, &ans);
}

/* --- what has been confirmed --------------------------------------------------------------------------------- */

bool batches_known(struct agent_link *ln, const struct batch_call *call)
{
	for (size_t i = 0; i < ln->n_remembered; i++)
		if (ln->remembered[i].number == call->number && strcmp(ln->remembered[i].batch, call->batch) == 0)
			return ln->settled;
	return false;
}

static void remember(struct agent_link *ln, const struct op *op)
{
	size_t at = ln->n_remembered;

	for (size_t i = 0; i < ln->n_remembered; i++)
		if (strcmp(ln->remembered[i].batch, op->call->batch) == 0)
			at = i; /* a later decision of the same batch replaces the former */
	if (at == ARRAY_LEN(ln->remembered)) {
		forget_one(&ln->remembered[0]);
		memmove(&ln->remembered[0], &ln->remembered[1], (--at) * sizeof(ln->remembered[0]));
	} else if (at < ln->n_remembered) {
		forget_one(&ln->remembered[at]);
	} else {
		ln->n_remembered++;
	}
	ln->remembered[at] = (struct remembered){ .batch = xstrdup(op->call->batch), .number = op->version_read };
	ln->remembered[at].services = xcalloc(op->call->items.n + 1, sizeof(char *));
	for (size_t i = 0; i < op->call->items.n; i++)
		ln->remembered[at].services[i] = xstrdup(op->call->items.items[i].service_id);
}

/* --- PREPARE ------------------------------------------------------------------------------------------------------ */

static void refused(struct op *op, const struct report *r)
{
	size_t n = op->call->items.n;
	struct batch_item_answer *items = arena_alloc(op->arena, (n + 1) * sizeof(*items));
	const char *words = r->detail != NULL && r->detail[0] != '\0' ? r->detail : r->error.text;
	struct batch_answer ans = answer_of(op, OUTCOME_REFUSED, arena_strdup(op->arena, r->error.text));

	for (size_t i = 0; i < n; i++) {
		const struct batch_item *it = &op->call->items.items[i];
		const char *blame = NULL;

		for (size_t k = 0; k < r->n_blames; k++)
			if (str_eq(r->blames[k].service_id, it->service_id))
				blame = r->blames[k].message;
		if (blame == NULL && (n == 1 || r->n_blames == 0))
			blame = words;
		items[i] = (struct batch_item_answer){ it->request_id, blame != NULL ? 500 : 200, arena_strdup(op->arena, blame) };
	}
	ans.items.items = items;
	ans.items.n = n;
	op_answer(op, 200, &ans);
}

static void keep_prepared(struct op *op, const char *base_digest)
{
	struct agent_link *ln = op->ln;
	struct prepared *p = &ln->prepared;

	batches_drop_prepared(ln);
	*p = (struct prepared){ .batch = xstrdup(op->call->batch), .arena = STEAL(op->arena), .n = op->call->items.n,
		.items = op->call->items.items, .requests = op->requests, .bases = op->bases, .nexts = op->nexts,
		.versions = op->versions };
	snprintf(p->base_digest, sizeof(p->base_digest), "%s", base_digest);
	loop_timer_start(ln->loop, &ln->expiry_timer, PREPARED_FOR);
}

static void on_prepared(void *ctx, struct report **r_take)
{
	struct agent_link *ln = ctx;
	struct op *op = ln->ops;
	struct report *r = *r_take;

	ln->applying = false;
	if (!op->over && r->ok) {
		struct batch_answer ans = answer_of(op, OUTCOME_PREPARED, NULL);

		ans.number = -1;
		ans.base_digest = r->base_digest;
		op_answer(op, 200, &ans);
		keep_prepared(op, r->base_digest);
	} else if (!op->over) {
		op->version_read = -1;
		refused(op, r);
	}
	report_free(r_take);
	op_end(op);
}

static struct work_item *prepare_item(struct op *op)
{
	size_t n = op->call->items.n;
	struct view_change *changes = arena_alloc(op->arena, (n + 1) * sizeof(*changes));

	for (size_t i = 0; i < n; i++)
		changes[i] = (struct view_change){ op->call->items.items[i].service_id, &op->nexts[i] };
	return ops_would_be(op->ln, WORK_PREPARE, changes, n);
}

static void describe_work(struct op *op, struct work_item *w)
{
	size_t n = op->call->items.n, n_no_reload = 0;
	const char **suspects;

	if (w->arena == NULL)
		w->arena = arena_new();
	suspects = arena_alloc(w->arena, (n + 1) * sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const struct request *rq = op->requests[i];

		suspects[i] = arena_strdup(w->arena, op->call->items.items[i].service_id);
		if (rq == NULL)
			continue;
		n_no_reload += rq->no_reload;
		w->force_reload |= rq->action == ACTION_RELOAD;
	}
	w->suspects = suspects;
	w->n_suspects = n;
	w->no_reload = n > 0 && n_no_reload == n;
	w->deadline_us = 0;
}

static bool digest_matches(const struct op *op)
{
	char digest[65];

	if (op->call->digest == NULL)
		return false;
	batch_digest(op->requests, op->call->items.n, digest);
	return strcmp(digest, op->call->digest) == 0;
}

static void prepare_gathered(struct op *op)
{
	struct agent_link *ln = op->ln;
	struct work_item *w;

	/* The leader counts by the digest: what differs from what it has read must not be prepared. */
	if (!digest_matches(op)) {
		answer(op, 409, OUTCOME_BUSY, "the requests read here are not those of the batch");
		op_end(op);
		return;
	}
	w = prepare_item(op);
	describe_work(op, w);
	ln->applying = true;
	ln->applier->start(ln->applier, &w, on_prepared, ln);
}

static bool prepare_at_once(struct op *op)
{
	struct agent_link *ln = op->ln;

	if (op->call->epoch < ln->epoch_seen) {
		answer(op, 409, OUTCOME_BUSY, "a later leader has called");
		return true;
	}
	ln->epoch_seen = op->call->epoch;
	if (!ln->settled) {
		op->version_read = -1;
		answer(op, 200, OUTCOME_REFUSED, arena_printf(op->arena, "not on the committed state: %s",
			ln->trouble != NULL ? ln->trouble : "still converging"));
		return true;
	}
	if (ln->prepared.batch != NULL && strcmp(ln->prepared.batch, op->call->batch) == 0) {
		struct batch_answer ans = answer_of(op, OUTCOME_PREPARED, NULL);

		ans.number = -1;
		ans.base_digest = ln->prepared.base_digest;
		op_answer(op, 200, &ans);
		return true;
	}
	return false;
}

/* --- RELEASE --------------------------------------------------------------------------------------------------------- */

static void on_released(void *ctx, struct report **r_take)
{
	struct agent_link *ln = ctx;
	struct op *op = ln->ops;

	ln->applying = false;
	report_free(r_take);
	if (!op->over)
		answer(op, 200, OUTCOME_RELEASED, NULL);
	op_end(op);
}

static void release(struct op *op)
{
	struct agent_link *ln = op->ln;
	struct work_item *w;

	op->version_read = -1;
	if (ln->prepared.batch == NULL || strcmp(ln->prepared.batch, op->call->batch) != 0) {
		answer(op, 200, OUTCOME_RELEASED, NULL);
		op_end(op);
		return;
	}
	batches_drop_prepared(ln);
	w = work_item_new(WORK_RELEASE);
	ln->applying = true;
	ln->applier->start(ln->applier, &w, on_released, ln);
}

/* --- APPLY, REVERT, CANCEL: converge ------------------------------------------------------------------------------------ */

static void note_last_request(struct agent_link *ln, const struct op *op)
{
	size_t n = op->call->items.n;

	if (op->call->type != CALL_APPLY || n == 0)
		return;
	free(ln->last_request);
	ln->last_request = xstrdup(op->call->items.items[n - 1].request_id);
}

/* Once more if a repeated call applies it again: a purge does no harm. */
static void purge(struct agent_link *ln, const struct op *op)
{
	for (size_t i = 0; ln->opt.purge != NULL && op->requests != NULL && i < op->call->items.n; i++)
		if (op->requests[i] != NULL && request_purges(op->requests[i]))
			ln->opt.purge(ln->opt.purge_ctx, op->call->items.items[i].service_id);
}

static void on_applied(void *ctx, struct report **r_take)
{
	struct agent_link *ln = ctx;
	struct op *op = ln->ops;
	struct report *r = *r_take;

	ln->applying = false;
	if (op->over) { /* the incarnation ended meanwhile: the next join converges */
		report_free(r_take);
		op_end(op);
		return;
	}
	link_settled(ln, r->ok, r->ok ? NULL : r->error.text);
	if (r->ok && op->ended) {
		answer(op, 410, OUTCOME_ENDED, "the batch has ended");
	} else if (r->ok) {
		remember(ln, op);
		note_last_request(ln, op);
		purge(ln, op);
		batches_drop_prepared(ln); /* last: the requests are of its arena */
		answer(op, 200, OUTCOME_APPLIED, NULL);
	} else {
		answer(op, 200, OUTCOME_FAILED, arena_printf(op->arena, "%s%s%s", r->error.text, r->detail != NULL ? ": " : "",
			r->detail != NULL ? r->detail : ""));
	}
	report_free(r_take);
	op_end(op);
}

static void converge(struct op *op)
{
	struct agent_link *ln = op->ln;
	struct work_item *w;

	for (size_t i = 0; !op->ended && i < op->call->items.n; i++)
		view_put(ln, op->call->items.items[i].service_id, &op->nexts[i]);
	w = ops_target(ln, WORK_CONVERGE);
	describe_work(op, w);
	ln->applying = true;
	ln->applier->start(ln->applier, &w, on_applied, ln);
}

/* --- steps of a call ------------------------------------------------------------------------------------------------------- */

void batches_gathered(struct op *op, const struct error *err)
{
	bool ended = err != NULL && err->code == ERR_NOT_FOUND && op->call->type != CALL_PREPARE;

	if (err != NULL && !ended) {
		bool prepare = op->call->type == CALL_PREPARE && err->code == ERR_INVALID;

		op->version_read = -1;
		answer(op, prepare ? 200 : 503, prepare ? OUTCOME_REFUSED : OUTCOME_BUSY, err->text);
		op_end(op);
		return;
	}
	if (ended && !op->ended) {
		op->ended = true; /* a later batch may have decided for these services: look at everything */
		gather_all(op);
		return;
	}
	if (op->call->type == CALL_PREPARE)
		prepare_gathered(op);
	else
		converge(op);
}

void batches_start(struct op *op)
{
	struct agent_link *ln = op->ln;

	if (store_link(ln->st) != STORE_LINK_UP) {
		answer(op, 503, OUTCOME_BUSY, "no connection to ZooKeeper");
		op_end(op);
		return;
	}
	if (op->call->incarnation != NULL && strcmp(op->call->incarnation, ln->guid) != 0) {
		answer(op, 409, OUTCOME_BUSY, "another incarnation of this agent was meant");
		op_end(op);
		return;
	}
	switch ((enum call_type)op->call->type) {
	case CALL_PREPARE:
		if (prepare_at_once(op)) {
			op_end(op);
			return;
		}
		gather_call(op);
		return;
	case CALL_RELEASE:
		release(op);
		return;
	case CALL_APPLY:
	case CALL_REVERT:
	case CALL_CANCEL:
		if (batches_known(ln, op->call)) {
			op->version_read = op->call->number;
			answer(op, 200, OUTCOME_APPLIED, NULL);
			op_end(op);
			return;
		}
		gather_call(op);
		return;
	}
}

void batches_free(struct agent_link *ln)
{
	batches_forget(ln);
	free(ln->last_request);
	ln->last_request = NULL;
}
