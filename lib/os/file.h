/*
 * file.h - whole files: bounded read, and replacement that survives a crash at any point
 *
 * Every system call that changes something is counted in dev builds, and the process ends (as by
 * kill -9) before the n-th of them when LOCKSTEP_FAULT_AT=n is set or file_fault_at(n) was called; a
 * test runs publish, then recover, for every n.
 *
 * Layer: lib/base; blocks: apply thread, jobs and start-up only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_OS_FILE_H
#define LIB_OS_FILE_H

#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <sys/types.h>

/* Appends. ERR_NOT_FOUND if absent; ERR_INVALID if larger than max or no regular file. */
int file_read(const char *path, size_t max, struct buf *out, struct error *err) MUST_CHECK;

/* Write beside (".<name>.lockstep-tmp"), fsync, rename over, fsync the folder. Mode and owner of a file
 * that is replaced are kept; a new one gets `mode`. */
int file_replace(const char *path, const void *p, size_t n, mode_t mode, struct error *err) MUST_CHECK;
/* The same in two steps, so that many files share the waits; the folder is synced by the caller.
 * An old temp is removed first; file_rename gives `from` the mode and owner of the file it replaces. */
int file_write_temp(const char *temp, const void *p, size_t n, mode_t mode, struct error *err) MUST_CHECK; /* fsynced */
/* What a crash may take until file_sync(); many written first and synced then share the waits. */
int file_write_unsynced(const char *temp, const void *p, size_t n, mode_t mode, struct error *err) MUST_CHECK;
int file_sync(const char *path, struct error *err) MUST_CHECK;
int file_rename(const char *from, const char *to, struct error *err) MUST_CHECK;
int file_remove(const char *path, struct error *err) MUST_CHECK;    /* absent is fine */
int file_sync_dir(const char *dir, struct error *err) MUST_CHECK;
int file_make_dirs(const char *path, mode_t mode, struct error *err) MUST_CHECK; /* with parents; existing is fine */
int file_make_dirs_unsynced(const char *path, mode_t mode, struct error *err) MUST_CHECK;
/* Hard link where possible, else a whole copy with mode and owner. An existing `to` is replaced. */
int file_link_or_copy(const char *from, const char *to, struct error *err) MUST_CHECK;
bool file_exists(const char *path);

/* Names in a folder, sorted, without . and ..; absent folder: none. Freed by file_list_free. */
int file_list(const char *dir, char ***names_out, size_t *n_out, struct error *err) MUST_CHECK;
void file_list_free(char ***names, size_t n);
int file_remove_tree(const char *path, struct error *err) MUST_CHECK; /* does not follow links */

void file_fault_at(unsigned n);  /* counted from now on; 0 = off; does nothing in a release build */
unsigned file_fault_count(void); /* changing calls since then, or since the start */

#endif
