/*
 * loop.c - from the header to the maker of this loop; timer heap and post queue of both
 *
 * Layer: lib/loop.  Threads: loop thread, but for loop_post().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/loop/loop.h"

#include <stdlib.h>

#include "lib/base/mem.h"
#include "lib/loop/loop_internal.h"

void loop_free(struct loop **l)
{
	struct loop *gone = STEAL(*l);

	if (gone)
		gone->ops->free(gone);
}

void loop_run(struct loop *l)
{
	l->ops->run(l);
}

void loop_stop(struct loop *l)
{
	l->ops->stop(l);
}

int64_t loop_now(const struct loop *l)
{
	return l->ops->now(l);
}

int64_t loop_wall_ms(const struct loop *l)
{
	return l->ops->wall_ms(l);
}

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t after_us)
{
	ASSERT(t->fn);
	l->ops->timer_start(l, t, after_us > 0 ? after_us : 0);
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	l->ops->timer_stop(l, t);
}

bool loop_timer_running(const struct loop_timer *t)
{
	return t->impl != NULL;
}

void loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx)
{
	l->ops->post(l, fn, ctx);
}

void loop_add_source(struct loop *l, struct loop_source *s)
{
	ASSERT(l->ops->add_source && !s->impl);
	l->ops->add_source(l, s);
}

void loop_remove_source(struct loop *l, struct loop_source *s)
{
	ASSERT(l->ops->remove_source);
	if (s->impl)
		l->ops->remove_source(l, s);
}

void loop_job(struct loop *l, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
	l->ops->job(l, work, done, ctx);
}

bool loop_has_jobs(const struct loop *l)
{
	return l->ops->has_jobs(l);
}

void loop_on_signal(struct loop *l, int signum, void (*fn)(void *ctx, int signum), void *ctx)
{
	ASSERT(l->ops->on_signal);
	l->ops->on_signal(l, signum, fn, ctx);
}

void loop_on_slow_turn(struct loop *l, int64_t us, void (*fn)(void *ctx, int64_t us), void *ctx)
{
	if (l->ops->on_slow_turn)
		l->ops->on_slow_turn(l, us, fn, ctx);
}

static bool heap_before(const struct loop_timer_impl *a, const struct loop_timer_impl *b)
{
	return a->due != b->due ? a->due < b->due : a->tie < b->tie;
}

static void heap_put(struct timer_heap *h, size_t slot, struct loop_timer_impl *x)
{
	h->items[slot] = x;
	x->slot = slot;
}

static void heap_up(struct timer_heap *h, struct loop_timer_impl *x)
{
	size_t slot = x->slot;

	while (slot > 0 && heap_before(x, h->items[(slot - 1) / 2])) {
		heap_put(h, slot, h->items[(slot - 1) / 2]);
		slot = (slot - 1) / 2;
	}
	heap_put(h, slot, x);
}

static void heap_down(struct timer_heap *h, struct loop_timer_impl *x)
{
	size_t slot = x->slot, child;

	while ((child = 2 * slot + 1) < h->n) {
		if (child + 1 < h->n && heap_before(h->items[child + 1], h->items[child]))
			child++;
		if (!heap_before(h->items[child], x))
			break;
		heap_put(h, slot, h->items[child]);
		slot = child;
	}
	heap_put(h, slot, x);
}

void timer_heap_start(struct timer_heap *h, struct loop_timer *t, int64_t due, uint64_t tie)
{
	struct loop_timer_impl *x;

	timer_heap_stop(h, t);
	x = xcalloc(1, sizeof(*x));
	x->timer = t;
	x->due = due;
	x->tie = tie;
	t->impl = x;
	GROW(h->items, h->n, h->cap);
	heap_put(h, h->n++, x);
	heap_up(h, x);
}

void timer_heap_stop(struct timer_heap *h, struct loop_timer *t)
{
	struct loop_timer_impl *x = STEAL(t->impl), *last;

	if (!x)
		return;
	ASSERT(x->slot < h->n && h->items[x->slot] == x && x->timer == t);
	last = h->items[--h->n];
	if (last != x) {
		heap_put(h, x->slot, last);
		heap_down(h, last);
		heap_up(h, last);
	}
	free(x);
}

int64_t timer_heap_due(const struct timer_heap *h)
{
	return h->n > 0 ? h->items[0]->due : INT64_MAX;
}

void timer_heap_fire(struct timer_heap *h)
{
	struct loop_timer *t;

	ASSERT(h->n > 0);
	t = h->items[0]->timer;
	timer_heap_stop(h, t);
	t->fn(t->ctx);
}

void timer_heap_release(struct timer_heap *h)
{
	ASSERT(h->n == 0);
	free(h->items);
	h->items = NULL;
	h->cap = 0;
}

void post_queue_init(struct post_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

void post_queue_add(struct post_queue *q, void (*fn)(void *ctx), void *ctx)
{
	struct loop_post_item *item = xcalloc(1, sizeof(*item));

	item->fn = fn;
	item->ctx = ctx;
	*q->tail = item;
	q->tail = &item->next;
}

void post_queue_run_first(struct post_queue *q)
{
	struct loop_post_item *item = q->head;
	void (*fn)(void *ctx) = item->fn;
	void *ctx = item->ctx;

	q->head = item->next;
	if (!q->head)
		q->tail = &q->head;
	free(item);
	fn(ctx);
}

void post_queue_release(struct post_queue *q)
{
	struct loop_post_item *item;

	while ((item = q->head) != NULL) {
		q->head = item->next;
		free(item);
	}
	q->tail = &q->head;
}
