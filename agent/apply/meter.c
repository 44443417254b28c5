/*
 * meter.c - an applier that has another do the work and counts what it reports
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/meter.h"

#include "agent/apply/agent_metrics.h"

#include <stdlib.h>

struct meter {
	struct applier applier;
	struct applier *inner;
	struct loop *loop;
	struct metrics *metrics;
	int64_t started;
	void (*done)(void *ctx, struct report **r_take); /* one item at a time */
	void *ctx;
};

static const char *outcome_of(const struct report *r)
{
	if (r->ok)
		return "ok";
	if (r->haproxy_down)
		return "haproxy_down";
	return r->undone ? "refused" : "stuck";
}

static void count(struct meter *mt, const struct report *r)
{
	const char *kind = r->kind == WORK_PREPARE ? "prepare" : "apply";
	struct metrics *m = mt->metrics;

	if (r->kind != WORK_PREPARE && r->kind != WORK_CONVERGE)
		return;
	metrics_add(m, METRIC_WORK, METRIC_LABELS(kind, outcome_of(r)), 1);
	metrics_took(m, METRIC_WORK_DURATION, METRIC_LABELS(kind), loop_now(mt->loop) - mt->started);
	for (size_t i = 0; i < WORK_STAGES; i++)
		if (r->stage_us[i] > 0)
			metrics_took(m, METRIC_STAGE_DURATION, METRIC_LABELS(work_stage_names[i]), r->stage_us[i]);
	if (r->failed_in != NULL)
		metrics_add(m, METRIC_STAGE_FAILED, METRIC_LABELS(r->failed_in), 1);
	metrics_set(m, METRIC_FILES, METRIC_PLAIN, (double)r->files);
	if (r->ok && r->kind == WORK_CONVERGE)
		metrics_set(m, METRIC_LAST_SUCCESS, METRIC_PLAIN, (double)loop_wall_ms(mt->loop) / 1000);
}

static void on_done(void *ctx, struct report **r_take)
{
	struct meter *mt = ctx;

	count(mt, *r_take);
	mt->done(mt->ctx, r_take); /* it may start the next */
}

static void start(struct applier *ap, struct work_item **item_take, void (*done)(void *ctx, struct report **r_take), void *ctx)
{
	struct meter *mt = CONTAINER_OF(ap, struct meter, applier);

	mt->started = loop_now(mt->loop);
	mt->done = done;
	mt->ctx = ctx;
	mt->inner->start(mt->inner, item_take, on_done, mt);
}

static void meter_free(struct applier **ap)
{
	struct meter *mt;

	if (*ap == NULL)
		return;
	mt = CONTAINER_OF(*ap, struct meter, applier);
	*ap = NULL;
	mt->inner->free(&mt->inner);
	free(mt);
}

struct applier *meter_new(struct loop *l, struct applier **inner_take, struct metrics *m)
{
	struct meter *mt = xcalloc(1, sizeof(*mt));

	mt->applier.start = start;
	mt->applier.free = meter_free;
	mt->inner = STEAL(*inner_take);
	mt->loop = l;
	mt->metrics = m;
	return &mt->applier;
}
