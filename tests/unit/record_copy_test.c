/*
 * record_copy_test.c - a copy is equal, shares nothing, and keeps what is only remembered
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/record_sample.h"

static void a_clone_outlives_its_model(void **state)
{
	static const char text[] = "{\"text\":\"t\",\"number\":-5,\"maybe\":7,\"flag\":true,"
				   "\"color\":\"RED\",\"list\":[\"b\",\"a\"],"
				   "\"set\":[\"y\"],\"point\":{\"x\":1,\"y\":2},\"points\":[{\"x\":"
				   "3,\"y\":0},{\"x\":4,\"y\":5}],"
				   "\"map\":{\"B\":[{\"x\":1,\"y\":1}]},\"labels\":{\"k\":\"v\"},"
				   "\"free\":[1],\"pairs\":[[1,2]]}";
	struct arena *from = arena_new();
	struct sample *model = read_sample(from, text), *copy;

	model->memory = "kept";
	model->old = value_bool(true);
	copy = record_clone(&sample_record, model, *state);
	assert_true(record_equal(&sample_record, model, copy));
	arena_free(&from);
	expect_json(&sample_record, copy, text);
	assert_string_equal(copy->memory, "kept");
	assert_true(copy->old->u.b);
}

static void an_empty_map_stays_apart_from_none(void **state)
{
	struct sample *given = read_sample(*state, "{\"map\":{}}"),
		      *none = read_sample(*state, "{\"map\":null}");
	struct sample copy;

	record_copy(&sample_record, given, *state, &copy);
	assert_non_null(copy.map.entries);
	record_copy(&sample_record, none, *state, &copy);
	assert_null(copy.map.entries);
	assert_null(copy.list.items);
}

static void strings_grow(void **state)
{
	struct strings list = { NULL, 0 }, before;
	char text[] = "x";

	strings_add(&list, *state, text);
	before = list;
	text[0] = 'y';
	strings_add(&list, *state, text);
	assert_int_equal(before.n, 1);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.items[0], "x");
	assert_string_equal(list.items[1], "y");
	assert_true(strings_have(&list, "y"));
	assert_false(strings_have(&before, "y"));
	assert_false(strings_have(&list, "z"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_clone_outlives_its_model, setup, teardown),
		cmocka_unit_test_setup_teardown(
			an_empty_map_stays_apart_from_none, setup, teardown),
		cmocka_unit_test_setup_teardown(strings_grow, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
