/*
 * parse.c - tokens into the tree of a template
 *
 * Recursive descent; the depth limit bounds the recursion here and, with it, that of the white-space pass
 * and of the evaluator.  Each {{else if}} is one deeper than what it belongs to.
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/parse.h"

#include "agent/template/expr.h"
#include "agent/template/head.h"
#include "agent/template/space.h"
#include "agent/template/target.h"
#include "lib/base/str.h"

#include <string.h>

static bool java(const struct parser *p)
{
	return p->t->opt.level == TEMPLATE_BARAGON;
}

static struct node *node_new(struct parser *p, enum node_kind kind, enum spaces_kind spaces, const struct token *tok)
{
	struct node *n = arena_alloc(p->t->arena, sizeof(*n));

	n->kind = kind;
	n->line = tok->line;
	n->col = tok->col;
	n->spaces = arena_alloc(p->scratch, sizeof(*n->spaces));
	n->spaces->kind = spaces;
	n->spaces->before = tok->before;
	n->spaces->after = tok->after;
	return n;
}

static struct node *text_new(struct parser *p, const struct token *tok)
{
	struct node *n = node_new(p, NODE_TEXT, SPACES_TEXT, tok);

	n->text = n->spaces->text = tok->p;
	n->len = n->spaces->len = tok->n;
	return n;
}

/* The end of a tag; its ~ into *tilde. */
static int tag_end(struct parser *p, bool *tilde, const char *what, struct error *err)
{
	if (p->tok.kind == TOKEN_RPAREN)
		return expr_fail(p, &p->tok, "')' without '('", err);
	if (p->tok.kind != TOKEN_CLOSE)
		return expr_fail(p, &p->tok, what, err);
	*tilde = p->tok.after;
	return expr_next(p, err);
}

static int parse_nodes(struct parser *p, struct node **first, struct error *err);

/* The body of a block: the names it gives, and how many scopes it surely makes. */
static int parse_body(struct parser *p, const struct given *names, bool scope, struct node **first,
	struct error *err)
{
	const struct given *names_before = p->names;
	unsigned scopes_before = p->scopes;
	int rc;

	if (names != NULL)
		p->names = names;
	p->scopes = names != NULL && names->wall ? 0 : p->scopes + scope;
	rc = parse_nodes(p, first, err);
	p->names = names_before;
	p->scopes = scopes_before;
	return rc;
}

/* {{/name}}, or the lack of it. */
static int block_end(struct parser *p, const struct name *open, struct node *n, struct error *err)
{
	const struct token *tok = &open->tok;
	struct name name;
	int rc;

	if (p->tok.kind == TOKEN_END)
		return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col,
			"block '%s' is not closed", open->text);
	if (p->tok.kind == TOKEN_ELSE || p->tok.kind == TOKEN_OPEN_CHAIN)
		return template_fail(err, ERR_INVALID, p->t->name, p->tok.line, p->tok.col,
			n->spaces->has_other && n->spaces->has_body ? "block '%s' has two else parts" :
			"block '%s' can have no else part", open->text);
	n->spaces->close_before = p->tok.before;
	rc = expr_next(p, err);
	if (rc == 0)
		rc = path_name(p, &name, err);
	if (rc != 0)
		return rc;
	if (!str_eq(name.text, open->text))
		return template_fail(err, ERR_INVALID, p->t->name, name.tok.line, name.tok.col,
			"'%s' closes block '%s' of line %u", name.text, open->text, tok->line);
	return tag_end(p, &n->spaces->close_after, "only a name may stand in a closing tag", err);
}

static void swap_parts(struct node *n)
{
	struct node *body = n->body;
	bool has_body = n->spaces->has_body;

	n->body = n->other;
	n->other = body;
	n->spaces->has_body = n->spaces->has_other;
	n->spaces->has_other = has_body;
}

static int parse_parts(struct parser *p, bool inverse, struct node *n, struct name *name, struct error *err);

/* {{else if ...}}: a block that is all of n's else part and ends with it. */
static int parse_chain(struct parser *p, struct node *n, struct error *err)
{
	struct node *chain = node_new(p, NODE_SECTION, SPACES_BLOCK, &p->tok);
	struct token open = p->tok;
	struct name name;
	int rc;

	n->other = chain;
	n->spaces->chained = true;
	rc = expr_enter(p, &open, err);
	if (rc == 0)
		rc = expr_next(p, err);
	if (rc == 0)
		rc = parse_parts(p, false, chain, &name, err);
	p->depth--;
	if (rc != 0)
		return rc;
	if (p->tok.kind == TOKEN_ELSE || p->tok.kind == TOKEN_OPEN_CHAIN)
		return block_end(p, &name, chain, err);
	n->spaces->else_after = chain->spaces->after;
	/* The strip that handlebars.js goes by; that of the first in the chain is set at the closing tag. */
	chain->spaces->close_before = chain->spaces->before;
	chain->spaces->close_after = chain->spaces->after;
	return 0;
}

/* A block from its name to its closing tag (not with it): opening tag, body, else parts. */
static int parse_parts(struct parser *p, bool inverse, struct node *n, struct name *name, struct error *err)
{
	struct given names = { .up = p->names };
	int rc = head_parse(p, inverse, n, name, &names, err);

	if (rc == 0)
		rc = tag_end(p, &n->spaces->after, "the tag should end here", err);
	n->spaces->has_body = true;
	if (rc == 0)
		rc = parse_body(p, names.n > 0 ? &names : NULL,
			!inverse && (n->kind == NODE_EACH || n->kind == NODE_WITH), &n->body, err);
	if (rc != 0)
		return rc;
	if (p->tok.kind == TOKEN_OPEN_CHAIN && inverse)
		return expr_fail(p, &p->tok, "{{^...}} can have {{else}} alone", err);
	if (p->tok.kind == TOKEN_OPEN_CHAIN && java(p))
		return expr_fail(p, &p->tok, "nothing may follow 'else' (there is no 'else if' at baragon level)", err);
	if (p->tok.kind == TOKEN_OPEN_CHAIN || p->tok.kind == TOKEN_ELSE) {
		n->spaces->has_other = true;
		n->spaces->else_before = p->tok.before;
		n->spaces->else_after = p->tok.after;
	}
	if (p->tok.kind == TOKEN_OPEN_CHAIN)
		return parse_chain(p, n, err);
	if (p->tok.kind != TOKEN_ELSE)
		return 0;
	rc = expr_next(p, err);
	return rc != 0 ? rc : parse_body(p, NULL, !java(p) && inverse && (n->kind == NODE_EACH || n->kind == NODE_WITH),
		&n->other, err);
}

/* At {{# or {{^. */
static int parse_block(struct parser *p, struct node **out, struct error *err)
{
	struct token open = p->tok;
	bool inverse = open.kind == TOKEN_OPEN_INVERSE;
	struct node *n = node_new(p, NODE_SECTION, SPACES_BLOCK, &open);
	struct name name;
	int rc = expr_enter(p, &open, err);

	*out = n;
	if (rc == 0)
		rc = expr_next(p, err);
	if (rc == 0)
		rc = parse_parts(p, inverse, n, &name, err);
	if (rc == 0)
		rc = block_end(p, &name, n, err);
	p->depth--;
	if (rc != 0)
		return rc;
	if (n->spaces->chained) {
		n->other->spaces->close_before = n->spaces->close_before;
		n->other->spaces->close_after = n->spaces->close_after;
	}
	if (inverse && !java(p))
		swap_parts(n);
	else if (inverse)
		n->spaces->close_before = n->spaces->close_after = false; /* handlebars.java forgets them */
	return 0;
}

/* At {{#*: an inline partial. */
static int parse_inline(struct parser *p, struct node **out, struct error *err)
{
	AUTO(args_release) struct args args = ARGS_INIT;
	struct token open = p->tok;
	struct node *n = node_new(p, NODE_INLINE, SPACES_BLOCK, &open);
	struct given wall = { .up = p->names, .wall = true };
	struct name name;
	int rc = expr_enter(p, &open, err);

	*out = n;
	n->spaces->has_body = true;
	if (rc == 0)
		rc = expr_next(p, err);
	if (rc == 0)
		rc = path_name(p, &name, err);
	if (rc == 0 && !str_eq(name.text, "inline"))
		rc = expr_fail(p, &name.tok, "the only block of this kind is {{#*inline \"name\"}}", err);
	if (rc == 0)
		rc = expr_args(p, &args, err);
	if (rc == 0 && (args.list.n != 1 || args.hash.n > 0))
		rc = expr_fail(p, &name.tok, "'inline' takes one parameter, its name", err);
	if (rc == 0)
		n->expr = args.list.items[0].expr;
	if (rc == 0)
		rc = tag_end(p, &n->spaces->after, "the tag should end here", err);
	if (rc == 0)
		rc = parse_body(p, &wall, false, &n->body, err);
	if (rc == 0)
		rc = block_end(p, &name, n, err);
	p->depth--;
	return rc;
}

/* At the name of a partial: all of its tag but the end. */
static int partial_head(struct parser *p, struct node *n, struct name *name, struct error *err)
{
	AUTO(args_release) struct args args = ARGS_INIT;
	struct token tok = p->tok;
	int rc;

	name->text = NULL;
	if (tok.kind == TOKEN_LPAREN) {
		rc = expr_sub(p, &n->expr, err);
	} else {
		rc = path_name(p, name, err);
		if (rc == 0)
			n->expr = expr_text(p, &tok, name->text);
	}
	if (rc == 0)
		rc = expr_args(p, &args, err);
	if (rc == 0 && args.list.n > 1)
		rc = expr_fail(p, &tok, "a partial takes one parameter, its context", err);
	if (rc == 0 && p->tok.kind == TOKEN_AS)
		rc = head_no_names(p, &p->tok, err);
	if (rc != 0)
		return rc;
	n->args = expr_keep(p, &args.list);
	n->n_args = args.list.n;
	n->hash = expr_keep(p, &args.hash);
	n->n_hash = args.hash.n;
	return tag_end(p, &n->spaces->after, "the tag should end here", err);
}

/* At {{> or {{#>. */
static int parse_partial(struct parser *p, struct node **out, struct error *err)
{
	struct token open = p->tok;
	bool block = open.kind == TOKEN_OPEN_PARTIAL_BLOCK;
	struct node *n = node_new(p, NODE_PARTIAL, block ? SPACES_BLOCK : SPACES_LINE, &open);
	struct given open_names = { .up = p->names };
	struct name name;
	int rc = expr_enter(p, &open, err);

	*out = n;
	if (rc == 0)
		rc = expr_next(p, err);
	if (rc == 0)
		rc = partial_head(p, n, &name, err);
	if (rc == 0 && block) {
		n->spaces->has_body = true;
		if (name.text == NULL)
			rc = expr_fail(p, &open, "a partial with a block needs a fixed name", err);
		if (rc == 0)
			rc = parse_body(p, &open_names, false, &n->body, err);
		if (rc == 0)
			rc = block_end(p, &name, n, err);
		if (rc == 0 && n->body == NULL) /* is a body all the same */
			n->body = text_new(p, &(struct token){ .p = "", .line = n->line, .col = n->col });
	}
	p->depth--;
	return rc;
}

/* At {{{{: a block with text alone inside. */
static int parse_literal(struct parser *p, struct node **out, struct error *err)
{
	struct token open = p->tok;
	struct node *n = node_new(p, NODE_SECTION, SPACES_BLOCK, &open);
	struct given names = { .up = p->names };
	struct name name;
	bool tilde;
	int rc = expr_next(p, err);

	*out = n;
	n->spaces->has_body = true;
	if (rc == 0)
		rc = head_parse(p, false, n, &name, &names, err);
	if (rc != 0)
		return rc;
	if (names.n > 0)
		return expr_fail(p, &name.tok, "a raw block gives no names", err);
	if (p->tok.kind == TOKEN_CLOSE)
		p->lx.literal = true;
	rc = tag_end(p, &tilde, "the tag should end here", err);
	if (rc == 0 && p->tok.kind == TOKEN_TEXT) {
		n->body = text_new(p, &p->tok);
		rc = expr_next(p, err);
	}
	if (rc != 0)
		return rc;
	if (!expr_word(&p->tok, name.text))
		return template_fail(err, ERR_INVALID, p->t->name, p->tok.line, p->tok.col,
			"'%.*s' closes block '%s' of line %u", (int)p->tok.n, p->tok.p, name.text, name.tok.line);
	return expr_next(p, err);
}

/* At {{ or {{{: a value to print. */
static int parse_print(struct parser *p, struct node **out, struct error *err)
{
	AUTO(args_release) struct args args = ARGS_INIT;
	struct node *n = node_new(p, NODE_PRINT, SPACES_VALUE, &p->tok);
	struct name name;
	int rc;

	*out = n;
	n->raw = p->tok.kind == TOKEN_OPEN_RAW;
	rc = expr_next(p, err);
	if (rc == 0)
		rc = path_name(p, &name, err);
	if (rc == 0)
		rc = expr_args(p, &args, err);
	if (rc == 0 && p->tok.kind == TOKEN_AS)
		rc = head_no_names(p, &p->tok, err);
	if (rc != 0)
		return rc;
	if (!expr_builtin(p, &name, &n->kind)) {
		rc = expr_about(p, &name, &args, false, &n->expr, err);
	} else if (n->kind == NODE_BLOCK) { /* what was kept for it, or nothing */
		rc = head_builtin(p, &name, &args, n, err);
	} else {
		rc = template_fail(err, ERR_INVALID, p->t->name, name.tok.line, name.tok.col,
			"'%s' needs a block, {{#%s ...}}", name.text, name.text);
	}
	return rc != 0 ? rc : tag_end(p, &n->spaces->after, "the tag should end here", err);
}

/* One node; the token begins one. */
static int parse_node(struct parser *p, struct node **out, struct error *err)
{
	switch (p->tok.kind) {
	case TOKEN_TEXT:
		*out = text_new(p, &p->tok);
		return expr_next(p, err);
	case TOKEN_COMMENT:
		*out = node_new(p, NODE_TEXT, SPACES_LINE, &p->tok);
		return expr_next(p, err);
	case TOKEN_OPEN:
	case TOKEN_OPEN_RAW:
		return parse_print(p, out, err);
	case TOKEN_OPEN_BLOCK:
	case TOKEN_OPEN_INVERSE:
		return parse_block(p, out, err);
	case TOKEN_OPEN_DECORATOR:
		return parse_inline(p, out, err);
	case TOKEN_OPEN_PARTIAL:
	case TOKEN_OPEN_PARTIAL_BLOCK:
		return parse_partial(p, out, err);
	case TOKEN_OPEN_LITERAL:
		return parse_literal(p, out, err);
	case TOKEN_OPEN_CHAIN:
	case TOKEN_ELSE:
	case TOKEN_OPEN_END:
	case TOKEN_END_LITERAL:
	case TOKEN_CLOSE:
	case TOKEN_PATH:
	case TOKEN_STRING:
	case TOKEN_NUMBER:
	case TOKEN_EQUALS:
	case TOKEN_LPAREN:
	case TOKEN_RPAREN:
	case TOKEN_AS:
	case TOKEN_BAR:
	case TOKEN_END:
		break;
	}
	ASSERT(!"parse_nodes() looks first");
	return 0;
}

/* Up to a closing tag, an else or the end of the text. */
static int parse_nodes(struct parser *p, struct node **first, struct error *err)
{
	struct node **tail = first;
	int rc = 0;

	*first = NULL;
	while (rc == 0 && p->tok.kind != TOKEN_END && p->tok.kind != TOKEN_OPEN_END && p->tok.kind != TOKEN_ELSE &&
		p->tok.kind != TOKEN_OPEN_CHAIN) {
		rc = parse_node(p, tail, err);
		tail = &(*tail)->next;
	}
	return rc;
}

static int parse_all(struct parser *p, struct node **nodes, struct error *err)
{
	int rc = expr_next(p, err);

	if (rc == 0)
		rc = parse_nodes(p, nodes, err);
	if (rc == 0 && p->tok.kind == TOKEN_OPEN_END)
		rc = expr_fail(p, &p->tok, "a closing tag without its block", err);
	if (rc == 0 && p->tok.kind != TOKEN_END)
		rc = expr_fail(p, &p->tok, "else outside a block", err);
	return rc;
}

int parse_template(struct template *t, const char *text, size_t n, struct error *err)
{
	AUTO(arena_free) struct arena *scratch = arena_new();
	struct parser p = { .t = t, .scratch = scratch };
	struct node *nodes = NULL;
	int rc;

	t->target = target_of(t->opt.output, t->opt.level);
	lex_init(&p.lx, t->name, text, n, t->opt.level == TEMPLATE_BARAGON);
	rc = parse_all(&p, &nodes, err);
	path_release(&p);
	if (rc != 0)
		return rc;
	space_settle(t, &nodes);
	t->nodes = nodes;
	return 0;
}
