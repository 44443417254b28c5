/*
 * mem_internal.h - the parts of store_mem: server, sessions on it, clients
 *
 * A session object is the server's side of a connection and outlives the client's store.  Both
 * directions are queues in order with their own delay.  Hooks and on_commit may free any store:
 * whoever calls them holds the session, and looks again at everything afterwards.
 *
 * Layer: lib/store, private to store_mem.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_MEM_INTERNAL_H
#define LIB_STORE_MEM_INTERNAL_H

#include "lib/base/rand.h"
#include "lib/store/mem_tree.h"

struct store_mem;

struct mem_server {
	struct loop *l;
	struct rand_state rnd;
	struct mem_tree tree;
	struct mem_session *sessions; /* alive ones; held */
	struct store_mem *stores;     /* also closed ones: dead test processes may still hold them */
	uint64_t ops, sessions_made;
	int64_t latency_us, jitter_us;
	enum mem_fault (*hook)(void *ctx, const struct mem_op *op);
	void *hook_ctx;
	void (*on_commit)(void *ctx, const char *session, const struct mem_change *c, size_t n);
	void *on_commit_ctx;
	const char **names; /* of the last mem_server_children() */
};

enum mem_item_kind { MEM_ITEM_CALL, MEM_ITEM_ARM, MEM_ITEM_EVENT, MEM_ITEM_CLOSE };
struct mem_item {
	enum mem_item_kind kind;
	int64_t at_us;
	struct store_call *call;   /* CALL: the maker's part */
	struct store_watch *watch; /* ARM, EVENT: NULL once freed */
	struct arena *mem;         /* of the answer */
	struct store_answer answer;
	struct error err;
	struct mem_item *prev, *next;
};

struct mem_pending {
	struct mem_commit *c;
	struct mem_pending *prev, *next;
};

struct mem_session {
	unsigned refs;
	struct mem_server *srv;
	uint64_t id;
	char *name;
	int64_t timeout_us;
	struct store_mem *st; /* NULL: the client is gone */
	bool alive;           /* the server has not ended it */
	bool connected;
	bool frozen;          /* an operation was held: nothing moves until the client gives up */
	struct mem_item *up, *down;
	int64_t last_up_us, last_down_us;
	struct loop_timer up_timer, down_timer, expire_timer, lag_timer;
	struct mem_tree *view; /* of a lagging session: what its follower has */
	int64_t lag_us;
	struct mem_pending *pending;
	struct mem_session *prev, *next;
};

struct store_mem {
	struct store base;
	struct mem_server *srv;
	char *name;
	struct mem_session *sess;
	int64_t lag_us;
	int64_t back_us; /* when a lost connection comes back, absolute; INT64_MAX: not by itself */
	bool abandoned;
	struct loop_timer notice_timer;  /* the client sees that its connection is gone */
	struct loop_timer connect_timer;
	struct store_mem *prev, *next;
};

/* mem_server.c */
int64_t mem_server_trip(struct mem_server *srv);
/* Shows an applied transaction to all sessions and the checker; takes `c`. */
void mem_server_publish(struct mem_server *srv, const char *session, struct mem_commit *c);
void mem_server_shuffle(struct mem_server *srv, const char **names, size_t n);

/* mem_session.c */
struct mem_session *mem_session_new(struct mem_server *srv, struct store_mem *st);
void mem_session_unref(struct mem_session *s);
void mem_session_send(struct mem_session *s, enum mem_item_kind kind, struct store_call *c,
	struct store_watch *w);
void mem_session_see(struct mem_session *s, struct mem_commit *c);
void mem_session_lag(struct mem_session *s, int64_t lag_us);
/* The connection is gone: what travels is lost, and the session's time runs. */
void mem_session_disconnect(struct mem_session *s);
void mem_session_resume(struct mem_session *s);
void mem_session_end(struct mem_session *s);
/* A freed watch must not be called by what travels. */
void mem_session_forget_watch(struct mem_session *s, const struct store_watch *w);
void mem_session_free_all(struct mem_server *srv);

/* store_mem.c */
/* Its connection broke on the way; it will notice after `after_us`. */
void store_mem_broken(struct store_mem *st, int64_t after_us);
void store_mem_deliver(struct store_mem *st, struct mem_item *it);

#endif
