/*
 * str_test.c - numbers, UTF-8, base64url, escaping
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static void comparing(void **state)
{
	(void)state;
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_false(str_eq("a", NULL));
	assert_true(str_eq("a", "a"));
	assert_true(str_starts("abc", "ab"));
	assert_true(str_starts("abc", ""));
	assert_false(str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc"));
	assert_true(str_ends("abc", ""));
	assert_false(str_ends("c", "bc"));
	assert_true(str_eq_secret("key", "key"));
	assert_true(str_eq_secret("", ""));
	assert_false(str_eq_secret("key", "keY"));
	assert_false(str_eq_secret("key", "key2"));
	assert_false(str_eq_secret("key2", "key"));
	assert_false(str_eq_secret("", "key"));
	assert_false(str_eq_secret("key", ""));
	assert_false(str_eq_secret(NULL, NULL));
}

static void numbers(void **state)
{
	static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1x", "0x10", "1.0", "--1",
					   "9223372036854775808", "-9223372036854775809", "\n1" };
	int64_t v = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (str_to_i64(bad[i], INT64_MIN, INT64_MAX, &v))
			fail_msg("'%s' was taken for %jd", bad[i], (intmax_t)v);
	}
	assert_int_equal(v, 42);
	assert_true(str_to_i64("9223372036854775807", INT64_MIN, INT64_MAX, &v));
	assert_true(v == INT64_MAX);
	assert_true(str_to_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v));
	assert_true(v == INT64_MIN);
	assert_true(str_to_i64("65535", 1, 65535, &v));
	assert_int_equal(v, 65535);
	assert_false(str_to_i64("0", 1, 65535, &v));
	assert_false(str_to_i64("65536", 1, 65535, &v));
	assert_int_equal(v, 65535);
}

static void utf8(void **state)
{
	static const char *const good[] = { "", "abc", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
					    "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
					    "\xf4\x8f\xbf\xbf" };
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf",
					   "\xed\xa0\x80", "\xe2\x82", "\xe2\x82\x41", "\xf0\x8f\xbf\xbf",
					   "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x9f\x98", "\xff" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (!utf8_valid(good[i], strlen(good[i])))
			fail_msg("good[%zu] was refused", i);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (utf8_valid(bad[i], strlen(bad[i])))
			fail_msg("bad[%zu] was accepted", i);
	assert_true(utf8_valid("a\0b", 3));
	assert_int_equal(utf8_step("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_step("\xe2\x82\xac", 2), 0);
	assert_int_equal(utf8_step("", 0), 0);
	assert_int_equal(utf8_utf16_len("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 5);
}

static void base64url(void **state)
{
	static const struct {
		const char *plain, *coded;
	} cases[] = { { "", "" },         { "f", "Zg==" },         { "fo", "Zm8=" },
		      { "foo", "Zm9v" },  { "foob", "Zm9vYg==" },  { "fooba", "Zm9vYmE=" },
		      { "foobar", "Zm9vYmFy" }, { "/a?b>", "L2E_Yj4=" } };
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *coded = cases[i].coded;

		buf_clear(&b);
		b64url_encode(&b, cases[i].plain, strlen(cases[i].plain));
		assert_string_equal(buf_cstr(&b), coded);
		buf_clear(&b);
		assert_true(b64url_decode(&b, coded, strlen(coded)));
		assert_string_equal(buf_cstr(&b), cases[i].plain);
		buf_clear(&b);
		assert_true(b64url_decode(&b, coded, strcspn(coded, "=")));
		assert_string_equal(buf_cstr(&b), cases[i].plain);
	}
}

static void base64url_all_bytes(void **state)
{
	AUTO(buf_release) struct buf coded = BUF_INIT;
	AUTO(buf_release) struct buf plain = BUF_INIT;
	unsigned char all[256];

	(void)state;
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (unsigned char)(i * 7);
	b64url_encode(&coded, all, sizeof(all));
	assert_int_equal(strspn(coded.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_="),
		coded.len);
	assert_true(b64url_decode(&plain, coded.data, coded.len));
	assert_int_equal(plain.len, sizeof(all));
	assert_memory_equal(plain.data, all, sizeof(all));
}

static void base64url_bad(void **state)
{
	static const char *const bad[] = { "Z", "Zg=", "Zg===", "=", "==", "Zm9v=", "Zm+v", "Zm/v", "Zh==",
					   "Zm9=", "Z g=", "Zm9vZ", "Zg==Zg==" };
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	buf_str(&b, "kept");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (b64url_decode(&b, bad[i], strlen(bad[i])))
			fail_msg("'%s' was decoded", bad[i]);
		assert_string_equal(buf_cstr(&b), "kept");
	}
	assert_false(b64url_decode(&b, "Zm\0v", 4));
	b.limit = 5;
	assert_false(b64url_decode(&b, "Zm9v", 4));
	assert_string_equal(buf_cstr(&b), "kept");
}

static void escape_and_hex(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	char hex[9];

	(void)state;
	str_escape(&b, "a b\n\t\\\r\x00\x7f\xc3\"", 11, 100);
	assert_string_equal(buf_cstr(&b), "a b\\n\\t\\\\\\x0d\\x00\\x7f\\xc3\"");
	buf_clear(&b);
	str_escape(&b, "abcdef", 6, 3);
	assert_string_equal(buf_cstr(&b), "abc");
	b.limit = 6;
	str_escape(&b, "x\xff", 2, 100);
	assert_true(b.overflow);
	assert_string_equal(buf_cstr(&b), "abc");
	hex_encode(hex, (const unsigned char *)"\x00\x9f\xff\x10", 4);
	assert_string_equal(hex, "009fff10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comparing), cmocka_unit_test(numbers),
		cmocka_unit_test(utf8), cmocka_unit_test(base64url),
		cmocka_unit_test(base64url_all_bytes), cmocka_unit_test(base64url_bad),
		cmocka_unit_test(escape_and_hex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
