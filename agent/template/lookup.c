/*
 * lookup.c - which value a path means where it stands
 *
 * The first segment is searched outwards through the scopes; the others only inside what was found, so
 * that a missing part of a long path never picks up a namesake from further out.
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/lookup.h"

#include "lib/base/str.h"

static const struct value word_none = { VALUE_STRING, { .s = "" } };
static const struct value word_first = { VALUE_STRING, { .s = "first" } };
static const struct value word_last = { VALUE_STRING, { .s = "last" } };
static const struct value word_odd = { VALUE_STRING, { .s = "odd" } };
static const struct value word_even = { VALUE_STRING, { .s = "even" } };

/* `empty` of lists and maps and `present` of optional texts are what Java's objects answer to. */
static const struct value *step(const struct value *v, const struct segment *seg)
{
	const struct value *found;

	switch (v->kind) {
	case VALUE_MAP:
		if (str_eq(seg->name, TEMPLATE_TEXT_KEY))
			return NULL;
		found = value_get(v, seg->name);
		if (found == NULL && str_eq(seg->name, "empty"))
			return value_bool(v->u.map.n == 0);
		return found;
	case VALUE_LIST:
		if (seg->index >= 0)
			return (uint64_t)seg->index < v->u.list.n ? v->u.list.items[seg->index] : NULL;
		return str_eq(seg->name, "empty") ? value_bool(v->u.list.n == 0) : NULL;
	case VALUE_STRING:
		return str_eq(seg->name, "present") ? value_bool(true) : NULL;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_REAL:
		return NULL;
	}
	return NULL;
}

static const struct value *walk(const struct value *v, const struct segment *segs, size_t n)
{
	for (size_t i = 0; v != NULL && i < n; i++)
		v = step(v, &segs[i]);
	return v;
}

static const struct value *lookup_data(const struct path *path, const struct scope *scope)
{
	const char *name = path->segs[0].name;

	if (str_eq(name, "root")) {
		while (scope->up != NULL)
			scope = scope->up;
		return walk(scope->self, path->segs + 1, path->n - 1);
	}
	while (scope != NULL && !(scope->loop && !(str_eq(name, "key") && scope->key.kind == VALUE_NULL)))
		scope = scope->up;
	if (scope == NULL)
		return NULL;
	if (str_eq(name, "key"))
		return &scope->key;
	if (str_eq(name, "index"))
		return &scope->index;
	if (str_eq(name, "first"))
		return scope->turn == 0 ? &word_first : &word_none;
	if (str_eq(name, "last"))
		return scope->turn + 1 == scope->turns ? &word_last : &word_none;
	if (str_eq(name, "odd"))
		return scope->turn % 2 == 1 ? &word_odd : &word_none;
	return scope->turn % 2 == 0 ? &word_even : &word_none;
}

const struct value *lookup_path(const struct path *path, const struct scope *scope)
{
	for (unsigned i = 0; i < path->up && scope != NULL; i++)
		scope = scope->up;
	if (scope == NULL)
		return NULL;
	if (path->data)
		return lookup_data(path, scope);
	if (path->here || path->n == 0)
		return walk(scope->self, path->segs, path->n);
	for (; scope != NULL; scope = scope->up) {
		const struct value *v = step(scope->self, &path->segs[0]);

		if (v != NULL)
			return walk(v, path->segs + 1, path->n - 1);
	}
	return NULL;
}

bool lookup_true(const struct value *v)
{
	if (v == NULL)
		return false;
	switch (v->kind) {
	case VALUE_NULL:
		return false;
	case VALUE_BOOL:
		return v->u.b;
	case VALUE_INT:
		return v->u.i != 0;
	case VALUE_REAL:
		return v->u.r < 0 || v->u.r > 0;
	case VALUE_STRING:
		return v->u.s[0] != '\0';
	case VALUE_LIST:
		return v->u.list.n > 0;
	case VALUE_MAP:
		return true;
	}
	return false;
}
