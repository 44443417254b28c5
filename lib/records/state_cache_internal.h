/*
 * state_cache_internal.h - the cache's own parts, and a load of it
 *
 * Layer: lib/records, private to state_cache.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_STATE_CACHE_INTERNAL_H
#define LIB_RECORDS_STATE_CACHE_INTERNAL_H

#include "lib/base/life.h"
#include "lib/base/map.h"
#include "lib/records/reader.h"
#include "lib/records/state_cache.h"

struct entry {
	char *id;
	struct cached_service *s;
	/* What the store said when it was read; known: not after it was put in by a commit. */
	bool known;
	int32_t version, children_version;
	int64_t created;
	uint64_t load; /* the last load that found it */
	UT_hash_handle hh;
};

/* Ids put in since the present load began. */
struct applied {
	char *id;
	UT_hash_handle hh;
};

struct staged { /* one service of a load */
	const char *id;
	size_t get, children;
	bool changed;
	struct cached_service *s;
};

struct state_cache {
	struct loop *loop;
	struct store *st;
	struct life *life;
	struct store_watch *watch;
	struct loop_timer timer; /* the next load, or its next turn of building */
	struct state_listener *listeners;
	struct loop_timer tell;
	struct entry *entries;
	struct cached_state *all;
	bool ready, again;
	int32_t version;
	uint64_t bumps; /* versions that our own commits made */
	size_t unreadable;
	/* The load in progress. */
	bool checking, loading, building;
	uint64_t load;
	unsigned torn;
	int32_t v0, v1;
	uint64_t bumps0, bumps1;
	int64_t started, took;
	struct reader *waves; /* while building: the third, which keeps the others */
	size_t at_v1;
	struct staged *staged;
	size_t n_staged, built;
	struct applied *applied;
};

/* state_cache.c */
struct cached_service *cached_service_make(
	struct arena *a_take, const struct service_state *state); /* state is of the arena */
struct entry *state_cache_entry(struct state_cache *c, const char *id); /* made if there is none */
void state_cache_remove(struct state_cache *c, struct entry *e);
bool state_cache_was_applied(const struct state_cache *c, const char *id);
void state_cache_forget_applied(struct state_cache *c);
void state_cache_changed(struct state_cache *c);
void state_cache_tell(struct state_cache *c); /* the version is another one */
void state_cache_look_after(struct state_cache *c, int64_t us);

/* state_cache_load.c */
void state_cache_load(struct state_cache *c);
void state_cache_build_some(struct state_cache *c);
void state_cache_drop_load(
	struct state_cache *c); /* but for waves that the store has: those go with the life */

#define STATE_CACHE_RETRY_US LOOP_MS(1000)

#endif
