/*
 * gather.c - what must run here, read from the store alone
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/link_internal.h"

#include "agent/link/sweep.h"
#include "lib/base/str.h"
#include "lib/model/fold.h"
#include "lib/records/paths.h"
#include "lib/records/services.h"

#include <stdlib.h>
#include <string.h>

/* --- the view ---------------------------------------------------------------------------------------- */

static void entry_free(struct agent_link *ln, struct view_entry *e)
{
	MAP_DEL(ln->view, e);
	target_service_unref(&e->target);
	free(e);
}

void view_clear(struct agent_link *ln)
{
	struct view_entry *e, *tmp;

	MAP_EACH(ln->view, e, tmp)
		entry_free(ln, e);
}

void view_put(struct agent_link *ln, const char *id, const struct service_state *s)
{
	struct view_entry *e;

	MAP_FIND(ln->view, id, e);
	if (e != NULL)
		entry_free(ln, e);
	if (s->service == NULL || !strings_have(&s->service->groups, ln->opt.group_name))
		return;
	e = xcalloc(1, sizeof(*e));
	e->target = target_service_new(s);
	e->id = e->target->id;
	MAP_ADD(ln->view, id, e);
}

bool view_is_committed(struct agent_link *ln, const struct reader *r, size_t at, const char *service)
{
	struct service_state s;
	struct view_entry *e;
	struct target_service *t;
	bool same;

	MAP_FIND(ln->view, service, e);
	if (services_take(r->arena, r, at, &s, NULL) != 0)
		return true; /* unreadable: what ran goes on */
	if (s.service == NULL || !strings_have(&s.service->groups, ln->opt.group_name))
		return e == NULL;
	if (e == NULL)
		return false;
	t = target_service_new(&s);
	same = strcmp(t->digest, e->target->digest) == 0;
	target_service_unref(&t);
	return same;
}

/* --- everything ------------------------------------------------------------------------------------------ */

static void on_service(void *ctx, const char *id, const struct service_state *s)
{
	struct op *op = ctx;
	struct view_entry *e;

	if (!held_keeps(op->ln, id))
		view_put(op->ln, id, s);
	MAP_FIND(op->ln->view, id, e);
	if (e != NULL)
		e->listed = true;
}

/* What ran goes on. */
static void on_unreadable(void *ctx, const char *id, const struct error *err)
{
	struct op *op = ctx;
	struct view_entry *e;

	(void)err;
	MAP_FIND(op->ln->view, id, e);
	if (e != NULL)
		e->listed = true;
}

/* What is neither in the state nor decided must not run. */
static void on_swept(void *ctx, const struct error *err)
{
	struct op *op = ctx;
	struct view_entry *e, *tmp;

	MAP_EACH(op->ln->view, e, tmp) {
		if (err == NULL && !e->listed && !held_keeps(op->ln, e->id))
			entry_free(op->ln, e);
		else
			e->listed = false;
	}
	ops_gathered(op, err);
}

static void sweep(struct op *op)
{
	static const struct sweep_fns fns = { on_service, on_unreadable, on_swept };

	sweep_run(op->ln->st, op->ln->life, op->ln->opt.rules.target, &fns, op);
}

void gather_all(struct op *op)
{
	held_look(op, sweep);
}

/* --- one call: the decision, then requests and states of its services, in one wave -------------------------- */

static bool goes_forward(const struct decision *d, const char *request_id)
{
	for (size_t i = 0; i < d->requests.n; i++)
		if (strcmp(d->requests.items[i].id, request_id) == 0)
			return d->requests.items[i].dir == DIR_FORWARD;
	return false;
}

static struct node_version version_of(const struct store_node *node)
{
	return node != NULL ? (struct node_version){ node->version, node->children_version } : (struct node_version){ -1, -1 };
}

static int take_item(struct op *op, const struct reader *r, size_t i, const struct decision *d, struct error *err)
{
	const struct batch_item *it = &op->call->items.items[i];
	const struct store_node *node = reader_node(r, 1 + 3 * i);
	struct request *rq = NULL;
	bool wanted = op->call->type == CALL_PREPARE || (d != NULL && goes_forward(d, it->request_id));
	int rc;

	op->versions[i] = version_of(reader_node(r, 1 + 3 * i + 1));
	rc = services_take(op->arena, r, 1 + 3 * i + 1, &op->bases[i], err);
	if (rc != 0)
		return rc;
	op->nexts[i] = op->bases[i];
	if (!wanted)
		return 0;
	if (node == NULL)
		return error_set(err, ERR_CONFLICT, "request '%s' does not exist", it->request_id);
	rc = request_decode(node->data, node->len, op->arena, &rq, err);
	if (rc != 0)
		return rc;
	op->requests[i] = rq;
	fold(&op->bases[i], (const struct request *const *)&op->requests[i], 1, op->arena, &op->nexts[i]);
	return 0;
}

static int take_call(struct op *op, const struct reader *r, struct error *err)
{
	const struct store_node *node = reader_node(r, 0);
	size_t n = op->call->items.n;
	struct decision *d = NULL;

	op->version_read = node != NULL ? node->version : -1;
	if (node != NULL) {
		int rc = decision_decode(node->data, node->len, op->arena, &d, err);

		if (rc != 0)
			return rc;
	}
	op->requests = arena_alloc(op->arena, (n + 1) * sizeof(struct request *));
	op->bases = arena_alloc(op->arena, (n + 1) * sizeof(*op->bases));
	op->nexts = arena_alloc(op->arena, (n + 1) * sizeof(*op->nexts));
	op->versions = arena_alloc(op->arena, (n + 1) * sizeof(*op->versions));
	for (size_t i = 0; i < n; i++) {
		int rc = take_item(op, r, i, d, err);

		if (rc != 0)
			return rc;
	}
	if (op->call->type != CALL_PREPARE && node == NULL)
		return error_set(err, ERR_NOT_FOUND, "batch '%s' has ended", op->call->batch);
	return 0;
}

static void gather_whole_call(struct op *op);

static void on_call(void *ctx, struct reader **r_take, const struct error *err)
{
	struct op *op = ctx;
	struct error why = ERROR_INIT;
	bool too_old;

	if (err != NULL) {
		ops_gathered(op, err);
		reader_free(r_take);
		return;
	}
	if (take_call(op, *r_take, &why) != 0)
		err = &why;
	reader_free(r_take);
	/* Our reads may lag behind the leader: what is older than it says, or not there yet, is read once more after a sync. */
	too_old = op->call->type == CALL_PREPARE ? err != NULL : op->version_read < op->call->number;
	if (too_old && !op->again) {
		op->again = true;
		gather_whole_call(op);
		return;
	}
	if (err == NULL && too_old) {
		error_set(&why, ERR_NOT_DONE, "decision %lld of batch '%s' cannot be read yet", (long long)op->call->number,
			op->call->batch);
		err = &why;
	}
	ops_gathered(op, err);
}

static void gather_whole_call(struct op *op)
{
	struct reader *r = reader_new(op->ln->st, op->ln->life);

	if (op->again)
		reader_sync_first(r);
	reader_get(r, path_decision(r->arena, op->call->batch));
	for (size_t i = 0; i < op->call->items.n; i++) {
		reader_get(r, path_request(r->arena, op->call->items.items[i].request_id));
		services_read(r, op->call->items.items[i].service_id);
	}
	reader_run(&r, on_call, op);
}

/* The decision is of what was prepared here: the same requests, all forward, on the versions that were read then. Those are
 * read again after the decision, so they are not older than it; while it stands nobody else changes these services. */
static bool decided_as_prepared(const struct op *op, const struct decision *d, const struct reader *r)
{
	const struct prepared *p = &op->ln->prepared;

	if (p->batch == NULL || strcmp(p->batch, op->call->batch) != 0 || d->requests.n != p->n || op->call->items.n != p->n)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const struct decided_request *dr = &d->requests.items[i];
		struct node_version now = version_of(reader_node(r, 1 + i));

		if (dr->dir != DIR_FORWARD || now.data != p->versions[i].data || now.children != p->versions[i].children ||
			strcmp(dr->id, p->items[i].request_id) != 0 || strcmp(op->call->items.items[i].request_id, dr->id) != 0)
			return false;
	}
	return true;
}

static void on_decision_alone(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct op *op = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;
	const struct prepared *p = &op->ln->prepared;
	struct decision *d;

	if (err != NULL) {
		ops_gathered(op, err);
		return;
	}
	if (node == NULL || node->version != op->call->number || decision_decode(node->data, node->len, r->arena, &d, NULL) != 0 ||
		!decided_as_prepared(op, d, r)) {
		gather_whole_call(op);
		return;
	}
	op->version_read = node->version;
	op->requests = arena_alloc(op->arena, (p->n + 1) * sizeof(struct request *));
	op->nexts = arena_alloc(op->arena, (p->n + 1) * sizeof(*op->nexts));
	for (size_t i = 0; i < p->n; i++) { /* of the preparation's arena, which lives until this call has ended */
		op->requests[i] = p->requests[i];
		op->nexts[i] = p->nexts[i];
	}
	ops_gathered(op, NULL);
}

void gather_call(struct op *op)
{
	struct agent_link *ln = op->ln;
	struct reader *r;

	if (op->call->type != CALL_APPLY || ln->prepared.batch == NULL || strcmp(ln->prepared.batch, op->call->batch) != 0) {
		gather_whole_call(op);
		return;
	}
	r = reader_new(ln->st, ln->life);
	reader_get(r, path_decision(r->arena, op->call->batch));
	for (size_t i = 0; i < op->call->items.n; i++)
		reader_get(r, path_service(r->arena, op->call->items.items[i].service_id));
	reader_run(&r, on_decision_alone, op);
}
