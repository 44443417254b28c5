/*
 * partials.c - templates that templates call by name
 *
 * Layer: agent/template (pure).  Threads: immutable once all are added.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/partials.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

struct template_partials {
	struct template_options opt;
	struct template **items; /* by name */
	size_t n, cap;
};

struct template_partials *template_partials_new(const struct template_options *opt)
{
	struct template_partials *ps = xcalloc(1, sizeof(*ps));

	if (opt != NULL)
		ps->opt = *opt;
	ps->opt.partials = ps;
	return ps;
}

void template_partials_free(struct template_partials **ps)
{
	if (*ps == NULL)
		return;
	for (size_t i = 0; i < (*ps)->n; i++)
		template_free(&(*ps)->items[i]);
	xfree_p(&(*ps)->items);
	xfree_p(ps);
}

/* Where it is, or would be. */
static size_t place(const struct template_partials *ps, const char *name, bool *found)
{
	size_t lo = 0, hi = ps->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(ps->items[mid]->name, name);

		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = false;
	return lo;
}

int template_partials_add(struct template_partials *ps, const char *name, const char *text, size_t len,
	struct error *err)
{
	struct template *t;
	size_t at;
	bool taken;
	int rc;

	at = place(ps, name, &taken);
	if (taken)
		return error_set(err, ERR_CONFLICT, "there are two partials '%s'", name);
	rc = template_compile(name, text, len, &ps->opt, &t, err);
	if (rc != 0)
		return rc;
	GROW(ps->items, ps->n, ps->cap);
	memmove(ps->items + at + 1, ps->items + at, (ps->n - at) * sizeof(*ps->items));
	ps->items[at] = t;
	ps->n++;
	return 0;
}

const struct template *partials_find(const struct template_partials *ps, const char *name)
{
	bool found = false;
	size_t at = ps != NULL ? place(ps, name, &found) : 0;

	return found ? ps->items[at] : NULL;
}

/* Growing lists while a template is gone through. */
struct survey {
	struct template *t;
	struct partial_use *uses;
	const char **inlines;
	size_t n_uses, cap_uses, n_inlines, cap_inlines;
};

static const char *literal_name(const struct expr *x)
{
	return x->kind == EXPR_LITERAL && x->u.literal->kind == VALUE_STRING ? x->u.literal->u.s : NULL;
}

static void survey_partial(struct survey *s, const struct node *n)
{
	const char *name = literal_name(n->expr);

	if (name == NULL) {
		s->t->uses_any = true;
	} else if (!str_eq(name, "@partial-block")) {
		GROW(s->uses, s->n_uses, s->cap_uses);
		s->uses[s->n_uses++] = (struct partial_use){ name, n->line, n->col, n->body != NULL };
	}
}

/* The parser bounds the depth. */
static void survey_nodes(struct survey *s, const struct node *n)
{
	for (; n != NULL; n = n->next) {
		if (n->kind == NODE_PARTIAL) {
			survey_partial(s, n);
		} else if (n->kind == NODE_INLINE) {
			s->t->has_inlines = true;
			if (literal_name(n->expr) != NULL) {
				GROW(s->inlines, s->n_inlines, s->cap_inlines);
				s->inlines[s->n_inlines++] = literal_name(n->expr);
			}
		}
		survey_nodes(s, n->body);
		survey_nodes(s, n->other);
	}
}

static int compare_names(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

void partials_survey(struct template *t)
{
	struct survey s = { .t = t };

	survey_nodes(&s, t->nodes);
	if (s.n_inlines > 0) {
		qsort(s.inlines, s.n_inlines, sizeof(*s.inlines), compare_names);
		t->inlines = memcpy(arena_alloc(t->arena, s.n_inlines * sizeof(*s.inlines)), s.inlines,
			s.n_inlines * sizeof(*s.inlines));
		t->n_inlines = s.n_inlines;
	}
	if (s.n_uses > 0) {
		t->uses = memcpy(arena_alloc(t->arena, s.n_uses * sizeof(*s.uses)), s.uses,
			s.n_uses * sizeof(*s.uses));
		t->n_uses = s.n_uses;
	}
	xfree_p(&s.uses);
	xfree_p(&s.inlines);
}

static bool has_inline(const struct template *t, const char *name)
{
	return t != NULL && t->n_inlines > 0 &&
		bsearch(&name, t->inlines, t->n_inlines, sizeof(*t->inlines), compare_names) != NULL;
}

/* Inline partials are seen by what their template calls: one anywhere will do. */
static bool defined(const struct template_partials *ps, const struct template *t, const char *name)
{
	if (has_inline(t, name) || partials_find(ps, name) != NULL)
		return true;
	for (size_t i = 0; ps != NULL && i < ps->n; i++)
		if (has_inline(ps->items[i], name))
			return true;
	return false;
}

static int check(const struct template_partials *ps, const struct template *t, struct error *err)
{
	for (size_t i = 0; i < t->n_uses; i++) {
		const struct partial_use *u = &t->uses[i];

		if (!u->fallback && !defined(ps, t, u->name))
			return template_fail(err, ERR_NOT_FOUND, t->name, u->line, u->col, "there is no partial '%s'",
				u->name);
	}
	return 0;
}

int template_partials_check(const struct template_partials *ps, const struct template *t, struct error *err)
{
	int rc = t != NULL ? check(ps, t, err) : 0;

	for (size_t i = 0; t == NULL && rc == 0 && i < ps->n; i++)
		rc = check(ps, ps->items[i], err);
	return rc;
}

static bool mentions(const struct template *t, const char *name)
{
	if (t->mentions_all)
		return true;
	for (size_t i = 0; i < t->n_mentions; i++)
		if (str_eq(t->mentions[i], name))
			return true;
	return false;
}

/* Partials still to be asked, each once. */
struct asked {
	bool *seen;
	size_t *queue;
	size_t n;
};

static void ask(struct asked *q, size_t i)
{
	if (!q->seen[i])
		q->queue[q->n++] = i;
	q->seen[i] = true;
}

static void ask_called(struct asked *q, const struct template_partials *ps, const struct template *t)
{
	for (size_t i = 0; t->uses_any && i < ps->n; i++)
		ask(q, i);
	for (size_t i = 0; i < t->n_uses; i++) {
		bool found;
		size_t at = place(ps, t->uses[i].name, &found);

		if (found)
			ask(q, at);
	}
}

bool template_mentions(const struct template *t, const char *name)
{
	const struct template_partials *ps = t->opt.partials;
	struct asked q = { NULL, NULL, 0 };
	bool yes = mentions(t, name);

	if (yes || ps == NULL || (t->n_uses == 0 && !t->uses_any))
		return yes;
	q.seen = xcalloc(ps->n, sizeof(*q.seen));
	q.queue = xcalloc(ps->n, sizeof(*q.queue));
	ask_called(&q, ps, t);
	for (size_t i = 0; !yes && i < q.n; i++) {
		yes = mentions(ps->items[q.queue[i]], name);
		ask_called(&q, ps, ps->items[q.queue[i]]);
	}
	xfree_p(&q.seen);
	xfree_p(&q.queue);
	return yes;
}
