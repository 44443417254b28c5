/*
 * eval_partial.c - programs called by name: partials, inline ones, the block of a partial; Java's #partial
 *
 * Which names a called program sees is handlebars.js' choice (with `compat`): a partial of a file sees the
 * caller's scopes; an inline one, and the block that was given to a partial, those of the place where they
 * stand.  An inline one does not see the scope of the very program that it stands in, only what is around.
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/eval_internal.h"

#include "agent/template/partials.h"
#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define DEFINES_MAX 1000 /* names of {{#partial}} in one rendering */
#define PARTS_MAX 1000   /* items of a list that becomes a map */

/* A program and the place where it stands. */
struct closure {
	const struct node *body;
	struct unit *unit;
	const struct scope *scope;
	const struct names *names;
};

/* {{#*inline}}s of one running program, or of the block of a partial. */
struct inlines {
	const struct inlines *up;
	size_t n;
	struct inline_part {
		const char *name;
		struct closure code;
	} parts[];
};

struct partial_block {
	struct closure code;
	const struct partial_block *around; /* what {{> @partial-block}} means within the code */
};

struct define {
	struct define *next;
	char *name;
	const struct node *body;
};

static int name_of(struct eval *e, const struct node *n, const struct env *env, const char **out)
{
	const struct value *v;
	int rc = eval_expr(e, n->expr, env, &v);

	if (rc != 0)
		return rc;
	if (v->kind == VALUE_INT) {
		if (e->look.arena == NULL)
			e->look.arena = arena_new();
		*out = arena_printf(e->look.arena, "%lld", (long long)v->u.i);
		return 0;
	}
	if (v->kind != VALUE_STRING)
		return eval_fail(e, ERR_INVALID, env, n, "the name of a partial must be a text");
	*out = v->u.s;
	return 0;
}

static size_t count_inlines(const struct node *n)
{
	size_t count = 0;

	for (; n != NULL; n = n->next)
		count += n->kind == NODE_INLINE;
	return count;
}

/* Those among the nodes; *out is NULL if there are none. The caller frees. */
static int inlines_new(struct eval *e, const struct node *n, const struct env *env, const struct scope *scope,
	const struct inlines *up, struct inlines **out)
{
	size_t count = count_inlines(n);
	struct inlines *in;
	int rc = 0;

	*out = NULL;
	if (count == 0)
		return 0;
	in = xcalloc(1, sizeof(*in) + count * sizeof(in->parts[0]));
	in->up = up;
	for (; rc == 0 && n != NULL; n = n->next) {
		struct inline_part *part = &in->parts[in->n];

		if (n->kind != NODE_INLINE)
			continue;
		rc = name_of(e, n, env, &part->name);
		part->code = (struct closure){ n->body, env->unit, scope, env->at.names };
		in->n++;
	}
	*out = in;
	return rc;
}

int eval_with_inlines(struct eval *e, const struct node *n, const struct env *env)
{
	const struct inlines *before = env->unit->inlines;
	AUTO(xfree_p) struct inlines *in = NULL;
	size_t used = eval_used(e);
	bool held;
	int rc = inlines_new(e, n, env, env->outer, before, &in);

	if (rc != 0)
		return rc;
	held = eval_used(e) != used;
	if (in != NULL)
		env->unit->inlines = in;
	e->holds += held;
	rc = eval_nodes(e, n, env);
	e->holds -= held;
	env->unit->inlines = before;
	return rc;
}

/* The last one of that name. */
static const struct closure *find_inline(struct eval *e, const struct inlines *in, const char *name)
{
	for (; in != NULL; in = in->up) {
		e->steps += in->n;
		for (size_t i = in->n; i > 0; i--)
			if (str_eq(in->parts[i - 1].name, name))
				return &in->parts[i - 1].code;
	}
	return NULL;
}

static int run_closure(struct eval *e, const struct closure *c, const struct value *self, const struct frame *frame)
{
	struct scope room;
	struct env in = { c->unit, { self, eval_scope(c->scope, self, &room), frame, c->names }, c->scope };

	return eval_program(e, c->body, &in);
}

static int run_block(struct eval *e, const struct partial_block *b, const struct value *self,
	const struct frame *frame)
{
	struct frame in = { frame, frame->loop, b->around };

	return run_closure(e, &b->code, self, &in);
}

static int run_template(struct eval *e, const struct template *t, const struct value *self, const struct env *env,
	const struct frame *frame, const struct inlines *inlines)
{
	struct unit unit = { t, inlines, t->target == e->target };
	struct scope room;
	struct env in = { &unit, { self, eval_scope(env->at.scope, self, &room), frame, NULL }, env->at.scope };

	return eval_program(e, t->nodes, &in);
}

/* The block's own inline partials serve the template that is called. */
static int run_template_with_block(struct eval *e, const struct template *t, const struct value *self,
	const struct node *n, const struct env *env, const struct frame *frame)
{
	AUTO(xfree_p) struct inlines *in = NULL;
	int rc = inlines_new(e, n->body, env, env->at.scope, env->unit->inlines, &in);

	return rc != 0 ? rc : run_template(e, t, self, env, frame, in != NULL ? in : env->unit->inlines);
}

/* A name is looked for where it is called, before the caller's own block counts. */
static int run_named(struct eval *e, const char *name, const struct value *self, const struct node *n,
	const struct env *env)
{
	const struct partial_block *given = env->at.frame->block;
	struct partial_block block = { { n->body, env->unit, env->at.scope, env->at.names }, given };
	struct frame room = { env->at.frame, env->at.frame->loop, &block };
	const struct frame *frame = n->body != NULL ? &room : env->at.frame;
	const struct closure *code;
	const struct template *t;

	if (str_eq(name, "@partial-block")) {
		if (given != NULL)
			return run_block(e, given, self, frame);
	} else {
		code = find_inline(e, env->unit->inlines, name);
		if (code != NULL)
			return run_closure(e, code, self, frame);
		t = partials_find(e->t->opt.partials, name);
		if (t != NULL)
			return run_template_with_block(e, t, self, n, env, frame);
	}
	if (n->body != NULL)
		return run_block(e, &block, self, frame);
	return eval_fail(e, ERR_NOT_FOUND, env, n, "there is no partial '%s'", name);
}

/* Lists and texts become maps of their items and characters, as in JavaScript. */
static struct value *parts_of(const struct value *context, size_t more, struct arena *a)
{
	struct value *map = value_map_sized(a, more);

	if (context->kind == VALUE_LIST) {
		for (size_t i = 0; i < context->u.list.n; i++)
			value_map_add(a, map, arena_printf(a, "%zu", i), context->u.list.items[i]);
	} else if (context->kind == VALUE_STRING) {
		const char *s = context->u.s;

		for (size_t i = 0, n; *s != '\0'; s += n) {
			n = utf8_step(s, strnlen(s, 4));
			n += n == 0;
			value_map_add(a, map, arena_printf(a, "%zu", i), value_text(a, arena_strndup(a, s, n)));
			i += n == 4 ? 2 : 1;
		}
	}
	return map;
}

static size_t size_of(const struct value *v)
{
	return v->kind == VALUE_LIST ? v->u.list.n : v->kind == VALUE_STRING ? strlen(v->u.s) : 0;
}

/* The context with the hash over it. */
static int merge(struct eval *e, const struct node *n, const struct env *env, const struct value *context,
	struct arena *a, const struct value **out)
{
	struct value *map;
	int rc;

	if (size_of(context) > PARTS_MAX)
		return eval_fail(e, ERR_REFUSED, env, n, "the context of a partial with parameters is a list or text of "
			"more than %d", PARTS_MAX);
	map = context->kind == VALUE_MAP ? value_map_over(a, context, n->n_hash) : parts_of(context, n->n_hash, a);
	rc = eval_count(e, map->u.map.n, env, n);
	for (size_t i = 0; rc == 0 && i < n->n_hash; i++) {
		const struct value *v;

		rc = eval_expr(e, n->hash[i].expr, env, &v);
		if (rc == 0)
			value_map_put(a, map, n->hash[i].key, v);
	}
	*out = map;
	return rc;
}

static int call_partial(struct eval *e, const struct node *n, const struct env *env)
{
	AUTO(arena_free) struct arena *a = NULL;
	struct indent indent = { e->indent, n->indent, true };
	const struct value *self = env->at.self;
	size_t used = eval_used(e);
	const char *name;
	bool held;
	int rc = name_of(e, n, env, &name);

	if (rc == 0 && n->n_args > 0)
		rc = eval_expr(e, n->args[0].expr, env, &self);
	if (rc == 0 && n->n_hash > 0) {
		a = arena_new();
		rc = merge(e, n, env, self, a, &self);
	}
	if (rc != 0)
		return rc;
	held = eval_used(e) != used;
	e->holds += held;
	if (n->indent != NULL)
		e->indent = &indent;
	rc = run_named(e, name, self, n, env);
	e->indent = indent.up;
	e->holds -= held;
	if (a != NULL)
		lookup_forget(&e->look);
	return rc;
}

int eval_partial(struct eval *e, const struct node *n, const struct env *env)
{
	int rc;

	if (e->look.level == TEMPLATE_BARAGON)
		return eval_fail(e, ERR_INVALID, env, n, "there are no partials at baragon level");
	rc = eval_count(e, 1, env, n);
	if (rc == 0)
		rc = eval_enter(e, env, n);
	if (rc != 0)
		return rc;
	rc = call_partial(e, n, env);
	e->depth--;
	return rc;
}

static struct define *find_define(struct eval *e, const char *name)
{
	struct define *d;

	for (d = e->defines; d != NULL && !str_eq(d->name, name); d = d->next)
		e->steps++;
	return d;
}

int eval_define(struct eval *e, const struct node *n, const struct env *env)
{
	const char *name;
	struct define *d;
	int rc = name_of(e, n, env, &name);

	if (rc != 0)
		return rc;
	d = find_define(e, name);
	if (d == NULL) {
		if (e->n_defines == DEFINES_MAX)
			return eval_fail(e, ERR_REFUSED, env, n, "more than %d names of partials", DEFINES_MAX);
		d = xcalloc(1, sizeof(*d));
		d->name = xstrdup(name);
		d->next = e->defines;
		e->defines = d;
		e->n_defines++;
	}
	d->body = n->body;
	return 0;
}

int eval_block(struct eval *e, const struct node *n, const struct env *env)
{
	const struct define *d;
	const char *name;
	int rc = name_of(e, n, env, &name);

	if (rc == 0)
		rc = eval_count(e, 1, env, n);
	if (rc == 0)
		rc = eval_enter(e, env, n);
	if (rc != 0)
		return rc;
	d = find_define(e, name);
	rc = eval_program(e, d != NULL ? d->body : n->body, env);
	e->depth--;
	return rc;
}

void eval_forget(struct eval *e)
{
	while (e->defines != NULL) {
		struct define *d = e->defines;

		e->defines = d->next;
		free(d->name);
		free(d);
	}
}
