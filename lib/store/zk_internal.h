/*
 * zk_internal.h - what the two halves of store_zk share: calls (store_zk.c) and watches (zk_watch.c)
 *
 * Layer: lib/store, private to store_zk.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_ZK_INTERNAL_H
#define LIB_STORE_ZK_INTERNAL_H

#include "lib/base/map.h"
#include "lib/store/store_internal.h"
#include "lib/store/store_zk.h"
#include "lib/store/zk_session.h"

struct zk_arm;

struct store_zk {
	struct store base;
	struct zk_session *sess;
	char *ns; /* "" or "/a/b" */
	size_t ns_len;
	int64_t session_id;
	bool ns_ready, read_only;
	struct zk_arm *arms; /* by id */
	uint64_t arms_made;
	struct loop_timer arm_timer;
};

/* Our path -> the server's; from malloc. */
char *zk_path(const struct store_zk *z, const char *path);
/* NULL: not connected. */
zhandle_t *zk_handle(struct store_zk *z);

void zk_arms_init(struct store_zk *z);
void zk_arms_release(struct store_zk *z);
void zk_watch_added(struct store_zk *z, struct store_watch *w);
/* The session works again; `lost`: it is another one and knows no watch. Before the link is UP. */
void zk_arms_up(struct store_zk *z, bool lost);
/* The arm that a read of this list of children should set on its way; 0 = none. */
uint64_t zk_arm_for_children(struct store_zk *z, const char *path);
void *zk_arm_ctx(uint64_t id);
void zk_arm_answered(struct store_zk *z, uint64_t id, int rc);
void zk_arm_event(zhandle_t *zh, int type, int state, const char *path, void *ctx);

#endif
