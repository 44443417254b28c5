/*
 * space.h - white space around tags, settled in the finished tree
 *
 * What a ~ removes; and, at our level, the lines on which nothing but a block tag, {{else}}, a comment or a
 * partial stands: they leave nothing behind.  Exactly as handlebars.js 4 does it, its oddities included
 * (the strips of {{^x}}..{{else}} go to the parts in the order of the tree, not of the text).
 *
 * Layer: agent/template, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_SPACE_H
#define AGENT_TEMPLATE_SPACE_H

#include "agent/template/ast.h"

enum spaces_kind {
	SPACES_TEXT,
	SPACES_VALUE, /* ~ alone counts */
	SPACES_LINE,  /* comments, partials: alone on a line they take it with them */
	SPACES_BLOCK,
};

/* What the parser tells of each node. */
struct spaces {
	enum spaces_kind kind;
	bool before, after;             /* a ~ in its tag, in the opening tag of a block */
	bool else_before, else_after;   /* in its {{else}}, {{else if ...}} */
	bool close_before, close_after; /* in its closing tag */
	bool has_body, has_other;       /* it may be there and empty */
	bool chained;                   /* `other` is the one block of an {{else if ...}} */
	const char *text;               /* TEXT: as written */
	size_t len;
	bool left, right;               /* of the pass: already stripped on that side */
};

/* Changes TEXT nodes, sets node.indent and states, and takes out what is empty. */
void space_settle(struct template *t, struct node **nodes);

#endif
