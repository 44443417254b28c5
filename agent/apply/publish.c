/*
 * publish.c - the stage that puts would-be files in the place of live ones, and takes it back
 *
 * Order: staged files, the next manifest beside the old one, undo files; all of that synced; the journal; only
 * then renames.  A rename never needs room, so a full disk stops it before anything live has changed.  What is
 * staged for a proof only is not synced: a crash may take it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"

#include "lib/base/str.h"
#include "lib/os/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FOLDER_MODE 0755
#define OWN_FOLDER_MODE 0700

/* dirname in place; false at the top. */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return false;
	*slash = '\0';
	return true;
}

static int make_parents(const char *path, mode_t mode, struct error *err)
{
	AUTO(xfree_p) char *dir = xstrdup(path);

	return cut_last(dir) ? file_make_dirs(dir, mode, err) : 0;
}

static int make_staged_parents(const char *path, struct error *err)
{
	AUTO(xfree_p) char *dir = xstrdup(path);

	return cut_last(dir) ? file_make_dirs_unsynced(dir, OWN_FOLDER_MODE, err) : 0;
}

/* Renaming needs one file system. */
static int check_device(struct apply *a, const char *live, struct error *err)
{
	AUTO(xfree_p) char *dir = xstrdup(live);
	struct stat ours, theirs;

	if (stat(a->home, &ours) != 0)
		return error_errno(err, errno, "cannot look at '%s'", a->home);
	while (cut_last(dir))
		if (stat(dir, &theirs) == 0)
			break;
	if (ours.st_dev == theirs.st_dev)
		return 0;
	return error_set(err, ERR_INVALID, "'%s' is on another file system than '%s'", live, a->home);
}

/* A file that is replaced keeps its own. */
static mode_t mode_of(const struct plan_file *f, const char *live)
{
	struct stat st;

	return stat(live, &st) == 0 ? st.st_mode & 07777 : f->mode;
}

static int stage_file(struct apply *a, const struct plan_file *f, struct error *err)
{
	AUTO(xfree_p) char *live = apply_live_path(a, f->name);
	AUTO(xfree_p) char *staged = apply_home_path(a, "stage", f->name);
	int rc;

	rc = check_device(a, live, err);
	if (rc == 0)
		rc = make_staged_parents(staged, err);
	if (rc == 0)
		rc = file_write_unsynced(staged, f->data, f->size, mode_of(f, live), err);
	return rc;
}

/* Names of files that go, for the private view. */
static int write_hidden(struct apply *a, struct error *err)
{
	AUTO(xfree_p) char *path = apply_home_path(a, "hide", NULL);
	AUTO(buf_release) struct buf names = BUF_INIT;

	for (size_t i = 0; i < a->plan->n_removes; i++)
		buf_printf(&names, "%s\n", a->plan->removes[i]);
	return file_write_unsynced(path, buf_cstr(&names), names.len, 0600, err);
}

static void drop_stage(struct apply *a)
{
	AUTO(xfree_p) char *stage = apply_home_path(a, "stage", NULL);
	AUTO(xfree_p) char *hide = apply_home_path(a, "hide", NULL);

	/* What stays is not live, and is removed before it is used again. */
	(void)!file_remove_tree(stage, NULL);
	(void)!file_remove(hide, NULL);
}

int publish_stage(struct apply *a, struct error *err)
{
	AUTO(xfree_p) char *stage = apply_home_path(a, "stage", NULL);
	int rc;

	if (a->plan->staged)
		return 0;
	rc = file_remove_tree(stage, err);
	if (rc == 0)
		rc = file_make_dirs_unsynced(stage, OWN_FOLDER_MODE, err);
	for (size_t i = 0; rc == 0 && i < a->plan->n; i++)
		if (a->plan->files[i].write)
			rc = stage_file(a, &a->plan->files[i], err);
	if (rc == 0)
		rc = write_hidden(a, err);
	if (rc != 0) {
		drop_stage(a);
		error_in(err, "writing the would-be files");
		return rc;
	}
	a->plan->staged = true;
	return 0;
}

void publish_unstage(struct apply *a)
{
	if (!a->plan)
		return;
	drop_stage(a);
	plan_free(&a->plan);
}

/* Folders that are made for `name`, outermost first.  Names come sorted, so those of one folder stand
 * together: what begins `before`, the last name that came here, has been seen to. */
static void journal_folders(struct apply *a, struct journal *j, const char *name, const char *before)
{
	AUTO(xfree_p) char *part = xstrdup(name);

	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		AUTO(xfree_p) char *path = NULL;

		if (before && strncmp(before, name, (size_t)(slash - part) + 1) == 0)
			continue;
		*slash = '\0';
		path = apply_live_path(a, part);
		if (!file_exists(path))
			journal_add(j, JOURNAL_FOLDER, part);
		*slash = '/';
	}
}

static void journal_fill(struct apply *a, struct journal *j)
{
	const struct plan *p = a->plan;
	const char *before = NULL;

	for (size_t i = 0; i < p->n; i++) {
		const struct plan_file *f = &p->files[i];

		if (!f->write)
			continue;
		if (!f->exists) {
			journal_folders(a, j, f->name, before);
			before = f->name;
		}
		journal_add(j, f->exists ? JOURNAL_REPLACE : JOURNAL_NEW, f->name);
	}
	for (size_t i = 0; i < p->n_removes; i++)
		journal_add(j, JOURNAL_REMOVE, p->removes[i]);
}

/* A file that somebody else made stands under a name that is ours from now on: keep what it said. */
static int keep_adopted(struct apply *a, const char *live, const char *name, struct error *err)
{
	AUTO(xfree_p) char *kept = apply_home_path(a, "adopted", name);
	int rc;

	if (manifest_find(a->manifest, name) || file_exists(kept))
		return 0;
	rc = make_parents(kept, OWN_FOLDER_MODE, err);
	if (rc == 0)
		rc = file_link_or_copy(live, kept, err);
	return rc;
}

static int keep_old(struct apply *a, const struct journal *j, struct error *err)
{
	AUTO(xfree_p) char *undo = apply_home_path(a, "undo", NULL);
	int rc;

	rc = file_remove_tree(undo, err);
	if (rc == 0)
		rc = file_make_dirs_unsynced(undo, OWN_FOLDER_MODE, err); /* synced with the journal beside it */
	for (size_t i = 0; rc == 0 && i < j->n; i++) {
		AUTO(xfree_p) char *live = apply_live_path(a, j->entries[i].name);
		AUTO(xfree_p) char *kept = xasprintf("%s/%zu", undo, i);

		if (j->entries[i].op != JOURNAL_REPLACE && j->entries[i].op != JOURNAL_REMOVE)
			continue;
		rc = keep_adopted(a, live, j->entries[i].name, err);
		if (rc == 0)
			rc = file_link_or_copy(live, kept, err);
	}
	return rc;
}

static int write_next(struct apply *a, struct error *err)
{
	AUTO(xfree_p) char *next = apply_home_path(a, "manifest.next", NULL);
	AUTO(buf_release) struct buf text = BUF_INIT;

	manifest_format(a->plan->next, &text);
	return file_write_unsynced(next, text.data, text.len, 0600, err);
}

/* All that the journal stands on; in one go, because the first sync takes most of the rest with it. */
static int sync_all(struct apply *a, struct error *err)
{
	AUTO(xfree_p) char *next = apply_home_path(a, "manifest.next", NULL);
	AUTO(xfree_p) char *undo = apply_home_path(a, "undo", NULL);
	int rc = file_sync(next, err);

	for (size_t i = 0; rc == 0 && i < a->plan->n; i++) {
		AUTO(xfree_p) char *staged = apply_home_path(a, "stage", a->plan->files[i].name);

		if (a->plan->files[i].write)
			rc = file_sync(staged, err);
	}
	return rc == 0 ? file_sync_dir(undo, err) : rc;
}

static int write_journal(struct apply *a, const struct journal *j, struct error *err)
{
	AUTO(xfree_p) char *journal = apply_home_path(a, "journal", NULL);
	AUTO(buf_release) struct buf text = BUF_INIT;

	journal_format(j, &text);
	return file_replace(journal, text.data, text.len, 0600, err);
}

static int sync_parent(struct apply *a, const char *name, char **last, struct error *err)
{
	AUTO(xfree_p) char *dir = apply_live_path(a, name);

	if (!cut_last(dir) || str_eq(dir, *last))
		return 0;
	free(*last);
	*last = STEAL(dir);
	return file_sync_dir(*last, err);
}

static int apply_entry(struct apply *a, const struct journal_entry *e, struct error *err)
{
	AUTO(xfree_p) char *live = apply_live_path(a, e->name);
	AUTO(xfree_p) char *staged = apply_home_path(a, "stage", e->name);

	switch (e->op) {
	case JOURNAL_FOLDER:
		return file_make_dirs(live, FOLDER_MODE, err);
	case JOURNAL_NEW:
	case JOURNAL_REPLACE:
		return file_rename(staged, live, err);
	case JOURNAL_REMOVE:
		return file_remove(live, err);
	}
	return 0;
}

static int apply_journal(struct apply *a, const struct journal *j, struct error *err)
{
	AUTO(xfree_p) char *last = NULL;
	int rc = 0;

	a->report->changed = true;
	for (size_t i = 0; rc == 0 && i < j->n; i++)
		rc = apply_entry(a, &j->entries[i], err);
	/* Sorted by name: the files of one folder stand together, so each is synced about once. */
	for (size_t i = 0; rc == 0 && i < j->n; i++)
		rc = sync_parent(a, j->entries[i].name, &last, err);
	return rc;
}

/* What will have been made live when this is committed. */
static void set_live(struct apply *a)
{
	struct plan *p = a->plan;
	bool live = !a->item->no_reload && !a->down;

	memcpy(p->next->live, live ? p->fingerprint : a->manifest->live, DIGEST_HEX);
}

int publish_run(struct apply *a, struct error *err)
{
	AUTO(journal_free) struct journal *j = NULL;
	int rc;

	a->idle = !apply_changes_files(a->plan);
	if (a->idle)
		return 0;
	set_live(a);
	rc = publish_stage(a, err);
	if (rc != 0)
		return rc;
	j = journal_new(a->plan->next->generation);
	journal_fill(a, j);
	rc = write_next(a, err);
	if (rc == 0)
		rc = keep_old(a, j, err);
	if (rc == 0)
		rc = sync_all(a, err);
	if (rc == 0)
		rc = write_journal(a, j, err);
	if (rc != 0) {
		a->dirty = recover_forget(a, true, NULL) != 0;
		error_in(err, "preparing to publish");
		return rc;
	}
	a->journal = STEAL(j);
	a->dirty = true;
	a->plan->staged = false; /* the renames use it up */
	rc = apply_journal(a, a->journal, err);
	if (rc != 0)
		error_in(err, "publishing");
	return rc;
}

static int manifest_write(struct apply *a, const struct manifest *m, struct error *err)
{
	AUTO(xfree_p) char *path = apply_home_path(a, "manifest", NULL);
	AUTO(buf_release) struct buf text = BUF_INIT;

	manifest_format(m, &text);
	return file_replace(path, text.data, text.len, 0600, err);
}

void publish_undo(struct apply *a)
{
	struct error err = ERROR_INIT;
	int rc = 0;

	if (!a->journal)
		return;
	/* The manifest first: with the journal's generation in it, nothing would be undone at a restart. */
	if (a->renamed)
		rc = manifest_write(a, a->manifest, &err);
	if (rc == 0)
		rc = recover_undo(a, a->journal, &err);
	if (rc == 0) {
		journal_free(&a->journal);
		a->dirty = a->renamed = false;
		return;
	}
	a->report->undone = false;
	error_in(&a->report->error, "cannot put the old files back (%s), after", err.text);
	journal_free(&a->journal); /* it is on disk: the next item begins with it */
}

static int commit_changed(struct apply *a, struct error *err)
{
	AUTO(xfree_p) char *next = apply_home_path(a, "manifest.next", NULL);
	AUTO(xfree_p) char *path = apply_home_path(a, "manifest", NULL);
	int rc;

	a->renamed = true;
	rc = file_rename(next, path, err);
	return rc == 0 ? file_sync_dir(a->home, err) : rc;
}

int publish_commit(struct apply *a, struct error *err)
{
	struct plan *p = a->plan;
	int rc = 0;

	set_live(a);
	if (a->journal)
		rc = commit_changed(a, err);
	else if (!str_eq(p->next->live, a->manifest->live))
		rc = manifest_write(a, p->next, err);
	else
		goto done; /* nothing new to remember */
	if (rc != 0) {
		error_in(err, "writing the manifest");
		return rc;
	}
	manifest_free(&a->manifest);
	a->manifest = STEAL(p->next);
	/* A journal that a crash brings back has the manifest's generation, and is only forgotten again. */
	a->dirty = a->journal && recover_forget(a, false, NULL) != 0;
	journal_free(&a->journal);
	a->renamed = false;
done:
	publish_unstage(a);
	return 0;
}
