/*
 * tokens.h - a rendered file as the program that reads it sees it: lines of words
 *
 * Written from what HAProxy 2.6 and nginx 1.22 do with a file, and not from the code that writes for them
 * (agent/template/target.h): it must not share that code's mistakes.  Words are without quotes and backslashes.
 *
 *   haproxy  a line of words per LF; a comment is one word of its own kind
 *   map      a line is a key and a value, or a comment
 *   nginx    a "line" is a directive: its words, and the mark that ends it: ; { or }; or a comment
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_TOKENS_H
#define TESTS_FUZZ_TOKENS_H

#include "lib/base/buf.h"
#include "lib/base/mem.h"

enum tokens_kind { TOKENS_WORD, TOKENS_COMMENT, TOKENS_MARK };

struct tokens_word {
	enum tokens_kind kind;
	const char *text; /* NUL-terminated; n counts, since a word may hold a NUL */
	size_t n;
};
struct tokens_line {
	struct tokens_word *words;
	size_t n, cap;
};
struct tokens {
	struct tokens_line *lines;
	size_t n, cap;
	const char *wrong; /* NULL, or why the program would refuse the text */
	size_t wrong_line; /* from 1 */
};
#define TOKENS_INIT { NULL, 0, 0, NULL, 0 }
void tokens_release(struct tokens *t);

void tokens_haproxy(const char *text, size_t n, struct arena *a, struct tokens *out);
void tokens_map(const char *text, size_t n, struct arena *a, struct tokens *out);
void tokens_nginx(const char *text, size_t n, struct arena *a, struct tokens *out);

#endif
