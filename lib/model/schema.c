/*
 * schema.c - records as schemas
 *
 * What is told is what is written, and what is accepted without a word: null where a field may be missing is accepted too,
 * but only where it is also written is it told.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/schema.h"

#include <string.h>

#define RECORDS_MAX 64
#define ELEMENTS_MAX 10000 /* record.h */

struct known {
	const struct record *items[RECORDS_MAX];
	size_t n;
};

static bool is_known(const struct known *k, const struct record *r)
{
	for (size_t i = 0; i < k->n; i++)
		if (strcmp(k->items[i]->name, r->name) == 0)
			return true;
	return false;
}

static void collect(struct known *k, const struct record *r)
{
	if (is_known(k, r))
		return;
	ASSERT(k->n < RECORDS_MAX);
	k->items[k->n++] = r;
	for (size_t i = 0; i < r->n_fields; i++)
		if (r->fields[i].of != NULL)
			collect(k, r->fields[i].of);
}

static void put_ref(struct buf *out, const struct record *r)
{
	buf_printf(out, "{\"$ref\":\"#/components/schemas/%s\"}", r->name);
}

static void put_nullable(struct buf *out, const struct field *f)
{
	if (!f->required && f->missing == NULL)
		buf_str(out, ",\"nullable\":true");
}

static void put_enum(struct buf *out, const struct field *f)
{
	buf_str(out, "{\"type\":\"string\",\"enum\":[");
	for (size_t i = 0; f->names[i] != NULL; i++) {
		buf_str(out, i > 0 ? "," : "");
		buf_json_string(out, f->names[i], strlen(f->names[i]));
	}
	buf_str(out, f->required ? "]" : ",null]");
	put_nullable(out, f);
	buf_char(out, '}');
}

static void put_string(struct buf *out, const struct field *f)
{
	buf_str(out, "{\"type\":\"string\"");
	if (f->max_bytes > 0)
		buf_printf(out, ",\"maxLength\":%zu", f->max_bytes);
	put_nullable(out, f);
	buf_char(out, '}');
}

static void put_array(struct buf *out, const struct field *f)
{
	buf_printf(out, "{\"type\":\"array\",\"maxItems\":%zu,\"items\":", f->max_bytes > 0 ? f->max_bytes : (size_t)ELEMENTS_MAX);
	if (f->of != NULL)
		put_ref(out, f->of);
	else
		buf_str(out, "{\"type\":\"string\"}");
	buf_char(out, '}');
}

static void put_record(struct buf *out, const struct field *f)
{
	if (f->required) {
		put_ref(out, f->of);
		return;
	}
	buf_str(out, "{\"allOf\":[");
	put_ref(out, f->of);
	buf_str(out, "],\"nullable\":true}");
}

static void put_kind(struct buf *out, const struct field *f)
{
	switch (f->kind) {
	case FIELD_STRING:
		put_string(out, f);
		break;
	case FIELD_INT:
		buf_str(out, "{\"type\":\"integer\",\"format\":\"int64\"}");
		break;
	case FIELD_OPT_INT:
		buf_str(out, "{\"type\":\"integer\",\"format\":\"int64\",\"nullable\":true}");
		break;
	case FIELD_BOOL:
		buf_str(out, "{\"type\":\"boolean\"}");
		break;
	case FIELD_ENUM:
		put_enum(out, f);
		break;
	case FIELD_STRINGS:
	case FIELD_STRING_SET:
	case FIELD_RECORDS:
		put_array(out, f);
		break;
	case FIELD_RECORD:
		put_record(out, f);
		break;
	case FIELD_RECORD_MAP:
		buf_str(out, "{\"type\":\"object\",\"nullable\":true,\"additionalProperties\":");
		put_array(out, f);
		buf_char(out, '}');
		break;
	case FIELD_STRING_MAP:
		buf_str(out, "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}");
		break;
	case FIELD_VALUE:
		buf_str(out, "{\"type\":\"object\",\"nullable\":true}"); /* all of ours are objects */
		break;
	case FIELD_READ_ONLY_VALUE:
	case FIELD_MEMORY_STRING:
		break;
	}
}

static bool is_told(const struct field *f)
{
	return f->kind != FIELD_READ_ONLY_VALUE && f->kind != FIELD_MEMORY_STRING;
}

static void put_required(struct buf *out, const struct record *r)
{
	bool any = false;

	for (size_t i = 0; i < r->n_fields; i++) {
		if (!r->fields[i].required)
			continue;
		buf_str(out, any ? "," : ",\"required\":[");
		buf_json_string(out, r->fields[i].name, strlen(r->fields[i].name));
		any = true;
	}
	if (any)
		buf_char(out, ']');
}

static void put_object(struct buf *out, const struct record *r)
{
	bool first = true;

	buf_str(out, "{\"type\":\"object\",\"properties\":{");
	for (size_t i = 0; i < r->n_fields; i++) {
		if (!is_told(&r->fields[i]))
			continue;
		buf_str(out, first ? "" : ",");
		buf_json_string(out, r->fields[i].name, strlen(r->fields[i].name));
		buf_char(out, ':');
		put_kind(out, &r->fields[i]);
		first = false;
	}
	buf_char(out, '}');
	put_required(out, r);
	if (r->strict)
		buf_str(out, ",\"additionalProperties\":false");
	buf_char(out, '}');
}

static void put_schema(struct buf *out, const struct record *r)
{
	if (r->as_list) {
		buf_str(out, "{\"type\":\"array\",\"items\":{}}");
	} else if (r->from_string != NULL) {
		buf_str(out, "{\"anyOf\":[");
		put_object(out, r);
		buf_str(out, ",{\"type\":\"string\",\"description\":\"accepted for it\"}]}");
	} else {
		put_object(out, r);
	}
}

void schema_write(const struct record *const *records, size_t n, struct buf *out)
{
	struct known k = { .n = 0 };

	for (size_t i = 0; i < n; i++)
		collect(&k, records[i]);
	for (size_t i = 0; i < k.n; i++) {
		buf_printf(out, "%s\"%s\":", i > 0 ? "," : "", k.items[i]->name);
		put_schema(out, k.items[i]);
	}
}
