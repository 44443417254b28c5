/*
 * head.h - the opening tag of a block: what kind of node it makes, of what, and with which names
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_HEAD_H
#define AGENT_TEMPLATE_HEAD_H

#include "agent/template/expr.h"

/* At the name of a block: all of its opening tag but the end. *names are those of `as |x i|`. */
int head_parse(struct parser *p, bool inverse, struct node *n, struct name *name, struct given *names,
	struct error *err) MUST_CHECK;
/* The parameters of if, unless, each, with (and at baragon level partial, block). */
int head_builtin(struct parser *p, const struct name *name, const struct args *args, struct node *n,
	struct error *err) MUST_CHECK;
/* `as |x|` where none can be. */
int head_no_names(const struct parser *p, const struct token *tok, struct error *err);

#endif
