/*
 * response.h - what a client reads of a request: public state, message, answers of agents
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_RESPONSE_H
#define LIB_MODEL_RESPONSE_H

#include "lib/model/request.h"

enum public_state { STATE_UNKNOWN, STATE_FAILED, STATE_WAITING, STATE_SUCCESS, STATE_CANCELING, STATE_CANCELED,
	STATE_INVALID_REQUEST_NOOP };
extern const char *const public_state_names[];

/* /request/<id>/status. Names are Java's; an unknown text is -1. */
enum internal_state { INTERNAL_PENDING, INTERNAL_SEND_APPLY, INTERNAL_CHECK_APPLY, INTERNAL_FAILED_SEND_REVERT,
	INTERNAL_FAILED_CHECK_REVERT, INTERNAL_CANCELLED_SEND_REVERT, INTERNAL_CANCELLED_CHECK_REVERT,
	INTERNAL_COMPLETED, INTERNAL_COMPLETED_POST_APPLY_FAILED, INTERNAL_INVALID_REQUEST_NOOP,
	INTERNAL_FAILED_REVERTED, INTERNAL_FAILED_REVERT_FAILED, INTERNAL_CANCELLED, INTERNAL_FAILED_CANCEL_FAILED };
const char *internal_state_name(enum internal_state s);
int internal_state_parse(const char *name); /* -1: unknown */
enum public_state internal_state_public(enum internal_state s);
bool internal_state_terminal(enum internal_state s);

struct agent_response {
	const char *url;
	int64_t attempt;
	struct opt_int status_code;
	const char *content, *exception;
};
extern const struct record agent_response_record;

struct response {
	const char *request_id; /* loadBalancerRequestId */
	int state;              /* enum public_state */
	const char *message;
	struct record_map agent_responses; /* "APPLY" "REVERT" "CANCEL" -> agent_response[] */
	bool no_agent_responses;           /* write null instead of {} (synthetic answers) */
	const struct request *request;     /* NULL = null */
};
extern const struct record response_record;
int response_decode(const char *text, size_t n, struct arena *a, struct response **out, struct error *err) MUST_CHECK;
void response_encode(const struct response *r, struct buf *out);

#endif
