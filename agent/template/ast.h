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

#include <stdint.h>

struct segment {
	const char *name;
	int64_t index; /* of a list, for [3]; -1: none */
	unsigned id;   /* of the template's different names, from 0: a place for the evaluator's memory of where it was found */
	uint64_t bits; /* value_key_bits(name), so that look-ups need not make them */
};

struct path {
	unsigned up;   /* how many ../ (for data: how many @../) */
	bool data;     /* @index, @root.x: the first segment names a loop variable */
	bool here;     /* this, ., this.x, ./x, at our level also ../x: only the scope itself */
	/* A name of `as |x i|` that the first segment means: the how-manieth block with such names outwards
	 * (0 = the nearest), and which of its names. slot -1: none. The segments behind the first are looked up in it. */
	unsigned block;
	int slot;
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
		const struct value *literal; /* null and undefined: value_null() */
		struct path path;
		struct call call;
	} u;
};

enum node_kind {
	NODE_TEXT,
	NODE_PRINT,
	NODE_IF, NODE_UNLESS, NODE_EACH, NODE_WITH,
	NODE_SECTION, /* {{#x}} of a plain name; {{^x}} is one with only an else part (at baragon level: UNLESS) */
	NODE_TEST,    /* {{#helper ...}}: body if its value is true, else other */
	NODE_PARTIAL, /* {{> x}}; {{#> x}}body{{/x}}: the body (never NULL) is @partial-block, and the fallback */
	NODE_INLINE,  /* {{#*inline "x"}}body{{/inline}} */
	NODE_DEFINE,  /* {{#partial "x"}}body{{/partial}} (baragon): kept for a later #block, prints nothing */
	NODE_BLOCK,   /* {{#block "x"}}body{{/block}} (baragon): what was kept for x, else the body */
};

/* {{^if x}}a{{else}}b{{/if}} has a in `other` and b in `body`: the evaluator need not know. */
struct node {
	enum node_kind kind;
	unsigned line, col;
	const char *text; /* TEXT: after white space was settled */
	size_t len;
	const uint8_t *states; /* TEXT: the target's state behind it, by that before it */
	bool raw;              /* PRINT: {{{x}}}, {{&x}} */
	const struct expr *expr; /* what it is about; PARTIAL, INLINE, DEFINE, BLOCK: the name, a literal where it stands there */
	/* PARTIAL: args[0] is its context (none: the current one), hash is put over it; IF, UNLESS: includeZero. */
	const struct param *args;
	size_t n_args;
	const struct param *hash;
	size_t n_hash;
	unsigned n_names;   /* as |x i|: how many; such a block counts for path.block */
	const char *indent; /* PARTIAL alone on its line: in front of each of its lines; or NULL */
	struct node *body, *other;
	struct node *next;
	struct spaces *spaces; /* of the parser and the white-space pass alone */
};

struct template {
	struct arena *arena;
	const char *name;
	struct template_options opt; /* limits filled in */
	const struct target *target;
	const struct node *nodes;
	unsigned n_segments;   /* different names in paths: segment ids are below it */
	const char **mentions; /* first segments of its paths, each once */
	size_t n_mentions, cap_mentions; /* the array is on the heap */
	bool mentions_all; /* a dynamic path may reach anything */
	/* Of partials_survey(). */
	const struct partial_use *uses; /* {{> name}} by a literal */
	size_t n_uses;
	bool uses_any;    /* there is one by a value */
	const char *const *inlines; /* {{#*inline}}s with a literal name, sorted */
	size_t n_inlines;
	bool has_inlines; /* there is any */
};

/* "name:line:col: " and the text. */
int template_fail(struct error *err, enum error_code code, const char *name, unsigned line, unsigned col,
	const char *fmt, ...) PRINTF_LIKE(6, 7);

#endif
