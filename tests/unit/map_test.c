/*
 * map_test.c - string maps, their order, and the seeded hash
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/map.h"

#include "lib/base/mem.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>

struct entry {
	char *name;
	int v;
	UT_hash_handle hh;
};

static void add_find_delete(void **state)
{
	enum { N = 3000 };
	struct entry *head = NULL, *e, *tmp;
	int expected = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < N; i++) {
		e = xcalloc(1, sizeof(*e));
		e->name = xasprintf("service-%d", i);
		e->v = i;
		MAP_ADD(head, name, e);
	}
	assert_int_equal(MAP_COUNT(head), N);
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "service-%d", i);
		MAP_FIND(head, name, e);
		assert_int_equal(e != NULL ? e->v : -1, i);
	}
	MAP_FIND(head, "service-3000", e);
	assert_null(e);
	MAP_EACH(head, e, tmp) {
		assert_int_equal(e->v, expected); /* the order of insertion */
		expected++;
		MAP_DEL(head, e);
		free(e->name);
		free(e);
	}
	assert_int_equal(expected, N);
	assert_null(head);
}

static void iteration_does_not_depend_on_the_seed(void **state)
{
	static const char *const names[] = { "b", "a", "d", "c" };
	struct entry entries[ARRAY_LEN(names)], *e, *tmp;

	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct entry *head = NULL;
		size_t i = 0;

		map_seed(seed);
		memset(entries, 0, sizeof(entries));
		for (size_t k = 0; k < ARRAY_LEN(names); k++) {
			entries[k].name = xstrdup(names[k]);
			MAP_ADD(head, name, &entries[k]);
		}
		MAP_EACH(head, e, tmp) {
			assert_string_equal(e->name, names[i]);
			i++;
			MAP_DEL(head, e);
			free(e->name);
		}
		assert_int_equal(i, ARRAY_LEN(names));
	}
}

static void hash_depends_on_all(void **state)
{
	char text[24] = "abcdefghijklmnopqrstuvw";

	(void)state;
	map_seed(1);
	for (size_t n = 1; n < sizeof(text); n++) {
		unsigned h = map_hash(text, n);

		assert_int_equal(map_hash(text, n), h);
		assert_int_not_equal(map_hash(text, n - 1), h);
		for (size_t i = 0; i < n; i++) {
			text[i] ^= 1;
			assert_int_not_equal(map_hash(text, n), h);
			text[i] ^= 1;
		}
		map_seed(2);
		assert_int_not_equal(map_hash(text, n), h);
		map_seed(1);
		assert_int_equal(map_hash(text, n), h);
	}
}

/* Low bits choose the bucket: 64 of them get about the same share of similar names. */
static void hash_spreads(void **state)
{
	unsigned count[64] = { 0 };
	char name[32];

	(void)state;
	map_seed(7);
	for (int i = 0; i < 6400; i++) {
		int n = snprintf(name, sizeof(name), "10.0.%d.%d:8080", i / 250, i % 250);

		count[map_hash(name, (size_t)n) & 63]++;
	}
	for (size_t i = 0; i < ARRAY_LEN(count); i++)
		assert_in_range(count[i], 50, 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_find_delete),
		cmocka_unit_test(iteration_does_not_depend_on_the_seed),
		cmocka_unit_test(hash_depends_on_all),
		cmocka_unit_test(hash_spreads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
