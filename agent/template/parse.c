/*
 * parse.c - tokens into the tree of a template
 *
 * Recursive descent; the depth limit bounds the recursion here and, with it, the evaluator's.
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/parse.h"

#include "agent/template/expr.h"

#include <string.h>

static struct node *node_new(struct parser *p, enum node_kind kind, const struct token *tok)
{
	struct node *n = arena_alloc(p->t->arena, sizeof(*n));

	n->kind = kind;
	n->line = tok->line;
	n->col = tok->col;
	return n;
}

static bool builtin(const struct token *tok, enum node_kind *kind)
{
	static const struct {
		const char *name;
		enum node_kind kind;
	} rows[] = { { "if", NODE_IF }, { "unless", NODE_UNLESS }, { "each", NODE_EACH }, { "with", NODE_WITH } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (tok->kind == TOKEN_PATH && expr_word(tok, rows[i].name)) {
			*kind = rows[i].kind;
			return true;
		}
	}
	return false;
}

enum stop { STOP_END, STOP_ELSE, STOP_CLOSE };
static int parse_nodes(struct parser *p, struct node **first, enum stop *stop, struct error *err);

/* {{/name}} of the block that `name` opened. */
static int parse_block_end(struct parser *p, const struct token *name, enum stop stop, struct error *err)
{
	int rc;

	if (stop == STOP_END)
		return template_fail(err, ERR_INVALID, p->t->name, name->line, name->col,
			"block '%.*s' is not closed", (int)name->n, name->p);
	if (stop == STOP_ELSE)
		return template_fail(err, ERR_INVALID, p->t->name, name->line, name->col,
			"block '%.*s' has two else parts", (int)name->n, name->p);
	rc = expr_next(p, err); /* the {{/ */
	if (rc != 0)
		return rc;
	if (p->tok.kind != TOKEN_PATH || p->tok.n != name->n || memcmp(p->tok.p, name->p, name->n) != 0)
		return template_fail(err, ERR_INVALID, p->t->name, p->tok.line, p->tok.col,
			"'%.*s' closes block '%.*s' of line %u", (int)p->tok.n, p->tok.p, (int)name->n,
			name->p, name->line);
	rc = expr_next(p, err);
	if (rc == 0 && p->tok.kind != TOKEN_CLOSE)
		return expr_fail(p, &p->tok, "only a name may stand in a closing tag", err);
	return rc != 0 ? rc : expr_next(p, err);
}

/* What stands in the opening tag of a block. */
static int parse_block_head(struct parser *p, bool inverse, struct node *n, struct error *err)
{
	struct token name = p->tok;
	int rc;

	if (inverse) {
		n->kind = NODE_UNLESS;
		return expr_subject(p, false, &n->expr, err);
	}
	if (!builtin(&name, &n->kind)) {
		rc = expr_subject(p, true, &n->expr, err);
		if (rc == 0 && n->expr->kind == EXPR_CALL)
			n->kind = NODE_IF;
		return rc;
	}
	rc = expr_next(p, err);
	if (rc != 0)
		return rc;
	if (p->tok.kind == TOKEN_CLOSE)
		return template_fail(err, ERR_INVALID, p->t->name, name.line, name.col,
			"'%.*s' needs a parameter", (int)name.n, name.p);
	rc = expr_param(p, &n->expr, err);
	if (rc == 0 && p->tok.kind != TOKEN_CLOSE)
		return template_fail(err, ERR_INVALID, p->t->name, p->tok.line, p->tok.col,
			"'%.*s' takes one parameter", (int)name.n, name.p);
	return rc != 0 ? rc : expr_next(p, err);
}

/* Behind {{# or {{^. */
static int parse_block(struct parser *p, const struct token *open, bool inverse, struct node **out, struct error *err)
{
	struct node *n = node_new(p, NODE_SECTION, open);
	struct token name = p->tok;
	enum stop stop;
	int rc = expr_enter(p, open, err);

	*out = n;
	if (rc == 0)
		rc = parse_block_head(p, inverse, n, err);
	if (rc == 0)
		rc = parse_nodes(p, &n->body, &stop, err);
	if (rc == 0 && stop == STOP_ELSE)
		rc = parse_nodes(p, &n->other, &stop, err);
	if (rc == 0)
		rc = parse_block_end(p, &name, stop, err);
	p->depth--;
	return rc;
}

/* Behind {{ : a value to print, or an else. */
static int parse_print(struct parser *p, const struct token *open, struct node **out, bool *is_else,
	struct error *err)
{
	struct token name = p->tok;
	enum node_kind kind;
	int rc;

	if (name.kind == TOKEN_PATH && expr_word(&name, "else")) {
		*is_else = true;
		rc = expr_next(p, err);
		if (rc == 0 && p->tok.kind != TOKEN_CLOSE)
			return expr_fail(p, &p->tok, "nothing may follow 'else' (there is no 'else if')", err);
		return rc != 0 ? rc : expr_next(p, err);
	}
	if (builtin(&name, &kind))
		return template_fail(err, ERR_INVALID, p->t->name, name.line, name.col,
			"'%.*s' needs a block, {{#%.*s ...}}", (int)name.n, name.p, (int)name.n, name.p);
	*out = node_new(p, NODE_PRINT, open);
	return expr_subject(p, false, &(*out)->expr, err);
}

/* One node, if the token begins one; *out stays NULL at an else. */
static int parse_node(struct parser *p, struct node **out, bool *is_else, struct error *err)
{
	struct token tok = p->tok;
	int rc = expr_next(p, err);

	if (rc != 0)
		return rc;
	if (tok.kind == TOKEN_TEXT) {
		*out = node_new(p, NODE_TEXT, &tok);
		(*out)->text = tok.p;
		(*out)->len = tok.n;
		return 0;
	}
	if (tok.kind == TOKEN_OPEN)
		return parse_print(p, &tok, out, is_else, err);
	if (tok.kind == TOKEN_OPEN_INVERSE && p->tok.kind == TOKEN_CLOSE) {
		*is_else = true;
		return expr_next(p, err);
	}
	return parse_block(p, &tok, tok.kind == TOKEN_OPEN_INVERSE, out, err);
}

static int parse_nodes(struct parser *p, struct node **first, enum stop *stop, struct error *err)
{
	struct node **tail = first;

	*first = NULL;
	for (;;) {
		bool is_else = false;
		int rc;

		if (p->tok.kind == TOKEN_END || p->tok.kind == TOKEN_OPEN_END) {
			*stop = p->tok.kind == TOKEN_END ? STOP_END : STOP_CLOSE;
			return 0;
		}
		rc = parse_node(p, tail, &is_else, err);
		if (rc != 0)
			return rc;
		if (is_else) {
			*stop = STOP_ELSE;
			return 0;
		}
		tail = &(*tail)->next;
	}
}

int parse_template(struct template *t, const char *text, size_t n, struct error *err)
{
	struct parser p = { .t = t };
	struct node *nodes;
	enum stop stop;
	int rc;

	lex_init(&p.lx, t->name, text, n, t->opt.level == TEMPLATE_BARAGON);
	rc = expr_next(&p, err);
	if (rc == 0)
		rc = parse_nodes(&p, &nodes, &stop, err);
	if (rc != 0)
		return rc;
	if (stop == STOP_ELSE)
		return template_fail(err, ERR_INVALID, t->name, p.tok.line, p.tok.col, "else outside a block");
	if (stop == STOP_CLOSE)
		return expr_fail(&p, &p.tok, "a closing tag without its block", err);
	t->nodes = nodes;
	return 0;
}
