/*
 * loop_uv.c - a loop over libuv
 *
 * libuv only waits: its callbacks note what happened, and everything runs in one function, turn(),
 * after each wait.  So a turn has one `now`, one fixed order (sources, timers, signals, finished
 * jobs, posts) and one measured length.  What a turn starts runs in a later turn.
 *
 * Layer: lib/loop.  Threads: loop thread; loop_post() from any; `work` of a job on libuv's.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/loop/loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/loop/loop_internal.h"

/* Lives until libuv has closed its handle; `source` is NULL once removed. */
struct loop_source_impl {
	uv_poll_t poll;
	struct loop_source *source;
	struct loop_uv *l;
	bool ready;
	struct loop_source_impl *prev, *next;
};

struct uv_job {
	uv_work_t req;
	struct loop_uv *l;
	void (*work)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
	struct uv_job *prev, *next;
};

struct uv_sig {
	uv_signal_t handle;
	void (*fn)(void *ctx, int signum);
	void *ctx;
	unsigned raised;
	struct uv_sig *prev, *next;
};

struct loop_uv {
	struct loop base;
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;   /* active = do not sleep */
	uv_timer_t alarm; /* only ends the wait */
	uv_async_t wake;  /* the same, from other threads */
	int64_t now;
	bool in_turn;
	uint64_t timer_count;
	struct timer_heap timers;
	struct loop_source_impl *sources;
	struct uv_job *finished;
	struct uv_sig *signals;
	size_t n_sources, n_jobs;
	pthread_mutex_t lock; /* posts, sleeping */
	struct post_queue posts;
	bool sleeping;
	int64_t slow_us;
	void (*slow_fn)(void *ctx, int64_t us);
	void *slow_ctx;
};

static struct loop_uv *uv_of(struct loop *l)
{
	return CONTAINER_OF(l, struct loop_uv, base);
}

static int64_t mono_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void turn_sources(struct loop_uv *l)
{
	struct loop_source_impl *x;

	/* Removal during this walk only marks; memory goes when libuv has closed the handle. */
	for (x = l->sources; x; x = x->next) {
		if (!x->source)
			continue;
		if (!x->ready && x->source->deadline(x->source->ctx) > l->now)
			continue;
		x->ready = false;
		x->source->run(x->source->ctx);
	}
}

static void turn_signals(struct loop_uv *l)
{
	struct uv_sig *s;

	DL_FOREACH(l->signals, s) {
		while (s->raised > 0) {
			s->raised--;
			s->fn(s->ctx, s->handle.signum);
		}
	}
}

static void turn_jobs(struct loop_uv *l)
{
	struct uv_job *job;

	while ((job = l->finished) != NULL) {
		void (*done)(void *) = job->done;
		void *ctx = job->ctx;

		DL_DELETE(l->finished, job);
		l->n_jobs--;
		free(job);
		done(ctx);
	}
}

static void turn_posts(struct loop_uv *l)
{
	struct post_queue taken;

	post_queue_init(&taken);
	pthread_mutex_lock(&l->lock);
	if (l->posts.head) {
		taken = l->posts;
		post_queue_init(&l->posts);
	}
	pthread_mutex_unlock(&l->lock);
	while (taken.head)
		post_queue_run_first(&taken);
}

static void turn(struct loop_uv *l)
{
	int64_t took;

	l->now = mono_us();
	l->in_turn = true;
	turn_sources(l);
	while (timer_heap_due(&l->timers) <= l->now)
		timer_heap_fire(&l->timers);
	turn_signals(l);
	turn_jobs(l);
	turn_posts(l);
	l->in_turn = false;
	took = mono_us() - l->now;
	if (l->slow_fn && took > l->slow_us)
		l->slow_fn(l->slow_ctx, took);
}

static void on_check(uv_check_t *h)
{
	struct loop_uv *l = h->data;

	pthread_mutex_lock(&l->lock);
	l->sleeping = false;
	pthread_mutex_unlock(&l->lock);
	turn(l);
}

static void on_nothing_idle(uv_idle_t *h)
{
	(void)h;
}

static void on_nothing_timer(uv_timer_t *h)
{
	(void)h;
}

static void on_nothing_async(uv_async_t *h)
{
	(void)h;
}

/* The earliest thing that is known to happen; absolute. */
static int64_t next_due(struct loop_uv *l)
{
	int64_t due = timer_heap_due(&l->timers);
	struct loop_source_impl *x;

	for (x = l->sources; x; x = x->next) {
		int64_t d = x->source ? x->source->deadline(x->source->ctx) : INT64_MAX;

		if (d < due)
			due = d;
	}
	return due;
}

/* libuv computes its time-out right after the prepare handles have run. */
static void on_prepare(uv_prepare_t *h)
{
	struct loop_uv *l = h->data;
	int64_t now = mono_us(), due = next_due(l);

	pthread_mutex_lock(&l->lock);
	l->sleeping = !l->posts.head;
	if (!l->sleeping)
		due = now;
	pthread_mutex_unlock(&l->lock);

	if (due <= now) {
		uv_idle_start(&l->idle, on_nothing_idle);
		return;
	}
	uv_idle_stop(&l->idle);
	uv_timer_stop(&l->alarm);
	if (due < INT64_MAX) {
		uv_update_time(&l->uv);
		uv_timer_start(&l->alarm, on_nothing_timer, (uint64_t)(due - now + 999) / 1000, 0);
	}
}

static void uv_loop_do_run(struct loop *base)
{
	uv_run(&uv_of(base)->uv, UV_RUN_DEFAULT);
}

static void uv_loop_do_stop(struct loop *base)
{
	uv_stop(&uv_of(base)->uv);
}

static int64_t uv_loop_now(const struct loop *base)
{
	const struct loop_uv *l = (const struct loop_uv *)(const void *)base;

	return l->in_turn ? l->now : mono_us();
}

static int64_t uv_loop_wall_ms(const struct loop *base)
{
	struct timespec ts;

	(void)base;
	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void uv_loop_timer_start(struct loop *base, struct loop_timer *t, int64_t after_us)
{
	struct loop_uv *l = uv_of(base);

	if (after_us == 0 && l->in_turn)
		after_us = 1; /* in a later turn, or a timer that restarts itself never ends this one */
	timer_heap_start(&l->timers, t, uv_loop_now(base) + after_us, l->timer_count++);
}

static void uv_loop_timer_stop(struct loop *base, struct loop_timer *t)
{
	timer_heap_stop(&uv_of(base)->timers, t);
}

static void uv_loop_post(struct loop *base, void (*fn)(void *ctx), void *ctx)
{
	struct loop_uv *l = uv_of(base);
	bool wake;

	pthread_mutex_lock(&l->lock);
	post_queue_add(&l->posts, fn, ctx);
	wake = l->sleeping;
	l->sleeping = false; /* one wake-up is enough */
	pthread_mutex_unlock(&l->lock);
	if (wake)
		uv_async_send(&l->wake);
}

static void on_poll(uv_poll_t *h, int status, int events)
{
	struct loop_source_impl *x = h->data;

	(void)status; /* an error is the source's to find */
	(void)events;
	x->ready = true;
}

static void on_source_closed(uv_handle_t *h)
{
	struct loop_source_impl *x = h->data;

	DL_DELETE(x->l->sources, x);
	free(x);
}

static void uv_loop_add_source(struct loop *base, struct loop_source *s)
{
	struct loop_uv *l = uv_of(base);
	struct loop_source_impl *x = xcalloc(1, sizeof(*x));
	int rc;

	x->l = l;
	x->source = s;
	x->poll.data = x;
	rc = uv_poll_init(&l->uv, &x->poll, s->fd);
	ASSERT(rc == 0);
	rc = uv_poll_start(&x->poll, UV_READABLE, on_poll);
	ASSERT(rc == 0);
	DL_APPEND(l->sources, x);
	l->n_sources++;
	s->impl = x;
}

static void uv_loop_remove_source(struct loop *base, struct loop_source *s)
{
	struct loop_source_impl *x = STEAL(s->impl);

	x->source = NULL;
	uv_of(base)->n_sources--;
	uv_close((uv_handle_t *)&x->poll, on_source_closed);
}

static void job_work(uv_work_t *req)
{
	struct uv_job *job = req->data;

	job->work(job->ctx);
}

static void job_after(uv_work_t *req, int status)
{
	struct uv_job *job = req->data;

	ASSERT(status == 0); /* nobody cancels */
	DL_APPEND(job->l->finished, job);
}

static void uv_loop_job(struct loop *base, void (*work)(void *), void (*done)(void *), void *ctx)
{
	struct loop_uv *l = uv_of(base);
	struct uv_job *job = xcalloc(1, sizeof(*job));
	int rc;

	job->l = l;
	job->work = work;
	job->done = done;
	job->ctx = ctx;
	job->req.data = job;
	l->n_jobs++;
	rc = uv_queue_work(&l->uv, &job->req, job_work, job_after);
	ASSERT(rc == 0);
}

static bool uv_loop_has_jobs(const struct loop *base)
{
	return ((const struct loop_uv *)(const void *)base)->n_jobs > 0;
}

static void on_uv_signal(uv_signal_t *h, int signum)
{
	struct uv_sig *s = h->data;

	(void)signum;
	s->raised++;
}

static void uv_loop_on_signal(struct loop *base, int signum, void (*fn)(void *, int), void *ctx)
{
	struct loop_uv *l = uv_of(base);
	struct uv_sig *s = xcalloc(1, sizeof(*s));
	int rc;

	s->fn = fn;
	s->ctx = ctx;
	s->handle.data = s;
	uv_signal_init(&l->uv, &s->handle);
	rc = uv_signal_start(&s->handle, on_uv_signal, signum);
	ASSERT(rc == 0);
	DL_APPEND(l->signals, s);
}

static void uv_loop_slow(struct loop *base, int64_t us, void (*fn)(void *, int64_t), void *ctx)
{
	struct loop_uv *l = uv_of(base);

	l->slow_us = us;
	l->slow_fn = fn;
	l->slow_ctx = ctx;
}

static void uv_loop_free(struct loop *base)
{
	struct loop_uv *l = uv_of(base);
	struct uv_sig *s, *tmp;
	int rc;

	ASSERT(l->n_sources == 0 && l->n_jobs == 0);
	timer_heap_release(&l->timers);
	uv_close((uv_handle_t *)&l->prepare, NULL);
	uv_close((uv_handle_t *)&l->check, NULL);
	uv_close((uv_handle_t *)&l->idle, NULL);
	uv_close((uv_handle_t *)&l->alarm, NULL);
	uv_close((uv_handle_t *)&l->wake, NULL);
	DL_FOREACH(l->signals, s)
		uv_close((uv_handle_t *)&s->handle, NULL);
	rc = uv_run(&l->uv, UV_RUN_DEFAULT); /* the closing callbacks */
	if (rc != 0)                         /* an unused loop_stop() ended it at once */
		rc = uv_run(&l->uv, UV_RUN_DEFAULT);
	ASSERT(rc == 0);
	rc = uv_loop_close(&l->uv);
	ASSERT(rc == 0);
	DL_FOREACH_SAFE(l->signals, s, tmp)
		free(s);
	post_queue_release(&l->posts);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static const struct loop_ops uv_ops = {
	.free = uv_loop_free,
	.run = uv_loop_do_run,
	.stop = uv_loop_do_stop,
	.now = uv_loop_now,
	.wall_ms = uv_loop_wall_ms,
	.timer_start = uv_loop_timer_start,
	.timer_stop = uv_loop_timer_stop,
	.post = uv_loop_post,
	.add_source = uv_loop_add_source,
	.remove_source = uv_loop_remove_source,
	.job = uv_loop_job,
	.has_jobs = uv_loop_has_jobs,
	.on_signal = uv_loop_on_signal,
	.on_slow_turn = uv_loop_slow,
};

struct loop *loop_new(void)
{
	struct loop_uv *l = xcalloc(1, sizeof(*l));
	int rc = uv_loop_init(&l->uv);

	ASSERT(rc == 0); /* no descriptors at start-up: nothing can be done */
	l->base.ops = &uv_ops;
	pthread_mutex_init(&l->lock, NULL);
	post_queue_init(&l->posts);
	uv_prepare_init(&l->uv, &l->prepare);
	uv_check_init(&l->uv, &l->check);
	uv_idle_init(&l->uv, &l->idle);
	uv_timer_init(&l->uv, &l->alarm);
	rc = uv_async_init(&l->uv, &l->wake, on_nothing_async);
	ASSERT(rc == 0);
	l->prepare.data = l->check.data = l;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_check_start(&l->check, on_check);
	return &l->base;
}
