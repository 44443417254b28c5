/*
 * manifest.h - which files below rootPath are ours, and what is in them
 *
 * One text file, replaced whole: "<SHA-256> <name>" per file, sorted by name.  A file that is not named
 * here is foreign.  `live` is the fingerprint of the generation that was last made live; it differs from
 * the files' own after a change with noReload.  Where templates print the time, a line "time <version> <ms>"
 * for each service stands before the files, so that an agent that starts renders what is there.
 *
 * Layer: agent/apply.  Threads: apply thread only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_MANIFEST_H
#define AGENT_APPLY_MANIFEST_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/model/digest.h"

#define MANIFEST_FILES_MAX 200000
#define MANIFEST_BYTES_MAX ((size_t)256 * 1024 * 1024)

struct manifest_file {
	const char *name; /* relative to rootPath */
	char digest[DIGEST_HEX];
};
/* Which timestamp the templates of a service saw. */
#define MANIFEST_VERSION_HEX 33
struct manifest_time {
	char version[MANIFEST_VERSION_HEX]; /* the head of the digest of its state */
	int64_t ms;
};
struct manifest {
	struct arena *arena;
	int64_t generation; /* one more at each change; 0 = there never was one */
	char live[DIGEST_HEX];
	char target[DIGEST_HEX]; /* the services it was rendered from; "" = not known */
	int64_t timestamp_ms;    /* that templates saw, */
	struct manifest_time *times; /* but those of these services; by version. None if no template tells the time */
	size_t n_times, cap_times;
	struct manifest_file *files; /* sorted by name, no name twice */
	size_t n, cap;
};

struct manifest *manifest_new(void); /* empty, generation 0, live = the fingerprint of no files */
void manifest_free(struct manifest **m);
void manifest_add(struct manifest *m, const char *name, const char digest[DIGEST_HEX]); /* in order */
const struct manifest_file *manifest_find(const struct manifest *m, const char *name);

void manifest_add_time(struct manifest *m, const char *version, int64_t ms);
void manifest_sort_times(struct manifest *m); /* after the last one */
const struct manifest_time *manifest_find_time(const struct manifest *m, const char *version);

/* Over names and contents, without generation and `live`; `except` (NULL = none) is left out. */
void manifest_digest(const struct manifest *m, const char *except, char out[DIGEST_HEX]);

void manifest_format(const struct manifest *m, struct buf *out);
int manifest_parse(const char *text, size_t n, struct manifest **out, struct error *err) MUST_CHECK;

/* An absent file is an empty manifest. */
int manifest_load(const char *path, struct manifest **out, struct error *err) MUST_CHECK;

/* A name that may be ours: relative, no empty, "." or ".." part, printable, not in our own folder. */
int manifest_check_name(const char *name, struct error *err) MUST_CHECK;

#endif
