/*
 * scheduler_test.c - which requests are a scheduler's, and what of them is done otherwise
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/scheduler.h"

#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct upstream gone = { .address = "1.2.3.4:5", .group = "default" };
static struct service service = { .id = "s" };

static struct request removal(const char *id)
{
	return (struct request){ .id = id, .service = &service, .remove = { &gone, 1 } };
}

static void removals(void **state)
{
	static const char *const no[] = { "t-REMOVE-", "t-REMOVE-1x", "-REMOVE-1", "17", "", "t-DEPLOY-1", "t-REMOVE1", "t-remove-1" };
	struct request rq = removal("req-dep1-1700000000001-1-h-r-REMOVE-1");

	(void)state;
	assert_true(scheduler_removes_task(&rq));
	rq.action = ACTION_UPDATE;
	rq.id = "t-REMOVE-12";
	assert_true(scheduler_removes_task(&rq));
	for (size_t i = 0; i < ARRAY_LEN(no); i++) {
		rq = removal(no[i]);
		assert_false(scheduler_removes_task(&rq));
	}
	rq = removal("t-REMOVE-1");
	rq.action = ACTION_DELETE;
	assert_false(scheduler_removes_task(&rq));
	rq = removal("t-REMOVE-1");
	rq.add = rq.remove;
	assert_false(scheduler_removes_task(&rq));
	rq = removal("t-REMOVE-1");
	rq.remove.n = 0;
	assert_false(scheduler_removes_task(&rq));
}

static void additions(void **state)
{
	struct upstream other[] = { { .address = "1.2.3.4:5", .group = "blue" }, { .address = "1.2.3.4:6" } };
	struct upstream same[] = { { .address = "1.2.3.4:6" }, { .address = "1.2.3.4:5", .group = "default", .rack_id = "r" } };
	const struct service_state without = { &service, { other, 2 } }, with = { &service, { same, 2 } };
	struct request rq = { .id = "t-ADD-1", .service = &service, .add = { &gone, 1 } }, was = rq;
	struct response past = { .request_id = rq.id, .state = STATE_SUCCESS, .request = &was };

	(void)state;
	assert_true(scheduler_adds_again(&rq, &past, &without));
	assert_true(scheduler_adds_again(&rq, &past, NULL));
	assert_false(scheduler_adds_again(&rq, &past, &with));
	was.add = (struct upstreams){ other, 1 };
	assert_false(scheduler_adds_again(&rq, &past, &without));
	was = rq;
	past.state = STATE_FAILED;
	assert_false(scheduler_adds_again(&rq, &past, &without));
	past = (struct response){ .request_id = rq.id, .state = STATE_SUCCESS };
	assert_false(scheduler_adds_again(&rq, &past, &without));
	past.request = &was;
	rq.id = was.id = "deploy-17";
	assert_false(scheduler_adds_again(&rq, &past, &without));
	rq.id = was.id = "t-ADD-1";
	rq.remove = was.remove = (struct upstreams){ other, 1 };
	assert_false(scheduler_adds_again(&rq, &past, &without));
}

static void malformed(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *items[] = { "a is bad", "b may not be null" };
	struct strings problems = { items, 2 };
	struct response past = { .state = STATE_FAILED, .message = scheduler_malformed_text(&problems, a) };
	struct request rq = { .id = "r" };

	(void)state;
	assert_string_equal(past.message, "Malformed request: a is bad; b may not be null");
	assert_true(scheduler_is_malformed(&past));
	past.request = &rq;
	assert_false(scheduler_is_malformed(&past));
	past.request = NULL;
	past.message = "Request r is too large";
	assert_false(scheduler_is_malformed(&past));
	past.message = NULL;
	assert_false(scheduler_is_malformed(&past));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(removals),
		cmocka_unit_test(additions),
		cmocka_unit_test(malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
