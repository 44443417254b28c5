/*
 * java_after.c - Java agents that came back while their request was committed
 *
 * A Java agent that starts, or whose session was lost, reads the state first and registers afterwards: it may have read the old
 * one just before COMMIT and be seen only after it.  So two seconds later the group is looked at again, and who was not there
 * then is told to take back the request, which makes it render what the state holds now.  The request's nodes, which it
 * reads, are kept until then.  This makes a window smaller; docs/protocol.md says what is left of it.
 *
 * Nor does it read after a sync: for a second after COMMIT its ZooKeeper server may still show it the former state, so the next
 * request of that service waits.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/java_call.h"
#include "service/work/janitor.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define FRESH_FOR LOOP_MS(1000)
#define LOOK_AFTER LOOP_MS(1000) /* after that */
#define LOOK_AGAIN LOOP_MS(500)

struct newcomer {
	struct newcomer *next;
	struct java_after *after;
	const char *group, *incarnation;
	struct java_run *run;
	int64_t attempts;
	bool done;
};

struct java_after { /* one committed batch */
	struct java_after *prev, *next;
	struct java_afters *all;
	struct arena *arena;
	struct loop_timer timer;
	const char *name;
	const struct request **requests;
	size_t n;
	struct strings groups;
	struct java_node *nodes; /* those that had confirmed */
	struct newcomer *newcomers;
	bool fresh, looked;
};

struct java_afters {
	struct worker *w;
	struct java_after *list;
};

static void after_free(struct java_after *af)
{
	for (struct newcomer *nc = af->newcomers; nc != NULL; nc = nc->next)
		java_call_forget(&nc->run);
	loop_timer_stop(af->all->w->loop, &af->timer);
	DL_DELETE(af->all->list, af);
	arena_free(&af->arena);
}

static void after_over(struct java_after *af)
{
	struct worker *w = af->all->w;

	for (size_t i = 0; i < af->n; i++)
		janitor_retire(w->janitor, af->requests[i]->id);
	after_free(af);
}

static bool of_its_services(const struct java_after *af, const char *service)
{
	for (size_t i = 0; i < af->n; i++)
		if (str_eq(service, af->requests[i]->service->id))
			return true;
	return false;
}

/* A later request of one of its services brings everybody to its own target, and must not be undone. */
static bool overtaken(const struct java_after *af)
{
	const struct java_after *later;
	const struct item *it;

	for (later = af->next; later != NULL; later = later->next)
		for (size_t i = 0; i < later->n; i++)
			if (of_its_services(af, later->requests[i]->service->id))
				return true;

	DL_FOREACH(af->all->w->items, it)
		if (it->flight != NULL && it->flight->dv >= 0 && of_its_services(af, it->id.service_id))
			return true;
	return false;
}

static bool had_confirmed(const struct java_after *af, const struct member *m)
{
	for (const struct java_node *node = af->nodes; node != NULL; node = node->next)
		if (str_eq(node->group, m->group) && str_eq(node->incarnation, m->incarnation))
			return true;
	return false;
}

static void note_newcomers(struct java_after *af, const struct roster_group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct member *m = &g->members[i];
		struct newcomer *nc;

		if (!member_is_java(m) || m->excluded || had_confirmed(af, m))
			continue;
		nc = arena_alloc(af->arena, sizeof(*nc));
		*nc = (struct newcomer){ .after = af, .next = af->newcomers };
		nc->group = arena_strdup(af->arena, m->group);
		nc->incarnation = arena_strdup(af->arena, m->incarnation);
		af->newcomers = nc;
		log_info(NULL, "a Java agent registered during a commit: it is asked to look at the state", "agent", m->agent_id, "batch",
			af->name);
	}
}

/* False: a group is being read. */
static bool look(struct java_after *af)
{
	struct roster *r = af->all->w->roster;

	for (size_t i = 0; i < af->groups.n; i++)
		if (roster_get(r, af->groups.items[i]) == NULL)
			return false;
	for (size_t i = 0; i < af->groups.n; i++)
		note_newcomers(af, roster_get(r, af->groups.items[i]));
	return true;
}

static const struct member *member_of(const struct newcomer *nc)
{
	const struct roster_group *g = roster_get(nc->after->all->w->roster, nc->group);

	for (size_t i = 0; g != NULL && i < g->n; i++)
		if (member_is_java(&g->members[i]) && str_eq(g->members[i].incarnation, nc->incarnation))
			return &g->members[i];
	return NULL;
}

static void on_result(void *ctx, const struct java_result *res)
{
	struct newcomer *nc = ctx;

	nc->run = NULL;
	nc->done = res->said.ok;
}

static void ask(struct newcomer *nc)
{
	struct java_after *af = nc->after;
	struct worker *w = af->all->w;
	const struct member *m = member_of(nc);
	AUTO(arena_free) struct arena *scratch = arena_new();
	enum call_type *types = arena_alloc(scratch, af->n * sizeof(*types));
	struct java_order order = { .name = af->name, .type = CALL_REVERT, .requests = af->requests, .types = types, .n = af->n,
		.timeout_us = LOOP_MS(w->opt.call_timeout_ms) };

	if (m == NULL) { /* gone again: whoever comes next reads the state as it is */
		nc->done = true;
		return;
	}
	if (java_calls_busy(w->java, m->base_uri))
		return;
	for (size_t i = 0; i < af->n; i++)
		types[i] = CALL_REVERT;
	order.base_uri = m->base_uri;
	order.batch = m->batch;
	order.reload = nc->attempts > 0;
	nc->attempts++;
	nc->run = java_call(w->java, &order, on_result, nc);
}

static void on_timer(void *ctx)
{
	struct java_after *af = ctx;
	bool more = false;

	if (af->fresh) {
		af->fresh = false;
		loop_timer_start(af->all->w->loop, &af->timer, LOOK_AFTER);
		worker_turn_soon(af->all->w);
		return;
	}
	if (!af->looked && !overtaken(af))
		af->looked = look(af);
	for (struct newcomer *nc = af->newcomers; nc != NULL; nc = nc->next) {
		if (nc->run == NULL && !nc->done && nc->attempts < af->all->w->opt.java.max_attempts && !overtaken(af) &&
			store_link(af->all->w->st) == STORE_LINK_UP)
			ask(nc);
		more |= nc->run != NULL || (!nc->done && nc->attempts < af->all->w->opt.java.max_attempts);
	}
	if (overtaken(af) || (af->looked && !more))
		after_over(af);
	else
		loop_timer_start(af->all->w->loop, &af->timer, LOOK_AGAIN);
}

void java_after(struct flight *f)
{
	struct worker *w = f->w;
	struct arena *a = arena_new();
	struct java_after *af = arena_alloc(a, sizeof(*af));

	*af = (struct java_after){ .all = w->java_afters, .arena = a, .n = f->n, .fresh = true };
	af->timer = (struct loop_timer){ .fn = on_timer, .ctx = af };
	af->name = arena_strdup(a, f->name);
	af->requests = arena_alloc(a, f->n * sizeof(struct request *));
	for (size_t i = 0; i < f->n; i++)
		af->requests[i] = record_clone(&request_record, f->rq[i].plan.request, a);
	for (size_t i = 0; i < f->groups.n; i++)
		strings_add(&af->groups, a, arena_strdup(a, f->groups.items[i]));
	for (const struct java_node *seen = f->java_nodes; seen != NULL; seen = seen->next) {
		struct java_node *node = arena_alloc(a, sizeof(*node));

		*node = (struct java_node){ .next = af->nodes, .group = arena_strdup(a, seen->group),
			.incarnation = arena_strdup(a, seen->incarnation) };
		af->nodes = node;
	}
	DL_APPEND(w->java_afters->list, af);
	loop_timer_start(w->loop, &af->timer, FRESH_FOR);
}

bool java_after_holds(const struct java_afters *as, const char *request_id)
{
	const struct java_after *af;

	DL_FOREACH(as->list, af)
		for (size_t i = 0; i < af->n; i++)
			if (str_eq(af->requests[i]->id, request_id))
				return true;
	return false;
}

bool java_after_fresh(const struct java_afters *as, const char *service)
{
	const struct java_after *af;

	DL_FOREACH(as->list, af)
		if (af->fresh && of_its_services(af, service))
			return true;
	return false;
}

struct java_afters *java_afters_new(struct worker *w)
{
	struct java_afters *as = xcalloc(1, sizeof(*as));

	as->w = w;
	return as;
}

void java_afters_free(struct java_afters **asp)
{
	struct java_afters *as = STEAL(*asp);

	if (as == NULL)
		return;
	while (as->list != NULL)
		after_free(as->list);
	free(as);
}
