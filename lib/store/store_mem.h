/*
 * store_mem.h - the store in memory, for tests: one server, many sessions, faults on request
 *
 * The server keeps the tree, zxids, versions and ephemerals as ZooKeeper does.  Every operation of a
 * session takes `latency_us` + a seeded jitter each way, in order per session.  A hook sees every
 * operation of every session before it is applied and before it is answered, and can spoil it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_STORE_MEM_H
#define LIB_STORE_STORE_MEM_H

#include "lib/store/store.h"

struct mem_server;
struct mem_server *mem_server_new(struct loop *l, uint64_t seed);
void mem_server_free(struct mem_server **s); /* all stores of it must be freed or abandoned */
/* From now on; 200 + 0..200 us at first. */
void mem_server_latency(struct mem_server *s, int64_t latency_us, int64_t jitter_us);

struct store *store_mem_new(struct mem_server *s, const char *name, int64_t session_timeout_ms);

/* As store_free(), but as a process that dies: the session ends after its timeout.  What was sent
 * but has not reached the server is lost with it; what the hook is just looking at is applied or not
 * as the hook answers.  (store_free() closes politely: what was sent arrives first.) */
void store_mem_abandon(struct store **st);
/* The first half of it: from now on nothing reaches the server and nothing is heard, while the
 * process's objects are taken apart; store_free() ends it.  Listeners are not called. */
void store_mem_die(struct store *st);

/* What a hook may answer.  It may also free, abandon, cut or expire any store. */
enum mem_fault {
	MEM_FAULT_NONE,
	MEM_FAULT_LOSE_BEFORE, /* connection lost, not applied; a write ends MAYBE_DONE */
	MEM_FAULT_LOSE_AFTER,  /* applied, connection lost before the answer */
	/* Goes no further: not applied, or (after apply) not answered; for a hook that has freed the
	 * store.  If it has not, the session is frozen until the client gives up at 2/3 of its timeout. */
	MEM_FAULT_HOLD,
};
enum mem_moment { MEM_BEFORE_APPLY, MEM_AFTER_APPLY };
struct mem_op {
	const char *session; /* name given to store_mem_new */
	const char *kind;    /* "get" "children" "multi" "sync" */
	const char *path;    /* of a read; of the first operation that is no check */
	bool write;
	enum mem_moment moment;
	uint64_t number;     /* counts operations of the server from 1 */
};
void mem_server_hook(struct mem_server *s, enum mem_fault (*hook)(void *ctx, const struct mem_op *op), void *ctx);

/* Cut the connection of one session now, noticed in the next turn; it comes back after `back_after_us` (INT64_MAX: never by
 * itself).  Away longer than its timeout: the session expires. */
void store_mem_cut(struct store *st, int64_t back_after_us);
void store_mem_expire(struct store *st); /* expire now, whatever the connection */

/* Reads and watches of this store see the tree as it was `lag_us` ago (monotone); its own writes and
 * a sync bring it up to date.  0: no lag any more. */
void store_mem_lag(struct store *st, int64_t lag_us);

/* Direct looks for checkers: no latency, no hook, no session. NULL / SIZE_MAX: absent. */
const struct store_node *mem_server_get(const struct mem_server *s, const char *path);
size_t mem_server_children(const struct mem_server *s, const char *path, const char *const **names_out);
int64_t mem_server_zxid(const struct mem_server *s);
void mem_server_put(struct mem_server *s, const char *path, const char *text); /* with parents */

/* Called after every transaction that was applied, with what it did, in order: also for the end of a
 * session (n = 0 if it had no ephemerals), and with session "" for mem_server_put(). */
struct mem_change {
	const char *path;
	bool created, deleted;
	const void *data;
	size_t len;
	int64_t zxid;
};
void mem_server_on_commit(struct mem_server *s,
	void (*fn)(void *ctx, const char *session, const struct mem_change *c, size_t n), void *ctx);

#endif
