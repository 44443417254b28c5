/*
 * loop_internal.h - what a maker of loops provides, and the timer heap both makers use
 *
 * Layer: lib/loop.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_LOOP_LOOP_INTERNAL_H
#define LIB_LOOP_LOOP_INTERNAL_H

#include "lib/loop/loop.h"

/* A NULL row is something this maker cannot do; using it is a programming error. */
struct loop_ops {
	void (*free)(struct loop *l);
	void (*run)(struct loop *l);
	void (*stop)(struct loop *l);
	int64_t (*now)(const struct loop *l);
	int64_t (*wall_ms)(const struct loop *l);
	void (*timer_start)(struct loop *l, struct loop_timer *t, int64_t after_us);
	void (*timer_stop)(struct loop *l, struct loop_timer *t);
	void (*post)(struct loop *l, void (*fn)(void *ctx), void *ctx);
	void (*add_source)(struct loop *l, struct loop_source *s);
	void (*remove_source)(struct loop *l, struct loop_source *s);
	void (*job)(struct loop *l, void (*work)(void *), void (*done)(void *), void *ctx);
	bool (*has_jobs)(const struct loop *l);
	void (*on_signal)(struct loop *l, int signum, void (*fn)(void *, int), void *ctx);
	void (*on_slow_turn)(struct loop *l, int64_t us, void (*fn)(void *, int64_t), void *ctx);
};

/* First member of each maker's object. */
struct loop {
	const struct loop_ops *ops;
};

struct loop_timer_impl {
	struct loop_timer *timer;
	int64_t due;
	uint64_t tie; /* order among equal `due` */
	size_t slot;
};

/* Binary heap, earliest on top. */
struct timer_heap {
	struct loop_timer_impl **items;
	size_t n, cap;
};
void timer_heap_start(struct timer_heap *h, struct loop_timer *t, int64_t due, uint64_t tie);
void timer_heap_stop(struct timer_heap *h, struct loop_timer *t); /* fine if not running */
int64_t timer_heap_due(const struct timer_heap *h);               /* INT64_MAX: empty */
/* Take the first timer off and run it; it may restart itself or free its owner. */
void timer_heap_fire(struct timer_heap *h);
void timer_heap_release(struct timer_heap *h); /* must be empty */

/* Posts, first in first out. */
struct loop_post_item {
	void (*fn)(void *ctx);
	void *ctx;
	struct loop_post_item *next;
};
struct post_queue {
	struct loop_post_item *head, **tail;
};
void post_queue_init(struct post_queue *q);
void post_queue_add(struct post_queue *q, void (*fn)(void *ctx), void *ctx);
void post_queue_run_first(struct post_queue *q); /* must not be empty */
void post_queue_release(struct post_queue *q);   /* drops what is left */

#endif
