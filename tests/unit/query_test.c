/*
 * query_test.c - percent-decoding and query strings
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/http/query.h"

static void decodes(const char *in, bool plus, const char *want)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	bool ok = percent_decode(&b, in, strlen(in), plus);

	assert_int_equal(ok, want != NULL);
	assert_string_equal(buf_cstr(&b), want ? want : "");
}

static void test_percent_decode(void **state)
{
	(void)state;
	decodes("", false, "");
	decodes("a%2Fb%20c", false, "a/b c");
	decodes("%41", false, "A");
	decodes("a+b", false, "a+b");
	decodes("a+b%2b", true, "a b+");
	decodes("%c3%A9", false, "\xc3\xa9");
	decodes("%", false, NULL);
	decodes("%4", false, NULL);
	decodes("x%4g", false, NULL);
	decodes("x%00y", false, NULL);
	decodes("%c3", false, NULL);
	decodes("%ed%a0%80", false, NULL); /* a surrogate */
}

static void test_failed_decode_appends_nothing(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	(void)state;
	buf_str(&b, "kept");
	assert_false(percent_decode(&b, "abc%zz", 6, false));
	assert_string_equal(b.data, "kept");
	assert_false(percent_decode(&b, "a\0b", 3, false));
	assert_string_equal(b.data, "kept");
}

static void test_percent_encode(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(buf_release) struct buf back = BUF_INIT;

	(void)state;
	percent_encode(&b, "a/b c-._~\xc3\xa9+");
	assert_string_equal(b.data, "a%2Fb%20c-._~%C3%A9%2B");
	assert_true(percent_decode(&back, b.data, b.len, true));
	assert_string_equal(back.data, "a/b c-._~\xc3\xa9+");
}

static void finds(const char *query, const char *name, const char *want)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	assert_int_equal(query_get(query, name, &b), want != NULL);
	assert_string_equal(buf_cstr(&b), want ? want : "");
}

static void test_query_get(void **state)
{
	(void)state;
	finds("a=1&b=2", "b", "2");
	finds("a=1&a=2", "a", "1");
	finds("a=x+y%26z", "a", "x y&z");
	finds("flag&b=", "flag", "");
	finds("flag&b=", "b", "");
	finds("%61uth=k", "auth", "k");
	finds("ab=1", "a", NULL);
	finds("a=%zz", "a", "%zz");
	finds("a=100%&b=1", "a", "100%");
	finds("a=%4&b=1", "a", "%4");
	finds("a=%00", "a", NULL);
	finds("a=%c3", "a", NULL);
	finds("", "a", NULL);
	finds(NULL, "a", NULL);
	finds("&&a=1", "a", "1");
	finds("a=b=c", "a", "b=c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percent_decode),
		cmocka_unit_test(test_failed_decode_appends_nothing),
		cmocka_unit_test(test_percent_encode),
		cmocka_unit_test(test_query_get),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
