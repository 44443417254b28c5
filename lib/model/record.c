/*
 * record.c - records written, compared and copied by their tables; record_read.c decodes
 *
 * Members are reached through memcpy where their C type differs from record to record ({ T *items;
 * size_t n; } and const T *): the compiler may then not assume anything about what else lives
 * there.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/record.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/model/jsontext.h"

#define MAX_FIELDS 32

static const void *member(const void *obj, const struct field *f)
{
	return (const char *)obj + f->offset;
}

static struct records get_records(const void *p)
{
	struct records list;

	memcpy(&list, p, sizeof(list));
	return list;
}

static const void *get_pointer(const void *p)
{
	const void *obj;

	memcpy(&obj, p, sizeof(obj));
	return obj;
}

static const void *element(const struct records *list, const struct record *r, size_t i)
{
	return (const char *)list->items + i * r->size;
}

/* ---- writing ---- */

struct writer {
	struct buf *out;
	bool canonical;
};

static void write_record(const struct writer *w, const struct record *r, const void *obj);

static void write_text(const struct writer *w, const char *s)
{
	if (s == NULL)
		buf_append(w->out, "null", 4);
	else
		buf_json_string(w->out, s, strlen(s));
}

static void write_strings(const struct writer *w, const struct strings *list)
{
	size_t i;

	buf_char(w->out, '[');
	for (i = 0; i < list->n; i++) {
		if (i > 0)
			buf_char(w->out, ',');
		write_text(w, list->items[i]);
	}
	buf_char(w->out, ']');
}

static void write_records(
	const struct writer *w, const struct record *r, const struct records *list)
{
	size_t i;

	buf_char(w->out, '[');
	for (i = 0; i < list->n; i++) {
		if (i > 0)
			buf_char(w->out, ',');
		write_record(w, r, element(list, r, i));
	}
	buf_char(w->out, ']');
}

static int compare_entries(const void *x, const void *y)
{
	const struct record_map_entry *const *a = x, *const *b = y;

	return strcmp((*a)->key, (*b)->key);
}

static void write_record_map(
	const struct writer *w, const struct record *r, const struct record_map *map)
{
	const struct record_map_entry **order = xcalloc(map->n + 1, sizeof(*order));
	size_t i;

	for (i = 0; i < map->n; i++)
		order[i] = &map->entries[i];
	if (w->canonical)
		qsort(order, map->n, sizeof(*order), compare_entries);
	buf_char(w->out, '{');
	for (i = 0; i < map->n; i++) {
		if (i > 0)
			buf_char(w->out, ',');
		write_text(w, order[i]->key);
		buf_char(w->out, ':');
		write_records(w, r, &order[i]->list);
	}
	buf_char(w->out, '}');
	xfree_p(&order);
}

static void write_value(const struct writer *w, const struct value *v, const char *none)
{
	if (v == NULL)
		buf_str(w->out, none);
	else
		value_write(v, w->canonical, w->out);
}

static void write_opt_int(const struct writer *w, const struct opt_int *i)
{
	if (i->set)
		jsontext_write_int(w->out, i->v);
	else
		buf_append(w->out, "null", 4);
}

static void write_enum(const struct writer *w, const struct field *f, int i)
{
	write_text(w, i < 0 ? NULL : f->names[i]);
}

static void write_field(const struct writer *w, const struct field *f, const void *p)
{
	struct records list;

	switch (f->kind) {
	case FIELD_STRING:
		write_text(w, *(const char *const *)p);
		break;
	case FIELD_INT:
		jsontext_write_int(w->out, *(const int64_t *)p);
		break;
	case FIELD_OPT_INT:
		write_opt_int(w, p);
		break;
	case FIELD_BOOL:
		buf_str(w->out, *(const bool *)p ? "true" : "false");
		break;
	case FIELD_ENUM:
		write_enum(w, f, *(const int *)p);
		break;
	case FIELD_STRINGS:
	case FIELD_STRING_SET:
		write_strings(w, p);
		break;
	case FIELD_RECORD:
		if (get_pointer(p) == NULL)
			buf_append(w->out, "null", 4);
		else
			write_record(w, f->of, get_pointer(p));
		break;
	case FIELD_RECORDS:
		list = get_records(p);
		write_records(w, f->of, &list);
		break;
	case FIELD_RECORD_MAP:
		write_record_map(w, f->of, p);
		break;
	case FIELD_STRING_MAP:
		write_value(w, *(const struct value *const *)p, "{}");
		break;
	case FIELD_VALUE:
		write_value(w, *(const struct value *const *)p, "null");
		break;
	case FIELD_READ_ONLY_VALUE:
	case FIELD_MEMORY_STRING:
		break;
	}
}

static bool is_empty(const struct field *f, const void *p)
{
	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_RECORD:
	case FIELD_STRING_MAP:
	case FIELD_VALUE:
		return get_pointer(p) == NULL;
	case FIELD_OPT_INT:
		return !((const struct opt_int *)p)->set;
	case FIELD_BOOL:
		return !*(const bool *)p;
	case FIELD_ENUM:
		return *(const int *)p < 0;
	case FIELD_STRINGS:
	case FIELD_STRING_SET:
		return ((const struct strings *)p)->n == 0;
	case FIELD_RECORDS:
		return get_records(p).n == 0;
	case FIELD_RECORD_MAP:
		return ((const struct record_map *)p)->n == 0;
	case FIELD_INT:
	case FIELD_READ_ONLY_VALUE:
	case FIELD_MEMORY_STRING:
		break;
	}
	return false;
}

static bool is_written(const struct field *f, const void *obj)
{
	if (f->kind == FIELD_READ_ONLY_VALUE || f->kind == FIELD_MEMORY_STRING)
		return false;
	return !f->omit_null || !is_empty(f, member(obj, f));
}

/* Table order, or by name for the canonical form. */
static void field_order(const struct record *r, bool by_name, uint8_t order[MAX_FIELDS])
{
	size_t i, k;

	ASSERT(r->n_fields <= MAX_FIELDS);
	for (i = 0; i < r->n_fields; i++) {
		for (k = i; by_name && k > 0; k--) {
			if (strcmp(r->fields[order[k - 1]].name, r->fields[i].name) < 0)
				break;
			order[k] = order[k - 1];
		}
		order[k] = (uint8_t)i;
	}
}

static void write_record(const struct writer *w, const struct record *r, const void *obj)
{
	uint8_t order[MAX_FIELDS];
	bool first = true;
	size_t i;

	field_order(r, w->canonical && !r->as_list, order);
	buf_char(w->out, r->as_list ? '[' : '{');
	for (i = 0; i < r->n_fields; i++) {
		const struct field *f = &r->fields[order[i]];

		if (!is_written(f, obj))
			continue;
		if (!first)
			buf_char(w->out, ',');
		first = false;
		if (!r->as_list) {
			buf_char(w->out, '"'); /* names of fields need no escapes */
			buf_str(w->out, f->name);
			buf_append(w->out, "\":", 2);
		}
		write_field(w, f, member(obj, f));
	}
	buf_char(w->out, r->as_list ? ']' : '}');
}

void record_encode(const struct record *r, const void *obj, struct buf *out)
{
	write_record(&(struct writer){ out, false }, r, obj);
}

void record_encode_canonical(const struct record *r, const void *obj, struct buf *out)
{
	write_record(&(struct writer){ out, true }, r, obj);
}

void record_encode_list(const struct record *r, const void *items, size_t n, struct buf *out)
{
	struct records list = { NULL, n };

	memcpy(&list.items, &items, sizeof(items)); /* only read */
	write_records(&(struct writer){ out, false }, r, &list);
}

/* ---- comparing ---- */

static int compare_texts(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Sorted and each text once; the caller frees. */
static const char **sorted_texts(const struct strings *s, size_t *n_out)
{
	const char **texts = xcalloc(s->n + 1, sizeof(*texts));
	size_t i, n = 0;

	if (s->n > 0)
		memcpy(texts, s->items, s->n * sizeof(*texts));
	qsort(texts, s->n, sizeof(*texts), compare_texts);
	for (i = 0; i < s->n; i++) {
		if (n == 0 || strcmp(texts[n - 1], texts[i]) != 0)
			texts[n++] = texts[i];
	}
	*n_out = n;
	return texts;
}

static bool strings_equal(const struct strings *x, const struct strings *y)
{
	size_t i;

	if (x->n != y->n)
		return false;
	for (i = 0; i < x->n; i++) {
		if (!str_eq(x->items[i], y->items[i]))
			return false;
	}
	return true;
}

static bool sets_equal(const struct strings *x, const struct strings *y)
{
	struct strings a = { NULL, 0 }, b = { NULL, 0 };
	bool equal;

	if (strings_equal(x, y))
		return true;
	a.items = sorted_texts(x, &a.n);
	b.items = sorted_texts(y, &b.n);
	equal = strings_equal(&a, &b);
	xfree_p(&a.items);
	xfree_p(&b.items);
	return equal;
}

static bool lists_equal(const struct record *r, const struct records *x, const struct records *y)
{
	size_t i;

	if (x->n != y->n)
		return false;
	for (i = 0; i < x->n; i++) {
		if (!record_equal(r, element(x, r, i), element(y, r, i)))
			return false;
	}
	return true;
}

static const struct record_map_entry *map_entry(const struct record_map *map, const char *key)
{
	size_t i;

	for (i = 0; i < map->n; i++) {
		if (strcmp(map->entries[i].key, key) == 0)
			return &map->entries[i];
	}
	return NULL;
}

static bool maps_equal(
	const struct record *r, const struct record_map *x, const struct record_map *y)
{
	size_t i;

	if (x->n != y->n)
		return false;
	for (i = 0; i < x->n; i++) {
		const struct record_map_entry *e = map_entry(y, x->entries[i].key);

		if (e == NULL || !lists_equal(r, &x->entries[i].list, &e->list))
			return false;
	}
	return true;
}

static bool string_maps_equal(const struct value *x, const struct value *y)
{
	if (x == NULL || y == NULL) { /* NULL is the empty map */
		const struct value *there = x != NULL ? x : y;

		return there == NULL || there->u.map.n == 0;
	}
	return value_equal(x, y);
}

static bool field_equal(const struct field *f, const void *x, const void *y)
{
	struct records lx, ly;
	const struct opt_int *ix, *iy;
	const void *px, *py;

	switch (f->kind) {
	case FIELD_STRING:
		return str_eq(*(const char *const *)x, *(const char *const *)y);
	case FIELD_INT:
		return *(const int64_t *)x == *(const int64_t *)y;
	case FIELD_OPT_INT:
		ix = x, iy = y;
		return ix->set == iy->set && (!ix->set || ix->v == iy->v);
	case FIELD_BOOL:
		return *(const bool *)x == *(const bool *)y;
	case FIELD_ENUM:
		return *(const int *)x == *(const int *)y;
	case FIELD_STRINGS:
		return strings_equal(x, y);
	case FIELD_STRING_SET:
		return sets_equal(x, y);
	case FIELD_RECORD:
		px = get_pointer(x), py = get_pointer(y);
		return px == py || (px != NULL && py != NULL && record_equal(f->of, px, py));
	case FIELD_RECORDS:
		lx = get_records(x), ly = get_records(y);
		return lists_equal(f->of, &lx, &ly);
	case FIELD_RECORD_MAP:
		return maps_equal(f->of, x, y);
	case FIELD_STRING_MAP:
		return string_maps_equal(
			*(const struct value *const *)x, *(const struct value *const *)y);
	case FIELD_VALUE:
		return value_equal(
			*(const struct value *const *)x, *(const struct value *const *)y);
	case FIELD_READ_ONLY_VALUE:
	case FIELD_MEMORY_STRING:
		break;
	}
	return true;
}

bool record_equal(const struct record *r, const void *x, const void *y)
{
	size_t i;

	for (i = 0; i < r->n_fields; i++) {
		if (!field_equal(&r->fields[i], member(x, &r->fields[i]), member(y, &r->fields[i])))
			return false;
	}
	return true;
}
