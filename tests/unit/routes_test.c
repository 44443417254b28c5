/*
 * routes_test.c - domains and paths as keys of map files
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* "domain path prefix;" of each route; '-' for no domain. */
static const char *routes(const char *base, const char *more, const char *domain1, const char *domain2, struct arena *a)
{
	struct service s = { .id = "s", .base_path = base };
	AUTO(buf_release) struct buf out = BUF_INIT;
	const struct value *list;

	if (more != NULL)
		strings_add(&s.additional_paths, a, more);
	if (domain1 != NULL)
		strings_add(&s.domains, a, domain1);
	if (domain2 != NULL)
		strings_add(&s.domains, a, domain2);
	list = routes_value(&s, a);
	for (size_t i = 0; i < list->u.list.n; i++) {
		const struct value *r = list->u.list.items[i], *domain = value_get(r, "domain");

		buf_printf(&out, "%s %s %s;", domain->kind == VALUE_STRING ? domain->u.s : "-", value_get(r, "path")->u.s,
			value_get(r, "prefix")->u.s);
	}
	return arena_strdup(a, buf_cstr(&out));
}

static void paths(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();

	(void)state;
	assert_string_equal(routes("/foo", NULL, NULL, NULL, a), "- /foo /foo/;");
	assert_string_equal(routes("foo//", "/", NULL, NULL, a), "- /foo /foo/;- / /;");
	assert_string_equal(routes("", "//", NULL, NULL, a), "- / /;");
	assert_string_equal(routes("/a", "/a/", NULL, NULL, a), "- /a /a/;");
	assert_string_equal(routes(NULL, "/b", NULL, NULL, a), "- /b /b/;");
	assert_string_equal(routes(NULL, NULL, "d", NULL, a), "");
}

static void a_key_is_one_word(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();

	(void)state;
	assert_string_equal(routes("/a b\tc\nd", NULL, NULL, NULL, a), "- /a%20b%09c%0Ad /a%20b%09c%0Ad/;");
	assert_string_equal(routes("/#\x7f\xc3\xa9%20", NULL, "#d e", NULL, a),
		"%23d%20e /%23%7F%C3%A9%20 %23d%20e/%23%7F%C3%A9%20/;");
}

static void domains_are_sorted_and_lower(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();

	(void)state;
	assert_string_equal(routes("/Foo", "/b", "Z.com", "a.COM", a),
		"a.com /Foo a.com/Foo/;a.com /b a.com/b/;z.com /Foo z.com/Foo/;z.com /b z.com/b/;");
	assert_string_equal(routes("/", NULL, "A.com", "a.com", a), "a.com / a.com/;");
}

static void a_domain_has_no_port_and_no_path(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();

	(void)state;
	assert_string_equal(routes("/f", NULL, "A.com:8080", "b.com:", a), "a.com /f a.com/f/;b.com /f b.com/f/;");
	assert_string_equal(routes("/f", NULL, "a.com/x/y:80", "[::1]:80", a),
		"[::1] /f [::1]/f/;a.com%2Fx%2Fy /f a.com%2Fx%2Fy/f/;");
	assert_string_equal(routes("/f", NULL, "/", NULL, a), "%2F /f %2F/f/;");
}

static void paths_as_they_are(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct service s = { .id = "s", .base_path = "/a b//" };

	(void)state;
	strings_add(&s.additional_paths, a, "");
	strings_add(&s.additional_paths, a, "/a b");
	strings_add(&s.additional_paths, a, "c#\xc3\xa9");
	value_write(routes_paths(&s, a), false, &out);
	assert_string_equal(buf_cstr(&out), "[\"/a b\",\"/\",\"/c#\xc3\xa9\"]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(a_key_is_one_word),
		cmocka_unit_test(domains_are_sorted_and_lower),
		cmocka_unit_test(a_domain_has_no_port_and_no_path), cmocka_unit_test(paths_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
