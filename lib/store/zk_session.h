/*
 * zk_session.h - a ZooKeeper session kept alive on the loop: connect, reconnect, expire, begin anew
 *
 * Drives libzookeeper_st from the loop: it owns the handle, its socket (inside an epoll instance of
 * our own), the pauses between attempts, the look-up of names and the clock that says "no answer
 * for 2/3 of the timeout".  What the handle is used for is store_zk's.
 *
 * All callbacks and all completions of the handle run inside our run(), or inside
 * zk_session_free().  Freeing from inside a callback is fine: the handle is closed once the library
 * has returned, and gone() is the very last call.
 *
 * Layer: lib/store, private to store_zk.  Threads: loop thread; the look-up runs as a job.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_ZK_SESSION_H
#define LIB_STORE_ZK_SESSION_H

#include <zookeeper/zookeeper.h>

#include "lib/base/error.h"
#include "lib/loop/loop.h"

struct zk_session_fns {
	void (*up)(void *ctx, int64_t id); /* it works (again); another id: another session */
	void (*down)(void *ctx);           /* connection lost, or no answer for 2/3 of the timeout */
	void (*expired)(void *ctx);        /* the handle is dead; a new one is on its way */
	void (*gone)(void *ctx);           /* after free: nothing of it is left */
};

struct zk_session;
int zk_session_new(struct loop *l, const char *quorum, int timeout_ms, int connect_timeout_ms,
	const struct zk_session_fns *fns, void *ctx, struct zk_session **s_out, struct error *err) MUST_CHECK;
void zk_session_free(struct zk_session **s);

/* The context of zk_session_new(), from inside a watcher of its handle. */
void *zk_session_ctx(zhandle_t *zh);
/* NULL: none at the moment. */
zhandle_t *zk_session_handle(struct zk_session *s);
/* Something was given to the handle: it may want to write. */
void zk_session_kick(struct zk_session *s);

#endif
