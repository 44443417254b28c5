/*
 * eval.h - a template and data into text
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_EVAL_H
#define AGENT_TEMPLATE_EVAL_H

#include "agent/template/ast.h"

/* Appends to `out`, also when it fails. */
int eval_template(const struct template *t, const struct value *data, struct buf *out, struct error *err) MUST_CHECK;

#endif
