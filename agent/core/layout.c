/*
 * layout.c - which file names a template's `filename` makes
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/layout.h"

#include "lib/base/str.h"

#include <string.h>

/* The pieces of a pattern: text, percent sign, argument. *p is moved behind it; false: no conversion we know. */
enum piece { PIECE_TEXT, PIECE_NEXT, PIECE_FIRST, PIECE_SECOND, PIECE_PERCENT };

static bool next_piece(const char **p, enum piece *kind, const char **from, size_t *n)
{
	static const struct {
		const char *text;
		enum piece kind;
	} rows[] = { { "%s", PIECE_NEXT }, { "%1$s", PIECE_FIRST }, { "%2$s", PIECE_SECOND }, { "%%", PIECE_PERCENT } };

	*from = *p;
	*n = strcspn(*p, "%");
	*p += *n;
	if (*n > 0) {
		*kind = PIECE_TEXT;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (str_starts(*p, rows[i].text)) {
			*p += strlen(rows[i].text);
			*kind = rows[i].kind;
			return true;
		}
	}
	return false;
}

/* How many arguments does it take? -1: a conversion that we do not know. */
static int count_arguments(const char *pattern)
{
	int arguments = 0;

	while (*pattern != '\0') {
		enum piece kind;
		const char *from;
		size_t n;

		if (!next_piece(&pattern, &kind, &from, &n))
			return -1;
		if (kind != PIECE_TEXT && kind != PIECE_PERCENT)
			arguments++;
	}
	return arguments;
}

static bool component_ok(const char *p, size_t n, bool first)
{
	static const char own[] = ".lockstep";

	if (n == 0 || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
		return false;
	if (first && n == strlen(own) && memcmp(p, own, n) == 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
			return false;
	return true;
}

static bool components_ok(const char *path)
{
	bool first = true;

	for (;;) {
		size_t n = strcspn(path, "/");

		if (!component_ok(path, n, first))
			return false;
		if (path[n] == '\0')
			return true;
		path += n + 1;
		first = false;
	}
}

int layout_check(const char *pattern, enum layout_kind *kind_out, struct error *err)
{
	int arguments;

	if (pattern == NULL || pattern[0] == '\0')
		return error_set(err, ERR_INVALID, "filename: must not be empty");
	if (strlen(pattern) > 1024)
		return error_set(err, ERR_INVALID, "filename: longer than 1024 bytes");
	if (!components_ok(pattern))
		return error_set(err, ERR_INVALID, "filename '%s': must be a path below rootPath, without leading "
			"or double slashes, '.', '..' and control characters, and not in '.lockstep'", pattern);
	arguments = count_arguments(pattern);
	if (arguments < 0 || arguments > 2)
		return error_set(err, ERR_INVALID, "filename '%s': only one %%s (service id) or two (domain, service "
			"id) are possible", pattern);
	*kind_out = arguments == 0 ? LAYOUT_PLAIN : arguments == 1 ? LAYOUT_SERVICE : LAYOUT_DOMAIN;
	return 0;
}

static void escape(struct buf *out, const char *s)
{
	for (size_t i = 0; s[i] != '\0'; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c <= ' ' || c == 0x7f || c == '/' || c == '%' || (c == '.' && i == 0))
			buf_printf(out, "%%%02X", c);
		else
			buf_char(out, s[i]);
	}
}

/* Write the pattern with its arguments; first and second are the same for LAYOUT_SERVICE. */
static void expand(struct buf *out, const char *pattern, const char *first, const char *second)
{
	bool taken = false;

	while (*pattern != '\0') {
		enum piece kind;
		const char *from;
		size_t n;
		bool known = next_piece(&pattern, &kind, &from, &n);

		ASSERT(known);
		switch (kind) {
		case PIECE_TEXT:
			buf_append(out, from, n);
			break;
		case PIECE_NEXT:
			escape(out, taken ? second : first);
			taken = true;
			break;
		case PIECE_FIRST:
			escape(out, first);
			break;
		case PIECE_SECOND:
			escape(out, second);
			break;
		case PIECE_PERCENT:
			buf_char(out, '%');
			break;
		}
	}
}

static int add_name(const char *pattern, const char *first, const char *second, struct arena *a, struct strings *out,
	struct error *err)
{
	AUTO(buf_release) struct buf name = BUF_INIT;

	expand(&name, pattern, first, second);
	for (const char *p = name.data; *p != '\0'; p += p[0] == '/') {
		size_t n = strcspn(p, "/");

		if (n > LAYOUT_NAME_MAX)
			return error_set(err, ERR_INVALID, "the file name made of filename '%s' is longer than %d bytes",
				pattern, LAYOUT_NAME_MAX);
		p += n;
	}
	strings_add(out, a, name.data);
	return 0;
}

int layout_shard(const char *pattern, unsigned index, unsigned n, struct arena *a, const char **out,
	struct error *err)
{
	const char *number = arena_printf(a, "%0*u", n > 100 ? 3 : 2, index);
	struct strings names = { NULL, 0 };
	int rc = add_name(pattern, number, number, a, &names, err);

	if (rc != 0)
		return rc;
	*out = names.items[0];
	return 0;
}

static int domain_names(const char *pattern, const struct service *s, const struct layout_domains *d, struct arena *a,
	struct strings *out, struct error *err)
{
	bool have_own = d->served.n > 0 || d->default_domain != NULL, any = false;
	int rc;

	if (s->domains.n > 0 && have_own) {
		for (size_t i = 0; i < s->domains.n; i++) {
			const char *domain = s->domains.items[i];

			if (!strings_have(&d->served, domain) && !str_eq(domain, d->default_domain))
				continue;
			any = true;
			rc = add_name(pattern, domain, s->id, a, out, err);
			if (rc != 0)
				return rc;
		}
		if (any)
			return 0;
	}
	if (d->default_domain == NULL)
		return error_set(err, ERR_INVALID, "no domain %s for template file that requires domain",
			s->domains.n > 0 && have_own ? "served" : "present");
	return add_name(pattern, d->default_domain, s->id, a, out, err);
}

int layout_names(const char *pattern, enum layout_kind kind, const struct service *s,
	const struct layout_domains *domains, struct arena *a, struct strings *out, struct error *err)
{
	switch (kind) {
	case LAYOUT_PLAIN:
		strings_add(out, a, pattern);
		return 0;
	case LAYOUT_SERVICE:
		return add_name(pattern, s->id, s->id, a, out, err);
	case LAYOUT_DOMAIN:
		return domain_names(pattern, s, domains, a, out, err);
	}
	return 0;
}
