/*
 * compare.h - a file with a hostile service and the same with its twin: nothing but that service's values differs
 *
 * What differs in another way ends the program, with both lines on stderr.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_COMPARE_H
#define TESTS_FUZZ_COMPARE_H

#include "tests/fuzz/twins.h"

enum compare_kind { COMPARE_HAPROXY, COMPARE_MAP, COMPARE_NGINX };

/* Word by word, as the program reads it (tokens.h): the same lines, words, quotes gone; each word the twin's with
 * the markers replaced, in a form that its place allows.  No marker in a keyword, in a file where there are any. */
void compare_files(struct twins *t, enum compare_kind kind, const char *hostile, const char *twin, struct arena *a);

/* Line by line, as bytes: the same number; those without a marker are the same.  The first line behind `line`
 * that has one, from 1; 0: none. */
size_t compare_marked(const struct twins *t, const char *hostile, const char *twin, size_t line);

#endif
