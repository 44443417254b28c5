/*
 * link_internal.h - shared by the files of agent/link
 *
 * membership.c registers, gather.c reads what must run, ops.c keeps the one pipeline, batches.c answers the leader, java.c a
 * Java leader, held.c knows what the latter has had us apply and has not committed yet.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_LINK_INTERNAL_H
#define AGENT_LINK_LINK_INTERNAL_H

#include "agent/link/java.h"
#include "agent/link/link.h"
#include "lib/base/life.h"
#include "lib/base/map.h"
#include "lib/base/rand.h"
#include "lib/records/reader.h"

/* What must run of one service: committed state with the decided direction folded in. */
struct view_entry {
	UT_hash_handle hh;
	struct target_service *target;
	const char *id; /* of the target */
	bool listed;    /* only within gather_all: it was just read of */
};

enum op_kind {
	OP_RECOVER,   /* files only, at process start */
	OP_CONVERGE,  /* read everything, make it so: the join, retries, the slow look */
	OP_CALL,      /* a leader's call */
	OP_JAVA,      /* instructions of a Java leader */
};

struct link_waiter {
	struct link_waiter *prev, *next;
	struct op *op;
	link_answer_fn *done;    /* OP_CALL */
	java_done_fn *java_done; /* OP_JAVA */
	void *ctx;
};

struct op {
	struct op *prev, *next;
	struct agent_link *ln;
	enum op_kind kind;
	struct arena *arena;
	const struct batch_call *call; /* OP_CALL */
	struct java_op *java;          /* OP_JAVA */
	struct link_waiter *waiters;
	bool again;                    /* read again after a sync: it was too old */
	bool ended;                    /* its decision is gone: what must run is in the others and in the state */
	bool over;                     /* its incarnation has ended while the applier was at it */
	/* results of gathering */
	int64_t version_read;          /* of the decision; -1 = absent */
	const struct request **requests;
	struct service_state *bases, *nexts; /* per item of the call */
	struct node_version *versions; /* of the service nodes */
	bool no_reload, force_reload;
};

struct remembered { /* confirmed by this incarnation */
	char *batch;
	int64_t number;
	char **services; /* NULL-terminated */
	bool gone;       /* its record has ended, and what runs was found right after that */
};

struct node_version { /* of a service node: its record, and its upstreams; -1 = absent */
	int32_t data, children;
};

/* What was read for a PREPARE that holds: if the versions are still the same once the decision is seen, APPLY need not read
 * the contents again. */
struct prepared {
	char *batch; /* NULL = none */
	char base_digest[65];
	struct arena *arena;
	size_t n;
	const struct batch_item *items;
	const struct request **requests;
	const struct service_state *bases, *nexts;
	const struct node_version *versions; /* of the service nodes */
};

struct agent_link {
	struct loop *loop;
	struct store *st;
	struct applier *applier;
	struct link_options opt;
	struct life *life;      /* of this incarnation's reads and writes */
	struct rand_state rand;
	struct store_listener listener;
	enum link_phase phase;
	bool recovered, joining, replaced, settled, busy, applying, left;
	bool gathered;          /* this incarnation has read all that must run: before that no call may be carried out */
	char *trouble;
	uint64_t session;       /* joined in; 0 = not */
	char guid[37];
	char *node;             /* own name under hosts; NULL = not registered */
	bool first_in_group;
	struct store_watch *hosts_watch, *decided_watch;
	struct loop_timer join_timer, retry_timer, reconcile_timer, decided_timer, heartbeat_timer, expiry_timer, run_timer;
	bool unregistered_run;  /* tests only (rules.join off): converge before registering */

	struct view_entry *view;
	struct held *held;      /* services that a Java leader is at work with */
	struct loop_timer held_timer;
	struct op *ops;         /* the first is in progress if busy */
	struct prepared prepared;
	int64_t epoch_seen;
	struct remembered remembered[32];
	size_t n_remembered;
	char *last_request;
	void (*on_left)(void *ctx);
	void *on_left_ctx;
};

/* membership.c */
void member_link_up(struct agent_link *ln);   /* a session works: join unless it is joined */
void member_forget(struct agent_link *ln);    /* the incarnation is over */
void member_timers(struct agent_link *ln);    /* sets up its timers */
void member_unregistered_ready(struct agent_link *ln); /* tests only: now register */

/* gather.c: reads, then ops_gathered() with err NULL, or ERR_NOT_FOUND (decision ended), or why it cannot be known now. */
void gather_all(struct op *op);
void gather_call(struct op *op);
void gather_decided(struct agent_link *ln); /* decided.c: has a decision come or gone without us? then converge */
void view_clear(struct agent_link *ln);
void view_put(struct agent_link *ln, const char *id, const struct service_state *s); /* service NULL or of other groups: gone */
/* Is what runs of a service what the state now holds of it? `at`: services_read(). */
bool view_is_committed(struct agent_link *ln, const struct reader *r, size_t at, const char *service);

/* ops.c */
struct op *op_add(struct agent_link *ln, enum op_kind kind);
void ops_run(struct agent_link *ln);
void ops_run_soon(struct agent_link *ln); /* in a later turn: nobody is answered inside its own call */
void ops_gathered(struct op *op, const struct error *err);
void ops_flush(struct agent_link *ln, int status, const char *why); /* answer and drop all but the one with the applier */
void ops_converge_soon(struct agent_link *ln, int64_t after_us);
void op_answer(struct op *op, int status, const struct batch_answer *ans);
void op_end(struct op *op);
struct work_item *ops_target(struct agent_link *ln, enum work_kind kind); /* the whole view */
struct view_change {
	const char *id;
	const struct service_state *state;
};
/* The view as it would be with these; it stays as it is. */
struct work_item *ops_would_be(struct agent_link *ln, enum work_kind kind, const struct view_change *changes, size_t n);
void op_drop(struct op *op); /* one that has not started */
void link_settled(struct agent_link *ln, bool settled, const char *trouble);

/* batches.c */
bool batches_known(struct agent_link *ln, const struct batch_call *call); /* confirmed before by this incarnation */
void batches_drop_prepared(struct agent_link *ln);
void batches_start(struct op *op);                  /* first step of a call: what can be answered at once is */
void batches_gathered(struct op *op, const struct error *err);
void batches_forget(struct agent_link *ln);
void batches_free(struct agent_link *ln);

/* java.c */
void java_start(struct op *op);
void java_answer(struct op *op, int status, const char *why); /* why NULL: every item has its result */

/* held.c */
void held_put(struct agent_link *ln, const char *service, bool applied);
/* First of all who decides now; then `go`, or ops_gathered() with why not. */
void held_look(struct op *op, void (*go)(struct op *op));
bool held_keeps(struct agent_link *ln, const char *service); /* by the last look: a sweep leaves it as it runs */
void held_timers(struct agent_link *ln);
void held_clear(struct agent_link *ln);

#endif
