/*
 * ast.h - a compiled template, as the parser leaves it and the evaluator reads it
 *
 * Everything lives in the template's arena and never changes after compiling.
 *
 * Layer: agent/template, private to it.  Threads: immutable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_AST_H
#define AGENT_TEMPLATE_AST_H

#include "agent/template/template.h"

struct segment {
	const char *name;
	int64_t index; /* of a list, for [3]; -1: none */
};

struct path {
	unsigned up;   /* how many ../ */
	bool data;     /* @index, @root.x: the first segment names a loop variable */
	bool here;     /* this, ., this.x, ./x: only the scope itself */
	const struct segment *segs;
	size_t n;
	const char *text; /* as written */
};

struct expr;
struct param {
	const char *key; /* NULL: positional */
	const struct expr *expr;
};
struct call {
	const struct template_helper *helper;
	const struct param *args; /* positional */
	size_t n_args;
	const struct param *hash;
	size_t n_hash;
};

enum expr_kind { EXPR_LITERAL, EXPR_PATH, EXPR_CALL };
struct expr {
	enum expr_kind kind;
	unsigned line, col;
	union {
		const struct value *literal;
		struct path path;
		struct call call;
	} u;
};

enum node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_UNLESS, NODE_EACH, NODE_WITH, NODE_SECTION };
struct node {
	enum node_kind kind;
	unsigned line, col;
	const char *text; /* TEXT */
	size_t len;
	const struct expr *expr; /* all others */
	struct node *body, *other;
	struct node *next;
};

struct template {
	struct arena *arena;
	const char *name;
	struct template_options opt; /* limits filled in */
	const struct node *nodes;
	const char **mentions; /* first segments of its paths, each once */
	size_t n_mentions, cap_mentions; /* the array is on the heap */
};

/* "name:line:col: " and the text. */
int template_fail(struct error *err, enum error_code code, const char *name, unsigned line, unsigned col,
	const char *fmt, ...) PRINTF_LIKE(6, 7);

#endif
