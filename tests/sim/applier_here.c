/*
 * applier_here.c - the real pipeline of an agent in one thread
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/sim/applier_here.h"

#include <stdlib.h>

struct applier_here {
	struct applier base;
	struct loop *loop;
	struct apply *apply;
	int64_t after_us;
	struct loop_timer timer;
	struct work_item *item;
	void (*done)(void *ctx, struct report **r_take);
	void *ctx;
	bool frozen;
};

static void on_timer(void *ctx)
{
	struct applier_here *ap = ctx;
	struct work_item *item = STEAL(ap->item);
	struct report *r = pipeline_run(ap->apply, item);

	work_item_free(&item);
	ap->done(ap->ctx, &r);
}

static void here_start(struct applier *base, struct work_item **item_take,
	void (*done)(void *ctx, struct report **r_take), void *ctx)
{
	struct applier_here *ap = CONTAINER_OF(base, struct applier_here, base);

	ASSERT(ap->item == NULL);
	ap->item = STEAL(*item_take);
	ap->done = done;
	ap->ctx = ctx;
	if (!ap->frozen)
		loop_timer_start(ap->loop, &ap->timer, ap->after_us);
}

static void here_free(struct applier **base_take)
{
	struct applier *base = STEAL(*base_take);
	struct applier_here *ap;

	if (base == NULL)
		return;
	ap = CONTAINER_OF(base, struct applier_here, base);
	loop_timer_stop(ap->loop, &ap->timer);
	work_item_free(&ap->item);
	apply_free(&ap->apply);
	free(ap);
}

struct applier *applier_here_new(struct loop *l, struct apply **apply_take, int64_t after_us)
{
	struct applier_here *ap = xcalloc(1, sizeof(*ap));

	ap->base = (struct applier){ here_start, here_free };
	ap->loop = l;
	ap->apply = STEAL(*apply_take);
	ap->after_us = after_us;
	ap->timer = (struct loop_timer){ .fn = on_timer, .ctx = ap };
	return &ap->base;
}

void applier_here_freeze(struct applier *base, bool frozen)
{
	struct applier_here *ap = CONTAINER_OF(base, struct applier_here, base);

	ap->frozen = frozen;
	if (frozen)
		loop_timer_stop(ap->loop, &ap->timer);
	else if (ap->item != NULL)
		loop_timer_start(ap->loop, &ap->timer, ap->after_us);
}
