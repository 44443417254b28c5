/*
 * expr.c - what stands inside a tag: parameters, literals, helper calls
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/expr.h"

#include "lib/base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PARAMS 64

void args_release(struct args *args)
{
	xfree_p(&args->list.items);
	xfree_p(&args->hash.items);
}

int expr_fail(const struct parser *p, const struct token *tok, const char *what, struct error *err)
{
	return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col, "%s", what);
}

int expr_next(struct parser *p, struct error *err)
{
	return lex_next(&p->lx, &p->tok, err);
}

bool expr_word(const struct token *tok, const char *word)
{
	return tok->n == strlen(word) && memcmp(tok->p, word, tok->n) == 0;
}

int expr_enter(struct parser *p, const struct token *tok, struct error *err)
{
	if (++p->depth > p->t->opt.max_depth)
		return template_fail(err, ERR_REFUSED, p->t->name, tok->line, tok->col,
			"nested deeper than %zu", p->t->opt.max_depth);
	return 0;
}

static bool java(const struct parser *p)
{
	return p->t->opt.level == TEMPLATE_BARAGON;
}

bool expr_builtin(const struct parser *p, const struct name *name, enum node_kind *kind)
{
	static const struct {
		const char *name;
		enum node_kind kind;
		bool java_only;
	} rows[] = { { "if", NODE_IF, false }, { "unless", NODE_UNLESS, false }, { "each", NODE_EACH, false },
		{ "with", NODE_WITH, false }, { "partial", NODE_DEFINE, true }, { "block", NODE_BLOCK, true } };

	for (size_t i = 0; name->simple && i < ARRAY_LEN(rows); i++) {
		if (str_eq(name->text, rows[i].name) && (java(p) || !rows[i].java_only)) {
			*kind = rows[i].kind;
			return true;
		}
	}
	return false;
}

const struct template_helper *expr_helper(const struct parser *p, const struct name *name)
{
	for (size_t i = 0; name->simple && i < p->t->opt.n_helpers; i++)
		if (str_eq(name->text, p->t->opt.helpers[i].name))
			return &p->t->opt.helpers[i];
	return NULL;
}

static int unknown_helper(const struct parser *p, const struct token *tok, struct error *err)
{
	return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col, "could not find helper: '%.*s'",
		(int)tok->n, tok->p);
}

static int call(struct parser *p, const struct name *name, const struct args *args, bool block, struct expr *e,
	struct error *err)
{
	const struct template_helper *h = expr_helper(p, name);
	const struct token *tok = &name->tok;
	size_t n = args->list.n;

	if (h->form != HELPER_BOTH && (h->form == HELPER_BLOCK) != block)
		return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col,
			h->form == HELPER_BLOCK ? "helper '%s' needs a block, {{#%s}}" : "helper '%s' is not for blocks like {{#%s}}",
			h->name, h->name);
	if (n < h->min_args || n > h->max_args)
		return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col,
			"helper '%s' takes %zu to %zu parameters, not %zu", h->name, h->min_args, h->max_args, n);
	e->kind = EXPR_CALL;
	e->line = tok->line;
	e->col = tok->col;
	e->u.call = (struct call){ h, expr_keep(p, &args->list), n, expr_keep(p, &args->hash), args->hash.n };
	return 0;
}

int expr_sub(struct parser *p, const struct expr **out, struct error *err)
{
	AUTO(args_release) struct args args = ARGS_INIT;
	struct expr *e = arena_alloc(p->t->arena, sizeof(*e));
	struct token open = p->tok;
	enum node_kind kind;
	struct name name;
	int rc = expr_enter(p, &open, err);

	if (rc == 0)
		rc = expr_next(p, err);
	if (rc == 0 && p->tok.kind != TOKEN_PATH && p->tok.kind != TOKEN_STRING)
		rc = expr_fail(p, &p->tok, "a helper's name must follow '('", err);
	if (rc == 0)
		rc = path_name(p, &name, err);
	if (rc == 0 && expr_builtin(p, &name, &kind))
		rc = template_fail(err, ERR_INVALID, p->t->name, name.tok.line, name.tok.col,
			"'%s' needs a block, {{#%s ...}}", name.text, name.text);
	else if (rc == 0 && expr_helper(p, &name) == NULL)
		rc = unknown_helper(p, &name.tok, err);
	if (rc == 0)
		rc = expr_args(p, &args, err);
	if (rc == 0 && p->tok.kind != TOKEN_RPAREN)
		rc = expr_fail(p, &open, "'(' without ')'", err);
	if (rc == 0)
		rc = call(p, &name, &args, false, e, err);
	if (rc == 0)
		rc = expr_next(p, err);
	p->depth--;
	*out = e;
	return rc;
}

/* As JavaScript reads it: 1.0 is 1. */
static int number(struct parser *p, const struct token *tok, const struct value **out, struct error *err)
{
	const char *text = arena_strndup(p->scratch, tok->p, tok->n);
	int64_t i;
	double r;

	if (java(p) && !str_to_i64(text, 0, INT32_MAX, &i))
		return expr_fail(p, tok, "the number does not fit 32 bits", err);
	if (memchr(tok->p, '.', tok->n) == NULL) {
		if (!str_to_i64(text, INT64_MIN, INT64_MAX, &i))
			return expr_fail(p, tok, "the number does not fit 64 bits", err);
		*out = value_int(p->t->arena, i);
		return 0;
	}
	r = strtod(text, NULL);
	if (isinf(r))
		return expr_fail(p, tok, "the number is too large", err);
	if (fabs(r) < 9007199254740992.0 && fabs(r - trunc(r)) <= 0)
		*out = value_int(p->t->arena, (int64_t)r);
	else
		*out = value_real(p->t->arena, r);
	return 0;
}

static const struct value *word_literal(const struct parser *p, const struct token *tok)
{
	if (expr_word(tok, "true") || expr_word(tok, "false"))
		return value_bool(expr_word(tok, "true"));
	return !java(p) && (expr_word(tok, "null") || expr_word(tok, "undefined")) ? value_null() : NULL;
}

const struct expr *expr_text(struct parser *p, const struct token *tok, const char *text)
{
	struct expr *e = arena_alloc(p->t->arena, sizeof(*e));

	e->kind = EXPR_LITERAL;
	e->line = tok->line;
	e->col = tok->col;
	e->u.literal = value_string(p->t->arena, text);
	return e;
}

/* One parameter. */
static int param(struct parser *p, const struct expr **out, struct error *err)
{
	struct token tok = p->tok;
	struct name name;
	struct expr *e;
	int rc;

	if (tok.kind == TOKEN_LPAREN)
		return expr_sub(p, out, err);
	if (tok.kind == TOKEN_STRING) {
		*out = expr_text(p, &tok, path_unquote(p, &tok));
		return expr_next(p, err);
	}
	e = arena_alloc(p->t->arena, sizeof(*e));
	e->kind = EXPR_LITERAL;
	e->line = tok.line;
	e->col = tok.col;
	*out = e;
	if (tok.kind == TOKEN_NUMBER) {
		rc = number(p, &tok, &e->u.literal, err);
		return rc != 0 ? rc : expr_next(p, err);
	}
	if (tok.kind != TOKEN_PATH)
		return expr_fail(p, &tok, "a parameter must be a path, string, number, true, false or (helper ...)", err);
	e->u.literal = word_literal(p, &tok);
	if (e->u.literal != NULL)
		return expr_next(p, err);
	rc = path_name(p, &name, err);
	return rc != 0 ? rc : path_bind(p, &name, e, err);
}

/* The key before a '='. */
static int hash_key(struct parser *p, const struct params *hash, const char **out, struct error *err)
{
	struct token tok = p->tok;
	struct name name;
	int rc = path_name(p, &name, err);

	if (rc != 0)
		return rc;
	if (name.path.n != 1 || name.path.here || name.path.data || name.path.up > 0)
		return expr_fail(p, &tok, "one name must stand before '='", err);
	for (size_t i = 0; i < hash->n; i++)
		if (str_eq(hash->items[i].key, name.path.segs[0].name))
			return template_fail(err, ERR_INVALID, p->t->name, tok.line, tok.col,
				"'%s' is given twice", name.text);
	*out = name.path.segs[0].name;
	return expr_next(p, err); /* the '=' */
}

int expr_args(struct parser *p, struct args *args, struct error *err)
{
	while (p->tok.kind != TOKEN_CLOSE && p->tok.kind != TOKEN_RPAREN && p->tok.kind != TOKEN_AS) {
		struct token tok = p->tok;
		struct params *to = tok.key ? &args->hash : &args->list;
		struct param one = { NULL, NULL };
		int rc = 0;

		if (args->list.n + args->hash.n >= MAX_PARAMS)
			return expr_fail(p, &tok, "too many parameters", err);
		if (tok.kind == TOKEN_BAR)
			return expr_fail(p, &tok, "unexpected '|' in a tag", err);
		if (tok.kind == TOKEN_EQUALS)
			return expr_fail(p, &tok, "a name must stand before '='", err);
		if (tok.key)
			rc = hash_key(p, &args->hash, &one.key, err);
		else if (args->hash.n > 0)
			return expr_fail(p, &tok, "parameters without a name must come first", err);
		if (rc == 0)
			rc = param(p, &one.expr, err);
		if (rc != 0)
			return rc;
		GROW(to->items, to->n, to->cap);
		to->items[to->n++] = one;
	}
	return 0;
}

const struct param *expr_keep(struct parser *p, const struct params *ps)
{
	struct param *copy;

	if (ps->n == 0)
		return NULL;
	copy = arena_alloc(p->t->arena, ps->n * sizeof(*copy));
	memcpy(copy, ps->items, ps->n * sizeof(*copy));
	return copy;
}

/* Java has helpers of these names; nobody could use them outside of its web pages. */
static bool java_helper(const struct parser *p, const struct name *name)
{
	static const char *const names[] = { "embedded", "precompile", "i18n", "i18nJs" };

	for (size_t i = 0; java(p) && name->simple && i < ARRAY_LEN(names); i++)
		if (str_eq(name->text, names[i]))
			return true;
	return false;
}

int expr_about(struct parser *p, const struct name *name, const struct args *args, bool block,
	const struct expr **out, struct error *err)
{
	struct expr *e = arena_alloc(p->t->arena, sizeof(*e));

	*out = e;
	if (expr_helper(p, name) != NULL)
		return call(p, name, args, block, e, err);
	if (name->given && args->list.n + args->hash.n > 0)
		return template_fail(err, ERR_INVALID, p->t->name, name->tok.line, name->tok.col,
			"'%s' is a name that a block gives: it takes no parameters", name->text);
	if (args->list.n + args->hash.n > 0 || java_helper(p, name))
		return unknown_helper(p, &name->tok, err);
	return path_bind(p, name, e, err);
}
