/*
 * rand_test.c - repeatable, in range, fair, and UUIDs of the right form
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/rand.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static void repeats(void **state)
{
	struct rand_state a, b, c;
	int same = 0;

	(void)state;
	rand_seed(&a, 5);
	rand_seed(&b, 5);
	rand_seed(&c, 6);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = rand_u64(&a);

		assert_true(x == rand_u64(&b));
		same += x == rand_u64(&c);
	}
	assert_int_equal(same, 0);
}

static void below(void **state)
{
	unsigned count[7] = { 0 };
	struct rand_state r;

	(void)state;
	rand_seed(&r, 0);
	for (int i = 0; i < 7000; i++)
		count[rand_below(&r, 7)]++;
	for (size_t i = 0; i < ARRAY_LEN(count); i++)
		assert_in_range(count[i], 850, 1150);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(rand_below(&r, 1), 0);
		assert_true(rand_below(&r, UINT64_MAX) < UINT64_MAX);
	}
}

static void uuid(void **state)
{
	struct rand_state r;
	char a[37], b[37];

	(void)state;
	rand_seed_os(&r);
	for (int i = 0; i < 200; i++) {
		rand_uuid(&r, a);
		assert_int_equal(strlen(a), 36);
		assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
		for (size_t k = 0; k < 36; k++)
			assert_int_equal(a[k] == '-', k == 8 || k == 13 || k == 18 || k == 23);
		assert_int_equal(a[14], '4');
		assert_non_null(strchr("89ab", a[19]));
		rand_uuid(&r, b);
		assert_string_not_equal(a, b);
	}
}

static void os_seeds_differ(void **state)
{
	struct rand_state a, b;

	(void)state;
	rand_seed_os(&a);
	rand_seed_os(&b);
	assert_memory_not_equal(&a, &b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(repeats), cmocka_unit_test(below),
					    cmocka_unit_test(uuid), cmocka_unit_test(os_seeds_differ) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
