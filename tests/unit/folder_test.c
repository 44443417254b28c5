/*
 * folder_test.c - folders: make with parents, list, sync, remove with contents
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/file.h"

#include "lib/base/mem.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;

static int setup(void **state)
{
	(void)state;
	dir = scratch_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_free(&dir);
	return 0;
}

static const char *at(const char *name)
{
	static char ring[8][512];
	static unsigned next;
	char *path = ring[next++ % ARRAY_LEN(ring)];

	snprintf(path, sizeof(ring[0]), "%s/%s", dir, name);
	return path;
}

static bool is_folder(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0 && S_ISDIR(st.st_mode);
}

static void put(const char *name)
{
	assert_int_equal(file_replace(at(name), "x", 1, 0644, NULL), 0);
}

static void making(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(file_make_dirs(at("a/b//c/"), 0755, &err), 0);
	assert_true(is_folder("a/b/c"));
	assert_int_equal(file_make_dirs(at("a/b/c"), 0755, &err), 0);
	assert_int_equal(file_make_dirs("/", 0755, &err), 0);
	assert_int_equal(symlink("a/b", at("link")), 0);
	assert_int_equal(file_make_dirs(at("link/d"), 0755, &err), 0); /* through a link is fine */
	assert_true(is_folder("a/b/d"));
	put("f");
	assert_int_equal(file_make_dirs(at("f"), 0755, &err), ERR_SYSTEM);
	assert_non_null(strstr(err.text, "File exists"));
	assert_int_equal(file_make_dirs(at("f/x"), 0755, &err), ERR_SYSTEM);
}

static void listing(void **state)
{
	struct error err = ERROR_INIT;
	char **names = NULL;
	size_t n = 99;

	(void)state;
	assert_int_equal(file_list(at("none"), &names, &n, &err), 0);
	assert_int_equal(n, 0);
	file_list_free(&names, n);
	put("b");
	put("a");
	put(".hidden");
	assert_int_equal(mkdir(at("c"), 0755), 0);
	assert_int_equal(file_list(dir, &names, &n, &err), 0);
	assert_int_equal(n, 4);
	assert_string_equal(names[0], ".hidden");
	assert_string_equal(names[1], "a");
	assert_string_equal(names[2], "b");
	assert_string_equal(names[3], "c");
	file_list_free(&names, n);
	assert_int_equal(file_list(at("a"), &names, &n, &err), ERR_SYSTEM);
	assert_int_equal(n, 4);
	assert_null(names);
}

static void syncing(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(file_sync_dir(dir, &err), 0);
	assert_int_equal(file_sync_dir(at("none"), &err), ERR_NOT_FOUND);
	put("f");
	assert_int_equal(file_sync_dir(at("f"), &err), ERR_NOT_FOUND); /* no such folder */
}

static void removing_a_tree(void **state)
{
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(file_make_dirs(at("t/a/b"), 0755, &err), 0);
	put("t/f");
	put("t/a/g");
	put("t/a/b/h");
	put("kept");
	assert_int_equal(mkdir(at("outside"), 0755), 0);
	put("outside/kept");
	assert_int_equal(symlink("../outside", at("t/link")), 0);
	assert_int_equal(symlink("../kept", at("t/link2")), 0);
	assert_int_equal(file_remove_tree(at("t"), &err), 0);
	assert_false(file_exists(at("t")));
	assert_true(file_exists(at("kept")));
	assert_true(file_exists(at("outside/kept")));
	assert_int_equal(file_remove_tree(at("t"), &err), 0); /* absent is fine */
	assert_int_equal(symlink("outside", at("link")), 0);
	assert_int_equal(file_remove_tree(at("link"), &err), 0); /* the link, not what it names */
	assert_true(file_exists(at("outside/kept")));
	assert_int_equal(file_remove_tree(at("kept"), &err), 0); /* a file is a small tree */
	assert_false(file_exists(at("kept")));
}

static void too_deep(void **state)
{
	struct error err = ERROR_INIT;
	AUTO(buf_release) struct buf path = BUF_INIT;

	(void)state;
	buf_str(&path, at("deep"));
	for (int i = 0; i < 70; i++)
		buf_str(&path, "/d");
	assert_int_equal(file_make_dirs(buf_cstr(&path), 0755, &err), 0);
	assert_int_equal(file_remove_tree(at("deep"), &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "nested deeper than 64"));
	/* From the inside out it can be done. */
	for (int i = 0; i < 70; i++) {
		assert_int_equal(rmdir(buf_cstr(&path)), 0);
		buf_truncate(&path, path.len - 2);
	}
	assert_int_equal(file_remove_tree(at("deep"), &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(making, setup, teardown),
		cmocka_unit_test_setup_teardown(listing, setup, teardown),
		cmocka_unit_test_setup_teardown(syncing, setup, teardown),
		cmocka_unit_test_setup_teardown(removing_a_tree, setup, teardown),
		cmocka_unit_test_setup_teardown(too_deep, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
