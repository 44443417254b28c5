/*
 * java_parts.c - instructions of a Java leader: fold, make live together; apart if that fails
 *
 * A part is a set of items that are tried together.  What succeeds of it stays, in the view and in held.c, until the
 * leader has committed or taken it back.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/java_internal.h"

#include "lib/base/log.h"
#include "lib/model/fold.h"

#include <stdlib.h>
#include <string.h>

void java_fail(struct op *op, struct java_one *one, const char *why)
{
	one->ready = false;
	one->result = (struct java_result){ .status = 500, .message = arena_printf(op->arena, "Caught exception while %sING for "
		"request %s: %s", action_name(one->rq != NULL ? (enum action)one->rq->action : ACTION_NONE), one->in.request_id, why) };
	log_warn(NULL, "an instruction was not carried out", "request", one->in.request_id, "reason", why);
}

/* --- trying a part -------------------------------------------------------------------------------------------- */

static void fold_item(struct op *op, struct java_group *g, const struct java_one *one)
{
	const struct request *rq = one->rq;
	struct service_state folded;

	if (rq->action == ACTION_RELOAD)
		return;
	g->touched = true;
	if (rq->action == ACTION_REVERT) {
		g->next = g->base;
		return;
	}
	fold(&g->next, &rq, 1, op->arena, &folded);
	g->next = folded;
}

static struct work_item *part_work(struct op *op, const struct java_part *part)
{
	struct java_op *j = op->java;
	struct view_change *changes = arena_alloc(op->arena, (part->n + 1) * sizeof(*changes));
	size_t n_changes = 0, n_quiet = 0;
	const char **suspects;
	struct work_item *w;

	for (size_t k = 0; k < j->n_groups; k++) {
		j->groups[k].next = j->groups[k].now;
		j->groups[k].touched = false;
	}
	for (size_t i = 0; i < part->n; i++)
		fold_item(op, &j->groups[j->ones[part->items[i]].group], &j->ones[part->items[i]]);
	for (size_t k = 0; k < j->n_groups; k++)
		if (j->groups[k].touched)
			changes[n_changes++] = (struct view_change){ j->groups[k].id, &j->groups[k].next };
	w = ops_would_be(op->ln, WORK_CONVERGE, changes, n_changes);
	if (w->arena == NULL)
		w->arena = arena_new();
	suspects = arena_alloc(w->arena, (part->n + 1) * sizeof(char *));
	for (size_t i = 0; i < part->n; i++) {
		const struct java_one *one = &j->ones[part->items[i]];

		suspects[i] = arena_strdup(w->arena, j->groups[one->group].id);
		w->force_reload |= one->rq->action == ACTION_RELOAD;
		n_quiet += one->rq->no_reload && one->rq->action != ACTION_RELOAD;
	}
	w->suspects = suspects;
	w->n_suspects = part->n;
	w->no_reload = n_quiet == part->n;
	return w;
}

static void part_succeeded(struct op *op, const struct java_part *part)
{
	struct java_op *j = op->java;
	struct agent_link *ln = op->ln;

	for (size_t k = 0; k < j->n_groups; k++) {
		struct java_group *g = &j->groups[k];

		if (!g->touched)
			continue;
		g->now = g->next;
		view_put(ln, g->id, &g->now);
		held_put(ln, g->id, true);
	}
	for (size_t i = 0; i < part->n; i++) {
		struct java_one *one = &j->ones[part->items[i]];

		one->result = (struct java_result){ .status = 200 };
		if (one->rq->action == ACTION_REVERT)
			continue;
		free(ln->last_request);
		ln->last_request = xstrdup(one->in.request_id);
		if (ln->opt.purge != NULL && request_purges(one->rq))
			ln->opt.purge(ln->opt.purge_ctx, j->groups[one->group].id);
	}
	link_settled(ln, true, NULL);
}

static const char *why_of(struct op *op, const struct report *r, const char *service)
{
	const char *blame = NULL, *detail = r->detail != NULL ? r->detail : "";

	for (size_t i = 0; i < r->n_blames; i++)
		if (strcmp(r->blames[i].service_id, service) == 0)
			blame = r->blames[i].message;
	if (blame != NULL && (strstr(r->error.text, blame) != NULL || strstr(detail, blame) != NULL))
		blame = NULL;
	return arena_printf(op->arena, "%s%s%s%s%s", r->error.text, blame != NULL ? ": " : "", blame != NULL ? blame : "",
		detail[0] != '\0' ? ": " : "", detail);
}

struct java_part *java_part_new(struct op *op, size_t room, struct java_part *next)
{
	struct java_part *p = arena_alloc(op->arena, sizeof(*p));

	*p = (struct java_part){ .next = next, .items = arena_alloc(op->arena, (room + 1) * sizeof(size_t)) };
	return p;
}

static bool blamed(const struct report *r, const char *service)
{
	for (size_t i = 0; i < r->n_blames; i++)
		if (strcmp(r->blames[i].service_id, service) == 0)
			return true;
	return false;
}

/* First those that nobody blames; if that says nothing, halves. The order within a service stays. */
static void split(struct op *op, const struct java_part *part, const struct report *r)
{
	struct java_op *j = op->java;
	struct java_part *second = java_part_new(op, part->n, part->next), *first = java_part_new(op, part->n, second);

	for (size_t i = 0; i < part->n; i++) {
		struct java_part *p = blamed(r, j->groups[j->ones[part->items[i]].group].id) ? second : first;

		p->items[p->n++] = part->items[i];
	}
	if (first->n == 0 || second->n == 0) {
		first->n = part->n / 2;
		second->n = part->n - first->n;
		memcpy(first->items, part->items, first->n * sizeof(size_t));
		memcpy(second->items, part->items + first->n, second->n * sizeof(size_t));
	}
	j->todo = first;
}

static void fail_part(struct op *op, const struct java_part *part, const char *why)
{
	for (size_t i = 0; i < part->n; i++)
		java_fail(op, &op->java->ones[part->items[i]], why);
}

static void part_failed(struct op *op, const struct report *r)
{
	struct java_op *j = op->java;
	const struct java_part *part = j->todo;
	const char *why = why_of(op, r, j->groups[j->ones[part->items[0]].group].id);

	if (!r->undone || r->haproxy_down) { /* not the items' fault, and the next would fare no better */
		link_settled(op->ln, false, r->error.text);
		for (; j->todo != NULL; j->todo = j->todo->next)
			fail_part(op, j->todo, r->error.text);
	} else if (part->n == 1) {
		fail_part(op, part, why);
		j->todo = part->next;
	} else {
		split(op, part, r);
	}
}

static void on_part(void *ctx, struct report **r_take)
{
	struct agent_link *ln = ctx;
	struct op *op = ln->ops;
	struct report *r = *r_take;

	ln->applying = false;
	if (op->over) { /* nobody waits for it; the next join makes it what the state holds */
		report_free(r_take);
		op_end(op);
		return;
	}
	if (r->ok) {
		part_succeeded(op, op->java->todo);
		op->java->todo = op->java->todo->next;
	} else {
		part_failed(op, r);
	}
	report_free(r_take);
	java_next_part(op);
}

void java_next_part(struct op *op)
{
	struct agent_link *ln = op->ln;
	struct java_op *j = op->java;
	struct work_item *w;

	if (loop_now(ln->loop) > j->until)
		for (; j->todo != NULL; j->todo = j->todo->next)
			fail_part(op, j->todo, "it was not tried alone: finding out which instruction is bad took too long");
	if (j->todo == NULL) {
		java_answer(op, 200, NULL);
		op_end(op);
		return;
	}
	w = part_work(op, j->todo);
	ln->applying = true;
	ln->applier->start(ln->applier, &w, on_part, ln);
}

