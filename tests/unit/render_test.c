/*
 * render_test.c - what is rendered again, and with which time
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/apply_fixture.h"

#include "lib/os/clock.h"
#include "lib/os/file.h"

#include <time.h>

static struct fixture f;

static int setup(void **state)
{
	static const struct template_source rows[] = {
		{ .filename = "t/%s", .text = "{{id}} {{timestamp}} {{#each upstreams}}{{this}}{{/each}}\n" },
		{ .filename = "all.txt", .text = "{{id}} {{timestamp}}\n", .scope = SCOPE_COLLECTED,
			.header = "{{timestamp}}\n" },
	};
	const struct renderer_config cfg = { .templates = rows, .n_templates = ARRAY_LEN(rows) };

	(void)state;
	fixture_init(&f);
	renderer_free(&f.renderer);
	assert_int_equal(renderer_new(&cfg, &f.renderer, NULL), 0);
	f.opt.renderer = f.renderer;
	fixture_open(&f);
	report_is_ok(fixture_do(&f, WORK_RECOVER));
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_release(&f);
	return 0;
}

static struct work_item *two(enum work_kind kind, const char *a, const char *b)
{
	struct work_item *w = work_item_new(kind);

	fixture_add(w, "a", a, NULL);
	fixture_add(w, "b", b, NULL);
	return w;
}

/* Until the wall clock shows another time. */
static void pass_time(void)
{
	struct timespec from, now, step = { 0, 1000000 };
	int64_t deadline = clock_mono_us() + 10000000;

	clock_gettime(CLOCK_REALTIME, &from);
	do {
		assert_true(clock_mono_us() < deadline);
		nanosleep(&step, NULL);
		clock_gettime(CLOCK_REALTIME, &now);
	} while (now.tv_sec == from.tv_sec && now.tv_nsec / 1000000 == from.tv_nsec / 1000000);
}

static void read_live(const char *name, struct buf *out)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", f.root, name);

	buf_clear(out);
	assert_int_equal(file_read(path, 1 << 20, out, NULL), 0);
}

static void changes_nothing(struct work_item *w_take)
{
	struct report *r = fixture_run(&f, w_take);

	assert_true(r->ok);
	assert_false(r->changed);
	report_free(&r);
}

static void a_service_keeps_its_time(void **state)
{
	AUTO(buf_release) struct buf a = BUF_INIT, b = BUF_INIT, all = BUF_INIT, now = BUF_INIT;

	(void)state;
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2")));
	read_live("t/a", &a);
	read_live("t/b", &b);
	read_live("all.txt", &all);
	pass_time();
	changes_nothing(two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2"));
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "1.1.1.1:11", "2.2.2.2:2")));
	read_live("t/b", &now);
	assert_string_equal(now.data, b.data);
	read_live("t/a", &now);
	assert_string_not_equal(now.data, a.data);
	assert_true(strncmp(now.data, a.data, 15) != 0); /* the time, too */
	read_live("all.txt", &now);
	assert_string_not_equal(now.data, all.data);
}

/* A preparation that comes to nothing, and a new start, render what is there. */
static void what_is_live_is_rendered_again(void **state)
{
	(void)state;
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2")));
	pass_time();
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:22")));
	pass_time();
	report_is_ok(fixture_run(&f, two(WORK_PREPARE, "1.1.1.1:11", "2.2.2.2:222")));
	report_is_ok(fixture_do(&f, WORK_RELEASE));
	changes_nothing(two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:22"));
	apply_free(&f.apply);
	fixture_open(&f);
	report_is_ok(fixture_do(&f, WORK_RECOVER));
	pass_time();
	changes_nothing(two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:22"));
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2222")));
	changes_nothing(two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2222"));
}

/* --- names that templates look up --- */

static const char *address;
static uint64_t epoch;

static const char *host_address(void *ctx, const char *host, struct arena *a)
{
	(void)ctx;
	(void)host;
	return arena_strdup(a, address);
}

static uint64_t outside(void *ctx)
{
	(void)ctx;
	return epoch;
}

/* Remembered while nobody says that it may be another one. */
static void addresses_become_others(void **state)
{
	static const struct template_source row = { .filename = "t/%s", .text = "{{resolveHostname 'db:80'}}\n" };
	const struct renderer_config cfg = { .templates = &row, .n_templates = 1, .helpers = { .resolve = host_address } };
	AUTO(buf_release) struct buf now = BUF_INIT;

	(void)state;
	apply_free(&f.apply);
	renderer_free(&f.renderer);
	assert_int_equal(renderer_new(&cfg, &f.renderer, NULL), 0);
	f.opt.renderer = f.renderer;
	f.opt.outside = outside;
	fixture_open(&f);
	address = "10.0.0.1";
	epoch = 1;
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2")));
	address = "10.0.0.2";
	changes_nothing(two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2"));
	read_live("t/a", &now);
	assert_string_equal(now.data, "10.0.0.1:80\n");
	epoch = 2;
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2")));
	read_live("t/a", &now);
	assert_string_equal(now.data, "10.0.0.2:80\n");
	read_live("t/b", &now);
	assert_string_equal(now.data, "10.0.0.2:80\n");
	epoch = 3;
	changes_nothing(two(WORK_CONVERGE, "1.1.1.1:1", "2.2.2.2:2"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_service_keeps_its_time, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_live_is_rendered_again, setup, teardown),
		cmocka_unit_test_setup_teardown(addresses_become_others, setup, teardown),
	};

	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
