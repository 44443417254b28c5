/*
 * flight.h - one batch of requests on its way: what the worker's files share
 *
 * worker.c owns them, queue.c reads what is queued, look.c tells clients, takeover.c starts over; flight.c makes a flight,
 * load.c prepares it, advance.c moves it on, step.c, decide.c and finish.c (step.h) build its transactions, fanout.c calls agents.
 *
 * Layer: service/work (private to it).  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_FLIGHT_H
#define SERVICE_WORK_FLIGHT_H

#include "lib/base/life.h"
#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/model/batch.h"
#include "lib/records/reader.h"
#include "lib/records/roster.h"
#include "service/core/kept.h"
#include "service/core/lifecycle.h"
#include "service/core/tally.h"
#include "service/work/item.h"
#include "service/work/past.h"
#include "service/work/worker.h"

struct flight_request {
	struct item *item;
	struct plan plan;
	int dir;                    /* enum direction */
	int32_t status_version;
	int status;
	const char *message;        /* final text, once known */
	struct slice answer;        /* as its history entry has it; in the flight's arena */
	int verdict;                /* enum internal_state it ends with if a rule refused it; -1 = none */
	struct decided_path *created; /* path locks that DECIDE made */
	size_t n_created;
	struct store_watch *watch;  /* of its status: a cancel */
	struct kept kept;           /* what clients were told last */
	struct flight *flight;
};

struct group_note { /* what transactions must know of a group */
	UT_hash_handle hh; /* of the worker's */
	const char *name;
	bool has_last_request, has_base_uris;
	int32_t gv; /* version of the group node that the members judged last go with; -1 = not judged yet */
};

struct flight {
	struct flight *prev, *next;
	struct worker *w;
	struct life *life;
	struct arena *arena;
	struct log_ctx log;
	const char *name;            /* B */
	enum phase phase;
	int64_t phase_since;         /* loop time */
	int64_t dv;                  /* decision number; -1 = not decided */
	int64_t tenures, since_ms;
	struct flight_request *rq;
	size_t n;
	struct strings groups;       /* of all requests */
	struct group_note *notes;    /* one per group */
	bool has_state_version;
	char digest[65];
	struct tally *tally;
	const char *failure;         /* why it turned back or was refused: "Apply failed {…" argument */
	bool ready, in_txn, adopted; /* ready: loaded */
	bool misread;                /* tests only (rules.readback off): an unknown outcome was taken for a failure */
	struct ask *asks;            /* calls in progress and their back-off */
	struct java_ask *java_asks;  /* the same for Java agents */
	struct java_node *java_nodes; /* those that had confirmed when COMMIT was written; its groups are looked at again */
	bool java_after;
	struct loop_timer timer;     /* deadline or retry, whichever is next */
	int64_t retry_at;
};

struct worker {
	struct loop *loop;
	struct store *st;
	struct client *client;
	struct worker_options opt;
	struct worker_events ev;
	struct life *life;
	char *latch_node;
	int64_t epoch;
	uint64_t counter;            /* for names of batches */
	struct roster *roster;
	struct item *items, *named, *by_id;
	struct flight *flights;
	struct group_note *notes;    /* what is there stays there: seen once, not read again */
	bool has_state_version;
	struct ended *ended;
	size_t ended_bytes;
	uint64_t flights_over, lists;
	struct store_watch *queue_watch;
	struct store_listener listener;
	struct loop_timer tick, turn;
	struct janitor *janitor;
	struct locks *locks;
	struct known_agents *known_agents;
	struct past *past;
	struct expiry *expiry;
	size_t history_max;          /* of a service, now: opt.history_max, or less as there are too many of all */
	struct java_calls *java;
	struct java_afters *java_afters;
	bool started;                /* T9 is done */
	bool reloading, scanning, listing, scan_again, first_start;
	int64_t last_turn_ms;
};

/* worker.c */
void worker_turn(void *w);
void worker_turn_soon(struct worker *w);
void worker_deposed(struct worker *w);
void worker_flight_over(struct flight *f, bool rescan); /* unlinks and frees it */

/* takeover.c */
void takeover_start(struct worker *w);
void takeover_forget(struct worker *w);
void takeover_on_link(void *w, enum store_link link);
void worker_forget_and_reload(struct worker *w, const char *why); /* unknown outcome or lost connection; from a later turn */

/* queue.c */
size_t item_bytes(struct item *it);

/* flight.c */
struct flight *flight_new(struct worker *w, struct item **items, size_t n);
struct flight *flight_adopt(struct worker *w, const char *batch, const struct decision *d, int64_t dv, struct item **items,
	size_t n);
struct flight *flight_adopt_undecided(struct worker *w, struct item *item);
void flight_free(struct flight **f);
size_t flight_members(struct flight *f, const struct member ***out); /* SIZE_MAX: a roster is not ready */
enum call_type flight_question(const struct flight *f);
int64_t flight_number(const struct flight *f); /* dv once decided, else -1 */
int64_t flight_deadline(const struct flight *f); /* loop time */
bool flight_has_direction(const struct flight *f, enum direction dir);

enum step_end { STEP_DONE, STEP_JOINED, STEP_CONFLICT, STEP_UNKNOWN, STEP_DEPOSED };

/* load.c */
void flight_load(struct flight *f);
void load_forget(struct worker *w);
void load_learn(struct worker *w, const struct group_note *seen); /* a group's nodes that are there */
size_t load_read_locks(struct reader *r, const struct plan_paths *list);
size_t load_take_locks(const struct reader *r, size_t at, struct plan_paths *list, struct arena *a);
const struct roster_group **load_groups(struct worker *w, const struct strings *names, struct arena *a, size_t *n_out);

/* advance.c */
void flight_advance(struct flight *f);
void flight_enter(struct flight *f, enum phase phase);
void flight_turn_back(struct flight *f, enum direction dir);
void flight_after_step(struct flight *f, enum step_end end);
void flight_resume_at(struct flight *f, int64_t at);
void flight_on_timer(void *f);
void flight_look_at_status(void *flight_request);

/* decide.c, finish.c: build, commit, and tell by these. */
typedef void step_fn(struct flight *f, enum step_end end);
void step_decide(struct flight *f, step_fn *done);
void step_take_over(struct flight *f, step_fn *done); /* raises tenures */
void step_turn(struct flight *f, step_fn *done);
void step_finish(struct flight *f, step_fn *done);    /* T1, T3, T6, T6' */

/* fanout.c */
void fanout_ask(struct flight *f, const struct member *const *members, size_t n);
void fanout_cancel(struct flight *f);
int64_t fanout_retry_at(const struct flight *f); /* INT64_MAX: nobody waits for a retry */

void data_version_look(struct worker *w); /* data_version.c */

/* locks.c: base paths that T6' left locked. */
struct locks;
struct locks *locks_new(struct worker *w);
void locks_free(struct locks **l);
void locks_forget(struct locks *l); /* with w->life: what is known of groups may not be true any more */
void locks_kept(struct locks *l, const struct flight *f); /* T6' is about to be written */
void locks_ended(struct locks *l, struct flight *f);      /* its end was written */
void locks_tick(struct locks *l);

/* known_agents.c: Java's records of agents that are gone. */
struct known_agents;
struct known_agents *known_agents_new(struct worker *w);
void known_agents_free(struct known_agents **k);
void known_agents_tick(struct known_agents *k);

#endif
