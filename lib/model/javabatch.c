/*
 * javabatch.c - the two records of POST /batch
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/javabatch.h"

#include <string.h>

#define MAX_TEXT ((size_t)1 << 20) /* words of a refusing command */

const char *const java_type_names[] = { "APPLY", "REVERT", "CANCEL", "PURGE_CACHE", NULL };

#define ROW(type, json, kind_, c) .name = (json), .kind = (kind_), .offset = offsetof(struct type, c)
#define RECORD(type, fields_) .size = sizeof(struct type), .fields = (fields_), .n_fields = ARRAY_LEN(fields_)

static const struct field item_fields[] = {
	{ ROW(java_item, "requestId", FIELD_STRING, request_id), .required = true },
	{ ROW(java_item, "requestAction", FIELD_ENUM, action), .names = action_names },
	{ ROW(java_item, "requestType", FIELD_ENUM, type), .names = java_type_names, .required = true },
};
const struct record java_item_record = { .name = "BaragonRequestBatchItem", RECORD(java_item, item_fields) };

static const struct field answer_fields[] = {
	{ ROW(java_answer, "requestId", FIELD_STRING, request_id), .required = true },
	{ ROW(java_answer, "statusCode", FIELD_INT, status_code), .required = true },
	{ ROW(java_answer, "message", FIELD_STRING, message), .max_bytes = MAX_TEXT },
	{ ROW(java_answer, "requestType", FIELD_ENUM, type), .names = java_type_names, .required = true },
};
const struct record java_answer_record = { .name = "AgentBatchResponseItem", RECORD(java_answer, answer_fields), .strict = true };

/* null reads as an empty list elsewhere; here it would look like a call with nothing to do. */
static int decode_list(const struct record *of, const char *text, size_t n, struct arena *a, struct records *list, struct error *err)
{
	int rc = record_decode_list(of, text, n, a, list, err);

	if (rc == 0 && list->n == 0 && memchr(text, '[', n) == NULL)
		return error_set(err, ERR_INVALID, "must be an array");
	return rc;
}

int java_items_decode(const char *text, size_t n, struct arena *a, struct java_items *out, struct error *err)
{
	struct records list;
	int rc = decode_list(&java_item_record, text, n, a, &list, err);

	if (rc == 0)
		*out = (struct java_items){ list.items, list.n };
	return rc;
}

void java_items_encode(const struct java_item *items, size_t n, struct buf *out)
{
	record_encode_list(&java_item_record, items, n, out);
}

int java_answers_decode(const char *text, size_t n, struct arena *a, struct java_answers *out, struct error *err)
{
	struct records list;
	int rc = decode_list(&java_answer_record, text, n, a, &list, err);

	if (rc == 0)
		*out = (struct java_answers){ list.items, list.n };
	return rc;
}

void java_answers_encode(const struct java_answer *items, size_t n, struct buf *out)
{
	record_encode_list(&java_answer_record, items, n, out);
}
