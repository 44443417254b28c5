/*
 * lifecycle_test.c - every phase, every condition, and their order
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/lifecycle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static enum effect next(enum phase phase, struct lifecycle_facts f)
{
	f.phase = phase;
	return lifecycle_next(&f);
}

static void preparing(void **state)
{
	(void)state;
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .invalid = true, .tally = TALLY_ALL_OK }), EFFECT_END);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .cancelled = true, .tally = TALLY_ALL_OK }), EFFECT_RELEASE);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .cancelled = true, .invalid = true }), EFFECT_RELEASE);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .cancelled = true, .many = true }), EFFECT_SPLIT);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .tally = TALLY_REFUSED, .many = true }), EFFECT_SPLIT);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .tally = TALLY_REFUSED }), EFFECT_RELEASE);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .late = true, .tally = TALLY_ALL_OK }), EFFECT_RELEASE);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .tally = TALLY_ALL_OK }), EFFECT_DECIDE);
	assert_int_equal(next(PHASE_PREPARING, (struct lifecycle_facts){ .tally = TALLY_WAITING }), EFFECT_ASK);
}

static void forward(void **state)
{
	(void)state;
	assert_int_equal(next(PHASE_FORWARD, (struct lifecycle_facts){ .cancelled = true, .tally = TALLY_ALL_OK }), EFFECT_TURN);
	assert_int_equal(next(PHASE_FORWARD, (struct lifecycle_facts){ .tally = TALLY_REFUSED, .many = true }), EFFECT_TURN);
	assert_int_equal(next(PHASE_FORWARD, (struct lifecycle_facts){ .late = true }), EFFECT_TURN);
	assert_int_equal(next(PHASE_FORWARD, (struct lifecycle_facts){ .tally = TALLY_ALL_OK }), EFFECT_COMMIT);
	assert_int_equal(next(PHASE_FORWARD, (struct lifecycle_facts){ .tally = TALLY_WAITING }), EFFECT_ASK);
}

static void back_and_releasing(void **state)
{
	static const enum phase phases[] = { PHASE_BACK, PHASE_RELEASING };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(phases); i++) {
		assert_int_equal(next(phases[i], (struct lifecycle_facts){ .tally = TALLY_ALL_OK }), EFFECT_END);
		assert_int_equal(next(phases[i], (struct lifecycle_facts){ .late = true }), EFFECT_END);
		assert_int_equal(next(phases[i], (struct lifecycle_facts){ .cancelled = true }), EFFECT_ASK);
	}
}

static void prints_every_row(void **state)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	size_t rows = 0;

	(void)state;
	lifecycle_print(&out);
	for (const char *p = buf_cstr(&out); (p = strchr(p, '\n')) != NULL; p++)
		rows++;
	assert_int_equal(rows, 2 + 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preparing),
		cmocka_unit_test(forward),
		cmocka_unit_test(back_and_releasing),
		cmocka_unit_test(prints_every_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
