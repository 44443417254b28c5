/*
 * record_copy.c - deep copies of records, and lists of strings in an arena
 *
 * Layer: lib/base.  Threads: an arena belongs to one thread at a time.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/record.h"

#include <string.h>

static struct strings copy_strings(const struct strings *from, struct arena *a)
{
	struct strings to = { NULL, from->n };
	size_t i;

	if (from->n > 0)
		to.items = arena_alloc(a, from->n * sizeof(*to.items));
	for (i = 0; i < from->n; i++)
		to.items[i] = arena_strdup(a, from->items[i]);
	return to;
}

static struct records copy_records(
	const struct record *r, const struct records *from, struct arena *a)
{
	struct records to = { NULL, from->n };
	size_t i;

	if (from->n > 0)
		to.items = arena_alloc(a, from->n * r->size);
	for (i = 0; i < from->n; i++)
		record_copy(r, (const char *)from->items + i * r->size, a,
			(char *)to.items + i * r->size);
	return to;
}

static struct record_map copy_map(
	const struct record *r, const struct record_map *from, struct arena *a)
{
	struct record_map to = { NULL, from->n };
	size_t i;

	if (from->entries != NULL)
		to.entries = arena_alloc(a, (from->n + 1) * sizeof(*to.entries));
	for (i = 0; i < from->n; i++) {
		to.entries[i].key = arena_strdup(a, from->entries[i].key);
		to.entries[i].list = copy_records(r, &from->entries[i].list, a);
	}
	return to;
}

static void copy_field(const struct field *f, const void *from, struct arena *a, void *to)
{
	struct records list;
	const void *obj;

	switch (f->kind) {
	case FIELD_STRING:
	case FIELD_MEMORY_STRING:
		*(const char **)to = arena_strdup(a, *(const char *const *)from);
		break;
	case FIELD_INT:
		*(int64_t *)to = *(const int64_t *)from;
		break;
	case FIELD_OPT_INT:
		*(struct opt_int *)to = *(const struct opt_int *)from;
		break;
	case FIELD_BOOL:
		*(bool *)to = *(const bool *)from;
		break;
	case FIELD_ENUM:
		*(int *)to = *(const int *)from;
		break;
	case FIELD_STRINGS:
	case FIELD_STRING_SET:
		*(struct strings *)to = copy_strings(from, a);
		break;
	case FIELD_RECORD:
		memcpy(&obj, from, sizeof(obj));
		if (obj != NULL)
			obj = record_clone(f->of, obj, a);
		memcpy(to, &obj, sizeof(obj));
		break;
	case FIELD_RECORDS:
		memcpy(&list, from, sizeof(list));
		list = copy_records(f->of, &list, a);
		memcpy(to, &list, sizeof(list));
		break;
	case FIELD_RECORD_MAP:
		*(struct record_map *)to = copy_map(f->of, from, a);
		break;
	case FIELD_STRING_MAP:
	case FIELD_VALUE:
	case FIELD_READ_ONLY_VALUE:
		*(const struct value **)to = value_clone(*(const struct value *const *)from, a);
		break;
	}
}

/* Only what the table names is copied; the rest of *to becomes zero. */
void record_copy(const struct record *r, const void *from, struct arena *a, void *to)
{
	size_t i;

	memset(to, 0, r->size);
	for (i = 0; i < r->n_fields; i++) {
		const struct field *f = &r->fields[i];

		copy_field(f, (const char *)from + f->offset, a, (char *)to + f->offset);
	}
}

void *record_clone(const struct record *r, const void *obj, struct arena *a)
{
	void *copy = arena_alloc(a, r->size);

	record_copy(r, obj, a, copy);
	return copy;
}

bool strings_have(const struct strings *list, const char *s)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (strcmp(list->items[i], s) == 0)
			return true;
	}
	return false;
}

bool strings_meet(const struct strings *x, const struct strings *y)
{
	for (size_t i = 0; i < x->n; i++)
		if (strings_have(y, x->items[i]))
			return true;
	return false;
}

void strings_add(struct strings *list, struct arena *a, const char *s)
{
	const char **items;
	size_t n = list->n;

	/* Always a new array: a list may be shared by copies of its struct. */
	items = arena_alloc(a, (n + 1) * sizeof(*items));
	if (n > 0)
		memcpy(items, list->items, n * sizeof(*items));
	items[n] = arena_strdup(a, s);
	list->items = items;
	list->n = n + 1;
}
