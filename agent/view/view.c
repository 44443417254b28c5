/*
 * view.c - run a command in a world where would-be files lie over the live ones
 *
 * The changes are in a tmpfs, so that it also works where --root itself is on an overlay (a container),
 * and because an overlay's layers may not lie inside one another.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/view/view.h"

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)64 * 1024 * 1024)
#define FILE_MAX ((size_t)1024 * 1024 * 1024)
#define MOUNTS_MAX 256

struct view {
	const char *root, *stage, *hide, *work;
	char *const *command;
	char root_real[PATH_MAX];
	/* Mounts below root, which an overlay does not show: kept open, and bound again on top of it. */
	struct {
		int fd;
		char *path;
	} mounts[MOUNTS_MAX];
	size_t n_mounts;
};

static int failed(struct error *err, const char *what)
{
	return error_errno(err, errno, "%s", what);
}

static int write_proc(const char *path, const char *text, struct error *err)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return failed(err, path);
	n = write(fd, text, strlen(text));
	if (n < 0)
		failed(err, path);
	close(fd);
	return n < 0 ? ERR_SYSTEM : 0;
}

/* Without the right to mount: in a user namespace, where this user is still this user. */
static int take_user_namespace(struct error *err)
{
	AUTO(xfree_p) char *uid = xasprintf("%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	AUTO(xfree_p) char *gid = xasprintf("%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	int rc;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return failed(err, "cannot have a user and mount namespace");
	rc = write_proc("/proc/self/setgroups", "deny", err);
	if (rc == 0)
		rc = write_proc("/proc/self/uid_map", uid, err);
	if (rc == 0)
		rc = write_proc("/proc/self/gid_map", gid, err);
	return rc;
}

static int take_namespace(struct error *err)
{
	int rc;

	if (unshare(CLONE_NEWNS) != 0) {
		rc = take_user_namespace(err);
		if (rc != 0)
			return rc;
	}
	/* Nothing that is mounted from here on may be seen outside. */
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return failed(err, "cannot make the mounts private");
	return 0;
}

/* mountinfo writes blanks and backslashes as \ooo. */
static void unescape(char *s)
{
	char *out = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static int find_mounts(struct view *v, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(xfree_p) char *below = xasprintf("%s/", v->root_real);
	char *save = NULL, *line, path[PATH_MAX];
	int rc;

	rc = file_read("/proc/self/mountinfo", TEXT_MAX, &text, err);
	if (rc != 0)
		return rc;
	for (line = strtok_r(text.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (sscanf(line, "%*s %*s %*s %*s %4095s", path) != 1)
			continue;
		unescape(path);
		if (!str_starts(path, below))
			continue;
		if (v->n_mounts == MOUNTS_MAX)
			return error_set(err, ERR_INVALID, "more than %d mounts below '%s'", MOUNTS_MAX,
				v->root);
		v->mounts[v->n_mounts].fd = open(path, O_PATH | O_CLOEXEC);
		if (v->mounts[v->n_mounts].fd < 0)
			return failed(err, path);
		v->mounts[v->n_mounts++].path = xstrdup(path);
	}
	return 0;
}

/* Folders of the upper layer lie over the live ones: they show their modes. */
static int make_upper_folder(const struct view *v, const char *upper, const char *name,
	struct error *err)
{
	AUTO(xfree_p) char *to = xasprintf("%s/%s", upper, name);
	AUTO(xfree_p) char *live = xasprintf("%s/%s", v->root_real, name);
	struct stat st = { .st_mode = 0755 };

	if (mkdir(to, 0700) != 0 && errno != EEXIST)
		return failed(err, to);
	if (stat(live, &st) != 0)
		st.st_mode = 0755;
	if (chmod(to, st.st_mode & 07777) != 0)
		return failed(err, to);
	return 0;
}

static int make_upper_parents(const struct view *v, const char *upper, const char *name,
	struct error *err)
{
	AUTO(xfree_p) char *part = xstrdup(name);
	int rc = 0;

	for (char *slash = strchr(part, '/'); rc == 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		rc = make_upper_folder(v, upper, part, err);
		*slash = '/';
	}
	return rc;
}

static int copy_file(const char *from, const char *to, struct error *err)
{
	AUTO(buf_release) struct buf data = BUF_INIT;
	struct stat st;
	int rc;

	if (stat(from, &st) != 0)
		return failed(err, from);
	rc = file_read(from, FILE_MAX, &data, err);
	if (rc == 0)
		rc = file_write_temp(to, buf_cstr(&data), data.len, st.st_mode & 07777, err);
	return rc;
}

static int copy_tree(const struct view *v, const char *from, const char *upper, const char *name,
	struct error *err);

static int copy_entry(const struct view *v, const char *from, const char *upper, const char *name,
	struct error *err)
{
	AUTO(xfree_p) char *source = xasprintf("%s/%s", from, name);
	AUTO(xfree_p) char *to = xasprintf("%s/%s", upper, name);
	struct stat st;
	int rc;

	if (lstat(source, &st) != 0)
		return failed(err, source);
	if (!S_ISDIR(st.st_mode))
		return copy_file(source, to, err);
	rc = make_upper_folder(v, upper, name, err);
	return rc == 0 ? copy_tree(v, from, upper, name, err) : rc;
}

/* The staged files below from/name ("" = all). */
static int copy_tree(const struct view *v, const char *from, const char *upper, const char *name,
	struct error *err)
{
	AUTO(xfree_p) char *dir = xasprintf("%s/%s", from, name);
	char **names = NULL;
	size_t n = 0;
	int rc = file_list(dir, &names, &n, err);

	for (size_t i = 0; rc == 0 && i < n; i++) {
		AUTO(xfree_p) char *entry = *name ? xasprintf("%s/%s", name, names[i]) : xstrdup(names[i]);

		rc = copy_entry(v, from, upper, entry, err);
	}
	file_list_free(&names, n);
	return rc;
}

/* A character device 0/0 in the upper layer says that nothing is there. */
static int hide_files(const struct view *v, const char *upper, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	char *save = NULL, *name;
	int rc;

	if (!v->hide)
		return 0;
	rc = file_read(v->hide, TEXT_MAX, &text, err);
	if (rc != 0 || text.len == 0)
		return rc;
	for (name = strtok_r(text.data, "\n", &save); name; name = strtok_r(NULL, "\n", &save)) {
		AUTO(xfree_p) char *path = xasprintf("%s/%s", upper, name);

		rc = make_upper_parents(v, upper, name, err);
		if (rc != 0)
			return rc;
		if (mknod(path, S_IFCHR, makedev(0, 0)) != 0)
			return failed(err, path);
	}
	return 0;
}

/* The layers are named by descriptors: a path may hold what separates options. */
static int mount_overlay(const struct view *v, const char *upper, const char *inner, struct error *err)
{
	int lower_fd = open(v->root_real, O_PATH | O_CLOEXEC);
	int upper_fd = open(upper, O_PATH | O_CLOEXEC);
	int work_fd = open(inner, O_PATH | O_CLOEXEC);
	AUTO(xfree_p) char *options = NULL;

	if (lower_fd < 0 || upper_fd < 0 || work_fd < 0)
		return failed(err, "cannot open the layers");
	options = xasprintf("lowerdir=/proc/self/fd/%d,upperdir=/proc/self/fd/%d,workdir=/proc/self/fd/%d",
		lower_fd, upper_fd, work_fd);
	if (mount("overlay", v->root_real, "overlay", 0, options) != 0)
		return failed(err, "cannot mount an overlay over rootPath");
	close(lower_fd);
	close(upper_fd);
	close(work_fd);
	return 0;
}

static int bind_mounts(const struct view *v, struct error *err)
{
	for (size_t i = 0; i < v->n_mounts; i++) {
		AUTO(xfree_p) char *from = xasprintf("/proc/self/fd/%d", v->mounts[i].fd);

		if (mount(from, v->mounts[i].path, NULL, MS_BIND, NULL) != 0)
			return failed(err, v->mounts[i].path);
	}
	return 0;
}

static int make_view(struct view *v, struct error *err)
{
	AUTO(xfree_p) char *upper = xasprintf("%s/upper", v->work);
	AUTO(xfree_p) char *inner = xasprintf("%s/work", v->work);
	struct stat st;
	int rc;

	if (!realpath(v->root, v->root_real) || stat(v->root_real, &st) != 0)
		return failed(err, v->root);
	rc = take_namespace(err);
	if (rc == 0)
		rc = find_mounts(v, err);
	if (rc != 0)
		return rc;
	if (mount("tmpfs", v->work, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") != 0)
		return failed(err, "cannot mount a tmpfs");
	if (mkdir(upper, 0700) != 0 || mkdir(inner, 0700) != 0 || chmod(upper, st.st_mode & 07777) != 0)
		return failed(err, "cannot make the layers");
	rc = copy_tree(v, v->stage, upper, "", err);
	if (rc == 0)
		rc = hide_files(v, upper, err);
	if (rc == 0)
		rc = mount_overlay(v, upper, inner, err);
	if (rc == 0)
		rc = bind_mounts(v, err);
	return rc;
}

static bool parse_args(struct view *v, int argc, char **argv)
{
	int i = 1;

	for (; i + 1 < argc && !str_eq(argv[i], "--"); i += 2) {
		if (str_eq(argv[i], "--root"))
			v->root = argv[i + 1];
		else if (str_eq(argv[i], "--stage"))
			v->stage = argv[i + 1];
		else if (str_eq(argv[i], "--hide"))
			v->hide = argv[i + 1];
		else if (str_eq(argv[i], "--work"))
			v->work = argv[i + 1];
		else
			return false;
	}
	if (i < argc && !str_eq(argv[i], "--"))
		return false;
	v->command = i + 1 < argc ? argv + i + 1 : NULL;
	return v->root && v->stage && v->work;
}

int view_main(int argc, char **argv)
{
	static struct view v;
	struct error err = ERROR_INIT;

	if (!parse_args(&v, argc, argv)) {
		fprintf(stderr, VIEW_PREFIX
			"usage: view --root DIR --stage DIR [--hide FILE] --work DIR [-- COMMAND...]\n");
		return VIEW_EXIT_FAILED;
	}
	if (make_view(&v, &err) != 0) {
		fprintf(stderr, VIEW_PREFIX "%s\n", err.text);
		return VIEW_EXIT_FAILED;
	}
	if (!v.command)
		return 0;
	execvp(v.command[0], v.command);
	/* As a shell says it: the command, not the view, is what failed. */
	fprintf(stderr, "%s: %s\n", v.command[0], strerror(errno));
	return 127;
}
