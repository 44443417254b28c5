/*
 * journal.c - how to take back a publish that was not finished
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/journal.h"

#include "agent/apply/manifest.h"
#include "lib/base/str.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "lockstep-journal 1 "
#define ENTRIES_MAX (2 * MANIFEST_FILES_MAX)

static const char *const op_names[] = {
	[JOURNAL_NEW] = "new",
	[JOURNAL_REPLACE] = "replace",
	[JOURNAL_REMOVE] = "remove",
	[JOURNAL_FOLDER] = "folder",
};

struct journal *journal_new(int64_t generation)
{
	struct journal *j = xcalloc(1, sizeof(*j));

	j->arena = arena_new();
	j->generation = generation;
	return j;
}

void journal_free(struct journal **j)
{
	if (!*j)
		return;
	arena_free(&(*j)->arena);
	free((*j)->entries);
	free(*j);
	*j = NULL;
}

void journal_add(struct journal *j, enum journal_op op, const char *name)
{
	GROW(j->entries, j->n, j->cap);
	j->entries[j->n].op = op;
	j->entries[j->n].name = arena_strdup(j->arena, name);
	j->n++;
}

void journal_format(const struct journal *j, struct buf *out)
{
	buf_printf(out, HEAD "%" PRId64 "\n", j->generation);
	for (size_t i = 0; i < j->n; i++)
		buf_printf(out, "%s %s\n", op_names[j->entries[i].op], j->entries[i].name);
	buf_printf(out, "end %zu\n", j->n);
}

static int parse_entry(struct journal *j, char *line, struct error *err)
{
	char *blank = strchr(line, ' ');
	int rc;

	if (!blank)
		return error_set(err, ERR_INVALID, "line %zu of the journal is no entry", j->n + 2);
	*blank = '\0';
	rc = manifest_check_name(blank + 1, err);
	if (rc != 0)
		return rc;
	if (j->n == ENTRIES_MAX)
		return error_set(err, ERR_INVALID, "more than %d entries", ENTRIES_MAX);
	for (size_t op = 0; op < ARRAY_LEN(op_names); op++) {
		if (!str_eq(line, op_names[op]))
			continue;
		journal_add(j, (enum journal_op)op, blank + 1);
		return 0;
	}
	return error_set(err, ERR_INVALID, "line %zu of the journal has no known step", j->n + 2);
}

int journal_parse(const char *text, size_t n, struct journal **out, struct error *err)
{
	AUTO(xfree_p) char *copy = xstrndup(text, n);
	AUTO(journal_free) struct journal *j = journal_new(0);
	char *save = NULL, *line = strtok_r(copy, "\n", &save);
	int64_t count;
	int rc;

	if (!line || !str_starts(line, HEAD) ||
		!str_to_i64(line + strlen(HEAD), 1, INT64_MAX, &j->generation))
		return error_set(err, ERR_INVALID, "no journal of this version");
	while ((line = strtok_r(NULL, "\n", &save)) != NULL && !str_starts(line, "end ")) {
		rc = parse_entry(j, line, err);
		if (rc != 0)
			return rc;
	}
	if (!line || !str_to_i64(line + 4, 0, ENTRIES_MAX, &count) || (size_t)count != j->n)
		return error_set(err, ERR_INVALID, "the journal is not whole");
	*out = STEAL(j);
	return 0;
}
