/*
 * router_test.c - rows, parameters, refusals and answers, in-process
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/http/router.h"

struct app {
	struct http_request *kept;
	int entered;
};

/* Says which row it is and what it saw. */
static void echo(struct http_request *rq, const char *row)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	const char *id = http_param(rq, "id"), *q = http_query(rq, "q");
	struct slice body = http_body(rq);

	buf_printf(&b, "%s %s id=%s q=%s body=%.*s", row, http_method(rq), id ? id : "-",
		q ? q : "-", (int)body.n, body.p);
	http_reply(&rq, 200, "text/plain", &b);
}

static void get_all(struct http_request *rq, void *app)
{
	(void)app;
	echo(rq, "all");
}

static void get_one(struct http_request *rq, void *app)
{
	(void)app;
	echo(rq, "one");
}

static void get_special(struct http_request *rq, void *app)
{
	(void)app;
	echo(rq, "special");
}

static void post(struct http_request *rq, void *app)
{
	(void)app;
	echo(rq, "post");
}

static void get_deep(struct http_request *rq, void *app)
{
	(void)app;
	assert_string_equal(http_param(rq, "more"), "m");
	echo(rq, "deep");
}

static void keep(struct http_request *rq, void *app)
{
	((struct app *)app)->kept = rq;
}

static void with_header(struct http_request *rq, void *app)
{
	(void)app;
	http_reply_header(rq, "X-One", "1");
	http_reply_header(rq, "X-Bad", "1\r\nX-Two: 2");
	assert_string_equal(http_header(rq, "content-TYPE"), "application/json");
	assert_null(http_header(rq, "Accept"));
	http_reply(&rq, 204, NULL, NULL);
}

/* clang-format off */
static const struct route routes[] = {
	{ "GET",    "/request",             get_all,     ROLE_OPEN, 0,  "" },
	{ "POST",   "/request",             post,        ROLE_KEY,  10, "" },
	{ "GET",    "/request/{id}",        get_one,     ROLE_OPEN, 0,  "" },
	{ "DELETE", "/request/{id}",        get_one,     ROLE_KEY,  0,  "" },
	{ "GET",    "/request/special",     get_special, ROLE_OPEN, 0,  "" },
	{ "GET",    "/request/{id}/{more}", get_deep,    ROLE_OPEN, 0,  "" },
	{ "GET",    "/rest/{id...}",        get_one,     ROLE_OPEN, 0,  "" },
	{ "GET",    "/rest/special",        get_special, ROLE_OPEN, 0,  "" },
	{ "GET",    "/keep",                keep,        ROLE_OPEN, 0,  "" },
	{ "POST",   "/header",              with_header, ROLE_OPEN, 0,  "" },
};
/* clang-format on */

static bool enter(struct http_request **rq, const struct route *route, void *app)
{
	((struct app *)app)->entered++;
	if (route->role == ROLE_OPEN || str_eq(http_query(*rq, "authkey"), "k"))
		return true;
	http_reply_error(rq, 403, "HTTP 403 Forbidden");
	return false;
}

struct answer {
	int count, status;
	char type[40], body[300], headers[200];
};

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct answer *got = ctx;

	got->count++;
	got->status = a->status;
	snprintf(got->type, sizeof(got->type), "%s", a->content_type ? a->content_type : "-");
	snprintf(got->body, sizeof(got->body), "%.*s", (int)a->body.n, a->body.p);
	snprintf(got->headers, sizeof(got->headers), "%s", a->headers);
}

static struct answer ask(const char *method, const char *path, const char *body)
{
	struct app app = { NULL, 0 };
	struct router_options opt = { .context_path = "/v2", .routes = routes,
		.n_routes = ARRAY_LEN(routes), .enter = enter, .app = &app };
	struct router *r = router_new(&opt);
	struct answer got = { 0 };
	struct slice b = { body, strlen(body) };

	router_dispatch(r, http_request_local(method, path, "application/json", b, on_answer, &got));
	assert_int_equal(got.count, 1);
	router_free(&r);
	return got;
}

static void answers(const char *method, const char *path, int status, const char *body)
{
	struct answer got = ask(method, path, "");

	assert_int_equal(got.status, status);
	assert_string_equal(got.body, body);
}

static void test_rows(void **state)
{
	(void)state;
	answers("GET", "/v2/request", 200, "all GET id=- q=- body=");
	answers("GET", "/v2/request/", 200, "all GET id=- q=- body=");
	answers("GET", "/v2/request/a?q=%31+2", 200, "one GET id=a q=1 2 body=");
	answers("GET", "/v2/request/special", 200, "special GET id=- q=- body=");
	answers("GET", "/v2/request/spe%63ial", 200, "special GET id=- q=- body=");
	answers("GET", "/v2/request/a%2Fb", 200, "one GET id=a/b q=- body=");
	answers("GET", "/v2/request/a+b;x=1", 200, "one GET id=a+b q=- body=");
	answers("GET", "/v2/request/x/m", 200, "deep GET id=x q=- body=");
	answers("GET", "/v2/rest/x", 200, "one GET id=x q=- body=");
	answers("GET", "/v2/rest/x/y/special?q=1", 200, "one GET id=x/y/special q=1 body=");
	answers("GET", "/v2/rest/special", 200, "special GET id=- q=- body=");
	answers("GET", "/v2/rest/special/x", 200, "one GET id=special/x q=- body=");
	answers("DELETE", "/v2/request/x?authkey=k", 200, "one DELETE id=x q=- body=");
	answers("HEAD", "/v2/request/x", 200, "");
}

static void test_refusals(void **state)
{
	const char *not_found = "{\"code\":404,\"message\":\"HTTP 404 Not Found\"}";
	const char *bad = "{\"code\":400,\"message\":\"HTTP 400 Bad Request\"}";

	(void)state;
	answers("GET", "/request", 404, not_found);
	answers("GET", "/v2x/request", 404, not_found);
	answers("GET", "/v2/", 404, not_found);
	answers("GET", "/v2/nothing", 404, not_found);
	answers("GET", "/v2/rest", 404, not_found);
	answers("GET", "/v2//request", 404, not_found);
	answers("GET", "/v2/request//", 404, not_found);
	answers("GET", "/v2/request/..", 404, not_found);
	answers("GET", "/v2/request/%2e%2e", 404, not_found);
	answers("GET", "/v2/request/a%00b", 400, bad);
	answers("GET", "/v2/request/a%zz", 400, bad);
	answers("GET", "/v2/request/%ff", 400, bad);
	answers("GET", "/v2/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8", 404, not_found);
	answers("DELETE", "/v2/request/x", 403, "{\"code\":403,\"message\":\"HTTP 403 Forbidden\"}");
}

static void test_method_not_allowed(void **state)
{
	struct answer got = ask("PUT", "/v2/request/x", "");

	(void)state;
	assert_int_equal(got.status, 405);
	assert_string_equal(got.body, "{\"code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}");
	assert_string_equal(got.type, "application/json");
	assert_string_equal(got.headers, "Allow: GET,DELETE,OPTIONS\n");
	got = ask("DELETE", "/v2/request/special", "");
	assert_int_equal(got.status, 405);
	assert_string_equal(got.headers, "Allow: GET,OPTIONS\n");
	got = ask("OPTIONS", "/v2/request", "");
	assert_int_equal(got.status, 200);
	assert_string_equal(got.headers, "Allow: HEAD,GET,POST,OPTIONS\n");
	got = ask("GET", "/v2", "");
	assert_int_equal(got.status, 302);
	assert_string_equal(got.headers, "Location: /v2/\n");
}

static void test_bodies(void **state)
{
	struct answer got = ask("POST", "/v2/request?authkey=k", "0123456789");
	char *big = calloc(1, 64 * 1024 + 2);

	(void)state;
	assert_string_equal(got.body, "post POST id=- q=- body=0123456789");
	got = ask("POST", "/v2/request?authkey=k", "0123456789x");
	assert_int_equal(got.status, 413);
	assert_string_equal(got.body,
		"{\"code\":413,\"message\":\"request body is larger than 10 bytes\"}");
	got = ask("GET", "/v2/request", "not wanted");
	assert_string_equal(got.body, "all GET id=- q=- body=");
	memset(big, 'x', 64 * 1024 + 1);
	got = ask("GET", "/v2/request", big);
	assert_int_equal(got.status, 413);
	free(big);
}

static void test_reply_headers(void **state)
{
	struct answer got = ask("POST", "/v2/header", "");

	(void)state;
	assert_int_equal(got.status, 204);
	assert_string_equal(got.type, "-");
	assert_string_equal(got.headers, "X-One: 1\n");
}

static void on_unref(void *owner)
{
	++*(int *)owner;
}

static void test_reply_later_and_shared(void **state)
{
	struct app app = { NULL, 0 };
	struct router_options opt = { .routes = routes, .n_routes = ARRAY_LEN(routes),
		.app = &app };
	struct router *r = router_new(&opt);
	struct answer got = { 0 };
	struct slice none = { "", 0 };
	int unrefs = 0;

	(void)state;
	router_dispatch(r, http_request_local("GET", "/keep", NULL, none, on_answer, &got));
	assert_int_equal(got.count, 0);
	assert_non_null(app.kept);
	router_free(&r); /* the request does not need it any more */
	http_reply_shared(&app.kept, 200, "text/plain", "shared", 6, on_unref, &unrefs);
	assert_null(app.kept);
	assert_int_equal(got.count, 1);
	assert_string_equal(got.body, "shared");
	assert_int_equal(unrefs, 1);
}

/* What is found is kept for the dispatch. */
static const struct route *find_then_dispatch(struct router *r, const char *method, const char *path, int status)
{
	struct answer got = { 0 };
	struct http_request *rq = http_request_local(method, path, NULL, (struct slice){ "", 0 }, on_answer, &got);
	const struct route *route = router_find(r, rq);

	assert_int_equal(got.count, 0);
	router_dispatch(r, rq);
	assert_int_equal(got.status, status);
	return route;
}

static void test_find(void **state)
{
	struct router_options opt = { .context_path = "/v2", .routes = routes,
		.n_routes = ARRAY_LEN(routes) };
	struct router *r = router_new(&opt);

	(void)state;
	assert_ptr_equal(find_then_dispatch(r, "POST", "/v2/request", 200), &routes[1]);
	assert_ptr_equal(find_then_dispatch(r, "HEAD", "/v2/request/special", 200), &routes[4]);
	assert_null(find_then_dispatch(r, "PUT", "/v2/request", 405));
	assert_null(find_then_dispatch(r, "GET", "/v2/request/%", 400));
	assert_null(find_then_dispatch(r, "GET", "/v2", 302));
	assert_null(find_then_dispatch(r, "GET", "/v2/r/e/q/u/e/s/t/1/2/3/4/5/6/7/8/9/0/1/2/3/4/5/6/7/8/9", 404));
	router_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_method_not_allowed),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_reply_headers),
		cmocka_unit_test(test_reply_later_and_shared),
		cmocka_unit_test(test_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
