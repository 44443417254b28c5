/*
 * javabatch_test.c - the two shapes of POST /batch, to the byte
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/javabatch.h"

static void items(void **state)
{
	static const char sent[] = "[{\"requestId\":\"r1\",\"requestAction\":null,\"requestType\":\"APPLY\"},"
				   "{\"requestId\":\"r2\",\"requestAction\":\"DELETE\",\"requestType\":\"CANCEL\"}]";
	static const char with_more[] = "[{\"requestId\":\"r1\",\"requestType\":\"REVERT\",\"x\":[1]}]";
	struct java_items list;
	struct buf out = BUF_INIT;

	assert_int_equal(java_items_decode(sent, strlen(sent), *state, &list, NULL), 0);
	assert_int_equal(list.n, 2);
	assert_int_equal(list.items[0].action, ACTION_NONE);
	assert_int_equal(list.items[1].action, ACTION_DELETE);
	assert_int_equal(list.items[1].type, JAVA_CANCEL);
	java_items_encode(list.items, list.n, &out);
	assert_string_equal(buf_cstr(&out), sent);
	assert_int_equal(java_items_decode(with_more, strlen(with_more), *state, &list, NULL), 0);
	assert_int_equal(list.items[0].action, ACTION_NONE);
	assert_int_equal(java_items_decode("[]", 2, *state, &list, NULL), 0);
	assert_int_equal(list.n, 0);
	buf_release(&out);
}

static void broken_items(void **state)
{
	static const char *const rows[][2] = {
		{ "null", "must be an array" },
		{ "{}", "must be an array" },
		{ "[{\"requestType\":\"APPLY\"}]", "[0].requestId: may not be null" },
		{ "[{\"requestId\":\"r\"}]", "[0].requestType: may not be null" },
		{ "[{\"requestId\":\"r\",\"requestType\":null}]", "[0].requestType: may not be null" },
		{ "[{\"requestId\":\"r\",\"requestType\":\"EAT\"}]", "[0].requestType: must be one of" },
		{ "[{\"requestId\":\"r\",\"requestType\":\"APPLY\",\"requestAction\":\"EAT\"}]", "[0].requestAction: must be one of" },
		{ "[1]", "[0]" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = ERROR_INIT;
		struct java_items list;

		if (java_items_decode(rows[i][0], strlen(rows[i][0]), *state, &list, &err) != ERR_INVALID)
			fail_msg("accepted: %s", rows[i][0]);
		if (strstr(err.text, rows[i][1]) == NULL)
			fail_msg("%s: '%s' does not say '%s'", rows[i][0], err.text, rows[i][1]);
	}
}

static void answers(void **state)
{
	static const char sent[] = "[{\"requestId\":\"r1\",\"statusCode\":200,\"message\":null,\"requestType\":\"APPLY\"},"
				   "{\"requestId\":\"r2\",\"statusCode\":404,\"message\":\"Request r2 does not exist\","
				   "\"requestType\":\"REVERT\"}]";
	static const char one_more[] = "[{\"requestId\":\"r1\",\"statusCode\":200,\"requestType\":\"APPLY\",\"x\":1}]";
	struct java_answers list;
	struct buf out = BUF_INIT;

	assert_int_equal(java_answers_decode(sent, strlen(sent), *state, &list, NULL), 0);
	assert_null(list.items[0].message);
	assert_int_equal(list.items[1].status_code, 404);
	assert_int_equal(list.items[1].type, JAVA_REVERT);
	java_answers_encode(list.items, list.n, &out);
	assert_string_equal(buf_cstr(&out), sent);
	assert_int_equal(java_answers_decode(one_more, strlen(one_more), *state, &list, NULL), ERR_INVALID);
	buf_release(&out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(items),
		TEST(broken_items),
		TEST(answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
