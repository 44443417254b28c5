/*
 * response_test.c - what clients read, and the table of states
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/response.h"

static void expect_response(const struct response *r, const char *text)
{
	struct buf out = BUF_INIT;

	response_encode(r, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_release(&out);
}

static void synthetic(void **state)
{
	const struct response r = {.request_id = "x",
		.state = STATE_FAILED,
		.message = "Request x does not exist",
		.no_agent_responses = true};

	(void)state;
	expect_response(&r, "{\"loadBalancerRequestId\":\"x\",\"loadBalancerState\":\"FAILED\","
			    "\"message\":\"Request x does not "
			    "exist\",\"agentResponses\":null,\"request\":null}");
}

static void answers_in_given_order(void **state)
{
	static const char text[] =
		"{\"loadBalancerRequestId\":\"r\",\"loadBalancerState\":\"SUCCESS\",\"message\":"
		"null,\"agentResponses\":"
		"{\"REVERT\":[{\"url\":\"http://a/"
		"batch\",\"attempt\":0,\"statusCode\":200,\"content\":\"ok\",\"exception\":null}],"
		"\"APPLY\":[{\"url\":\"http://a/"
		"batch\",\"attempt\":1,\"statusCode\":null,\"content\":null,"
		"\"exception\":\"timeout\"}],\"CANCEL\":[]},\"request\":null}";
	struct agent_response revert = { "http://a/batch", 0, { true, 200 }, "ok", NULL };
	struct agent_response apply = { "http://a/batch", 1, { false, 0 }, NULL, "timeout" };
	struct record_map_entry entries[] = {
		{"REVERT", {&revert, 1}}, {"APPLY", {&apply, 1}}, {"CANCEL", {NULL, 0}}};
	struct response r = {.request_id = "r",
				.state = STATE_SUCCESS,
				.agent_responses = {entries, 3}},
			*back;

	expect_response(&r, text);
	assert_int_equal(response_decode(text, strlen(text), *state, &back, NULL), 0);
	assert_false(back->no_agent_responses);
	expect_response(back, text);
}

static void none_yet_differs_from_null(void **state)
{
	static const char *const texts[] = {
		"{\"loadBalancerRequestId\":\"r\",\"loadBalancerState\":\"WAITING\",\"message\":"
		"\"Queued\",\"agentResponses\":{},"
		"\"request\":null}",
		"{\"loadBalancerRequestId\":\"r\",\"loadBalancerState\":null,\"message\":null,"
		"\"agentResponses\":null,"
		"\"request\":null}",
	};
	struct response *r;
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(response_decode(texts[i], strlen(texts[i]), *state, &r, NULL), 0);
		expect_response(r, texts[i]);
	}
	assert_int_equal(
		response_decode("{\"postApplyStepsSucceeded\":true}", 32, *state, &r, NULL), 0);
	assert_int_equal(r->state, -1);
	assert_true(r->no_agent_responses);
}

static void request_is_echoed(void **state)
{
	static const char text[] =
		"{\"request\":{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":{"
		"\"serviceId\":\"s\","
		"\"owners\":[],\"serviceBasePath\":\"/\",\"loadBalancerGroups\":[\"g\"]},"
		"\"addUpstreams\":[\"a.b:1\"],\"removeUpstreams\":[]}}";
	static const char broken[] =
		"{\"request\":{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":{}}}";
	struct error err = ERROR_INIT;
	struct response *r;

	assert_int_equal(response_decode(text, strlen(text), *state, &r, &err), 0);
	assert_string_equal(r->request->add.items[0].request_id, "r");
	assert_int_equal(response_decode(broken, strlen(broken), *state, &r, &err), ERR_INVALID);
	assert_string_equal(err.text, "request.loadBalancerService.serviceId: may not be null");
}

static void states(void **state)
{
	static const struct {
		const char *name, *shown;
		bool terminal;
	} rows[] = {
		{ "PENDING", "WAITING", false },
		{ "SEND_APPLY_REQUESTS", "WAITING", false },
		{ "CHECK_APPLY_RESPONSES", "WAITING", false },
		{ "FAILED_SEND_REVERT_REQUESTS", "WAITING", false },
		{ "FAILED_CHECK_REVERT_RESPONSES", "WAITING", false },
		{ "CANCELLED_SEND_REVERT_REQUESTS", "CANCELING", false },
		{ "CANCELLED_CHECK_REVERT_RESPONSES", "CANCELING", false },
		{ "COMPLETED", "SUCCESS", true },
		{ "COMPLETED_POST_APPLY_FAILED", "SUCCESS", true },
		{ "INVALID_REQUEST_NOOP", "INVALID_REQUEST_NOOP", true },
		{ "FAILED_REVERTED", "FAILED", true },
		{ "FAILED_REVERT_FAILED", "FAILED", true },
		{ "CANCELLED", "CANCELED", true },
		{ "FAILED_CANCEL_FAILED", "FAILED", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(rows); i++) {
		int s = internal_state_parse(rows[i].name);

		assert_int_equal(s, i);
		assert_string_equal(internal_state_name((enum internal_state)s), rows[i].name);
		assert_string_equal(
			public_state_names[internal_state_public((enum internal_state)s)],
			rows[i].shown);
		assert_int_equal(internal_state_terminal((enum internal_state)s), rows[i].terminal);
	}
	assert_int_equal(internal_state_parse("pending"), -1);
	assert_int_equal(internal_state_parse(""), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(synthetic), TEST(answers_in_given_order),
		TEST(none_yet_differs_from_null), TEST(request_is_echoed), TEST(states)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
