/*
 * space.c - white space around tags, settled in the finished tree
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/space.h"

#include "agent/template/blank.h"
#include "agent/template/target.h"

#include <string.h>

struct pass {
	struct template *t;
	bool lines; /* lines of their own count */
};

static bool is_text(const struct node *n)
{
	return n != NULL && n->spaces->kind == SPACES_TEXT;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct node *last_of(struct node *n)
{
	while (n != NULL && n->next != NULL)
		n = n->next;
	return n;
}

/* Does a line begin behind the text that ends here? `whole`: also if it is white space alone. */
static bool begins_line(const struct node *n, bool whole)
{
	const char *s = n->spaces->text;
	size_t len = n->spaces->len, step;

	while ((step = blank_before(s, len)) > 0) {
		if (s[len - 1] == '\n')
			return true;
		len -= step;
	}
	return whole && len == 0;
}

/* Does the line end in the text that begins here? */
static bool ends_line(const struct node *n, bool whole)
{
	const char *s = n->spaces->text, *end = s + n->spaces->len;
	size_t step;

	while ((step = blank_at(s, (size_t)(end - s))) > 0) {
		if (*s == '\n')
			return true;
		s += step;
	}
	return whole && s == end;
}

/* What stands behind a tag: n, the first of what follows. `all`: a ~ takes it, else one line's rest. */
static void strip_begin(struct node *n, bool all)
{
	size_t cut = 0, step;

	if (!is_text(n) || (!all && n->spaces->right))
		return;
	if (all) {
		while ((step = blank_at(n->text + cut, n->len - cut)) > 0)
			cut += step;
	} else {
		while (cut < n->len && is_blank(n->text[cut]))
			cut++;
		if (cut + 1 < n->len && n->text[cut] == '\r' && n->text[cut + 1] == '\n')
			cut += 2;
		else if (cut < n->len && (n->text[cut] == '\n' || n->text[cut] == '\r'))
			cut++;
	}
	n->text += cut;
	n->len -= cut;
	n->spaces->right = cut > 0;
}

/* What stands before a tag: n, the last of it. Was there something? */
static bool strip_end(struct node *n, bool all)
{
	size_t len, step;

	if (!is_text(n) || (!all && n->spaces->left))
		return false;
	len = n->len;
	if (all) {
		while ((step = blank_before(n->text, len)) > 0)
			len -= step;
	} else {
		while (len > 0 && is_blank(n->text[len - 1]))
			len--;
	}
	n->spaces->left = len < n->len;
	n->len = len;
	return n->spaces->left;
}

/* The parts of a block as the rules see them: `first` is the body (or the else part if there is none). */
struct parts {
	struct node *body, *other, *last; /* other: with {{else if}} the body of that */
	bool two;
};

static struct parts parts_of(const struct node *n)
{
	struct parts ps = { n->body, n->other, n->other, n->spaces->has_body && n->spaces->has_other };

	if (!n->spaces->has_body)
		ps.body = n->other;
	if (ps.two && n->spaces->chained)
		ps.other = ps.last = n->other->body;
	return ps;
}

/* Inside a block: its own tags and its {{else}}. */
static void block_inside(const struct pass *pass, const struct node *n)
{
	const struct spaces *sp = n->spaces;
	struct parts ps = parts_of(n);
	struct node *body_end = last_of(ps.body);

	if (sp->after)
		strip_begin(ps.body, true);
	if (!ps.two) {
		if (sp->close_before)
			strip_end(body_end, true);
		return;
	}
	if (sp->else_before)
		strip_end(body_end, true);
	if (sp->else_after)
		strip_begin(ps.other, true);
	if (sp->close_before)
		strip_end(last_of(ps.last), true);
	if (pass->lines && is_text(body_end) && begins_line(body_end, false) && is_text(ps.other) &&
		ends_line(ps.other, false)) {
		strip_end(body_end, false);
		strip_begin(ps.other, false);
	}
}

struct spot {
	struct node *before2, *before, *node;
	bool root;
};

static bool line_before(const struct spot *at)
{
	if (at->before == NULL)
		return at->root;
	return is_text(at->before) && begins_line(at->before, at->root && at->before2 == NULL);
}

static bool line_after(const struct spot *at)
{
	const struct node *next = at->node->next;

	if (next == NULL)
		return at->root;
	return is_text(next) && ends_line(next, at->root && next->next == NULL);
}

/* A comment or partial with nothing beside it. */
static void lone_tag(struct template *t, const struct spot *at)
{
	struct node *n = at->node;
	const char *end;
	size_t blanks = 0;

	strip_begin(n->next, false);
	if (!strip_end(at->before, false) || n->kind != NODE_PARTIAL)
		return;
	end = at->before->spaces->text + at->before->spaces->len;
	while (blanks < at->before->spaces->len && is_blank(end[-1 - (ptrdiff_t)blanks]))
		blanks++;
	n->indent = arena_strndup(t->arena, end - blanks, blanks);
}

/* May its opening, its closing tag stand alone, by what is inside? */
struct alone {
	bool open, close;
};

static struct alone block_alone(const struct node *n)
{
	struct parts ps = parts_of(n);
	const struct node *end = last_of(ps.two ? ps.other : ps.body);

	return (struct alone){ is_text(ps.body) && ends_line(ps.body, false),
		is_text(end) && begins_line(end, false) };
}

static void around(const struct pass *pass, const struct spot *at, struct alone alone)
{
	struct node *n = at->node;
	const struct spaces *sp = n->spaces;
	bool block = sp->kind == SPACES_BLOCK;
	bool before = line_before(at), after = line_after(at);

	if (block ? sp->close_after : sp->after)
		strip_begin(n->next, true);
	if (sp->before)
		strip_end(at->before, true);
	if (!pass->lines || sp->kind == SPACES_VALUE)
		return;
	if (!block) {
		if (before && after)
			lone_tag(pass->t, at);
		return;
	}
	if (before && alone.open) {
		strip_begin(sp->has_body ? n->body : n->other, false);
		strip_end(at->before, false);
	}
	if (after && alone.close) {
		strip_begin(n->next, false);
		strip_end(last_of(sp->has_other ? n->other : n->body), false);
	}
}

static void pass_list(const struct pass *pass, struct node *list, bool root)
{
	struct spot at = { NULL, NULL, list, root };

	for (; at.node != NULL; at.node = at.node->next) {
		struct alone alone = { false, false };

		if (at.node->spaces->kind == SPACES_BLOCK) {
			pass_list(pass, at.node->body, false);
			pass_list(pass, at.node->other, false);
			alone = block_alone(at.node);
			block_inside(pass, at.node);
		}
		if (at.node->spaces->kind != SPACES_TEXT)
			around(pass, &at, alone);
		at.before2 = at.before;
		at.before = at.node;
	}
}

/* What the target's state is behind the text, by that before it.  Most texts soon lead all to the same. */
static const uint8_t *states_behind(struct arena *a, const struct target *target, const char *s, size_t len)
{
	uint8_t *states = arena_alloc(a, target->states);
	size_t n = target->states, done = 0;

	for (size_t i = 0; i < n; i++)
		states[i] = (uint8_t)i;
	while (done < len) {
		size_t to = len - done > 32 ? done + 32 : len;
		bool same = true;

		for (size_t i = 0; i < n; i++) {
			for (size_t k = done; k < to; k++)
				states[i] = target->next(states[i], (unsigned char)s[k]);
			same = same && states[i] == states[0];
		}
		done = to;
		if (same)
			n = 1;
	}
	for (size_t i = n; i < target->states; i++)
		states[i] = states[0];
	return states;
}

/* `keep`: one node stays, so that an empty body is still a body. */
static void finish(struct template *t, struct node **list, bool keep)
{
	struct node **at = list;

	while (*at != NULL) {
		struct node *n = *at;

		n->spaces = NULL;
		if (n->kind == NODE_TEXT && n->len == 0 && !(keep && at == list && n->next == NULL)) {
			*at = n->next;
			continue;
		}
		if (n->kind == NODE_TEXT && t->target != NULL)
			n->states = states_behind(t->arena, t->target, n->text, n->len);
		finish(t, &n->body, n->kind == NODE_PARTIAL);
		finish(t, &n->other, false);
		at = &n->next;
	}
}

void space_settle(struct template *t, struct node **nodes)
{
	struct pass pass = { t, t->opt.level == TEMPLATE_LOCKSTEP };

	pass_list(&pass, *nodes, true);
	finish(t, nodes, false);
}
