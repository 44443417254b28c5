/*
 * eval_internal.h - one rendering, for the parts of the evaluator
 *
 *   eval.c          expressions, the nodes of a program, #if #with sections helpers
 *   eval_loop.c     #each
 *   eval_partial.c  partials: named, inline, blocks; Java's #partial and #block
 *   emit.c          what is written, the target's state, indents, the limit of the output
 *
 * A program is a list of nodes that runs as a whole: a template, the body or the else part of a block.
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_EVAL_INTERNAL_H
#define AGENT_TEMPLATE_EVAL_INTERNAL_H

#include "agent/template/ast.h"
#include "agent/template/lookup.h"
#include "agent/template/target.h"

/* In front of each line of a partial; the innermost one of the running partials. */
struct indent {
	struct indent *up;
	const char *text;
	bool pending; /* the next byte begins a line */
};

struct eval {
	const struct template *t; /* the one to render; others come in as partials */
	const struct target *target;
	struct lookup look;
	struct buf *out;
	size_t start, most; /* where our output begins, and must not reach beyond */
	uint8_t state;      /* the target's, behind the output */
	struct indent *indent;
	bool unusual;       /* put() alone does not decide about control characters */
	struct buf text;    /* of a value that is no string */
	size_t turns;       /* of all loops, and partials */
	size_t steps, most_steps; /* nodes evaluated: bounds what turns do */
	size_t depth;       /* of blocks and partials */
	size_t holds;       /* blocks that use something in the arena */
	struct define *defines; /* baragon: {{#partial}} */
	size_t n_defines;
	struct value key; /* baragon: look.key points to it */
	struct error *err;
};

/* The running template; what inline partials can be called in it changes with the running program. */
struct unit {
	const struct template *t;
	const struct inlines *inlines;
	bool same_target; /* as the rendering's: its TEXT nodes' states can be used */
};

/* Where a program runs. */
struct env {
	struct unit *unit;
	struct place at;
	const struct scope *outer; /* the scope of the program around this one; NULL: none */
};

/* eval.c */
int eval_fail(struct eval *e, enum error_code code, const struct env *env, const struct node *n, const char *fmt, ...)
	PRINTF_LIKE(5, 6);
int eval_program(struct eval *e, const struct node *n, const struct env *env);
/* The same, when its inline partials are known. */
int eval_nodes(struct eval *e, const struct node *n, const struct env *env);
int eval_expr(struct eval *e, const struct expr *x, const struct env *env, const struct value **out);
/* Bytes in the arena. What needs more of it while something is evaluated must be held (e->holds) as long as
 * that is in use: else the arena is emptied between two nodes. */
size_t eval_used(const struct eval *e);
/* A scope over `self` within `up`, made in *room, unless self is already the current one (== in JavaScript). */
const struct scope *eval_scope(const struct scope *up, const struct value *self, struct scope *room);
/* A turn of a loop, or a partial. */
int eval_count(struct eval *e, size_t n, const struct env *env, const struct node *at);
int eval_enter(struct eval *e, const struct env *env, const struct node *at); /* undone by e->depth-- */
/* Names of the block (as |x i|), if it has any. */
const struct names *eval_names(const struct node *n, const struct names *up, const struct value *first,
	const struct value *second, struct names *room);

/* eval_loop.c */
int eval_each(struct eval *e, const struct node *n, const struct env *env, const struct value *v);

/* eval_partial.c */
int eval_partial(struct eval *e, const struct node *n, const struct env *env);
/* A program with {{#*inline}} in it. */
int eval_with_inlines(struct eval *e, const struct node *n, const struct env *env);
int eval_define(struct eval *e, const struct node *n, const struct env *env);
int eval_block(struct eval *e, const struct node *n, const struct env *env);
void eval_forget(struct eval *e); /* what #partial has kept */

/* emit.c */
int emit_text(struct eval *e, const struct node *n, const struct env *env);
int emit_value(struct eval *e, const struct node *n, const struct value *v, const struct env *env);

#endif
