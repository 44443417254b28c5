/*
 * lines_test.c - lines and words of a text
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/lines.h"

#include "tests/unit/cmocka_all.h"

static void test_lines(void **state)
{
	struct slice rest = { "a b\r\n\n c", 8 }, line, word;

	(void)state;
	assert_true(lines_next(&rest, &line));
	assert_true(slice_is(line, "a b"));
	assert_true(lines_word(&line, &word));
	assert_true(slice_is(word, "a"));
	assert_true(lines_word(&line, &word));
	assert_true(slice_is(word, "b"));
	assert_false(lines_word(&line, &word));
	assert_true(lines_next(&rest, &line));
	assert_int_equal(line.n, 0);
	assert_true(lines_next(&rest, &line));
	assert_true(slice_starts(line, " c"));
	assert_false(slice_starts(line, " c "));
	assert_false(lines_next(&rest, &line));
}

static void test_numbers(void **state)
{
	int64_t v = -1;

	(void)state;
	assert_true(slice_number((struct slice){ "0123", 4 }, 123, &v));
	assert_int_equal(v, 123);
	assert_false(slice_number((struct slice){ "124", 3 }, 123, &v));
	assert_false(slice_number((struct slice){ "", 0 }, 123, &v));
	assert_false(slice_number((struct slice){ "-1", 2 }, 123, &v));
	assert_false(slice_number((struct slice){ "1234567890123456789", 19 }, INT64_MAX, &v));
	assert_int_equal(v, 123);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
