/*
 * java_answer_test.c - what a Java agent is asked and what its answers amount to
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/cmocka_all.h"

#include "service/core/java_answer.h"

#include <string.h>

static struct request r1 = { .id = "r1", .action = ACTION_NONE }, r2 = { .id = "r2", .action = ACTION_DELETE };
static const struct request *const both[] = { &r1, &r2 };
static const enum call_type apply[] = { CALL_APPLY, CALL_APPLY }, back[] = { CALL_REVERT, CALL_CANCEL };

static void says(const struct java_items *items, const char *want)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	java_items_encode(items->items, items->n, &json);
	assert_string_equal(buf_cstr(&json), want);
}

static void items_as_java_sends_them(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct java_items items;

	(void)state;
	java_items_make(both, apply, 1, false, a, &items);
	says(&items, "[{\"requestId\":\"r1\",\"requestAction\":null,\"requestType\":\"APPLY\"}]");
	java_items_make(both, back, 2, false, a, &items);
	says(&items, "[{\"requestId\":\"r1\",\"requestAction\":null,\"requestType\":\"REVERT\"},"
		"{\"requestId\":\"r2\",\"requestAction\":\"DELETE\",\"requestType\":\"CANCEL\"}]");
	java_items_make(both, apply, 2, true, a, &items);
	assert_int_equal(items.n, 3);
	assert_int_equal(items.items[2].action, ACTION_RELOAD);
	assert_int_equal(items.items[2].type, JAVA_APPLY);
	assert_string_equal(items.items[2].request_id, "r2");
}

static struct java_answered judge(int status, const char *body, struct arena *a)
{
	struct java_answered out;
	struct java_items items;

	java_items_make(both, apply, 2, false, a, &items);
	java_batch_answered(status, body, strlen(body), &items, a, &out);
	return out;
}

#define ROW(id, status, message, type)                                                                                  \
	"{\"requestId\":\"" id "\",\"statusCode\":" status ",\"message\":" message ",\"requestType\":\"" type "\"}"

static void batch_is_good_if_every_item_is(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct java_answered got;

	(void)state;
	got = judge(200, "[" ROW("r1", "200", "null", "APPLY") "," ROW("r2", "204", "null", "APPLY") "]", a);
	assert_true(got.ok);
	assert_int_equal(got.status_code, 200);
	assert_null(got.content);
	got = judge(200, "[" ROW("r2", "200", "null", "APPLY") "," ROW("r1", "200", "null", "APPLY") "]", a);
	assert_true(got.ok);
	got = judge(200, "[" ROW("r1", "200", "null", "APPLY") "," ROW("r2", "409", "\"locked\"", "APPLY") "]", a);
	assert_false(got.ok);
	assert_false(got.doubtful);
	assert_int_equal(got.status_code, 409);
	assert_string_equal(got.content, "locked");
	got = judge(200, "[" ROW("r1", "500", "\"x: MissingTemplateException : Template z could not be found\"", "APPLY") ","
		ROW("r2", "200", "null", "APPLY") "]", a);
	assert_true(got.template_missing);
}

/* As a strict Java reader: what is not understood counts for nothing, whatever it looks like. */
static void answers_that_count_for_nothing(void **state)
{
	static const struct { int status; const char *body, *exception; bool doubtful; } cases[] = {
		{ 200, "[" ROW("r1", "200", "null", "APPLY") "]", "No response in batch for request r2", false },
		{ 200, "[" ROW("r1", "200", "null", "APPLY") "," ROW("r2", "200", "null", "REVERT") "]",
			"No response in batch for request r2", false },
		{ 200, "[]", "No response in batch for request r1", false },
		{ 200, "", "answer not understood", false },
		{ 200, "[{\"requestId\":\"r1\",\"statusCode\":200,\"message\":null,\"requestType\":\"APPLY\",\"x\":1}]",
			"answer not understood", false },
		{ 302, "", "Caught exception processing agent response: status 302", false },
		{ 500, "{\"code\":500}", "Caught exception processing agent response: status 500", false },
		{ 504, "late", "Caught exception processing agent response: status 504: late", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(arena_free) struct arena *a = arena_new();
		struct java_answered got = judge(cases[i].status, cases[i].body, a);

		assert_false(got.ok);
		assert_int_equal(got.status_code, 0);
		assert_non_null(got.exception);
		assert_memory_equal(got.exception, cases[i].exception, strlen(cases[i].exception));
		assert_int_equal(got.doubtful, cases[i].doubtful);
	}
}

static void single_calls(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct java_answered got;

	(void)state;
	java_single_answered(200, "", 0, a, &got);
	assert_true(got.ok);
	assert_null(got.content);
	java_single_answered(500, "MissingTemplateException : Template z", 36, a, &got);
	assert_false(got.ok);
	assert_true(got.template_missing);
	assert_int_equal(got.status_code, 500);
	java_single_answered(503, "", 0, a, &got);
	assert_true(got.doubtful);
}

static void urls(void **state)
{
	AUTO(buf_release) struct buf url = BUF_INIT;

	(void)state;
	java_url("%s/batch", "http://h:1/c", "r1", &url);
	assert_string_equal(buf_cstr(&url), "http://h:1/c/batch");
	buf_clear(&url);
	java_url("%s/request/%s?x=%s", "http://h:1/c", "r%s", &url);
	assert_string_equal(buf_cstr(&url), "http://h:1/c/request/r%s?x=%s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(items_as_java_sends_them),
		cmocka_unit_test(batch_is_good_if_every_item_is),
		cmocka_unit_test(answers_that_count_for_nothing),
		cmocka_unit_test(single_calls),
		cmocka_unit_test(urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
