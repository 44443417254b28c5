/*
 * apply_thread_test.c - reports come on the loop; freeing waits and keeps silent
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_thread.h"

#include "tests/unit/apply_fixture.h"

#include <pthread.h>

static struct fixture f;
static struct loop *loop;
static struct applier *applier;
static pthread_t loop_thread;
static int dones;
static bool last_ok;

static int setup(void **state)
{
	(void)state;
	fixture_init(&f);
	loop = loop_new();
	loop_thread = pthread_self();
	dones = 0;
	return 0;
}

static void open_applier(void)
{
	fixture_open(&f);
	applier = apply_thread_new(loop, &f.apply);
	assert_null(f.apply);
}

static int teardown(void **state)
{
	(void)state;
	if (applier)
		applier->free(&applier);
	loop_free(&loop);
	fixture_release(&f);
	return 0;
}

static void on_done(void *ctx, struct report **r_take)
{
	struct report *r = STEAL(*r_take);

	assert_ptr_equal(ctx, &f);
	assert_true(pthread_equal(pthread_self(), loop_thread));
	last_ok = r->ok;
	report_free(&r);
	dones++;
	loop_stop(loop);
}

static void start(enum work_kind kind)
{
	struct work_item *w = work_item_new(kind);

	if (kind == WORK_CONVERGE || kind == WORK_PREPARE)
		fixture_add(w, "a", "10.0.0.1:80", NULL);
	applier->start(applier, &w, on_done, &f);
	assert_null(w);
}

static void test_one_after_the_other(void **state)
{
	static const enum work_kind kinds[] = { WORK_RECOVER, WORK_PREPARE, WORK_CONVERGE, WORK_LOOK };

	(void)state;
	open_applier();
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		start(kinds[i]);
		assert_int_equal(dones, (int)i); /* never before start() has returned */
		loop_run(loop);
		assert_int_equal(dones, (int)i + 1);
		assert_true(last_ok);
	}
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

/* Freed while a slow check runs: it ends first, and nobody is told. */
static void test_free_waits(void **state)
{
	AUTO(xfree_p) char *script = xasprintf("#!/bin/sh\nsleep 0.3\ntouch %s/checked\n", f.dir);
	AUTO(xfree_p) char *checked = xasprintf("%s/checked", f.dir);

	(void)state;
	f.opt.check_command = fixture_script(&f, "check", script);
	open_applier();
	start(WORK_PREPARE);
	applier->free(&applier);
	assert_null(applier);
	assert_true(file_exists(checked));
	loop_post(loop, stop, NULL);
	loop_run(loop);
	assert_int_equal(dones, 0);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_after_the_other, setup, teardown),
		cmocka_unit_test_setup_teardown(test_free_waits, setup, teardown),
	};

	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
