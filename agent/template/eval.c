/*
 * eval.c - a template and data into text
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/eval.h"

#include "agent/template/eval_internal.h"
#include "agent/template/wording.h"
#include "lib/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FEW_PARAMS 8              /* these many need no arena */
#define STEPS_PER_TURN 64         /* max_turns times this bounds the nodes evaluated */
#define ARENA_KEEP ((size_t)1 << 16) /* what helpers made is thrown away at this size, once nobody uses it */

int eval_fail(struct eval *e, enum error_code code, const struct env *env, const struct node *n, const char *fmt, ...)
{
	char text[sizeof(e->err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return template_fail(e->err, code, env->unit->t->name, n->line, n->col, "%s", text);
}

int eval_count(struct eval *e, size_t n, const struct env *env, const struct node *at)
{
	e->turns += n;
	if (e->turns > e->t->opt.max_turns)
		return eval_fail(e, ERR_REFUSED, env, at, "more than %zu turns of loops", e->t->opt.max_turns);
	return 0;
}

int eval_enter(struct eval *e, const struct env *env, const struct node *at)
{
	if (e->depth >= e->t->opt.max_depth)
		return eval_fail(e, ERR_REFUSED, env, at, "nested deeper than %zu", e->t->opt.max_depth);
	e->depth++;
	return 0;
}

static int eval_params(struct eval *e, const struct call *c, const struct env *env, const struct value **args,
	struct value_member *hash)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < c->n_args; i++)
		rc = eval_expr(e, c->args[i].expr, env, &args[i]);
	for (size_t i = 0; rc == 0 && i < c->n_hash; i++) {
		hash[i].key = c->hash[i].key;
		rc = eval_expr(e, c->hash[i].expr, env, &hash[i].value);
	}
	return rc;
}

static int eval_call(struct eval *e, const struct expr *x, const struct env *env, const struct value **out)
{
	const struct value *few[FEW_PARAMS], **args = few, *result = NULL;
	struct value_member few_hash[FEW_PARAMS], *hash = few_hash;
	const struct call *c = &x->u.call;
	struct error cause;
	int rc;

	cause.text[0] = '\0';
	if (e->look.arena == NULL)
		e->look.arena = arena_new();
	if (c->n_args > FEW_PARAMS)
		args = arena_alloc(e->look.arena, c->n_args * sizeof(*args));
	if (c->n_hash > FEW_PARAMS)
		hash = arena_alloc(e->look.arena, c->n_hash * sizeof(*hash));
	rc = eval_params(e, c, env, args, hash);
	if (rc != 0)
		return rc;
	rc = c->helper->fn(&(struct template_call){ c->helper->name, args, c->n_args, hash, c->n_hash,
		env->at.self, e->look.root, e->look.arena, c->helper->ctx }, &result, &cause);
	if (rc != 0)
		return template_fail(e->err, rc < 0 ? (enum error_code)rc : ERR_INVALID, env->unit->t->name, x->line,
			x->col, "helper '%s': %s", c->helper->name, cause.text);
	if (arena_used(e->look.arena) > e->t->opt.max_output)
		return template_fail(e->err, ERR_REFUSED, env->unit->t->name, x->line, x->col,
			"helpers made more than %zu bytes", e->t->opt.max_output);
	*out = result != NULL ? result : value_null();
	return 0;
}

/* *out is never NULL afterwards: what is missing is null. */
int eval_expr(struct eval *e, const struct expr *x, const struct env *env, const struct value **out)
{
	const struct value *v;

	switch (x->kind) {
	case EXPR_LITERAL:
		*out = x->u.literal;
		return 0;
	case EXPR_PATH:
		v = lookup_path(&e->look, &x->u.path, &env->at);
		*out = v != NULL ? v : value_null();
		return 0;
	case EXPR_CALL:
		return eval_call(e, x, env, out);
	}
	return 0;
}

static bool as_number(const struct value *v, double *r)
{
	char *end;

	switch (v->kind) {
	case VALUE_BOOL:
		*r = v->u.b;
		return true;
	case VALUE_INT:
		*r = (double)v->u.i;
		return true;
	case VALUE_REAL:
		*r = v->u.r;
		return true;
	case VALUE_STRING:
		*r = strtod(v->u.s, &end);
		return *end == '\0';
	case VALUE_NULL:
	case VALUE_LIST:
	case VALUE_MAP:
		return false;
	}
	return false;
}

/* JavaScript's ==, by which handlebars.js decides whether a block has a scope of its own. */
static bool same(const struct value *x, const struct value *y)
{
	AUTO(buf_release) struct buf text = BUF_LIMITED(64);
	struct value as_text = { .kind = VALUE_STRING };
	double a, b;

	if (x == y)
		return true;
	if (x->kind == VALUE_STRING && y->kind == VALUE_STRING)
		return str_eq(x->u.s, y->u.s);
	if (y->kind == VALUE_LIST)
		return x->kind != VALUE_LIST && same(y, x);
	if (x->kind != VALUE_LIST)
		return (x->kind == VALUE_NULL && y->kind == VALUE_NULL) ||
			(as_number(x, &a) && as_number(y, &b) && !(a < b) && !(a > b));
	if (y->kind == VALUE_MAP || y->kind == VALUE_NULL || wording_print(x, TEMPLATE_LOCKSTEP, &text, NULL) != 0 ||
		text.overflow)
		return false;
	as_text.u.s = buf_cstr(&text);
	return same(&as_text, y);
}

const struct scope *eval_scope(const struct scope *up, const struct value *self, struct scope *room)
{
	if (up != NULL && (up->self == self || (self->kind != VALUE_MAP && same(self, up->self))))
		return up;
	*room = (struct scope){ .up = up, .self = self };
	return room;
}

const struct names *eval_names(const struct node *n, const struct names *up, const struct value *first,
	const struct value *second, struct names *room)
{
	if (n->n_names == 0)
		return up;
	*room = (struct names){ up, { first, second } };
	return room;
}

/* Of a block without a scope of its own. */
static int eval_branch(struct eval *e, const struct node *n, bool body, const struct env *env)
{
	const struct node *first = body ? n->body : n->other;
	struct env in;
	struct names room;

	if (first == NULL)
		return 0;
	if (!env->unit->t->has_inlines && n->n_names == 0)
		return eval_nodes(e, first, env);
	in = *env;
	in.outer = env->at.scope;
	if (body)
		in.at.names = eval_names(n, env->at.names, NULL, NULL, &room);
	return eval_program(e, first, &in);
}

/* Of one over `v`. */
static int eval_over(struct eval *e, const struct node *n, bool body, const struct env *env, const struct value *v,
	bool always)
{
	struct scope scope = { .up = env->at.scope, .self = v };
	struct env in = *env;
	struct names room;

	in.outer = env->at.scope;
	in.at.self = v;
	in.at.scope = always ? &scope : eval_scope(env->at.scope, v, &scope);
	if (body)
		in.at.names = eval_names(n, env->at.names, v, NULL, &room);
	return eval_program(e, body ? n->body : n->other, &in);
}

static bool is_zero(const struct value *v)
{
	return (v->kind == VALUE_INT && v->u.i == 0) || (v->kind == VALUE_REAL && !(v->u.r < 0) && v->u.r <= 0);
}

static int eval_if(struct eval *e, const struct node *n, const struct env *env, const struct value *v)
{
	bool yes = lookup_true(v);

	for (size_t i = 0; i < n->n_hash && e->look.level == TEMPLATE_LOCKSTEP; i++) {
		const struct value *zero;
		int rc = eval_expr(e, n->hash[i].expr, env, &zero);

		if (rc != 0)
			return rc;
		if (str_eq(n->hash[i].key, "includeZero") && (lookup_true(zero) || zero->kind == VALUE_LIST))
			yes = yes || is_zero(v);
	}
	return eval_branch(e, n, yes == (n->kind == NODE_IF), env);
}

/* Java makes the scope for the else part, too. */
static int eval_with(struct eval *e, const struct node *n, const struct env *env, const struct value *v)
{
	if (e->look.level == TEMPLATE_BARAGON)
		return eval_over(e, n, lookup_true(v), env, v, v != env->at.self);
	if (lookup_true(v) || is_zero(v))
		return eval_over(e, n, true, env, v, false);
	return eval_branch(e, n, false, env);
}

static int eval_section(struct eval *e, const struct node *n, const struct env *env, const struct value *v)
{
	if (v->kind == VALUE_BOOL)
		return eval_branch(e, n, v->u.b, env);
	if (v->kind == VALUE_LIST)
		return eval_each(e, n, env, v);
	if (e->look.level == TEMPLATE_BARAGON)
		return eval_over(e, n, lookup_true(v), env, v, true);
	if (v->kind == VALUE_NULL)
		return eval_branch(e, n, false, env);
	return eval_over(e, n, true, env, v, false);
}

static int eval_about(struct eval *e, const struct node *n, const struct env *env, const struct value *v)
{
	if (n->kind == NODE_EACH)
		return eval_each(e, n, env, v);
	if (n->kind == NODE_WITH)
		return eval_with(e, n, env, v);
	if (n->kind == NODE_SECTION)
		return eval_section(e, n, env, v);
	if (n->kind == NODE_TEST)
		return eval_branch(e, n, lookup_true(v), env);
	return eval_if(e, n, env, v);
}

size_t eval_used(const struct eval *e)
{
	return e->look.arena != NULL ? arena_used(e->look.arena) : 0;
}

/* A block about a value. What the value needed in the arena is held while it runs. */
static int eval_value_block(struct eval *e, const struct node *n, const struct env *env)
{
	size_t before = eval_used(e);
	const struct value *v;
	bool held;
	int rc = eval_expr(e, n->expr, env, &v);

	if (rc != 0)
		return rc;
	held = eval_used(e) != before;
	rc = eval_enter(e, env, n);
	if (rc != 0)
		return rc;
	e->holds += held;
	rc = eval_about(e, n, env, v);
	e->holds -= held;
	e->depth--;
	return rc;
}

static int eval_print(struct eval *e, const struct node *n, const struct env *env)
{
	const struct value *v;
	int rc = eval_expr(e, n->expr, env, &v);

	return rc != 0 ? rc : emit_value(e, n, v, env);
}

static int eval_node(struct eval *e, const struct node *n, const struct env *env)
{
	switch (n->kind) {
	case NODE_TEXT:
		return emit_text(e, n, env);
	case NODE_PRINT:
		return eval_print(e, n, env);
	case NODE_IF:
	case NODE_UNLESS:
	case NODE_EACH:
	case NODE_WITH:
	case NODE_SECTION:
	case NODE_TEST:
		return eval_value_block(e, n, env);
	case NODE_PARTIAL:
		return eval_partial(e, n, env);
	case NODE_INLINE:
		return 0; /* seen when its program began */
	case NODE_DEFINE:
		return eval_define(e, n, env);
	case NODE_BLOCK:
		return eval_block(e, n, env);
	}
	return 0;
}

int eval_nodes(struct eval *e, const struct node *n, const struct env *env)
{
	int rc = 0;

	for (; rc == 0 && n != NULL; n = n->next) {
		if (++e->steps > e->most_steps)
			return eval_fail(e, ERR_REFUSED, env, n, "the rendering takes more than %zu steps",
				e->most_steps);
		rc = eval_node(e, n, env);
		if (e->look.arena != NULL && e->holds == 0 && arena_used(e->look.arena) > ARENA_KEEP) {
			arena_free(&e->look.arena);
			lookup_forget(&e->look);
		}
	}
	return rc;
}

int eval_program(struct eval *e, const struct node *n, const struct env *env)
{
	if (env->unit->t->has_inlines)
		return eval_with_inlines(e, n, env);
	return eval_nodes(e, n, env);
}

static int check_end(struct eval *e, const struct env *env)
{
	static const struct node empty = { .line = 1, .col = 1 };
	const char *where = e->target->end(e->state);
	const struct node *last = e->t->nodes != NULL ? e->t->nodes : &empty;

	if (where == NULL)
		return 0;
	while (last->next != NULL)
		last = last->next;
	return eval_fail(e, ERR_INVALID, env, last, "what is rendered ends %s", where);
}

int eval_template(const struct template *t, const struct value *data, struct buf *out, struct error *err)
{
	struct eval e = { .t = t, .target = t->target, .out = out, .start = out->len, .err = err,
		.look = { .level = t->opt.level, .root = data } };
	struct unit unit = { .t = t, .same_target = true };
	struct scope root = { .self = data };
	struct frame frame = { NULL, NULL, NULL };
	struct env env = { &unit, { data, &root, &frame, NULL }, NULL };
	int rc;

	e.unusual = t->target == &target_html || (t->opt.allow_control && t->opt.level == TEMPLATE_BARAGON);
	e.most = t->opt.max_output <= SIZE_MAX - e.start ? e.start + t->opt.max_output : SIZE_MAX;
	e.most_steps = t->opt.max_turns <= SIZE_MAX / STEPS_PER_TURN ? t->opt.max_turns * STEPS_PER_TURN : SIZE_MAX;
	rc = eval_program(&e, t->nodes, &env);
	if (rc == 0)
		rc = check_end(&e, &env);
	eval_forget(&e);
	buf_release(&e.text);
	arena_free(&e.look.arena);
	if (out->data != NULL)
		buf_truncate(out, out->len);
	return rc;
}
