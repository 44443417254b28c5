/*
 * tokens.c - a rendered file as the program that reads it sees it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/tokens.h"

#include <stdlib.h>
#include <string.h>

#define HAPROXY_WORDS_MAX 64
#define MAP_LINE_MAX 16383

void tokens_release(struct tokens *t)
{
	for (size_t i = 0; i < t->n; i++)
		xfree_p(&t->lines[i].words);
	xfree_p(&t->lines);
	t->n = t->cap = 0;
}

static struct tokens_line *new_line(struct tokens *t)
{
	GROW(t->lines, t->n, t->cap);
	t->lines[t->n] = (struct tokens_line){ NULL, 0, 0 };
	return &t->lines[t->n++];
}

static void add_word(struct tokens_line *l, enum tokens_kind kind, const char *text, size_t n, struct arena *a)
{
	GROW(l->words, l->n, l->cap);
	l->words[l->n++] = (struct tokens_word){ kind, arena_strndup(a, text, n), n };
}

static void wrong(struct tokens *t, const char *why, size_t line)
{
	if (t->wrong != NULL)
		return;
	t->wrong = why;
	t->wrong_line = line;
}

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at;

	if (c >= 'A' && c <= 'F')
		c = (char)(c - 'A' + 'a');
	at = c != '\0' ? strchr(digits, c) : NULL;
	return at != NULL ? (int)(at - digits) : -1;
}

/* One line of a HAProxy configuration on its way into words. */
struct reading {
	const char *p, *end;
	struct tokens *out;
	struct tokens_line *line;
	struct buf word;
	bool in_word; /* there is one, perhaps empty as "" is */
	char quote;   /* 0, ' or " */
	struct arena *arena;
};

static void end_word(struct reading *r)
{
	if (r->in_word)
		add_word(r->line, TOKENS_WORD, buf_cstr(&r->word), r->word.len, r->arena);
	buf_clear(&r->word);
	r->in_word = false;
}

/* At the backslash. What it does not know keeps it. */
static void haproxy_backslash(struct reading *r)
{
	char c = r->p + 1 < r->end ? r->p[1] : '\0';
	int high, low;

	r->in_word = true;
	switch (c) {
	case ' ': case '\\': case '#': case '"': case '\'':
		buf_char(&r->word, c);
		break;
	case 't': buf_char(&r->word, '\t'); break;
	case 'n': buf_char(&r->word, '\n'); break;
	case 'r': buf_char(&r->word, '\r'); break;
	case 'x':
		high = r->p + 2 < r->end ? hex(r->p[2]) : -1;
		low = r->p + 3 < r->end ? hex(r->p[3]) : -1;
		if (high < 0 || low < 0)
			wrong(r->out, "a \\x without two digits", r->out->n);
		else
			buf_char(&r->word, (char)(high * 16 + low));
		r->p += high < 0 || low < 0 ? 2 : 4;
		return;
	case '$':
		if (r->quote == '"') {
			buf_char(&r->word, '$');
			break;
		}
		/* fall through */
	default:
		buf_char(&r->word, '\\');
		r->p++;
		return;
	}
	r->p += 2;
}

static bool haproxy_char(struct reading *r)
{
	char c = *r->p;

	if (c == '#' && r->quote == 0)
		return false;
	if (c == '\\' && r->quote != '\'') {
		haproxy_backslash(r);
		return true;
	}
	r->p++;
	if (r->quote == 0 && space(c)) {
		end_word(r);
	} else if ((c == '"' || c == '\'') && (r->quote == 0 || r->quote == c)) {
		r->quote = r->quote == 0 ? c : '\0';
		r->in_word = true;
	} else {
		/* whatever a variable's value may be: none of our templates has one */
		if (c == '$' && r->quote == '"')
			wrong(r->out, "a variable of the environment", r->out->n);
		buf_char(&r->word, c);
		r->in_word = true;
	}
	return true;
}

static void haproxy_line(const char *line, size_t n, struct arena *a, struct tokens *out)
{
	struct reading r = { .p = line, .end = line, .out = out, .line = new_line(out), .word = BUF_INIT, .arena = a };
	size_t words;

	while (r.end < line + n && *r.end != '\r' && *r.end != '\0')
		r.end++;
	if (r.end < line + n)
		wrong(out, "a line that ends before its end", out->n);
	while (r.p < r.end && haproxy_char(&r))
		;
	end_word(&r);
	buf_release(&r.word);
	words = r.line->n;
	if (r.quote != 0)
		wrong(out, "a quote that does not end", out->n);
	if (words > HAPROXY_WORDS_MAX)
		wrong(out, "too many words", out->n);
	if (r.p < r.end)
		add_word(r.line, TOKENS_COMMENT, r.p, (size_t)(r.end - r.p), a);
}

void tokens_haproxy(const char *text, size_t n, struct arena *a, struct tokens *out)
{
	const char *end = text + n;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		haproxy_line(text, (size_t)((nl != NULL ? nl : end) - text), a, out);
		if (nl == NULL)
			wrong(out, "the last line has no end", out->n);
		text = nl != NULL ? nl + 1 : end;
	}
}

/* Up to MAP_LINE_MAX bytes are a line, whether they end with LF or not. */
static void map_line(const char *p, size_t n, struct arena *a, struct tokens *out)
{
	struct tokens_line *l = new_line(out);
	const char *end = p, *stop = p + n, *key;

	if (n > 0 && *p == '#') {
		add_word(l, TOKENS_COMMENT, p, n, a);
		return;
	}
	while (end < stop && *end != '\r' && *end != '\0')
		end++;
	if (end < stop)
		wrong(out, "a line that ends before its end", out->n);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	for (key = p; p < end && *p != ' ' && *p != '\t'; p++)
		;
	if (p == key)
		return;
	add_word(l, TOKENS_WORD, key, (size_t)(p - key), a);
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (p < end)
		add_word(l, TOKENS_WORD, p, (size_t)(end - p), a);
}

void tokens_map(const char *text, size_t n, struct arena *a, struct tokens *out)
{
	const char *end = text + n;

	while (text < end) {
		size_t left = (size_t)(end - text), room = left < MAP_LINE_MAX ? left : MAP_LINE_MAX;
		const char *nl = memchr(text, '\n', room);
		size_t len = nl != NULL ? (size_t)(nl - text) : room;

		map_line(text, len, a, out);
		if (nl == NULL)
			wrong(out, "a line that is cut", out->n);
		text += nl != NULL ? len + 1 : len;
	}
}

static bool nginx_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The bytes of a word without the backslashes that nginx takes away. */
static void nginx_word(struct tokens_line *l, const char *p, size_t n, struct arena *a)
{
	AUTO(buf_release) struct buf word = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		char c = p[i], next = i + 1 < n ? p[i + 1] : '\0';

		if (c == '\\' && next != '\0' && strchr("\"'\\tnr", next) != NULL) {
			c = next == 't' ? '\t' : next == 'n' ? '\n' : next == 'r' ? '\r' : next;
			i++;
		}
		buf_char(&word, c);
	}
	add_word(l, TOKENS_WORD, buf_cstr(&word), word.len, a);
}

/* In quotes: to the end of them; *p is behind the opening one. */
static bool nginx_quoted(const char **p, const char *end, char quote, struct tokens_line *l, struct arena *a)
{
	const char *begin = *p;

	while (*p < end && **p != quote)
		*p += **p == '\\' ? 2 : 1;
	if (*p >= end)
		return false;
	nginx_word(l, begin, (size_t)(*p - begin), a);
	(*p)++;
	return true;
}

/* To a blank, ; or {, but ${ belongs to the word. */
static void nginx_bare(const char **p, const char *end, struct tokens_line *l, struct arena *a)
{
	const char *begin = *p;

	while (*p < end && !nginx_blank(**p) && **p != ';') {
		if (**p == '{' && (*p == begin || (*p)[-1] != '$'))
			break;
		*p += **p == '\\' && *p + 1 < end ? 2 : 1;
	}
	nginx_word(l, begin, (size_t)(*p - begin), a);
}

/* A ; { or } where a word could begin. */
static bool nginx_mark(char c, struct tokens_line **l, int *depth, struct tokens *out, struct arena *a)
{
	if (c == '}' ? *l != NULL : *l == NULL)
		return false;
	if (*l == NULL)
		*l = new_line(out);
	add_word(*l, TOKENS_MARK, &c, 1, a);
	*depth += c == '{' ? 1 : c == '}' ? -1 : 0;
	*l = NULL;
	return *depth >= 0;
}

static void nginx_comment(const char **p, const char *end, struct tokens_line *l, struct tokens *out, struct arena *a)
{
	const char *nl = memchr(*p, '\n', (size_t)(end - *p));
	const char *to = nl != NULL ? nl : end;

	add_word(l != NULL ? l : new_line(out), TOKENS_COMMENT, *p, (size_t)(to - *p), a);
	*p = to;
}

static bool nginx_step(const char **p, const char *end, struct tokens_line **l, int *depth, struct tokens *out,
	struct arena *a)
{
	char c = **p;

	if (nginx_blank(c)) {
		(*p)++;
		return true;
	}
	if (c == '#') {
		nginx_comment(p, end, *l, out, a);
		return true;
	}
	if (c == ';' || c == '{' || c == '}') {
		(*p)++;
		return nginx_mark(c, l, depth, out, a);
	}
	if (*l == NULL)
		*l = new_line(out);
	if (c != '"' && c != '\'') {
		nginx_bare(p, end, *l, a);
		return true;
	}
	(*p)++;
	if (!nginx_quoted(p, end, c, *l, a))
		return false;
	/* behind a quoted word must come a blank or an end; ')' is for `if` */
	return *p < end && (nginx_blank(**p) || strchr(";{)", **p) != NULL);
}

void tokens_nginx(const char *text, size_t n, struct arena *a, struct tokens *out)
{
	const char *p = text, *end = text + n;
	struct tokens_line *l = NULL;
	int depth = 0;

	while (p < end && out->wrong == NULL)
		if (!nginx_step(&p, end, &l, &depth, out, a))
			wrong(out, "a word, quote or mark at a wrong place", out->n);
	if (l != NULL || depth != 0)
		wrong(out, "a directive or block that does not end", out->n);
}
