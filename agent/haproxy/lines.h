/*
 * lines.h - a text as lines, and a line as words, without copying
 *
 * Layer: agent/haproxy (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_HAPROXY_LINES_H
#define AGENT_HAPROXY_LINES_H

#include "lib/base/base.h"

/* Cut the first line off `rest`, without its end (\n or \r\n). False: nothing is left. */
bool lines_next(struct slice *rest, struct slice *line);

/* Cut the first word off `line`; words are separated by spaces and tabs. False: nothing is left. */
bool lines_word(struct slice *line, struct slice *word);

bool slice_is(struct slice s, const char *text);
bool slice_starts(struct slice s, const char *prefix);

/* The whole slice is a decimal number from 0 to max. */
bool slice_number(struct slice s, int64_t max, int64_t *out);

#endif
