/*
 * store_internal.h - what the makers of stores share with store.c; nobody else includes it
 *
 * A public call becomes a `struct store_call`.  store.c refuses what cannot be sent and hands the
 * rest to the maker's start(); the maker ends it later.  A call is held twice while it travels: by
 * the store's list (until it has called back, or the store is freed) and by the maker (until
 * store_call_end() or store_call_drop()).  So a store may die at any moment: the maker goes on
 * with a call that nobody listens to.
 *
 * The memory of a freed store stays until its last watch and listener are gone too, so they may be
 * released in any order.
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_STORE_INTERNAL_H
#define LIB_STORE_STORE_INTERNAL_H

#include "lib/base/mem.h"
#include "lib/store/store.h"

#define STORE_PATH_MAX 4096
#define STORE_OP_BYTES 40
#define STORE_PIPELINE 64

enum store_op_kind { STORE_OP_CHECK, STORE_OP_CREATE, STORE_OP_SET, STORE_OP_DELETE };
struct store_op {
	enum store_op_kind kind;
	const char *path;
	const void *data;
	size_t len;
	int32_t version;
	unsigned flags;
};

struct store_txn {
	struct store *st; /* held */
	struct arena *mem;
	struct store_op *ops;
	size_t n, cap, bytes;
	struct error bad; /* code 0: fine so far */
};

enum store_call_kind { STORE_CALL_GET, STORE_CALL_CHILDREN, STORE_CALL_SYNC, STORE_CALL_COMMIT };

struct store_answer {
	struct store_node node;
	const char *const *names;
	size_t n;
	struct store_result res;
};

struct store_call {
	struct store *st; /* NULL: it has called back, or never will */
	unsigned refs;
	enum store_call_kind kind;
	char *path;            /* of reads and sync */
	struct store_txn *txn; /* of a commit */
	bool started;
	union {
		store_get_fn *get;
		store_children_fn *children;
		store_done_fn *sync;
		store_commit_fn *commit;
	} done;
	void *ctx;
	void (*drop)(void *ctx); /* instead of done, when the store dies first; may be NULL */
	struct error err;        /* of a refused call */
	struct store_call *prev, *next;
};

struct store_watch {
	struct store *st; /* NULL: the store is gone */
	char *path;
	enum store_watch_kind kind;
	void (*changed)(void *ctx);
	void *ctx;
	bool due;      /* to be called in the present round */
	bool armed;    /* for the maker */
	void *backend; /* for the maker */
	struct store_watch *prev, *next;
};

struct store_ops {
	/* Send it; ends in a later turn.  Called only while the link is UP. */
	void (*start)(struct store *st, struct store_call *c);
	void (*watch_new)(struct store *st, struct store_watch *w);
	void (*watch_free)(struct store *st, struct store_watch *w);
	/* store_free: start no callback any more; the memory is asked back by release(). */
	void (*close)(struct store *st);
	void (*release)(struct store *st);
};

/* Embedded as first member in the maker's object. */
struct store {
	const struct store_ops *ops;
	struct loop *l;
	unsigned refs; /* owner, watches, listeners, transactions, and who is inside a callback */
	bool closed;
	enum store_link link;
	uint64_t session;
	int64_t timeout_ms;
	struct store_call *calls;
	struct store_watch *watches;
	struct store_listener *listeners, *next_listener;
	struct loop_timer refuse_timer;
};

void store_init(struct store *st, struct loop *l, const struct store_ops *ops);
void store_ref(struct store *st);
void store_unref(struct store *st);
/* What store_free does; the makers' other ways to die share it. */
void store_shut(struct store *st);

/* The maker's part of a call ends: with an answer, with an error, or with nobody to tell. */
void store_call_end(struct store_call *c, const struct store_answer *a, const struct error *err);
void store_call_drop(struct store_call *c);
bool store_call_is_write(const struct store_call *c);
/* End in a later turn with c->err; takes the maker's part too. */
void store_call_refuse(struct store_call *c);
/* The connection went: reads end NOT_DONE, writes MAYBE_DONE. */
void store_fail_started(struct store *st, const char *why);

/* Set the link and tell the listeners; UP also tells every watch.  The maker has set `session` and
 * armed the watches before.  May free the store: hold it. */
void store_set_link(struct store *st, enum store_link link);
void store_watch_fire(struct store_watch *w);

/* store_call_new() fills what is common; the caller sets path or txn, and done. */
struct store_call *store_call_new(struct store *st, enum store_call_kind kind, void *ctx);
void store_call_send(struct store_call *c);
/* Calls back in a later turn with c->err (code 0: with success); a sync only. */
void store_call_later(struct store_call *c);

/* store_ensure() with a word to the caller if the store dies first. */
void store_ensure_or_drop(struct store *st, const char *path, store_done_fn *done, void (*drop)(void *ctx),
	void *ctx);

/* NULL or what is wrong with it. */
const char *store_path_error(const char *path);
void store_txn_unref(struct store_txn *t);
const char *store_why_name(enum store_why why);
/* ERR_CONFLICT naming the operation. */
void store_conflict(struct error *err, const struct store_txn *t, size_t failed_op, enum store_why why);

#endif
