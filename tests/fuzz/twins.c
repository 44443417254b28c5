/*
 * twins.c - a harmless text for every text of a hostile service, and what may become of both in a file
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/twins.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/model/digest.h"
#include "lib/model/upstream.h"

#define MAX_FORMS 5

/* What a text and its twin become in one form. */
struct pair {
	unsigned form;
	const char *twin, *hostile;
	size_t n;
	const struct twin *of;
	const struct pair *next; /* with the same first byte */
};
struct twin {
	const char *hostile, *twin;
	unsigned roles;
	struct pair pairs[MAX_FORMS];
	size_t n_pairs;
	bool seen;
};
struct twins {
	struct arena *arena;
	struct twin *items;
	size_t n, room;
	const struct twins_words *known;
	const struct pair *first[256]; /* by the first byte of a twin's form */
};

struct twins *twins_new(const struct twins_words *known, struct arena *a)
{
	struct twins *t = arena_alloc(a, sizeof(*t));

	t->arena = a;
	t->known = known;
	return t;
}

/* Room for one more in an array of the arena. */
static void *more(struct arena *a, void *items, size_t n, size_t *room, size_t size)
{
	void *bigger;

	if (n < *room)
		return items;
	*room = n > 0 ? 2 * n : 32;
	bigger = arena_alloc(a, *room * size);
	if (n > 0)
		memcpy(bigger, items, n * size);
	return bigger;
}

static size_t run(const char *text, const char *more_chars)
{
	size_t n = 0;

	while (text[n] != '\0' && (isalnum((unsigned char)text[n]) || strchr(more_chars, text[n]) != NULL))
		n++;
	return n;
}

static int compare_words(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Words with and without what may stand between their parts. */
void twins_words_init(struct twins_words *w, const char *text)
{
	static const char *const between[] = { "_", "_-", "_-./" };

	*w = (struct twins_words){ NULL, 0, 0, arena_new() };
	for (size_t i = 0; i < ARRAY_LEN(between); i++)
		for (const char *p = text; *p != '\0'; p++) {
			size_t n = run(p, between[i]);

			if (n == 0)
				continue;
			GROW(w->items, w->n, w->cap);
			w->items[w->n++] = arena_strndup(w->arena, p, n);
			p += n - 1;
		}
	if (w->n > 0)
		qsort(w->items, w->n, sizeof(*w->items), compare_words);
}

void twins_words_release(struct twins_words *w)
{
	xfree_p(&w->items);
	arena_free(&w->arena);
}

static struct twin *find(const struct twins *t, const char *hostile)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->items[i].hostile, hostile) == 0)
			return &t->items[i];
	return NULL;
}

void twins_add(struct twins *t, unsigned roles, const char *hostile)
{
	struct twin *old;

	if (hostile == NULL)
		return;
	old = find(t, hostile);
	if (old == NULL) {
		t->items = more(t->arena, t->items, t->n, &t->room, sizeof(*t->items));
		old = &t->items[t->n++];
		*old = (struct twin){ .hostile = arena_strdup(t->arena, hostile) };
	}
	old->roles |= roles;
}

static int compare(const void *x, const void *y)
{
	return strcmp(((const struct twin *)x)->hostile, ((const struct twin *)y)->hostile);
}

/* ---- forms ---- */

static bool plain(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

static void put_escaped(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (plain(s[i]))
			buf_char(out, s[i]);
		else
			buf_printf(out, ":%02X", (unsigned)(unsigned char)s[i]);
}

static void put_server(struct buf *out, const char *s)
{
	const char *colon = strrchr(s, ':');
	size_t n = strlen(s), host = colon != NULL ? (size_t)(colon - s) : 0;
	bool port = colon != NULL && colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1);

	if (port && host > 2 && s[0] == '[' && s[host - 1] == ']' &&
		strspn(s + 1, "0123456789abcdefABCDEF:.") == host - 2) {
		buf_printf(out, "s6_%.*s%s", (int)(host - 2), s + 1, "_");
		buf_str(out, colon + 1);
	} else if (port && host > 0 && memchr(s, ':', host) == NULL) {
		buf_str(out, "s_");
		put_escaped(out, s, host);
		buf_printf(out, "_%s", colon + 1);
	} else {
		buf_str(out, "t_");
		put_escaped(out, s, n);
	}
}

static void put_encoded(struct buf *out, const char *s)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c > ' ' && c < 0x7f && c != '#')
			buf_char(out, *s);
		else
			buf_printf(out, "%%%02X", c);
	}
}

static void put_replaced(struct buf *out, const char *s, unsigned form)
{
	for (; *s != '\0'; s++) {
		if (form == FORM_DOUBLED && *s == '%')
			buf_char(out, '%');
		if (form == FORM_VARIABLE)
			buf_char(out, *s == '-' ? '_' : (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s));
		else
			buf_char(out, *s);
	}
}

static const char *in_form(unsigned form, const char *s, struct arena *a)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	char hex[DIGEST_HEX];

	switch (form) {
	case FORM_BACKEND:
		put_escaped(&out, s, strlen(s));
		break;
	case FORM_HASH:
		digest_hex(s, strlen(s), hex);
		buf_str(&out, hex);
		break;
	case FORM_SERVER:
		put_server(&out, s);
		break;
	case FORM_ENCODED:
		put_encoded(&out, s);
		break;
	default:
		put_replaced(&out, s, form);
		break;
	}
	return arena_strdup(a, buf_cstr(&out));
}

static void add_pair(struct twins *t, struct twin *w, unsigned form)
{
	struct pair *p = &w->pairs[w->n_pairs++];

	ASSERT(w->n_pairs <= MAX_FORMS);
	p->form = form;
	p->twin = in_form(form, w->twin, t->arena);
	p->hostile = in_form(form, w->hostile, t->arena);
	p->n = strlen(p->twin);
	p->of = w;
	p->next = t->first[(unsigned char)p->twin[0]];
	t->first[(unsigned char)p->twin[0]] = p;
}

static void add_pairs(struct twins *t, struct twin *w)
{
	add_pair(t, w, w->roles == TWINS_DOMAIN ? FORM_DOMAIN : FORM_PLAIN);
	if ((w->roles & TWINS_ID) != 0) {
		add_pair(t, w, FORM_BACKEND);
		add_pair(t, w, FORM_HASH);
	}
	if ((w->roles & TWINS_ADDRESS) != 0)
		add_pair(t, w, FORM_SERVER);
	if ((w->roles & TWINS_PATH) != 0)
		add_pair(t, w, FORM_ENCODED);
	if ((w->roles & TWINS_OPTION) != 0) {
		add_pair(t, w, FORM_DOUBLED);
		add_pair(t, w, FORM_VARIABLE);
	}
}

const char *twins_path(const char *path, struct arena *a)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	return arena_printf(a, "%s%.*s", n == 0 || path[0] != '/' ? "/" : "", (int)n, path);
}

const char *twins_domain(const char *domain, struct arena *a)
{
	AUTO(buf_release) struct buf lower = BUF_INIT, out = BUF_INIT;
	const char *colon = strrchr(domain, ':');
	size_t n = strlen(domain);

	if (colon != NULL && strspn(colon + 1, "0123456789") == strlen(colon + 1))
		n = (size_t)(colon - domain);
	for (size_t i = 0; i < n; i++)
		buf_char(&lower, (char)(domain[i] >= 'A' && domain[i] <= 'Z' ? domain[i] + 32 : domain[i]));
	for (const char *p = buf_cstr(&lower); *p != '\0'; p++) {
		if (*p == '/')
			buf_str(&out, "%2F");
		else
			put_encoded(&out, (char[]){ *p, '\0' });
	}
	return arena_strdup(a, buf_cstr(&out));
}

/* ---- the twins ---- */

/* A number, or a time. */
static bool number_like(const char *s)
{
	static const char *const units[] = { "", "ms", "s", "m", "h", "d" };
	size_t sign = s[0] == '-' || s[0] == '+', digits = strspn(s + sign, "0123456789.");

	if (digits == 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(s + sign + digits, units[i]) == 0)
			return true;
	return false;
}

static bool knows(const struct twins *t, const char *s)
{
	return t->known->n > 0 &&
		bsearch(&s, t->known->items, t->known->n, sizeof(s), compare_words) != NULL;
}

#define SPECIAL (TWINS_ADDRESS | TWINS_PATH | TWINS_DOMAIN | TWINS_ID)
#define DEFAULT "default" /* a group that templates know */

/* Members of maps that the engine gives a meaning to. */
static bool engine_key(const char *s)
{
	return strcmp(s, "\x01") == 0 || strcmp(s, "\x02") == 0;
}

static bool means_something(const struct twins *t, const char *s)
{
	return number_like(s) || engine_key(s) || knows(t, s);
}

static bool same(const struct twins *t, const struct twin *w)
{
	if (w->roles == TWINS_PATH)
		return strcmp(w->hostile, "/") == 0;
	if (w->hostile[0] == '\0' || strcmp(w->hostile, DEFAULT) == 0)
		return true;
	return w->roles == TWINS_OPTION && means_something(t, w->hostile);
}

/* A text that means something as an option, but is something else, too; or that wants two kinds of twins. */
static bool contradicts(const struct twins *t, const struct twin *w)
{
	unsigned special = w->roles & SPECIAL;

	if (strcmp(w->hostile, DEFAULT) == 0)
		return special != 0;
	if ((special & (special - 1)) != 0 || ((special & (TWINS_PATH | TWINS_DOMAIN)) != 0 && w->roles != special))
		return true;
	if ((w->roles & ~TWINS_OPTION) != 0 && engine_key(w->hostile))
		return true;
	return (w->roles & TWINS_OPTION) != 0 && w->roles != TWINS_OPTION && means_something(t, w->hostile);
}

static const char *make(const struct twins *t, const struct twin *w, size_t rank, const char *head)
{
	bool early = strcmp(w->hostile, DEFAULT) < 0;
	const char *marker = arena_printf(t->arena, "%s%03zu", early ? "Zq" : "zq", rank);
	const char *host;
	int port;

	if ((w->roles & TWINS_ID) != 0)
		return arena_printf(t->arena, "%s%sqZ%s", head, marker,
			strcmp(in_form(FORM_BACKEND, w->hostile, t->arena), w->hostile) == 0 ? "" : "/x");
	if ((w->roles & TWINS_PATH) != 0)
		return arena_printf(t->arena, "/%s\xc3\xa9qZ", marker);
	if ((w->roles & TWINS_DOMAIN) != 0)
		return arena_printf(t->arena, "zq%03zu.qz", rank);
	if ((w->roles & TWINS_ADDRESS) != 0 && upstream_split(w->hostile, t->arena, &host, &port))
		return arena_printf(t->arena, "%s.qZ:1%03zu", marker, rank);
	return arena_printf(t->arena, "%s%sqZ", w->roles == TWINS_OPTION && w->hostile[0] == '/' ? "/" : "", marker);
}

static bool like_marker(const char *s)
{
	return strcasestr(s, "zq") != NULL || strcasestr(s, "qz") != NULL;
}

/* Two paths that are one when encoded. */
static bool meet(const struct twins *t, size_t i)
{
	const struct twin *w = &t->items[i];

	for (size_t k = 0; k < i && (w->roles & TWINS_PATH) != 0; k++)
		if ((t->items[k].roles & TWINS_PATH) != 0 && strcmp(in_form(FORM_ENCODED, w->hostile, t->arena),
			in_form(FORM_ENCODED, t->items[k].hostile, t->arena)) == 0)
			return true;
	return false;
}

bool twins_settle(struct twins *t, const char *head)
{
	if (t->n > 999)
		return false;
	if (t->n > 0)
		qsort(t->items, t->n, sizeof(*t->items), compare);
	for (size_t i = 0; i < t->n; i++) {
		struct twin *w = &t->items[i];

		if (like_marker(w->hostile) || contradicts(t, w) || meet(t, i))
			return false;
		if (same(t, w)) {
			w->twin = w->hostile;
			continue;
		}
		w->twin = make(t, w, i, head);
		add_pairs(t, w);
	}
	return true;
}

const char *twins_of(const struct twins *t, const char *hostile)
{
	const struct twin *w = hostile != NULL ? find(t, hostile) : NULL;

	ASSERT(hostile == NULL || w != NULL);
	return w != NULL ? w->twin : NULL;
}

/* ---- comparing ---- */

/* The twin that has a form at the begin of the text; no two can. */
static const struct twin *at(const struct twins *t, const char *text, size_t n)
{
	for (const struct pair *p = t->first[(unsigned char)*text]; p != NULL; p = p->next)
		if (p->n <= n && memcmp(p->twin, text, p->n) == 0)
			return p->of;
	return NULL;
}

bool twins_match(const struct twins *t, unsigned forms, const char *twin, size_t n, const char *hostile, size_t m)
{
	const struct twin *w = NULL;

	for (; n > 0 && (w = at(t, twin, n)) == NULL; twin++, n--, hostile++, m--)
		if (m == 0 || *twin != *hostile)
			return false;
	if (n == 0)
		return m == 0;
	for (size_t k = 0; k < w->n_pairs; k++) {
		const struct pair *p = &w->pairs[k];
		size_t len = strlen(p->hostile);

		if ((p->form & forms) != 0 && p->n <= n && memcmp(p->twin, twin, p->n) == 0 && len <= m &&
			memcmp(p->hostile, hostile, len) == 0 &&
			twins_match(t, forms, twin + p->n, n - p->n, hostile + len, m - len))
			return true;
	}
	return false;
}

bool twins_marked(const struct twins *t, const char *text, size_t n)
{
	for (; n > 0; text++, n--)
		if (at(t, text, n) != NULL)
			return true;
	return false;
}

bool twins_see(struct twins *t, const char *text, size_t n)
{
	bool any = false;

	for (; n > 0; text++, n--) {
		const struct twin *w = at(t, text, n);

		if (w == NULL)
			continue;
		t->items[w - t->items].seen = true;
		any = true;
	}
	return any;
}

bool twins_seen(const struct twins *t, const char *hostile)
{
	const struct twin *w = find(t, hostile);

	return w != NULL && w->seen;
}
