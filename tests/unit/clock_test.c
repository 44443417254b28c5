/*
 * clock_test.c - what poll may wait
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/clock.h"

#include "tests/unit/cmocka_all.h"

#include <limits.h>

static void waits(void **state)
{
	int64_t now = clock_mono_us();

	(void)state;
	assert_true(now > 0);
	assert_true(clock_mono_us() >= now);
	assert_int_equal(clock_poll_ms(0), -1);
	assert_int_equal(clock_poll_ms(now), 0);
	assert_int_equal(clock_poll_ms(1), 0);
	assert_int_equal(clock_poll_ms(INT64_MAX), INT_MAX);
	assert_in_range(clock_poll_ms(now + 60000000), 1, 60000);
	/* Rounded up: what is due in less than a millisecond is not spun for. */
	for (int i = 0; i < 1000; i++) {
		int64_t deadline = clock_mono_us() + 100000000;
		int ms = clock_poll_ms(deadline);

		assert_true(clock_mono_us() + (int64_t)ms * 1000 >= deadline);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(waits) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
