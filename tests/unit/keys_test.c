/*
 * keys_test.c - a preparation is refused whose map keys are another service's
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/apply_fixture.h"

static struct fixture f;
static const char *up_a = "10.0.0.1:80";

/* all.map: "<extra> <id>". */
static int setup(void **state)
{
	static const struct template_source row = { .filename = "all.map", .scope = SCOPE_COLLECTED, .header = "head x\n",
		.text = "{{service.options.extra}} {{service.serviceId}}\n" };
	const struct renderer_config cfg = { .templates = &row, .n_templates = 1 };

	(void)state;
	up_a = "10.0.0.1:80";
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

/* Services a and b with these keys; what `suspect` is, this batch changes. */
static struct report *run(enum work_kind kind, const char *a, const char *b, const char *suspect)
{
	struct work_item *w = work_item_new(kind);
	const char **suspects = arena_alloc(w->arena, sizeof(*suspects));

	fixture_add(w, "a", up_a, a);
	if (b)
		fixture_add(w, "b", "10.0.0.2:80", b);
	suspects[0] = arena_strdup(w->arena, suspect);
	w->suspects = suspects;
	w->n_suspects = 1;
	return fixture_run(&f, w);
}

static void is_refused(struct report *r_take, const char *service, const char *why)
{
	assert_false(r_take->ok);
	assert_true(r_take->undone);
	assert_false(r_take->changed);
	assert_int_equal(r_take->n_blames, 1);
	assert_string_equal(r_take->blames[0].service_id, service);
	assert_string_equal(r_take->blames[0].message, why);
	assert_string_equal(r_take->failed_in, work_stage_names[WORK_CHECK]);
	report_free(&r_take);
}

static void a_key_is_anothers(void **state)
{
	(void)state;
	report_is_ok(run(WORK_CONVERGE, "k", NULL, "a"));
	is_refused(run(WORK_PREPARE, "k", "k", "b"), "b", "key 'k' of all.map is that of service 'a'");
	is_refused(run(WORK_PREPARE, "head", NULL, "a"), "a", "key 'head' of all.map is in the header or footer");
	report_is_ok(run(WORK_PREPARE, "k", "l", "b"));
	assert_text(&f, "all.map", "head x\nk a\n");
}

/* As it may come from a Java cluster. */
static void what_is_live_passes(void **state)
{
	(void)state;
	report_is_ok(run(WORK_CONVERGE, "k", "k", "b")); /* decided elsewhere */
	report_is_ok(run(WORK_PREPARE, "k", "k", "b"));
	is_refused(run(WORK_PREPARE, "l", "l", "b"), "b", "key 'l' of all.map is that of service 'a'");
}

/* Its path is free; its line stays until somebody else takes it, and comes back. */
static void without_upstreams(void **state)
{
	(void)state;
	up_a = NULL;
	report_is_ok(run(WORK_CONVERGE, "k", "l", "a"));
	assert_text(&f, "all.map", "head x\nk a\nl b\n");
	report_is_ok(run(WORK_PREPARE, "k", "k", "b"));
	report_is_ok(run(WORK_CONVERGE, "k", "k", "b"));
	assert_text(&f, "all.map", "head x\n# a\nk b\n");
	report_is_ok(run(WORK_PREPARE, "k", "k", "a"));
	report_is_ok(run(WORK_CONVERGE, "k", "l", "b"));
	assert_text(&f, "all.map", "head x\nk a\nl b\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_key_is_anothers, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_live_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(without_upstreams, setup, teardown),
	};

	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
