/*
 * record_test.c - a record with every kind of field: written in table order, compared, canonical
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/record_sample.h"

static void empty_is_written_as_java_does(void **state)
{
	struct sample s;

	(void)state;
	memset(&s, 0, sizeof(s));
	s.color = -1;
	expect_json(&sample_record, &s,
		"{\"text\":null,\"number\":0,\"maybe\":null,\"flag\":false,\"color\":null,\"list\":"
		"[],\"set\":[],"
		"\"point\":null,\"points\":[],\"map\":{},\"labels\":{},\"free\":null}");
}

static void table_order_and_names(void **state)
{
	static const char text[] =
		"{\"text\":\"t\\\"\",\"number\":-5,\"maybe\":0,\"flag\":true,\"color\":\"DARK_"
		"BLUE\",\"list\":[\"b\",\"a\",\"b\"],"
		"\"set\":[\"y\",\"x\"],\"point\":{\"x\":1,\"y\":2},\"points\":[{\"x\":3,\"y\":0}],"
		"\"map\":{\"B\":[{\"x\":1,\"y\":1}],\"A\":[]},\"labels\":{\"k\":\"v\"},\"free\":[1,"
		"{\"z\":0,\"a\":1}],"
		"\"pairs\":[[1,2],[3,4]]}";

	expect_json(&sample_record, read_sample(*state, text), text);
}

static void canonical_sorts_every_level(void **state)
{
	struct buf out = BUF_INIT;
	const struct sample *s =
		read_sample(*state, "{\"points\":[{\"y\":1,\"x\":2}],\"free\":{\"z\":0,\"a\":{"
				    "\"y\":1,\"b\":2}},\"map\":{\"B\":[],\"A\":[]},"
				    "\"pairs\":[[9,8]]}");

	record_encode_canonical(&sample_record, s, &out);
	assert_string_equal(buf_cstr(&out),
		"{\"color\":null,\"flag\":false,\"free\":{\"a\":{\"b\":2,\"y\":1},\"z\":0},"
		"\"labels\":{},\"list\":[],"
		"\"map\":{\"A\":[],\"B\":[]},\"maybe\":null,\"number\":0,\"pairs\":[[9,8]],"
		"\"point\":null,"
		"\"points\":[{\"x\":2,\"y\":1}],\"set\":[],\"text\":null}");
	buf_release(&out);
}

static void lists_of_records(void **state)
{
	struct error err = ERROR_INIT;
	struct buf out = BUF_INIT;
	struct records list;

	assert_int_equal(
		record_decode_list(&point_record, "[{\"x\":1},{\"y\":2}]", 17, *state, &list, &err),
		0);
	assert_int_equal(list.n, 2);
	record_encode_list(&point_record, list.items, list.n, &out);
	assert_string_equal(buf_cstr(&out), "[{\"x\":1,\"y\":0},{\"x\":0,\"y\":2}]");
	assert_int_equal(
		record_decode_list(&point_record, "[{},{\"x\":[]}]", 13, *state, &list, &err),
		ERR_INVALID);
	assert_string_equal(err.text, "[1].x: must be an integer");
	assert_int_equal(
		record_decode_list(&point_record, "{}", 2, *state, &list, &err), ERR_INVALID);
	assert_string_equal(err.text, "must be an array");
	buf_release(&out);
}

static void equality_by_kind(void **state)
{
	static const struct {
		const char *x, *y;
		bool equal;
	} rows[] = {
		{ "{}", "{\"text\":null,\"list\":[],\"labels\":{},\"map\":{}}", true },
		{ "{\"text\":\"\"}", "{}", false },
		{ "{\"maybe\":0}", "{}", false },
		{ "{\"list\":[\"a\",\"b\"]}", "{\"list\":[\"b\",\"a\"]}", false },
		{ "{\"set\":[\"a\",\"b\"]}", "{\"set\":[\"b\",\"a\",\"b\"]}", true },
		{ "{\"set\":[\"a\",\"b\"]}", "{\"set\":[\"a\",\"c\"]}", false },
		{ "{\"set\":[\"a\"]}", "{\"set\":[\"a\",\"c\"]}", false },
		{ "{\"point\":{}}", "{}", false },
		{ "{\"point\":{\"x\":1}}", "{\"point\":{\"x\":1,\"y\":0}}", true },
		{ "{\"points\":[{\"x\":1},{}]}", "{\"points\":[{},{\"x\":1}]}", false },
		{ "{\"map\":{\"a\":[],\"b\":[{}]}}", "{\"map\":{\"b\":[{}],\"a\":[]}}", true },
		{ "{\"map\":{\"a\":[{}]}}", "{\"map\":{\"a\":[]}}", false },
		{ "{\"map\":{\"a\":[]}}", "{\"map\":{\"c\":[]}}", false },
		{ "{\"free\":{}}", "{}", false },
		{ "{\"free\":{\"a\":1,\"b\":2}}", "{\"free\":{\"b\":2,\"a\":1}}", true },
		{ "{\"labels\":{\"a\":\"b\"}}", "{}", false },
		{ "{\"color\":\"RED\"}", "{}", false },
		{ "{\"flag\":true}", "{}", false },
		{ "{\"number\":1}", "{}", false },
		{ "{\"pairs\":[[1,2]]}", "{\"pairs\":[[1,3]]}", false },
		{ "{\"old\":[1]}", "{}", true },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		const struct sample *x = read_sample(*state, rows[i].x),
				    *y = read_sample(*state, rows[i].y);

		if (record_equal(&sample_record, x, y) != rows[i].equal ||
			record_equal(&sample_record, y, x) != rows[i].equal ||
			!record_equal(&sample_record, x, x))
			fail_msg("%s and %s", rows[i].x, rows[i].y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_is_written_as_java_does, setup, teardown),
		cmocka_unit_test_setup_teardown(table_order_and_names, setup, teardown),
		cmocka_unit_test_setup_teardown(canonical_sorts_every_level, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_of_records, setup, teardown),
		cmocka_unit_test_setup_teardown(equality_by_kind, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
