/*
 * kept_test.c - a kept answer is told for what it was made from, and for nothing else
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/kept.h"

#include "lib/base/mem.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static void put(struct kept *k, int status, uint64_t answers, const char *message, const char *text)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_str(&json, text);
	kept_put(k, status, answers, message, &json);
}

static void nothing_is_kept_at_first(void **state)
{
	struct kept k = { .made = false };

	(void)state;
	assert_null(kept_get(&k, 0, 0, NULL));
	kept_release(&k);
}

static void only_the_same_is_told(void **state)
{
	struct kept k = { .made = false };
	char text[] = "going";

	(void)state;
	put(&k, 1, 5, text, "{1}");
	memset(text, 'x', 3); /* its own copy */
	assert_string_equal(buf_cstr(kept_get(&k, 1, 5, "going")), "{1}");
	assert_null(kept_get(&k, 2, 5, "going"));
	assert_null(kept_get(&k, 1, 6, "going"));
	assert_null(kept_get(&k, 1, 5, "gone"));
	assert_null(kept_get(&k, 1, 5, NULL));
	kept_release(&k);
}

static void the_next_takes_its_place(void **state)
{
	struct kept k = { .made = false };

	(void)state;
	put(&k, 1, 5, NULL, "{a long first one}");
	assert_string_equal(buf_cstr(kept_get(&k, 1, 5, NULL)), "{a long first one}");
	assert_null(kept_get(&k, 1, 5, ""));
	put(&k, 1, 6, "m", "{2}");
	assert_null(kept_get(&k, 1, 5, NULL));
	assert_int_equal(kept_get(&k, 1, 6, "m")->len, 3);
	kept_release(&k);
	assert_null(kept_get(&k, 1, 6, "m"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_kept_at_first),
		cmocka_unit_test(only_the_same_is_told),
		cmocka_unit_test(the_next_takes_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
