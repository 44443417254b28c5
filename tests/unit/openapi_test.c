/*
 * openapi_test.c - /openapi.json of both programs: it holds every route, and holds together
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/openapi.h"

#include "agent/api/agent_api.h"
#include "lib/base/log.h"
#include "lib/model/value.h"
#include "service/api/job.h"
#include "tests/unit/api_sample.h"

#include <ctype.h>

static const struct value *must(const struct value *map, const char *key)
{
	const struct value *v = value_get(map, key);

	if (v == NULL)
		fail_msg("no '%s'", key);
	return v;
}

/* --- it holds together --- */

static void check_refs(const struct value *doc, const struct value *v)
{
	static const char prefix[] = "#/components/schemas/";

	if (v->kind == VALUE_LIST)
		for (size_t i = 0; i < v->u.list.n; i++)
			check_refs(doc, v->u.list.items[i]);
	if (v->kind != VALUE_MAP)
		return;
	for (size_t i = 0; i < v->u.map.n; i++) {
		const struct value_member *m = &v->u.map.members[i];

		if (str_eq(m->key, "$ref")) {
			assert_true(str_starts(m->value->u.s, prefix));
			must(must(must(doc, "components"), "schemas"), m->value->u.s + strlen(prefix));
		}
		check_refs(doc, m->value);
	}
}

static bool has_param(const struct value *call, const char *name, size_t n)
{
	const struct value *list = must(call, "parameters");

	for (size_t i = 0; i < list->u.list.n; i++) {
		const struct value *p = list->u.list.items[i];
		const char *text = must(p, "name")->u.s;

		if (strlen(text) == n && strncmp(text, name, n) == 0 && str_eq(must(p, "in")->u.s, "path"))
			return must(p, "required")->u.b;
	}
	return false;
}

static void check_call(const char *path, const struct value *call)
{
	for (const char *s = strchr(path, '{'); s != NULL; s = strchr(s + 1, '{'))
		if (!has_param(call, s + 1, strcspn(s + 1, "}")))
			fail_msg("'%s' does not declare a parameter of its path", path);
	assert_true(*must(call, "summary")->u.s != '\0');
	assert_true(must(call, "responses")->u.map.n >= 2);
	must(must(call, "responses"), "default");
}

static void check_document(const char *text, size_t n, const struct route *routes, size_t n_routes, struct arena *a)
{
	const struct value *doc, *paths;
	struct strings ids = { NULL, 0 };
	struct error err = ERROR_INIT;
	size_t calls = 0;

	if (value_parse(text, n, a, &doc, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(must(doc, "openapi")->u.s, "3.0.3");
	must(must(doc, "info"), "title");
	must(must(doc, "info"), "version");
	paths = must(doc, "paths");
	for (size_t i = 0; i < paths->u.map.n; i++) {
		const struct value *path = paths->u.map.members[i].value;

		for (size_t k = 0; k < path->u.map.n; k++) {
			const char *id = must(path->u.map.members[k].value, "operationId")->u.s;

			check_call(paths->u.map.members[i].key, path->u.map.members[k].value);
			assert_false(strings_have(&ids, id));
			strings_add(&ids, a, id);
			calls++;
		}
	}
	assert_int_equal(calls, n_routes);
	for (size_t i = 0; i < n_routes; i++) {
		AUTO(buf_release) struct buf path = BUF_INIT, method = BUF_INIT;
		const struct value *call;

		for (const char *s = routes[i].pattern; *s; s++)
			if (*s != '.' || s[1] == 'j') /* "{arn...}" is told as "{arn}" */
				buf_char(&path, *s);
		for (const char *s = routes[i].method; *s; s++)
			buf_char(&method, (char)tolower((unsigned char)*s));
		call = must(must(paths, buf_cstr(&path)), buf_cstr(&method));
		assert_string_equal(must(call, "summary")->u.s, routes[i].help);
		assert_int_equal(value_get(call, "security") != NULL, routes[i].role != ROLE_OPEN);
	}
	check_refs(doc, doc);
}

/* --- small --- */

static const struct route small[] = {
	{ "GET", "/things/{id}", NULL, ROLE_OPEN, 0, "one \"thing\"" },
	{ "DELETE", "/things/{id}", NULL, ROLE_KEY, 0, "no thing" },
	{ "POST", "/far/{rest...}", NULL, ROLE_MASTER, 9, "far" },
};
static const struct openapi_row small_rows[] = {
	{ "GET", "/things/{id}", (const struct openapi_param[]){ { "big", "boolean", "how", true },
		{ "few", "integer 0..60", NULL, false }, { NULL, NULL, NULL, false } }, NULL, "[Thing]", "304 404" },
	{ "DELETE", "/things/{id}", NULL, NULL, NULL, NULL },
	{ "POST", "/far/{rest...}", NULL, "Thing", "never", "400 500text" },
};

static void every_word(void **state)
{
	const struct openapi doc = { .title = "t", .version = "1", .context_path = "", .routes = small, .n_routes = ARRAY_LEN(small),
		.rows = small_rows, .n_rows = ARRAY_LEN(small_rows), .schemas = "\"Thing\":{\"type\":\"object\"}" };
	static const char *const wanted[] = {
		"\"servers\":[{\"url\":\"/\"}]",
		"\"/things/{id}\":{\"get\":{\"operationId\":\"get_things_id\",\"summary\":\"one \\\"thing\\\"\",\"parameters\":["
		"{\"name\":\"id\",\"in\":\"path\",\"required\":true,\"schema\":{\"type\":\"string\"}},"
		"{\"name\":\"big\",\"in\":\"query\",\"required\":true,\"schema\":{\"type\":\"boolean\"},\"description\":\"how\"},"
		"{\"name\":\"few\",\"in\":\"query\",\"required\":false,\"schema\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":60}}],"
		"\"responses\":{\"default\":{\"description\":\"an error\",\"content\":{\"application/json\":{\"schema\":{"
		"\"$ref\":\"#/components/schemas/Error\"}}}},\"200\":{\"description\":\"done\",\"content\":{\"application/json\":{\"schema\":{\"type\":\"array\","
		"\"items\":{\"$ref\":\"#/components/schemas/Thing\"}}}}},\"304\":{\"description\":",
		"\"security\":[{\"authkey\":[]},{\"bearer\":[]}],\"parameters\":[{\"name\":\"id\"",
		"}},\"204\":{\"description\":\"done\"},\"403\":{",
		"\"500\":{\"description\":\"it cannot be done\",\"content\":{\"text/plain\":{\"schema\":{\"type\":\"string\"}}}}}}",
		"\"/far/{rest}\":{\"post\":{\"operationId\":\"post_far_rest\"",
	};
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf out = BUF_INIT;

	(void)state;
	openapi_print(&doc, &out);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (strstr(buf_cstr(&out), wanted[i]) == NULL)
			fail_msg("'%s' is not in %s", wanted[i], buf_cstr(&out));
	check_document(out.data, out.len, small, ARRAY_LEN(small), a);
	assert_ptr_equal(openapi_find(&doc, &small[1]), &small_rows[1]);
	assert_null(openapi_find(&(struct openapi){ .rows = small_rows, .n_rows = 2 }, &small[2]));
}

/* --- the programs --- */

static void of_the_service(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct box x = { 0 };
	const struct route *routes;
	const struct answer *got;
	size_t n;

	(void)state;
	box_start(&x, false);
	got = ask(&x, "GET", "/openapi.json", NULL);
	assert_int_equal(got->status, 200);
	routes = api_routes(&n);
	check_document(got->body.data, got->body.len, routes, n, a);
	assert_non_null(strstr(buf_cstr(&got->body), "\"servers\":[{\"url\":\"/v2\"}]"));
	box_stop(&x);
}

static void of_the_agent(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct answer got = { .done = false };
	struct agent_api *api;
	const struct route *routes;
	size_t n;

	(void)state;
	api = agent_api_new(&(struct agent_api_options){ .context_path = "/agent" });
	router_dispatch(agent_api_router(api),
		http_request_local("GET", "/agent/openapi.json", NULL, (struct slice){ "", 0 }, on_answer, &got));
	assert_true(got.done); /* though it has no link yet */
	assert_int_equal(got.status, 200);
	routes = agent_api_routes(&n);
	check_document(got.body.data, got.body.len, routes, n, a);
	buf_release(&got.body);
	agent_api_free(&api);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_word),
		cmocka_unit_test(of_the_service),
		cmocka_unit_test(of_the_agent),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
