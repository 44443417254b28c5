/*
 * lookup.h - which value a path means where it stands
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_LOOKUP_H
#define AGENT_TEMPLATE_LOOKUP_H

#include "agent/template/ast.h"

/* Lives on the evaluator's stack for one turn of a loop, one #with or one rendering. */
struct scope {
	const struct scope *up;
	const struct value *self;
	bool loop; /* the rest counts */
	size_t turn, turns;
	struct value index, key; /* @index, @key; key is VALUE_NULL in lists */
};

/* NULL: there is no such. */
const struct value *lookup_path(const struct path *path, const struct scope *scope);

bool lookup_true(const struct value *v); /* NULL is false */

#endif
