/*
 * node_put.h - write one node, whether it and its parents are there or not
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_NODE_PUT_H
#define LIB_RECORDS_NODE_PUT_H

#include "lib/base/life.h"
#include "lib/store/store.h"

/* Whatever was there. ERR_CONFLICT only if it came or went at the same moment: do it again. */
void node_put(struct store *st, struct life *life, const char *path, const void *p, size_t n,
	store_done_fn *done, void *ctx);
/* Only over what was read: `version` of the node, -1 = it was absent. ERR_CONFLICT: it has changed. */
void node_replace(struct store *st, struct life *life, const char *path, const void *p, size_t n,
	int32_t version, store_done_fn *done, void *ctx);
/* Absent is fine. version -1: whatever it is, else ERR_CONFLICT if it has changed. */
void node_delete(struct store *st, struct life *life, const char *path, int32_t version,
	store_done_fn *done, void *ctx);
/* The same, if the node `guard` is still at the version that was read before; else ERR_CONFLICT. */
void node_delete_guarded(struct store *st, struct life *life, const char *path, int32_t version,
	const char *guard, int32_t guard_version, store_done_fn *done, void *ctx);

#endif
