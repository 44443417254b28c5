/*
 * locate.c - in which field of a JSON text something stands that keeps it from being read
 *
 * The text need not be valid JSON: then the place is a guess, but within bounds.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/locate.h"

#include <string.h>

#define DEPTH_MAX 64
#define KEY_SHOWN 100

struct level {
	bool list;
	size_t index;
	struct slice key;
};

struct scan {
	const char *text;
	size_t n, at;
	struct level levels[DEPTH_MAX];
	size_t depth;
	bool key_next; /* the next string of an object is a key */
};

static void write_path(const struct scan *s, struct buf *path)
{
	for (size_t i = 0; i < s->depth; i++) {
		const struct level *l = &s->levels[i];

		if (l->list)
			buf_printf(path, "[%zu]", l->index);
		else if (l->key.n > 0)
			buf_printf(path, "%s%.*s", path->len > 0 ? "." : "",
				l->key.n > KEY_SHOWN ? KEY_SHOWN : (int)l->key.n, l->key.p);
	}
}

/* Behind the opening quote; true: a NUL is in it. */
static bool scan_string(struct scan *s, struct slice *out)
{
	size_t start = s->at;

	for (; s->at < s->n && s->text[s->at] != '"'; s->at++) {
		if (s->text[s->at] != '\\')
			continue;
		s->at++;
		if (s->n - s->at >= 5 && memcmp(s->text + s->at, "u0000", 5) == 0)
			return true;
	}
	*out = (struct slice){ s->text + start, s->at < s->n ? s->at - start : s->n - start };
	return false;
}

static bool push(struct scan *s, bool list)
{
	if (s->depth == DEPTH_MAX)
		return false;
	s->levels[s->depth++] = (struct level){ list, 0, { NULL, 0 } };
	s->key_next = !list;
	return true;
}

/* False: the end, or a nesting that nobody reads. */
static bool step(struct scan *s, bool *found)
{
	struct level *l = s->depth > 0 ? &s->levels[s->depth - 1] : NULL;
	struct slice text;

	switch (s->text[s->at++]) {
	case '"':
		*found = scan_string(s, &text);
		if (!*found && s->key_next && l != NULL)
			l->key = text;
		s->key_next = false;
		if (s->at < s->n)
			s->at++;
		return !*found;
	case '{':
		return push(s, false);
	case '[':
		return push(s, true);
	case '}':
	case ']':
		s->depth -= s->depth > 0;
		s->key_next = false;
		return s->depth > 0;
	case ',':
		if (l != NULL && l->list)
			l->index++;
		s->key_next = l != NULL && !l->list;
		return true;
	}
	return true;
}

bool locate_nul(const char *text, size_t n, struct buf *path)
{
	struct scan s = { .text = text, .n = n };
	bool found = false;

	while (s.at < s.n && step(&s, &found))
		continue;
	if (found)
		write_path(&s, path);
	return found;
}
