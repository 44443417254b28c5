/*
 * ops.c - the one pipeline: everything that changes files or HAProxy goes through here, one at a time
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/link_internal.h"

#include "lib/base/log.h"
#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

static int by_id(const void *x, const void *y)
{
	struct target_service *const *a = x, *const *b = y;

	return strcmp((*a)->id, (*b)->id);
}

struct work_item *ops_target(struct agent_link *ln, enum work_kind kind)
{
	struct work_item *w = work_item_new(kind);
	struct view_entry *e, *tmp;

	w->services = xcalloc(MAP_COUNT(ln->view) + 1, sizeof(struct target_service *));
	MAP_EACH(ln->view, e, tmp)
		w->services[w->n++] = target_service_ref(e->target);
	qsort(w->services, w->n, sizeof(struct target_service *), by_id);
	return w;
}

struct work_item *ops_would_be(struct agent_link *ln, enum work_kind kind, const struct view_change *changes, size_t n)
{
	AUTO(xfree_p) struct target_service **before = xcalloc(n + 1, sizeof(struct target_service *));
	struct work_item *w;

	/* They are put in, listed, and taken out again. */
	for (size_t i = 0; i < n; i++) {
		struct view_entry *e;

		MAP_FIND(ln->view, changes[i].id, e);
		before[i] = e != NULL ? target_service_ref(e->target) : NULL;
		view_put(ln, changes[i].id, changes[i].state);
	}
	w = ops_target(ln, kind);
	for (size_t i = n; i-- > 0;) {
		static const struct service_state none = { 0 };

		view_put(ln, changes[i].id, before[i] != NULL ? &before[i]->state : &none);
		target_service_unref(&before[i]);
	}
	return w;
}

void link_settled(struct agent_link *ln, bool settled, const char *trouble)
{
	if (settled != ln->settled || (!settled && !str_eq(trouble, ln->trouble))) {
		if (settled)
			log_info(NULL, "this host runs what it must");
		else
			log_warn(NULL, "this host does not run what it must", "reason", trouble);
	}
	ln->settled = settled;
	free(ln->trouble);
	ln->trouble = settled ? NULL : xstrdup(trouble);
	if (!settled)
		ops_converge_soon(ln, LOOP_MS(ln->opt.retry_ms));
}

/* --- the queue ------------------------------------------------------------------------------------------- */

struct op *op_add(struct agent_link *ln, enum op_kind kind)
{
	struct op *op = xcalloc(1, sizeof(*op));

	op->ln = ln;
	op->kind = kind;
	op->arena = arena_new();
	op->version_read = -1;
	DL_APPEND(ln->ops, op);
	return op;
}

static void op_free(struct op *op)
{
	struct link_waiter *w, *tmp;

	DL_FOREACH_SAFE(op->waiters, w, tmp) {
		DL_DELETE(op->waiters, w);
		free(w);
	}
	arena_free(&op->arena);
	free(op);
}

void op_drop(struct op *op)
{
	DL_DELETE(op->ln->ops, op);
	op_free(op);
}

void op_answer(struct op *op, int status, const struct batch_answer *ans)
{
	struct link_waiter *w;

	while ((w = op->waiters) != NULL) {
		link_answer_fn *done = w->done;
		void *ctx = w->ctx;

		DL_DELETE(op->waiters, w);
		free(w);
		done(ctx, status, ans);
	}
}

void op_end(struct op *op)
{
	struct agent_link *ln = op->ln;

	ASSERT(ln->ops == op);
	DL_DELETE(ln->ops, op);
	op_free(op);
	ln->busy = false;
	ops_run(ln);
}

static void answer_refusal(struct op *op, int status, const char *why)
{
	struct batch_answer ans = { .batch = op->call->batch, .number = op->version_read, .outcome = OUTCOME_BUSY, .message = why,
		.incarnation = op->ln->node != NULL ? op->ln->guid : "" };

	op_answer(op, status, &ans);
}

void ops_flush(struct agent_link *ln, int status, const char *why)
{
	struct op *op, *tmp;

	DL_FOREACH_SAFE(ln->ops, op, tmp) {
		if (op->kind == OP_CALL)
			answer_refusal(op, status, why);
		else if (op->kind == OP_JAVA)
			java_answer(op, status, why);
		if (op == ln->ops && ln->busy && ln->applying)
			op->over = true; /* the applier finishes what it has; nobody waits for it any more */
		if (op->over)
			continue;
		if (op == ln->ops)
			ln->busy = false; /* its reads ended with the incarnation */
		op_drop(op);
	}
}

void ops_converge_soon(struct agent_link *ln, int64_t after_us)
{
	if (!loop_timer_running(&ln->retry_timer))
		loop_timer_start(ln->loop, &ln->retry_timer, after_us);
}

/* --- running ------------------------------------------------------------------------------------------------ */

static void on_recovered(void *ctx, struct report **r_take)
{
	struct agent_link *ln = ctx;
	struct report *r = *r_take;

	ln->applying = false;
	if (!r->ok)
		log_error(NULL, "files could not be repaired", "reason", r->error.text);
	report_free(r_take);
	ln->recovered = true;
	op_end(ln->ops);
	if (store_link(ln->st) == STORE_LINK_UP)
		member_link_up(ln);
}

static void on_converged(void *ctx, struct report **r_take)
{
	struct agent_link *ln = ctx;
	struct report *r = *r_take;
	struct op *op = ln->ops;

	ln->applying = false;
	if (!op->over) { /* else the next join converges again */
		link_settled(ln, r->ok, r->ok ? NULL : r->error.text);
		if (ln->phase == LINK_JOINING && ln->node != NULL)
			ln->phase = LINK_READY;
		if (ln->node == NULL && ln->unregistered_run)
			member_unregistered_ready(ln);
	}
	report_free(r_take);
	op_end(op);
}

static void start(struct op *op)
{
	struct agent_link *ln = op->ln;
	struct work_item *w;

	switch (op->kind) {
	case OP_RECOVER:
		w = work_item_new(WORK_RECOVER);
		ln->applying = true;
		ln->applier->start(ln->applier, &w, on_recovered, ln);
		return;
	case OP_CONVERGE:
		gather_all(op);
		return;
	case OP_CALL:
		batches_start(op);
		return;
	case OP_JAVA:
		java_start(op);
		return;
	}
}

/* Before a call can be carried out, all that must run has to be known: the look at everything goes first. */
static void look_first(struct agent_link *ln)
{
	struct op *op;

	if (ln->gathered || (ln->ops->kind != OP_CALL && ln->ops->kind != OP_JAVA))
		return;
	DL_FOREACH(ln->ops, op)
		if (op->kind == OP_CONVERGE)
			break;
	if (op == NULL)
		op = op_add(ln, OP_CONVERGE);
	DL_DELETE(ln->ops, op);
	DL_PREPEND(ln->ops, op);
}

void ops_run(struct agent_link *ln)
{
	if (ln->busy || ln->ops == NULL)
		return;
	look_first(ln);
	if (ln->ops->kind != OP_RECOVER && ln->node == NULL && !ln->unregistered_run)
		return; /* not registered: nothing may change */
	ln->busy = true;
	start(ln->ops);
}

void ops_run_soon(struct agent_link *ln)
{
	if (!loop_timer_running(&ln->run_timer))
		loop_timer_start(ln->loop, &ln->run_timer, 0);
}

void ops_gathered(struct op *op, const struct error *err)
{
	struct agent_link *ln = op->ln;
	struct work_item *w;

	if (op->kind == OP_CALL) {
		batches_gathered(op, err);
		return;
	}
	if (err != NULL && !ln->gathered) {
		ln->busy = false; /* it stays first: calls wait until it is known what must run */
		ops_converge_soon(ln, LOOP_MS(ln->opt.retry_ms));
		return;
	}
	if (err != NULL) {
		ops_converge_soon(ln, LOOP_MS(ln->opt.retry_ms));
		op_end(op);
		return;
	}
	ln->gathered = true;
	w = ops_target(ln, WORK_CONVERGE);
	ln->applying = true;
	ln->applier->start(ln->applier, &w, on_converged, ln);
}
