/*
 * view_test.c - a command sees the future, and nobody else does
 *
 * The program calls itself as the agent does; where it is root, it is tried as another user, too.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/view/view.h"

#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "lib/os/proc.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OTHER_USER 65534

static char *dir, *root;

static void put(const char *name, const char *text)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", dir, name);
	AUTO(xfree_p) char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(file_make_dirs(parent, 0755, NULL), 0);
	assert_int_equal(file_replace(path, text, strlen(text), 0644, NULL), 0);
}

static int setup(void **state)
{
	(void)state;
	umask(022);
	dir = scratch_new();
	assert_int_equal(chmod(dir, 0755), 0);
	root = xasprintf("%s/ro,o:t", dir); /* what separates mount options */
	put("ro,o:t/keep.cfg", "keep\n");
	put("ro,o:t/svc/old.cfg", "old\n");
	put("ro,o:t/svc/gone.cfg", "gone\n");
	put("ro,o:t/.lockstep/stage/svc/old.cfg", "new\n");
	put("ro,o:t/.lockstep/stage/more/deep/new.cfg", "deep\n");
	put("ro,o:t/.lockstep/view/x", "");
	put("ro,o:t/.lockstep/hide", "svc/gone.cfg\n");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_free(&dir);
	xfree_p(&root);
	return 0;
}

/* What the command printed. */
static char *in_view(bool other_user, const char *script, int want)
{
	AUTO(xfree_p) char *stage = xasprintf("%s/.lockstep/stage", root);
	AUTO(xfree_p) char *hide = xasprintf("%s/.lockstep/hide", root);
	AUTO(xfree_p) char *work = xasprintf("%s/.lockstep/view", root);
	const char *as[] = { "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups" };
	const char *own[] = { "/proc/self/exe", "view", "--root", root, "--stage", stage, "--hide", hide,
		"--work", work, "--", "sh", "-c", script };
	const char *argv[ARRAY_LEN(as) + ARRAY_LEN(own) + 1] = { NULL };
	struct proc_result res = { .output = BUF_INIT };
	struct error err = ERROR_INIT;
	static char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t k = 0;
	char *text;

	assert_true(n > 0);
	self[n] = '\0';
	own[0] = self;
	for (size_t i = 0; other_user && i < ARRAY_LEN(as); i++)
		argv[k++] = as[i];
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		argv[k++] = own[i];
	if (proc_run(argv, clock_mono_us() + 20000000, 65536, &res, &err) != 0)
		fail_msg("%s", err.text);
	if (res.exit_status != want)
		fail_msg("%d: %s", res.exit_status, buf_cstr(&res.output));
	text = buf_steal(&res.output, NULL);
	proc_result_release(&res);
	return text;
}

static const char look[] = "cd \"$ROOT\" && cat keep.cfg svc/old.cfg more/deep/new.cfg && ls svc && "
			   "[ ! -e svc/gone.cfg ]";

static void sees_the_future(bool other_user)
{
	AUTO(xfree_p) char *seen = NULL;
	AUTO(xfree_p) char *gone = xasprintf("%s/svc/gone.cfg", root);
	AUTO(xfree_p) char *more = xasprintf("%s/more", root);
	AUTO(xfree_p) char *litter = xasprintf("%s/keep.cfg.new", root);
	AUTO(buf_release) struct buf live = BUF_INIT;
	AUTO(xfree_p) char *old = xasprintf("%s/svc/old.cfg", root);

	setenv("ROOT", root, 1);
	seen = in_view(other_user, look, 0);
	assert_string_equal(seen, "keep\nnew\ndeep\nold.cfg\n");
	xfree_p(&seen);
	/* What the command leaves is gone with it; its exit status is handed on. */
	seen = in_view(other_user, "echo x >\"$ROOT/keep.cfg.new\"; exit 7", 7);
	assert_string_equal(seen, "");
	assert_false(file_exists(litter));
	assert_true(file_exists(gone));
	assert_false(file_exists(more));
	assert_int_equal(file_read(old, 100, &live, NULL), 0);
	assert_string_equal(live.data, "old\n");
}

static void test_sees_the_future(void **state)
{
	(void)state;
	sees_the_future(false);
}

static void give_away(const char *path)
{
	char **names = NULL;
	size_t n = 0;
	struct stat st;

	assert_int_equal(lchown(path, OTHER_USER, OTHER_USER), 0);
	assert_int_equal(lstat(path, &st), 0);
	if (!S_ISDIR(st.st_mode))
		return;
	assert_int_equal(file_list(path, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		AUTO(xfree_p) char *entry = xasprintf("%s/%s", path, names[i]);

		give_away(entry);
	}
	file_list_free(&names, n);
}

/* In a user namespace, in which it is the user that it was; a plain user is one already. */
static void test_sees_the_future_as_a_user(void **state)
{
	AUTO(xfree_p) char *seen = NULL;
	AUTO(xfree_p) char *uid = xasprintf("%u\n", geteuid() == 0 ? OTHER_USER : (unsigned)geteuid());

	(void)state;
	if (geteuid() == 0)
		give_away(root);
	sees_the_future(geteuid() == 0);
	seen = in_view(geteuid() == 0, "id -u", 0);
	assert_string_equal(seen, uid);
}

static void test_says_why_not(void **state)
{
	AUTO(xfree_p) char *seen = NULL;
	AUTO(xfree_p) char *hide = xasprintf("%s/.lockstep/hide", root);

	(void)state;
	assert_int_equal(file_remove(hide, NULL), 0);
	seen = in_view(false, "echo ran", VIEW_EXIT_FAILED);
	assert_non_null(strstr(seen, VIEW_PREFIX));
	assert_non_null(strstr(seen, "hide"));
	assert_null(strstr(seen, "ran"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sees_the_future, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sees_the_future_as_a_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_says_why_not, setup, teardown),
	};

	if (argc > 1 && str_eq(argv[1], "view"))
		return view_main(argc - 1, argv + 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
