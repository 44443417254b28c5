/*
 * api_auth_test.c - keys: how they come, what their roles open, and that no log ever holds one
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"

#define FORBIDDEN "{\"code\":403,\"message\":\"HTTP 403 Forbidden\"}"
#define OTHER_ROLE(role)                                                                           \
	"{\"code\":403,\"message\":\"HTTP 403 Forbidden: the role of this key does not open it, "  \
	"the role `" role "` does\"}"
#define MASTER "?authkey=secret-master"
#define KEY(value, more)                                                                           \
	"{\"value\":\"" value "\",\"owner\":\"o\",\"createdAt\":5,\"expiredAt\":null" more "}"

static struct buf logged;

static void keep_log(void *ctx, enum log_level level, const char *line)
{
	(void)ctx;
	(void)level;
	buf_str(&logged, line);
}

static void stored(struct box *x, const char *path, const char *want)
{
	const struct store_node *node = mem_server_get(x->srv, path);
	AUTO(xfree_p) char *text = NULL;

	assert_non_null(node);
	text = xstrndup(node->data, node->len);
	assert_string_equal(text, want);
}

static int status_with(struct box *x, const char *method, const char *path, const char *header)
{
	AUTO(xfree_p) char *full = xasprintf("/v2%s", path);
	struct answer got = { 0 };
	struct http_request *rq = http_request_local(
		method, full, NULL, (struct slice){ "", 0 }, on_answer, &got);

	if (header != NULL)
		http_request_local_header(rq, "Authorization", header);
	router_dispatch(api_router(x->api), rq);
	for (int i = 0; i < 3000 && !got.done; i++)
		run_for(x, LOOP_MS(1));
	assert_true(got.done);
	buf_release(&got.body);
	return got.status;
}

/* --- the administration of keys --- */

static void test_records(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	x.options.master_key = "secret-master";
	box_start(&x, false);
	expect(&x, "GET", "/auth/keys" MASTER, NULL, 200, "[]");
	/* As it was sent; Java's keys in Java's order, ours only if it was said. */
	expect(&x, "POST", "/auth/keys" MASTER, "{\"value\":\"secret-1\",\"owner\":\"o\"}", 204, "");
	stored(&x, "/auth/secret-1",
		"{\"value\":\"secret-1\",\"owner\":\"o\",\"createdAt\":0,\"expiredAt\":null}");
	expect(&x, "POST", "/auth/keys" MASTER,
		"{\"role\":\"Read\",\"createdAt\":5,\"owner\":\"o\",\"value\":\"secret-0\"}", 204, "");
	stored(&x, "/auth/secret-0", KEY("secret-0", ",\"role\":\"read\""));
	mem_server_put(x.srv, "/auth/secret-2", "what is this?");
	expect(&x, "GET", "/auth/keys" MASTER, NULL, 200,
		"[" KEY("secret-0", ",\"role\":\"read\"") ","
		"{\"value\":\"secret-1\",\"owner\":\"o\",\"createdAt\":0,\"expiredAt\":null}]");
	/* It ends, and stays. */
	got = ask(&x, "DELETE", "/auth/keys/secret-1" MASTER, NULL);
	assert_int_equal(got->status, 200);
	assert_true(str_starts(buf_cstr(&got->body),
		"{\"value\":\"secret-1\",\"owner\":\"o\",\"createdAt\":0,\"expiredAt\":1"));
	stored(&x, "/auth/secret-1", buf_cstr(&got->body));
	assert_int_equal(ask(&x, "DELETE", "/auth/keys/secret-2" MASTER, NULL)->status, 200);
	expect(&x, "DELETE", "/auth/keys/secret-9" MASTER, NULL, 404,
		"{\"code\":404,\"message\":\"HTTP 404 Not Found\"}");
	expect(&x, "POST", "/auth/keys" MASTER, "null", 422,
		"{\"errors\":[\"The request body may not be null\"]}");
	expect(&x, "POST", "/auth/keys" MASTER, "{\"owner\":\"o\"}", 422,
		"{\"errors\":[\"value may not be null\"]}");
	assert_int_equal(
		ask(&x, "POST", "/auth/keys" MASTER, "{\"value\":\"a/b\"}")->status, 422);
	assert_int_equal(
		ask(&x, "POST", "/auth/keys" MASTER, "{\"value\":\"k\",\"role\":\"x\"}")->status, 400);
	box_stop(&x);
}

/* Also where no other call asks for a key. */
static void test_master(void **state)
{
	static const char *const bad[] = { "/auth/keys", "/auth/keys?authkey=secret-maste",
		"/auth/keys?authkey=secret-own", "/auth/keys?authkey=" };
	struct box x = { 0 };

	(void)state;
	for (int on = 0; on < 2; on++) {
		x = (struct box){ .options = { .master_key = "secret-master",
					  .auth_enabled = on != 0,
					  .auth_key = "secret-own" } };
		box_start(&x, false);
		for (size_t i = 0; i < ARRAY_LEN(bad); i++)
			expect(&x, "GET", bad[i], NULL, 403,
				i == 2 && on ? OTHER_ROLE("master") : FORBIDDEN);
		expect(&x, "POST", "/auth/keys", "{", 403, FORBIDDEN);
		expect(&x, "DELETE", "/auth/keys/secret-own", NULL, 403, FORBIDDEN);
		assert_int_equal(ask(&x, "GET", "/auth/keys" MASTER, NULL)->status, 200);
		/* It is no other key. */
		assert_int_equal(ask(&x, "GET", "/auth/key/verify" MASTER, NULL)->status,
			on ? 403 : 204);
		assert_int_equal(ask(&x, "DELETE", "/aliases/a" MASTER, NULL)->status,
			on ? 403 : 204);
		box_stop(&x);
	}
	x = (struct box){ 0 };
	box_start(&x, false);
	expect(&x, "GET", "/auth/keys?authkey=", NULL, 403,
		"{\"code\":403,\"message\":\"HTTP 403 Forbidden: masterAuthKey is not set, so keys "
		"cannot be administered over HTTP\"}");
	assert_int_equal(ask(&x, "GET", "/auth/key/verify", NULL)->status, 204);
	box_stop(&x);
}

static void test_at_once(void **state)
{
	struct box x = { .options = { .auth_enabled = true, .master_key = "secret-master" } };
	const struct sim_service_options other = { .name = "other", .session_ms = 4000, .api = &x.options };
	struct box y = { 0 };

	(void)state;
	box_start(&x, false);
	/* Another service of the cluster. */
	y = x;
	sim_service_start(&y.process, &x.site, &other);
	y.api = y.process.api;
	run_for(&x, LOOP_MS(500));
	for (int i = 0; i < 3; i++) {
		expect(&x, "GET", "/auth/key/verify?authkey=secret-1", NULL, 403, FORBIDDEN);
		expect(&x, "POST", "/auth/keys" MASTER, KEY("secret-1", ""), 204, "");
		expect(&x, "GET", "/auth/key/verify?authkey=secret-1", NULL, 204, "");
		run_for(&x, LOOP_MS(5));
		expect(&y, "GET", "/auth/key/verify?authkey=secret-1", NULL, 204, "");
		assert_int_equal(
			ask(&y, "DELETE", "/auth/keys/secret-1" MASTER, NULL)->status, 200);
		expect(&y, "GET", "/auth/key/verify?authkey=secret-1", NULL, 403, FORBIDDEN);
		run_for(&x, LOOP_MS(5));
	}
	expect(&x, "GET", "/auth/key/verify?authkey=secret-1", NULL, 403, FORBIDDEN);
	sim_service_stop(&y.process);
	box_stop(&x);
}

/* --- what a key opens --- */

static void test_roles(void **state)
{
	static const char *const keys[] = { "none", "read", "write", "agent", "master" };
	static const struct {
		const char *method, *path;
		int status[5]; /* of each key above */
	} cases[] = {
		{ "GET", "/aliases/a", { 404, 404, 404, 404, 404 } },
		{ "DELETE", "/aliases/a", { 204, 403, 204, 403, 204 } },
		{ "GET", "/auth/key/verify", { 204, 403, 204, 403, 204 } },
		{ "POST", "/checkin/g/startup", { 400, 403, 403, 400, 400 } },
		{ "GET", "/auth/keys", { 403, 403, 403, 403, 200 } },
		{ "GET", "/state", { 200, 200, 200, 200, 200 } },
	};
	struct box x = { .options = { .auth_enabled = true } };

	(void)state;
	box_start(&x, false);
	mem_server_put(x.srv, "/auth/none", KEY("none", ""));
	mem_server_put(x.srv, "/auth/read", KEY("read", ",\"role\":\"read\""));
	mem_server_put(x.srv, "/auth/write", KEY("write", ",\"role\":\"write\""));
	mem_server_put(x.srv, "/auth/agent", KEY("agent", ",\"role\":\"agent\""));
	mem_server_put(x.srv, "/auth/master", KEY("master", ",\"role\":\"master\",\"later\":[]"));
	mem_server_put(x.srv, "/auth/odd", KEY("odd", ",\"role\":\"all\""));
	run_for(&x, LOOP_MS(200));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		for (size_t k = 0; k < ARRAY_LEN(keys); k++) {
			AUTO(xfree_p) char *path =
				xasprintf("%s?authkey=%s", cases[i].path, keys[k]);

			assert_int_equal(status_with(&x, cases[i].method, path, NULL),
				cases[i].status[k]);
		}
	expect(&x, "DELETE", "/aliases/a?authkey=read", NULL, 403, OTHER_ROLE("write"));
	/* A role that we do not know opens nothing. */
	expect(&x, "GET", "/aliases/a?authkey=odd", NULL, 403, FORBIDDEN);
	box_stop(&x);
}

static void test_bearer(void **state)
{
	struct box x = { .options = { .auth_enabled = true, .auth_key = "secret-own" } };

	(void)state;
	box_start(&x, false);
	assert_int_equal(status_with(&x, "GET", "/auth/key/verify", NULL), 403);
	assert_int_equal(status_with(&x, "GET", "/auth/key/verify", "Bearer secret-own"), 204);
	assert_int_equal(status_with(&x, "GET", "/auth/key/verify", "bearer  secret-own"), 204);
	assert_int_equal(status_with(&x, "GET", "/auth/key/verify", "Bearer secret-ow"), 403);
	assert_int_equal(status_with(&x, "GET", "/auth/key/verify", "Bearer"), 403);
	assert_int_equal(status_with(&x, "GET", "/auth/key/verify", "Basic secret-own"), 403);
	/* The query comes first. */
	assert_int_equal(
		status_with(&x, "GET", "/auth/key/verify?authkey=bad", "Bearer secret-own"), 403);
	assert_int_equal(
		status_with(&x, "GET", "/auth/key/verify?authkey=secret-own", "Bearer bad"), 204);
	box_stop(&x);
}

/* A key that is refused, stored, ended, or cannot be written. */
static void test_never_logged(void **state)
{
	struct box x = { .options = { .auth_enabled = true,
				 .auth_key = "secret-own",
				 .master_key = "secret-master" } };

	(void)state;
	log_set_level(LOG_LEVEL_DEBUG);
	log_set_sink(keep_log, NULL);
	box_start(&x, false);
	expect(&x, "DELETE", "/auth/keys/secret-1?authkey=secret-2", NULL, 403, FORBIDDEN);
	expect(&x, "DELETE", "/auth/keys/secret-1?authkey=secret-own", NULL, 403,
		OTHER_ROLE("master"));
	expect(&x, "POST", "/auth/keys" MASTER, KEY("secret-1", ""), 204, "");
	assert_int_equal(ask(&x, "DELETE", "/auth/keys/secret-1" MASTER, NULL)->status, 200);
	assert_int_equal(
		status_with(&x, "GET", "/auth/key/verify", "Bearer secret-3"), 403);
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	assert_int_equal(ask(&x, "DELETE", "/auth/keys/secret-1" MASTER, NULL)->status, 504);
	box_stop(&x);
	log_set_sink(NULL, NULL);
	log_set_level(LOG_LEVEL_ERROR);
	assert_non_null(strstr(buf_cstr(&logged), "wrong key"));
	assert_non_null(strstr(buf_cstr(&logged), "/auth/keys/{key}"));
	assert_non_null(strstr(buf_cstr(&logged), "key ended"));
	assert_null(strstr(buf_cstr(&logged), "secret-"));
	buf_release(&logged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_master),
		cmocka_unit_test(test_at_once),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_bearer),
		cmocka_unit_test(test_never_logged),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
