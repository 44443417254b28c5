/*
 * mem_tree.h - ZooKeeper's tree and transaction rules, without time or sessions
 *
 * A transaction gets one zxid and is all or nothing; its commit record can be replayed on an older
 * copy of the tree, which is how a lagging follower is made.
 *
 * Layer: lib/store, private to store_mem.  Threads: none shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_MEM_TREE_H
#define LIB_STORE_MEM_TREE_H

#include "lib/base/map.h"
#include "lib/store/store_internal.h"
#include "lib/store/store_mem.h"

struct mem_node {
	char *path;
	struct mem_node *parent;
	struct mem_node *children;    /* list by prev, next */
	struct mem_node *prev, *next; /* siblings */
	char *data;                   /* stat.data points here */
	struct store_node stat;
	uint64_t owner;    /* session of an ephemeral; 0 = persistent */
	uint32_t creates;  /* children made so far: the counter of sequential names */
	UT_hash_handle hh;
};

struct mem_tree {
	struct mem_node *nodes; /* by path; parents come before children */
	int64_t zxid;           /* of the last transaction applied */
};

/* What one transaction did: kept for replay and for the checker. */
struct mem_commit {
	unsigned refs;
	struct arena *mem;
	int64_t zxid, wall_ms, at_us;
	uint64_t owner;
	struct mem_change *changes;
	bool *ephemeral;      /* of changes[i] */
	size_t n;
	const char **created; /* per operation: path given, or NULL */
	size_t ops;
};

void mem_tree_init(struct mem_tree *t);
void mem_tree_release(struct mem_tree *t);
void mem_tree_copy(struct mem_tree *to, const struct mem_tree *from);
struct mem_node *mem_tree_find(const struct mem_tree *t, const char *path);
const char *mem_node_name(const struct mem_node *n);

/* NULL: refused, *failed and *why say which and why; the tree is as before. */
struct mem_commit *mem_tree_apply(struct mem_tree *t, const struct store_op *ops, size_t n, uint64_t owner,
	int64_t wall_ms, size_t *failed, enum store_why *why);
/* One transaction that deletes all ephemerals of a session. */
struct mem_commit *mem_tree_end_session(struct mem_tree *t, uint64_t owner, int64_t wall_ms);
void mem_tree_replay(struct mem_tree *t, const struct mem_commit *c);

struct mem_commit *mem_commit_ref(struct mem_commit *c);
void mem_commit_unref(struct mem_commit *c);

#endif
