/*
 * expr.h - what stands inside a tag: paths, literals, helper calls
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_EXPR_H
#define AGENT_TEMPLATE_EXPR_H

#include "agent/template/ast.h"
#include "agent/template/lex.h"

struct parser {
	struct template *t;
	struct lexer lx;
	struct token tok; /* the next one, not yet consumed */
	size_t depth;
};

int expr_next(struct parser *p, struct error *err) MUST_CHECK;
bool expr_word(const struct token *tok, const char *word);
int expr_fail(const struct parser *p, const struct token *tok, const char *what, struct error *err);
/* Count one level of nesting; the caller takes it back with p->depth--, also after an error. */
int expr_enter(struct parser *p, const struct token *tok, struct error *err) MUST_CHECK;

/* One parameter. */
int expr_param(struct parser *p, const struct expr **out, struct error *err) MUST_CHECK;
/* At the name of a tag, up to and with its end: a helper call or a path. `block`: behind {{#. */
int expr_subject(struct parser *p, bool block, const struct expr **out, struct error *err) MUST_CHECK;

#endif
