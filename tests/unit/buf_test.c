/*
 * buf_test.c - appending, the sticky limit, JSON strings
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/buf.h"

#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>

static void append(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_cstr(&b), "");
	buf_str(&b, "ab");
	buf_char(&b, 'c');
	buf_append(&b, "d\0e", 3);
	buf_append(&b, NULL, 0);
	buf_printf(&b, "%03d", 7);
	assert_int_equal(b.len, 9);
	assert_memory_equal(b.data, "abcd\0e007", 10);
	buf_truncate(&b, 2);
	assert_string_equal(buf_cstr(&b), "ab");
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_cstr(&b), "");
}

static void long_printf(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	size_t before;

	(void)state;
	for (int width = 250; width < 260; width++) {
		before = b.len;
		buf_printf(&b, "%*d", width, 5);
		assert_int_equal(b.len - before, width);
		assert_int_equal(b.data[b.len - 1], '5');
		assert_int_equal(strlen(b.data), b.len);
	}
}

static void limit_is_sticky(void **state)
{
	AUTO(buf_release) struct buf b = BUF_LIMITED(5);

	(void)state;
	buf_str(&b, "abc");
	buf_str(&b, "def"); /* dropped whole */
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "abc");
	buf_str(&b, "d"); /* would fit, but is dropped too */
	assert_string_equal(buf_cstr(&b), "abc");
	buf_clear(&b);
	assert_false(b.overflow);
	buf_str(&b, "abcde");
	assert_false(b.overflow);
	buf_printf(&b, "%300d", 1);
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "abcde");
	buf_release(&b);
	assert_int_equal(b.limit, 5);
	assert_false(b.overflow);
}

static void json(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	static const char text[] = "a\"\\\b\t\n\f\r\x0b\x00\x1f/\x7f\xc3\xa4";

	(void)state;
	buf_json_string(&b, text, sizeof(text) - 1);
	assert_string_equal(buf_cstr(&b), "\"a\\\"\\\\\\b\\t\\n\\f\\r\\u000b\\u0000\\u001f/\x7f\xc3\xa4\"");
	buf_clear(&b);
	buf_json_string(&b, "", 0);
	assert_string_equal(buf_cstr(&b), "\"\"");
	buf_clear(&b);
	buf_json_string(&b, "x\xffy\xed\xa0\x80\xc3", 7);
	assert_string_equal(buf_cstr(&b),
		"\"x\xef\xbf\xbdy\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
}

static void json_over_the_limit(void **state)
{
	AUTO(buf_release) struct buf b = BUF_LIMITED(8);

	(void)state;
	buf_str(&b, "x:");
	buf_json_string(&b, "abcde", 5);
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "x:"); /* not half a string */
}

static void steal(void **state)
{
	struct buf b = BUF_INIT;
	size_t n = 99;
	char *s = buf_steal(&b, &n);

	(void)state;
	assert_string_equal(s, "");
	assert_int_equal(n, 0);
	free(s);
	buf_str(&b, "abc");
	s = buf_steal(&b, NULL);
	assert_string_equal(s, "abc");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(append), cmocka_unit_test(long_printf),
		cmocka_unit_test(limit_is_sticky), cmocka_unit_test(json),
		cmocka_unit_test(json_over_the_limit), cmocka_unit_test(steal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
