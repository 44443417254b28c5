/*
 * cors_test.c - which answers carry headers for pages of other origins, and that routes answer all the same
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/cmocka_all.h"

#include "lib/http/cors.h"
#include "lib/http/router.h"

#include <stdio.h>
#include <string.h>

#define ANY "Access-Control-Allow-Origin: http://page.example\nAccess-Control-Allow-Credentials: true\n"
#define PREFLIGHT                                                                                                       \
	ANY "Access-Control-Max-Age: 1800\n"                                                                            \
	    "Access-Control-Allow-Methods: GET,POST,PUT,DELETE,HEAD\n"                                                  \
	    "Access-Control-Allow-Headers: X-Requested-With,Content-Type,Accept,Origin,Authorization,If-None-Match\n"

struct answer {
	int status;
	char headers[600];
};

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct answer *got = ctx;

	got->status = a->status;
	snprintf(got->headers, sizeof(got->headers), "%s", a->headers);
}

static void handle(struct http_request *rq, void *app)
{
	(void)app;
	http_reply(&rq, 204, NULL, NULL);
}

static const struct route routes[] = { { "GET", "/x", handle, ROLE_OPEN, 0, "" }, { "DELETE", "/x", handle, ROLE_KEY, 0, "" } };

/* Headers: "Name", "value", ... NULL. */
static struct answer ask(bool cors, const char *method, const char *path, const char *const *headers)
{
	const struct router_options opt = { .context_path = "/v2", .routes = routes, .n_routes = ARRAY_LEN(routes), .cors = cors };
	struct router *r = router_new(&opt);
	struct answer got = { 0 };
	struct http_request *rq = http_request_local(method, path, NULL, (struct slice){ "", 0 }, on_answer, &got);

	for (; *headers != NULL; headers += 2)
		http_request_local_header(rq, headers[0], headers[1]);
	router_dispatch(r, rq);
	router_free(&r);
	return got;
}

#define HEADERS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define ORIGIN "Origin", "http://page.example"
#define METHOD(m) "Access-Control-Request-Method", m
#define NAMES(n) "Access-Control-Request-Headers", n

static void any_origin_is_echoed(void **state)
{
	struct answer got = ask(true, "GET", "/v2/x", HEADERS(ORIGIN));

	(void)state;
	assert_int_equal(got.status, 204);
	assert_string_equal(got.headers, ANY "Vary: Origin\n");
	assert_string_equal(ask(true, "DELETE", "/v2/x", HEADERS(ORIGIN)).headers, ANY "Vary: Origin\n");
	got = ask(true, "GET", "/v2/none", HEADERS(ORIGIN)); /* a page reads the reason of a 404 too */
	assert_int_equal(got.status, 404);
	assert_string_equal(got.headers, ANY "Vary: Origin\n");
}

static void without_origin_or_setting_nothing(void **state)
{
	(void)state;
	assert_string_equal(ask(true, "GET", "/v2/x", HEADERS("X-Other", "1")).headers, "");
	assert_string_equal(ask(false, "GET", "/v2/x", HEADERS(ORIGIN)).headers, "");
	assert_string_equal(ask(true, "GET", "/elsewhere", HEADERS(ORIGIN)).headers, "");
	assert_string_equal(ask(true, "GET", "/v2x", HEADERS(ORIGIN)).headers, "");
}

static void preflights(void **state)
{
	static const char allow[] = "Allow: HEAD,GET,DELETE,OPTIONS\n";
	static const struct {
		const char *method, *names;
		bool passes;
	} rows[] = {
		{ "GET", NULL, true },
		{ "DELETE", "content-type", true },
		{ "PUT", "X-Requested-With, ORIGIN,authorization", true },
		{ "POST", "if-none-match", true },
		{ "PATCH", NULL, false },
		{ "", NULL, false },
		{ "POST", "X-Mine", false },
		{ "POST", "Content-Type,X-Mine", false },
		{ "POST", "Content", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer got = rows[i].names != NULL ?
			ask(true, "OPTIONS", "/v2/x", HEADERS(ORIGIN, METHOD(rows[i].method), NAMES(rows[i].names))) :
			ask(true, "OPTIONS", "/v2/x", HEADERS(ORIGIN, METHOD(rows[i].method)));
		size_t n = strlen(got.headers);

		/* It goes on to the routes: their answer is the same. */
		assert_int_equal(got.status, 200);
		assert_true(n >= strlen(allow));
		assert_string_equal(got.headers + n - strlen(allow), allow);
		got.headers[n - strlen(allow)] = '\0';
		assert_string_equal(got.headers, rows[i].passes ? PREFLIGHT : "");
	}
	/* OPTIONS without the method asked for is a plain request. */
	assert_non_null(strstr(ask(true, "OPTIONS", "/v2/x", HEADERS(ORIGIN)).headers, "Vary: Origin\n"));
}

static void an_origin_adds_no_header(void **state)
{
	(void)state;
	assert_null(strstr(ask(true, "GET", "/v2/x", HEADERS("Origin", "http://x\r\nSet-Cookie: a=b")).headers, "Set-Cookie"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_origin_is_echoed),
		cmocka_unit_test(without_origin_or_setting_nothing),
		cmocka_unit_test(preflights),
		cmocka_unit_test(an_origin_adds_no_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
