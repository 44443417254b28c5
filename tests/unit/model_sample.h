/*
 * model_sample.h - an arena per test and short ways from text to models and back
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_MODEL_SAMPLE_H
#define TESTS_UNIT_MODEL_SAMPLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/model/record.h"

static UNUSED int setup(void **state)
{
	*state = arena_new();
	return 0;
}

static UNUSED int teardown(void **state)
{
	struct arena *a = *state;

	arena_free(&a);
	return 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static UNUSED void *read_record(const struct record *r, struct arena *a, const char *text)
{
	struct error err = ERROR_INIT;
	void *obj = NULL;

	if (record_decode(r, text, strlen(text), a, &obj, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return obj;
}

static UNUSED void expect_record(const struct record *r, const void *obj, const char *text)
{
	struct buf out = BUF_INIT;

	record_encode(r, obj, &out);
	assert_string_equal(buf_cstr(&out), text);
	buf_release(&out);
}

static UNUSED void refuse_record(
	const struct record *r, struct arena *a, const char *text, const char *error)
{
	struct error err = ERROR_INIT;
	void *obj = NULL;

	if (record_decode(r, text, strlen(text), a, &obj, &err) != ERR_INVALID)
		fail_msg("accepted: %s", text);
	assert_string_equal(err.text, error);
}

#endif
