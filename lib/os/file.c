/*
 * file.c - see file.h; folders and trees are in folder.c
 *
 * Layer: lib/base; blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/file.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_SUFFIX ".lockstep-tmp"
#define BLOCK (64 * 1024)

#ifdef LOCKSTEP_DEV
static atomic_uint changes, fault_at;
static pthread_once_t fault_once = PTHREAD_ONCE_INIT;

static void fault_from_env(void)
{
	const char *text = getenv("LOCKSTEP_FAULT_AT");
	int64_t n;

	if (text != NULL && str_to_i64(text, 1, INT32_MAX, &n))
		atomic_store(&fault_at, (unsigned)n);
}

void file_change(void)
{
	pthread_once(&fault_once, fault_from_env);
	if (atomic_fetch_add(&changes, 1) + 1 == atomic_load(&fault_at)) {
		/* As kill -9: no handler, no buffer, no destructor runs. */
		kill(getpid(), SIGKILL);
		_exit(137);
	}
}

void file_fault_at(unsigned n)
{
	pthread_once(&fault_once, fault_from_env);
	atomic_store(&changes, 0);
	atomic_store(&fault_at, n);
}

unsigned file_fault_count(void)
{
	return atomic_load(&changes);
}
#else
void file_change(void)
{
}

void file_fault_at(unsigned n)
{
	(void)n;
}

unsigned file_fault_count(void)
{
	return 0;
}
#endif

int file_failed(struct error *err, int errnum, const char *what, const char *path)
{
	int rc = error_errno(err, errnum, "cannot %s '%s'", what, path);

	if (errnum != ENOENT && errnum != ENOTDIR)
		return rc;
	if (err != NULL)
		err->code = ERR_NOT_FOUND;
	return ERR_NOT_FOUND;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int open_regular(const char *path, struct stat *st, struct error *err)
{
	/* O_NONBLOCK: a FIFO under this name must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return file_failed(err, errno, "open", path);
	if (fstat(fd, st) != 0) {
		int errnum = errno;

		close(fd);
		return error_errno(err, errnum, "cannot stat '%s'", path);
	}
	if (!S_ISREG(st->st_mode)) {
		close(fd);
		return error_set(err, ERR_INVALID, "'%s' is no regular file", path);
	}
	return fd;
}

static int too_large(const char *path, size_t max, struct error *err)
{
	return error_set(err, ERR_INVALID, "'%s' is larger than %zu bytes", path, max);
}

int file_read(const char *path, size_t max, struct buf *out, struct error *err)
{
	AUTO(close_fd) int fd = -1;
	AUTO(buf_release) struct buf data = BUF_INIT;
	AUTO(xfree_p) char *block = NULL;
	struct stat st;
	ssize_t n;

	fd = open_regular(path, &st, err);
	if (fd < 0)
		return fd;
	if ((uintmax_t)st.st_size > max)
		return too_large(path, max, err);
	block = xmalloc(BLOCK);
	/* To the end, not to st_size: /proc files say 0, and a file may grow meanwhile. */
	for (;;) {
		n = read(fd, block, BLOCK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot read '%s'", path);
		if (n == 0)
			break;
		if ((size_t)n > max - data.len)
			return too_large(path, max, err);
		buf_append(&data, block, (size_t)n);
	}
	if (out->overflow || (out->limit != 0 && data.len > out->limit - out->len))
		return too_large(path, out->limit, err);
	buf_append(out, buf_cstr(&data), data.len);
	return 0;
}

/* A name that no other file holds: an old temporary may be a hard link to something alive, so it
 * is unlinked, never truncated. */
static int create_new(const char *path, struct error *err)
{
	for (int attempt = 0; attempt < 2; attempt++) {
		int fd;

		file_change();
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fd;
		if (errno != EEXIST)
			break;
		file_change();
		if (unlink(path) != 0 && errno != ENOENT)
			return error_errno(err, errno, "cannot remove '%s'", path);
	}
	return file_failed(err, errno, "create", path);
}

static int write_all(int fd, const char *path, const char *p, size_t n, struct error *err)
{
	while (n > 0) {
		ssize_t done;

		file_change();
		done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_errno(err, errno, "cannot write '%s'", path);
		p += done;
		n -= (size_t)done;
	}
	return 0;
}

/* Mode, data on the disk or on its way there, closed. The name stays when this fails: the caller removes it. */
static int finish(int *fd, const char *path, mode_t mode, bool sync, struct error *err)
{
	int rc;

	file_change();
	if (fchmod(*fd, mode & 07777) != 0)
		return error_errno(err, errno, "cannot set the mode of '%s'", path);
	if (sync) {
		file_change();
		if (fsync(*fd) != 0)
			return error_errno(err, errno, "cannot sync '%s'", path);
	} else {
		/* Only a head start for the sync that comes later, which tells of errors. */
		(void)sync_file_range(*fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	}
	rc = close(*fd);
	*fd = -1;
	if (rc != 0) /* NFS and quotas tell it here */
		return error_errno(err, errno, "cannot close '%s'", path);
	return 0;
}

static void drop(const char *path)
{
	file_change();
	(void)unlink(path); /* the error that made us do this is the one to report */
}

static int write_temp(const char *temp, const void *p, size_t n, mode_t mode, bool sync, struct error *err)
{
	AUTO(close_fd) int fd = create_new(temp, err);
	int rc;

	if (fd < 0)
		return fd;
	rc = write_all(fd, temp, p, n, err);
	if (rc == 0)
		rc = finish(&fd, temp, mode, sync, err);
	if (rc != 0)
		drop(temp);
	return rc;
}

int file_write_temp(const char *temp, const void *p, size_t n, mode_t mode, struct error *err)
{
	return write_temp(temp, p, n, mode, true, err);
}

int file_write_unsynced(const char *temp, const void *p, size_t n, mode_t mode, struct error *err)
{
	return write_temp(temp, p, n, mode, false, err);
}

int file_sync(const char *path, struct error *err)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int rc = 0;

	if (fd < 0)
		return file_failed(err, errno, "open", path);
	file_change();
	if (fsync(fd) != 0)
		rc = error_errno(err, errno, "cannot sync '%s'", path);
	close(fd);
	return rc;
}

/* What is replaced keeps its mode and owner: `from` takes them over before it gets the name. */
static int inherit(const char *from, const char *to, struct error *err)
{
	struct stat ours, old;

	if (lstat(to, &old) != 0 || !S_ISREG(old.st_mode))
		return 0;
	if (lstat(from, &ours) != 0 || !S_ISREG(ours.st_mode))
		return 0;
	if (ours.st_uid != old.st_uid || ours.st_gid != old.st_gid) {
		file_change();
		if (lchown(from, old.st_uid, old.st_gid) != 0)
			return error_errno(err, errno, "cannot keep the owner %u:%u of '%s'",
				(unsigned)old.st_uid, (unsigned)old.st_gid, to);
		ours.st_mode &= ~(mode_t)(S_ISUID | S_ISGID); /* chown clears them */
	}
	if ((ours.st_mode & 07777) != (old.st_mode & 07777)) {
		file_change();
		if (chmod(from, old.st_mode & 07777) != 0)
			return error_errno(err, errno, "cannot keep the mode of '%s'", to);
	}
	return 0;
}

/* "dir/.name.lockstep-tmp" for "dir/name" */
static char *temp_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	int dir = slash != NULL ? (int)(slash + 1 - path) : 0;

	return xasprintf("%.*s.%s" TEMP_SUFFIX, dir, path, path + dir);
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return lstat(a, &sa) == 0 && lstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* Two names of one file, not two spellings of one name. */
static bool two_links(const char *from, const char *to)
{
	AUTO(xfree_p) char *from_dir = parent_of(from);
	AUTO(xfree_p) char *to_dir = parent_of(to);
	const char *a = strrchr(from, '/'), *b = strrchr(to, '/');

	return same_file(from, to) &&
	       (!str_eq(a != NULL ? a + 1 : from, b != NULL ? b + 1 : to) ||
		!same_file(from_dir, to_dir));
}

int file_rename(const char *from, const char *to, struct error *err)
{
	int rc;

	/* rename(2) does nothing then; but `from`, say the backup of an unchanged file, is to go. */
	if (two_links(from, to))
		return file_remove(from, err);
	rc = inherit(from, to, err);
	if (rc != 0)
		return rc;
	file_change();
	if (rename(from, to) != 0)
		return file_failed(err, errno, "rename to", to);
	return 0;
}

int file_replace(const char *path, const void *p, size_t n, mode_t mode, struct error *err)
{
	AUTO(xfree_p) char *temp = temp_name(path);
	AUTO(xfree_p) char *dir = parent_of(path);
	struct stat old;
	int rc;

	/* At once, so that new text of a private file is at no time readable by others. */
	if (lstat(path, &old) == 0 && S_ISREG(old.st_mode))
		mode = old.st_mode & 07777;
	rc = file_write_temp(temp, p, n, mode, err);
	if (rc != 0)
		return rc;
	rc = file_rename(temp, path, err);
	if (rc != 0) {
		drop(temp);
		return rc;
	}
	return file_sync_dir(dir, err);
}

int file_remove(const char *path, struct error *err)
{
	file_change();
	if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
		return error_errno(err, errno, "cannot remove '%s'", path);
	return 0;
}

static int copy_data(int in, const char *from, int out, const char *to, struct error *err)
{
	AUTO(xfree_p) char *block = xmalloc(BLOCK);

	for (;;) {
		ssize_t n = read(in, block, BLOCK);
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "cannot read '%s'", from);
		if (n == 0)
			return 0;
		rc = write_all(out, to, block, (size_t)n, err);
		if (rc != 0)
			return rc;
	}
}

/* Under a temporary name first: half a copy must not be taken for the whole. */
static int copy(const char *from, const char *to, struct error *err)
{
	AUTO(xfree_p) char *temp = temp_name(to);
	AUTO(close_fd) int in = -1;
	AUTO(close_fd) int out = -1;
	struct stat st;
	int rc;

	in = open_regular(from, &st, err);
	if (in < 0)
		return in;
	out = create_new(temp, err);
	if (out < 0)
		return out;
	rc = copy_data(in, from, out, temp, err);
	if (rc == 0 && (st.st_uid != geteuid() || st.st_gid != getegid())) {
		file_change();
		if (fchown(out, st.st_uid, st.st_gid) != 0)
			rc = error_errno(err, errno, "cannot copy the owner of '%s'", from);
	}
	if (rc == 0)
		rc = finish(&out, temp, st.st_mode, true, err);
	if (rc == 0) {
		file_change();
		if (rename(temp, to) != 0) /* not file_rename: the mode is that of `from` */
			rc = file_failed(err, errno, "rename to", to);
	}
	if (rc != 0)
		drop(temp);
	return rc;
}

int file_link_or_copy(const char *from, const char *to, struct error *err)
{
	file_change();
	if (link(from, to) == 0)
		return 0;
	if (errno == EEXIST) {
		if (same_file(from, to))
			return 0;
		file_change();
		if (unlink(to) != 0)
			return error_errno(err, errno, "cannot remove '%s'", to);
		file_change();
		if (link(from, to) == 0)
			return 0;
	}
	/* Another file system, one without links, too many of them, or protected_hardlinks. */
	if (errno == EXDEV || errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP)
		return copy(from, to, err);
	return file_failed(err, errno, "link to", to);
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}
