/*
 * lookup.h - which value a path means where it stands
 *
 * Lockstep level: the first segment is looked for in the scopes from the inside outwards, the others only in
 * what was found.  null counts as absent.  As in handlebars.js, a scope that is 0, false or "" ends the search,
 * ../x and this.x look into one scope alone, and lists and strings have a length.
 *
 * Baragon level: what handlebars.java 1.3.1 does.  Each scope is asked for the path, then for its loop
 * variables, then for `key`, which the last #each over a map has left; then the next scope outwards, also from
 * ../x.  Only a path whose last segment alone is missing ends the search.
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_LOOKUP_H
#define AGENT_TEMPLATE_LOOKUP_H

#include "agent/template/ast.h"

/* All of these live on the evaluator's stack, for one turn of a loop, one block or one rendering. */

struct loop {
	struct value index, key; /* @index; @key is VALUE_NULL in lists */
	size_t turn, turns;
};

struct scope {
	const struct scope *up;
	const struct value *self;
	const struct loop *loop; /* baragon: of the turn that made the scope; or NULL */
};

/* What @x sees; handed down to all that is within. */
struct frame {
	const struct frame *up;
	const struct loop *loop;           /* or NULL */
	const struct partial_block *block; /* {{> @partial-block}}, or NULL */
};

/* as |x i|. */
#define LOOKUP_NAMES 2
struct names {
	const struct names *up;
	const struct value *values[LOOKUP_NAMES];
};

struct place {
	const struct value *self;  /* `this`: of the scope, or one that handlebars.js takes for the same (1 and "1") */
	const struct scope *scope; /* never NULL */
	const struct frame *frame;
	const struct names *names;
};

/* Where names were found, by the ids of segments, and where paths led to, by their addresses: what shares a
 * place with something else is forgotten for it. Powers of two. */
#define LOOKUP_HINTS 128
#define LOOKUP_PATHS 64
struct lookup_led {
	const struct path *path; /* in the scope over `where` it is `found` */
	const struct value *where, *found;
};

/* One rendering's. */
struct lookup {
	enum template_level level;
	const struct value *root;
	const struct value *key; /* baragon: see above; or NULL */
	struct arena *arena;     /* made when first needed */
	struct value_hint hints[LOOKUP_HINTS];
	struct lookup_led led[LOOKUP_PATHS];
};

/* Before values are freed that may have been looked at. */
void lookup_forget(struct lookup *l);

/* NULL or null: there is no such. */
const struct value *lookup_path(struct lookup *l, const struct path *path, const struct place *at);

bool lookup_true(const struct value *v); /* NULL is false */

#endif
