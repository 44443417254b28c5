/*
 * held.c - services that a Java leader is at work with
 *
 * What it has had us apply stands nowhere until it commits, so a sweep must not undo it meanwhile: such a service is left
 * as it runs while it has a queue item and no service of ours leads.  When the item has gone, the state says what must
 * run; if that is something else, everything is looked at.  Items found at a join are watched in the same way: what they
 * had been applied by a former process was not known, so their commit is news.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/link_internal.h"

#include "agent/link/lead.h"
#include "lib/model/request.h"
#include "lib/records/paths.h"
#include "lib/records/services.h"

#include <stdlib.h>

#define LOOK_EVERY LOOP_MS(1000)

struct held {
	UT_hash_handle hh;
	char *id;
	bool applied, keep, queued;
	unsigned changes; /* instructions so far */
};

static void look_soon(struct agent_link *ln)
{
	if (ln->held != NULL && !loop_timer_running(&ln->held_timer))
		loop_timer_start(ln->loop, &ln->held_timer, LOOK_EVERY);
}

static void forget(struct agent_link *ln, struct held *h)
{
	MAP_DEL(ln->held, h);
	free(h->id);
	free(h);
}

void held_clear(struct agent_link *ln)
{
	struct held *h, *tmp;

	MAP_EACH(ln->held, h, tmp)
		forget(ln, h);
}

void held_put(struct agent_link *ln, const char *service, bool applied)
{
	struct held *h;

	MAP_FIND(ln->held, service, h);
	if (h == NULL) {
		h = xcalloc(1, sizeof(*h));
		h->id = xstrdup(service);
		MAP_ADD(ln->held, id, h);
	}
	h->applied |= applied;
	h->changes++;
	look_soon(ln);
}

bool held_keeps(struct agent_link *ln, const char *service)
{
	struct held *h;

	MAP_FIND(ln->held, service, h);
	return h != NULL && h->keep;
}

static void note_queue(struct agent_link *ln, const struct reader *r, size_t at, bool add)
{
	size_t n;
	const char *const *names = reader_names(r, at, &n);
	struct held *h, *tmp;

	MAP_EACH(ln->held, h, tmp)
		h->queued = false;
	for (size_t i = 0; i < n; i++) {
		struct queued_id q;

		if (queued_id_parse_node(names[i], r->arena, &q, NULL) != 0)
			continue;
		if (add)
			held_put(ln, q.service_id, false);
		MAP_FIND(ln->held, q.service_id, h);
		if (h != NULL)
			h->queued = true;
	}
}

/* --- before a sweep ------------------------------------------------------------------------------------- */

struct looking { /* in the reader's arena */
	struct op *op;
	void (*go)(struct op *op);
	size_t lead, queue;
};

static void on_look(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct looking *lk = ctx;
	struct agent_link *ln = lk->op->ln;
	struct held *h, *tmp;

	if (err != NULL) {
		ops_gathered(lk->op, err);
		return;
	}
	if (lead_of(r, lk->lead) == LEAD_OURS) {
		held_clear(ln); /* it decides, and the store says what */
	} else {
		note_queue(ln, r, lk->queue, !ln->gathered);
		MAP_EACH(ln->held, h, tmp)
			h->keep = h->applied && h->queued;
	}
	look_soon(ln);
	lk->go(lk->op);
}

void held_look(struct op *op, void (*go)(struct op *op))
{
	struct agent_link *ln = op->ln;
	struct looking *lk;
	struct reader *r;

	if (ln->gathered && ln->held == NULL) {
		go(op);
		return;
	}
	r = reader_new(ln->st, ln->life);
	lk = arena_alloc(r->arena, sizeof(*lk));
	*lk = (struct looking){ .op = op, .go = go };
	reader_sync_first(r);
	lk->lead = lead_read(r);
	lk->queue = reader_children(r, PATH_QUEUE);
	reader_run(&r, on_look, lk);
}

/* --- from time to time ------------------------------------------------------------------------------------ */

struct ended { /* in the first wave's arena */
	struct agent_link *ln;
	size_t lead, queue, n;
	struct ended_service {
		const char *id;
		unsigned changes;
	} *services;
};

static void on_states(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct ended *en = ctx;
	struct agent_link *ln = en->ln;

	for (size_t i = 0; err == NULL && i < en->n; i++) {
		struct held *h;

		MAP_FIND(ln->held, en->services[i].id, h);
		if (h == NULL || h->changes != en->services[i].changes)
			continue; /* there are news of it already */
		if (!view_is_committed(ln, r, 2 * i, h->id))
			ops_converge_soon(ln, 0);
		forget(ln, h);
	}
	look_soon(ln);
}

static void on_queue(void *ctx, struct reader **r_take, const struct error *err)
{
	struct ended *en = ctx;
	struct agent_link *ln = en->ln;
	struct held *h, *tmp;
	struct reader *r;

	if (err != NULL) {
		look_soon(ln);
		reader_free(r_take);
		return;
	}
	if (lead_of(*r_take, en->lead) == LEAD_OURS) {
		held_clear(ln);
		ops_converge_soon(ln, 0);
		reader_free(r_take);
		return;
	}
	note_queue(ln, *r_take, en->queue, false);
	en->services = arena_alloc((*r_take)->arena, (MAP_COUNT(ln->held) + 1) * sizeof(*en->services));
	r = reader_next(r_take);
	MAP_EACH(ln->held, h, tmp) {
		if (h->queued)
			continue;
		en->services[en->n++] = (struct ended_service){ arena_strdup(r->arena, h->id), h->changes };
		services_read(r, h->id);
	}
	reader_run(&r, on_states, en);
}

static void on_timer(void *ctx)
{
	struct agent_link *ln = ctx;
	struct reader *r;
	struct ended *en;

	if (ln->held == NULL || ln->node == NULL)
		return; /* the next join looks */
	r = reader_new(ln->st, ln->life);
	en = arena_alloc(r->arena, sizeof(*en));
	*en = (struct ended){ .ln = ln };
	reader_sync_first(r);
	en->lead = lead_read(r);
	en->queue = reader_children(r, PATH_QUEUE);
	reader_run(&r, on_queue, en);
}

void held_timers(struct agent_link *ln)
{
	ln->held_timer = (struct loop_timer){ .fn = on_timer, .ctx = ln };
}
