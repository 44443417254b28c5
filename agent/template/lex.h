/*
 * lex.h - template text into tokens
 *
 * A token is a slice of the text, with its place.  Text between tags comes in the pieces that a backslash
 * before a tag makes of it.  White space is left alone here: tags say where a `~` stood, and space.h settles
 * the rest.
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_LEX_H
#define AGENT_TEMPLATE_LEX_H

#include "lib/base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
	TOKEN_TEXT,
	TOKEN_COMMENT,            /* a whole one, or {{=<% %>=}} */
	TOKEN_OPEN,               /* {{ */
	TOKEN_OPEN_RAW,           /* {{{ {{& */
	TOKEN_OPEN_BLOCK,         /* {{# */
	TOKEN_OPEN_DECORATOR,     /* {{#* */
	TOKEN_OPEN_PARTIAL,       /* {{> */
	TOKEN_OPEN_PARTIAL_BLOCK, /* {{#> */
	TOKEN_OPEN_INVERSE,       /* {{^ with a name behind it */
	TOKEN_OPEN_CHAIN,         /* {{else with something behind it */
	TOKEN_ELSE,               /* {{else}} or {{^}}, whole */
	TOKEN_OPEN_END,           /* {{/ */
	TOKEN_OPEN_LITERAL,       /* {{{{ */
	TOKEN_END_LITERAL,        /* {{{{/name}}}}: the name */
	TOKEN_CLOSE,              /* the closer that belongs to the opener */
	TOKEN_PATH,               /* a.b, ../x, @index, [odd name], true */
	TOKEN_STRING,             /* without its quotes, escapes still in it */
	TOKEN_NUMBER,
	TOKEN_EQUALS,
	TOKEN_LPAREN,
	TOKEN_RPAREN,
	TOKEN_AS,                 /* as | */
	TOKEN_BAR,
	TOKEN_END,
};

struct token {
	enum token_kind kind;
	const char *p; /* into the template's text */
	size_t n;
	unsigned line, col;
	bool before, after; /* a ~ at its begin, at its end (CLOSE: that of the tag) */
	bool key;           /* PATH: a '=' follows */
};

#define LEX_DELIMITER_MAX 8

struct lexer {
	const char *name, *text;
	size_t n, pos;
	unsigned line, col;
	bool baragon;
	char open[LEX_DELIMITER_MAX + 1], close[LEX_DELIMITER_MAX + 1];
	bool escaped; /* a backslash stood before the tag at pos: it is text */
	bool literal; /* set behind {{{{name}}}}: what follows is one TEXT (or none) and then END_LITERAL */
	/* inside a tag: */
	bool in_tag;
	enum { CLOSER_PLAIN, CLOSER_RAW, CLOSER_LITERAL } closer;
	unsigned tag_line, tag_col;
};

/* `baragon`: the grammar of handlebars.java 1.3.1. */
void lex_init(struct lexer *lx, const char *name, const char *text, size_t n, bool baragon);
int lex_next(struct lexer *lx, struct token *tok, struct error *err) MUST_CHECK;

#endif
