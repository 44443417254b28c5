/*
 * expiry_test.c - a leader's walk over all histories: too many, too old, of services that are gone
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"

static void end(struct box *x, const char *service, int i, bool mapped)
{
	AUTO(xfree_p) char *entry = xasprintf("/responseHistory/%s/%s-%d", service, service, i);
	AUTO(xfree_p) char *mapping = xasprintf("/responseHistory/requestIdMapping/%s-%d", service, i);
	AUTO(xfree_p) char *owner = xasprintf("\"%s\"", service);

	mem_server_put(x->srv, entry, "{}");
	if (mapped)
		mem_server_put(x->srv, mapping, owner);
}

static bool is_there(struct box *x, const char *path)
{
	return mem_server_get(x->srv, path) != NULL;
}

static void begin(struct box *x, size_t max, int64_t age_ms)
{
	x->history_max = max;
	x->history_age_ms = age_ms;
	box_start(x, true);
	mem_server_put(x->srv, "/state/here", SERVICE_JSON("here"));
	for (int i = 0; i < 450; i++)
		end(x, "here", i, i % 2 == 0);
	end(x, "gone", 1, true);
	run_for(x, LOOP_MS(58000));
	assert_int_equal(count(x, "/responseHistory/here"), 450);
}

/* Nothing that ended within two minutes goes, however much there is: so it is the second walk that takes them. */
static void test_too_many(void **state)
{
	struct box x = { 0 };

	(void)state;
	begin(&x, 20, 0);
	run_for(&x, LOOP_MS(10000));
	assert_int_equal(count(&x, "/responseHistory/here"), 450);
	run_for(&x, LOOP_MS(86400000));
	run_for(&x, LOOP_MS(60000));
	assert_int_equal(count(&x, "/responseHistory/here"), 20);
	assert_true(is_there(&x, "/responseHistory/here/here-449"));
	assert_true(is_there(&x, "/responseHistory/here/here-430"));
	assert_false(is_there(&x, "/responseHistory/here/here-429"));
	assert_false(is_there(&x, "/responseHistory/requestIdMapping/here-0"));
	assert_true(is_there(&x, "/responseHistory/requestIdMapping/here-430"));
	assert_int_equal(count(&x, "/responseHistory/requestIdMapping"), 10 + 1);
	assert_int_equal(count(&x, "/responseHistory/gone"), 1);
	box_stop(&x);
}

/* Of all services together: those with the most give, and the ends of requests keep to the same limit. */
static void test_too_many_of_all(void **state)
{
	struct box x = { .history_total = 60 };

	(void)state;
	x.history_max = 50;
	box_start(&x, true);
	for (int i = 0; i < 30; i++) {
		end(&x, "big", i, true);
		end(&x, "large", i, true);
	}
	for (int i = 0; i < 5; i++)
		end(&x, "small", i, true);
	run_for(&x, LOOP_MS(70000));
	assert_int_equal(count(&x, "/responseHistory/big"), 30); /* young ones are spared: the next look, an hour later */
	run_for(&x, LOOP_MS(3600000));
	run_for(&x, LOOP_MS(60000));
	assert_int_equal(count(&x, "/responseHistory/big"), 27);
	assert_int_equal(count(&x, "/responseHistory/large"), 27);
	assert_int_equal(count(&x, "/responseHistory/small"), 5);
	assert_int_equal(count(&x, "/responseHistory/requestIdMapping"), 59);
	assert_false(is_there(&x, "/responseHistory/big/big-2"));
	assert_true(is_there(&x, "/responseHistory/big/big-3"));
	/* More than there is room for: the newest of each. */
	for (int i = 0; i < 100; i++) {
		AUTO(xfree_p) char *name = xasprintf("s%d", i);

		end(&x, name, 0, true);
	}
	run_for(&x, LOOP_MS(2 * 3600000));
	assert_int_equal(count(&x, "/responseHistory/big"), 1);
	assert_int_equal(count(&x, "/responseHistory/small"), 1);
	assert_true(is_there(&x, "/responseHistory/small/small-4"));
	assert_true(is_there(&x, "/responseHistory/s99/s99-0"));
	box_stop(&x);
}

static void test_too_old(void **state)
{
	struct box x = { 0 };

	(void)state;
	begin(&x, 0, 50000);
	run_for(&x, LOOP_MS(20000));
	assert_int_equal(count(&x, "/responseHistory/here"), 0);
	assert_true(is_there(&x, "/responseHistory/here"));
	assert_false(is_there(&x, "/responseHistory/gone"));
	assert_int_equal(count(&x, "/responseHistory/requestIdMapping"), 0);
	box_stop(&x);
}

static void test_switched_off(void **state)
{
	struct box x = { 0 };

	(void)state;
	begin(&x, 0, 0);
	run_for(&x, LOOP_MS(200000));
	assert_int_equal(count(&x, "/responseHistory/here"), 450);
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_too_many_of_all),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_switched_off),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
