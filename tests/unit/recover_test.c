/*
 * recover_test.c - the agent is killed at every call that changes the disk, and started again
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/apply_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	umask(022);
	fixture_init(&f);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fixture_release(&f);
	return 0;
}

static struct work_item *two(enum work_kind kind, const char *upstream)
{
	struct work_item *w = work_item_new(kind);

	fixture_add(w, "a", upstream, NULL);
	fixture_add(w, "b", "10.0.0.9:90", NULL);
	return w;
}

/* In a child that is killed before its n-th change of the disk. False: it came to the end. */
static bool crash_at(unsigned n, void (*act)(struct fixture *f))
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		fixture_open(&f);
		file_fault_at(n);
		act(&f);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGKILL);
	else
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

static void change(struct fixture *fx)
{
	struct work_item *w = work_item_new(WORK_CONVERGE);

	fixture_add(w, "a", "10.0.0.2:80", NULL);
	fixture_add(w, "c", "10.0.0.3:80", NULL);
	report_free(&(struct report *){ fixture_run(fx, w) });
}

static void recover(struct fixture *fx)
{
	report_free(&(struct report *){ fixture_do(fx, WORK_RECOVER) });
}

static void back_to_old(struct fixture *fx)
{
	report_free(&(struct report *){ fixture_run(fx, two(WORK_CONVERGE, "10.0.0.1:80")) });
}

/* At every call that changes the disk: what is found at the next start is all old or all new. */
static void test_crash_at_every_point(void **state)
{
	AUTO(xfree_p) char *old = NULL;
	AUTO(xfree_p) char *new = NULL;
	unsigned n = 1, olds = 0, news = 0;
	bool crashed = true;

	(void)state;
	fixture_open(&f);
	change(&f);
	new = fixture_tree(&f);
	back_to_old(&f);
	old = fixture_tree(&f);
	apply_free(&f.apply);
	for (; crashed; n++) {
		AUTO(xfree_p) char *found = NULL;
		struct report *r;

		crashed = crash_at(n, change);
		fixture_open(&f);
		r = fixture_do(&f, WORK_RECOVER);
		assert_true(r->ok);
		report_free(&r);
		found = fixture_tree(&f);
		olds += str_eq(found, old);
		news += str_eq(found, new);
		assert_true(str_eq(found, old) || str_eq(found, new));
		r = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80"));
		assert_true(r->ok);
		report_free(&r);
		xfree_p(&found);
		found = fixture_tree(&f);
		assert_string_equal(found, old);
		apply_free(&f.apply);
	}
	assert_true(n > 30 && olds > 20 && news > 2);
}

/* The repair is killed, too, at each of its own calls, and repaired by the next. */
static void test_crash_in_recovery(void **state)
{
	AUTO(xfree_p) char *old = NULL;
	unsigned crashes = 0;

	(void)state;
	fixture_open(&f);
	back_to_old(&f);
	old = fixture_tree(&f);
	apply_free(&f.apply);
	for (unsigned n = 1; crash_at(n, change); n++) {
		AUTO(xfree_p) char *found = NULL;

		for (unsigned k = 1; crash_at(k, recover); k++)
			crashes++;
		fixture_open(&f);
		report_is_ok(fixture_do(&f, WORK_RECOVER));
		found = fixture_tree(&f);
		if (!str_eq(found, old)) { /* it had been finished */
			assert_non_null(strstr(found, "10.0.0.3"));
			assert_null(strstr(found, "10.0.0.9"));
			back_to_old(&f);
		}
		apply_free(&f.apply);
	}
	assert_true(crashes > 50);
}

/* A journal that nobody can read is not guessed at. */
static void has(const char *name, bool expected)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", f.dir, name);

	assert_int_equal(file_exists(path), expected);
}

/* Damaged records are kept aside, and what is rendered is written anew over what is there. */
static void damaged(const char *record, const char *text)
{
	struct report *r;
	AUTO(xfree_p) char *aside = xasprintf("%s.damaged", record);

	fixture_open(&f);
	back_to_old(&f);
	fixture_put(&f, record, text);
	r = fixture_do(&f, WORK_RECOVER);
	assert_true(r->ok);
	report_free(&r);
	has(aside, true);
	has(record, false);
	r = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.7:80"));
	assert_true(r->ok);
	report_free(&r);
}

static void test_broken_journal(void **state)
{
	(void)state;
	damaged("root/.lockstep/journal", "lockstep-journal 1 2\nnew x\n");
}

static void test_broken_manifest(void **state)
{
	(void)state;
	damaged("root/.lockstep/manifest", "lockstep-manifest 1");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_crash_at_every_point, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_in_recovery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_journal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_manifest, setup, teardown),
	};

	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
