/*
 * script.h - a scenario told as text, and its runners
 *
 * One statement a line; `#` begins a comment.  The verbs are listed in README.md beside this file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SCENARIO_SCRIPT_H
#define TESTS_SCENARIO_SCRIPT_H

#include "tests/scenario/world.h"

struct script {
	char *path, *text;
	char title[128];
	char **lines;
	size_t n;
};

int script_load(const char *path, struct script **s_out, struct error *err) MUST_CHECK;
void script_free(struct script **s);

/* Runs it from the start.  expectations: `expect` lines are checked (else only the promises are, as in a run with a fault).
 * False: something is wrong, see w->broken and w->story. */
bool script_run(const struct script *s, struct world *w, bool expectations);

/* One statement, also as the action of a trigger. */
void script_do(struct world *w, const char *line, bool expectations);

#endif
