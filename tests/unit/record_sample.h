/*
 * record_sample.h - a record with one field of every kind, for the tests of record*.c
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_RECORD_SAMPLE_H
#define TESTS_UNIT_RECORD_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "lib/model/record.h"

struct point {
	int64_t x, y;
};
struct sample {
	const char *text;
	int64_t number;
	struct opt_int maybe;
	bool flag;
	int color;
	struct strings list, set;
	const struct point *point;
	struct { struct point *items; size_t n; } points;
	struct record_map map;
	const struct value *labels, *free, *old;
	struct { struct point *items; size_t n; } pairs;
	const char *memory;
};

static const struct field point_fields[] = {
	{ .name = "x", .kind = FIELD_INT, .offset = offsetof(struct point, x) },
	{ .name = "y", .kind = FIELD_INT, .offset = offsetof(struct point, y) },
};
static const struct record point_record = {.name = "Point",
	.size = sizeof(struct point),
	.fields = point_fields,
	.n_fields = ARRAY_LEN(point_fields)};
static const struct record pair_record = {.name = "Pair",
	.size = sizeof(struct point),
	.fields = point_fields,
	.n_fields = ARRAY_LEN(point_fields),
	.as_list = true};

static const char *const colors[] = { "RED", "DARK_BLUE", NULL };

#define SAMPLE(json, kind_, c) .name = (json), .kind = (kind_), .offset = offsetof(struct sample, c)
static const struct field sample_fields[] = {
	{ SAMPLE("text", FIELD_STRING, text), .max_bytes = 20 },
	{ SAMPLE("number", FIELD_INT, number) },
	{ SAMPLE("maybe", FIELD_OPT_INT, maybe) },
	{ SAMPLE("flag", FIELD_BOOL, flag) },
	{ SAMPLE("color", FIELD_ENUM, color), .names = colors },
	{ SAMPLE("list", FIELD_STRINGS, list), .max_bytes = 3 },
	{ SAMPLE("set", FIELD_STRING_SET, set) },
	{ SAMPLE("point", FIELD_RECORD, point), .of = &point_record },
	{ SAMPLE("points", FIELD_RECORDS, points), .of = &point_record, .max_bytes = 3 },
	{ SAMPLE("map", FIELD_RECORD_MAP, map), .of = &point_record },
	{ SAMPLE("labels", FIELD_STRING_MAP, labels) },
	{ SAMPLE("free", FIELD_VALUE, free) },
	{ SAMPLE("old", FIELD_READ_ONLY_VALUE, old) },
	{ SAMPLE("pairs", FIELD_RECORDS, pairs), .of = &pair_record, .omit_null = true },
	{ SAMPLE("memory", FIELD_MEMORY_STRING, memory) },
};
static const struct record sample_record = {.name = "Sample",
	.size = sizeof(struct sample),
	.fields = sample_fields,
	.n_fields = ARRAY_LEN(sample_fields)};

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

static UNUSED struct sample *read_sample(struct arena *a, const char *text)
{
	struct error err = ERROR_INIT;
	struct sample *s = NULL;

	if (record_decode(&sample_record, text, strlen(text), a, &s, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return s;
}

static UNUSED void expect_json(const struct record *r, const void *obj, const char *text)
{
	struct buf out = BUF_INIT;

	record_encode(r, obj, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_release(&out);
}

#endif
