/*
 * life_test.c - one owner, many who ask, whoever goes last frees it
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/life.h"

#include "tests/unit/cmocka_all.h"

static void ends_for_all_who_ask(void **state)
{
	struct life *owner = life_new(), *one = life_ref(owner), *two = life_ref(owner);

	(void)state;
	assert_false(one->over);
	life_end(&owner);
	assert_null(owner);
	assert_true(one->over);
	assert_ptr_equal(one, two);
	life_unref(&one);
	assert_null(one);
	assert_true(two->over);
	assert_int_equal(two->refs, 1);
	life_unref(&two);
}

static void goes_with_its_owner(void **state)
{
	struct life *owner = life_new(), *one = life_ref(owner), *none = NULL;

	(void)state;
	life_unref(&one);
	assert_false(owner->over);
	assert_int_equal(owner->refs, 1);
	life_end(&owner);
	life_end(&none);
	life_unref(&none);
	assert_null(owner);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(ends_for_all_who_ask), cmocka_unit_test(goes_with_its_owner) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
