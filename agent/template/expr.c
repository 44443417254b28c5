/*
 * expr.c - what stands inside a tag: paths, literals, helper calls
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/expr.h"

#include "lib/base/str.h"

#include <string.h>

/* Growing list of parameters, on the heap until the call is complete. */
struct params {
	struct param *items;
	size_t n, cap;
};

#define MAX_PARAMS 32

static void params_release(struct params *ps)
{
	xfree_p(&ps->items);
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

static void mention(struct template *t, const char *name)
{
	for (size_t i = 0; i < t->n_mentions; i++)
		if (str_eq(t->mentions[i], name))
			return;
	GROW(t->mentions, t->n_mentions, t->cap_mentions);
	t->mentions[t->n_mentions++] = name;
}

/* One segment at *i: a name, or [anything]. */
static bool parse_segment(struct parser *p, const struct token *tok, size_t *i, struct segment *seg)
{
	size_t from = *i, to;

	seg->index = -1;
	if (from < tok->n && tok->p[from] == '[') {
		const char *close = memchr(tok->p + from, ']', tok->n - from);
		int64_t index;

		if (close == NULL || close == tok->p + from + 1)
			return false;
		to = (size_t)(close - tok->p);
		seg->name = arena_strndup(p->t->arena, tok->p + from + 1, to - from - 1);
		if (str_to_i64(seg->name, 0, INT32_MAX, &index))
			seg->index = index;
		*i = to + 1;
		return *i == tok->n || tok->p[*i] == '.' || tok->p[*i] == '/';
	}
	for (to = from; to < tok->n && tok->p[to] != '.' && tok->p[to] != '/' && tok->p[to] != '['; to++)
		;
	if (to == from || (to < tok->n && tok->p[to] == '['))
		return false;
	seg->name = arena_strndup(p->t->arena, tok->p + from, to - from);
	*i = to;
	return true;
}

/* What stands before the segments: ../ ./ this. @ ; *i is left behind it. false: malformed. */
static bool parse_prefix(const struct token *tok, struct path *path, size_t *i)
{
	while (tok->n - *i >= 2 && memcmp(tok->p + *i, "..", 2) == 0) {
		*i += 2;
		path->up++;
		if (*i == tok->n) {
			path->here = true;
			return true;
		}
		if (tok->p[*i] != '/' || ++*i == tok->n)
			return false;
	}
	if (tok->p[*i] == '@') {
		path->data = true;
		++*i;
		return *i < tok->n;
	}
	if (tok->p[*i] == '.') {
		path->here = true;
		++*i;
		return *i == tok->n || (tok->p[*i] == '/' && ++*i < tok->n);
	}
	if (tok->n - *i >= 4 && memcmp(tok->p + *i, "this", 4) == 0 &&
		(tok->n - *i == 4 || tok->p[*i + 4] == '.' || tok->p[*i + 4] == '/')) {
		path->here = true;
		*i += 4;
		return *i == tok->n || ++*i < tok->n;
	}
	return true;
}

static bool parse_segments(struct parser *p, const struct token *tok, size_t i, struct path *path)
{
	struct segment *segs = arena_alloc(p->t->arena, (tok->n / 2 + 1) * sizeof(*segs));

	path->segs = segs;
	while (i < tok->n) {
		if (!parse_segment(p, tok, &i, &segs[path->n++]))
			return false;
		if (i < tok->n && ++i == tok->n)
			return false; /* ends with a separator */
	}
	return true;
}

static bool known_data(const struct path *path)
{
	static const char *const names[] = { "index", "first", "last", "odd", "even", "key" };

	if (str_eq(path->segs[0].name, "root"))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(path->segs[0].name, names[i]))
			return path->n == 1;
	return false;
}

static int parse_path(struct parser *p, const struct token *tok, struct expr *e, struct error *err)
{
	struct path *path = &e->u.path;
	size_t i = 0;

	e->kind = EXPR_PATH;
	path->slot = -1;
	path->text = arena_strndup(p->t->arena, tok->p, tok->n);
	if (!parse_prefix(tok, path, &i) || !parse_segments(p, tok, i, path))
		return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col,
			"malformed path '%s'", path->text);
	if (path->data && !known_data(path))
		return template_fail(err, ERR_INVALID, p->t->name, tok->line, tok->col,
			"there is no variable '%s'", path->text);
	if (path->n > 0)
		mention(p->t, path->segs[path->data && path->n > 1 ? 1 : 0].name);
	return 0;
}

static const struct template_helper *find_helper(const struct parser *p, const struct token *tok)
{
	for (size_t i = 0; i < p->t->opt.n_helpers; i++)
		if (expr_word(tok, p->t->opt.helpers[i].name))
			return &p->t->opt.helpers[i];
	return NULL;
}

/* A string literal without the backslashes before its quotes; `tok->p[-1]` is the quote. */
static const char *unescape(struct parser *p, const struct token *tok)
{
	char *s = arena_strndup(p->t->arena, tok->p, tok->n);
	char quote = tok->p[-1];
	size_t to = 0;

	for (size_t i = 0; i < tok->n; i++) {
		if (s[i] == '\\' && i + 1 < tok->n && s[i + 1] == quote)
			i++;
		s[to++] = s[i];
	}
	s[to] = '\0';
	return s;
}

static int parse_call(struct parser *p, bool block, struct expr *e, struct error *err);

static int parse_sub(struct parser *p, struct expr *e, struct error *err)
{
	struct token open = p->tok;
	int rc = expr_enter(p, &open, err);

	if (rc == 0)
		rc = expr_next(p, err);
	if (rc == 0 && p->tok.kind != TOKEN_PATH)
		rc = expr_fail(p, &p->tok, "a helper's name must follow '('", err);
	if (rc == 0 && find_helper(p, &p->tok) == NULL)
		rc = template_fail(err, ERR_INVALID, p->t->name, p->tok.line, p->tok.col,
			"could not find helper: '%.*s'", (int)p->tok.n, p->tok.p);
	if (rc == 0)
		rc = parse_call(p, false, e, err);
	if (rc == 0 && p->tok.kind != TOKEN_RPAREN)
		rc = expr_fail(p, &open, "'(' without ')'", err);
	if (rc == 0)
		rc = expr_next(p, err);
	p->depth--;
	return rc;
}

int expr_param(struct parser *p, const struct expr **out, struct error *err)
{
	struct expr *e = arena_alloc(p->t->arena, sizeof(*e));
	struct token tok = p->tok;
	int64_t i;
	int rc;

	e->line = tok.line;
	e->col = tok.col;
	*out = e;
	if (tok.kind == TOKEN_LPAREN)
		return parse_sub(p, e, err);
	e->kind = EXPR_LITERAL;
	if (tok.kind == TOKEN_STRING) {
		e->u.literal = value_string(p->t->arena, unescape(p, &tok));
	} else if (tok.kind == TOKEN_NUMBER) {
		if (!str_to_i64(arena_strndup(p->t->arena, tok.p, tok.n), INT64_MIN, INT64_MAX, &i))
			return expr_fail(p, &tok, "the number does not fit 64 bits", err);
		e->u.literal = value_int(p->t->arena, i);
	} else if (tok.kind != TOKEN_PATH) {
		return expr_fail(p, &tok, "a parameter must be a path, string, number, true, false or (helper ...)", err);
	} else if (expr_word(&tok, "true") || expr_word(&tok, "false")) {
		e->u.literal = value_bool(expr_word(&tok, "true"));
	} else {
		rc = parse_path(p, &tok, e, err);
		if (rc != 0)
			return rc;
	}
	return expr_next(p, err);
}

/* Everything up to } or ). */
static int parse_params(struct parser *p, struct params *args, struct params *hash, struct error *err)
{
	while (p->tok.kind != TOKEN_CLOSE && p->tok.kind != TOKEN_RPAREN) {
		struct token tok = p->tok;
		struct params *to = args;
		struct param one = { NULL, NULL };
		int rc;

		if (args->n + hash->n >= MAX_PARAMS)
			return expr_fail(p, &tok, "too many parameters", err);
		rc = expr_param(p, &one.expr, err);
		if (rc == 0 && p->tok.kind == TOKEN_EQUALS) {
			if (tok.kind != TOKEN_PATH)
				return expr_fail(p, &p->tok, "a name must stand before '='", err);
			one.key = arena_strndup(p->t->arena, tok.p, tok.n);
			to = hash;
			rc = expr_next(p, err);
			if (rc == 0)
				rc = expr_param(p, &one.expr, err);
		} else if (rc == 0 && hash->n > 0) {
			return expr_fail(p, &tok, "parameters without a name must come first", err);
		}
		if (rc != 0)
			return rc;
		GROW(to->items, to->n, to->cap);
		to->items[to->n++] = one;
	}
	return 0;
}

static const struct param *params_keep(struct parser *p, const struct params *ps)
{
	struct param *copy;

	if (ps->n == 0)
		return NULL;
	copy = arena_alloc(p->t->arena, ps->n * sizeof(*copy));
	memcpy(copy, ps->items, ps->n * sizeof(*copy));
	return copy;
}

/* At a helper's name: the name and its parameters. */
static int parse_call(struct parser *p, bool block, struct expr *e, struct error *err)
{
	AUTO(params_release) struct params args = { NULL, 0, 0 }, hash = { NULL, 0, 0 };
	const struct template_helper *h = find_helper(p, &p->tok);
	struct token name = p->tok;
	int rc;

	if (h->form != HELPER_BOTH && (h->form == HELPER_BLOCK) != block)
		return template_fail(err, ERR_INVALID, p->t->name, name.line, name.col,
			h->form == HELPER_BLOCK ? "helper '%s' needs a block, {{#%s}}" : "helper '%s' is not for blocks like {{#%s}}",
			h->name, h->name);
	rc = expr_next(p, err);
	if (rc == 0)
		rc = parse_params(p, &args, &hash, err);
	if (rc != 0)
		return rc;
	if (args.n < h->min_args || args.n > h->max_args)
		return template_fail(err, ERR_INVALID, p->t->name, name.line, name.col,
			"helper '%s' takes %zu to %zu parameters, not %zu", h->name, h->min_args, h->max_args,
			args.n);
	e->kind = EXPR_CALL;
	e->u.call = (struct call){ h, params_keep(p, &args), args.n, params_keep(p, &hash), hash.n };
	return 0;
}

static int expect_close(struct parser *p, const struct token *name, struct error *err)
{
	if (p->tok.kind == TOKEN_CLOSE)
		return expr_next(p, err);
	if (p->tok.kind == TOKEN_RPAREN)
		return expr_fail(p, &p->tok, "')' without '('", err);
	return template_fail(err, ERR_INVALID, p->t->name, name->line, name->col,
		"could not find helper: '%.*s'", (int)name->n, name->p);
}

/* At the name of {{name ...}}: a helper call or a path. */
int expr_subject(struct parser *p, bool block, const struct expr **out, struct error *err)
{
	struct expr *e = arena_alloc(p->t->arena, sizeof(*e));
	struct token name = p->tok;
	int rc;

	if (name.kind != TOKEN_PATH)
		return expr_fail(p, &name, "a name is expected here", err);
	e->line = name.line;
	e->col = name.col;
	*out = e;
	if (find_helper(p, &name) != NULL) {
		rc = parse_call(p, block, e, err);
	} else {
		rc = parse_path(p, &name, e, err);
		if (rc == 0)
			rc = expr_next(p, err);
	}
	return rc != 0 ? rc : expect_close(p, &name, err);
}
