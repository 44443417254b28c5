/*
 * head.c - the opening tag of a block: what kind of node it makes, of what, and with which names
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/head.h"

#include "lib/base/str.h"

static bool java(const struct parser *p)
{
	return p->t->opt.level == TEMPLATE_BARAGON;
}

int head_no_names(const struct parser *p, const struct token *tok, struct error *err)
{
	return expr_fail(p, tok, "'as |...|' can stand in #each, #with and sections alone", err);
}

/* At |: what as |x i| gives. */
static int parse_names(struct parser *p, struct given *names, struct error *err)
{
	enum node_kind kind;
	struct name name;
	int rc = expr_next(p, err);

	while (rc == 0 && p->tok.kind == TOKEN_PATH) {
		rc = path_name(p, &name, err);
		if (rc != 0)
			return rc;
		if (name.path.n != 1 || name.path.here || name.path.data || name.path.up > 0)
			return expr_fail(p, &name.tok, "one name is expected here", err);
		name.simple = true;
		if (expr_builtin(p, &name, &kind))
			return template_fail(err, ERR_INVALID, p->t->name, name.tok.line, name.tok.col,
				"'%s' cannot be a name of 'as |...|'", name.text);
		if (names->n == ARRAY_LEN(names->name))
			return expr_fail(p, &name.tok, "at most two names can stand in 'as |...|'", err);
		names->name[names->n++] = name.path.segs[0].name;
	}
	if (rc == 0 && (p->tok.kind != TOKEN_BAR || names->n == 0))
		return expr_fail(p, &p->tok, "'as |' needs a name or two and then '|'", err);
	return rc != 0 ? rc : expr_next(p, err);
}

static const struct expr *current(struct parser *p, const struct token *tok)
{
	struct expr *e = arena_alloc(p->t->arena, sizeof(*e));

	*e = (struct expr){ .kind = EXPR_PATH, .line = tok->line, .col = tok->col };
	e->u.path = (struct path){ .here = true, .slot = -1, .text = "this" };
	p->t->mentions_all = true;
	return e;
}

int head_builtin(struct parser *p, const struct name *name, const struct args *args, struct node *n,
	struct error *err)
{
	bool test = n->kind == NODE_IF || n->kind == NODE_UNLESS;
	const struct token *tok = &name->tok;

	/* handlebars.java takes the current object, and does not look at what else there is. */
	if (java(p) && n->kind != NODE_BLOCK && n->kind != NODE_DEFINE) {
		n->expr = args->list.n > 0 ? args->list.items[0].expr : current(p, tok);
		return 0;
	}
	if (args->list.n == 0)
		return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col,
			"'%s' needs a parameter", name->text);
	if (args->list.n > 1)
		return template_fail(err, ERR_INVALID, p->t->name, args->list.items[1].expr->line,
			args->list.items[1].expr->col, "'%s' takes one parameter", name->text);
	for (size_t i = 0; i < args->hash.n; i++)
		if (!test || !str_eq(args->hash.items[i].key, "includeZero"))
			return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col,
				"'%s' has no parameter '%s='", name->text, args->hash.items[i].key);
	n->expr = args->list.items[0].expr;
	n->hash = expr_keep(p, &args->hash);
	n->n_hash = args->hash.n;
	return 0;
}

int head_parse(struct parser *p, bool inverse, struct node *n, struct name *name, struct given *names,
	struct error *err)
{
	AUTO(args_release) struct args args = ARGS_INIT;
	struct token as;
	int rc = path_name(p, name, err);

	if (rc == 0)
		rc = expr_args(p, &args, err);
	if (rc != 0)
		return rc;
	if (expr_builtin(p, name, &n->kind) && !(inverse && java(p))) {
		rc = head_builtin(p, name, &args, n, err);
	} else {
		n->kind = inverse && java(p) ? NODE_UNLESS : NODE_SECTION;
		if (inverse && java(p) && args.list.n + args.hash.n > 0)
			return expr_fail(p, &name->tok, "{{^name}} takes no parameters at baragon level", err);
		rc = expr_about(p, name, &args, !inverse || !java(p), &n->expr, err);
		if (rc == 0 && n->expr->kind == EXPR_CALL && n->kind == NODE_SECTION)
			n->kind = NODE_TEST;
	}
	if (rc != 0 || p->tok.kind != TOKEN_AS)
		return rc;
	as = p->tok;
	if (inverse || (n->kind != NODE_EACH && n->kind != NODE_WITH && n->kind != NODE_SECTION))
		return head_no_names(p, &as, err);
	rc = parse_names(p, names, err);
	if (rc == 0 && n->kind == NODE_WITH && names->n > 1)
		return expr_fail(p, &as, "'with' gives one name", err);
	n->n_names = names->n;
	return rc;
}
