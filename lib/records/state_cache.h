/*
 * state_cache.h - the committed state of all services in memory, encoded once per change
 *
 * Loaded from the store, loaded again when the version of /state-last-updated says that somebody
 * else has committed; what this process commits itself is put in directly, and the version that the
 * store then shows is expected.  Readers get immutable, counted objects.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_STATE_CACHE_H
#define LIB_RECORDS_STATE_CACHE_H

#include "lib/model/service.h"
#include "lib/store/store.h"

/* Never changed once made. */
struct cached_service {
	unsigned refs;
	struct arena *arena;
	const struct service_state *state;
	const char *json; /* as BaragonServiceState */
	size_t json_len;
};
void cached_service_ref(struct cached_service *s);
void cached_service_unref(void *s); /* fits http_reply_shared() */

/* The whole state as one JSON array. */
struct cached_state {
	unsigned refs;
	int32_t version;
	char *json;
	size_t json_len;
};
void cached_state_unref(void *s);

struct state_cache;
struct state_cache *state_cache_new(struct loop *l, struct store *st);
void state_cache_free(struct state_cache **c);

bool state_cache_ready(const struct state_cache *c); /* loaded at least once */
/* Nothing that the store has told of is still to be read. What one session has read of a commit, the cache has, or says no. */
bool state_cache_current(const struct state_cache *c);
int32_t state_cache_version(
	const struct state_cache *c); /* of what it holds; -1 = the store has none */
size_t state_cache_count(const struct state_cache *c);
size_t state_cache_unreadable(const struct state_cache *c); /* service nodes that are no services */
uint64_t state_cache_loads(const struct state_cache *c); /* whole loads so far */

/* Borrowed until the next turn unless referenced; NULL = not there. */
struct cached_service *state_cache_get(const struct state_cache *c, const char *service_id);
/* A new reference; the text is made when it is first asked for after a change. */
struct cached_state *state_cache_all(struct state_cache *c);
/* In a stable order; `each` must not change the cache. */
void state_cache_each(
	const struct state_cache *c, void (*each)(void *ctx, struct cached_service *s), void *ctx);

/* Told in a later turn that the version has changed. Embedded in its owner, removed before that is freed. */
struct state_listener {
	void (*fn)(void *ctx);
	void *ctx;
	struct state_listener *prev, *next; /* private */
};
void state_cache_listen(struct state_cache *c, struct state_listener *l);
void state_cache_unlisten(struct state_cache *c, struct state_listener *l);

/* What was just committed by this process, in one transaction. */
struct state_change {
	const char *service_id;
	const struct service_state *state; /* copied; service NULL: deleted */
};
void state_cache_apply(
	struct state_cache *c, const struct state_change *changes, size_t n, bool version_bumped);

#endif
