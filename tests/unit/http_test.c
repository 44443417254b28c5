/*
 * http_test.c - one request by itself: what it shows, and how it is answered
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "lib/http/router.h"

struct seen {
	int count, status;
	char type[40], body[100], headers[100];
};

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct seen *seen = ctx;

	seen->count++;
	seen->status = a->status;
	snprintf(seen->type, sizeof(seen->type), "%s", a->content_type ? a->content_type : "-");
	snprintf(seen->body, sizeof(seen->body), "%.*s", (int)a->body.n, a->body.p);
	snprintf(seen->headers, sizeof(seen->headers), "%s", a->headers);
}

static struct http_request *request(const char *method, const char *path, struct seen *seen)
{
	const struct slice body = { "bytes", 5 };

	return http_request_local(method, path, "text/x", body, on_answer, seen);
}

static void test_what_is_seen(void **state)
{
	struct seen seen = { 0 };
	struct http_request *rq = request("POST", "/a%20b?x=%41+&x=2&bad=%zz&flag", &seen);

	(void)state;
	assert_string_equal(http_method(rq), "POST");
	assert_string_equal(http_path(rq), "/a%20b");
	assert_string_equal(http_query(rq, "x"), "A ");
	assert_string_equal(http_query(rq, "flag"), "");
	assert_string_equal(http_query(rq, "bad"), "%zz");
	assert_null(http_query(rq, "X"));
	assert_null(http_param(rq, "id"));
	assert_string_equal(http_header(rq, "content-type"), "text/x");
	assert_null(http_header(rq, "Content"));
	assert_int_equal(http_body(rq).n, 5);
	assert_memory_equal(http_body(rq).p, "bytes", 6); /* NUL-terminated, too */
	http_reply(&rq, 200, NULL, NULL);
	assert_null(rq);
	assert_int_equal(seen.count, 1);
}

static void test_reply_takes_the_bytes(void **state)
{
	struct seen seen = { 0 };
	struct http_request *rq = request("GET", "/", &seen);
	struct buf b = BUF_INIT;

	(void)state;
	buf_str(&b, "answer");
	http_reply_header(rq, "A", "1");
	http_reply_header(rq, "B", "2\r\nEvil: 1");
	http_reply_header(rq, "C\n", "3");
	http_reply(&rq, 201, "text/plain", &b);
	assert_int_equal(b.len, 0);
	assert_null(b.data);
	assert_int_equal(seen.status, 201);
	assert_string_equal(seen.body, "answer");
	assert_string_equal(seen.type, "text/plain");
	assert_string_equal(seen.headers, "A: 1\n");
}

static void test_error_object(void **state)
{
	struct seen seen = { 0 };
	struct http_request *rq = request("GET", "/", &seen);

	(void)state;
	http_reply_error(&rq, 400, "a \"quoted\"\nline");
	assert_int_equal(seen.status, 400);
	assert_string_equal(seen.type, "application/json");
	assert_string_equal(seen.body, "{\"code\":400,\"message\":\"a \\\"quoted\\\"\\nline\"}");
}

static void test_head_has_no_body(void **state)
{
	struct seen seen = { 0 };
	struct http_request *rq = request("HEAD", "/", &seen);

	(void)state;
	http_reply_error(&rq, 404, "x");
	assert_int_equal(seen.status, 404);
	assert_string_equal(seen.body, "");
}

static void on_unref(void *owner)
{
	++*(int *)owner;
}

static void test_shared_bytes_are_given_back(void **state)
{
	struct seen seen = { 0 };
	struct http_request *rq = request("GET", "/", &seen);
	int unrefs = 0;

	(void)state;
	http_reply_shared(&rq, 200, "text/plain", "abc", 3, on_unref, &unrefs);
	assert_string_equal(seen.body, "abc");
	assert_int_equal(unrefs, 1);
	assert_int_equal(seen.count, 1);
}

static bool sends(const char *type, const char *body)
{
	struct seen got = { 0 };
	struct http_request *rq =
		http_request_local("POST", "/a", type, (struct slice){ body, strlen(body) }, on_answer, &got);
	bool json = http_sends_json(rq);

	http_reply(&rq, 204, NULL, NULL);
	return json;
}

static bool takes(const char *accept, const char *type)
{
	struct seen got = { 0 };
	struct http_request *rq = http_request_local("GET", "/a", NULL, (struct slice){ "", 0 }, on_answer, &got);
	bool ok;

	if (accept != NULL)
		http_request_local_header(rq, "Accept", accept);
	ok = http_accepts(rq, type);
	http_reply(&rq, 204, NULL, NULL);
	return ok;
}

static void test_types(void **state)
{
	(void)state;
	assert_true(sends(NULL, ""));
	assert_true(sends("application/json", "{}"));
	assert_true(sends(" Application/JSON;charset=x", "{}"));
	assert_false(sends(NULL, "{}"));
	assert_false(sends("text/plain", ""));
	assert_false(sends("application/json5", "{}"));
	assert_true(takes(NULL, "text/plain"));
	assert_true(takes("text/html, */*;q=0.1", "application/json"));
	assert_true(takes("APPLICATION/JSON;q=1", "application/json"));
	assert_true(takes("text/*", "text/plain"));
	assert_false(takes("text/*", "application/json"));
	assert_false(takes("text/html", "application/json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_seen),
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_reply_takes_the_bytes),
		cmocka_unit_test(test_error_object),
		cmocka_unit_test(test_head_has_no_body),
		cmocka_unit_test(test_shared_bytes_are_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
