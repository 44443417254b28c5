/*
 * apply_thread.c - the real applier: a pipeline on a thread of its own
 *
 * A finished report is posted to the loop as a small object of its own, which outlives the applier if that
 * is freed before the post arrives; freeing marks it, and the callback is not called.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_thread.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

/* Of one item. The thread owns it until it is posted, then the loop. */
struct job {
	struct apply_thread *owner; /* NULL: freed meanwhile; touched on the loop only once posted */
	struct work_item *item;
	struct report *report;
	void (*done)(void *ctx, struct report **r_take);
	void *ctx;
};

struct apply_thread {
	struct applier applier;
	struct loop *loop;
	struct apply *apply;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job *next; /* under lock */
	bool stop;        /* under lock */
	struct job *running; /* loop: started and not yet delivered */
};

static void deliver(void *ctx)
{
	struct job *job = ctx;

	if (job->owner) {
		job->owner->running = NULL;
		job->done(job->ctx, &job->report);
	}
	report_free(&job->report);
	free(job);
}

static void *run(void *ctx)
{
	struct apply_thread *t = ctx;

	pthread_mutex_lock(&t->lock);
	for (;;) {
		struct job *job;

		while (!t->next && !t->stop)
			pthread_cond_wait(&t->wake, &t->lock);
		if (!t->next)
			break;
		job = STEAL(t->next);
		pthread_mutex_unlock(&t->lock);
		job->report = pipeline_run(t->apply, job->item);
		work_item_free(&job->item);
		loop_post(t->loop, deliver, job);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

static void start(struct applier *ap, struct work_item **item_take,
	void (*done)(void *ctx, struct report **r_take), void *ctx)
{
	struct apply_thread *t = CONTAINER_OF(ap, struct apply_thread, applier);
	struct job *job = xcalloc(1, sizeof(*job));

	ASSERT(!t->running);
	job->owner = t;
	job->item = STEAL(*item_take);
	job->done = done;
	job->ctx = ctx;
	t->running = job;
	pthread_mutex_lock(&t->lock);
	t->next = job;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

static void thread_free(struct applier **ap)
{
	struct apply_thread *t;

	if (!*ap)
		return;
	t = CONTAINER_OF(*ap, struct apply_thread, applier);
	*ap = NULL;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	/* Joined: if there is one, it has been posted and is the loop's. */
	if (t->running)
		t->running->owner = NULL;
	apply_free(&t->apply);
	pthread_mutex_destroy(&t->lock);
	pthread_cond_destroy(&t->wake);
	free(t);
}

struct applier *apply_thread_new(struct loop *l, struct apply **a_take)
{
	struct apply_thread *t = xcalloc(1, sizeof(*t));
	sigset_t all, old;
	int rc;

	t->applier.start = start;
	t->applier.free = thread_free;
	t->loop = l;
	t->apply = STEAL(*a_take);
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	ASSERT(rc == 0);
	return &t->applier;
}
