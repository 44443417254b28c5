/*
 * path.h - names and paths: what they say, and which of them mean a name of `as |x i|`
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_PATH_H
#define AGENT_TEMPLATE_PATH_H

#include "agent/template/ast.h"
#include "agent/template/lex.h"

/* The names that the block around gives; on the parser's stack. */
struct given {
	const struct given *up;
	const char *name[2];
	unsigned n;
	bool wall; /* an inline partial: it runs elsewhere, the names further out have no value there */
};

struct known;
struct parser {
	struct template *t;
	struct arena *scratch; /* for what the tree does not keep */
	struct lexer lx;
	struct token tok; /* the next one, not yet consumed */
	size_t depth;
	const struct given *names; /* the innermost */
	unsigned scopes;           /* how many #each and #with are around, at least, since the last wall */
	struct known *known;       /* a map of the names in paths */
};

/* What stands where a name may: not yet known whether it is a helper's. */
struct name {
	struct token tok;
	const char *text; /* to compare with others: without the [ ] */
	struct path path;
	bool simple;      /* one name that could be a helper's: no ../, this. or @, none of `as |x|` */
	bool given;       /* a name of `as |x|` */
	bool walled;      /* one that is not seen here */
};

/* Reads the next token as a name (a string or number is one too at our level) and consumes it. */
int path_name(struct parser *p, struct name *out, struct error *err) MUST_CHECK;
/* It is a value, then. */
int path_bind(struct parser *p, const struct name *name, struct expr *e, struct error *err) MUST_CHECK;
/* A string token without the backslashes before its quotes. */
const char *path_unquote(struct parser *p, const struct token *tok);
/* Ends what path_bind() began. */
void path_release(struct parser *p);

#endif
