/*
 * world.h - a whole cluster in one thread: services, agents, hosts, ZooKeeper and network on virtual time
 *
 * The real code of both daemons runs on the memory store and the simulated network; only the applier (files and HAProxy)
 * is a stand-in: a host is what it runs, per service, and goes on running when its agent dies.  check.c watches every
 * transaction and every publication and notes the first broken promise.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SCENARIO_WORLD_H
#define TESTS_SCENARIO_WORLD_H

#include "lib/base/map.h"
#include "lib/base/rand.h"
#include "lib/model/response.h"
#include "tests/sim/sim_process.h"

#define WORLD_SERVICES 3
#define WORLD_AGENTS 6
#define WORLD_REQUESTS 64
#define SESSION_MS 4000

/* What a host runs of one service: digest of the target, and its addresses for people. */
struct run {
	UT_hash_handle hh;
	char *id, *addresses;
	char digest[65];
	bool fell_back; /* a Java agent applied a state that is not to run any more, or keeps what is gone from it: R5 */
};

struct world_host { /* survives its agent */
	struct run *runs;
	unsigned publications;     /* how often what it runs was changed */
	char *refuses;             /* PREPARE says no with these words; NULL = accepts */
	char *refuses_service;     /* only what concerns this service; NULL = all */
	char *fails;               /* CONVERGE to something else fails with these words; NULL = works */
	bool fails_once;
	int64_t slow_us;           /* every item takes this long; 0 = up to 20 ms */
};

struct world;
struct world_agent {
	struct world *w;
	char name[16], address[32], uri[64]; /* "a1", "10.1.0.1:8882" */
	char group[32];
	bool used, alive, frozen;
	struct world_host host;
	struct agentinfo info;
	struct link_options options;
	struct sim_agent process;
	bool java;                 /* a Java agent: of the process only the store is there */
	struct java_sim *java_sim;
	/* what the checker knows of it */
	bool counts;               /* has joined and not left */
};

struct world_service {
	struct world *w;
	char name[16], uri[64];
	bool used, alive;
	struct sim_service process;
	struct life *life; /* of what the client asked through it */
};

struct world_try { /* one per service that it may be posted to */
	struct world_request *request;
	struct world_service *service;
};

struct world_request {
	struct world_try tries[WORLD_SERVICES];
	char *id, *service, *body;
	bool accepted;     /* a T0 of it was applied */
	bool cancelled;    /* an accepted cancel */
	bool wanted;       /* the client still tries to post it */
	bool again;        /* its id has ended before */
	int terminal;      /* enum internal_state; -1 = not yet */
	int64_t index;     /* in the queue */
	int64_t accepted_at, ended_at;
	char *message;
	char base_digest[65], new_digest[65]; /* of its service before, and if it succeeds: at DECIDE */
};

enum txn_kind { TXN_OTHER, TXN_ENQUEUE, TXN_DECIDE, TXN_COMMIT, TXN_TURN, TXN_END, TXN_CANCEL, TXN_JOIN, TXN_TAKEOVER };
extern const char *const txn_names[];

struct trigger {
	enum { ON_NOTHING, ON_TXN, ON_CALL } on;
	int what;                 /* enum txn_kind or call type */
	char name[16];            /* agent */
	char *action;
	bool lose_answer;         /* ON_TXN: the connection goes before its answer */
};

struct fault { /* one spoiled moment of a run */
	enum { FAULT_NONE, FAULT_KILL, FAULT_CUT, FAULT_LOSE_ANSWER, FAULT_DOUBLE, FAULT_DELAY } kind;
	bool of_call;             /* the n-th call (else the n-th store operation) */
	bool after;               /* after it was applied, before its answer */
	bool callee;              /* KILL of a call: who is called, not who calls */
	uint64_t number;
	bool done;
};

struct world {
	struct loop *loop;
	struct mem_server *server;
	struct sim_net *net;
	struct sim_site site; /* the same three */
	struct rand_state rand;
	uint64_t seed;
	struct rules rules;
	size_t history_max; /* 0: nothing is dropped of it */
	int64_t grace_ms, prepare_ms, apply_ms, revert_ms;
	struct world_service services[WORLD_SERVICES];
	struct world_agent agents[WORLD_AGENTS];
	struct world_request requests[WORLD_REQUESTS];
	size_t n_requests;
	struct trigger triggers[16];
	size_t n_triggers;
	struct fault fault;
	uint64_t ops, calls;      /* seen by the hooks */
	enum txn_kind last_txn;
	struct checker *checker;
	struct arena *paths;      /* small texts that live as long as the world */
	struct buf story;         /* what happened, for a failure */
	char broken[512];         /* the first broken promise; "" = none */
	void (*run_action)(struct world *w, const char *action);
	struct loop_timer revive; /* brings back what a fault has ended */
	struct { bool service; size_t i; } dead[8];
	size_t n_dead;
	struct { struct loop_timer timer; char *action; bool used; } pending[16]; /* actions of triggers, next turn */
	struct store *foreign;       /* a service that is not Lockstep; NULL: none takes part */
	struct latch *foreign_latch;
};

struct world *world_new(uint64_t seed, const struct rules *rules);
void world_free(struct world **w);

struct world_agent *world_agent(struct world *w, const char *name);
struct world_request *world_request(struct world *w, const char *id);
void world_add_service(struct world *w);
void world_add_java_agent(struct world *w, const char *name, const char *group);
void world_add_agent(struct world *w, const char *name, const char *group);
void world_start(struct world *w); /* all that were added, and until they are ready */

void service_start(struct world_service *s);
void service_kill(struct world_service *s);
void agent_start(struct world_agent *a);
void agent_kill(struct world_agent *a);
void agent_stop(struct world_agent *a, bool leave); /* graceful */
void agent_freeze(struct world_agent *a, bool frozen);

/* The client: posts until it has an answer, through any live service. */
void world_post(struct world *w, const char *id, const char *service, const char *group, const char *add, const char *remove,
	const char *path, const char *action);
void world_cancel(struct world *w, const char *id);
void world_remove_member(struct world *w, const char *agent); /* the operator */
void world_drop_entry(struct world *w, const char *service, const char *id); /* of a history, by hand */
void world_foreign(struct world *w, bool joins); /* a service without a marker takes part, or leaves */

bool world_run(struct world *w, int64_t ms); /* false: a livelock */
/* Until every accepted request has ended and all is quiet, at most `ms`. */
bool world_settle(struct world *w, int64_t ms);
void world_say(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
void world_break(struct world *w, const char *fmt, ...) PRINTF_LIKE(2, 3); /* a promise is broken */

/* applier_sim.c */
struct applier *applier_sim_new(struct world_agent *a);
void applier_sim_freeze(struct applier *ap, bool frozen);
void host_clear(struct world_host *h);
char *host_addresses(const struct target_service *t); /* the caller's */

/* java_sim.c */
struct java_sim *java_sim_new(struct world_agent *a);
void java_sim_free(struct java_sim **js);
bool java_sim_ready(const struct java_sim *js); /* registered, and on the state as it has read it */
bool java_sim_catches_up(const struct java_sim *js); /* registered just now: perhaps not yet on the state: R5 */
bool java_sim_busy(const struct java_sim *js);  /* with a call */

/* check.c */
struct checker *checker_new(struct world *w);
void checker_free(struct checker **c);
void check_publication(struct world_agent *a, const char *service, const char *before, const char *after);
void check_quiet(struct world *w); /* S13: nothing is queued, all agents are ready */
const char *check_target(struct world *w, const char *service, char digest[65]); /* what a host must run now */

#endif
