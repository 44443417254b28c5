/*
 * checks_test.c - options of the wrong kind are refused by name
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/checks.h"

#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const struct template_helper *row(const char *name)
{
	size_t n;
	const struct template_helper *rows = checks_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	fail_msg("no helper %s", name);
	return NULL;
}

/* Calls it with the elements of a JSON list; the result as JSON, or the error's text. */
static const char *call(const char *helper, const char *json, struct arena *a)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	const struct template_helper *h = row(helper);
	const struct value *list = NULL, *out = NULL;
	struct error err = ERROR_INIT;

	if (value_parse(json, strlen(json), a, &list, &err) != 0)
		fail_msg("%s: %s", json, err.text);
	struct template_call c = { .name = helper, .args = list->u.list.items, .n_args = list->u.list.n, .arena = a,
		.ctx = h->ctx };
	assert_true(c.n_args >= h->min_args && c.n_args <= h->max_args);
	if (h->fn(&c, &out, &err) != 0)
		return arena_strdup(a, err.text);
	value_write(out, false, &text);
	return arena_strdup(a, buf_cstr(&text));
}

static void check(const char *helper, const char *args, const char *want)
{
	AUTO(arena_free) struct arena *a = arena_new();

	assert_string_equal(call(helper, args, a), want);
}

/* Each of these values is refused, with the option's name. */
static void refused(const char *helper, const char *more, const char *const *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(arena_free) struct arena *a = arena_new();
		const char *text = call(helper, arena_printf(a, "[%s,\"x\"%s]", values[i], more), a);

		if (!str_starts(text, "option 'x'"))
			fail_msg("%s of %s gives %s", helper, values[i], text);
	}
}
#define REFUSED(helper, more, ...) \
	do { \
		static const char *const values[] = { __VA_ARGS__ }; \
		refused(helper, more, values, ARRAY_LEN(values)); \
	} while (0)

static void test_missing_is_null(void **state)
{
	static const char *const names[] = { "asInteger", "asDuration", "asFlag", "asText", "asToken", "asHost",
		"asFile", "asPath", "asMap", "asList" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		check(names[i], "[null,\"x\"]", "null");
	check("asChoice", "[null,\"x\",\"a\"]", "null");
}

static void test_numbers(void **state)
{
	(void)state;
	check("asInteger", "[0,\"x\"]", "\"0\"");
	check("asInteger", "[\"17\",\"x\",1,17]", "\"17\"");
	check("asInteger", "[4.0,\"x\"]", "\"4\"");
	check("asInteger", "[18,\"maxconn\",1,17]", "option 'maxconn': '18' is no whole number from 1 to 17");
	REFUSED("asInteger", "", "-1", "1.5", "\"many\"", "\"\"", "\"1 2\"", "true", "[1]", "{}", "2147483648", "1e300");
	check("asDuration", "[500,\"x\"]", "\"500ms\"");
	check("asDuration", "[\"5s\",\"x\"]", "\"5s\"");
	check("asDuration", "[\"24d\",\"x\"]", "\"24d\"");
	check("asDuration", "[\"1\",\"x\"]", "\"1ms\"");
	REFUSED("asDuration", "", "0", "-5", "\"5 s\"", "\"s\"", "\"5us\"", "\"5S\"", "\"25d\"", "\"0s\"", "1.5", "true",
		"\"99999999999999999999s\"", "\"99999999999999d\"", "\"5s\\n\"", "{}", "\"-1s\"");
}

static void test_words(void **state)
{
	(void)state;
	check("asFlag", "[\"false\",\"x\"]", "false");
	check("asFlag", "[true,\"x\"]", "true");
	REFUSED("asFlag", "", "1", "\"yes\"", "\"\"", "[]");
	check("asChoice", "[\"b\",\"x\",\"a\",\"b\"]", "\"b\"");
	check("asChoice", "[\"c d\",\"x\",\"a\",\"b\"]", "option 'x': 'c d' is none of a, b");
	REFUSED("asChoice", ",\"a\",\"b\"", "\"A\"", "1", "\"\"", "[\"a\"]");
	check("asText", "[5,\"x\"]", "5");
	check("asText", "[\"\xc3\xa9 #\",\"x\"]", "\"\xc3\xa9 #\"");
	REFUSED("asText", ",3", "\"\"", "\"abcd\"", "[]", "{}", "\"a\\n\"", "\"\\t\"", "\"\\u007f\"");
	check("asToken", "[\"X-A_1\",\"x\"]", "\"X-A_1\"");
	REFUSED("asToken", "", "\"\"", "\"-a\"", "\"a b\"", "\"a:b\"", "\"a)\"", "\"a,b\"", "\"\xc3\xa9\"", "5", "\"a\\n\"");
	check("asHost", "[\"a-b.c\",\"x\"]", "\"a-b.c\"");
	REFUSED("asHost", "", "\"a:80\"", "\".a\"", "\"a)\"", "\"%[x]\"", "\"\"");
	check("asFile", "[\"ca.pem\",\"x\"]", "\"ca.pem\"");
	REFUSED("asFile", "", "\"../ca.pem\"", "\"/etc/passwd\"", "\"..\"", "\".pem\"", "\"@system\"", "\"a\\\\b\"");
	check("asPath", "[\"/a?b=%20;'\",\"x\"]", "\"/a?b=%20;'\"");
	REFUSED("asPath", "", "\"a\"", "\"/a b\"", "\"/\\\"\"", "\"/\\\\\"", "\"/#\"", "\"/\xc3\xa9\"", "\"\"", "\"/\\r\\n\"");
}

static void test_collections(void **state)
{
	(void)state;
	check("asMap", "[{\"a\":1},\"x\"]", "{\"a\":1}");
	check("asMap", "[{\"b\":1},\"x\",\"a\",\"b\"]", "{\"b\":1}");
	check("asMap", "[{\"set \":1},\"x\",\"a\"]", "option 'x' knows no 'set '");
	REFUSED("asMap", "", "[]", "\"a\"", "1", "true");
	check("asList", "[\"a\",\"x\"]", "[\"a\"]");
	check("asList", "[[\"a\",\"b\"],\"x\"]", "[\"a\",\"b\"]");
	REFUSED("asList", "", "{}", "1", "[1]", "[[\"a\"]]", "[null]");
	check("isIn", "[\"a\",[\"ab\",\"a\"]]", "true");
	check("isIn", "[\"a\",[\"ab\"]]", "false");
	check("isIn", "[\"a\",null]", "false");
	check("isIn", "[\"a\",\"a\"]", "false");
	check("fail", "[\"no \",5,\" of \",\"a\\nb\"]", "no 5 of a\\nb");
}

static void test_dict(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value_member hash[] = { { "a", value_bool(true) }, { "b", value_null() } };
	struct template_call c = { .name = "dict", .arena = a, .hash = hash, .n_hash = ARRAY_LEN(hash) };
	const struct value *out = NULL;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(row("dict")->fn(&c, &out, &err), 0);
	assert_int_equal(out->kind, VALUE_MAP);
	assert_true(value_get(out, "a")->u.b);
	assert_int_equal(value_get(out, "b")->kind, VALUE_NULL);
	assert_null(value_get(out, "c"));
}

static void test_weights_are_of_groups(void **state)
{
	(void)state;
	check("groupWeights", "[[{\"group\":\"a\"},{\"group\":\"b\"}],{\"b\":20},\"x\"]", "{\"a\":\"4\",\"b\":\"1\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing_is_null), cmocka_unit_test(test_numbers), cmocka_unit_test(test_words),
		cmocka_unit_test(test_collections), cmocka_unit_test(test_dict), cmocka_unit_test(test_weights_are_of_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
