/*
 * record_read.c - records decoded by their tables
 *
 * Every error names the place: "loadBalancerService.owners[2]: must be a string".
 *
 * Layer: lib/base, jansson.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/record.h"

#include <string.h>

#include "lib/model/record_reader.h"

#define MAX_STRING ((size_t)64 << 10)
#define MAX_ELEMENTS ((size_t)10000)
#define SHORT_SET 32 /* up to here a set is searched one by one */

static int read_object(const struct reader *rd, const struct place *at, json_t *j,
	const struct record *r, void *obj);

/* ---- collections ---- */

static int check_array(const struct reader *rd, const struct place *at, const json_t *j, size_t max)
{
	if (!json_is_array(j))
		return reader_fail(rd, at, "must be an array");
	if (json_array_size(j) > max)
		return reader_fail(rd, at, "must have at most %zu elements", max);
	return 0;
}

/* Whether `s` is already in the list; long sets are looked up in `seen`. */
static bool in_set(const struct strings *list, json_t *seen, const char *s)
{
	if (seen == NULL)
		return strings_have(list, s);
	if (json_object_get(seen, s) != NULL)
		return true;
	json_object_set_new_nocheck(seen, s, json_true());
	return false;
}

static int read_strings(const struct reader *rd, const struct place *at, const json_t *j,
	const struct field *f, struct strings *out)
{
	size_t i, n = json_array_size(j), max = f->max_bytes != 0 ? f->max_bytes : MAX_ELEMENTS;
	AUTO(jsontext_free) json_t *seen = NULL;
	struct strings list = { NULL, 0 };
	int rc = check_array(rd, at, j, max);

	if (rc != 0)
		return rc;
	if (n > 0)
		list.items = arena_alloc(rd->a, n * sizeof(*list.items));
	if (f->kind == FIELD_STRING_SET && n > SHORT_SET)
		seen = json_object();
	for (i = 0; i < n; i++) {
		const struct place here = { at, NULL, i };
		const char *s;

		rc = reader_text(rd, &here, json_array_get(j, i), MAX_STRING, &s);
		if (rc != 0)
			return rc;
		if (f->kind == FIELD_STRINGS || !in_set(&list, seen, s))
			list.items[list.n++] = s;
	}
	*out = list;
	return 0;
}

static int read_records(const struct reader *rd, const struct place *at, const json_t *j,
	const struct record *r, size_t max, struct records *out)
{
	struct records list = { NULL, json_array_size(j) };
	int rc = check_array(rd, at, j, max != 0 ? max : MAX_ELEMENTS);
	size_t i;

	if (rc != 0)
		return rc;
	if (list.n > 0)
		list.items = arena_alloc(rd->a, list.n * r->size);
	for (i = 0; i < list.n; i++) {
		const struct place here = { at, NULL, i };

		rc = read_object(
			rd, &here, json_array_get(j, i), r, (char *)list.items + i * r->size);
		if (rc != 0)
			return rc;
	}
	*out = list;
	return 0;
}

static int read_record_map(const struct reader *rd, const struct place *at, json_t *j,
	const struct field *f, struct record_map *out)
{
	struct record_map map = { NULL, 0 };
	json_t *list;
	const char *key;

	if (!json_is_object(j))
		return reader_fail(rd, at, "must be an object");
	map.entries = arena_alloc(rd->a, (json_object_size(j) + 1) * sizeof(*map.entries));
	json_object_foreach(j, key, list) {
		struct record_map_entry *e = &map.entries[map.n++];
		const struct place here = { at, key, 0 };
		int rc;

		e->key = arena_strdup(rd->a, key);
		rc = reader_missing(list)
			     ? 0
			     : read_records(rd, &here, list, f->of, f->max_bytes, &e->list);
		if (rc != 0)
			return rc;
	}
	*out = map;
	return 0;
}

/* Scalars become text; a null is as if the key were missing. */
static int read_string_map(
	const struct reader *rd, const struct place *at, json_t *j, const struct value **out)
{
	struct value *map = value_map(rd->a);
	json_t *item;
	const char *key;

	if (!json_is_object(j))
		return reader_fail(rd, at, "must be an object");
	json_object_foreach(j, key, item) {
		const struct place here = { at, key, 0 };
		const char *s;
		int rc;

		if (reader_missing(item))
			continue;
		rc = reader_text(rd, &here, item, MAX_STRING, &s);
		if (rc != 0)
			return rc;
		value_map_put(rd->a, map, key, value_string(rd->a, s));
	}
	*out = map;
	return 0;
}

/* ---- fields and objects ---- */

static int read_member_record(
	const struct reader *rd, const struct place *at, json_t *j, const struct field *f, void *to)
{
	void *obj = arena_alloc(rd->a, f->of->size);
	int rc = read_object(rd, at, j, f->of, obj);

	if (rc == 0)
		memcpy(to, &obj, sizeof(obj));
	return rc;
}

static int read_present(
	const struct reader *rd, const struct place *at, json_t *j, const struct field *f, void *to)
{
	struct records list;
	bool set;
	int rc;

	switch (f->kind) {
	case FIELD_STRING:
		return reader_text(rd, at, j, f->max_bytes != 0 ? f->max_bytes : MAX_STRING, to);
	case FIELD_INT:
		return reader_int(rd, at, j, to, &set);
	case FIELD_OPT_INT:
		return reader_int(
			rd, at, j, &((struct opt_int *)to)->v, &((struct opt_int *)to)->set);
	case FIELD_BOOL:
		return reader_bool(rd, at, j, to);
	case FIELD_ENUM:
		return reader_enum(rd, at, j, f->names, to);
	case FIELD_STRINGS:
	case FIELD_STRING_SET:
		return read_strings(rd, at, j, f, to);
	case FIELD_RECORD:
		return read_member_record(rd, at, j, f, to);
	case FIELD_RECORDS:
		rc = read_records(rd, at, j, f->of, f->max_bytes, &list);
		if (rc == 0)
			memcpy(to, &list, sizeof(list));
		return rc;
	case FIELD_RECORD_MAP:
		return read_record_map(rd, at, j, f, to);
	case FIELD_STRING_MAP:
		return read_string_map(rd, at, j, to);
	case FIELD_VALUE:
	case FIELD_READ_ONLY_VALUE:
		*(const struct value **)to = jsontext_value(j, rd->a);
		return 0;
	case FIELD_MEMORY_STRING:
		break;
	}
	return 0;
}

/* Everything else is zero already: NULL, empty, 0, false. */
static void set_missing(const struct field *f, void *to)
{
	if (f->kind == FIELD_STRING)
		*(const char **)to = f->missing;
	else if (f->kind == FIELD_ENUM)
		*(int *)to = -1;
}

static int read_field(const struct reader *rd, const struct place *at, json_t *j,
	const struct field *f, void *obj)
{
	void *to = (char *)obj + f->offset;

	if (!reader_missing(j))
		return read_present(rd, at, j, f, to);
	set_missing(f, to);
	return f->required ? reader_absent(rd, at) : 0;
}

static const struct field *find_field(const struct record *r, const char *key)
{
	size_t i;

	for (i = 0; i < r->n_fields; i++) {
		if (r->fields[i].kind != FIELD_MEMORY_STRING && strcmp(r->fields[i].name, key) == 0)
			return &r->fields[i];
	}
	return NULL;
}

static int check_keys(
	const struct reader *rd, const struct place *at, json_t *j, const struct record *r)
{
	const char *key;
	json_t *item;

	json_object_foreach(j, key, item) {
		const struct place here = { at, key, 0 };

		if (find_field(r, key) == NULL)
			return reader_fail(rd, &here, "unknown key");
	}
	return 0;
}

static int read_string_form(const struct reader *rd, const struct place *at, json_t *j,
	const struct record *r, void *obj)
{
	struct error e = ERROR_INIT;

	if (r->from_string(json_string_value(j), rd->a, obj, &e) != 0)
		return reader_fail(rd, at, "%s", e.text);
	return 0;
}

static int apply_rules(
	const struct reader *rd, const struct place *at, const struct record *r, void *obj)
{
	struct error e = ERROR_INIT;
	bool whole = rd->missing == NULL || rd->missing->n == 0;

	if (!whole || r->after == NULL || r->after(obj, rd->a, &e) == 0)
		return 0;
	return reader_fail_field(rd, at, e.text);
}

static int read_list_form(const struct reader *rd, const struct place *at, json_t *j,
	const struct record *r, void *obj)
{
	size_t i;

	if (!json_is_array(j) || json_array_size(j) != r->n_fields)
		return reader_fail(rd, at, "must be an array of %zu elements", r->n_fields);
	for (i = 0; i < r->n_fields; i++) {
		const struct place here = { at, NULL, i };
		int rc = read_field(rd, &here, json_array_get(j, i), &r->fields[i], obj);

		if (rc != 0)
			return rc;
	}
	return apply_rules(rd, at, r, obj);
}

/* `obj` is zero-filled. */
static int read_object(const struct reader *rd, const struct place *at, json_t *j,
	const struct record *r, void *obj)
{
	size_t i;
	int rc;

	if (r->as_list)
		return read_list_form(rd, at, j, r, obj);
	if (json_is_string(j) && r->from_string != NULL)
		return read_string_form(rd, at, j, r, obj);
	if (json_is_null(j))
		return reader_absent(rd, at);
	if (!json_is_object(j))
		return reader_fail(rd, at, "must be an object");
	rc = r->strict ? check_keys(rd, at, j, r) : 0;
	for (i = 0; rc == 0 && i < r->n_fields; i++) {
		const struct field *f = &r->fields[i];
		const struct place here = { at, f->name, 0 };

		if (f->kind != FIELD_MEMORY_STRING)
			rc = read_field(rd, &here, json_object_get(j, f->name), f, obj);
	}
	return rc != 0 ? rc : apply_rules(rd, at, r, obj);
}

static int decode(const struct reader *rd, const struct record *r, const char *text, size_t n,
	void *obj_out_pp)
{
	AUTO(jsontext_free) json_t *j = NULL;
	int rc = jsontext_load(text, n, !r->strict, &j, rd->err);
	void *obj;

	if (rc != 0)
		return rc;
	obj = arena_alloc(rd->a, r->size);
	rc = read_object(rd, NULL, j, r, obj);
	if (rc != 0 && rd->missing != NULL)
		rd->missing->n = 0;
	else if (rd->missing != NULL && rd->missing->n > 0)
		rc = error_set(rd->err, ERR_INVALID, "%s", rd->missing->items[0]);
	if (rc == 0)
		memcpy(obj_out_pp, &obj, sizeof(obj));
	return rc;
}

int record_decode(const struct record *r, const char *text, size_t n, struct arena *a,
	void *obj_out_pp, struct error *err)
{
	return decode(&(struct reader){ a, err, NULL }, r, text, n, obj_out_pp);
}

int record_decode_all(const struct record *r, const char *text, size_t n, struct arena *a,
	void *obj_out_pp, struct strings *missing, struct error *err)
{
	*missing = (struct strings){ NULL, 0 };
	return decode(&(struct reader){ a, err, missing }, r, text, n, obj_out_pp);
}

int record_decode_list(const struct record *r, const char *text, size_t n, struct arena *a,
	struct records *out, struct error *err)
{
	const struct reader rd = { a, err, NULL };
	AUTO(jsontext_free) json_t *j = NULL;
	int rc = jsontext_load(text, n, !r->strict, &j, err);

	if (rc != 0)
		return rc;
	return read_records(&rd, NULL, j, r, JSONTEXT_MAX_BYTES, out);
}
