/*
 * value.c - trees of JSON values in an arena
 *
 * A map with room for more than LINEAR_KEYS members carries a sorted index behind its members, in
 * the same block, kept at every put: a finished tree is never written again, whoever reads it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/value.h"

#include <stdlib.h>
#include <string.h>

#include "lib/model/jsontext.h"

#define LINEAR_KEYS 16

/* Not const only so that value_string() can hand it out; nobody writes them. */
static struct value null_value = { .kind = VALUE_NULL };
static const struct value true_value = { .kind = VALUE_BOOL, .u.b = true };
static const struct value false_value = { .kind = VALUE_BOOL, .u.b = false };

const struct value *value_null(void)
{
	return &null_value;
}

const struct value *value_bool(bool b)
{
	return b ? &true_value : &false_value;
}

static struct value *new_value(struct arena *a, enum value_kind kind)
{
	struct value *v = arena_alloc(a, sizeof(*v));

	v->kind = kind;
	return v;
}

struct value *value_int(struct arena *a, int64_t i)
{
	struct value *v = new_value(a, VALUE_INT);

	v->u.i = i;
	return v;
}

struct value *value_real(struct arena *a, double r)
{
	struct value *v = new_value(a, VALUE_REAL);

	v->u.r = r;
	return v;
}

struct value *value_string(struct arena *a, const char *s)
{
	struct value *v;

	if (s == NULL)
		return &null_value;
	v = new_value(a, VALUE_STRING);
	v->u.s = arena_strdup(a, s);
	return v;
}

struct value *value_text(struct arena *a, const char *s)
{
	struct value *v;

	if (s == NULL)
		return &null_value;
	v = new_value(a, VALUE_STRING);
	v->u.s = s;
	return v;
}

struct value *value_list(struct arena *a)
{
	return new_value(a, VALUE_LIST);
}

static void list_reserve(struct arena *a, struct value *list, size_t cap)
{
	const struct value **items = arena_alloc(a, cap * sizeof(*items));

	if (list->u.list.n > 0)
		memcpy(items, list->u.list.items, list->u.list.n * sizeof(*items));
	list->u.list.items = items;
	list->u.list.cap = cap;
}

struct value *value_list_sized(struct arena *a, size_t n)
{
	struct value *list = value_list(a);

	if (n > 0)
		list_reserve(a, list, n);
	return list;
}

void value_list_add(struct arena *a, struct value *list, const struct value *item)
{
	ASSERT(list->kind == VALUE_LIST);
	if (list->u.list.n == list->u.list.cap)
		list_reserve(a, list, list->u.list.cap == 0 ? 4 : 2 * list->u.list.cap);
	list->u.list.items[list->u.list.n++] = item;
}

struct value *value_map(struct arena *a)
{
	return new_value(a, VALUE_MAP);
}

/* Positions of the members in key order; there is one iff cap > LINEAR_KEYS. */
static uint32_t *map_index(const struct value *map)
{
	return (uint32_t *)(void *)(map->u.map.members + map->u.map.cap);
}

static int compare_positions(const void *x, const void *y, void *members)
{
	const struct value_member *m = members;

	return strcmp(m[*(const uint32_t *)x].key, m[*(const uint32_t *)y].key);
}

static void map_sort(struct value *map)
{
	uint32_t *index = map_index(map);
	size_t i;

	for (i = 0; i < map->u.map.n; i++)
		index[i] = (uint32_t)i;
	qsort_r(index, map->u.map.n, sizeof(*index), compare_positions, map->u.map.members);
}

static void map_reserve(struct arena *a, struct value *map, size_t cap)
{
	size_t n = map->u.map.n, size = sizeof(struct value_member);
	struct value_member *members;

	ASSERT(cap <= UINT32_MAX);
	members = arena_alloc(a, cap * (size + (cap > LINEAR_KEYS ? sizeof(uint32_t) : 0)));
	if (n > 0)
		memcpy(members, map->u.map.members, n * size);
	if (map->u.map.cap > LINEAR_KEYS)
		memcpy(members + cap, map_index(map), n * sizeof(uint32_t));
	if (map->u.map.cap <= LINEAR_KEYS && cap > LINEAR_KEYS) {
		map->u.map.members = members;
		map->u.map.cap = (uint32_t)cap;
		map_sort(map);
	}
	map->u.map.members = members;
	map->u.map.cap = (uint32_t)cap;
}

/* Where in the index `key` is or would be. */
static size_t index_place(const struct value *map, const char *key)
{
	const uint32_t *index = map_index(map);
	size_t low = 0, high = map->u.map.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(map->u.map.members[index[mid]].key, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static struct value_member *map_find(const struct value *map, const char *key)
{
	size_t i;

	if (map->u.map.cap <= LINEAR_KEYS) {
		for (i = 0; i < map->u.map.n; i++)
			if (map->u.map.members[i].key[0] == key[0] && strcmp(map->u.map.members[i].key, key) == 0)
				return &map->u.map.members[i];
		return NULL;
	}
	i = index_place(map, key);
	if (i < map->u.map.n && strcmp(map->u.map.members[map_index(map)[i]].key, key) == 0)
		return &map->u.map.members[map_index(map)[i]];
	return NULL;
}

struct value *value_map_sized(struct arena *a, size_t n)
{
	struct value *map = value_map(a);

	if (n > 0)
		map_reserve(a, map, n);
	return map;
}

struct value *value_map_over(struct arena *a, const struct value *map, size_t more)
{
	struct value *copy = new_value(a, VALUE_MAP);

	copy->u = map->u;
	/* One that has an index keeps it. */
	map_reserve(a, copy, (map->u.map.cap > LINEAR_KEYS ? map->u.map.cap : map->u.map.n) + more + 1);
	return copy;
}

void value_map_add(struct arena *a, struct value *map, const char *key, const struct value *v)
{
	size_t n = map->u.map.n, place;

	ASSERT(map->kind == VALUE_MAP);
	if (n == map->u.map.cap)
		map_reserve(a, map, n == 0 ? 4 : 2 * n);
	map->u.map.bits |= value_key_bits(key);
	if (map->u.map.cap > LINEAR_KEYS) {
		place = index_place(map, key);
		memmove(map_index(map) + place + 1, map_index(map) + place,
			(n - place) * sizeof(uint32_t));
		map_index(map)[place] = (uint32_t)n;
	}
	map->u.map.members[n] = (struct value_member){ key, v };
	map->u.map.n = (uint32_t)n + 1;
}

void value_map_put(struct arena *a, struct value *map, const char *key, const struct value *v)
{
	struct value_member *m;

	ASSERT(map->kind == VALUE_MAP);
	m = map_find(map, key);
	if (m != NULL)
		m->value = v;
	else
		value_map_add(a, map, arena_strdup(a, key), v);
}

const struct value *value_get(const struct value *map, const char *key)
{
	const struct value_member *m = map != NULL && map->kind == VALUE_MAP ? map_find(map, key) : NULL;

	return m != NULL ? m->value : NULL;
}

/* Two of 64, from FNV-1a. */
uint64_t value_key_bits(const char *key)
{
	uint32_t h = 2166136261u;

	for (const unsigned char *p = (const unsigned char *)key; *p != '\0'; p++)
		h = (h ^ *p) * 16777619u;
	h ^= h >> 15;
	return (uint64_t)1 << (h & 63) | (uint64_t)1 << (h >> 6 & 63);
}

const struct value *value_search(const struct value *map, const char *key, struct value_hint *hint)
{
	const struct value_member *m = map->u.map.members;

	if (hint->asked == key && hint->at < map->u.map.n && strcmp(m[hint->at].key, key) == 0)
		m += hint->at;
	else
		m = map_find(map, key);
	if (m == NULL)
		return NULL;
	*hint = (struct value_hint){ key, m->key, (uint32_t)(m - map->u.map.members) };
	return m->value;
}

static struct value *list_from_json(json_t *j, struct arena *a)
{
	size_t i, n = json_array_size(j);
	struct value *list = value_list_sized(a, n);

	for (i = 0; i < n; i++)
		list->u.list.items[i] = jsontext_value(json_array_get(j, i), a);
	list->u.list.n = n;
	return list;
}

static struct value *map_from_json(json_t *j, struct arena *a)
{
	struct value *map = value_map_sized(a, json_object_size(j));
	void *at;

	for (at = json_object_iter(j); at != NULL; at = json_object_iter_next(j, at)) {
		struct value_member *m = &map->u.map.members[map->u.map.n++];

		m->key = arena_strdup(a, json_object_iter_key(at));
		m->value = jsontext_value(json_object_iter_value(at), a);
		map->u.map.bits |= value_key_bits(m->key);
	}
	if (map->u.map.cap > LINEAR_KEYS)
		map_sort(map);
	return map;
}

const struct value *jsontext_value(json_t *j, struct arena *a)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return map_from_json(j, a);
	case JSON_ARRAY:
		return list_from_json(j, a);
	case JSON_STRING:
		return value_string(a, json_string_value(j));
	case JSON_INTEGER:
		return value_int(a, json_integer_value(j));
	case JSON_REAL:
		return value_real(a, json_real_value(j));
	case JSON_TRUE:
	case JSON_FALSE:
		return value_bool(json_is_true(j));
	case JSON_NULL:
		break;
	}
	return value_null();
}

int value_parse(
	const char *text, size_t n, struct arena *a, const struct value **v_out, struct error *err)
{
	AUTO(jsontext_free) json_t *j = NULL;
	int rc = jsontext_load(text, n, false, &j, err);

	if (rc == 0)
		*v_out = jsontext_value(j, a);
	return rc;
}

static void write_list(const struct value *v, bool sorted, struct buf *out)
{
	size_t i;

	buf_char(out, '[');
	for (i = 0; i < v->u.list.n; i++) {
		if (i > 0)
			buf_char(out, ',');
		value_write(v->u.list.items[i], sorted, out);
	}
	buf_char(out, ']');
}

/* The members of a map without index, in key order. */
static void sort_few(const struct value *map, uint32_t *order)
{
	size_t i, k;

	for (i = 0; i < map->u.map.n; i++) {
		for (k = i; k > 0; k--) {
			if (strcmp(map->u.map.members[order[k - 1]].key,
				    map->u.map.members[i].key) < 0)
				break;
			order[k] = order[k - 1];
		}
		order[k] = (uint32_t)i;
	}
}

static void write_map(const struct value *v, bool sorted, struct buf *out)
{
	uint32_t few[LINEAR_KEYS];
	const uint32_t *order = few;
	size_t i;

	if (sorted && v->u.map.cap <= LINEAR_KEYS)
		sort_few(v, few);
	else if (sorted)
		order = map_index(v);
	buf_char(out, '{');
	for (i = 0; i < v->u.map.n; i++) {
		const struct value_member *m = &v->u.map.members[sorted ? order[i] : i];

		if (i > 0)
			buf_char(out, ',');
		buf_json_string(out, m->key, strlen(m->key));
		buf_char(out, ':');
		value_write(m->value, sorted, out);
	}
	buf_char(out, '}');
}

void value_write(const struct value *v, bool sorted, struct buf *out)
{
	switch (v->kind) {
	case VALUE_NULL:
		buf_append(out, "null", 4);
		break;
	case VALUE_BOOL:
		buf_str(out, v->u.b ? "true" : "false");
		break;
	case VALUE_INT:
		jsontext_write_int(out, v->u.i);
		break;
	case VALUE_REAL:
		jsontext_write_real(out, v->u.r);
		break;
	case VALUE_STRING:
		buf_json_string(out, v->u.s, strlen(v->u.s));
		break;
	case VALUE_LIST:
		write_list(v, sorted, out);
		break;
	case VALUE_MAP:
		write_map(v, sorted, out);
		break;
	}
}

static bool list_equal(const struct value *x, const struct value *y)
{
	size_t i;

	if (x->u.list.n != y->u.list.n)
		return false;
	for (i = 0; i < x->u.list.n; i++)
		if (!value_equal(x->u.list.items[i], y->u.list.items[i]))
			return false;
	return true;
}

static bool map_equal(const struct value *x, const struct value *y)
{
	size_t i;

	if (x->u.map.n != y->u.map.n)
		return false;
	for (i = 0; i < x->u.map.n; i++) {
		const struct value_member *m = map_find(y, x->u.map.members[i].key);

		if (m == NULL || !value_equal(x->u.map.members[i].value, m->value))
			return false;
	}
	return true;
}

bool value_equal(const struct value *x, const struct value *y)
{
	if (x == y)
		return true;
	if (x == NULL || y == NULL || x->kind != y->kind)
		return false;
	switch (x->kind) {
	case VALUE_NULL:
		return true;
	case VALUE_BOOL:
		return x->u.b == y->u.b;
	case VALUE_INT:
		return x->u.i == y->u.i;
	case VALUE_REAL: /* as their texts: -0.0 differs from 0.0 */
		return memcmp(&x->u.r, &y->u.r, sizeof(x->u.r)) == 0;
	case VALUE_STRING:
		return strcmp(x->u.s, y->u.s) == 0;
	case VALUE_LIST:
		return list_equal(x, y);
	case VALUE_MAP:
		return map_equal(x, y);
	}
	return false;
}

const struct value *value_clone(const struct value *v, struct arena *a)
{
	struct value *copy;
	size_t i;

	if (v == NULL)
		return NULL;
	if (v->kind == VALUE_NULL)
		return value_null();
	if (v->kind == VALUE_BOOL)
		return value_bool(v->u.b);
	if (v->kind == VALUE_STRING)
		return value_string(a, v->u.s);
	copy = new_value(a, v->kind);
	if (v->kind == VALUE_LIST && v->u.list.n > 0) {
		list_reserve(a, copy, v->u.list.n);
		for (i = 0; i < v->u.list.n; i++)
			value_list_add(a, copy, value_clone(v->u.list.items[i], a));
	} else if (v->kind == VALUE_MAP && v->u.map.n > 0) {
		map_reserve(a, copy, v->u.map.cap);
		for (i = 0; i < v->u.map.n; i++) {
			const struct value_member *m = &v->u.map.members[i];

			copy->u.map.members[i].key = arena_strdup(a, m->key);
			copy->u.map.members[i].value = value_clone(m->value, a);
		}
		copy->u.map.n = v->u.map.n;
		copy->u.map.bits = v->u.map.bits;
		if (copy->u.map.cap > LINEAR_KEYS)
			map_sort(copy);
	} else if (v->kind == VALUE_INT || v->kind == VALUE_REAL) {
		copy->u = v->u;
	}
	return copy;
}
