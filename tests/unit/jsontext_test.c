/*
 * jsontext_test.c - hostile text never reaches jansson's recursion; numbers come back as they went
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/model/jsontext.h"

static void refused(const char *text, size_t n, bool tail_ok, const char *says)
{
	struct error err = ERROR_INIT;
	json_t *j = NULL;

	assert_int_equal(jsontext_load(text, n, tail_ok, &j, &err), ERR_INVALID);
	assert_null(j);
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void accepted(const char *text, size_t n, bool tail_ok)
{
	struct error err = ERROR_INIT;
	json_t *j = NULL;

	if (jsontext_load(text, n, tail_ok, &j, &err) != 0)
		fail_msg("%s", err.text);
	jsontext_free(&j);
	assert_null(j);
}

static void depth_is_limited(void **state)
{
	size_t n = 100000;
	char *text = xmalloc(2 * n), brackets[104];

	(void)state;
	memset(brackets, '[', sizeof(brackets)); /* in a string they are no depth */
	memcpy(brackets, "[\"\\\"", 4);
	memcpy(brackets + 100, "\"]", 3);
	memset(text, '[', n);
	memset(text + n, ']', n);
	refused(text, 2 * n, true, "nested deeper than 64 levels at byte 64");
	refused(text, n, false, "nested deeper");
	accepted(text + n - 64, 128, false);
	refused(text + n - 65, 130, false, "nested deeper");
	memcpy(text, "[] ", 3); /* behind the value: ignored, or one token looked at */
	accepted(text, 2 * n, true);
	refused(text, 2 * n, false, "end of file expected");
	xfree_p(&text);
	accepted(brackets, strlen(brackets), false);
}

static void nuls_are_refused(void **state)
{
	(void)state;
	refused("[1,\0 2]", 7, true, "NUL at byte 3");
	refused("[\"a\0b\"]", 7, true, "NUL at byte 3");
	refused("[\"a\\u0000b\"]", 12, true, "NUL (\\u0000) in a string at byte 3");
	accepted("[\"a\\\\u0000b\"]", 13, true); /* a backslash and the text u0000 */
	accepted("[1]\0", 4, true);
	refused("[\"\\", 3, true, "not JSON");
	refused("[\"\\u000", 7, true, "not JSON");
}

static void encodings(void **state)
{
	(void)state;
	accepted("\xEF\xBB\xBF[1]", 6, true);
	accepted("\xEF\xBB\xBF[1] tail", 11, true);
	refused("\xEF\xBB\xBF[1] tail", 11, false, "end of file expected");
	refused("\xEF\xBB\xBF", 3, true, "not JSON");
	refused("\xFF\xFE[\0]\0", 6, true, "only UTF-8 is read");
	refused("\xFE\xFF\0[\0]", 6, true, "only UTF-8 is read");
	refused("[\0]\0", 4, true, "only UTF-8 is read");
	refused("\0[\0]", 4, true, "only UTF-8 is read");
	refused("[\0\0\0]\0\0\0", 8, true, "only UTF-8 is read");
	refused("\0\0\0[\0\0\0]", 8, true, "only UTF-8 is read");
}

static void size_is_limited(void **state)
{
	(void)state;
	refused("[]", JSONTEXT_MAX_BYTES + 1, true, "is longer than");
}

static void tails_are_a_choice(void **state)
{
	(void)state;
	accepted("{\"a\":[1]} trailing \xff {", 23, true);
	refused("{\"a\":[1]} x", 11, false, "end of file expected");
	refused("{\"a\":[1}] x", 11, true, "not JSON");
	refused("5 x", 3, true, "end of file expected");
}

static void errors_are_one_line(void **state)
{
	struct error err = ERROR_INIT;
	json_t *j = NULL;

	(void)state;
	assert_int_equal(jsontext_load("[1,\n\x01\x02zzz]", 10, true, &j, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "line 2"));
	assert_null(strpbrk(err.text, "\n\r\x01\x02"));
}

static void numbers_keep_their_value(void **state)
{
	static const double reals[] = {
		0.1, 1.0 / 3, DBL_MAX, DBL_MIN, 5e-324, -2.5, 1e22, 123456789.125};
	static const int64_t ints[] = { 0, 1, -1, 10, 99, INT64_MAX, INT64_MIN };
	struct buf out = BUF_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(reals); i++) {
		buf_clear(&out);
		jsontext_write_real(&out, reals[i]);
		assert_true(strtod(buf_cstr(&out), NULL) == reals[i]);
		assert_non_null(strpbrk(buf_cstr(&out), ".e"));
	}
	for (i = 0; i < ARRAY_LEN(ints); i++) {
		buf_clear(&out);
		jsontext_write_int(&out, ints[i]);
		assert_true(strtoll(buf_cstr(&out), NULL, 10) == ints[i]);
	}
	buf_clear(&out);
	jsontext_write_real(&out, INFINITY);
	assert_string_equal(buf_cstr(&out), "null");
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(nuls_are_refused),
		cmocka_unit_test(encodings),
		cmocka_unit_test(size_is_limited),
		cmocka_unit_test(tails_are_a_choice),
		cmocka_unit_test(errors_are_one_line),
		cmocka_unit_test(numbers_keep_their_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
