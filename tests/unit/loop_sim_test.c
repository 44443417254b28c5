/*
 * loop_sim_test.c - virtual time: jumps, repeats for a seed, varies between seeds
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/base/buf.h"
#include "lib/loop/loop.h"

#define N 12

struct sim_box;
struct mark {
	struct sim_box *x;
	struct loop_timer t;
	char name;
};
struct sim_box {
	struct loop *l;
	struct buf out;
	struct mark marks[N];
	char next_post;
};

static void on_mark(void *ctx)
{
	struct mark *m = ctx;

	buf_char(&m->x->out, m->name);
}

static void on_post(void *ctx)
{
	struct sim_box *x = ctx;

	buf_char(&x->out, x->next_post++);
}

static void job_work(void *ctx)
{
	buf_char(&((struct sim_box *)ctx)->out, '(');
}

static void job_done(void *ctx)
{
	buf_char(&((struct sim_box *)ctx)->out, ')');
}

/* N timers and three posts at one instant, and a job. */
static void history(uint64_t seed, struct buf *out)
{
	struct sim_box x = { .l = loop_sim_new(seed), .next_post = '1' };

	for (int i = 0; i < N; i++) {
		x.marks[i] = (struct mark){ .x = &x, .name = (char)('a' + i) };
		x.marks[i].t = (struct loop_timer){ .fn = on_mark, .ctx = &x.marks[i] };
		loop_timer_start(x.l, &x.marks[i].t, 0);
	}
	for (int i = 0; i < 3; i++)
		loop_post(x.l, on_post, &x);
	loop_job(x.l, job_work, job_done, &x);
	assert_int_equal(x.out.len, 0);
	while (loop_sim_step(x.l))
		;
	assert_int_equal(x.out.len, N + 3 + 2);
	buf_append(out, x.out.data, x.out.len);
	buf_release(&x.out);
	loop_free(&x.l);
}

static void test_seed_repeats(void **state)
{
	AUTO(buf_release) struct buf first = BUF_INIT;
	AUTO(buf_release) struct buf again = BUF_INIT;
	size_t differ = 0;

	(void)state;
	history(1, &first);
	for (uint64_t seed = 1; seed <= 50; seed++) {
		const char *p1, *p2, *p3;

		buf_clear(&again);
		history(seed, &again);
		if (seed == 1)
			assert_string_equal(first.data, again.data);
		differ += strcmp(first.data, again.data) != 0;
		p1 = strchr(again.data, '1');
		p2 = strchr(again.data, '2');
		p3 = strchr(again.data, '3');
		assert_true(p1 && p2 && p3 && p1 < p2 && p2 < p3);
		assert_non_null(strstr(again.data, "()"));
	}
	assert_true(differ > 45);
}

static void test_time_jumps(void **state)
{
	struct sim_box x = { .l = loop_sim_new(3) };
	int64_t start = loop_now(x.l), wall = loop_wall_ms(x.l);

	(void)state;
	for (int i = 0; i < 3; i++) {
		x.marks[i] = (struct mark){ .x = &x, .name = (char)('a' + i) };
		x.marks[i].t = (struct loop_timer){ .fn = on_mark, .ctx = &x.marks[i] };
	}
	loop_timer_start(x.l, &x.marks[0].t, LOOP_MS(3600000));
	loop_timer_start(x.l, &x.marks[1].t, LOOP_MS(1000));
	loop_timer_start(x.l, &x.marks[2].t, LOOP_MS(2000));
	loop_timer_start(x.l, &x.marks[2].t, LOOP_MS(3000)); /* restarted */
	assert_true(loop_sim_run_for(x.l, LOOP_MS(2500), 100));
	assert_string_equal(buf_cstr(&x.out), "b");
	assert_int_equal(loop_now(x.l) - start, LOOP_MS(2500));
	assert_int_equal(loop_wall_ms(x.l) - wall, 2500);
	loop_timer_stop(x.l, &x.marks[2].t);
	assert_true(loop_sim_step(x.l));
	assert_string_equal(buf_cstr(&x.out), "ba");
	assert_int_equal(loop_now(x.l) - start, LOOP_MS(3600000));
	assert_false(loop_sim_step(x.l));
	buf_release(&x.out);
	loop_free(&x.l);
}

static void post_for_ever(void *ctx)
{
	loop_post(ctx, post_for_ever, ctx);
}

static void test_livelock_is_reported(void **state)
{
	struct loop *l = loop_sim_new(1);

	(void)state;
	loop_post(l, post_for_ever, l);
	assert_false(loop_sim_run_for(l, LOOP_MS(1), 1000));
	loop_free(&l);
}

static void stop_it(void *ctx)
{
	loop_stop(ctx);
}

static void test_run_until_stop(void **state)
{
	struct loop *l = loop_sim_new(1);
	struct loop_timer t = { .fn = stop_it, .ctx = l };
	int64_t start = loop_now(l);

	(void)state;
	loop_timer_start(l, &t, LOOP_MS(7));
	loop_run(l);
	assert_int_equal(loop_now(l) - start, LOOP_MS(7));
	loop_run(l); /* nothing can happen any more: returns */
	loop_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_seed_repeats),
		cmocka_unit_test(test_time_jumps),
		cmocka_unit_test(test_livelock_is_reported),
		cmocka_unit_test(test_run_until_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
