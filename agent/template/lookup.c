/*
 * lookup.c - which value a path means where it stands
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/lookup.h"

#include "lib/base/str.h"

#include <string.h>

#define WORD(text) { .kind = VALUE_STRING, .u.s = (text) }
static const struct value word_none = WORD("");
static const struct value word_first = WORD("first");
static const struct value word_last = WORD("last");
static const struct value word_odd = WORD("odd");
static const struct value word_even = WORD("even");

/* There was something with that name on the way, and it has no such member: the search is over. */
static const struct value over = { .kind = VALUE_NULL };

static const struct value *number(struct lookup *l, size_t n)
{
	if (l->arena == NULL)
		l->arena = arena_new();
	return value_int(l->arena, (int64_t)n);
}

/* Of a text: counted in UTF-16, as JavaScript does. Half of a character is nothing. */
static const struct value *character(struct lookup *l, const char *s, int64_t index)
{
	for (int64_t at = 0; *s != '\0' && at <= index; at++) {
		size_t n = utf8_step(s, strnlen(s, 4));

		if (n == 0)
			n = 1;
		if (at == index && n < 4) {
			if (l->arena == NULL)
				l->arena = arena_new();
			return value_text(l->arena, arena_strndup(l->arena, s, n));
		}
		at += n == 4;
		s += n;
	}
	return NULL;
}

static const struct value *item(const struct value *list, int64_t index)
{
	return index >= 0 && (uint64_t)index < list->u.list.n ? list->u.list.items[index] : NULL;
}

static inline const struct value *member(struct lookup *l, const struct value *map, const struct segment *seg)
{
	if (seg->name[0] == TEMPLATE_TEXT_KEY[0] && seg->name[1] == '\0')
		return NULL;
	return value_find(map, seg->name, seg->bits, &l->hints[seg->id % LOOKUP_HINTS]);
}

/* [3] or 3, and not 03. */
static bool indexed(const struct segment *seg, int64_t *index)
{
	*index = seg->index;
	if (seg->name[0] == '0' && seg->name[1] != '\0')
		return false;
	return seg->index >= 0 || str_to_i64(seg->name, 0, INT32_MAX, index);
}

static const struct value *step(struct lookup *l, const struct value *v, const struct segment *seg)
{
	int64_t index;

	switch (v->kind) {
	case VALUE_MAP:
		return member(l, v, seg);
	case VALUE_LIST:
		if (indexed(seg, &index))
			return item(v, index);
		return str_eq(seg->name, "length") ? number(l, v->u.list.n) : NULL;
	case VALUE_STRING:
		if (indexed(seg, &index))
			return character(l, v->u.s, index);
		return str_eq(seg->name, "length") ? number(l, utf8_utf16_len(v->u.s)) : NULL;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_REAL:
		return NULL;
	}
	return NULL;
}

/* `empty` of lists, maps and texts and `present` of optional values are what Java's objects answer to. Maps
 * with a text stand for objects of the agent, which do not. */
static const struct value *java_step(struct lookup *l, const struct value *v, const struct segment *seg)
{
	const struct value *found;

	switch (v->kind) {
	case VALUE_MAP:
		found = value_get(v, TEMPLATE_OPTIONAL_KEY);
		if (found != NULL)
			return str_eq(seg->name, "present") ? value_bool(found->kind != VALUE_NULL) : NULL;
		found = member(l, v, seg);
		if (found == NULL && str_eq(seg->name, "empty") && value_get(v, TEMPLATE_TEXT_KEY) == NULL)
			return value_bool(v->u.map.n == 0);
		return found;
	case VALUE_LIST:
		if (seg->index >= 0)
			return item(v, seg->index);
		return str_eq(seg->name, "empty") ? value_bool(v->u.list.n == 0) : NULL;
	case VALUE_STRING:
		return str_eq(seg->name, "empty") ? value_bool(v->u.s[0] == '\0') : NULL;
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_REAL:
		return NULL;
	}
	return NULL;
}

static bool absent(const struct value *v)
{
	return v == NULL || v->kind == VALUE_NULL;
}

static const struct value *walk(struct lookup *l, const struct value *v, const struct segment *segs, size_t n)
{
	for (size_t i = 0; v != NULL && i < n; i++)
		v = step(l, v, &segs[i]);
	return v;
}

/* The segments from `from` on, in v. NULL: ask on. */
static const struct value *java_walk(struct lookup *l, const struct value *v, const struct path *path, size_t from)
{
	for (size_t i = from; i < path->n; i++) {
		v = java_step(l, v, &path->segs[i]);
		if (absent(v))
			return i > 0 && i + 1 == path->n ? &over : NULL;
	}
	return v;
}

static const struct value *loop_word(const struct loop *loop, const char *name)
{
	if (str_eq(name, "index"))
		return &loop->index;
	if (str_eq(name, "first"))
		return loop->turn == 0 ? &word_first : &word_none;
	if (str_eq(name, "last"))
		return loop->turn + 1 == loop->turns ? &word_last : &word_none;
	if (str_eq(name, "odd"))
		return loop->turn % 2 == 1 ? &word_odd : &word_none;
	if (str_eq(name, "even"))
		return loop->turn % 2 == 0 ? &word_even : &word_none;
	return NULL;
}

static const struct value *java_path(struct lookup *l, const struct path *path, const struct scope *scope)
{
	if (path->n == 0)
		return scope->self;
	for (; scope != NULL; scope = scope->up) {
		const struct value *v = NULL;

		if (!path->data)
			v = java_walk(l, scope->self, path, 0);
		else if (scope->loop != NULL && path->n == 1)
			v = loop_word(scope->loop, path->segs[0].name);
		if (v == NULL && l->key != NULL && str_eq(path->segs[0].name, "key")) {
			v = java_walk(l, l->key, path, 1);
			v = v != &over ? v : NULL;
		}
		if (v != NULL || path->here)
			return v != &over ? v : NULL;
	}
	return NULL;
}

static const struct value *loop_value(const struct loop *loop, const char *name)
{
	if (str_eq(name, "index"))
		return &loop->index;
	if (str_eq(name, "key"))
		return loop->key.kind == VALUE_NULL ? &loop->index : &loop->key;
	if (str_eq(name, "first"))
		return value_bool(loop->turn == 0);
	if (str_eq(name, "last"))
		return value_bool(loop->turn + 1 == loop->turns);
	if (str_eq(name, "odd"))
		return value_bool(loop->turn % 2 == 1);
	return str_eq(name, "even") ? value_bool(loop->turn % 2 == 0) : NULL;
}

static const struct value *data_path(struct lookup *l, const struct path *path, const struct frame *frame)
{
	const struct value *v = NULL;

	for (unsigned i = 0; i < path->up && frame != NULL; i++)
		frame = frame->up;
	if (frame == NULL || path->n == 0)
		return NULL;
	if (str_eq(path->segs[0].name, "root"))
		v = l->root;
	else if (str_eq(path->segs[0].name, "partial-block"))
		v = value_bool(frame->block != NULL);
	else if (frame->loop != NULL)
		v = loop_value(frame->loop, path->segs[0].name);
	return walk(l, v, path->segs + 1, path->n - 1);
}

static const struct value *block_name(struct lookup *l, const struct path *path, const struct names *names)
{
	for (unsigned i = 0; i < path->block && names != NULL; i++)
		names = names->up;
	if (names == NULL || path->slot >= LOOKUP_NAMES)
		return NULL;
	return walk(l, names->values[path->slot], path->segs + 1, path->n - 1);
}

static bool ends_search(const struct value *v)
{
	return v->kind != VALUE_MAP && v->kind != VALUE_LIST && v->kind != VALUE_NULL && !lookup_true(v);
}

/* Most paths lead from within a loop to the same place again and again. */
static const struct value *outwards(struct lookup *l, const struct path *path, const struct scope *scope)
{
	const struct segment *first = &path->segs[0];
	struct lookup_led *led = &l->led[((uintptr_t)path >> 4) % LOOKUP_PATHS];

	for (; scope != NULL; scope = scope->up) {
		const struct value *self = scope->self, *v;

		if (led->path == path && led->where == self)
			return led->found;
		v = self->kind == VALUE_MAP ? member(l, self, first) : step(l, self, first);
		if (!absent(v)) {
			if (path->n == 1)
				return v;
			v = walk(l, v, path->segs + 1, path->n - 1);
			led->path = path;
			led->where = self;
			led->found = v;
			return v;
		}
		if (ends_search(self))
			return NULL;
	}
	return NULL;
}

void lookup_forget(struct lookup *l)
{
	memset(l->hints, 0, sizeof(l->hints));
	memset(l->led, 0, sizeof(l->led));
}

const struct value *lookup_path(struct lookup *l, const struct path *path, const struct place *at)
{
	const struct scope *scope = at->scope;

	if (path->slot >= 0)
		return block_name(l, path, at->names);
	if (path->data && l->level == TEMPLATE_LOCKSTEP)
		return data_path(l, path, at->frame);
	for (unsigned i = 0; i < path->up && scope != NULL; i++)
		scope = scope->up;
	if (scope == NULL)
		return NULL;
	if (l->level == TEMPLATE_BARAGON)
		return java_path(l, path, scope);
	if (path->here || path->up > 0)
		return walk(l, path->up > 0 ? scope->self : at->self, path->segs, path->n);
	return path->n > 0 ? outwards(l, path, scope) : at->self;
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
