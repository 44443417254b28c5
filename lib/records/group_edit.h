/*
 * group_edit.h - what the API changes of a group: its data, its target count, who holds a base path
 *
 * Names must have been checked by path_name_ok() first.  What a callback is given is borrowed for
 * its length.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_GROUP_EDIT_H
#define LIB_RECORDS_GROUP_EDIT_H

#include "lib/base/life.h"
#include "lib/model/group.h"
#include "lib/store/store.h"

/* After a sync. group NULL: no such group, or one without data; version -1: no such node.
 * ERR_INVALID: its data cannot be read. */
typedef void group_edit_fn(
	void *ctx, const struct group *group, int32_t version, const struct error *err);
void group_edit_read(
	struct store *st, struct life *life, const char *name, group_edit_fn *done, void *ctx);
/* ERR_CONFLICT: it is not at that version any more. Joins check the version of the group too: they
 * and requests in flight look again. */
void group_edit_write(struct store *st, struct life *life, const char *name, const struct group *g,
	int32_t version, store_done_fn *done, void *ctx);

/* As Java: a number in a JSON string; a group that is not there comes to be, without data. */
void group_edit_target(struct store *st, struct life *life, const char *name, int64_t count,
	store_done_fn *done, void *ctx);

/* A base path's lock. */
struct group_lock {
	const char *owner; /* NULL: nobody, or what is written there cannot be read */
	int32_t version;   /* -1: it is free */
	int32_t folder;    /* version of the node above it, read first: each decision that counts on locks sets that node */
	bool queued;       /* its owner has a request that has not ended */
	bool serving;      /* its owner is committed, with upstreams */
};
typedef void group_lock_fn(void *ctx, const struct group_lock *lock, const struct error *err);
void group_edit_look_at_lock(struct store *st, struct life *life, const char *name, const char *key,
	group_lock_fn *done, void *ctx);
/* ERR_CONFLICT: it is not as it was when it was looked at, or something that counts on it was decided since. */
void group_edit_free_lock(struct store *st, struct life *life, const char *name, const char *key,
	const struct group_lock *seen, store_done_fn *done, void *ctx);

#endif
