/*
 * batch.h - requests decided together: the record in the store, and the call to an agent
 *
 * decision: /lockstep/decided/<B>.  The node's data version is the decision number (dv).
 * call/answer: POST <agent base>/lockstep/batch.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_BATCH_H
#define LIB_MODEL_BATCH_H

#include "lib/model/request.h"

enum direction { DIR_FORWARD, DIR_BACK, DIR_CANCEL };
extern const char *const direction_names[]; /* "F" "B" "C" */

struct decided_path {
	const char *group, *key;
};
struct decided_request {
	const char *id, *service;
	int dir;       /* enum direction */
	int64_t sv;    /* data version of /state/<service> at DECIDE; -1 = absent */
	const char *digest;
	struct { struct decided_path *items; size_t n; } paths; /* locks created by DECIDE */
};
struct decided_member {
	const char *group, *agent, *node;
};
struct decision {
	int64_t v; /* format: 1 */
	struct { struct decided_request *items; size_t n; } requests;
	struct { struct decided_member *items; size_t n; } members;
	const struct value *gv; /* group -> version */
	int64_t tenures, since;
};
int decision_decode(const char *text, size_t n, struct arena *a, struct decision **out, struct error *err) MUST_CHECK;
void decision_encode(const struct decision *d, struct buf *out);

enum call_type { CALL_PREPARE, CALL_RELEASE, CALL_APPLY, CALL_REVERT, CALL_CANCEL };
extern const char *const call_type_names[];

struct batch_item {
	const char *request_id, *service_id, *digest;
};
struct batch_call {
	const char *batch;
	int type;          /* enum call_type */
	int64_t number;    /* decision number dv; -1 for PREPARE and RELEASE */
	int64_t epoch;     /* czxid of the leader's latch node */
	const char *incarnation; /* whom the leader means: node name under hosts */
	int64_t deadline_ms;
	const char *digest; /* of the batch */
	struct { struct batch_item *items; size_t n; } items;
};
extern const struct record batch_call_record, batch_answer_record;
int batch_call_decode(const char *text, size_t n, struct arena *a, struct batch_call **out, struct error *err) MUST_CHECK;
void batch_call_encode(const struct batch_call *c, struct buf *out);

/* outcome: what became of it. Only these words travel. */
enum outcome { OUTCOME_PREPARED, OUTCOME_REFUSED, OUTCOME_APPLIED, OUTCOME_FAILED, OUTCOME_RELEASED, OUTCOME_ENDED,
	OUTCOME_BUSY };
extern const char *const outcome_names[];

struct batch_item_answer { /* per request; blame */
	const char *request_id;
	int64_t status_code; /* as Java's batch: 200, 4xx, 500 */
	const char *message;
};
struct batch_answer {
	const char *batch;
	int64_t number; /* the version it read */
	const char *incarnation;
	int outcome;    /* enum outcome */
	const char *base_digest; /* PREPARED: the manifest it was proved on */
	const char *message;
	struct { struct batch_item_answer *items; size_t n; } items;
};
int batch_answer_decode(const char *text, size_t n, struct arena *a, struct batch_answer **out, struct error *err) MUST_CHECK;
void batch_answer_encode(const struct batch_answer *ans, struct buf *out);

/* SHA-256, hex, of the canonical JSON of the requests in order. */
void batch_digest(const struct request *const *requests, size_t n, char out[65]);

#endif
