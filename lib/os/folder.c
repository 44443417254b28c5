/*
 * folder.c - the part of file.h that is about folders: make, sync, list, remove with contents
 *
 * Layer: lib/base; blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/file.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES_MAX 1000000
#define DEPTH_MAX 64 /* each level holds an fd */

int file_sync_dir(const char *dir, struct error *err)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return file_failed(err, errno, "open folder", dir);
	file_change();
	/* EINVAL: this file system has nothing to sync for a folder. */
	if (fsync(fd) != 0 && errno != EINVAL)
		rc = error_errno(err, errno, "cannot sync folder '%s'", dir);
	close(fd);
	return rc;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* One folder whose parent exists. The parent is synced, or a crash may take what is put inside. */
static int make_one(char *path, mode_t mode, bool sync, struct error *err)
{
	char *slash;
	int rc;

	if (is_folder(path))
		return 0;
	file_change();
	if (mkdir(path, mode) != 0 && (errno != EEXIST || !is_folder(path)))
		return file_failed(err, errno, "make folder", path);
	if (!sync)
		return 0;
	slash = strrchr(path, '/');
	if (slash == NULL)
		return file_sync_dir(".", err);
	if (slash == path)
		return file_sync_dir("/", err);
	*slash = '\0';
	rc = file_sync_dir(path, err);
	*slash = '/';
	return rc;
}

static int make_dirs(const char *path, mode_t mode, bool sync, struct error *err)
{
	AUTO(xfree_p) char *copy = xstrdup(path);
	size_t n = strlen(copy);
	int rc;

	if (is_folder(path))
		return 0;
	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	for (size_t i = 1; i < n; i++) {
		if (copy[i] != '/' || copy[i - 1] == '/')
			continue;
		copy[i] = '\0';
		rc = make_one(copy, mode, sync, err);
		copy[i] = '/';
		if (rc != 0)
			return rc;
	}
	return make_one(copy, mode, sync, err);
}

int file_make_dirs(const char *path, mode_t mode, struct error *err)
{
	return make_dirs(path, mode, true, err);
}

int file_make_dirs_unsynced(const char *path, mode_t mode, struct error *err)
{
	return make_dirs(path, mode, false, err);
}

static bool is_dots(const char *name)
{
	return str_eq(name, ".") || str_eq(name, "..");
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

void file_list_free(char ***names, size_t n)
{
	if (*names == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		free((*names)[i]);
	free(*names);
	*names = NULL;
}

int file_list(const char *dir, char ***names_out, size_t *n_out, struct error *err)
{
	char **names = NULL;
	size_t n = 0, cap = 0;
	struct dirent *entry;
	DIR *d = opendir(dir);
	int rc = 0;

	if (d == NULL && errno != ENOENT)
		return error_errno(err, errno, "cannot open folder '%s'", dir);
	while (d != NULL && rc == 0) {
		errno = 0;
		entry = readdir(d);
		if (entry == NULL) {
			if (errno != 0)
				rc = error_errno(err, errno, "cannot read folder '%s'", dir);
			break;
		}
		if (is_dots(entry->d_name))
			continue;
		if (n == NAMES_MAX) {
			rc = error_set(err, ERR_INVALID, "folder '%s' holds more than %d names", dir,
				NAMES_MAX);
			break;
		}
		GROW(names, n, cap);
		names[n++] = xstrdup(entry->d_name);
	}
	if (d != NULL)
		closedir(d);
	if (rc != 0) {
		file_list_free(&names, n);
		return rc;
	}
	if (n > 0)
		qsort(names, n, sizeof(*names), by_name);
	*names_out = names;
	*n_out = n;
	return 0;
}

static int remove_at(int parent, const char *name, int depth, const char *path, struct error *err);

static int remove_contents(int fd, int depth, const char *path, struct error *err)
{
	DIR *d = fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (d == NULL) {
		rc = error_errno(err, errno, "cannot read below '%s'", path);
		close(fd);
		return rc;
	}
	while (rc == 0) {
		errno = 0;
		entry = readdir(d);
		if (entry == NULL) {
			if (errno != 0)
				rc = error_errno(err, errno, "cannot read below '%s'", path);
			break;
		}
		if (!is_dots(entry->d_name))
			rc = remove_at(dirfd(d), entry->d_name, depth, path, err);
	}
	closedir(d);
	return rc;
}

static int remove_at(int parent, const char *name, int depth, const char *path, struct error *err)
{
	int fd, rc;

	file_change();
	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return error_errno(err, errno, "cannot remove '%s' of '%s'", name, path);
	if (depth == DEPTH_MAX)
		return error_set(err, ERR_INVALID, "'%s' is nested deeper than %d", path, DEPTH_MAX);
	/* O_NOFOLLOW: what was swapped for a link meanwhile is not entered. */
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "cannot remove '%s' of '%s'", name, path);
	rc = remove_contents(fd, depth + 1, path, err);
	if (rc != 0)
		return rc;
	file_change();
	if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return error_errno(err, errno, "cannot remove folder '%s' of '%s'", name, path);
	return 0;
}

int file_remove_tree(const char *path, struct error *err)
{
	if (!file_exists(path))
		return 0;
	return remove_at(AT_FDCWD, path, 0, path, err);
}
