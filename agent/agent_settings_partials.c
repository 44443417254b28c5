/*
 * agent_settings_partials.c - the folder of partials: every *.hbs below it, by its path without that ending
 *
 * Hidden files and folders are passed over.  A symbolic link counts as the file it leads to, which must be below
 * the folder too (a mounted ConfigMap is made so); one that leads elsewhere, or to a folder, is refused.
 *
 * Layer: agent.  Threads: no state; reads the folder.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_settings_internal.h"

#include "lib/base/str.h"
#include "lib/os/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PARTIALS_MAX 1000
#define PARTIALS_BYTES_MAX (16u * 1024u * 1024u)
#define ENTRIES_MAX 10000
#define DEPTH_MAX 16
#define ENDING ".hbs"

struct walk {
	struct finish *f;
	char *real; /* the folder, without links in it; malloc */
	struct setting_pair *found;
	size_t n, cap, entries, bytes;
};

static int walk_folder(struct walk *w, const char *path, const char *inside, int depth, struct error *err);

static bool is_partial(const char *name)
{
	return str_ends(name, ENDING) && strlen(name) > strlen(ENDING);
}

/* What `path`, a link, leads to. */
static int follow(struct walk *w, const char *path, struct stat *st_out, struct error *err)
{
	char *to = realpath(path, NULL); /* libc's malloc */
	size_t n = strlen(w->real);
	bool inside = to && str_starts(to, w->real) && to[n] == '/';
	int rc = 0;

	if (!to || stat(to, st_out) != 0)
		rc = error_errno(err, errno, "cannot follow '%s'", path);
	else if (!inside)
		rc = error_set(err, ERR_INVALID, "'%s' is a link that leads out of the folder", path);
	else if (!S_ISREG(st_out->st_mode))
		rc = error_set(err, ERR_INVALID, "'%s' is a link, but not to a file", path);
	free(to);
	return rc;
}

static int add(struct walk *w, const char *path, const char *name, struct error *err)
{
	struct arena *a = w->f->c->arena;
	struct setting_pair p = { arena_strndup(a, name, strlen(name) - strlen(ENDING)), NULL };
	size_t len;
	int rc;

	if (w->n == PARTIALS_MAX)
		return error_set(err, ERR_INVALID, "has more than %d partials", PARTIALS_MAX);
	rc = finish_read(w->f, path, &p.value, &len, err);
	if (rc != 0)
		return rc;
	w->bytes += len;
	if (w->bytes > PARTIALS_BYTES_MAX)
		return error_set(err, ERR_INVALID, "has more than %u bytes of partials", PARTIALS_BYTES_MAX);
	GROW(w->found, w->n, w->cap);
	w->found[w->n++] = p;
	return 0;
}

static bool name_ok(const char *name)
{
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return utf8_valid(name, strlen(name));
}

static int walk_entry(struct walk *w, const char *path, const char *name, int depth, struct error *err)
{
	struct stat st;
	int rc;

	if (++w->entries > ENTRIES_MAX)
		return error_set(err, ERR_INVALID, "has more than %d entries", ENTRIES_MAX);
	if (lstat(path, &st) != 0)
		return error_errno(err, errno, "cannot look at '%s'", path);
	if (S_ISLNK(st.st_mode)) {
		rc = follow(w, path, &st, err);
		if (rc != 0)
			return rc;
	}
	if (S_ISDIR(st.st_mode))
		return walk_folder(w, path, name, depth + 1, err);
	if (!is_partial(name))
		return 0;
	if (!S_ISREG(st.st_mode))
		return error_set(err, ERR_INVALID, "'%s' is no file", path);
	if (!name_ok(name))
		return error_set(err, ERR_INVALID, "has a file whose name is no text, in '%s'", w->real);
	return add(w, path, name, err);
}

/* `inside`: its name below the folder of partials, "" for that itself. */
static int walk_folder(struct walk *w, const char *path, const char *inside, int depth, struct error *err)
{
	char **names = NULL;
	size_t n = 0;
	int rc;

	if (depth > DEPTH_MAX)
		return error_set(err, ERR_INVALID, "'%s' is nested deeper than %d", path, DEPTH_MAX);
	rc = file_list(path, &names, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		AUTO(xfree_p) char *below = xasprintf("%s/%s", path, names[i]);
		AUTO(xfree_p) char *name = xasprintf("%s%s%s", inside, *inside ? "/" : "", names[i]);

		if (names[i][0] != '.')
			rc = walk_entry(w, below, name, depth, err);
	}
	file_list_free(&names, n);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct setting_pair *)a)->key, ((const struct setting_pair *)b)->key);
}

static int walk_all(struct walk *w, const char *path, struct error *err)
{
	struct stat st;

	w->real = realpath(path, NULL);
	if (!w->real || stat(w->real, &st) != 0)
		return error_errno(err, errno, "cannot read '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ERR_INVALID, "'%s' is no folder", path);
	return walk_folder(w, w->real, "", 1, err);
}

void finish_partials(struct finish *f)
{
	struct walk w = { .f = f };
	struct error why = ERROR_INIT;
	struct setting_pair *all;

	if (!f->c->partials_dir)
		return;
	if (walk_all(&w, finish_path(f, f->c->partials_dir), &why) != 0)
		finish_refuse(f, "partialsDirectory", why.text);
	if (w.n > 0)
		qsort(w.found, w.n, sizeof(*w.found), by_name);
	all = arena_alloc(f->c->arena, (w.n + 1) * sizeof(*all));
	for (size_t i = 0; i < w.n; i++)
		all[i] = w.found[i];
	f->c->partials = (struct setting_map){ all, w.n };
	free(w.found);
	free(w.real);
}
