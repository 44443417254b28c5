/*
 * admin_test.c - ping and healthcheck beside an API
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/cmocka_all.h"

#include "lib/http/admin.h"

#include <stdio.h>
#include <string.h>

struct answer {
	int status;
	char type[40], body[300], headers[200];
};

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct answer *got = ctx;

	got->status = a->status;
	snprintf(got->type, sizeof(got->type), "%s", a->content_type != NULL ? a->content_type : "-");
	snprintf(got->body, sizeof(got->body), "%.*s", (int)a->body.n, a->body.p);
	snprintf(got->headers, sizeof(got->headers), "%s", a->headers);
}

static struct admin_check told[2];
static size_t n_told;

static size_t look(void *ctx, struct admin_check *out)
{
	assert_ptr_equal(ctx, &n_told);
	memcpy(out, told, sizeof(told));
	return n_told;
}

static bool nobody_enters(struct http_request **rq, const struct route *route, void *app)
{
	(void)route;
	(void)app;
	http_reply_error(rq, 403, "HTTP 403 Forbidden");
	return false;
}

static void handle(struct http_request *rq, void *app)
{
	(void)app;
	http_reply(&rq, 204, NULL, NULL);
}

static const struct route routes[] = { { "GET", "/admin/ping", handle, ROLE_OPEN, 0, "" },
	{ "POST", "/ping", handle, ROLE_OPEN, 100000, "" } };

/* `context`: of the API, which lets nobody in. */
static struct answer ask(const char *context, const char *method, const char *path)
{
	const struct admin_options ao = { .context_path = "/admin", .look = look, .ctx = &n_told };
	struct admin *admin = admin_new(&ao);
	const struct router_options opt = { .context_path = context, .routes = routes, .n_routes = ARRAY_LEN(routes),
		.enter = nobody_enters, .beside = admin_router(admin) };
	struct router *r = router_new(&opt);
	struct answer got = { 0 };

	router_dispatch(r, http_request_local(method, path, NULL, (struct slice){ "", 0 }, on_answer, &got));
	router_free(&r);
	admin_free(&admin);
	assert_null(admin);
	admin_free(&admin);
	return got;
}

static void ping(void **state)
{
	struct answer got = ask("/v2", "GET", "/admin/ping");

	(void)state;
	assert_int_equal(got.status, 200);
	assert_string_equal(got.type, "text/plain");
	assert_string_equal(got.body, "pong\n");
	assert_string_equal(got.headers, "Cache-Control: must-revalidate,no-cache,no-store\n");
	assert_string_equal(ask("/v2", "HEAD", "/admin/ping").body, "");
	assert_int_equal(ask("/v2", "POST", "/admin/ping").status, 405);
}

static void its_paths_are_its_own(void **state)
{
	(void)state;
	assert_string_equal(ask("", "GET", "/admin/ping").body, "pong\n"); /* the API is everywhere else */
	assert_int_equal(ask("", "POST", "/ping").status, 403);
	assert_int_equal(ask("/v2", "GET", "/v2/admin/ping").status, 403);
	assert_int_equal(ask("/v2", "GET", "/admin/threads").status, 404);
	assert_int_equal(ask("/v2", "GET", "/admin/").status, 404);
	assert_int_equal(ask("/v2", "GET", "/adminx/ping").status, 404);
	assert_int_equal(ask("/v2", "GET", "/ping").status, 404);
}

/* What is found is kept for the dispatch, so the answer must be that row's. */
static const struct route *find_then_dispatch(struct router *r, const char *method, const char *path, int status)
{
	struct answer got = { 0 };
	struct http_request *rq = http_request_local(method, path, NULL, (struct slice){ "", 0 }, on_answer, &got);
	const struct route *route = router_find(r, rq);

	router_dispatch(r, rq);
	assert_int_equal(got.status, status);
	return route;
}

static void bodies_are_read_by_its_rows(void **state)
{
	const struct admin_options ao = { .context_path = "/admin", .look = look, .ctx = &n_told };
	struct admin *admin = admin_new(&ao);
	const struct router_options opt = { .context_path = "", .routes = routes, .n_routes = ARRAY_LEN(routes),
		.beside = admin_router(admin) };
	struct router *r = router_new(&opt);

	(void)state;
	assert_string_equal(find_then_dispatch(r, "GET", "/admin/ping", 200)->pattern, "/ping");
	assert_ptr_equal(find_then_dispatch(r, "POST", "/ping", 204), &routes[1]);
	assert_null(find_then_dispatch(r, "POST", "/admin/ping", 405));
	router_free(&r);
	admin_free(&admin);
}

static void health(void **state)
{
	struct answer got;

	(void)state;
	told[0] = (struct admin_check){ "A", true, NULL };
	told[1] = (struct admin_check){ "B", true, "fine" };
	n_told = 2;
	got = ask("/v2", "GET", "/admin/healthcheck");
	assert_int_equal(got.status, 200);
	assert_string_equal(got.type, "application/json");
	assert_string_equal(got.body, "{\"A\":{\"healthy\":true},\"B\":{\"healthy\":true,\"message\":\"fine\"}}");
	assert_string_equal(got.headers, "Cache-Control: must-revalidate,no-cache,no-store\n");
	told[0] = (struct admin_check){ "A", false, "a \"line\"\n" };
	got = ask("/v2", "GET", "/admin/healthcheck");
	assert_int_equal(got.status, 500);
	assert_string_equal(got.body,
		"{\"A\":{\"healthy\":false,\"message\":\"a \\\"line\\\"\\n\"},\"B\":{\"healthy\":true,\"message\":\"fine\"}}");
	n_told = 0;
	assert_string_equal(ask("/v2", "GET", "/admin/healthcheck").body, "{}");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(ping),
		cmocka_unit_test(its_paths_are_its_own),
		cmocka_unit_test(bodies_are_read_by_its_rows),
		cmocka_unit_test(health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
