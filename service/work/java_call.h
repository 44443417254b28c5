/*
 * java_call.h - calls to Java agents: one at a time to each, and what may still come of calls that were not answered
 *
 * A Java agent does what a call says whenever it comes to it, asks nobody whether that still holds, and goes on when its
 * caller has hung up.  So a call is never cut off: it ends with an answer or with its time, and the next one waits.  One that
 * ended without an answer is in doubt until the agent's own time limits are over; what it answers meanwhile to another
 * question of the same services may be undone behind our back, and is told to be tentative.  Doubts outlive flights.
 *
 * java_ask.c asks the Java members of a flight, java_after.c looks after those that came back at the wrong moment.
 *
 * Layer: service/work (private to it).  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_JAVA_CALL_H
#define SERVICE_WORK_JAVA_CALL_H

#include "service/core/java_answer.h"
#include "service/work/flight.h"

struct java_order {
	const char *base_uri;
	bool batch;          /* it takes POST /batch; else one call for each request */
	const char *name;    /* of the batch that asks */
	enum call_type type; /* which way it goes: APPLY, REVERT or CANCEL */
	const struct request *const *requests;
	const enum call_type *types; /* of each: in a batch that goes forward one may have been cancelled */
	size_t n;
	bool reload;         /* java_items_make() */
	int64_t timeout_us;  /* of one call */
};
struct java_result {
	struct java_answered said;
	const char *url;
	bool tentative;      /* good, but an earlier call may still undo it */
	int64_t ask_at;      /* then: loop time from when on an answer can be believed */
};
typedef void java_fn(void *ctx, const struct java_result *res);

struct java_calls *java_calls_new(struct worker *w);
void java_calls_free(struct java_calls **j); /* hangs up */

bool java_calls_busy(const struct java_calls *j, const char *base_uri);
/* It must not be busy. Everything is copied. After `done` the run is gone, and flights are advanced. */
struct java_run *java_call(struct java_calls *j, const struct java_order *o, java_fn *done, void *ctx);
void java_call_forget(struct java_run **run); /* nobody waits any more; the call goes on */
/* A predecessor may have sent this to any of them just before it went. */
void java_calls_doubt(struct java_calls *j, const char *name, enum call_type type, const struct request *const *requests, size_t n);

/* java_ask.c: members that are Java agents. */
void java_ask(struct flight *f, const struct member *m, enum call_type type, int64_t number);
int64_t java_retry_at(const struct flight *f);
void java_detach(struct flight *f);  /* it is about to go; calls in progress go on */
void java_adopted(struct flight *f); /* a predecessor may have called them just before it went */
bool java_template_missing(const struct flight *f, const struct member *const *members, size_t n);

/* java_after.c: Java agents that came back while their request was committed. */
struct java_node { /* a Java agent's registration */
	struct java_node *next;
	const char *group, *incarnation;
};
struct java_afters *java_afters_new(struct worker *w);
void java_afters_free(struct java_afters **as);
void java_after(struct flight *f); /* it was committed: remains are the janitor's once they were looked at */
bool java_after_holds(const struct java_afters *as, const char *request_id);
/* The service was committed just now: a Java agent that is asked about it may read the state of before. */
bool java_after_fresh(const struct java_afters *as, const char *service);

#endif
