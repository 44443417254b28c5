/*
 * lex.h - template text into tokens
 *
 * White space is settled here: what `~` removes and the lines that hold nothing but a block tag, an
 * {{else}} or a comment never reach the parser.  Comments do not either.
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_LEX_H
#define AGENT_TEMPLATE_LEX_H

#include "lib/base/error.h"

enum token_kind {
	TOKEN_TEXT,
	TOKEN_OPEN,         /* {{ {{{ {{& */
	TOKEN_OPEN_BLOCK,   /* {{# */
	TOKEN_OPEN_INVERSE, /* {{^ */
	TOKEN_OPEN_END,     /* {{/ */
	TOKEN_CLOSE,        /* the closer that belongs to the opener */
	TOKEN_PATH,         /* a.b, ../x, @index, name */
	TOKEN_STRING,       /* without its quotes, escapes still in it */
	TOKEN_NUMBER,
	TOKEN_EQUALS,
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_END,
};

struct token {
	enum token_kind kind;
	const char *p; /* into the template's text */
	size_t n;
	unsigned line, col;
};

struct lexer {
	const char *name, *text;
	size_t n, pos;
	unsigned line, col;
	bool keep_blank_lines;
	/* inside a tag: */
	bool in_tag, raw, alone;
	unsigned tag_line, tag_col;
};

void lex_init(struct lexer *lx, const char *name, const char *text, size_t n, bool keep_blank_lines);
int lex_next(struct lexer *lx, struct token *tok, struct error *err) MUST_CHECK;

#endif
