/*
 * wording.h - the text of a value, as Java prints it
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_WORDING_H
#define AGENT_TEMPLATE_WORDING_H

#include "agent/template/template.h"

/* 1.5, 1.0E10, true, [a, b], {k=v}; a map with TEMPLATE_TEXT_KEY: that. NULL and null: nothing. */
void wording_print(const struct value *v, struct buf *out);

#endif
