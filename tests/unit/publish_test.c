/*
 * publish_test.c - the pipeline without HAProxy: render, prove, publish, undo
 *
 * Every test of proving runs twice: in the private view, and with the files in place.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/apply_fixture.h"

#include <signal.h>
#include <sys/resource.h>

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

static int64_t inode(const char *name)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", f.root, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (int64_t)st.st_ino;
}

static void test_converge_writes_and_removes(void **state)
{
	struct work_item *w;
	int64_t b, map;

	(void)state;
	fixture_open(&f);
	fixture_put(&f, "root/operator.cfg", "mine\n");
	report_is_ok(fixture_do(&f, WORK_RECOVER));
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
	assert_text(&f, "all.map", "a b_a\nb b_b\n");
	b = inode("svc/b.cfg");
	map = inode("all.map");
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.2:80")));
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.2_80 10.0.0.2:80\n");
	assert_int_equal(inode("svc/b.cfg"), b); /* what is the same is not touched */
	assert_int_equal(inode("all.map"), map);
	w = work_item_new(WORK_CONVERGE);
	fixture_add(w, "b", "10.0.0.9:90", NULL);
	report_is_ok(fixture_run(&f, w));
	assert_text(&f, "svc/a.cfg", "");
	assert_int_equal(inode("svc/b.cfg"), b);
	assert_text(&f, "operator.cfg", "mine\n");
}

static void test_no_change_is_no_change(void **state)
{
	struct report *r, *again;

	(void)state;
	fixture_open(&f);
	r = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80"));
	assert_true(r->ok && r->changed);
	again = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80"));
	assert_true(again->ok);
	assert_false(again->changed);
	assert_string_equal(r->base_digest, again->base_digest);
	assert_int_equal(strlen(r->base_digest), 64);
	report_free(&r);
	report_free(&again);
}

static unsigned mode_of(const char *name)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", f.root, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* New files get the configured mode, the operator's later chmod is kept. */
static void test_modes(void **state)
{
	AUTO(xfree_p) char *path = xasprintf("%s/svc/a.cfg", f.root);

	(void)state;
	fixture_open(&f);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	assert_int_equal(mode_of("all.map"), 0640);
	assert_int_equal(mode_of("svc/a.cfg"), 0644);
	assert_int_equal(chmod(path, 0600), 0);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.2:80")));
	assert_int_equal(mode_of("svc/a.cfg"), 0600);
}

/* By hand, or by a disk that came back from a backup. */
static void test_drift_is_repaired(void **state)
{
	(void)state;
	fixture_open(&f);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	fixture_put(&f, "root/svc/a.cfg", "edited\n");
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
}

static void test_foreign_file_is_kept_aside(void **state)
{
	(void)state;
	fixture_open(&f);
	assert_int_equal(mkdir(f.root, 0755) == 0 || file_exists(f.root), 1);
	fixture_put(&f, "root/all.map", "from before\n");
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	assert_text(&f, "all.map", "a b_a\nb b_b\n");
	assert_text(&f, ".lockstep/adopted/all.map", "from before\n");
}

/* Says what it sees, so that the report shows it; refuses what has "bogus" in it. */
static const char check_script[] = "#!/bin/sh\n"
				   "[ ! -e \"$1/svc/gone.cfg\" ] || echo gone is there\n"
				   "n=$(grep -n bogus \"$1\"/svc/*.cfg | head -1 | cut -d: -f1,2)\n"
				   "[ -z \"$n\" ] || { echo \"[ALERT] (1) : parsing [$n] : unknown keyword\"; exit 1; }\n";

static void use_check(bool view)
{
	f.opt.check_command = xasprintf("%s %s", fixture_script(&f, "check", check_script), f.root);
	f.opt.no_view = !view;
	fixture_open(&f);
	if (view)
		assert_non_null(strstr(apply_status(f.apply), "private view"));
	else
		assert_non_null(strstr(apply_status(f.apply), "files in place"));
	free((char *)(uintptr_t)f.opt.check_command);
}

static void refused_leaves_nothing(bool view)
{
	AUTO(xfree_p) char *before = NULL;
	AUTO(xfree_p) char *after = NULL;
	static const char *suspects[] = { "bad", "a" };
	struct work_item *w;
	struct report *r;

	use_check(view);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	before = fixture_tree(&f);
	for (int kind = WORK_PREPARE; kind <= WORK_CONVERGE; kind++) {
		if (kind == WORK_RELEASE)
			continue;
		w = two((enum work_kind)kind, "10.0.0.2:80");
		fixture_add(w, "bad", "10.0.0.3:80", "bogus");
		w->suspects = suspects;
		w->n_suspects = 2;
		r = fixture_run(&f, w);
		assert_false(r->ok);
		assert_true(r->undone);
		assert_false(r->changed);
		assert_int_equal(r->error.code, ERR_REFUSED);
		assert_non_null(strstr(r->error.text, "unknown keyword"));
		assert_non_null(strstr(r->detail, "/svc/bad.cfg:3"));
		assert_int_equal(r->n_blames, 1);
		assert_string_equal(r->blames[0].service_id, "bad");
		report_free(&r);
		after = fixture_tree(&f);
		assert_string_equal(before, after);
		xfree_p(&after);
	}
	after = xasprintf("%s/own/bad", f.root); /* the folder for it has gone, too */
	assert_false(file_exists(after));
}

static void test_refused_in_view(void **state)
{
	(void)state;
	refused_leaves_nothing(true);
}

static void test_refused_in_place(void **state)
{
	(void)state;
	refused_leaves_nothing(false);
}

static void prepare_then_converge(bool view)
{
	AUTO(xfree_p) char *before = NULL;
	AUTO(xfree_p) char *after = NULL;
	struct work_item *w;
	struct report *r;

	use_check(view);
	w = two(WORK_CONVERGE, "10.0.0.1:80");
	fixture_add(w, "gone", NULL, NULL);
	report_is_ok(fixture_run(&f, w));
	before = fixture_tree(&f);
	r = fixture_run(&f, two(WORK_PREPARE, "10.0.0.2:80"));
	assert_true(r->ok);
	assert_false(r->changed);
	report_free(&r);
	after = fixture_tree(&f);
	assert_string_equal(before, after);
	/* Proved: the check is not asked again, so it does not matter that it says no by now. */
	fixture_put(&f, "check", "#!/bin/sh\necho never; exit 1\n");
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.2:80")));
	assert_text(&f, "svc/a.cfg", "backend b_a\n    server s_10.0.0.2_80 10.0.0.2:80\n");
	assert_text(&f, "svc/gone.cfg", "");
	/* Another target than the prepared one is proved itself. */
	fixture_script(&f, "check", check_script);
	report_is_ok(fixture_run(&f, two(WORK_PREPARE, "10.0.0.3:80")));
	fixture_script(&f, "check", "#!/bin/sh\nexit 1\n");
	r = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.4:80"));
	assert_false(r->ok);
	report_free(&r);
}

static void test_prepare_in_view(void **state)
{
	(void)state;
	prepare_then_converge(true);
}

static void test_prepare_in_place(void **state)
{
	(void)state;
	prepare_then_converge(false);
}

/* What was compared with at PREPARE is not there any more: proved again. */
static void test_prepared_on_a_base_that_moved(void **state)
{
	struct report *r;

	(void)state;
	use_check(true);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	report_is_ok(fixture_run(&f, two(WORK_PREPARE, "10.0.0.2:80")));
	fixture_put(&f, "root/svc/b.cfg", "by hand\n");
	fixture_script(&f, "check", "#!/bin/sh\necho asked; exit 3\n");
	r = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.2:80"));
	assert_false(r->ok);
	assert_non_null(strstr(r->error.text, "asked"));
	report_free(&r);
}

static void test_release_drops_the_preparation(void **state)
{
	AUTO(xfree_p) char *stage = NULL;

	(void)state;
	use_check(true);
	report_is_ok(fixture_run(&f, two(WORK_PREPARE, "10.0.0.2:80")));
	stage = xasprintf("%s/.lockstep/stage/svc/a.cfg", f.root);
	assert_true(file_exists(stage));
	report_is_ok(fixture_do(&f, WORK_LOOK));
	assert_true(file_exists(stage));
	report_is_ok(fixture_do(&f, WORK_RELEASE));
	assert_false(file_exists(stage));
}

static void test_render_error_blames(void **state)
{
	struct work_item *w;
	struct report *r;

	(void)state;
	fixture_open(&f);
	w = two(WORK_PREPARE, "10.0.0.1:80");
	fixture_add(w, "evil", "10.0.0.3:80", "one\ntwo");
	r = fixture_run(&f, w);
	assert_false(r->ok);
	assert_int_equal(r->n_blames, 1);
	assert_string_equal(r->blames[0].service_id, "evil");
	report_free(&r);
}

/* The reload command says no: old files are back, and it was asked to load them. */
static void test_reload_command_refuses(void **state)
{
	AUTO(xfree_p) char *before = NULL;
	AUTO(xfree_p) char *after = NULL;
	AUTO(xfree_p) char *said = NULL;
	AUTO(xfree_p) char *script = NULL;
	struct report *r;

	(void)state;
	script = xasprintf("#!/bin/sh\ncat %s/svc/a.cfg >>%s/reloads\n"
			   "! grep -q 10.0.0.2 %s/svc/a.cfg || { echo cannot; exit 4; }\n",
		f.root, f.root, f.root);
	f.opt.reload_command = fixture_script(&f, "reload", script);
	fixture_open(&f);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	before = fixture_tree(&f);
	xfree_p(&said);
	r = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.2:80"));
	assert_false(r->ok);
	assert_true(r->changed && r->undone);
	assert_non_null(strstr(r->error.text, "Process exited with an error: 4 (Exit value: 4)"));
	assert_string_equal(r->detail, "cannot\n");
	report_free(&r);
	said = fixture_text(&f, "reloads");
	assert_string_equal(said, "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n"
				  "backend b_a\n    server s_10.0.0.2_80 10.0.0.2:80\n"
				  "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
	AUTO(xfree_p) char *log = xasprintf("%s/reloads", f.root);
	assert_int_equal(file_remove(log, NULL), 0);
	fixture_put(&f, "root/reloads", "backend b_a\n    server s_10.0.0.1_80 10.0.0.1:80\n");
	after = fixture_tree(&f);
	assert_string_equal(before, after);
}

static void test_reload_only_when_needed(void **state)
{
	AUTO(xfree_p) char *script = NULL;
	struct work_item *w;

	(void)state;
	script = xasprintf("#!/bin/sh\necho x >>%s/count\n", f.dir);
	f.opt.reload_command = fixture_script(&f, "reload", script);
	fixture_open(&f);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	assert_text(&f, "../count", "x\n");
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	assert_text(&f, "../count", "x\n");
	w = two(WORK_CONVERGE, "10.0.0.2:80");
	w->no_reload = true;
	report_is_ok(fixture_run(&f, w));
	assert_text(&f, "../count", "x\n");
	/* The same files without noReload: they have not been made live yet; also not after a restart. */
	apply_free(&f.apply);
	fixture_open(&f);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.2:80")));
	assert_text(&f, "../count", "x\nx\n");
	w = two(WORK_CONVERGE, "10.0.0.2:80");
	w->force_reload = true;
	report_is_ok(fixture_run(&f, w));
	assert_text(&f, "../count", "x\nx\nx\n");
}

static void test_worker_limit(void **state)
{
	struct report *r;

	(void)state;
	f.opt.reload_command = "/bin/true";
	f.opt.worker_count_command = fixture_script(&f, "count", "#!/bin/sh\necho ' 3'\n");
	f.opt.max_workers = 2;
	fixture_open(&f);
	r = fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80"));
	assert_false(r->ok);
	assert_true(r->undone);
	assert_non_null(strstr(r->error.text, "3 load balancer workers"));
	report_free(&r);
	assert_text(&f, "svc/a.cfg", "");
}

static void test_check_that_never_ends(void **state)
{
	struct report *r;

	(void)state;
	f.opt.check_command = "sleep 100";
	f.opt.command_timeout_ms = 100;
	fixture_open(&f);
	r = fixture_run(&f, two(WORK_PREPARE, "10.0.0.1:80"));
	assert_false(r->ok);
	assert_non_null(strstr(r->error.text, "did not end in time"));
	report_free(&r);
}

static void test_second_agent_is_refused(void **state)
{
	struct apply *second = NULL;
	struct error err = ERROR_INIT;

	(void)state;
	fixture_open(&f);
	assert_int_equal(apply_new(&f.opt, &second, &err), ERR_CONFLICT);
	assert_null(second);
	assert_non_null(strstr(err.text, "another agent"));
}

/* A file size limit is a disk that is full; SIGXFSZ is what a full disk does not send. */
static void test_disk_full(void **state)
{
	AUTO(xfree_p) char *before = NULL;
	struct rlimit old, low;
	struct work_item *w;

	(void)state;
	fixture_open(&f);
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.1:80")));
	before = fixture_tree(&f);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_IGN);
	for (rlim_t room = 0; room < 400; room += 20) {
		AUTO(xfree_p) char *after = NULL;
		struct report *r;

		w = two(WORK_CONVERGE, "10.0.0.2:80");
		fixture_add(w, "c", "10.0.0.3:80", "timeout server 5s");
		low = (struct rlimit){ room, old.rlim_max };
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
		r = fixture_run(&f, w);
		assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
		assert_true(r->ok || r->undone);
		after = fixture_tree(&f);
		if (r->ok) {
			assert_string_not_equal(after, before);
			assert_true(room > 100); /* else nothing was tried */
			report_free(&r);
			return;
		}
		assert_string_equal(after, before);
		report_free(&r);
	}
	report_is_ok(fixture_run(&f, two(WORK_CONVERGE, "10.0.0.2:80")));
}

int main(int argc, char **argv)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_converge_writes_and_removes),
		CASE(test_no_change_is_no_change),
		CASE(test_modes),
		CASE(test_drift_is_repaired),
		CASE(test_foreign_file_is_kept_aside),
		CASE(test_refused_in_view),
		CASE(test_refused_in_place),
		CASE(test_prepare_in_view),
		CASE(test_prepare_in_place),
		CASE(test_prepared_on_a_base_that_moved),
		CASE(test_release_drops_the_preparation),
		CASE(test_render_error_blames),
		CASE(test_reload_command_refuses),
		CASE(test_reload_only_when_needed),
		CASE(test_worker_limit),
		CASE(test_check_that_never_ends),
		CASE(test_second_agent_is_refused),
		CASE(test_disk_full),
	};

	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
