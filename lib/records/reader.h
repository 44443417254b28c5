/*
 * reader.h - read a set of nodes and child lists in one go
 *
 * Add what is wanted, run, and get one callback with everything.  Reads are sent in the order they were added
 * (so a version can be read before the list that it guards), pipelined.  Absent nodes are no error.
 *
 *	struct reader *r = reader_new(st, w->life);
 *	size_t gv = reader_get(r, path_group(r->arena, g));
 *	size_t hosts = reader_children(r, path_hosts(r->arena, g));
 *	reader_run(&r, on_read, w);
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_READER_H
#define LIB_RECORDS_READER_H

#include "lib/base/life.h"
#include "lib/store/store.h"

struct reader {
	struct arena *arena; /* paths, results, and whatever the owner keeps with them */
	struct reader *prev; /* an earlier wave, owned; NULL = none */
	/* private */
	struct store *st;
	struct life *life;
	struct reader_item *items;
	size_t n, cap, sent, answered, outstanding;
	bool sync_first;
	struct error err;
	void (*done)(void *ctx, struct reader **r_take, const struct error *err);
	void *ctx;
};

/* The callback does not come once `life` is over; then all that is in the arena goes silently, so the owner keeps what it
 * needs for the way in there (arena_alloc(r->arena, …)) and nothing leaks. */
struct reader *reader_new(struct store *st, struct life *life);
struct reader *reader_next(struct reader **prev_take); /* a further wave of the same owner, keeping the former */
void reader_free(struct reader **r);
size_t reader_get(struct reader *r, const char *path);
size_t reader_children(struct reader *r, const char *path);
void reader_sync_first(struct reader *r); /* see all that was committed before */

/* err NULL: every item is answered. The callback owns the reader. */
void reader_run(struct reader **r_take, void (*done)(void *ctx, struct reader **r_take, const struct error *err), void *ctx);

/* Answers. A node is NULL if absent; a list is empty if the parent is absent. */
const struct store_node *reader_node(const struct reader *r, size_t i);
const char *const *reader_names(const struct reader *r, size_t i, size_t *n_out);
bool reader_exists(const struct reader *r, size_t i);

#endif
