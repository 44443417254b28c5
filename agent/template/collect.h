/*
 * collect.h - one file out of a fragment per owner, and whose lines are whose
 *
 * The caller adds fragments in the order they shall have.  Every fragment ends with a line break (one is
 * added where the template left it out), so that no owner's text can run into the next one's and each line
 * belongs to one owner or to none (header, footer).
 *
 * Layer: agent/template (pure).  Threads: none shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_COLLECT_H
#define AGENT_TEMPLATE_COLLECT_H

#include "agent/template/template.h"

/* Lines first..last, counted from 1, were rendered for `owner`. In order of lines; never overlapping. */
struct span {
	const char *owner; /* borrowed from the caller of collect_add */
	size_t first_line, last_line;
	size_t from, to; /* bytes */
};

struct collect {
	struct buf text;
	struct span *spans;
	size_t n, cap;
	size_t lines; /* complete lines so far */
};
#define COLLECT_INIT { BUF_INIT, NULL, 0, 0, 0 }

/* Render and append. A fragment that renders to nothing has no span. On an error nothing is added.
 * owner NULL: header or footer. */
int collect_add(struct collect *c, const struct template *t, const char *owner, const struct value *data,
	struct error *err) MUST_CHECK;
void collect_release(struct collect *c);

/* Whose line is it? NULL: nobody's. */
const char *collect_owner(const struct span *spans, size_t n, size_t line);

#endif
