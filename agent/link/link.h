/*
 * link.h - the agent's loop side: registration, what must run here, and the leader's calls
 *
 * One incarnation of the agent per session: it registers first, then reads, then converges, then takes instructions.
 * Messages only wake it: what must run is read from the store, in one place (gather.c), and made so by the applier, one
 * item at a time.  Everything that it knows of a former incarnation is forgotten at a join.
 *
 * Layer: agent/link.  Threads: loop thread; the applier works elsewhere and answers here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_LINK_H
#define AGENT_LINK_LINK_H

#include "agent/apply/work.h"
#include "lib/loop/loop.h"
#include "lib/model/agentinfo.h"
#include "lib/model/batch.h"
#include "lib/model/group.h"
#include "lib/records/rules.h"
#include "lib/store/store.h"

struct link_options {
	struct rules rules;
	const char *group_name;
	const struct agentinfo *info;  /* what it publishes; extra must hold lockstep=1 */
	const struct group *group;     /* defaultDomain, domains, aliases, minHealthyAgents for the group node; NULL = none */
	int64_t heartbeat_ms;          /* 0 = none */
	int64_t retry_ms;              /* converge again after a failure; 0 = 1 s */
	int64_t reconcile_ms;          /* slow full look at the store; 0 = 60 s */
	uint64_t seed;                 /* for guids; 0 = from the system */
	/* An update that asks for it has been applied: purge the caches of its service. NULL = nothing is purged. */
	void (*purge)(void *ctx, const char *service_id);
	void *purge_ctx;
};

enum link_phase {
	LINK_STARTING,     /* repairing files, or no connection yet */
	LINK_JOINING,      /* registering, reading, converging for the first time in this session */
	LINK_READY,
	LINK_DISCONNECTED, /* no session, or another process took our place */
};

struct agent_link;
/* First the applier repairs files (WORK_RECOVER), then the link joins. Borrows all of opt's pointers. */
struct agent_link *agent_link_new(struct loop *l, struct store *st, struct applier *ap, const struct link_options *opt);
void agent_link_free(struct agent_link **ln);

/* One call of a leader. done: once, in a later turn. status: 200, 409 (not for us), 410 (ended), 503 (not now).
 * agent_link_forget: the caller has gone; its done is not called. */
typedef void link_answer_fn(void *ctx, int status, const struct batch_answer *ans);
struct link_waiter;
struct link_waiter *agent_link_call(struct agent_link *ln, const struct batch_call *call, link_answer_fn *done, void *ctx);
void agent_link_forget(struct link_waiter **w);

/* Graceful stop: leave the group for good (deregisterOnGracefulShutdown), in one transaction. */
void agent_link_leave(struct agent_link *ln, void (*left)(void *ctx), void *ctx);

struct link_status {
	enum link_phase phase;
	bool settled;              /* what runs is what must run */
	const char *trouble;       /* why not; NULL if settled */
	const char *incarnation;   /* NULL = not registered */
	const char *last_request;  /* the last one applied; NULL = none yet */
	bool first_in_group;       /* lowest hosts node: Java's "leader" */
	bool busy;                 /* an item is with the applier */
	size_t services;
	const char *zookeeper;     /* Java's word for the connection */
};
void agent_link_status(const struct agent_link *ln, struct link_status *out);

/* What must run here of one service; NULL: nothing. Borrowed until the next turn. */
const struct target_service *agent_link_service(const struct agent_link *ln, const char *service_id);

#endif
