/*
 * partials.h - templates that templates call by name
 *
 * Layer: agent/template, private to it.  Threads: immutable once all are added.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_PARTIALS_H
#define AGENT_TEMPLATE_PARTIALS_H

#include "agent/template/ast.h"

struct partial_use {
	const char *name;
	unsigned line, col;
	bool fallback; /* {{#> name}} */
};

/* Fill in what a parsed template says about partials. */
void partials_survey(struct template *t);

/* NULL: there is none of that name; ps may be NULL. */
const struct template *partials_find(const struct template_partials *ps, const char *name);

#endif
