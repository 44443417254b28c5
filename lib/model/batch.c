/*
 * batch.c - decision records, calls to agents and their answers, the digest of a batch
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/batch.h"

#include "lib/model/digest.h"

#define MAX_TEXT ((size_t)1 << 20) /* words of a refusing command */

const char *const direction_names[] = { "F", "B", "C", NULL };
const char *const call_type_names[] = { "PREPARE", "RELEASE", "APPLY", "REVERT", "CANCEL", NULL };
const char *const outcome_names[] = {
	"prepared", "refused", "applied", "failed", "released", "ended", "busy", NULL};

#define ROW(type, json, kind_, c)                                                                  \
	.name = (json), .kind = (kind_), .offset = offsetof(struct type, c)
#define RECORD(type, fields_)                                                                      \
	.size = sizeof(struct type), .fields = (fields_), .n_fields = ARRAY_LEN(fields_)

static const struct field path_fields[] = {
	{ ROW(decided_path, "group", FIELD_STRING, group), .required = true },
	{ ROW(decided_path, "key", FIELD_STRING, key), .required = true },
};
static const struct record path_record = {
	.name = "DecidedPath", RECORD(decided_path, path_fields), .as_list = true};

static const struct field decided_request_fields[] = {
	{ROW(decided_request, "id", FIELD_STRING, id), .required = true},
	{ROW(decided_request, "service", FIELD_STRING, service), .required = true},
	{ROW(decided_request, "dir", FIELD_ENUM, dir), .names = direction_names, .required = true},
	{ROW(decided_request, "sv", FIELD_INT, sv), .required = true},
	{ROW(decided_request, "digest", FIELD_STRING, digest)},
	{ROW(decided_request, "paths", FIELD_RECORDS, paths), .of = &path_record},
};
static const struct record decided_request_record = { .name = "DecidedRequest",
	RECORD(decided_request, decided_request_fields) };

static const struct field member_fields[] = {
	{ ROW(decided_member, "group", FIELD_STRING, group), .required = true },
	{ ROW(decided_member, "agent", FIELD_STRING, agent), .required = true },
	{ ROW(decided_member, "node", FIELD_STRING, node) },
};
static const struct record member_record = {
	.name = "DecidedMember", RECORD(decided_member, member_fields)};

/* A decision that we cannot follow must not be guessed at. */
static int decision_rules(void *obj, struct arena *a, struct error *err)
{
	const struct decision *d = obj;
	size_t i;

	(void)a;
	if (d->v != 1)
		return error_set(err, ERR_INVALID, "v: format %lld is not known, only 1 is",
			(long long)d->v);
	if (d->requests.n == 0)
		return error_set(err, ERR_INVALID, "requests: may not be empty");
	if (d->gv == NULL)
		return 0;
	if (d->gv->kind != VALUE_MAP)
		return error_set(err, ERR_INVALID, "gv: must be an object");
	for (i = 0; i < d->gv->u.map.n; i++) {
		if (d->gv->u.map.members[i].value->kind != VALUE_INT)
			return error_set(err, ERR_INVALID, "gv.%.100s: must be an integer",
				d->gv->u.map.members[i].key);
	}
	return 0;
}

static const struct field decision_fields[] = {
	{ROW(decision, "v", FIELD_INT, v), .required = true},
	{ROW(decision, "requests", FIELD_RECORDS, requests), .of = &decided_request_record,
		.required = true},
	{ROW(decision, "members", FIELD_RECORDS, members), .of = &member_record},
	{ROW(decision, "gv", FIELD_VALUE, gv), .omit_null = true},
	{ROW(decision, "tenures", FIELD_INT, tenures)},
	{ROW(decision, "since", FIELD_INT, since)},
};
static const struct record decision_record = {
	.name = "Decision", RECORD(decision, decision_fields), .after = decision_rules};

int decision_decode(
	const char *text, size_t n, struct arena *a, struct decision **out, struct error *err)
{
	return record_decode(&decision_record, text, n, a, out, err);
}

void decision_encode(const struct decision *d, struct buf *out)
{
	record_encode(&decision_record, d, out);
}

static const struct field item_fields[] = {
	{ ROW(batch_item, "requestId", FIELD_STRING, request_id), .required = true },
	{ ROW(batch_item, "serviceId", FIELD_STRING, service_id), .required = true },
	{ ROW(batch_item, "digest", FIELD_STRING, digest) },
};
static const struct record item_record = { .name = "BatchItem", RECORD(batch_item, item_fields) };

static const struct field call_fields[] = {
	{ ROW(batch_call, "batch", FIELD_STRING, batch), .required = true },
	{ ROW(batch_call, "type", FIELD_ENUM, type), .names = call_type_names, .required = true },
	{ ROW(batch_call, "number", FIELD_INT, number), .required = true },
	{ ROW(batch_call, "epoch", FIELD_INT, epoch), .required = true },
	{ ROW(batch_call, "incarnation", FIELD_STRING, incarnation), .required = true },
	{ ROW(batch_call, "deadlineMs", FIELD_INT, deadline_ms) },
	{ ROW(batch_call, "digest", FIELD_STRING, digest) },
	{ ROW(batch_call, "items", FIELD_RECORDS, items), .of = &item_record },
};
const struct record batch_call_record = { .name = "BatchCall", RECORD(batch_call, call_fields) };

int batch_call_decode(
	const char *text, size_t n, struct arena *a, struct batch_call **out, struct error *err)
{
	return record_decode(&batch_call_record, text, n, a, out, err);
}

void batch_call_encode(const struct batch_call *c, struct buf *out)
{
	record_encode(&batch_call_record, c, out);
}

static const struct field item_answer_fields[] = {
	{ ROW(batch_item_answer, "requestId", FIELD_STRING, request_id), .required = true },
	{ ROW(batch_item_answer, "statusCode", FIELD_INT, status_code) },
	{ ROW(batch_item_answer, "message", FIELD_STRING, message), .max_bytes = MAX_TEXT },
};
static const struct record item_answer_record = { .name = "BatchItemAnswer",
	RECORD(batch_item_answer, item_answer_fields) };

static const struct field answer_fields[] = {
	{ROW(batch_answer, "batch", FIELD_STRING, batch), .required = true},
	{ROW(batch_answer, "number", FIELD_INT, number), .required = true},
	{ROW(batch_answer, "incarnation", FIELD_STRING, incarnation), .required = true},
	{ROW(batch_answer, "outcome", FIELD_ENUM, outcome), .names = outcome_names,
		.required = true},
	{ROW(batch_answer, "baseDigest", FIELD_STRING, base_digest), .omit_null = true},
	{ROW(batch_answer, "message", FIELD_STRING, message), .max_bytes = MAX_TEXT,
		.omit_null = true},
	{ROW(batch_answer, "items", FIELD_RECORDS, items), .of = &item_answer_record},
};
const struct record batch_answer_record = {
	.name = "BatchAnswer", RECORD(batch_answer, answer_fields)};

int batch_answer_decode(
	const char *text, size_t n, struct arena *a, struct batch_answer **out, struct error *err)
{
	return record_decode(&batch_answer_record, text, n, a, out, err);
}

void batch_answer_encode(const struct batch_answer *ans, struct buf *out)
{
	record_encode(&batch_answer_record, ans, out);
}

void batch_digest(const struct request *const *requests, size_t n, char out[65])
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct digest *d = digest_new();
	size_t i;

	for (i = 0; i < n; i++) {
		buf_clear(&text);
		buf_char(&text, i > 0 ? ',' : '[');
		record_encode_canonical(&request_record, requests[i], &text);
		digest_add(d, buf_cstr(&text), text.len);
	}
	digest_add(d, n > 0 ? "]" : "[]", n > 0 ? 1 : 2);
	digest_finish(&d, out);
}
