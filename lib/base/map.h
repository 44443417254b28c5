/*
 * map.h - uthash under our names: string-keyed maps in insertion order
 *
 * A member embeds `UT_hash_handle hh` and a string that lives as long as the member.  The hash is
 * a seeded one (map_seed at start-up), so that nobody outside can choose colliding keys; order of
 * iteration is insertion order and does not depend on it, so runs repeat.
 * Lists: utlist.h (DL_APPEND, DL_DELETE, DL_FOREACH_SAFE) may be used directly.
 *
 * Layer: lib/base (libc, uthash).  Threads: a map belongs to one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_MAP_H
#define LIB_BASE_MAP_H

#include "lib/base/base.h"

unsigned map_hash(const void *key, size_t n);
void map_seed(uint64_t seed);

#define HASH_FUNCTION(keyptr, keylen, hashv) ((hashv) = map_hash((keyptr), (keylen)))
#define uthash_fatal(msg) assert_failed((msg), __FILE__, __LINE__)
#include <uthash.h>
#include <utlist.h>
/* A step along a chain is a miss of the cache: more buckets, shorter chains. */
#undef HASH_BKT_CAPACITY_THRESH
#define HASH_BKT_CAPACITY_THRESH 5U

/* `head` is a pointer variable, NULL for an empty map. */
#define MAP_FIND(head, key, out) HASH_FIND_STR((head), (key), (out))
#define MAP_ADD(head, field, item)                                                                 \
	HASH_ADD_KEYPTR(hh, (head), (item)->field, strlen((item)->field), (item))
#define MAP_DEL(head, item) HASH_DEL((head), (item))
#define MAP_COUNT(head) HASH_COUNT(head)
#define MAP_EACH(head, item, tmp) HASH_ITER(hh, (head), (item), (tmp))

#endif
