/*
 * journal.h - how to take back a publish that was not finished
 *
 * The journal exists exactly while live files may differ from the manifest.  It names, in order, what is
 * done to them; entry i's old file is kept as undo/<i>.  It is written, with all undo files, before the
 * first live file is touched.  The publish is finished when the manifest carries the journal's generation:
 * replacing the manifest is the one step that decides.
 *
 * Layer: agent/apply.  Threads: apply thread only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_JOURNAL_H
#define AGENT_APPLY_JOURNAL_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"

enum journal_op {
	JOURNAL_NEW,     /* the file was not there: take it away */
	JOURNAL_REPLACE, /* put undo/<i> back */
	JOURNAL_REMOVE,  /* put undo/<i> back */
	JOURNAL_FOLDER,  /* made for a file: take it away if it is empty */
};
struct journal_entry {
	enum journal_op op;
	const char *name;
};
struct journal {
	struct arena *arena;
	int64_t generation; /* that the manifest will carry */
	struct journal_entry *entries;
	size_t n, cap;
};

struct journal *journal_new(int64_t generation);
void journal_free(struct journal **j);
void journal_add(struct journal *j, enum journal_op op, const char *name);

void journal_format(const struct journal *j, struct buf *out);
int journal_parse(const char *text, size_t n, struct journal **out, struct error *err) MUST_CHECK;

#endif
