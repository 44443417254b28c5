/*
 * eval.c - a template and data into text
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/eval.h"

#include "agent/template/lookup.h"
#include "agent/template/wording.h"
#include "lib/base/str.h"

struct eval {
	const struct template *t;
	const struct value *root;
	struct buf *out;
	size_t start; /* where our output begins */
	size_t turns; /* of all loops so far */
	struct arena *arena; /* results of helpers; made when first needed */
	struct error *err;
};

static int eval_nodes(struct eval *e, const struct node *n, const struct scope *scope);
static int eval_expr(struct eval *e, const struct expr *x, const struct scope *scope, const struct value **out);

/* A helper's text gets the place in front. */
static int helper_failed(struct eval *e, const struct expr *x, int rc, const struct error *cause)
{
	return template_fail(e->err, rc < 0 ? (enum error_code)rc : ERR_INVALID, e->t->name, x->line, x->col,
		"helper '%s': %s", x->u.call.helper->name, cause->text);
}

static int eval_call(struct eval *e, const struct expr *x, const struct scope *scope, const struct value **out)
{
	const struct call *c = &x->u.call;
	struct error cause = ERROR_INIT;
	const struct value **args, *result = NULL;
	struct value_member *hash;
	int rc;

	if (e->arena == NULL)
		e->arena = arena_new();
	args = arena_alloc(e->arena, (c->n_args + 1) * sizeof(*args));
	hash = arena_alloc(e->arena, (c->n_hash + 1) * sizeof(*hash));
	for (size_t i = 0; i < c->n_args; i++) {
		rc = eval_expr(e, c->args[i].expr, scope, &args[i]);
		if (rc != 0)
			return rc;
	}
	for (size_t i = 0; i < c->n_hash; i++) {
		hash[i].key = c->hash[i].key;
		rc = eval_expr(e, c->hash[i].expr, scope, &hash[i].value);
		if (rc != 0)
			return rc;
	}
	rc = c->helper->fn(&(struct template_call){ c->helper->name, args, c->n_args, hash, c->n_hash,
		scope->self, e->root, e->arena, c->helper->ctx }, &result, &cause);
	if (rc != 0)
		return helper_failed(e, x, rc, &cause);
	*out = result != NULL ? result : value_null();
	return 0;
}

/* *out is never NULL afterwards: what is missing is null. */
static int eval_expr(struct eval *e, const struct expr *x, const struct scope *scope, const struct value **out)
{
	const struct value *v;

	switch (x->kind) {
	case EXPR_LITERAL:
		*out = x->u.literal;
		return 0;
	case EXPR_PATH:
		v = lookup_path(&x->u.path, scope);
		*out = v != NULL ? v : value_null();
		return 0;
	case EXPR_CALL:
		return eval_call(e, x, scope, out);
	}
	return 0;
}

static int check_output(struct eval *e, unsigned line, unsigned col)
{
	if (e->out->overflow || e->out->len - e->start > e->t->opt.max_output)
		return template_fail(e->err, ERR_REFUSED, e->t->name, line, col,
			"the output is longer than %zu bytes", e->t->opt.max_output);
	return 0;
}

static int eval_print(struct eval *e, const struct node *n, const struct scope *scope)
{
	size_t from = e->out->len;
	const struct value *v;
	int rc = eval_expr(e, n->expr, scope, &v);

	if (rc != 0)
		return rc;
	wording_print(v, e->out);
	rc = check_output(e, n->line, n->col);
	if (rc != 0)
		return rc;
	for (size_t i = from; i < e->out->len; i++) {
		unsigned char c = (unsigned char)e->out->data[i];

		if (c < 0x20 || c == 0x7f)
			return template_fail(e->err, ERR_INVALID, e->t->name, n->line, n->col,
				"the value of '%s' holds the control character 0x%02X",
				n->expr->kind == EXPR_PATH ? n->expr->u.path.text : n->expr->u.call.helper->name, c);
	}
	return 0;
}

static int eval_turn(struct eval *e, const struct node *n, const struct scope *up, const struct value *self,
	const char *key, size_t turn, size_t turns)
{
	struct scope in = { .up = up, .self = self, .loop = true, .turn = turn, .turns = turns };

	in.index = (struct value){ VALUE_INT, { .i = (int64_t)turn } };
	in.key = key != NULL ? (struct value){ VALUE_STRING, { .s = key } } : *value_null();
	if (++e->turns > e->t->opt.max_turns)
		return template_fail(e->err, ERR_REFUSED, e->t->name, n->line, n->col,
			"more than %zu turns of loops", e->t->opt.max_turns);
	return eval_nodes(e, n->body, &in);
}

static int eval_map_turns(struct eval *e, const struct node *n, const struct scope *scope, const struct value *v)
{
	size_t turns = v->u.map.n, turn = 0;
	int rc = 0;

	if (value_get(v, TEMPLATE_TEXT_KEY) != NULL)
		turns--;
	for (size_t i = 0; rc == 0 && i < v->u.map.n; i++) {
		const struct value_member *m = &v->u.map.members[i];

		if (!str_eq(m->key, TEMPLATE_TEXT_KEY))
			rc = eval_turn(e, n, scope, m->value, m->key, turn++, turns);
	}
	return rc;
}

static int eval_each(struct eval *e, const struct node *n, const struct scope *scope, const struct value *v)
{
	int rc = 0;

	switch (v->kind) {
	case VALUE_LIST:
		if (v->u.list.n == 0)
			return eval_nodes(e, n->other, scope);
		for (size_t i = 0; rc == 0 && i < v->u.list.n; i++)
			rc = eval_turn(e, n, scope, v->u.list.items[i], NULL, i, v->u.list.n);
		return rc;
	case VALUE_MAP:
		return eval_map_turns(e, n, scope, v);
	case VALUE_NULL:
		return 0;
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_REAL:
	case VALUE_STRING:
		return template_fail(e->err, ERR_INVALID, e->t->name, n->line, n->col,
			"#each needs a list or a map, and '%s' is neither",
			n->expr->kind == EXPR_PATH ? n->expr->u.path.text : "its parameter");
	}
	return 0;
}

static int eval_with(struct eval *e, const struct node *n, const struct scope *scope, const struct value *v)
{
	struct scope in = { .up = scope, .self = v };

	if (!lookup_true(v))
		return eval_nodes(e, n->other, scope);
	return eval_nodes(e, n->body, &in);
}

static int eval_section(struct eval *e, const struct node *n, const struct scope *scope, const struct value *v)
{
	if (v->kind == VALUE_LIST)
		return eval_each(e, n, scope, v);
	if (v->kind == VALUE_BOOL)
		return eval_nodes(e, v->u.b ? n->body : n->other, scope);
	return eval_with(e, n, scope, v);
}

static int eval_block(struct eval *e, const struct node *n, const struct scope *scope)
{
	const struct value *v;
	int rc = eval_expr(e, n->expr, scope, &v);

	if (rc != 0)
		return rc;
	if (n->kind == NODE_EACH)
		return eval_each(e, n, scope, v);
	if (n->kind == NODE_WITH)
		return eval_with(e, n, scope, v);
	if (n->kind == NODE_SECTION)
		return eval_section(e, n, scope, v);
	return eval_nodes(e, lookup_true(v) == (n->kind == NODE_IF) ? n->body : n->other, scope);
}

static int eval_nodes(struct eval *e, const struct node *n, const struct scope *scope)
{
	int rc = 0;

	for (; rc == 0 && n != NULL; n = n->next) {
		if (n->kind == NODE_TEXT) {
			buf_append(e->out, n->text, n->len);
			rc = check_output(e, n->line, n->col);
		} else if (n->kind == NODE_PRINT) {
			rc = eval_print(e, n, scope);
		} else {
			rc = eval_block(e, n, scope);
		}
	}
	return rc;
}

int eval_template(const struct template *t, const struct value *data, struct buf *out, struct error *err)
{
	struct eval e = { .t = t, .root = data, .out = out, .start = out->len, .err = err };
	struct scope root = { .self = data };
	int rc = eval_nodes(&e, t->nodes, &root);

	arena_free(&e.arena);
	return rc;
}
