/*
 * worker.h - the leader's hands: takes requests from the queue through their life to a terminal state
 *
 * Exists only while this service leads.  It starts by reading back what a predecessor left (T9), then is driven by events:
 * a post, an answer, a watch, a deadline; a slow tick covers what a lost watch would lose.  Everything that it believes can
 * be read again from the store: after an unknown outcome or a lost connection it forgets all and starts as a new leader does.
 *
 * Layer: service/work.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_WORKER_H
#define SERVICE_WORK_WORKER_H

#include "lib/http/client.h"
#include "lib/loop/loop.h"
#include "lib/model/response.h"
#include "lib/records/rules.h"
#include "lib/store/store.h"
#include "service/core/plan.h"

struct metrics;
struct java_options { /* of calls to Java agents; 0 and NULL: what stands behind */
	int64_t max_attempts; /* of an APPLY; 5 */
	int64_t timeout_ms;   /* of one call, at most call_timeout_ms; 60 s */
	int64_t settle_ms;    /* so long after its end a call without an answer may still be carried out; 25 s */
	const char *batch_url, *request_url; /* "%s/batch", "%s/request/%s" */
};
struct worker_options {
	struct rules rules;
	int64_t prepare_deadline_ms, apply_deadline_ms, revert_deadline_ms; /* D_prepare, D_apply, D_back */
	int64_t call_timeout_ms;    /* one call to an agent; a longer run is asked again and joined */
	int64_t absent_grace_ms;    /* an absent host leaves after this; 0 = it does not count at all (Java's rule) */
	int64_t tick_ms;            /* the slow tick; 0 = 5 s */
	size_t batch_max;           /* requests in one batch */
	size_t history_max;         /* ended requests kept of a service; 0 = all */
	size_t history_total;       /* and of all services together, by the walk; 0 = all */
	int64_t history_age_ms;     /* older ones are dropped by the walk; 0 = none for their age */
	int64_t history_spared_ms;  /* younger ones are kept all the same: a client may be asking for them; 0 = 2 minutes */
	int64_t history_every_ms;   /* from the end of a walk to the next; 0 = a day */
	int64_t ended_known_ms;     /* so long an end is answered from memory: nobody may post the id anew before; 0 = 1 minute */
	struct plan_limits limits;
	const char *auth_key;       /* sent to agents; NULL = none */
	struct java_options java;
	struct metrics *metrics;    /* of service_metrics.h; NULL = nobody counts */
};

/* After a COMMIT of this leader: for the cache that readers are served from. */
struct worker_commit {
	const char *service_id;
	const struct service_state *state; /* service NULL: deleted */
	bool state_changed;
};

struct worker_events {
	void (*deposed)(void *ctx); /* the latch node is gone: free the worker */
	void (*committed)(void *ctx, const struct worker_commit *commits, size_t n); /* may be NULL */
	void (*ended)(void *ctx, const char *request_id); /* a terminal state was written; may be NULL */
	void *ctx;
};

struct worker;
/* latch_node: full path of the own node, checked first in every transaction; epoch: its czxid. */
struct worker *worker_new(struct loop *l, struct store *st, struct client *cl, const struct worker_options *opt,
	const char *latch_node, int64_t epoch, const struct worker_events *ev);
void worker_free(struct worker **w);

/* This service has just queued it (T0 is applied), under this sequence number: it need not be read. Others' are told by a
 * watch. */
void worker_put(struct worker *w, const struct request *rq, int64_t index);
void worker_cancelled(struct worker *w, const char *request_id); /* its status was set to cancelled: look */

/* What a client is told of it, as JSON, from memory. False: ask the store. Never a terminal state before it is applied. */
bool worker_look(const struct worker *w, const char *request_id, struct buf *json);

/* Answers of agents for a request in flight. False: not in flight here. */
bool worker_answers(const struct worker *w, const char *request_id, struct arena *a, struct record_map *out);
size_t worker_flights(const struct worker *w);
int64_t worker_last_turn_ms(const struct worker *w); /* wall time of the last turn */

#endif
