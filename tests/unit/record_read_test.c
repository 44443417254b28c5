/*
 * record_read_test.c - collections and objects as Java reads them; every error says where
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/record_sample.h"

#include <stdio.h>

static void refused(struct arena *a, const struct record *r, const char *text, const char *error)
{
	struct error err = ERROR_INIT;
	void *obj = NULL;

	if (record_decode(r, text, strlen(text), a, &obj, &err) != ERR_INVALID)
		fail_msg("accepted: %s", text);
	assert_null(obj);
	assert_string_equal(err.text, error);
	assert_int_equal(record_decode(r, text, strlen(text), a, &obj, NULL), ERR_INVALID);
}

static void errors_name_the_place(void **state)
{
	static const char *const rows[][2] = {
		{ "[]", "must be an object" },
		{ "null", "may not be null" },
		{ "\"x\"", "must be an object" },
		{ "{\"text\":[]}", "text: must be a string" },
		{ "{\"text\":\"123456789012345678901\"}", "text: must be at most 20 bytes" },
		{ "{\"number\":{}}", "number: must be an integer" },
		{ "{\"flag\":\"yes\"}", "flag: must be true or false" },
		{ "{\"color\":\"PINK\"}", "color: must be one of RED, DARK_BLUE" },
		{ "{\"color\":\"\"}", "color: must be one of RED, DARK_BLUE" },
		{ "{\"color\":0}", "color: must be one of RED, DARK_BLUE" },
		{ "{\"list\":\"a\"}", "list: must be an array" },
		{ "{\"list\":[\"a\",{}]}", "list[1]: must be a string" },
		{ "{\"list\":[null]}", "list[0]: must be a string" },
		{ "{\"list\":[\"a\",\"a\",\"a\",\"a\"]}", "list: must have at most 3 elements" },
		{ "{\"points\":[{},{},{},{}]}", "points: must have at most 3 elements" },
		{ "{\"points\":[{},null]}", "points[1]: may not be null" },
		{ "{\"points\":[{},{\"y\":\"z\"}]}", "points[1].y: must be an integer" },
		{ "{\"point\":7}", "point: must be an object" },
		{ "{\"map\":[]}", "map: must be an object" },
		{ "{\"map\":{\"A\":[{\"x\":true}]}}", "map.A[0].x: must be an integer" },
		{ "{\"map\":{\"A\\nB\":1}}", "map.A B: must be an array" },
		{ "{\"labels\":{\"a\":[]}}", "labels.a: must be a string" },
		{ "{\"labels\":[]}", "labels: must be an object" },
		{ "{\"pairs\":[[1,2],[3]]}", "pairs[1]: must be an array of 2 elements" },
		{ "{\"pairs\":[[1,\"x\"]]}", "pairs[0][1]: must be an integer" },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		refused(*state, &sample_record, rows[i][0], rows[i][1]);
}

static void unknown_keys_and_tails_are_ignored(void **state)
{
	const struct sample *s = read_sample(
		*state, " {\"other\":{\"deep\":[1,2]},\"text\":\"t\",\"memory\":\"m\"} garbage [");

	assert_string_equal(s->text, "t");
	assert_null(s->memory);
}

static void missing_is_null(void **state)
{
	const struct sample *missing = read_sample(*state, "{}");
	const struct sample *null =
		read_sample(*state, "{\"text\":null,\"number\":null,\"maybe\":null,\"flag\":null,"
				    "\"color\":null,\"list\":null,\"set\":null,"
				    "\"point\":null,\"points\":null,\"map\":{\"a\":null},"
				    "\"labels\":{\"a\":null},\"free\":null,\"pairs\":null}");

	assert_int_equal(missing->color, -1);
	assert_int_equal(null->color, -1);
	assert_null(missing->text);
	assert_null(null->free);
	assert_false(null->maybe.set);
	assert_int_equal(null->labels->u.map.n, 0);
	assert_int_equal(null->map.entries[0].list.n, 0);
}

/* Both ways of looking up duplicates, below and above the length where they change. */
static void sets_keep_first_occurrences(void **state)
{
	static const size_t sizes[] = { 3, 16, 17, 40, 500 };
	struct buf text = BUF_INIT;
	size_t i, k;

	for (i = 0; i < ARRAY_LEN(sizes); i++) {
		const struct sample *s;
		char want[24];

		buf_clear(&text);
		buf_str(&text, "{\"set\":[\"e0\"");
		for (k = 0; k < 2 * sizes[i]; k++)
			buf_printf(&text, ",\"e%zu\"", k % sizes[i]);
		buf_str(&text, "]}");
		s = read_sample(*state, buf_cstr(&text));
		assert_int_equal(s->set.n, sizes[i]);
		for (k = 0; k < sizes[i]; k++) {
			snprintf(want, sizeof(want), "e%zu", k);
			assert_string_equal(s->set.items[k], want);
		}
	}
	buf_release(&text);
}

static const struct field strict_fields[] = {
	{ .name = "x", .kind = FIELD_INT, .offset = offsetof(struct point, x), .required = true },
};

static int upper_half(void *obj, struct arena *a, struct error *err)
{
	struct point *p = obj;

	(void)a;
	if (p->x < 100)
		return error_set(err, ERR_INVALID, "x: must be 100 or more");
	p->y = p->x * 2;
	return 0;
}

static int point_from_string(const char *s, struct arena *a, void *obj, struct error *err)
{
	struct point *p = obj;

	(void)a;
	if (sscanf(s, "%ld", &p->x) != 1)
		return error_set(err, ERR_INVALID, "'%s' is no point", s);
	return 0;
}

static const struct record strict_record = {.name = "Strict",
	.size = sizeof(struct point),
	.fields = strict_fields,
	.n_fields = ARRAY_LEN(strict_fields),
	.strict = true,
	.from_string = point_from_string,
	.after = upper_half};
struct holder {
	struct { struct point *items; size_t n; } points;
};
static const struct field holder_fields[] = {
	{.name = "points",
		.kind = FIELD_RECORDS,
		.offset = offsetof(struct holder, points),
		.of = &strict_record},
};
static const struct record holder_record = {.name = "Holder",
	.size = sizeof(struct holder),
	.fields = holder_fields,
	.n_fields = ARRAY_LEN(holder_fields)};

static void strict_records_and_rules(void **state)
{
	struct error err = ERROR_INIT;
	struct point *p = NULL;

	refused(*state, &strict_record, "{}", "x: may not be null");
	refused(*state, &strict_record, "{\"x\":null}", "x: may not be null");
	refused(*state, &strict_record, "{\"x\":1}", "x: must be 100 or more");
	refused(*state, &strict_record, "{\"x\":100,\"z\":1}", "z: unknown key");
	refused(*state, &strict_record, "{\"x\":100} 5",
		"not JSON: line 1 column 11: end of file expected near '5'");
	refused(*state, &holder_record, "{\"points\":[{\"x\":1}]}",
		"points[0].x: must be 100 or more");
	refused(*state, &holder_record, "{\"points\":[\"5\",\"five\"]}",
		"points[1]: 'five' is no point");
	assert_int_equal(record_decode(&strict_record, "{\"x\":100}", 9, *state, &p, &err), 0);
	assert_int_equal(p->y, 200);
	assert_int_equal(record_decode(&strict_record, "\"7\"", 3, *state, &p, &err), 0);
	assert_int_equal(p->x, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(errors_name_the_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
			unknown_keys_and_tails_are_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_is_null, setup, teardown),
		cmocka_unit_test_setup_teardown(sets_keep_first_occurrences, setup, teardown),
		cmocka_unit_test_setup_teardown(strict_records_and_rules, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
