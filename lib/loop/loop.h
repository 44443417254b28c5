/*
 * loop.h - one thread's time and events
 *
 * Two makers: loop_new() over libuv, loop_sim_new() on virtual time, where nothing waits: time
 * jumps to the next timer, and events of one instant run in an order drawn from the seed.
 *
 * Callback law of this project: a function with a `done` callback calls it exactly once, on the
 * loop thread, never before the function has returned; after its cancel (or the free of its owner)
 * never.
 *
 * Layer: lib/base (+ libuv inside).  Threads: everything on the loop thread but loop_post().
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_LOOP_LOOP_H
#define LIB_LOOP_LOOP_H

#include "lib/base/base.h"

struct loop;

struct loop *loop_new(void);
struct loop *loop_sim_new(uint64_t seed);
void loop_free(struct loop **l); /* no timer may be running, no source or job left (asserted) */

void loop_run(struct loop *l);  /* until loop_stop() */
void loop_stop(struct loop *l); /* the current turn is finished first */

/* Simulated loop only: run what is due within `us` of virtual time, and set the clock there.
 * False: `limit` events were run first (a livelock). */
bool loop_sim_run_for(struct loop *l, int64_t us, size_t limit);
/* Simulated loop only: run the next event. False: there is none. */
bool loop_sim_step(struct loop *l);

int64_t loop_now(const struct loop *l);     /* monotonic microseconds, constant within a turn */
int64_t loop_wall_ms(const struct loop *l); /* ms since 1970; only for what is stored or shown */

#define LOOP_MS(ms) ((int64_t)(ms) * 1000)

/* Embedded in its owner, zero-filled but for fn and ctx; must be stopped before the owner is freed. */
struct loop_timer {
	void (*fn)(void *ctx);
	void *ctx;
	struct loop_timer_impl *impl; /* private; NULL = not running */
};
void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t after_us); /* restarts if running */
void loop_timer_stop(struct loop *l, struct loop_timer *t);                    /* fine if not running */
bool loop_timer_running(const struct loop_timer *t);

/* Run fn(ctx) in a later turn, in the order posted.  The only function other threads may call.
 * A post cannot be taken back: for something that may die meanwhile use a timer of 0 us. */
void loop_post(struct loop *l, void (*fn)(void *ctx), void *ctx);

/* A library that hides its sockets behind one fd that never changes (an epoll instance). */
struct loop_source {
	int fd;                         /* watched for POLLIN */
	int64_t (*deadline)(void *ctx); /* absolute, INT64_MAX = none; asked before every wait */
	void (*run)(void *ctx);         /* fd ready or deadline passed; must not block */
	void *ctx;
	struct loop_source_impl *impl; /* private */
};
void loop_add_source(struct loop *l, struct loop_source *s);
void loop_remove_source(struct loop *l, struct loop_source *s);

/* Blocking work on another thread: work(ctx) there, then done(ctx) on the loop. The simulator runs
 * both on the loop, in a later turn. */
void loop_job(struct loop *l, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);
bool loop_has_jobs(const struct loop *l); /* some are not done: the loop cannot be freed yet */

/* fn(ctx, signum) on the loop; the real loop only. */
void loop_on_signal(struct loop *l, int signum, void (*fn)(void *ctx, int signum), void *ctx);

/* A turn longer than `us` is reported once per turn (the slow-turn log); NULL switches off. */
void loop_on_slow_turn(struct loop *l, int64_t us, void (*fn)(void *ctx, int64_t us), void *ctx);

#endif
