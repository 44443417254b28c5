/*
 * target_write.h - what the put() of every target needs: classes of bytes, and escaping by them
 *
 * Each target has a table that gives every byte a set of classes (bits): one pass over a value tells whether
 * it can be written as it is, which is nearly always so.
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_TARGET_WRITE_H
#define AGENT_TEMPLATE_TARGET_WRITE_H

#include "agent/template/target.h"

/* In all tables. */
#define TARGET_CONTROL 0x80
/* Begins such a table: 0x00 to 0x1f, and 0x7f. */
#define TARGET_CONTROLS                                                                            \
	TARGET_EIGHT, TARGET_EIGHT, TARGET_EIGHT, TARGET_EIGHT, [0x7f] = TARGET_CONTROL
#define TARGET_EIGHT                                                                               \
	TARGET_CONTROL, TARGET_CONTROL, TARGET_CONTROL, TARGET_CONTROL, TARGET_CONTROL, TARGET_CONTROL, \
		TARGET_CONTROL, TARGET_CONTROL

/* The union of the classes of all bytes. */
unsigned target_classes(const uint8_t classes[256], const char *s, size_t n);
/* Appends s with `before` in front of each byte that is in a class of mask. */
void target_escape(const uint8_t classes[256], unsigned mask, const char *before, const char *s, size_t n,
	struct buf *out);
/* s holds one. */
int target_refuse_control(const char *s, size_t n, struct error *err);

#endif
