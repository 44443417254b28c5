/*
 * recover.c - finish or take back what a crash has left, from the journal alone
 *
 * Files only, never a reload; every step may be repeated, so a crash in here is recovered in the same way.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/apply_internal.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/os/file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define JOURNAL_BYTES_MAX ((size_t)256 * 1024 * 1024)

static int undo_entry(struct apply *a, const struct journal *j, size_t i, struct error *err)
{
	AUTO(xfree_p) char *live = apply_live_path(a, j->entries[i].name);
	AUTO(xfree_p) char *number = xasprintf("%zu", i);
	AUTO(xfree_p) char *kept = apply_home_path(a, "undo", number);

	switch (j->entries[i].op) {
	case JOURNAL_NEW:
		return file_remove(live, err);
	case JOURNAL_REPLACE:
	case JOURNAL_REMOVE:
		/* Not there: it has been put back already. */
		return file_exists(kept) ? file_rename(kept, live, err) : 0;
	case JOURNAL_FOLDER:
		if (rmdir(live) != 0 && errno != ENOENT && errno != ENOTEMPTY && errno != EEXIST)
			return error_errno(err, errno, "cannot remove folder '%s'", live);
		return 0;
	}
	return 0;
}

/* The folder of each entry, about once: those of one folder stand together. */
static int sync_folders(struct apply *a, const struct journal *j, struct error *err)
{
	AUTO(xfree_p) char *last = NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < j->n; i++) {
		AUTO(xfree_p) char *dir = apply_live_path(a, j->entries[i].name);

		*strrchr(dir, '/') = '\0';
		if (str_eq(dir, last) || !file_exists(dir))
			continue;
		xfree_p(&last);
		last = STEAL(dir);
		rc = file_sync_dir(last, err);
	}
	return rc;
}

int recover_undo(struct apply *a, const struct journal *j, struct error *err)
{
	int rc = 0;

	for (size_t i = j->n; rc == 0 && i > 0; i--)
		rc = undo_entry(a, j, i - 1, err);
	if (rc == 0)
		rc = sync_folders(a, j, err);
	return rc == 0 ? recover_forget(a, true, err) : rc;
}

int recover_forget(struct apply *a, bool sync, struct error *err)
{
	AUTO(xfree_p) char *journal = apply_home_path(a, "journal", NULL);
	AUTO(xfree_p) char *next = apply_home_path(a, "manifest.next", NULL);
	AUTO(xfree_p) char *undo = apply_home_path(a, "undo", NULL);
	int rc;

	/* In this order: undo files must not go before the journal that counts on them. */
	rc = file_remove(journal, err);
	if (rc == 0 && sync)
		rc = file_sync_dir(a->home, err);
	if (rc != 0)
		return rc;
	/* What stays of these is removed before it is used again. */
	(void)!file_remove_tree(undo, NULL);
	(void)!file_remove(next, NULL);
	return 0;
}

static int read_journal(struct apply *a, struct journal **out, struct error *err)
{
	AUTO(xfree_p) char *path = apply_home_path(a, "journal", NULL);
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc;

	rc = file_read(path, JOURNAL_BYTES_MAX, &text, err);
	if (rc == 0)
		rc = journal_parse(buf_cstr(&text), text.len, out, err);
	if (rc != 0 && rc != ERR_NOT_FOUND)
		error_in(err, "'%s'", path);
	return rc;
}

static int read_manifest(struct apply *a, struct error *err)
{
	AUTO(xfree_p) char *path = apply_home_path(a, "manifest", NULL);
	struct manifest *m = NULL;
	int rc = manifest_load(path, &m, err);

	if (rc != 0)
		return rc;
	manifest_free(&a->manifest);
	a->manifest = m;
	return 0;
}

static void sweep(struct apply *a)
{
	static const char *const left[] = { "stage", "undo" };

	for (size_t i = 0; i < ARRAY_LEN(left); i++) {
		AUTO(xfree_p) char *path = apply_home_path(a, left[i], NULL);

		(void)!file_remove_tree(path, NULL); /* not live; seen again before it is used */
	}
}

/* Records that were damaged from outside say nothing that could be relied on: they are kept aside, and every file that is
 * rendered is written anew over what is there.  Whatever else lies below rootPath counts as foreign from then on. */
static int set_aside(struct apply *a, const struct error *why, struct error *err)
{
	static const char *const names[] = { "manifest", "journal" };
	int rc = 0;

	log_error(NULL, "records of the files are damaged: set aside, all files are written anew", "reason", why->text);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(names); i++) {
		AUTO(xfree_p) char *path = apply_home_path(a, names[i], NULL);
		AUTO(xfree_p) char *aside = xasprintf("%s.damaged", path);

		if (file_exists(path))
			rc = file_rename(path, aside, err);
	}
	if (rc == 0)
		rc = file_sync_dir(a->home, err);
	if (rc != 0)
		return rc;
	manifest_free(&a->manifest);
	a->manifest = manifest_new();
	return 0;
}

static int recover_records(struct apply *a, struct journal **j_out, struct error *err)
{
	struct error why = ERROR_INIT;
	int rc = read_manifest(a, &why);

	if (rc == 0)
		rc = read_journal(a, j_out, &why);
	if (rc == ERR_INVALID) {
		rc = set_aside(a, &why, err);
		return rc == 0 ? ERR_NOT_FOUND : rc;
	}
	if (rc != 0 && rc != ERR_NOT_FOUND && err != NULL)
		*err = why;
	return rc;
}

int recover_run(struct apply *a, struct error *err)
{
	AUTO(journal_free) struct journal *j = NULL;
	int rc = recover_records(a, &j, err);

	if (rc == 0 && j->generation != a->manifest->generation) {
		rc = recover_undo(a, j, err);
		a->report->changed = rc == 0;
		if (rc == 0)
			log_warn(NULL, "unfinished publish taken back", "files", log_int((int64_t)j->n),
				"generation", log_int(j->generation));
	} else if (rc == 0) {
		rc = recover_forget(a, true, err); /* it was finished */
	} else if (rc == ERR_NOT_FOUND) {
		rc = 0;
	}
	if (rc != 0)
		return rc;
	if (!a->plan)
		sweep(a);
	a->dirty = false;
	return 0;
}
