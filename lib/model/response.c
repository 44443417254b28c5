/*
 * response.c - BaragonResponse, AgentResponse, and the states a request can be in
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/response.h"

#include <string.h>

#define MAX_TEXT ((size_t)8 << 20) /* answers of agents are kept whole by Java */

const char *const public_state_names[] = {"UNKNOWN", "FAILED", "WAITING", "SUCCESS", "CANCELING",
	"CANCELED", "INVALID_REQUEST_NOOP", NULL};

static const struct {
	const char *name;
	enum public_state shown;
} internal_states[] = {
	[INTERNAL_PENDING] = { "PENDING", STATE_WAITING },
	[INTERNAL_SEND_APPLY] = { "SEND_APPLY_REQUESTS", STATE_WAITING },
	[INTERNAL_CHECK_APPLY] = { "CHECK_APPLY_RESPONSES", STATE_WAITING },
	[INTERNAL_FAILED_SEND_REVERT] = { "FAILED_SEND_REVERT_REQUESTS", STATE_WAITING },
	[INTERNAL_FAILED_CHECK_REVERT] = { "FAILED_CHECK_REVERT_RESPONSES", STATE_WAITING },
	[INTERNAL_CANCELLED_SEND_REVERT] = { "CANCELLED_SEND_REVERT_REQUESTS", STATE_CANCELING },
	[INTERNAL_CANCELLED_CHECK_REVERT] = { "CANCELLED_CHECK_REVERT_RESPONSES", STATE_CANCELING },
	[INTERNAL_COMPLETED] = { "COMPLETED", STATE_SUCCESS },
	[INTERNAL_COMPLETED_POST_APPLY_FAILED] = { "COMPLETED_POST_APPLY_FAILED", STATE_SUCCESS },
	[INTERNAL_INVALID_REQUEST_NOOP] = { "INVALID_REQUEST_NOOP", STATE_INVALID_REQUEST_NOOP },
	[INTERNAL_FAILED_REVERTED] = { "FAILED_REVERTED", STATE_FAILED },
	[INTERNAL_FAILED_REVERT_FAILED] = { "FAILED_REVERT_FAILED", STATE_FAILED },
	[INTERNAL_CANCELLED] = { "CANCELLED", STATE_CANCELED },
	[INTERNAL_FAILED_CANCEL_FAILED] = { "FAILED_CANCEL_FAILED", STATE_FAILED },
};

const char *internal_state_name(enum internal_state s)
{
	return internal_states[s].name;
}

int internal_state_parse(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(internal_states); i++) {
		if (strcmp(internal_states[i].name, name) == 0)
			return (int)i;
	}
	return -1;
}

enum public_state internal_state_public(enum internal_state s)
{
	return internal_states[s].shown;
}

bool internal_state_terminal(enum internal_state s)
{
	enum public_state shown = internal_state_public(s);

	return shown != STATE_WAITING && shown != STATE_CANCELING;
}

#define ANSWER(json, kind_, c)                                                                     \
	.name = (json), .kind = (kind_), .offset = offsetof(struct agent_response, c)
static const struct field agent_response_fields[] = {
	{ ANSWER("url", FIELD_STRING, url) },
	{ ANSWER("attempt", FIELD_INT, attempt) },
	{ ANSWER("statusCode", FIELD_OPT_INT, status_code) },
	{ ANSWER("content", FIELD_STRING, content), .max_bytes = MAX_TEXT },
	{ ANSWER("exception", FIELD_STRING, exception), .max_bytes = MAX_TEXT },
};
const struct record agent_response_record = {
	.name = "AgentResponse",
	.size = sizeof(struct agent_response),
	.fields = agent_response_fields,
	.n_fields = ARRAY_LEN(agent_response_fields),
};

static int response_rules(void *obj, struct arena *a, struct error *err)
{
	struct response *r = obj;

	(void)a;
	(void)err;
	r->no_agent_responses = r->agent_responses.entries == NULL;
	return 0;
}

/* Two tables over one struct: a response writes its answers as an object, or as null. */
#define RESPONSE(json, kind_, c)                                                                   \
	.name = (json), .kind = (kind_), .offset = offsetof(struct response, c)
#define RESPONSE_HEAD                                                                              \
	{RESPONSE("loadBalancerRequestId", FIELD_STRING, request_id)},                             \
		{RESPONSE("loadBalancerState", FIELD_ENUM, state), .names = public_state_names},   \
	{                                                                                          \
		RESPONSE("message", FIELD_STRING, message), .max_bytes = MAX_TEXT                  \
	}
#define RESPONSE_TAIL                                                                              \
	{                                                                                          \
		RESPONSE("request", FIELD_RECORD, request), .of = &request_record                  \
	}
static const struct field response_fields[] = {
	RESPONSE_HEAD,
	{RESPONSE("agentResponses", FIELD_RECORD_MAP, agent_responses),
		.of = &agent_response_record},
	RESPONSE_TAIL,
};
const struct record response_record = {
	.name = "BaragonResponse",
	.size = sizeof(struct response),
	.fields = response_fields,
	.n_fields = ARRAY_LEN(response_fields),
	.after = response_rules,
};

struct bare_response {
	struct response r;
	const char *none; /* NULL */
};
static const struct field bare_response_fields[] = {
	RESPONSE_HEAD,
	{.name = "agentResponses",
		.kind = FIELD_STRING,
		.offset = offsetof(struct bare_response, none)},
	RESPONSE_TAIL,
};
static const struct record bare_response_record = {
	.name = "BaragonResponse",
	.size = sizeof(struct bare_response),
	.fields = bare_response_fields,
	.n_fields = ARRAY_LEN(bare_response_fields),
};

int response_decode(
	const char *text, size_t n, struct arena *a, struct response **out, struct error *err)
{
	return record_decode(&response_record, text, n, a, out, err);
}

void response_encode(const struct response *r, struct buf *out)
{
	const struct bare_response bare = { *r, NULL };

	if (r->no_agent_responses)
		record_encode(&bare_response_record, &bare, out);
	else
		record_encode(&response_record, r, out);
}
