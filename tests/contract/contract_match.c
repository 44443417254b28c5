/*
 * contract_match.c - an answer against what a file of the contract expects
 *
 * What is expected becomes JSON first: a placeholder is a string of it, `...` one more member, `~[` a list whose first
 * item is "~".
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/contract/contract_match.h"

#include "lib/base/str.h"
#include "lib/model/value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NESTING_MAX 64
#define SHOWN_MAX 2000

enum place { PLACE_ANY, PLACE_TEXT, PLACE_NUMBER, PLACE_TIME, PLACE_HEX, PLACE_UUID };
static const char *const place_names[] = { "any", "text", "number", "time", "hex", "uuid" };

struct found_place {
	enum place kind;
	const char *name;
	size_t name_len, len; /* name_len 0: it has none */
};

static bool place_at(const char *s, struct found_place *p)
{
	if (*s != '<')
		return false;
	for (size_t i = 0; i < ARRAY_LEN(place_names); i++) {
		size_t n = strlen(place_names[i]), name = 0;

		if (strncmp(s + 1, place_names[i], n) != 0)
			continue;
		if (s[1 + n] == '=')
			while (isalnum((unsigned char)s[2 + n + name]) || s[2 + n + name] == '_')
				name++;
		*p = (struct found_place){ (enum place)i, s + 2 + n, name, 1 + n + (name > 0 ? name + 1 : 0) };
		if (s[p->len++] == '>')
			return true;
	}
	return false;
}

/* --- texts --- */

static size_t run_of(const char *s, const char *set)
{
	return strspn(s, set);
}

static bool is_uuid(const char *s)
{
	for (int i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? s[i] != '-' : (s[i] == '\0' || strchr("0123456789abcdef", s[i]) == NULL))
			return false;
	}
	return true;
}

/* How much of `s` a placeholder may take, at most and at least; most < least: nothing. */
static void place_reach(enum place kind, const char *s, size_t *most, size_t *least)
{
	size_t sign = *s == '-';

	*least = 1;
	switch (kind) {
	case PLACE_ANY:
		*least = 0;
		*most = strlen(s);
		return;
	case PLACE_TEXT:
		*most = strlen(s);
		return;
	case PLACE_NUMBER:
		*most = run_of(s + sign, "0123456789");
		*most += *most > 0 ? sign : 0;
		*least = sign + 1;
		return;
	case PLACE_TIME:
		*least = 13;
		*most = *s == '1' && run_of(s, "0123456789") >= 13 ? 13 : 0;
		return;
	case PLACE_HEX:
		*most = run_of(s, "0123456789abcdef");
		return;
	case PLACE_UUID:
		*least = 36;
		*most = is_uuid(s) ? 36 : 0;
		return;
	}
}

static bool match_string(const char *want, const char *found, struct names *ns)
{
	struct found_place p;
	size_t most, least;

	while (*want != '\0' && !place_at(want, &p))
		if (*want++ != *found++)
			return false;
	if (*want == '\0')
		return *found == '\0';
	place_reach(p.kind, found, &most, &least);
	for (size_t n = most + 1; n-- > least;) {
		if (!match_string(want + p.len, found + n, ns))
			continue;
		if (p.name_len > 0)
			names_put_n(ns, p.name, p.name_len, found, n);
		return true;
	}
	return false;
}

/* --- what is expected, as JSON --- */

struct quoting {
	struct buf *out;
	char open[NESTING_MAX];
	size_t depth;
	unsigned more; /* `...` of objects so far: keys must differ */
};

static void quote_bracket(struct quoting *q, char c)
{
	ASSERT(q->depth < NESTING_MAX);
	if (c == '{' || c == '[')
		q->open[q->depth++] = c;
	else if (q->depth > 0)
		q->depth--;
}

/* What is not a string begins at s. The length that was taken. */
static size_t quote_one(struct quoting *q, const char *s)
{
	struct found_place p;

	if (place_at(s, &p)) {
		buf_printf(q->out, "\"%.*s\"", (int)p.len, s);
		return p.len;
	}
	if (strncmp(s, "...", 3) == 0) {
		if (q->depth > 0 && q->open[q->depth - 1] == '{')
			buf_printf(q->out, "\"...%u\":0", q->more++);
		else
			buf_str(q->out, "\"...\"");
		return 3;
	}
	if (strncmp(s, "~[", 2) == 0) {
		quote_bracket(q, '[');
		buf_str(q->out, s[2 + strspn(s + 2, " \n")] == ']' ? "[\"~\"" : "[\"~\",");
		return 2;
	}
	if (strchr("{}[]", *s) != NULL)
		quote_bracket(q, *s);
	buf_char(q->out, *s);
	return 1;
}

static size_t string_length(const char *s)
{
	size_t n = 1;

	while (s[n] != '\0' && s[n] != '"')
		n += s[n] == '\\' && s[n + 1] != '\0' ? 2 : 1;
	return n + (s[n] == '"');
}

static void quote_marks(const char *s, struct buf *out)
{
	struct quoting q = { .out = out };

	while (*s != '\0') {
		size_t n = *s == '"' ? string_length(s) : 0;

		if (n > 0)
			buf_append(out, s, n);
		s += n > 0 ? n : quote_one(&q, s);
	}
}

/* --- values --- */

struct matching {
	struct names *ns;
	struct buf *why;
	struct buf where;
};

static bool match(struct matching *m, const struct value *want, const struct value *found);

static void show(struct buf *out, const struct value *v)
{
	size_t start = out->len;

	value_write(v, false, out);
	if (out->len - start > SHOWN_MAX) {
		buf_truncate(out, start + SHOWN_MAX);
		buf_str(out, "...");
	}
}

static bool differs(struct matching *m, const struct value *want, const struct value *found)
{
	buf_clear(m->why);
	buf_printf(m->why, "%s: expected ", m->where.len > 0 ? buf_cstr(&m->where) : "body");
	show(m->why, want);
	buf_str(m->why, ", found ");
	show(m->why, found);
	return false;
}

static bool match_text(struct matching *m, const struct value *want, const struct value *found)
{
	struct found_place p;
	bool whole = place_at(want->u.s, &p) && want->u.s[p.len] == '\0';
	AUTO(buf_release) struct buf text = BUF_INIT;
	size_t most, least;

	if (whole && (p.kind == PLACE_NUMBER || p.kind == PLACE_TIME)) {
		value_write(found, false, &text);
		if (found->kind != VALUE_INT)
			return differs(m, want, found);
		place_reach(p.kind, buf_cstr(&text), &most, &least);
		if (most < least || most != text.len)
			return differs(m, want, found);
	} else if (whole && p.kind == PLACE_ANY) {
		value_write(found, false, &text);
	} else {
		return (found->kind == VALUE_STRING && match_string(want->u.s, found->u.s, m->ns)) || differs(m, want, found);
	}
	if (p.name_len > 0)
		names_put_n(m->ns, p.name, p.name_len, buf_cstr(&text), text.len);
	return true;
}

static bool is_more(const char *key)
{
	return str_starts(key, "...");
}

static bool keys_differ(struct matching *m, const struct value *want, const struct value *found)
{
	buf_clear(m->why);
	buf_printf(m->why, "%s: expected the keys", m->where.len > 0 ? buf_cstr(&m->where) : "body");
	for (size_t i = 0; i < want->u.map.n; i++)
		buf_printf(m->why, " %.40s", is_more(want->u.map.members[i].key) ? "..." : want->u.map.members[i].key);
	buf_str(m->why, ", found");
	for (size_t i = 0; i < found->u.map.n; i++)
		buf_printf(m->why, " %.40s", found->u.map.members[i].key);
	return false;
}

/* The keys that are named, in their order; others only where there may be more. */
static bool match_object(struct matching *m, const struct value *want, const struct value *found)
{
	size_t at = 0, where = m->where.len;
	bool more = false;

	if (found->kind != VALUE_MAP)
		return differs(m, want, found);
	for (size_t i = 0; i < want->u.map.n; i++)
		more = more || is_more(want->u.map.members[i].key);
	for (size_t i = 0; i < found->u.map.n; i++) {
		const char *key = found->u.map.members[i].key;

		if (more && value_get(want, key) == NULL)
			continue;
		while (at < want->u.map.n && is_more(want->u.map.members[at].key))
			at++;
		if (at == want->u.map.n || !str_eq(want->u.map.members[at++].key, key))
			return keys_differ(m, want, found);
	}
	while (at < want->u.map.n && is_more(want->u.map.members[at].key))
		at++;
	if (at < want->u.map.n)
		return keys_differ(m, want, found);
	for (size_t i = 0; i < want->u.map.n; i++) {
		const struct value_member *member = &want->u.map.members[i];

		if (is_more(member->key))
			continue;
		buf_truncate(&m->where, where);
		buf_printf(&m->where, ".%s", member->key);
		if (!match(m, member->value, value_get(found, member->key)))
			return false;
	}
	buf_truncate(&m->where, where);
	return true;
}

static bool is_mark(const struct value *v, const char *mark)
{
	return v->kind == VALUE_STRING && str_eq(v->u.s, mark);
}

/* One that matches and was not taken. */
static bool take_one(struct matching *m, const struct value *want, const struct value *found, bool *taken)
{
	size_t names = m->ns->n, where = m->where.len;

	for (size_t i = 0; i < found->u.list.n; i++) {
		if (taken[i])
			continue;
		if (match(m, want, found->u.list.items[i]))
			return taken[i] = true;
		names_back(m->ns, names);
		buf_truncate(&m->where, where);
	}
	buf_str(&m->where, " (somewhere in it)");
	return differs(m, want, found);
}

static bool match_unordered(struct matching *m, const struct value *want, const struct value *found, bool more)
{
	bool *taken = xcalloc(found->u.list.n + 1, sizeof(*taken)), ok = true;
	size_t n = 0;

	for (size_t i = 0; ok && i < want->u.list.n; i++) {
		const struct value *item = want->u.list.items[i];

		if (is_mark(item, "~") || is_mark(item, "..."))
			continue;
		ok = take_one(m, item, found, taken);
		n++;
	}
	free(taken);
	return ok && (more || n == found->u.list.n || differs(m, want, found));
}

static bool match_list(struct matching *m, const struct value *want, const struct value *found)
{
	bool more = false, any_order = want->u.list.n > 0 && is_mark(want->u.list.items[0], "~");
	size_t where = m->where.len;

	if (found->kind != VALUE_LIST)
		return differs(m, want, found);
	for (size_t i = 0; i < want->u.list.n; i++)
		more = more || is_mark(want->u.list.items[i], "...");
	if (more || any_order)
		return match_unordered(m, want, found, more);
	if (want->u.list.n != found->u.list.n)
		return differs(m, want, found);
	for (size_t i = 0; i < want->u.list.n; i++) {
		buf_truncate(&m->where, where);
		buf_printf(&m->where, "[%zu]", i);
		if (!match(m, want->u.list.items[i], found->u.list.items[i]))
			return false;
	}
	buf_truncate(&m->where, where);
	return true;
}

static bool match(struct matching *m, const struct value *want, const struct value *found)
{
	switch (want->kind) {
	case VALUE_STRING:
		return match_text(m, want, found);
	case VALUE_MAP:
		return match_object(m, want, found);
	case VALUE_LIST:
		return match_list(m, want, found);
	case VALUE_NULL:
	case VALUE_BOOL:
	case VALUE_INT:
	case VALUE_REAL:
		break;
	}
	return (want->kind == found->kind && value_equal(want, found)) || differs(m, want, found);
}

bool contract_match_json(const char *want, const char *found, struct names *ns, struct buf *why)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf quoted = BUF_INIT;
	struct matching m = { ns, why, BUF_INIT };
	const struct value *w, *f;
	struct error err = ERROR_INIT;
	bool ok = false;

	quote_marks(want, &quoted);
	if (value_parse(quoted.data, quoted.len, a, &w, &err) != 0)
		buf_printf(why, "what is expected is no JSON: %s: %.2000s", err.text, want);
	else if (value_parse(found, strlen(found), a, &f, &err) != 0)
		buf_printf(why, "found no JSON: %s: %.2000s", err.text, found);
	else
		ok = match(&m, w, f);
	buf_release(&m.where);
	return ok;
}

/* --- answers --- */

static const char *header_of(const struct case_headers *hs, const char *name)
{
	for (size_t i = 0; i < hs->n; i++)
		if (strcasecmp(hs->items[i].name, name) == 0)
			return hs->items[i].value;
	return NULL;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* "GET, POST" as "GET,POST," in a fixed order. */
static void sorted_list(const char *s, size_t n, struct buf *out)
{
	AUTO(xfree_p) char *copy = xstrndup(s, n);
	char *parts[64], *save = NULL;
	size_t k = 0;

	for (char *p = strtok_r(copy, ", ", &save); p != NULL && k < ARRAY_LEN(parts); p = strtok_r(NULL, ", ", &save))
		parts[k++] = p;
	qsort(parts, k, sizeof(parts[0]), by_text);
	for (size_t i = 0; i < k; i++)
		buf_printf(out, "%s,", parts[i]);
}

static bool lists_equal(const char *want, const char *found)
{
	AUTO(buf_release) struct buf w = BUF_INIT;
	AUTO(buf_release) struct buf f = BUF_INIT;

	sorted_list(want + 1, strlen(want) - 2, &w);
	sorted_list(found, strlen(found), &f);
	return str_eq(buf_cstr(&w), buf_cstr(&f));
}

static bool check_header(const struct contract_answer *got, const char *name, const char *want, struct names *ns, struct buf *why)
{
	const char *found = header_of(&got->headers, name);
	bool ok;

	if (str_eq(want, "-"))
		ok = found == NULL;
	else if (found == NULL)
		ok = false;
	else if (*want == '{' && str_ends(want, "}"))
		ok = lists_equal(want, found);
	else
		ok = match_string(want, found, ns);
	if (!ok)
		buf_printf(why, "header %s: expected %s, found %s", name, want, found != NULL ? found : "none");
	return ok;
}

/* "| one\n| two" */
static bool check_text(const char *want, const char *found, struct names *ns, struct buf *why)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	for (const char *line = want; line != NULL;) {
		const char *end = strchr(line, '\n');
		size_t n = end != NULL ? (size_t)(end - line) : strlen(line), mark = n < 2 ? n : 2;

		buf_str(&text, line > want ? "\n" : "");
		buf_append(&text, line + mark, n - mark);
		line = end != NULL ? end + 1 : NULL;
	}
	if (match_string(buf_cstr(&text), found, ns))
		return true;
	buf_printf(why, "body: expected %s, found %.2000s", buf_cstr(&text), found);
	return false;
}

static bool check_body(const struct contract_answer *got, const char *want, bool typed, struct names *ns, struct buf *why)
{
	const char *found = buf_cstr(&got->body);

	if (want == NULL && got->body.len > 0)
		buf_printf(why, "expected no body, found %.2000s", found);
	if (want == NULL || str_eq(want, "..."))
		return want != NULL || got->body.len == 0;
	if (*want == '|')
		return check_text(want, found, ns, why);
	return (typed || check_header(got, "Content-Type", "application/json", ns, why)) &&
	       contract_match_json(want, found, ns, why);
}

bool contract_check(const struct contract_answer *got, const struct case_step *want, struct names *ns, struct buf *why)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *body = want->want_body != NULL ? names_expand(ns, want->want_body, a) : NULL;

	buf_clear(why);
	if (got->status != want->status) {
		buf_printf(why, "expected %d, found %d: %.2000s", want->status, got->status, buf_cstr(&got->body));
		return false;
	}
	for (size_t i = 0; i < want->want_headers.n; i++) {
		const struct case_header *h = &want->want_headers.items[i];

		if (!check_header(got, h->name, names_expand(ns, h->value, a), ns, why))
			return false;
	}
	return check_body(got, body, header_of(&want->want_headers, "Content-Type") != NULL, ns, why);
}
