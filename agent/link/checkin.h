/*
 * checkin.h - tell a service that this agent starts or stops (it may have to tell a cloud's balancer)
 *
 * In the background and never fatal: the group's membership is a matter of the agent's node in ZooKeeper, not of
 * this.  While the service says PENDING it is asked again.  A service that does not answer is tried a bounded
 * number of times; one that is not there is waited for.
 *
 * Layer: agent/link.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_CHECKIN_H
#define AGENT_LINK_CHECKIN_H

#include "lib/http/client.h"
#include "lib/model/agentinfo.h"
#include "lib/store/store.h"

/* Borrowed, with all that it points to. */
struct checkin_options {
	const char *group_name;
	const struct agentinfo *info;
	int attempts;       /* calls that may fail */
	int64_t timeout_ms; /* in all */
	/* A key to call with; NULL (also as an answer): none. */
	const char *(*key)(void *ctx);
	void *ctx;
};

enum checkin_kind { CHECKIN_STARTUP, CHECKIN_SHUTDOWN };
enum checkin_end {
	CHECKIN_DONE,
	CHECKIN_GIVEN_UP, /* still pending when the time was over */
	CHECKIN_FAILED,   /* no service, or it did not answer as it should */
};

struct checkin;
struct checkin *checkin_new(struct loop *l, struct store *st, struct client *c, const struct checkin_options *opt);
void checkin_free(struct checkin **ci); /* before its client and its store */

/* One at a time: what was in progress ends without its callback. `done` may be NULL. At a shutdown nothing is
 * waited for but what a service calls pending. */
void checkin_start(struct checkin *ci, enum checkin_kind kind, void (*done)(void *ctx, enum checkin_end end), void *ctx);

#endif
