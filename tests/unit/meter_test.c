/*
 * meter_test.c - what an applier reports is counted, and reaches whoever asked as it was
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/meter.h"

#include "agent/apply/agent_metrics.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

struct fake {
	struct applier applier;
	struct loop *l;
	struct loop_timer timer;
	struct report next; /* what it says */
	void (*done)(void *ctx, struct report **r_take);
	void *ctx;
	bool freed;
};

struct box {
	struct loop *l;
	struct fake fake;
	struct metrics *m;
	struct applier *ap;
	int reports;
	bool last_ok;
};

static void fake_done(void *ctx)
{
	struct fake *f = ctx;
	struct report *r = report_new(f->next.kind);
	struct arena *own = r->arena;

	*r = f->next;
	r->arena = own;
	f->done(f->ctx, &r);
	report_free(&r);
}

static void fake_start(struct applier *ap, struct work_item **item_take, void (*done)(void *ctx, struct report **r_take), void *ctx)
{
	struct fake *f = CONTAINER_OF(ap, struct fake, applier);

	f->next.kind = (*item_take)->kind;
	f->done = done;
	f->ctx = ctx;
	work_item_free(item_take);
	loop_timer_start(f->l, &f->timer, LOOP_MS(40));
}

static void fake_free(struct applier **ap)
{
	struct fake *f = CONTAINER_OF(*ap, struct fake, applier);

	loop_timer_stop(f->l, &f->timer);
	f->freed = true;
	*ap = NULL;
}

static void start(struct box *x)
{
	struct applier *inner = &x->fake.applier;

	x->l = loop_sim_new(1);
	x->fake = (struct fake){ .applier = { fake_start, fake_free }, .l = x->l };
	x->fake.timer = (struct loop_timer){ .fn = fake_done, .ctx = &x->fake };
	x->m = metrics_new(agent_metrics, METRIC_AGENT_END);
	x->ap = meter_new(x->l, &inner, x->m);
	assert_null(inner);
}

static void stop(struct box *x)
{
	x->ap->free(&x->ap);
	assert_true(x->fake.freed);
	metrics_free(&x->m);
	loop_free(&x->l);
}

static void on_report(void *ctx, struct report **r_take)
{
	struct box *x = ctx;

	x->reports++;
	x->last_ok = (*r_take)->ok;
	report_free(r_take);
}

static void work(struct box *x, enum work_kind kind, struct report says)
{
	struct work_item *item = work_item_new(kind);
	int before = x->reports;

	x->fake.next = says;
	x->ap->start(x->ap, &item, on_report, x);
	assert_true(loop_sim_run_for(x->l, LOOP_MS(100), 1000));
	assert_int_equal(x->reports, before + 1);
	assert_int_equal(x->last_ok, says.ok);
}

static double worked(const struct box *x, const char *kind, const char *outcome)
{
	return metrics_value(x->m, METRIC_WORK, METRIC_LABELS(kind, outcome));
}

static void outcomes(void **state)
{
	struct box x = { .reports = 0 };

	(void)state;
	start(&x);
	work(&x, WORK_RECOVER, (struct report){ .ok = true });
	assert_true(worked(&x, "apply", "ok") == 0);
	work(&x, WORK_PREPARE, (struct report){ .undone = true, .failed_in = "check", .files = 3 });
	assert_true(worked(&x, "prepare", "refused") == 1);
	assert_true(metrics_value(x.m, METRIC_STAGE_FAILED, METRIC_LABELS("check")) == 1);
	assert_true(metrics_value(x.m, METRIC_FILES, METRIC_PLAIN) == 3);
	work(&x, WORK_CONVERGE, (struct report){ .undone = true, .haproxy_down = true });
	assert_true(worked(&x, "apply", "haproxy_down") == 1);
	work(&x, WORK_CONVERGE, (struct report){ .undone = false, .failed_in = "publish" });
	assert_true(worked(&x, "apply", "stuck") == 1);
	assert_true(metrics_value(x.m, METRIC_LAST_SUCCESS, METRIC_PLAIN) == 0);
	work(&x, WORK_CONVERGE, (struct report){ .ok = true, .stage_us = { [WORK_RENDER] = 5, [WORK_CONFIRM] = 9000 } });
	assert_true(worked(&x, "apply", "ok") == 1);
	assert_true(metrics_value(x.m, METRIC_LAST_SUCCESS, METRIC_PLAIN) > 0);
	assert_true(metrics_value(x.m, METRIC_WORK_DURATION, METRIC_LABELS("apply")) == 3);
	assert_true(metrics_value(x.m, METRIC_STAGE_DURATION, METRIC_LABELS("render")) == 1);
	assert_true(metrics_value(x.m, METRIC_STAGE_DURATION, METRIC_LABELS("confirm")) == 1);
	assert_true(metrics_value(x.m, METRIC_STAGE_DURATION, METRIC_LABELS("check")) == 0);
	stop(&x);
}

static void freed_with_work_in_progress(void **state)
{
	struct box x = { .reports = 0 };
	struct work_item *item = work_item_new(WORK_PREPARE);

	(void)state;
	start(&x);
	x.ap->start(x.ap, &item, on_report, &x);
	stop(&x);
	assert_int_equal(x.reports, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes),
		cmocka_unit_test(freed_with_work_in_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
