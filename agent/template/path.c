/*
 * path.c - names and paths: what they say, and which of them mean a name of `as |x i|`
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/path.h"

#include "agent/template/expr.h"
#include "lib/base/map.h"
#include "lib/base/str.h"

#include <string.h>

/* A name that some path has. */
struct known {
	const char *name;
	unsigned id;
	bool mentioned;
	UT_hash_handle hh;
};

static bool java(const struct parser *p)
{
	return p->t->opt.level == TEMPLATE_BARAGON;
}

static struct known *know(struct parser *p, const char *name)
{
	struct known *k;

	MAP_FIND(p->known, name, k);
	if (k != NULL)
		return k;
	k = arena_alloc(p->scratch, sizeof(*k));
	k->name = arena_strdup(p->t->arena, name);
	k->id = p->t->n_segments++;
	MAP_ADD(p->known, name, k);
	return k;
}

static void mention(struct parser *p, const char *name)
{
	struct known *k = know(p, name);

	if (k->mentioned)
		return;
	k->mentioned = true;
	GROW(p->t->mentions, p->t->n_mentions, p->t->cap_mentions);
	p->t->mentions[p->t->n_mentions++] = k->name;
}

void path_release(struct parser *p)
{
	HASH_CLEAR(hh, p->known);
}

static bool is_separator(char c)
{
	return c == '.' || c == '/';
}

/* How long the segment at s is, its brackets included; 0: it is none. */
static size_t segment_len(const struct parser *p, const char *s, size_t n)
{
	size_t i = 0;

	if (s[0] == '[') {
		for (i = 1; i < n && s[i] != ']'; i++) {
			if (s[i] == '\\' && !java(p))
				i++;
			else if (java(p) && is_separator(s[i]))
				return i; /* Java splits there first, and then finds nothing */
		}
		return i < n && i > 1 ? i + 1 : 0;
	}
	if (s[0] == '.' && n > 1 && s[1] == '.')
		return n == 2 || s[2] == '/' ? 2 : 0;
	if (s[0] == '.')
		return 1;
	while (i < n && !is_separator(s[i]) && s[i] != '@' && (s[i] != '[' || java(p)))
		i++;
	return i;
}

/* The number that a list is asked for; -1: none. */
static int64_t list_index(const char *name)
{
	int64_t index = -1;

	if (name[0] == '-' || name[0] == '+' || (name[0] == '0' && name[1] != '\0') ||
		!str_to_i64(name, 0, INT32_MAX, &index))
		return -1;
	return index;
}

/* In front of a number, which handlebars.java does not mind. */
static size_t zeros(const char *s)
{
	size_t n = 0;

	while (s[n] == '0' && s[n + 1] != '\0')
		n++;
	return n;
}

/* Appends the segment of n bytes at s without its brackets. */
static void unbracket(const struct parser *p, const char *s, size_t n, struct buf *out)
{
	if (s[0] != '[' || s[n - 1] != ']') {
		buf_append(out, s, n);
		return;
	}
	for (size_t i = 1; i < n - 1; i++) {
		if (s[i] == '\\' && !java(p) && (s[i + 1] == '\\' || (s[i + 1] == ']' && i + 2 < n)))
			i++;
		buf_char(out, s[i]);
	}
}

static struct segment segment_of(struct parser *p, const char *name, bool may_be_index)
{
	const struct known *k = know(p, name);

	return (struct segment){ k->name, may_be_index ? list_index(java(p) ? name + zeros(name) : name) : -1, k->id, value_key_bits(name) };
}

static void segment_add(struct parser *p, struct path *path, struct segment *segs, const char *s, size_t n)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	unbracket(p, s, n, &b);
	segs[path->n++] = segment_of(p, buf_cstr(&b), s[0] == '[' || !java(p));
}

/* `this`, `.` or `..` of n bytes: where to look instead of what for. */
static bool place(struct path *path, const char *s, size_t n, bool always_here)
{
	if (n == 2 && memcmp(s, "..", 2) == 0)
		path->up++;
	else if (!(n == 1 && s[0] == '.') && !(n == 4 && memcmp(s, "this", 4) == 0))
		return false;
	else
		path->here = true;
	/* Behind ../ handlebars.js does not look further out, handlebars.java does. */
	path->here = path->here || always_here;
	return true;
}

/* false: malformed. */
static bool parse_path(struct parser *p, const struct token *tok, struct path *path)
{
	size_t max = 1, i = 0;
	struct segment *segs;

	for (size_t k = 0; k < tok->n; k++)
		max += is_separator(tok->p[k]);
	segs = arena_alloc(p->t->arena, max * sizeof(*segs));
	path->segs = segs;
	path->slot = -1;
	for (;;) {
		const char *s = tok->p + i;
		size_t n;

		if (i < tok->n && *s == '@' && path->n == 0 && !path->data && (i == 0 || s[-1] == '/')) {
			path->data = true;
			i++;
			continue;
		}
		n = i < tok->n ? segment_len(p, s, tok->n - i) : 0;
		if (n == 0)
			return false;
		if (path->n > 0 && *s == '.')
			return false;
		if (path->n > 0 && n == 4 && memcmp(s, "this", 4) == 0 && !java(p))
			return false;
		if (path->n > 0 || !place(path, s, n, !java(p)))
			segment_add(p, path, segs, s, n);
		i += n;
		if (i == tok->n)
			break;
		if (!is_separator(tok->p[i++]))
			return false;
	}
	path->here = path->here || path->n == 0;
	return !path->data || path->n > 0;
}

static bool known_data(const struct path *path)
{
	static const char *const names[] = { "index", "first", "last", "odd", "even", "key" };
	const char *name = path->segs[0].name;

	if (str_eq(name, "root") || str_eq(name, "partial-block"))
		return path->n == 1 || str_eq(name, "root");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(name, names[i]))
			return path->n == 1;
	return false;
}

/* Without the brackets, so that [a] and a are the same. */
static const char *plain_text(struct parser *p, const struct token *tok, const struct path *path)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	size_t i = 0, n;

	if (memchr(tok->p, '[', tok->n) == NULL || java(p))
		return path->text;
	for (; i < tok->n; i += n) {
		n = tok->p[i] == '[' ? segment_len(p, tok->p + i, tok->n - i) : 1;
		unbracket(p, tok->p + i, n, &b);
	}
	return arena_strdup(p->t->arena, buf_cstr(&b));
}

/* Which names of `as |x|` the path begins with; false: none. */
static bool find_given(const struct parser *p, struct path *path, bool *walled)
{
	unsigned block = 0;

	*walled = false;
	if (path->n == 0 || path->here || path->data || path->up > 0)
		return false;
	for (const struct given *at = p->names; at != NULL; at = at->up) {
		*walled = *walled || at->wall;
		for (unsigned i = 0; i < at->n; i++) {
			if (str_eq(at->name[i], path->segs[0].name)) {
				path->block = block;
				path->slot = (int)i;
				return true;
			}
		}
		block += at->n > 0;
	}
	return false;
}

const char *path_unquote(struct parser *p, const struct token *tok)
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

/* A literal where a name may stand: the field of that name. */
static void literal_name(struct parser *p, struct name *out)
{
	struct segment *seg = arena_alloc(p->t->arena, sizeof(*seg));

	out->text = out->tok.kind == TOKEN_STRING ? path_unquote(p, &out->tok) :
		arena_strndup(p->t->arena, out->tok.p, out->tok.n);
	*seg = segment_of(p, out->text, true);
	out->path = (struct path){ .slot = -1, .segs = seg, .n = 1, .text = out->text };
}

int path_name(struct parser *p, struct name *out, struct error *err)
{
	struct token tok = p->tok;
	bool literal = tok.kind == TOKEN_STRING || tok.kind == TOKEN_NUMBER;

	*out = (struct name){ .tok = tok };
	if (tok.kind != TOKEN_PATH && (!literal || java(p)))
		return expr_fail(p, &tok, "a name is expected here", err);
	if (literal) {
		literal_name(p, out);
	} else {
		out->path.text = arena_strndup(p->t->arena, tok.p, tok.n);
		if (!parse_path(p, &tok, &out->path))
			return template_fail(err, ERR_INVALID, p->t->name, tok.line, tok.col,
				"malformed path '%s'", out->path.text);
		out->text = plain_text(p, &tok, &out->path);
	}
	out->given = find_given(p, &out->path, &out->walled);
	out->simple = !out->given && out->path.n == 1 && !out->path.here && !out->path.data && out->path.up == 0;
	return expr_next(p, err);
}

int path_bind(struct parser *p, const struct name *name, struct expr *e, struct error *err)
{
	const struct path *path = &name->path;

	e->kind = EXPR_PATH;
	e->line = name->tok.line;
	e->col = name->tok.col;
	e->u.path = *path;
	if (path->data && !java(p) && !known_data(path))
		return template_fail(err, ERR_INVALID, p->t->name, e->line, e->col,
			"there is no variable '%s'", path->text);
	if (name->given && name->walled)
		return template_fail(err, ERR_INVALID, p->t->name, e->line, e->col,
			"'%s' is a name of a block around the inline partial, which does not see it",
			path->segs[0].name);
	if (name->given)
		return 0;
	if (path->data && str_eq(path->segs[0].name, "root")) {
		if (path->n == 1)
			p->t->mentions_all = true;
		else
			mention(p, path->segs[1].name);
	} else if (path->n == 0) {
		/* Within #each and #with `this` is a part of something that was named. */
		p->t->mentions_all = p->t->mentions_all || path->up >= p->scopes;
	} else {
		mention(p, path->segs[0].name);
	}
	return 0;
}
