/*
 * wording.h - the text of a value
 *
 * Lockstep: as JavaScript prints it (10000000000, 1e+21; lists a,b with nothing for null).  Baragon: as Java
 * does (1.0E10; [a, null], {k=v}, Optional.of(x)).  In both a map with TEMPLATE_TEXT_KEY is that text.
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_WORDING_H
#define AGENT_TEMPLATE_WORDING_H

#include "agent/template/template.h"

/* Of an integer; no NUL. How many bytes. */
#define WORDING_INT 20
size_t wording_int(int64_t i, char text[WORDING_INT]);

/* Appends; NULL and null are nothing. Stops early once `out` has overflown. ERR_INVALID: lockstep has no text
 * for a map, nor for a list with one in it; what is in `out` then is of no use. */
int wording_print(const struct value *v, enum template_level level, struct buf *out, struct error *err) MUST_CHECK;

#endif
