/*
 * store.h - a versioned tree of small values with transactions and watches
 *
 * Makers: store_zk_new() (store_zk.h) over ZooKeeper, store_mem_new() (store_mem.h) for tests.
 * Paths here are below the namespace: "/queue", never "/baragon/queue".
 *
 * Callback law (loop.h): one callback per call, on the loop, never before the call has returned;
 * what is open at store_free() is ended inside it, and none comes after.  Borrowed nodes and names
 * are valid during the callback only.
 *
 * Errors of reads:  ERR_NOT_FOUND, ERR_NOT_DONE (no connection, or lost meanwhile), ERR_INVALID.
 * Errors of writes: ERR_NOT_DONE      nothing happened: we were not connected, or refused to send;
 *                   ERR_MAYBE_DONE    sent, and the connection went before the answer: when the link
 *                                     is UP again, store_sync() and read back before anything else;
 *                   ERR_CONFLICT      an operation refused: result.failed_op and failed_why say which;
 *                   ERR_INVALID       a bad path, or too large (see limits): not sent.
 * Nothing is queued while disconnected: such calls end with ERR_NOT_DONE.
 *
 * Limits: a value <= 900,000 bytes, a transaction (paths + data + 40 per operation) too: ZooKeeper
 * answers an oversized one by cutting the connection, and everything in flight with it.
 *
 * Layer: lib/base, lib/loop.  Threads: loop thread only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_STORE_H
#define LIB_STORE_STORE_H

#include "lib/base/base.h"
#include "lib/base/error.h"
#include "lib/loop/loop.h"

#define STORE_VALUE_MAX 900000
#define STORE_TXN_MAX 900000

struct store;
/* Closes the session: its ephemerals go at once.  Calls without an answer are ended from inside, with
 * ERR_NOT_DONE or ERR_MAYBE_DONE, so that what they hold can be freed: whoever asked must be able to
 * take that.  Calls made on a store that is closed are never answered. */
void store_free(struct store **st);

/* Mtime, version and zxids as ZooKeeper's Stat has them. */
struct store_node {
	const void *data; /* NULL when len is 0 */
	size_t len;
	int32_t version;
	int32_t children_version;
	int32_t num_children;
	int64_t created_zxid, modified_zxid;
	int64_t modified_ms;
	bool ephemeral;
};

typedef void store_get_fn(void *ctx, const struct store_node *node, const struct error *err);
void store_get(struct store *st, const char *path, store_get_fn *done, void *ctx);

/* Many reads, pipelined in the given order, one callback. rows[i] answers paths[i]; an absent node
 * is not an error (exists = false). err: the whole call failed, no row is valid. */
struct store_row {
	bool exists;
	struct store_node node;
};
typedef void store_many_fn(void *ctx, const struct store_row *rows, size_t n, const struct error *err);
void store_get_many(struct store *st, const char *const *paths, size_t n, store_many_fn *done, void *ctx);

/* Names, unordered. An absent parent is ERR_NOT_FOUND. */
typedef void store_children_fn(void *ctx, const char *const *names, size_t n, const struct error *err);
void store_children(struct store *st, const char *path, store_children_fn *done, void *ctx);

/* Children lists of many paths, pipelined; an absent parent gives exists = false. */
struct store_names {
	bool exists;
	const char *const *names;
	size_t n;
};
typedef void store_children_many_fn(void *ctx, const struct store_names *rows, size_t n, const struct error *err);
void store_children_many(struct store *st, const char *const *paths, size_t n, store_children_many_fn *done,
	void *ctx);

/* What was committed anywhere before this call is seen by reads made after `done`. */
typedef void store_done_fn(void *ctx, const struct error *err);
void store_sync(struct store *st, store_done_fn *done, void *ctx);

/* Create each absent node on the way to `path`, and `path`, persistent and empty. */
void store_ensure(struct store *st, const char *path, store_done_fn *done, void *ctx);

/* All or none. Adding never fails: a bad path or size is remembered and reported at commit. */
enum store_create_flags { STORE_PERSISTENT = 0, STORE_EPHEMERAL = 1, STORE_SEQUENCE = 2 };
struct store_txn;
struct store_txn *store_txn_new(struct store *st);
void store_txn_free(struct store_txn **t);
void store_txn_check(struct store_txn *t, const char *path, int32_t version); /* -1: must exist */
void store_txn_create(struct store_txn *t, const char *path, const void *p, size_t n, unsigned flags);
void store_txn_set(struct store_txn *t, const char *path, const void *p, size_t n, int32_t version);
void store_txn_delete(struct store_txn *t, const char *path, int32_t version);
size_t store_txn_bytes(const struct store_txn *t); /* so far, as counted against STORE_TXN_MAX */
size_t store_txn_count(const struct store_txn *t);

/* Why an operation of a refused transaction failed. */
enum store_why {
	STORE_WHY_NONE,
	STORE_WHY_EXISTS,      /* create: -110 */
	STORE_WHY_ABSENT,      /* check, set, delete, or create without parent: -101 */
	STORE_WHY_VERSION,     /* check, set, delete: -103 */
	STORE_WHY_NOT_EMPTY,   /* delete: -111 */
	STORE_WHY_OTHER,
};
struct store_result {
	size_t failed_op;          /* SIZE_MAX: none is to blame */
	enum store_why failed_why;
	const char *const *created; /* n entries: full path given to operation i if a create, else NULL */
	size_t n;
};
typedef void store_commit_fn(void *ctx, const struct store_result *res, const struct error *err);
void store_txn_commit(struct store_txn **t_take, store_commit_fn *done, void *ctx);

/* Called after each change of the node's data or existence (DATA) or of its list of children
 * (CHILDREN), and after each reconnect, as something may have been missed.  It is armed again before
 * it calls, so a read made in or after `changed` misses nothing.  It says only "look again".  The
 * node may be absent.  Have few per store: all of them travel in one packet at a reconnect. */
enum store_watch_kind { STORE_WATCH_DATA, STORE_WATCH_CHILDREN };
struct store_watch;
struct store_watch *store_watch_new(struct store *st, const char *path, enum store_watch_kind kind,
	void (*changed)(void *ctx), void *ctx);
void store_watch_free(struct store_watch **w);

/* UP: the session works.  SUSPECT: no connection, or no answer for 2/3 of the timeout: act as if
 * leadership were lost.  LOST: the session is gone and its ephemerals with it; the store opens a new
 * one by itself and reports UP again.  The session number grows with each new session. */
enum store_link { STORE_LINK_DOWN, STORE_LINK_UP, STORE_LINK_SUSPECT, STORE_LINK_LOST };
struct store_listener { /* embedded in its owner; removed before the owner is freed */
	void (*fn)(void *ctx, enum store_link link);
	void *ctx;
	struct store_listener *prev, *next; /* private */
};
void store_listen(struct store *st, struct store_listener *l); /* not called for the present state */
void store_unlisten(struct store *st, struct store_listener *l);
enum store_link store_link(const struct store *st);
uint64_t store_session(const struct store *st); /* 0 before the first */
/* Java's word for it: CONNECTED SUSPENDED LOST UNKNOWN. */
const char *store_link_name(const struct store *st);
int64_t store_session_timeout_ms(const struct store *st); /* as agreed with the server; 0 = not yet */

#endif
