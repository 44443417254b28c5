/*
 * eval_loop.c - #each, and sections over lists
 *
 * At baragon level null prints nothing, and so does an empty map; a list that is empty takes the else part.
 * Java goes through the properties of what is neither list nor map: an Optional has `present`; numbers and
 * truth values have none; a text has some that nobody can want (its bytes' identity), and prints nothing here.
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/eval_internal.h"

#include "lib/base/str.h"

/* The frame of all turns, and where the body runs in the next one. */
struct each {
	const struct node *n;
	const struct env *env;
	struct env in;
	struct frame frame;
	struct loop loop;
	struct scope scope;
	struct names names;
};

static void each_init(struct each *x, const struct node *n, const struct env *env, size_t turns)
{
	x->n = n;
	x->env = env;
	x->in = *env;
	x->in.outer = env->at.scope;
	x->in.at.frame = &x->frame;
	x->frame = (struct frame){ env->at.frame, &x->loop, env->at.frame->block };
	x->loop = (struct loop){ .index.kind = VALUE_INT, .key.kind = VALUE_NULL, .turns = turns };
}

static int turn(struct eval *e, struct each *x, const struct value *self, const char *key)
{
	bool java = e->look.level == TEMPLATE_BARAGON;
	int rc = eval_count(e, 1, x->env, x->n);

	if (rc != 0)
		return rc;
	x->loop.index.u.i = (int64_t)x->loop.turn;
	if (key != NULL) {
		x->loop.key.kind = VALUE_STRING;
		x->loop.key.u.s = key;
	}
	x->in.at.self = self;
	if (java) {
		x->scope = (struct scope){ x->env->at.scope, self, key == NULL ? &x->loop : NULL };
		x->in.at.scope = &x->scope;
	} else {
		x->in.at.scope = eval_scope(x->env->at.scope, self, &x->scope);
	}
	x->in.at.names = eval_names(x->n, x->env->at.names, self, key != NULL ? &x->loop.key : &x->loop.index,
		&x->names);
	if (java && key != NULL) {
		e->key = x->loop.key; /* for all that follows, not only in the loop */
		e->look.key = &e->key;
	}
	rc = eval_program(e, x->n->body, &x->in);
	x->loop.turn++;
	return rc;
}

static int each_list(struct eval *e, const struct node *n, const struct env *env, const struct value *v)
{
	struct each x;
	int rc = 0;

	each_init(&x, n, env, v->u.list.n);
	for (size_t i = 0; rc == 0 && i < v->u.list.n; i++)
		rc = turn(e, &x, v->u.list.items[i], NULL);
	return rc;
}

static bool is_text_key(const char *key)
{
	return key[0] == TEMPLATE_TEXT_KEY[0] && key[1] == '\0';
}

static int each_map(struct eval *e, const struct node *n, const struct env *env, const struct value *v, size_t turns)
{
	struct each x;
	int rc = 0;

	each_init(&x, n, env, turns);
	for (size_t i = 0; rc == 0 && i < v->u.map.n; i++) {
		const struct value_member *m = &v->u.map.members[i];

		if (!is_text_key(m->key))
			rc = turn(e, &x, m->value, m->key);
	}
	return rc;
}

static int each_optional(struct eval *e, const struct node *n, const struct env *env, const struct value *inner)
{
	struct each x;

	each_init(&x, n, env, 1);
	return turn(e, &x, value_bool(inner->kind != VALUE_NULL), "present");
}

static int each_else(struct eval *e, const struct node *n, const struct env *env)
{
	struct env in = *env;

	in.outer = env->at.scope;
	return eval_program(e, n->other, &in);
}

int eval_each(struct eval *e, const struct node *n, const struct env *env, const struct value *v)
{
	bool java = e->look.level == TEMPLATE_BARAGON;
	const struct value *inner;
	size_t turns;

	if (v->kind == VALUE_LIST && v->u.list.n > 0)
		return each_list(e, n, env, v);
	if (v->kind == VALUE_LIST)
		return each_else(e, n, env);
	if (v->kind != VALUE_MAP)
		return java ? 0 : each_else(e, n, env);
	inner = java ? value_get(v, TEMPLATE_OPTIONAL_KEY) : NULL;
	if (inner != NULL)
		return each_optional(e, n, env, inner);
	turns = v->u.map.n - (value_get(v, TEMPLATE_TEXT_KEY) != NULL);
	if (turns > 0)
		return each_map(e, n, env, v, turns);
	return java ? 0 : each_else(e, n, env);
}
