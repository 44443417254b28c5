/*
 * blank.h - white space as handlebars.js sees it
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_BLANK_H
#define AGENT_TEMPLATE_BLANK_H

#include <stddef.h>

/* ECMAScript's \s in UTF-8: its length in bytes at the begin, at the end of s; 0: there is none. */
size_t blank_at(const char *s, size_t n);
size_t blank_before(const char *s, size_t n);

#endif
