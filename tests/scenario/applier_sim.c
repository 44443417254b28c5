/*
 * applier_sim.c - a host without files and HAProxy: what it runs changes at one moment, some time after it was asked
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/scenario/world.h"

#include "lib/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct applier_sim {
	struct applier base;
	struct world_agent *agent;
	struct loop_timer timer;
	struct work_item *item;
	void (*done)(void *ctx, struct report **r_take);
	void *ctx;
	bool frozen;
};

static void run_free(struct world_host *h, struct run *r)
{
	MAP_DEL(h->runs, r);
	free(r->id);
	free(r->addresses);
	free(r);
}

void host_clear(struct world_host *h)
{
	struct run *r, *tmp;

	MAP_EACH(h->runs, r, tmp)
		run_free(h, r);
	free(h->refuses);
	free(h->refuses_service);
	free(h->fails);
	*h = (struct world_host){ 0 };
}

static const struct target_service *wanted(const struct work_item *it, const char *id)
{
	for (size_t i = 0; i < it->n; i++)
		if (strcmp(it->services[i]->id, id) == 0)
			return it->services[i];
	return NULL;
}

static bool differs(const struct world_host *h, const struct work_item *it)
{
	struct run *r, *tmp;

	MAP_EACH(h->runs, r, tmp)
		if (wanted(it, r->id) == NULL)
			return true;
	for (size_t i = 0; i < it->n; i++) {
		MAP_FIND(h->runs, it->services[i]->id, r);
		if (r == NULL || strcmp(r->digest, it->services[i]->digest) != 0)
			return true;
	}
	return false;
}

static int by_address(const void *x, const void *y)
{
	const struct upstream *a = x, *b = y;

	return strcmp(a->address, b->address);
}

char *host_addresses(const struct target_service *t)
{
	struct buf b = BUF_INIT;
	size_t n = t->state.upstreams.n;
	struct upstream *sorted = xcalloc(n + 1, sizeof(*sorted));

	for (size_t i = 0; i < n; i++)
		sorted[i] = t->state.upstreams.items[i];
	qsort(sorted, n, sizeof(*sorted), by_address);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i > 0 ? "," : "", sorted[i].address);
	free(sorted);
	return buf_steal(&b, NULL);
}

/* All at once, as a reload is: then the checker looks at what changed. */
static void publish(struct world_agent *a, const struct work_item *it)
{
	struct world_host *h = &a->host;
	struct run *old = h->runs, *r, *tmp;

	if (!differs(h, it))
		return;
	h->runs = NULL;
	h->publications++;
	for (size_t i = 0; i < it->n; i++) {
		r = xcalloc(1, sizeof(*r));
		r->id = xstrdup(it->services[i]->id);
		r->addresses = host_addresses(it->services[i]);
		memcpy(r->digest, it->services[i]->digest, sizeof(r->digest));
		MAP_ADD(h->runs, id, r);
	}
	MAP_EACH(old, r, tmp) {
		struct run *now;

		MAP_FIND(h->runs, r->id, now);
		if (now == NULL)
			world_say(a->w, "%s runs nothing of %s any more", a->name, r->id);
		if (now == NULL || strcmp(now->digest, r->digest) != 0)
			check_publication(a, r->id, r->digest, now != NULL ? now->digest : "");
	}
	MAP_EACH(h->runs, r, tmp) {
		struct run *before;

		MAP_FIND(old, r->id, before);
		if (before == NULL)
			check_publication(a, r->id, "", r->digest);
		world_say(a->w, "%s runs %s: %s", a->name, r->id, r->addresses);
	}
	MAP_EACH(old, r, tmp) {
		HASH_DEL(old, r);
		free(r->id);
		free(r->addresses);
		free(r);
	}
}

static bool concerns(const struct work_item *it, const char *service)
{
	if (service == NULL)
		return true;
	for (size_t i = 0; i < it->n_suspects; i++)
		if (strcmp(it->suspects[i], service) == 0)
			return true;
	return false;
}

static void refuse(struct report *r, const char *words)
{
	r->ok = false;
	r->undone = true;
	error_set(&r->error, ERR_REFUSED, "%s", words);
}

static void work(struct world_agent *a, const struct work_item *it, struct report *r)
{
	struct world_host *h = &a->host;

	r->ok = true;
	snprintf(r->base_digest, sizeof(r->base_digest), "base-%u", h->publications);
	switch (it->kind) {
	case WORK_RECOVER:
	case WORK_RELEASE:
	case WORK_LOOK:
		return;
	case WORK_PREPARE:
		if (h->refuses != NULL && concerns(it, h->refuses_service))
			refuse(r, h->refuses);
		return;
	case WORK_CONVERGE:
		if (h->fails != NULL && differs(h, it)) {
			refuse(r, h->fails);
			if (h->fails_once) {
				free(h->fails);
				h->fails = NULL;
			}
			return;
		}
		r->changed = differs(h, it);
		publish(a, it);
		return;
	}
}

static void on_timer(void *ctx)
{
	struct applier_sim *ap = ctx;
	struct work_item *it = STEAL(ap->item);
	struct report *r = report_new(it->kind);
	void (*done)(void *, struct report **) = ap->done;

	work(ap->agent, it, r);
	work_item_free(&it);
	done(ap->ctx, &r);
}

static void start(struct applier *base, struct work_item **item_take, void (*done)(void *ctx, struct report **r_take), void *ctx)
{
	struct applier_sim *ap = (struct applier_sim *)(void *)base;

	ASSERT(ap->item == NULL);
	ap->item = STEAL(*item_take);
	ap->done = done;
	ap->ctx = ctx;
	if (!ap->frozen)
		loop_timer_start(ap->agent->w->loop, &ap->timer, ap->agent->host.slow_us != 0 ? ap->agent->host.slow_us :
			500 + (int64_t)rand_below(&ap->agent->w->rand, 20000));
}

static void sim_free(struct applier **app)
{
	struct applier_sim *ap = (struct applier_sim *)(void *)STEAL(*app);

	if (ap == NULL)
		return;
	loop_timer_stop(ap->agent->w->loop, &ap->timer);
	work_item_free(&ap->item);
	free(ap);
}

void applier_sim_freeze(struct applier *base, bool frozen)
{
	struct applier_sim *ap = (struct applier_sim *)(void *)base;

	ap->frozen = frozen;
	if (frozen)
		loop_timer_stop(ap->agent->w->loop, &ap->timer);
	else if (ap->item != NULL)
		loop_timer_start(ap->agent->w->loop, &ap->timer, 100);
}

struct applier *applier_sim_new(struct world_agent *a)
{
	struct applier_sim *ap = xcalloc(1, sizeof(*ap));

	ap->base = (struct applier){ start, sim_free };
	ap->agent = a;
	ap->timer = (struct loop_timer){ .fn = on_timer, .ctx = ap };
	return &ap->base;
}
