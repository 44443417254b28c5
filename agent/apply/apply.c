/*
 * apply.c - making and dropping the state of the apply thread
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"
#include "agent/view/view.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "lib/os/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define COMMAND_TIMEOUT_MS 10000
#define CONFIRM_TIMEOUT_MS 10000
#define ROOT_MODE 0755
#define PROBE_US 5000000

static const char *filled(struct arena *a, const char *s)
{
	return s && *s ? arena_strdup(a, s) : NULL;
}

static void copy_options(struct apply *a, const struct apply_options *o)
{
	struct apply_options *to = &a->opt;

	*to = *o;
	to->root_path = filled(a->arena, o->root_path);
	to->check_command = filled(a->arena, o->check_command);
	to->reload_command = filled(a->arena, o->reload_command);
	to->worker_count_command = filled(a->arena, o->worker_count_command);
	to->master_socket = filled(a->arena, o->master_socket);
	to->stats_socket = filled(a->arena, o->stats_socket);
	to->fingerprint_file = filled(a->arena, o->fingerprint_file);
	if (to->command_timeout_ms == 0)
		to->command_timeout_ms = COMMAND_TIMEOUT_MS;
	if (to->confirm_timeout_ms == 0)
		to->confirm_timeout_ms = CONFIRM_TIMEOUT_MS;
	if (o->view_argv) {
		size_t n = 0;
		const char **words;

		while (o->view_argv[n])
			n++;
		words = arena_alloc(a->arena, (n + 1) * sizeof(*words));
		for (size_t i = 0; i < n; i++)
			words[i] = arena_strdup(a->arena, o->view_argv[i]);
		to->view_argv = words;
	}
	a->sockets = to->master_socket && to->stats_socket;
}

static int make_folders(struct apply *a, struct error *err)
{
	static const char *const ours[] = { "stage", "view" };
	int rc;

	rc = file_make_dirs(a->opt.root_path, ROOT_MODE, err);
	if (rc != 0)
		return rc;
	a->root = realpath(a->opt.root_path, NULL);
	if (!a->root)
		return error_errno(err, errno, "rootPath '%s'", a->opt.root_path);
	a->home = xasprintf("%s/.lockstep", a->root);
	rc = file_make_dirs(a->home, 0700, err);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(ours); i++) {
		AUTO(xfree_p) char *path = apply_home_path(a, ours[i], NULL);

		rc = file_make_dirs(path, 0700, err);
	}
	return rc;
}

static int take_lock(struct apply *a, struct error *err)
{
	AUTO(xfree_p) char *path = apply_home_path(a, "lock", NULL);

	a->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (a->lock_fd < 0)
		return error_errno(err, errno, "cannot open '%s'", path);
	if (flock(a->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return error_set(err, ERR_CONFLICT, "another agent works on '%s'", a->root);
	return error_errno(err, errno, "cannot lock '%s'", path);
}

static int split_commands(struct apply *a, struct error *err)
{
	int rc = 0;

	if (a->opt.check_command)
		rc = proc_split(a->opt.check_command, &a->check, err);
	if (rc == 0 && a->opt.reload_command)
		rc = proc_split(a->opt.reload_command, &a->reload, err);
	return rc;
}

static int find_marker(struct apply *a, struct error *err)
{
	const char *name = a->opt.fingerprint_file;
	size_t n = strlen(a->opt.root_path);

	if (!name)
		return 0;
	while (n > 1 && a->opt.root_path[n - 1] == '/')
		n--;
	if (strncmp(name, a->opt.root_path, n) == 0 && name[n] == '/')
		name += n + 1;
	else if (str_starts(name, a->root) && name[strlen(a->root)] == '/')
		name += strlen(a->root) + 1;
	if (manifest_check_name(name, err) != 0) {
		error_in(err, "fingerprintFile '%s' must be below rootPath", a->opt.fingerprint_file);
		return ERR_INVALID;
	}
	a->marker_name = name;
	return 0;
}

/* The small program beside our own, if it is there; else ourselves. */
static char *find_helper(void)
{
	static const char name[] = "/" VIEW_PROGRAM;
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + sizeof(name) > sizeof(path))
		return NULL;
	memcpy(slash, name, sizeof(name));
	return xstrdup(path);
}

const char *const *apply_view_argv(struct apply *a)
{
	static const char *const self[] = { "/proc/self/exe", "view", NULL };

	if (a->opt.view_argv)
		return a->opt.view_argv;
	/* Each time anew: it may be taken away, or come, while we run. */
	return a->helper[0] && access(a->helper[0], X_OK) == 0 ? a->helper : self;
}

/* Make a view of the files as they are; the text says why it cannot be had. */
static int probe_view(struct apply *a, struct error *err)
{
	const char *const *before = apply_view_argv(a);
	AUTO(xfree_p) char *stage = apply_home_path(a, "stage", NULL);
	AUTO(xfree_p) char *work = apply_home_path(a, "view", NULL);
	const char *argv[16] = { NULL };
	struct proc_result res = { .output = BUF_INIT };
	size_t n = 0;
	int rc;

	for (; before[n] && n < 8; n++)
		argv[n] = before[n];
	argv[n++] = "--root";
	argv[n++] = a->root;
	argv[n++] = "--stage";
	argv[n++] = stage;
	argv[n++] = "--work";
	argv[n++] = work;
	rc = proc_run(argv, clock_mono_us() + PROBE_US, 4096, &res, err);
	if (rc == 0 && (res.exit_status != 0 || res.timed_out)) {
		const char *text = buf_cstr(&res.output);

		if (str_starts(text, VIEW_PREFIX))
			text += strlen(VIEW_PREFIX);
		rc = error_set(err, ERR_SYSTEM, "%.*s", (int)strcspn(text, "\n"), text);
	}
	proc_result_release(&res);
	return rc;
}

static void describe(struct apply *a, const char *why_no_view)
{
	const char *live = a->sockets   ? "reloads are confirmed by HAProxy itself" :
			   a->reload    ? "reloads are the reload command's word" :
					  "nothing is reloaded";

	if (!a->check)
		snprintf(a->status, sizeof(a->status), "no check command; %s", live);
	else if (a->view)
		snprintf(a->status, sizeof(a->status), "checks run in a private view; %s", live);
	else
		snprintf(a->status, sizeof(a->status),
			"checks run with the files in place, taken back before anything is reloaded (no private "
			"view: %.120s); %s", why_no_view, live);
}

static int set_up(struct apply *a, struct error *err)
{
	struct error why = ERROR_INIT;
	int rc;

	if (!a->opt.root_path)
		return error_set(err, ERR_INVALID, "loadBalancerConfig.rootPath is missing");
	if (!a->opt.master_socket != !a->opt.stats_socket)
		return error_set(err, ERR_INVALID, "loadBalancerConfig.haproxy: masterSocket and statsSocket are "
						   "needed both, or none");
	rc = make_folders(a, err);
	if (rc == 0)
		rc = take_lock(a, err);
	if (rc == 0)
		rc = split_commands(a, err);
	if (rc == 0)
		rc = find_marker(a, err);
	if (rc != 0)
		return rc;
	if (a->opt.no_view)
		error_set(&why, ERR_REFUSED, "switched off");
	else if (a->check)
		a->view = probe_view(a, &why) == 0;
	describe(a, why.text);
	return 0;
}

int apply_new(const struct apply_options *opt, struct apply **out, struct error *err)
{
	struct apply *a = xcalloc(1, sizeof(*a));
	AUTO(xfree_p) char *helper = NULL;
	int rc;

	a->arena = arena_new();
	a->lock_fd = -1;
	a->dirty = true; /* who knows what was left */
	a->cache = fileset_cache_new();
	copy_options(a, opt);
	helper = find_helper();
	a->helper[0] = helper ? arena_strdup(a->arena, helper) : NULL;
	rc = set_up(a, err);
	if (rc != 0) {
		apply_free(&a);
		return rc;
	}
	*out = a;
	return 0;
}

void apply_free(struct apply **a)
{
	struct apply *gone = STEAL(*a);

	if (!gone)
		return;
	if (gone->home)
		publish_unstage(gone);
	if (gone->lock_fd >= 0)
		close(gone->lock_fd);
	fileset_cache_free(&gone->cache);
	manifest_free(&gone->manifest);
	journal_free(&gone->journal);
	proc_words_free(&gone->check);
	proc_words_free(&gone->reload);
	arena_free(&gone->arena);
	free(gone->root);
	free(gone->home);
	free(gone);
}

const char *apply_status(const struct apply *a)
{
	return a->status;
}
