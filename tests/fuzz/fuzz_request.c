/*
 * fuzz_request.c - decoders of everything that travels: what is accepted survives a round trip
 *
 * The first byte chooses the decoder, the rest is its text:
 * r request, a answer (response), s service state, g group, m agent metadata, k known agent, d
 * decision, c call, w answer of a batch, v value, u upstream text, q queue node.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "lib/model/agentinfo.h"
#include "lib/model/batch.h"
#include "lib/model/fold.h"
#include "lib/model/group.h"
#include "lib/model/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct error *err)
{
	ASSERT(err->code == ERR_INVALID);
	ASSERT(err->text[0] != '\0' && strpbrk(err->text, "\n\r") == NULL);
}

static bool buf_equal(const struct buf *x, const struct buf *y)
{
	return x->len == y->len && memcmp(buf_cstr(x), buf_cstr(y), x->len) == 0;
}

/* The canonical form of a record is the canonical form of its text. */
static void check_canonical(
	const struct record *r, const void *obj, const struct buf *text, struct arena *a)
{
	AUTO(buf_release) struct buf ours = BUF_INIT, theirs = BUF_INIT;
	const struct value *v = NULL;

	ASSERT(value_parse(buf_cstr(text), text->len, a, &v, NULL) == 0);
	value_write(v, true, &theirs);
	record_encode_canonical(r, obj, &ours);
	ASSERT(buf_equal(&ours, &theirs));
}

static void *round_trip(const struct record *r, const char *text, size_t n, struct arena *a)
{
	AUTO(buf_release) struct buf once = BUF_INIT, twice = BUF_INIT;
	struct error err = ERROR_INIT;
	void *obj = NULL, *again = NULL;

	if (record_decode(r, text, n, a, &obj, &err) != 0) {
		check_error(&err);
		return NULL;
	}
	record_encode(r, obj, &once);
	if (record_decode(r, buf_cstr(&once), once.len, a, &again, &err) != 0)
		abort();
	record_encode(r, again, &twice);
	ASSERT(buf_equal(&once, &twice));
	ASSERT(record_equal(r, obj, again));
	ASSERT(record_equal(r, obj, record_clone(r, obj, a)));
	check_canonical(r, obj, &once, a);
	return obj;
}

static void fuzz_one_request(const char *text, size_t n, struct arena *a)
{
	const struct request *r = round_trip(&request_record, text, n, a);
	struct strings keys = { NULL, 0 };
	struct service_state once, twice;
	char hex[65];

	if (r == NULL)
		return;
	ASSERT(request_same(r, r));
	batch_digest(&r, 1, hex);
	service_lock_keys(r->service, a, &keys);
	fold(NULL, &r, 1, a, &once);
	fold(&once, &r, 1, a, &twice);
	ASSERT(service_state_equal(&once, &twice));
}

/* Decoders without a public table: their texts must come back the same. */
#define ROUND_TRIP(name, type, decode, encode)                                                     \
	static void name(const char *text, size_t n, struct arena *a)                              \
	{                                                                                          \
		AUTO(buf_release) struct buf once = BUF_INIT, twice = BUF_INIT;                    \
		struct error err = ERROR_INIT;                                                     \
		type *obj = NULL, *again = NULL;                                                   \
                                                                                                   \
		if (decode(text, n, a, &obj, &err) != 0) {                                         \
			check_error(&err);                                                         \
			return;                                                                    \
		}                                                                                  \
		encode(obj, &once);                                                                \
		if (decode(buf_cstr(&once), once.len, a, &again, &err) != 0)                       \
			abort();                                                                   \
		encode(again, &twice);                                                             \
		ASSERT(buf_equal(&once, &twice));                                                  \
	}
ROUND_TRIP(fuzz_response, struct response, response_decode, response_encode)
ROUND_TRIP(fuzz_group, struct group, group_decode, group_encode)
ROUND_TRIP(fuzz_decision, struct decision, decision_decode, decision_encode)
ROUND_TRIP(fuzz_call, struct batch_call, batch_call_decode, batch_call_encode)
ROUND_TRIP(fuzz_answer, struct batch_answer, batch_answer_decode, batch_answer_encode)

static void fuzz_value(const char *text, size_t n, struct arena *a)
{
	AUTO(buf_release) struct buf once = BUF_INIT, sorted = BUF_INIT, again = BUF_INIT;
	const struct value *v = NULL, *w = NULL;
	struct error err = ERROR_INIT;

	if (value_parse(text, n, a, &v, &err) != 0) {
		check_error(&err);
		return;
	}
	value_write(v, false, &once);
	if (value_parse(buf_cstr(&once), once.len, a, &w, &err) != 0)
		abort();
	ASSERT(value_equal(v, w) && value_equal(w, value_clone(v, a)));
	value_write(v, true, &sorted);
	value_write(w, true, &again);
	ASSERT(buf_equal(&sorted, &again));
}

static void fuzz_upstream(const char *text, struct arena *a)
{
	AUTO(buf_release) struct buf name = BUF_INIT;
	struct upstream u, again;
	const char *host;
	int port;

	if (upstream_from_text(text, a, &u, NULL) == 0) {
		upstream_node_name(&u, &name);
		if (upstream_from_text(buf_cstr(&name), a, &again, NULL) != 0)
			abort();
		ASSERT(upstream_compare(&u, &again) == 0);
	}
	if (upstream_check_address(text, UPSTREAM_STRICT, NULL) == 0) {
		ASSERT(upstream_check_address(text, UPSTREAM_TOKEN, NULL) == 0);
		ASSERT(upstream_split(text, a, &host, &port) && host[0] != '\0' && port >= 1 &&
			port <= 65535);
	}
}

static void fuzz_queue_node(const char *text, struct arena *a)
{
	AUTO(buf_release) struct buf name = BUF_INIT;
	struct queued_id q, again;

	if (queued_id_parse_node(text, a, &q, NULL) != 0)
		return;
	queued_id_node_name(&q, &name);
	if (queued_id_parse_node(buf_cstr(&name), a, &again, NULL) != 0)
		abort();
	ASSERT(record_equal(&queued_id_record, &q, &again));
}

static void fuzz_metadata(const char *text, size_t n, struct arena *a)
{
	AUTO(buf_release) struct buf once = BUF_INIT;
	struct error err = ERROR_INIT;
	struct agentinfo *i = NULL;

	if (agentinfo_decode(text, n, a, &i, &err) != 0) {
		check_error(&err);
		return;
	}
	record_encode(&agentinfo_record, i, &once);
	round_trip(&agentinfo_record, buf_cstr(&once), once.len, a);
}

static void fuzz_text(char what, const char *text, size_t n, struct arena *a)
{
	const char *copy = arena_strndup(a, text, n);

	switch (what) {
	case 'r': fuzz_one_request(text, n, a); break;
	case 'a': fuzz_response(text, n, a); break;
	case 's': round_trip(&service_state_record, text, n, a); break;
	case 'g': fuzz_group(text, n, a); break;
	case 'm': fuzz_metadata(text, n, a); break;
	case 'k': round_trip(&known_agent_record, text, n, a); break;
	case 'd': fuzz_decision(text, n, a); break;
	case 'c': fuzz_call(text, n, a); break;
	case 'w': fuzz_answer(text, n, a); break;
	case 'v': fuzz_value(text, n, a); break;
	case 'u': fuzz_upstream(copy, a); break;
	case 'q': fuzz_queue_node(copy, a); break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a;

	if (size == 0)
		return 0;
	a = arena_new();
	fuzz_text((char)data[0], (const char *)data + 1, size - 1, a);
	arena_free(&a);
	return 0;
}
