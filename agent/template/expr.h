/*
 * expr.h - what stands inside a tag: parameters, literals, helper calls
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_EXPR_H
#define AGENT_TEMPLATE_EXPR_H

#include "agent/template/path.h"

/* Growing list of parameters, on the heap until they are complete. */
struct params {
	struct param *items;
	size_t n, cap;
};
struct args {
	struct params list, hash;
};
#define ARGS_INIT { { NULL, 0, 0 }, { NULL, 0, 0 } }
void args_release(struct args *args);

int expr_next(struct parser *p, struct error *err) MUST_CHECK;
bool expr_word(const struct token *tok, const char *word);
int expr_fail(const struct parser *p, const struct token *tok, const char *what, struct error *err);
/* Count one level of nesting; the caller takes it back with p->depth--, also after an error. */
int expr_enter(struct parser *p, const struct token *tok, struct error *err) MUST_CHECK;

/* A node of its own kind that {{#name ...}} makes, whatever helpers there are? */
bool expr_builtin(const struct parser *p, const struct name *name, enum node_kind *kind);
const struct template_helper *expr_helper(const struct parser *p, const struct name *name);

/* Everything up to the end of the tag, ')' or `as |`. */
int expr_args(struct parser *p, struct args *args, struct error *err) MUST_CHECK;
const struct param *expr_keep(struct parser *p, const struct params *ps);
/* (helper ...) */
int expr_sub(struct parser *p, const struct expr **out, struct error *err) MUST_CHECK;
/* A call, or without parameters a value; `block`: behind {{#. */
int expr_about(struct parser *p, const struct name *name, const struct args *args, bool block,
	const struct expr **out, struct error *err) MUST_CHECK;
const struct expr *expr_text(struct parser *p, const struct token *tok, const char *text);

#endif
