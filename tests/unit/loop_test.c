/*
 * loop_test.c - timers, posts, jobs, sources and signals of the loop over libuv
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/loop/loop.h"

struct box {
	struct loop *l;
	struct buf out;
	struct loop_timer a, b, c;
	int64_t at;
	int count;
};

static void setup(struct box *x)
{
	memset(x, 0, sizeof(*x));
	x->l = loop_new();
}

static void teardown(struct box *x)
{
	loop_free(&x->l);
	assert_null(x->l);
	buf_release(&x->out);
}

static void say_a(void *ctx)
{
	buf_char(&((struct box *)ctx)->out, 'a');
}

static void say_b(void *ctx)
{
	buf_char(&((struct box *)ctx)->out, 'b');
}

static void say_and_stop(void *ctx)
{
	struct box *x = ctx;

	buf_char(&x->out, '.');
	x->at = loop_now(x->l);
	loop_stop(x->l);
}

static void test_timers_in_order(void **state)
{
	struct box x;
	int64_t start;

	(void)state;
	setup(&x);
	x.a = (struct loop_timer){ .fn = say_a, .ctx = &x };
	x.b = (struct loop_timer){ .fn = say_b, .ctx = &x };
	x.c = (struct loop_timer){ .fn = say_and_stop, .ctx = &x };
	start = loop_now(x.l);
	loop_timer_start(x.l, &x.c, LOOP_MS(20));
	loop_timer_start(x.l, &x.a, LOOP_MS(10));
	loop_timer_start(x.l, &x.b, LOOP_MS(2));
	assert_true(loop_timer_running(&x.b));
	loop_run(x.l);
	assert_string_equal(buf_cstr(&x.out), "ba.");
	assert_true(x.at - start >= LOOP_MS(20));
	assert_false(loop_timer_running(&x.b));
	teardown(&x);
}

static void stop_b(void *ctx)
{
	struct box *x = ctx;

	loop_timer_stop(x->l, &x->b);
	loop_timer_stop(x->l, &x->b);
	loop_timer_start(x->l, &x->c, LOOP_MS(1));
}

static void test_timer_stop_and_restart(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	x.a = (struct loop_timer){ .fn = stop_b, .ctx = &x };
	x.b = (struct loop_timer){ .fn = say_b, .ctx = &x };
	x.c = (struct loop_timer){ .fn = say_and_stop, .ctx = &x };
	loop_timer_start(x.l, &x.a, 0);
	loop_timer_start(x.l, &x.b, 0); /* due in the same turn, stopped by a */
	loop_timer_start(x.l, &x.c, LOOP_MS(60000));
	loop_run(x.l);
	assert_string_equal(buf_cstr(&x.out), ".");
	teardown(&x);
}

static void count_to_1000(void *ctx)
{
	struct box *x = ctx;

	if (++x->count < 1000)
		loop_post(x->l, count_to_1000, x);
	else
		loop_stop(x->l);
}

static void test_posts_do_not_sleep(void **state)
{
	struct box x;
	int64_t start;

	(void)state;
	setup(&x);
	start = loop_now(x.l);
	loop_post(x.l, say_a, &x);
	loop_post(x.l, say_b, &x);
	loop_post(x.l, say_a, &x);
	loop_post(x.l, count_to_1000, &x);
	loop_run(x.l);
	assert_string_equal(buf_cstr(&x.out), "aba");
	assert_int_equal(x.count, 1000);
	assert_true(loop_now(x.l) - start < LOOP_MS(5000));
	teardown(&x);
}

static void on_again(void *ctx)
{
	struct box *x = ctx;

	/* 0 us from inside a turn: a later turn, with a later clock. */
	assert_true(x->count == 0 || loop_now(x->l) > x->at);
	x->at = loop_now(x->l);
	if (++x->count < 5)
		loop_timer_start(x->l, &x->a, 0);
	else
		loop_stop(x->l);
}

static void test_zero_timer_is_a_later_turn(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	x.a = (struct loop_timer){ .fn = on_again, .ctx = &x };
	loop_timer_start(x.l, &x.a, 0);
	loop_run(x.l);
	assert_int_equal(x.count, 5);
	teardown(&x);
}

static void count_only(void *ctx)
{
	struct box *x = ctx;

	if (++x->count == 4000)
		loop_stop(x->l);
}

static void *post_counts(void *ctx)
{
	struct box *x = ctx;

	for (int i = 0; i < 1000; i++)
		loop_post(x->l, count_only, x);
	return NULL;
}

static void test_posts_from_threads(void **state)
{
	struct box x;
	pthread_t th[4];

	(void)state;
	setup(&x);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&th[i], NULL, post_counts, &x), 0);
	loop_run(x.l); /* sleeps whenever it is ahead of the threads */
	for (size_t i = 0; i < 4; i++)
		pthread_join(th[i], NULL);
	assert_int_equal(x.count, 4000);
	teardown(&x);
}

struct job_box {
	struct loop *l;
	pthread_t worker;
	bool worked;
};

static void job_work(void *ctx)
{
	struct job_box *x = ctx;

	x->worker = pthread_self();
	x->worked = true;
}

static void job_done(void *ctx)
{
	loop_stop(((struct job_box *)ctx)->l);
}

static void test_job(void **state)
{
	struct job_box x = { .l = loop_new() };

	(void)state;
	loop_job(x.l, job_work, job_done, &x);
	loop_run(x.l);
	assert_true(x.worked);
	assert_false(pthread_equal(x.worker, pthread_self()));
	loop_free(&x.l);
}

struct src_box {
	struct loop *l;
	struct loop_source s;
	int pipe[2];
	int64_t due;
	int runs_ready, runs_due;
	struct loop_timer writer;
};

static int64_t src_deadline(void *ctx)
{
	return ((struct src_box *)ctx)->due;
}

static void src_run(void *ctx)
{
	struct src_box *x = ctx;
	char c;

	if (read(x->pipe[0], &c, 1) == 1) {
		x->runs_ready++;
		loop_remove_source(x->l, &x->s);
		loop_stop(x->l);
		return;
	}
	x->runs_due++;
	assert_true(loop_now(x->l) >= x->due);
	x->due = INT64_MAX;
	loop_timer_start(x->l, &x->writer, 0);
}

static void src_write(void *ctx)
{
	assert_int_equal(write(((struct src_box *)ctx)->pipe[1], "x", 1), 1);
}

static void test_source_deadline_and_fd(void **state)
{
	struct src_box x = { .l = loop_new() };

	(void)state;
	assert_int_equal(pipe(x.pipe), 0);
	x.writer = (struct loop_timer){ .fn = src_write, .ctx = &x };
	x.s = (struct loop_source){
		.fd = x.pipe[0], .deadline = src_deadline, .run = src_run, .ctx = &x
	};
	x.due = loop_now(x.l) + LOOP_MS(5);
	loop_add_source(x.l, &x.s); /* makes the fd non-blocking */
	loop_run(x.l);
	assert_int_equal(x.runs_due, 1);
	assert_int_equal(x.runs_ready, 1);
	loop_free(&x.l);
	close(x.pipe[0]);
	close(x.pipe[1]);
}

static void on_signal(void *ctx, int signum)
{
	struct box *x = ctx;

	x->count = signum;
	loop_stop(x->l);
}

static void raise_it(void *ctx)
{
	(void)ctx;
	raise(SIGUSR1);
}

static void test_signal(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	loop_on_signal(x.l, SIGUSR1, on_signal, &x);
	loop_post(x.l, raise_it, NULL);
	loop_run(x.l);
	assert_int_equal(x.count, SIGUSR1);
	teardown(&x);
}

static void on_slow(void *ctx, int64_t us)
{
	struct box *x = ctx;

	x->at = us;
	loop_stop(x->l);
}

static void be_slow(void *ctx)
{
	const struct timespec ms3 = { .tv_nsec = 3000000 };

	(void)ctx;
	nanosleep(&ms3, NULL); /* this is the thing under test: a callback that blocks */
}

static void test_slow_turn(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	loop_on_slow_turn(x.l, 2000, on_slow, &x);
	loop_post(x.l, be_slow, NULL);
	loop_run(x.l);
	assert_true(x.at >= 3000);
	teardown(&x);
}

static void test_stop_before_run(void **state)
{
	struct box x;

	(void)state;
	setup(&x);
	loop_stop(x.l);
	teardown(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timers_in_order),
		cmocka_unit_test(test_timer_stop_and_restart),
		cmocka_unit_test(test_posts_do_not_sleep),
		cmocka_unit_test(test_zero_timer_is_a_later_turn),
		cmocka_unit_test(test_posts_from_threads),
		cmocka_unit_test(test_job),
		cmocka_unit_test(test_source_deadline_and_fd),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_slow_turn),
		cmocka_unit_test(test_stop_before_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
