/*
 * record_reader_test.c - scalars as leniently as Java reads them, and not more
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/record_sample.h"

#include <stdio.h>

static struct sample *with(struct arena *a, const char *key, const char *value, struct error *err)
{
	struct sample *s = NULL;
	char text[200];

	snprintf(text, sizeof(text), "{\"%s\":%s}", key, value);
	return record_decode(&sample_record, text, strlen(text), a, &s, err) == 0 ? s : NULL;
}

static void texts(void **state)
{
	static const char *const rows[][2] = {{"\"a\"", "a"}, {"\"\"", ""}, {"5", "5"},
		{"-7", "-7"}, {"true", "true"}, {"false", "false"}, {"2.5", "2.5"}};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sample *s = with(*state, "text", rows[i][0], NULL);

		assert_non_null(s);
		assert_string_equal(s->text, rows[i][1]);
	}
}

static void integers(void **state)
{
	static const struct {
		const char *json;
		int64_t v;
	} good[] = {{"5", 5}, {"\"5\"", 5}, {"\" -5 \"", -5}, {"\"\"", 0}, {"2.9", 2}, {"-2.9", -2},
		{"9223372036854775807", INT64_MAX}};
	static const char *const bad[] = {"\"five\"", "\"5x\"", "true", "[]", "1e300",
		"\"9223372036854775808\"", "\"00000000000000000000000000000000000000000005\""};
	const struct sample *s;
	size_t i;

	for (i = 0; i < ARRAY_LEN(good); i++) {
		s = with(*state, "number", good[i].json, NULL);
		assert_non_null(s);
		assert_true(s->number == good[i].v);
	}
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(with(*state, "number", bad[i], NULL));
	s = with(*state, "maybe", "0", NULL);
	assert_true(s->maybe.set);
	s = with(*state, "maybe", "\"\"", NULL);
	assert_false(s->maybe.set);
}

static void booleans(void **state)
{
	static const char *const yes[] = { "true", "1", "-3", "\"true\"", "\" True \"" };
	static const char *const no[] = {
		"false", "0", "\"false\"", "\"False\"", "\"\"", "\"null\""};
	static const char *const bad[] = { "\"TRUE\"", "\"1\"", "1.0", "[]", "\"yes\"", "{}" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(yes); i++)
		assert_true(with(*state, "flag", yes[i], NULL)->flag);
	for (i = 0; i < ARRAY_LEN(no); i++)
		assert_false(with(*state, "flag", no[i], NULL)->flag);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(with(*state, "flag", bad[i], NULL));
}

static void enums(void **state)
{
	static const char *const blue[] = {
		"\"DARK_BLUE\"", "\"dark-blue\"", "\" Dark.Blue \"", "\"dark _ blue\""};
	static const char *const bad[] = {"\"DARK\"", "\"DARK_BLUE_\"", "\"\"", "1", "true", "[]"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(blue); i++)
		assert_int_equal(with(*state, "color", blue[i], NULL)->color, 1);
	for (i = 0; i < ARRAY_LEN(bad); i++)
		assert_null(with(*state, "color", bad[i], NULL));
}

static void bare_scalars(void **state)
{
	struct error err = ERROR_INIT;
	const char *s = NULL;
	int64_t v = -1;

	assert_int_equal(json_string_decode(" \"PENDING\" ", 11, *state, &s, &err), 0);
	assert_string_equal(s, "PENDING");
	assert_int_equal(json_string_decode("PENDING", 7, *state, &s, &err), ERR_INVALID);
	assert_int_equal(json_string_decode("5", 1, *state, &s, &err), ERR_INVALID);
	assert_string_equal(err.text, "must be a string");
	assert_int_equal(json_string_decode("", 0, *state, &s, &err), ERR_INVALID);
	assert_int_equal(json_long_decode("1700000000000", 13, &v, &err), 0);
	assert_true(v == 1700000000000);
	assert_int_equal(json_long_decode("\"2\"", 3, &v, &err), 0);
	assert_true(v == 2);
	assert_int_equal(json_long_decode("null", 4, &v, &err), ERR_INVALID);
	assert_int_equal(json_long_decode("\"\"", 2, &v, &err), ERR_INVALID);
	assert_int_equal(json_long_decode("17x", 3, &v, &err), ERR_INVALID);
	assert_true(v == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(texts, setup, teardown),
		cmocka_unit_test_setup_teardown(integers, setup, teardown),
		cmocka_unit_test_setup_teardown(booleans, setup, teardown),
		cmocka_unit_test_setup_teardown(enums, setup, teardown),
		cmocka_unit_test_setup_teardown(bare_scalars, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
