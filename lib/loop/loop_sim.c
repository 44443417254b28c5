/*
 * loop_sim.c - a loop on virtual time: the same seed gives the same history
 *
 * One event is one turn.  When several are due at the same instant, the seed draws which is first;
 * only posts keep their order among themselves, as the header promises.
 *
 * Layer: lib/loop.  Threads: one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/loop/loop.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/base/rand.h"
#include "lib/loop/loop_internal.h"

#define SIM_WALL_START_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */
#define SIM_JOB_MAX_US 500

struct loop_sim {
	struct loop base;
	int64_t now;
	struct rand_state rand;
	struct timer_heap timers;
	struct post_queue posts;
	size_t jobs;
	bool stop;
};

struct sim_job {
	struct loop_sim *l;
	struct loop_timer timer;
	void (*work)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
};

static struct loop_sim *sim_of(struct loop *l)
{
	return CONTAINER_OF(l, struct loop_sim, base);
}

static void sim_free(struct loop *base)
{
	struct loop_sim *l = sim_of(base);

	ASSERT(l->jobs == 0);
	timer_heap_release(&l->timers);
	post_queue_release(&l->posts);
	free(l);
}

static bool sim_idle(const struct loop_sim *l)
{
	return !l->posts.head && l->timers.n == 0;
}

static void sim_run_one(struct loop_sim *l)
{
	int64_t due = timer_heap_due(&l->timers);
	bool timer_first = !l->posts.head;

	if (l->posts.head && due <= l->now)
		timer_first = rand_below(&l->rand, 2) == 0;
	if (!timer_first) {
		post_queue_run_first(&l->posts);
		return;
	}
	if (due > l->now)
		l->now = due;
	timer_heap_fire(&l->timers);
}

/* Ends too when nothing is left that could ever happen. */
static void sim_run(struct loop *base)
{
	struct loop_sim *l = sim_of(base);

	while (!l->stop && !sim_idle(l))
		sim_run_one(l);
	l->stop = false;
}

static void sim_stop(struct loop *base)
{
	sim_of(base)->stop = true;
}

static int64_t sim_now(const struct loop *base)
{
	return ((const struct loop_sim *)(const void *)base)->now;
}

static int64_t sim_wall_ms(const struct loop *base)
{
	return SIM_WALL_START_MS + sim_now(base) / 1000;
}

static void sim_timer_start(struct loop *base, struct loop_timer *t, int64_t after_us)
{
	struct loop_sim *l = sim_of(base);

	timer_heap_start(&l->timers, t, l->now + after_us, rand_u64(&l->rand));
}

static void sim_timer_stop(struct loop *base, struct loop_timer *t)
{
	timer_heap_stop(&sim_of(base)->timers, t);
}

static void sim_post(struct loop *base, void (*fn)(void *ctx), void *ctx)
{
	post_queue_add(&sim_of(base)->posts, fn, ctx);
}

static void on_job(void *ctx)
{
	struct sim_job *job = ctx;
	void (*done)(void *) = job->done;
	void *owner = job->ctx;

	job->work(owner);
	job->l->jobs--;
	free(job);
	done(owner);
}

static void sim_job(struct loop *base, void (*work)(void *), void (*done)(void *), void *ctx)
{
	struct loop_sim *l = sim_of(base);
	struct sim_job *job = xcalloc(1, sizeof(*job));

	*job = (struct sim_job){
		.l = l, .timer = { .fn = on_job, .ctx = job }, .work = work, .done = done, .ctx = ctx
	};
	l->jobs++;
	sim_timer_start(base, &job->timer, (int64_t)rand_below(&l->rand, SIM_JOB_MAX_US));
}

static bool sim_has_jobs(const struct loop *base)
{
	return ((const struct loop_sim *)(const void *)base)->jobs > 0;
}

static const struct loop_ops sim_ops = {
	.free = sim_free,
	.run = sim_run,
	.stop = sim_stop,
	.now = sim_now,
	.wall_ms = sim_wall_ms,
	.timer_start = sim_timer_start,
	.timer_stop = sim_timer_stop,
	.post = sim_post,
	.job = sim_job,
	.has_jobs = sim_has_jobs,
};

struct loop *loop_sim_new(uint64_t seed)
{
	struct loop_sim *l = xcalloc(1, sizeof(*l));

	l->base.ops = &sim_ops;
	l->now = LOOP_MS(1000); /* not 0: a forgotten initialisation should show */
	rand_seed(&l->rand, seed);
	post_queue_init(&l->posts);
	return &l->base;
}

bool loop_sim_step(struct loop *base)
{
	struct loop_sim *l = sim_of(base);

	ASSERT(base->ops == &sim_ops);
	if (sim_idle(l))
		return false;
	sim_run_one(l);
	return true;
}

bool loop_sim_run_for(struct loop *base, int64_t us, size_t limit)
{
	struct loop_sim *l = sim_of(base);
	int64_t end;
	size_t n;

	ASSERT(base->ops == &sim_ops && us >= 0);
	end = l->now + us;
	for (n = 0; l->posts.head || timer_heap_due(&l->timers) <= end; n++) {
		if (n == limit)
			return false;
		sim_run_one(l);
	}
	l->now = end;
	return true;
}
