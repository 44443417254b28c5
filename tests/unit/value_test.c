/*
 * value_test.c - trees of JSON values: text, canonical form, look-up on both sides of the index,
 * equality
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/model/value.h"

static int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static int teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

static const struct value *parse(struct arena *a, const char *text)
{
	struct error err = ERROR_INIT;
	const struct value *v = NULL;

	if (value_parse(text, strlen(text), a, &v, &err) != 0)
		fail_msg("'%s': %s", text, err.text);
	return v;
}

static void expect_text(const struct value *v, bool sorted, const char *text)
{
	struct buf out = BUF_INIT;

	value_write(v, sorted, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_release(&out);
}

static void texts_survive(void **state)
{
	static const char *const texts[] = {"null", "true", "false", "0", "-1",
		"9223372036854775807", "-9223372036854775808", "2.5", "0.1", "1e+300", "3.0",
		"-0.0", "\"\"", "\"a\\\"b\\\\c\\nd\"", "\"\xc3\xa9\xf0\x9f\x98\x80\"", "[]", "{}",
		"[1,[2,[]],{\"a\":null}]", "{\"z\":1,\"a\":2,\"m\":3}"};
	size_t i;

	for (i = 0; i < ARRAY_LEN(texts); i++)
		expect_text(parse(*state, texts[i]), false, texts[i]);
	expect_text(parse(*state, " { \"x\" : 2.50 } "), false, "{\"x\":2.5}");
	expect_text(parse(*state, "\"\\u00e9\\ud83d\\ude00\\/\""), false,
		"\"\xc3\xa9\xf0\x9f\x98\x80/\"");
}

static void canonical_form_ignores_order_and_space(void **state)
{
	const struct value *x =
		parse(*state, "{\"b\":[{\"y\":1,\"x\":2}],\"a\":{},\"aa\":0,\"B\":1}");

	expect_text(x, true, "{\"B\":1,\"a\":{},\"aa\":0,\"b\":[{\"x\":2,\"y\":1}]}");
}

static void built_like_parsed(void **state)
{
	struct value *map = value_map(*state), *list = value_list(*state);
	int i;

	for (i = 0; i < 9; i++)
		value_list_add(*state, list, value_int(*state, i));
	value_map_put(*state, map, "list", list);
	value_map_put(*state, map, "s", value_string(*state, "t"));
	value_map_put(*state, map, "n", value_string(*state, NULL));
	value_map_put(*state, map, "r", value_real(*state, 0.5));
	value_map_put(*state, map, "b", value_bool(false));
	value_map_put(*state, map, "b", value_bool(true));
	value_map_put(*state, map, "none", value_null());
	expect_text(map, false,
		"{\"list\":[0,1,2,3,4,5,6,7,8],\"s\":\"t\",\"n\":null,\"r\":0.5,\"b\":true,"
		"\"none\":null}");
	assert_ptr_equal(value_get(map, "list"), list);
	assert_null(value_get(map, "lis"));
	assert_null(value_get(list, "0"));
	assert_null(value_get(NULL, "x"));
}

/* 1..300 keys pass through the linear form, its growth and the index; each is found, replaced,
 * cloned. */
static void keys_are_found_at_every_size(void **state)
{
	struct value *map = value_map(*state);
	struct buf plain = BUF_INIT, sorted = BUF_INIT, again = BUF_INIT;
	const struct value *parsed, *copy;
	char key[16];
	int i, k;

	for (i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "k%d", (i * 7919) % 300);
		assert_null(value_get(map, key));
		value_map_put(*state, map, key, value_int(*state, i));
		for (k = 0; k <= i; k++) {
			snprintf(key, sizeof(key), "k%d", (k * 7919) % 300);
			assert_non_null(value_get(map, key));
			assert_int_equal(value_get(map, key)->u.i, k);
		}
	}
	value_write(map, false, &plain);
	value_write(map, true, &sorted);
	parsed = parse(*state, buf_cstr(&sorted));
	assert_true(value_equal(map, parsed));
	copy = value_clone(map, *state);
	assert_true(value_equal(copy, map));
	value_write(copy, false, &again);
	assert_string_equal(buf_cstr(&again), buf_cstr(&plain));
	buf_clear(&again);
	value_write(parse(*state, buf_cstr(&plain)), true, &again);
	assert_string_equal(buf_cstr(&again), buf_cstr(&sorted));
	value_map_put(*state, map, "k0", value_int(*state, -1));
	assert_int_equal(map->u.map.n, 300);
	assert_false(value_equal(map, parsed));
	buf_release(&plain);
	buf_release(&sorted);
	buf_release(&again);
}

static void equality_is_by_value(void **state)
{
	static const struct {
		const char *x, *y;
		bool equal;
	} rows[] = {
		{"1", "1", true},
		{"1", "1.0", false},
		{"null", "{}", false},
		{"[]", "{}", false},
		{"{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
		{"[1,2]", "[2,1]", false},
		{"{\"a\":1}", "{\"b\":1}", false},
		{"\"a\"", "\"A\"", false},
		{"true", "false", false},
		{"[1]", "[1,1]", false},
		{"{\"a\":null}", "{}", false},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(value_equal(parse(*state, rows[i].x), parse(*state, rows[i].y)),
			rows[i].equal);
	assert_false(value_equal(value_null(), NULL));
	assert_true(value_equal(NULL, NULL));
}

static void a_clone_shares_nothing(void **state)
{
	struct arena *from = arena_new();
	const struct value *v = parse(from, "{\"a\":[1,2.5,\"s\",null,true,{\"b\":[]}]}");
	const struct value *copy = value_clone(v, *state);

	(void)v;
	arena_free(&from);
	expect_text(copy, false, "{\"a\":[1,2.5,\"s\",null,true,{\"b\":[]}]}");
	assert_null(value_clone(NULL, *state));
}

static void bad_text_is_refused(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{"", "not JSON"},
		{"{", "not JSON"},
		{"[1,]", "not JSON"},
		{"{\"a\":1,\"a\":2}", "duplicate"},
		{"[1] x", "end of file"},
		{"'a'", "not JSON"},
		{"[01]", "not JSON"},
		{"nul", "not JSON"},
		{"/* c */1", "not JSON"},
		{"1e999", "not JSON"},
		{"123456789012345678901", "too big"},
		{"\"\\u0000\"", "NUL"},
		{"{\"a\\u0000\":1}", "NUL"},
		{"\"\xff\"", "UTF-8"},
		{"\"\\ud800\"", "not JSON"},
		{"\"\n\"", "not JSON"},
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = ERROR_INIT;
		const struct value *v = NULL;

		assert_int_equal(value_parse(rows[i].text, strlen(rows[i].text), *state, &v, &err),
			ERR_INVALID);
		assert_null(v);
		if (strstr(err.text, rows[i].error) == NULL)
			fail_msg("'%s': '%s' does not say '%s'", rows[i].text, err.text,
				rows[i].error);
	}
}

static void borrowed_texts(void **state)
{
	static const char *const keys[] = { "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o",
		"p", "q", "r", "s", "t" };
	struct arena *a = *state;
	size_t n;

	for (n = 0; n <= ARRAY_LEN(keys); n++) {
		struct value *map = value_map_sized(a, n / 2), *list = value_list_sized(a, n / 2);
		size_t i;

		for (i = n; i > 0; i--) {
			value_map_add(a, map, keys[i - 1], value_text(a, keys[i - 1]));
			value_list_add(a, list, value_get(map, keys[i - 1]));
		}
		value_map_put(a, map, "a", value_text(a, keys[0]));
		for (i = 0; i < n; i++) {
			assert_ptr_equal(value_get(map, keys[i])->u.s, keys[i]);
			assert_ptr_equal(list->u.list.items[n - 1 - i]->u.s, keys[i]);
		}
		assert_int_equal(map->u.map.n, n > 0 ? n : 1);
		assert_null(value_get(map, "z"));
	}
	assert_ptr_equal(value_text(a, NULL), value_null());
}

/* What is found does not depend on the hint, nor on which maps it came from. */
static void finding_with_hints(void **state)
{
	static const size_t sizes[] = { 0, 1, 5, 16, 17, 40, 300 };
	AUTO(arena_free) struct arena *a = arena_new();
	struct value_hint hints[300] = { { NULL, NULL, 0 } };
	const struct value *maps[ARRAY_LEN(sizes)][2];
	char *keys[300];

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(keys); k++)
		keys[k] = arena_printf(a, "key%zu", k);
	for (size_t m = 0; m < ARRAY_LEN(sizes); m++) {
		struct value *there = value_map(a), *back = value_map_sized(a, sizes[m]);

		for (size_t k = 0; k < sizes[m]; k++) {
			value_map_put(a, there, keys[k], value_int(a, (int64_t)k));
			value_map_add(a, back, keys[sizes[m] - 1 - k], value_int(a, (int64_t)(sizes[m] - 1 - k)));
		}
		maps[m][0] = there;
		maps[m][1] = value_clone(back, a);
	}
	for (size_t round = 0; round < 2 * ARRAY_LEN(sizes); round++) {
		const struct value *map = maps[(round * 3) % ARRAY_LEN(sizes)][round % 2];

		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			assert_ptr_equal(value_find(map, keys[k], value_key_bits(keys[k]), &hints[k / 2]),
				value_get(map, keys[k]));
	}
}

static void maps_over_maps(void **state)
{
	static const size_t sizes[] = { 0, 3, 15, 16, 17, 30 };
	AUTO(arena_free) struct arena *a = arena_new();

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct value *under = value_map_sized(a, s % 2 == 0 ? 0 : 20), *over;
		struct value_hint hint = { NULL, NULL, 0 };

		for (size_t k = 0; k < sizes[s]; k++)
			value_map_put(a, under, arena_printf(a, "k%zu", k), value_int(a, (int64_t)k));
		over = value_map_over(a, under, 2);
		assert_true(value_equal(over, under));
		value_map_put(a, over, "k0", value_bool(true));
		value_map_put(a, over, "new", value_bool(true));
		assert_int_equal(over->u.map.n, sizes[s] + (sizes[s] > 0 ? 1 : 2));
		assert_ptr_equal(value_find(over, "new", value_key_bits("new"), &hint), value_bool(true));
		assert_ptr_equal(value_get(over, "k0"), value_bool(true));
		assert_int_equal(under->u.map.n, sizes[s]);
		assert_ptr_not_equal(value_get(under, "k0"), value_bool(true));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(texts_survive, setup, teardown),
		cmocka_unit_test_setup_teardown(
			canonical_form_ignores_order_and_space, setup, teardown),
		cmocka_unit_test_setup_teardown(built_like_parsed, setup, teardown),
		cmocka_unit_test_setup_teardown(keys_are_found_at_every_size, setup, teardown),
		cmocka_unit_test_setup_teardown(equality_is_by_value, setup, teardown),
		cmocka_unit_test_setup_teardown(a_clone_shares_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(borrowed_texts, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_text_is_refused, setup, teardown),
		cmocka_unit_test(finding_with_hints),
		cmocka_unit_test(maps_over_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
