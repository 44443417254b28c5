/*
 * link.c - the agent's loop side put together: its life, its timers, its public face
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/link.h"

#include "agent/link/link_internal.h"
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/roster.h"

#include <stdlib.h>
#include <string.h>

static void on_link(void *ctx, enum store_link link)
{
	struct agent_link *ln = ctx;

	switch (link) {
	case STORE_LINK_UP:
		member_link_up(ln);
		return;
	case STORE_LINK_LOST:
		if (!ln->replaced)
			member_forget(ln);
		ln->phase = LINK_DISCONNECTED;
		return;
	case STORE_LINK_SUSPECT:
		ln->phase = LINK_DISCONNECTED;
		return;
	case STORE_LINK_DOWN:
		return;
	}
}

static void add_converge(struct agent_link *ln)
{
	struct op *op;

	DL_FOREACH(ln->ops, op)
		if (op->kind == OP_CONVERGE && !(op == ln->ops && ln->busy)) {
			ops_run(ln); /* one is waiting already */
			return;
		}
	if (ln->node == NULL || store_link(ln->st) != STORE_LINK_UP)
		return;
	op_add(ln, OP_CONVERGE);
	ops_run(ln);
}

static void on_retry(void *ctx)
{
	add_converge(ctx);
}

static void on_reconcile(void *ctx)
{
	struct agent_link *ln = ctx;

	loop_timer_start(ln->loop, &ln->reconcile_timer, LOOP_MS(ln->opt.reconcile_ms));
	add_converge(ln);
}

/* A preparation that nobody came back for: its leader is gone, or has decided otherwise. */
static void on_expiry(void *ctx)
{
	struct agent_link *ln = ctx;

	if (ln->ops != NULL) /* a call may be using it */
		loop_timer_start(ln->loop, &ln->expiry_timer, LOOP_MS(1000));
	else
		batches_drop_prepared(ln);
}

static void on_decided_timer(void *ctx)
{
	gather_decided(ctx);
}

static void on_run(void *ctx)
{
	ops_run(ctx);
}

struct agent_link *agent_link_new(struct loop *l, struct store *st, struct applier *ap, const struct link_options *opt)
{
	struct agent_link *ln = xcalloc(1, sizeof(*ln));

	ln->loop = l;
	ln->st = st;
	ln->applier = ap;
	ln->opt = *opt;
	ln->opt.retry_ms = opt->retry_ms != 0 ? opt->retry_ms : 1000;
	ln->opt.reconcile_ms = opt->reconcile_ms != 0 ? opt->reconcile_ms : 60000;
	ln->life = life_new();
	ln->phase = LINK_STARTING;
	if (opt->seed != 0)
		rand_seed(&ln->rand, opt->seed);
	else
		rand_seed_os(&ln->rand);
	member_timers(ln);
	held_timers(ln);
	ln->retry_timer = (struct loop_timer){ .fn = on_retry, .ctx = ln };
	ln->reconcile_timer = (struct loop_timer){ .fn = on_reconcile, .ctx = ln };
	ln->expiry_timer = (struct loop_timer){ .fn = on_expiry, .ctx = ln };
	ln->decided_timer = (struct loop_timer){ .fn = on_decided_timer, .ctx = ln };
	ln->run_timer = (struct loop_timer){ .fn = on_run, .ctx = ln };
	ln->listener = (struct store_listener){ .fn = on_link, .ctx = ln };
	store_listen(st, &ln->listener);
	op_add(ln, OP_RECOVER);
	ops_run(ln);
	return ln;
}

void agent_link_free(struct agent_link **lnp)
{
	struct agent_link *ln = STEAL(*lnp);

	if (ln == NULL)
		return;
	store_unlisten(ln->st, &ln->listener);
	member_forget(ln);
	ASSERT(ln->ops == NULL || (ln->ops->next == NULL && ln->applying)); /* the applier is freed first */
	while (ln->ops != NULL) {
		struct op *op = ln->ops;

		DL_DELETE(ln->ops, op);
		arena_free(&op->arena);
		free(op);
	}
	loop_timer_stop(ln->loop, &ln->run_timer);
	view_clear(ln);
	held_clear(ln);
	batches_free(ln);
	life_end(&ln->life);
	free(ln->trouble);
	free(ln);
}

/* --- calls --------------------------------------------------------------------------------------------------- */

static void copy_call(struct op *op, const struct batch_call *call)
{
	struct batch_call *c = arena_alloc(op->arena, sizeof(*c));

	*c = *call;
	c->batch = arena_strdup(op->arena, call->batch);
	c->incarnation = arena_strdup(op->arena, call->incarnation);
	c->digest = arena_strdup(op->arena, call->digest);
	c->items.items = arena_alloc(op->arena, (call->items.n + 1) * sizeof(*c->items.items));
	for (size_t i = 0; i < call->items.n; i++)
		c->items.items[i] = (struct batch_item){ arena_strdup(op->arena, call->items.items[i].request_id),
			arena_strdup(op->arena, call->items.items[i].service_id), arena_strdup(op->arena, call->items.items[i].digest) };
	op->call = c;
}

/* The same question, asked again while it is being answered: join that run. */
static struct op *same_call(struct agent_link *ln, const struct batch_call *call)
{
	struct op *op;

	DL_FOREACH(ln->ops, op)
		if (op->kind == OP_CALL && !op->over && op->call->type == call->type && op->call->number == call->number &&
			op->call->epoch == call->epoch && str_eq(op->call->batch, call->batch) &&
			str_eq(op->call->incarnation, call->incarnation))
			return op;
	return NULL;
}

struct link_waiter *agent_link_call(struct agent_link *ln, const struct batch_call *call, link_answer_fn *done, void *ctx)
{
	struct link_waiter *w = xcalloc(1, sizeof(*w));
	struct op *op = same_call(ln, call);

	if (op == NULL) {
		op = op_add(ln, OP_CALL);
		copy_call(op, call);
	}
	w->op = op;
	w->done = done;
	w->ctx = ctx;
	DL_APPEND(op->waiters, w);
	ops_run_soon(ln);
	return w;
}

void agent_link_forget(struct link_waiter **wp)
{
	struct link_waiter *w = STEAL(*wp);
	struct op *op;

	if (w == NULL)
		return;
	op = w->op;
	DL_DELETE(op->waiters, w);
	free(w);
	/* To its caller it has failed: what was not begun must not happen after that. */
	if (op->kind == OP_JAVA && op->waiters == NULL && !(op == op->ln->ops && op->ln->busy))
		op_drop(op);
}

/* --- leaving ---------------------------------------------------------------------------------------------------- */

struct leaving {
	struct agent_link *ln;
	struct life *life;
};

static void left(struct agent_link *ln, const struct error *err)
{
	if (err != NULL && err->code != ERR_NOT_FOUND)
		log_warn(NULL, "could not leave the group: the host counts as absent", "reason", err->text);
	if (ln->on_left != NULL)
		ln->on_left(ln->on_left_ctx);
}

static void on_left(void *ctx, const struct store_result *res, const struct error *err)
{
	struct leaving *lv = ctx;
	struct agent_link *ln = lv->ln;
	bool over = lv->life->over;

	(void)res;
	life_unref(&lv->life);
	free(lv);
	if (!over)
		left(ln, err);
}

static void on_record_removed(void *ctx, const struct error *err)
{
	left(ctx, err);
}

void agent_link_leave(struct agent_link *ln, void (*done)(void *ctx), void *ctx)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct store_txn *t;
	struct leaving *lv;

	ln->left = true;
	ln->on_left = done;
	ln->on_left_ctx = ctx;
	if (ln->node == NULL) { /* a join may be on its way: only while nobody is registered may the record go */
		roster_remove(ln->st, ln->life, &ln->opt.rules, ln->opt.group_name, ln->opt.info->agent_id, on_record_removed, ln);
		return;
	}
	t = store_txn_new(ln->st);
	lv = xcalloc(1, sizeof(*lv));
	lv->ln = ln;
	lv->life = life_ref(ln->life);
	store_txn_delete(t, path_host(a, ln->opt.group_name, ln->node), -1);
	store_txn_delete(t, path_member(a, ln->opt.group_name, ln->opt.info->agent_id), -1);
	store_txn_commit(&t, on_left, lv);
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

void agent_link_status(const struct agent_link *ln, struct link_status *out)
{
	*out = (struct link_status){ .phase = ln->phase, .settled = ln->settled, .trouble = ln->trouble,
		.incarnation = ln->node != NULL ? ln->guid : NULL, .last_request = ln->last_request,
		.first_in_group = ln->first_in_group, .busy = ln->applying, .services = MAP_COUNT(ln->view),
		.zookeeper = store_link_name(ln->st) };
}

const struct target_service *agent_link_service(const struct agent_link *ln, const char *service_id)
{
	struct view_entry *e;

	MAP_FIND(ln->view, service_id, e);
	return e != NULL ? e->target : NULL;
}
