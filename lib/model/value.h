/*
 * value.h - a free-form JSON tree in an arena: service options, template data
 *
 * Immutable once built. Objects keep the order of their keys; look-up is linear up to 16 keys and
 * by a sorted index above. Strings are NUL-terminated and hold no NUL.
 *
 * Layer: lib/base (jansson inside, for text).  Threads: immutable trees may be shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_VALUE_H
#define LIB_MODEL_VALUE_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"

#include <stdint.h>

enum value_kind { VALUE_NULL, VALUE_BOOL, VALUE_INT, VALUE_REAL, VALUE_STRING, VALUE_LIST, VALUE_MAP };

struct value;
struct value_member {
	const char *key;
	const struct value *value;
};
struct value {
	enum value_kind kind;
	union {
		bool b;
		int64_t i;
		double r;
		const char *s;
		struct { const struct value **items; size_t n, cap; } list;
		struct { struct value_member *members; uint32_t n, cap; uint64_t bits; /* of its keys */ } map;
	} u;
};

/* Builders; everything is allocated in the arena, strings are copied. */
const struct value *value_null(void);
const struct value *value_bool(bool b);
struct value *value_int(struct arena *a, int64_t i);
struct value *value_real(struct arena *a, double r);
struct value *value_string(struct arena *a, const char *s); /* NULL gives value_null() */
struct value *value_list(struct arena *a);
void value_list_add(struct arena *a, struct value *list, const struct value *item);
struct value *value_map(struct arena *a);
void value_map_put(struct arena *a, struct value *map, const char *key, const struct value *v); /* replaces */

/* For data whose texts outlive it: keys and strings are borrowed.  A sized list or map has room for n. */
struct value *value_text(struct arena *a, const char *s); /* NULL gives value_null() */
struct value *value_list_sized(struct arena *a, size_t n);
struct value *value_map_sized(struct arena *a, size_t n);
void value_map_add(struct arena *a, struct value *map, const char *key, const struct value *v); /* a new key */
struct value *value_map_over(struct arena *a, const struct value *map, size_t more); /* its members, and room */

const struct value *value_get(const struct value *map, const char *key); /* NULL: no such, or no map */

/* The same for keys that are looked for again and again.  `bits` is value_key_bits(key), made once: a map that
 * lacks one of them lacks the key, and no key of it is read.  The hint is where it was found last time, in
 * whatever map; maps often share the texts of their keys.  Zeros are a hint, too; one that was made with a map
 * that is gone must not be used. */
struct value_hint {
	const char *asked, *key; /* the caller's, the map's */
	uint32_t at;
};
uint64_t value_key_bits(const char *key);
const struct value *value_search(const struct value *map, const char *key, struct value_hint *hint);
static inline const struct value *value_find(const struct value *map, const char *key, uint64_t bits,
	struct value_hint *hint)
{
	if ((map->u.map.bits & bits) != bits)
		return NULL;
	if (hint->asked == key && hint->at < map->u.map.n && hint->key == map->u.map.members[hint->at].key)
		return map->u.map.members[hint->at].value;
	return value_search(map, key, hint);
}

/* Text. Limits: depth 64. Duplicate keys are an error. "key sorted" is the canonical form. */
int value_parse(const char *text, size_t n, struct arena *a, const struct value **v_out, struct error *err) MUST_CHECK;
void value_write(const struct value *v, bool sorted, struct buf *out);
bool value_equal(const struct value *x, const struct value *y); /* 1 differs from 1.0, key order is irrelevant */
const struct value *value_clone(const struct value *v, struct arena *a);

#endif
