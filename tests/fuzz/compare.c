/*
 * compare.c - a file with a hostile service and the same with its twin
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"
#include "tests/fuzz/tokens.h"

NORETURN static void differ(const char *what, size_t line, const char *hostile, const char *twin)
{
	fprintf(stderr, "line %zu: %s\n---- hostile\n%s\n---- twin\n%s\n----\n", line, what, hostile, twin);
	abort();
}

/* ---- which forms may stand where ---- */

static bool is(const struct tokens_line *l, size_t i, const char *word)
{
	return i < l->n && l->words[i].kind == TOKENS_WORD && strcmp(l->words[i].text, word) == 0;
}

/* Is the i-th word a log-format string, in which a lone % begins a variable? */
static bool log_format(const struct tokens_line *l, size_t i)
{
	static const char *const actions[] = { "set-header", "add-header", "set-path", "set-uri", "set-query", "redirect" };

	if (is(l, 0, "http-check"))
		return i > 2 && l->n > 2 && (is(l, i - 2, "hdr") || is(l, i - 1, "uri-lf") || is(l, i - 1, "body-lf"));
	if (!is(l, 0, "http-request") && !is(l, 0, "http-response") && !is(l, 0, "http-after-response"))
		return false;
	if (i > 0 && (is(l, i - 1, "lf-string") || (is(l, 1, "return") && i > 1 && is(l, i - 2, "hdr"))))
		return true;
	for (size_t k = 0; k < ARRAY_LEN(actions); k++)
		if (is(l, 1, actions[k]))
			return i == (k < 2 ? 3 : 2);
	return false;
}

static unsigned forms_at(enum compare_kind kind, const struct tokens_line *l, size_t i)
{
	if (l->words[i].kind == TOKENS_COMMENT)
		return FORM_PLAIN;
	switch (kind) {
	case COMPARE_HAPROXY:
		return log_format(l, i) ? FORM_DOUBLED : FORM_PLAIN | FORM_BACKEND | FORM_HASH | FORM_SERVER;
	case COMPARE_MAP:
		return FORM_PLAIN | FORM_BACKEND | FORM_ENCODED | FORM_DOMAIN;
	case COMPARE_NGINX:
		return FORM_PLAIN | FORM_HASH | FORM_VARIABLE;
	}
	abort();
}

/* ---- words ---- */

static size_t count(const struct tokens_word *w, const char *of)
{
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++)
		n += w->text[i] != '\0' && strchr(of, w->text[i]) != NULL;
	return n;
}

/* What a value must not bring along, since it would mean something within the word. */
static const char *smuggled(enum compare_kind kind, const struct tokens_word *h, const struct tokens_word *w, size_t i)
{
	if (w->kind != TOKENS_WORD)
		return NULL;
	if (i == 0 && kind != COMPARE_MAP)
		return "a value in a keyword";
	/* str(x), hdr(x): the expression's own grammar. An option may end on (: that is for it to say. */
	if (kind == COMPARE_HAPROXY && count(w, "(") > 0 && count(h, "(),") != count(w, "(),"))
		return "a value with a mark of expressions in one";
	if (kind == COMPARE_NGINX && count(h, "$") != count(w, "$"))
		return "a value with a variable";
	return NULL;
}

static const char *compare_line(struct twins *t, enum compare_kind kind, const struct tokens_line *hostile,
	const struct tokens_line *twin)
{
	if (hostile->n != twin->n)
		return "another number of words";
	for (size_t i = 0; i < twin->n; i++) {
		const struct tokens_word *h = &hostile->words[i], *w = &twin->words[i];
		const char *wrong;

		if (h->kind != w->kind)
			return "another kind of word";
		if (!twins_match(t, forms_at(kind, twin, i), w->text, w->n, h->text, h->n))
			return "another word";
		if (!twins_see(t, w->text, w->n))
			continue;
		wrong = smuggled(kind, h, w, i);
		if (wrong != NULL)
			return wrong;
	}
	return NULL;
}

static void read_as(enum compare_kind kind, const char *text, struct arena *a, struct tokens *out)
{
	switch (kind) {
	case COMPARE_HAPROXY:
		tokens_haproxy(text, strlen(text), a, out);
		break;
	case COMPARE_MAP:
		tokens_map(text, strlen(text), a, out);
		break;
	case COMPARE_NGINX:
		tokens_nginx(text, strlen(text), a, out);
		break;
	}
}

void compare_files(struct twins *t, enum compare_kind kind, const char *hostile, const char *twin, struct arena *a)
{
	AUTO(tokens_release) struct tokens h = TOKENS_INIT, w = TOKENS_INIT;

	read_as(kind, hostile, a, &h);
	read_as(kind, twin, a, &w);
	if (w.wrong != NULL)
		differ(w.wrong, w.wrong_line, "", twin);
	if (h.wrong != NULL)
		differ(h.wrong, h.wrong_line, hostile, twin);
	if (h.n != w.n)
		differ("another number of lines", h.n, hostile, twin);
	for (size_t i = 0; i < w.n; i++) {
		const char *what = compare_line(t, kind, &h.lines[i], &w.lines[i]);

		if (what != NULL)
			differ(what, i + 1, hostile, twin);
	}
}

/* ---- bytes ---- */

size_t compare_marked(const struct twins *t, const char *hostile, const char *twin, size_t line)
{
	const char *h = hostile, *w = twin;

	for (size_t i = 1; *h != '\0' && *w != '\0'; i++) {
		size_t n = strcspn(h, "\n"), m = strcspn(w, "\n");

		if (i > line && twins_marked(t, w, m))
			return i;
		if (i > line && (n != m || memcmp(h, w, n) != 0))
			differ("a line that is not its own", i, hostile, twin);
		h += n + (h[n] == '\n');
		w += m + (w[m] == '\n');
	}
	if (*h != *w)
		differ("another number of lines of text", 0, hostile, twin);
	return 0;
}
