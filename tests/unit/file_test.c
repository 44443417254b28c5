/*
 * file_test.c - bounded reads, and replacement that a crash at any call leaves whole
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/file.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;

static int setup(void **state)
{
	(void)state;
	dir = scratch_new();
	umask(022);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_free(&dir);
	return 0;
}

/* Paths below the scratch folder; freed with the process, a ring is enough. */
static const char *at(const char *name)
{
	static char ring[8][512];
	static unsigned next;
	char *path = ring[next++ % ARRAY_LEN(ring)];

	snprintf(path, sizeof(ring[0]), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text)
{
	assert_int_equal(file_replace(at(name), text, strlen(text), 0644, NULL), 0);
}

static void expect(const char *name, const char *text)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct error err = ERROR_INIT;

	if (file_read(at(name), 1 << 20, &b, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_cstr(&b), text);
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(at(name), &st), 0);
	return st.st_mode & 07777;
}

static ino_t inode_of(const char *name)
{
	struct stat st;

	assert_int_equal(lstat(at(name), &st), 0);
	return st.st_ino;
}

static void expect_names(const char *folder, const char *joined)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	char **names;
	size_t n;

	assert_int_equal(file_list(folder, &names, &n, NULL), 0);
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i > 0 ? " " : "", names[i]);
	assert_string_equal(buf_cstr(&b), joined);
	file_list_free(&names, n);
	assert_null(names);
}

static void reading(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(buf_release) struct buf small = BUF_LIMITED(3);
	struct error err = ERROR_INIT;

	(void)state;
	put("f", "hello");
	assert_int_equal(file_read(at("f"), 5, &b, &err), 0);
	assert_int_equal(file_read(at("f"), 5, &b, &err), 0); /* appends */
	assert_string_equal(buf_cstr(&b), "hellohello");
	assert_int_equal(file_read(at("f"), 4, &b, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "larger than 4 bytes"));
	assert_int_equal(file_read(at("none"), 5, &b, &err), ERR_NOT_FOUND);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(file_read(at("f/x"), 5, &b, &err), ERR_NOT_FOUND);
	assert_int_equal(file_read(dir, 5, &b, &err), ERR_INVALID);
	assert_int_equal(mkfifo(at("fifo"), 0600), 0);
	assert_int_equal(file_read(at("fifo"), 5, &b, &err), ERR_INVALID); /* and does not hang */
	assert_int_equal(file_read(at("f"), 5, &small, &err), ERR_INVALID);
	assert_int_equal(small.len, 0);
	assert_string_equal(buf_cstr(&b), "hellohello");
	/* st_size of these is 0 */
	buf_clear(&b);
	assert_int_equal(file_read("/proc/self/status", 1 << 16, &b, &err), 0);
	assert_true(str_starts(buf_cstr(&b), "Name:"));
	assert_int_equal(file_read("/proc/self/status", 16, &b, &err), ERR_INVALID);
}

static void reading_large(void **state)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(xfree_p) char *data = xmalloc(300001);

	(void)state;
	for (size_t i = 0; i < 300001; i++)
		data[i] = (char)(i * 31);
	assert_int_equal(file_replace(at("f"), data, 300001, 0600, NULL), 0);
	assert_int_equal(file_read(at("f"), 300001, &b, NULL), 0);
	assert_int_equal(b.len, 300001);
	assert_memory_equal(b.data, data, 300001);
	assert_int_equal(file_read(at("f"), 300000, &b, NULL), ERR_INVALID);
}

static void replacing(void **state)
{
	ino_t before;

	(void)state;
	put("f", "one");
	assert_int_equal(mode_of("f"), 0644);
	assert_int_equal(chmod(at("f"), 0640), 0);
	before = inode_of("f");
	put("f", "two");
	expect("f", "two");
	assert_int_equal(mode_of("f"), 0640);
	assert_true(inode_of("f") != before);
	put("f", "");
	expect("f", "");
	assert_int_equal(file_replace(at("g"), "x", 1, 0666, NULL), 0);
	assert_int_equal(mode_of("g"), 0666); /* whatever the umask */
	expect_names(dir, "f g");
}

static void replacing_keeps_the_owner(void **state)
{
	struct stat st;

	(void)state;
	put("f", "one");
	if (geteuid() != 0) {
		/* Nobody but root can give a file away: then the owner is ours and stays so. */
		put("f", "two");
		assert_int_equal(stat(at("f"), &st), 0);
		assert_int_equal(st.st_uid, geteuid());
		return;
	}
	assert_int_equal(chown(at("f"), 12, 34), 0);
	assert_int_equal(chmod(at("f"), 0600), 0);
	put("f", "two");
	assert_int_equal(stat(at("f"), &st), 0);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_gid, 34);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* In two steps as well. */
	assert_int_equal(file_write_temp(at("t"), "three", 5, 0644, NULL), 0);
	assert_int_equal(file_rename(at("t"), at("f"), NULL), 0);
	assert_int_equal(stat(at("f"), &st), 0);
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_mode & 07777, 0600);
	expect("f", "three");
}

/* Written now, synced later: text and mode are there at once, and only the sync is left. */
static void syncing_later(void **state)
{
	unsigned synced, unsynced;
	struct stat st;

	(void)state;
	file_fault_at(0);
	assert_int_equal(file_write_temp(at("s"), "one", 3, 0640, NULL), 0);
	synced = file_fault_count();
	file_fault_at(0);
	assert_int_equal(file_write_unsynced(at("f"), "two", 3, 0640, NULL), 0);
	unsynced = file_fault_count();
	expect("f", "two");
	assert_int_equal(stat(at("f"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(file_sync(at("f"), NULL), 0);
	assert_int_equal(file_fault_count(), synced);
	assert_true(synced == 0 || unsynced + 1 == synced); /* nothing is counted in a release build */
	assert_int_equal(file_sync(at("absent"), NULL), ERR_NOT_FOUND);
	assert_int_equal(file_make_dirs_unsynced(at("x/y/z"), 0700, NULL), 0);
	assert_int_equal(file_make_dirs_unsynced(at("x/y/z"), 0700, NULL), 0);
	assert_int_equal(stat(at("x/y/z"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

static void old_temp_is_not_written_through(void **state)
{
	(void)state;
	put("live", "live");
	put("f", "old");
	/* A crash left a temporary that shares its inode, or points, with a live file. */
	assert_int_equal(link(at("live"), at(".f.lockstep-tmp")), 0);
	put("f", "new");
	expect("live", "live");
	assert_int_equal(symlink(at("live"), at(".f.lockstep-tmp")), 0);
	put("f", "newer");
	expect("live", "live");
	expect("f", "newer");
	expect_names(dir, "f live");
}

static void failing_leaves_nothing(void **state)
{
	struct error err = ERROR_INIT;
	char name[300];

	(void)state;
	assert_int_equal(file_replace(at("no/f"), "x", 1, 0644, &err), ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, "/no/.f.lockstep-tmp': No such file or directory"));
	assert_int_equal(mkdir(at("folder"), 0755), 0);
	assert_int_equal(file_replace(at("folder"), "x", 1, 0644, &err), ERR_SYSTEM);
	assert_non_null(strstr(err.text, "Is a directory"));
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(file_replace(at(name), "x", 1, 0644, &err), ERR_SYSTEM);
	assert_non_null(strstr(err.text, "File name too long"));
	assert_int_equal(file_rename(at("none"), at("f"), &err), ERR_NOT_FOUND);
	expect_names(dir, "folder");
}

/* A limit of the file size stands for the full disk: it fails in the middle of a write too. */
static void full_disk(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	put("f", "old");
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit limit = { 1000, 1000 };
		struct error err = ERROR_INIT;
		static char data[5000];
		int rc;

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &limit);
		rc = file_replace(at("f"), data, sizeof(data), 0644, &err);
		if (rc != ERR_SYSTEM || strstr(err.text, ".f.lockstep-tmp': File too large") == NULL)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	expect("f", "old");
	expect_names(dir, "f");
}

static void removing(void **state)
{
	(void)state;
	put("f", "x");
	assert_int_equal(file_remove(at("f"), NULL), 0);
	assert_false(file_exists(at("f")));
	assert_int_equal(file_remove(at("f"), NULL), 0);
	assert_int_equal(file_remove(dir, NULL), ERR_SYSTEM);
	assert_int_equal(symlink("nowhere", at("dangling")), 0);
	assert_true(file_exists(at("dangling")));
}

static void linking(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	put("f", "one");
	assert_int_equal(file_link_or_copy(at("f"), at("b"), &err), 0);
	assert_true(inode_of("f") == inode_of("b"));
	assert_int_equal(file_link_or_copy(at("f"), at("b"), &err), 0); /* again */
	put("f", "two");
	expect("b", "one");
	assert_int_equal(file_link_or_copy(at("f"), at("b"), &err), 0); /* an old one is replaced */
	expect("b", "two");
	assert_int_equal(file_link_or_copy(at("none"), at("c"), &err), ERR_NOT_FOUND);
	assert_false(file_exists(at("c")));
	/* Bringing back the backup of an unchanged file: rename(2) alone would leave it there. */
	assert_int_equal(file_rename(at("b"), at("f"), &err), 0);
	assert_false(file_exists(at("b")));
	expect("f", "two");
	/* One name spelt in two ways is not two names. */
	assert_int_equal(link(at("f"), at("other")), 0);
	assert_int_equal(file_rename(at("./f"), at("f"), &err), 0);
	expect("f", "two");
}

static void copying_where_links_end(void **state)
{
	AUTO(xfree_p) char *there = xstrdup("/dev/shm/lockstep-test-XXXXXX");
	AUTO(xfree_p) char *to = NULL;
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct stat here, st;

	(void)state;
	assert_non_null(mkdtemp(there));
	to = xasprintf("%s/copy", there);
	put("f", "one");
	assert_int_equal(chmod(at("f"), 0604), 0);
	assert_int_equal(file_link_or_copy(at("f"), to, NULL), 0);
	assert_int_equal(file_read(to, 10, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), "one");
	assert_int_equal(stat(dir, &here), 0);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0604);
	if (here.st_dev != st.st_dev)
		assert_int_equal(st.st_nlink, 1);
	put("f", "three");
	assert_int_equal(file_link_or_copy(at("f"), to, NULL), 0);
	buf_clear(&b);
	assert_int_equal(file_read(to, 10, &b, NULL), 0);
	assert_string_equal(buf_cstr(&b), "three");
	expect_names(there, "copy");
	assert_int_equal(file_remove_tree(there, NULL), 0);
}

#ifdef LOCKSTEP_DEV /* fault points are in these builds only */

/*
 * Publishing two files as the agent does it: stage, back up, rename, sync; then what a restart does
 * about a crash: the backup folder exists, so put back. For a crash before every single call the
 * files are the old ones or the new ones, never a mixture, and nothing is left over.
 */
static const char *const published[] = { "a.conf", "b.conf" };

static int publish(void)
{
	int rc = file_make_dirs(at("undo.part"), 0700, NULL);

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(published); i++) {
		AUTO(xfree_p) char *temp = xasprintf("%s/stage-%zu", dir, i);
		AUTO(xfree_p) char *backup = xasprintf("%s/undo.part/%s", dir, published[i]);

		rc = file_write_temp(temp, "new", 3, 0644, NULL);
		if (rc == 0)
			rc = file_link_or_copy(at(published[i]), backup, NULL);
	}
	if (rc == 0)
		rc = file_sync_dir(at("undo.part"), NULL);
	if (rc == 0)
		rc = file_rename(at("undo.part"), at("undo"), NULL);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(published); i++) {
		AUTO(xfree_p) char *temp = xasprintf("%s/stage-%zu", dir, i);

		rc = file_rename(temp, at(published[i]), NULL);
	}
	if (rc == 0)
		rc = file_rename(at("undo"), at("undo.part"), NULL); /* the point of no return */
	if (rc == 0)
		rc = file_sync_dir(dir, NULL);
	if (rc == 0)
		rc = file_remove_tree(at("undo.part"), NULL);
	return rc;
}

static int recover(void)
{
	char **names;
	size_t n;
	int rc = file_list(at("undo"), &names, &n, NULL);

	if (rc != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		AUTO(xfree_p) char *backup = xasprintf("%s/undo/%s", dir, names[i]);

		rc = file_link_or_copy(backup, at("restore"), NULL);
		if (rc == 0)
			rc = file_rename(at("restore"), at(names[i]), NULL);
	}
	file_list_free(&names, n);
	if (rc == 0)
		rc = file_sync_dir(dir, NULL);
	if (rc == 0)
		rc = file_remove(at("restore"), NULL);
	if (rc == 0)
		rc = file_remove(at("stage-0"), NULL);
	if (rc == 0)
		rc = file_remove(at("stage-1"), NULL);
	/* The marker goes in one step, and its contents after it. */
	if (rc == 0 && file_exists(at("undo")))
		rc = file_remove_tree(at("undo.part"), NULL);
	if (rc == 0 && file_exists(at("undo")))
		rc = file_rename(at("undo"), at("undo.part"), NULL);
	if (rc == 0)
		rc = file_remove_tree(at("undo.part"), NULL);
	return rc;
}

/* Runs `step` in a process that ends before its n-th change; true if it got to its end. */
static bool run_faulty(int (*step)(void), unsigned n)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		file_fault_at(n);
		_exit(step() == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFSIGNALED(status))
		assert_int_equal(WTERMSIG(status), SIGKILL);
	else
		assert_int_equal(status, 0);
	return !WIFSIGNALED(status);
}

static bool is(const char *name, const char *text)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	assert_int_equal(file_read(at(name), 100, &b, NULL), 0);
	return str_eq(buf_cstr(&b), text);
}

static void crash_at_every_call(void **state)
{
	unsigned old = 0, new = 0, n;
	bool done = false;

	(void)state;
	for (n = 1; !done; n++) {
		put("a.conf", "old");
		put("b.conf", "old");
		done = run_faulty(publish, n);
		/* At no time is a file half written. */
		assert_true(is("a.conf", "old") || is("a.conf", "new"));
		assert_true(is("b.conf", "old") || is("b.conf", "new"));
		/* The recovery crashes as well, at each of its calls, and is run again. */
		for (unsigned m = 1; !run_faulty(recover, m); m++)
			assert_true(m < 100);
		assert_true(is("a.conf", "old") == is("b.conf", "old"));
		if (is("a.conf", "old"))
			old++;
		else
			new++;
		expect_names(dir, "a.conf b.conf");
		assert_true(n < 100);
	}
	assert_true(old > 10);
	assert_true(new > 3); /* the last syncs and removals, and the undisturbed run */
	assert_true(is("a.conf", "new"));
}

static int replace_f(void)
{
	return file_replace(at("f"), "new", 3, 0644, NULL);
}

static void crash_in_a_replacement(void **state)
{
	unsigned n = 0, changes;

	(void)state;
	file_fault_at(0);
	put("f", "old");
	changes = file_fault_count();
	assert_in_range(changes, 5, 8); /* create, write, mode, sync, rename, sync */
	do {
		put("f", "old");
		n++;
	} while (!run_faulty(replace_f, n));
	assert_int_equal(n, changes + 1);
	/* What the crashes left does not disturb. */
	put("f", "newer");
	expect("f", "newer");
	expect_names(dir, "f");
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reading, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_large, setup, teardown),
		cmocka_unit_test_setup_teardown(replacing, setup, teardown),
		cmocka_unit_test_setup_teardown(syncing_later, setup, teardown),
		cmocka_unit_test_setup_teardown(replacing_keeps_the_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(old_temp_is_not_written_through, setup, teardown),
		cmocka_unit_test_setup_teardown(failing_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(removing, setup, teardown),
		cmocka_unit_test_setup_teardown(linking, setup, teardown),
		cmocka_unit_test_setup_teardown(copying_where_links_end, setup, teardown),
#ifdef LOCKSTEP_DEV
		cmocka_unit_test_setup_teardown(crash_at_every_call, setup, teardown),
		cmocka_unit_test_setup_teardown(crash_in_a_replacement, setup, teardown),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
