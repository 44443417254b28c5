/*
 * parse.h - tokens into the tree of a template
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_PARSE_H
#define AGENT_TEMPLATE_PARSE_H

#include "agent/template/ast.h"

/* Fills t->nodes and t->mentions; `text` must live as long as t. */
int parse_template(struct template *t, const char *text, size_t n, struct error *err) MUST_CHECK;

#endif
