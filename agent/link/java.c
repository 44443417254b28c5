/*
 * java.c - instructions of a Java leader: who may give them, and what they are about
 *
 * Nothing that it wants is in the store yet, so here the message decides.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/java.h"

#include "agent/link/java_internal.h"
#include "agent/link/lead.h"
#include "lib/records/paths.h"
#include "lib/records/services.h"

#include <stdlib.h>
#include <string.h>

#define NOWHERE SIZE_MAX
#define SPLIT_TIME LOOP_MS(20000) /* a Java service waits for 10 s, and asks again */

/* --- asking ------------------------------------------------------------------------------------------------ */

static void copy_instruction(struct arena *a, const struct java_instruction *in, struct java_one *out)
{
	out->in = *in;
	out->in.request_id = arena_strdup(a, in->request_id);
	if (in->literal != NULL)
		out->in.literal = record_clone(&request_record, in->literal, a);
}

static bool same_instructions(const struct java_op *j, const struct java_instruction *list, size_t n)
{
	bool same = j->n == n;

	for (size_t i = 0; same && i < n; i++) {
		const struct java_instruction *x = &j->ones[i].in, *y = &list[i];

		same = x->literal == NULL && y->literal == NULL && strcmp(x->request_id, y->request_id) == 0 &&
			x->revert == y->revert && x->own_action == y->own_action && x->action == y->action;
	}
	return same;
}

/* The same again while it is being carried out, and nothing else was asked for since: join that run. */
static struct op *same_run(struct agent_link *ln, const struct java_instruction *list, size_t n)
{
	struct op *op, *last = NULL;

	DL_FOREACH(ln->ops, op)
		if (op->kind == OP_JAVA)
			last = op;
	return last != NULL && !last->over && same_instructions(last->java, list, n) ? last : NULL;
}

struct link_waiter *agent_link_java(struct agent_link *ln, const struct java_instruction *list, size_t n, java_done_fn *done,
	void *ctx)
{
	struct link_waiter *w = xcalloc(1, sizeof(*w));
	struct op *op = same_run(ln, list, n);

	if (op == NULL) {
		struct java_op *j;

		op = op_add(ln, OP_JAVA);
		j = op->java = arena_alloc(op->arena, sizeof(*j));
		*j = (struct java_op){ .ones = arena_alloc(op->arena, (n + 1) * sizeof(*j->ones)), .n = n };
		memset(j->ones, 0, (n + 1) * sizeof(*j->ones));
		for (size_t i = 0; i < n; i++)
			copy_instruction(op->arena, &list[i], &j->ones[i]);
	}
	w->op = op;
	w->java_done = done;
	w->ctx = ctx;
	DL_APPEND(op->waiters, w);
	ops_run_soon(ln);
	return w;
}

void java_answer(struct op *op, int status, const char *why)
{
	const struct java_op *j = op->java;
	struct java_result *results = arena_alloc(op->arena, (j->n + 1) * sizeof(*results));
	struct link_waiter *w;

	for (size_t i = 0; i < j->n; i++)
		results[i] = j->ones[i].result;
	while ((w = op->waiters) != NULL) {
		java_done_fn *done = w->java_done;
		void *ctx = w->ctx;

		DL_DELETE(op->waiters, w);
		free(w);
		done(ctx, status, why, results, why == NULL ? j->n : 0);
	}
}

static void refuse(struct op *op, int status, const char *why)
{
	java_answer(op, status, why);
	op_end(op);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void on_states(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct op *op = ctx;
	struct java_op *j = op->java;

	if (err != NULL) {
		refuse(op, 503, err->text);
		return;
	}
	for (size_t k = 0; k < j->n_groups; k++) {
		struct java_group *g = &j->groups[k];

		g->rc = services_take(op->arena, r, 2 * k, &g->base, &g->err);
		g->now = g->base;
	}
	j->todo = java_part_new(op, j->n, NULL);
	for (size_t i = 0; i < j->n; i++) {
		struct java_one *one = &j->ones[i];

		if (one->ready && j->groups[one->group].rc != 0)
			java_fail(op, one, j->groups[one->group].err.text);
		else if (one->ready)
			j->todo->items[j->todo->n++] = i;
	}
	if (j->todo->n == 0)
		j->todo = NULL;
	j->until = loop_now(op->ln->loop) + SPLIT_TIME;
	java_next_part(op);
}

static int by_service(const void *x, const void *y)
{
	const struct java_one *a = *(const struct java_one *const *)x, *b = *(const struct java_one *const *)y;

	return strcmp(a->rq->service->id, b->rq->service->id);
}

static void make_groups(struct op *op)
{
	struct java_op *j = op->java;
	AUTO(xfree_p) struct java_one **sorted = xcalloc(j->n + 1, sizeof(struct java_one *));
	size_t n = 0;

	for (size_t i = 0; i < j->n; i++)
		if (j->ones[i].ready)
			sorted[n++] = &j->ones[i];
	qsort(sorted, n, sizeof(struct java_one *), by_service);
	j->groups = arena_alloc(op->arena, (n + 1) * sizeof(*j->groups));
	memset(j->groups, 0, (n + 1) * sizeof(*j->groups));
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || by_service(&sorted[i - 1], &sorted[i]) != 0)
			j->groups[j->n_groups++].id = sorted[i]->rq->service->id;
		sorted[i]->group = j->n_groups - 1;
	}
}

static int effective_action(const struct java_one *one, const struct request *rq)
{
	int action = one->in.revert ? ACTION_REVERT : one->in.own_action ? rq->action : one->in.action;

	return action == ACTION_NONE ? ACTION_UPDATE : action;
}

static void take_request(struct op *op, struct java_one *one, const struct store_node *node)
{
	const struct request *rq = one->in.literal;
	struct request *read, *copy;
	struct error err = ERROR_INIT;

	if (rq == NULL && node == NULL) {
		one->result = (struct java_result){ .status = 404,
			.message = arena_printf(op->arena, "Request %s does not exist", one->in.request_id) };
		return;
	}
	if (rq == NULL) {
		if (request_decode(node->data, node->len, op->arena, &read, &err) != 0) {
			java_fail(op, one, err.text);
			return;
		}
		rq = read;
	}
	if (!path_name_ok(rq->service->id)) {
		java_fail(op, one, "loadBalancerService.serviceId: is no name of a node");
		return;
	}
	copy = arena_alloc(op->arena, sizeof(*copy));
	*copy = *rq;
	copy->action = effective_action(one, rq);
	one->rq = copy;
	one->result.service_id = rq->service->id;
	one->result.more = copy->action == ACTION_GET_RENDERED_CONFIG ? JAVA_SHOW_FILES :
			   copy->action == ACTION_PURGE_CACHE	      ? JAVA_PURGE :
									JAVA_DONE;
	one->ready = one->result.more == JAVA_DONE;
	one->result.status = one->ready ? 0 : 200;
}

static const char *not_java(enum lead lead)
{
	switch (lead) {
	case LEAD_NOBODY:
		return "no service takes part in /workers: nobody may give instructions";
	case LEAD_OURS:
		return "a Lockstep service leads: what must run is decided in ZooKeeper, not by this call";
	case LEAD_CHANGING:
		return "the leading service is changing: ask again";
	case LEAD_JAVA:
		break;
	}
	return NULL;
}

static void on_requests(void *ctx, struct reader **r_take, const struct error *err)
{
	struct op *op = ctx;
	struct java_op *j = op->java;
	struct reader *r;
	const char *why = NULL;
	bool any = false;

	if (err != NULL) {
		refuse(op, 503, err->text);
		reader_free(r_take);
		return;
	}
	for (size_t i = 0; i < j->n; i++) {
		struct java_one *one = &j->ones[i];

		take_request(op, one, one->at != NOWHERE ? reader_node(*r_take, one->at) : NULL);
		any |= one->ready;
	}
	if (any)
		why = not_java(lead_of(*r_take, j->lead));
	if (!any || why != NULL) {
		java_answer(op, why != NULL ? 409 : 200, why);
		op_end(op);
		reader_free(r_take);
		return;
	}
	make_groups(op);
	r = reader_next(r_take);
	for (size_t k = 0; k < j->n_groups; k++)
		services_read(r, j->groups[k].id);
	reader_run(&r, on_states, op);
}

void java_start(struct op *op)
{
	struct agent_link *ln = op->ln;
	struct java_op *j = op->java;
	struct reader *r;

	if (store_link(ln->st) != STORE_LINK_UP) {
		refuse(op, 503, "no connection to ZooKeeper");
		return;
	}
	r = reader_new(ln->st, ln->life);
	reader_sync_first(r);
	j->lead = lead_read(r);
	for (size_t i = 0; i < j->n; i++) {
		struct java_one *one = &j->ones[i];

		one->at = path_name_ok(one->in.request_id) ? reader_get(r, path_request(r->arena, one->in.request_id)) : NOWHERE;
	}
	reader_run(&r, on_requests, op);
}
