/*
 * sections.c - one input of a fuzz target as a template, its partials and its data
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/sections.h"

#include <ctype.h>
#include <string.h>

#define MARK "--- "
#define DATA "data"

static void add(struct sections *s, const char *name, const char *from, const char *to)
{
	s->items[s->n++] = (struct section){ name, from, (size_t)(to - from) };
}

static bool is_mark(const char *line, size_t n)
{
	if (n <= strlen(MARK) || memcmp(line, MARK, strlen(MARK)) != 0)
		return false;
	for (size_t i = strlen(MARK); i < n; i++)
		if (!isalnum((unsigned char)line[i]) && memchr("_./-", line[i], 4) == NULL)
			return false;
	return true;
}

void sections_split(const char *text, size_t n, struct arena *a, struct sections *out)
{
	const char *end = text + n, *begin = text, *name = "";

	out->n = 0;
	for (const char *line = text; line < end && out->n + 1 < SECTIONS_MAX;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		const char *next = nl != NULL ? nl + 1 : end;
		size_t len = (size_t)((nl != NULL ? nl : end) - line);

		if (is_mark(line, len)) {
			add(out, name, begin, line);
			name = arena_strndup(a, line + strlen(MARK), len - strlen(MARK));
			begin = next;
		}
		line = next;
	}
	add(out, name, begin, end);
}

const struct section *sections_find(const struct sections *s, const char *name)
{
	for (size_t i = 1; i < s->n; i++)
		if (strcmp(s->items[i].name, name) == 0)
			return &s->items[i];
	return NULL;
}

int sections_partials(const struct sections *s, const struct template_options *opt,
	struct template_partials **ps_out, struct error *err)
{
	AUTO(template_partials_free) struct template_partials *ps = template_partials_new(opt);

	for (size_t i = 1; i < s->n; i++) {
		const struct section *one = &s->items[i];
		int rc;

		if (sections_find(s, one->name) != one || strcmp(one->name, DATA) == 0)
			continue;
		rc = template_partials_add(ps, one->name, one->text, one->n, err);
		if (rc != 0)
			return rc;
	}
	*ps_out = STEAL(ps);
	return 0;
}

static const char *resolve(void *ctx UNUSED, const char *host, struct arena *a)
{
	return host[0] == 'x' ? NULL : arena_strdup(a, "192.0.2.1");
}

const struct template_helper *sections_helpers(enum template_level level, size_t *n_out)
{
	static struct helper_env envs[2];
	static const struct template_helper *rows[2];
	static size_t n[2];
	static struct arena *arena;

	if (arena == NULL)
		arena = arena_new();
	if (rows[level] == NULL) {
		envs[level] = (struct helper_env){ .level = level, .resolve = resolve };
		rows[level] = helpers_make(&envs[level], arena, &n[level]);
	}
	*n_out = n[level];
	return rows[level];
}

static bool begins_with(const char *text, const char *name)
{
	size_t n = strlen(name);

	return strncmp(text, name, n) == 0 && text[n] == ':';
}

void sections_check_error(const struct sections *s, const char *name, const struct error *err)
{
	bool found = begins_with(err->text, name);

	for (size_t i = 1; i < s->n; i++)
		found = found || begins_with(err->text, s->items[i].name);
	ASSERT(found);
	for (const char *p = err->text; *p != '\0'; p++)
		ASSERT((unsigned char)*p >= ' ' && *p != 0x7f);
}

static bool control(unsigned char c)
{
	return c < ' ' || c == 0x7f;
}

static void count(size_t counts[256], const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts[(unsigned char)text[i]]++;
}

static bool repeats(const char *text, size_t n)
{
	return memmem(text, n, "{{#", 3) != NULL || memmem(text, n, "{{>", 3) != NULL || memmem(text, n, "{{~", 3) != NULL ||
		memmem(text, n, "{{=", 3) != NULL || memmem(text, n, "{{^", 3) != NULL;
}

void sections_check_controls(const struct sections *s, const struct buf *out)
{
	size_t given[256] = { 0 }, printed[256] = { 0 };
	bool again = repeats(s->items[0].text, s->items[0].n);

	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->items[i].name, DATA) != 0)
			count(given, s->items[i].text, s->items[i].n);
	if (out->len > 0)
		count(printed, out->data, out->len);
	for (int c = 0; c < 256; c++)
		if (control((unsigned char)c))
			ASSERT(printed[c] == 0 || (again ? given[c] > 0 : printed[c] <= given[c]));
}
