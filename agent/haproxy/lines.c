/*
 * lines.c - a text as lines, and a line as words, without copying
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/lines.h"

#include <string.h>

bool lines_next(struct slice *rest, struct slice *line)
{
	const char *end;

	if (rest->n == 0)
		return false;
	end = memchr(rest->p, '\n', rest->n);
	line->p = rest->p;
	line->n = end ? (size_t)(end - rest->p) : rest->n;
	rest->p += end ? line->n + 1 : line->n;
	rest->n -= end ? line->n + 1 : line->n;
	if (line->n > 0 && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool lines_word(struct slice *line, struct slice *word)
{
	while (line->n > 0 && is_blank(*line->p)) {
		line->p++;
		line->n--;
	}
	if (line->n == 0)
		return false;
	word->p = line->p;
	while (line->n > 0 && !is_blank(*line->p)) {
		line->p++;
		line->n--;
	}
	word->n = (size_t)(line->p - word->p);
	return true;
}

bool slice_is(struct slice s, const char *text)
{
	return s.n == strlen(text) && memcmp(s.p, text, s.n) == 0;
}

bool slice_starts(struct slice s, const char *prefix)
{
	size_t n = strlen(prefix);

	return s.n >= n && memcmp(s.p, prefix, n) == 0;
}

bool slice_number(struct slice s, int64_t max, int64_t *out)
{
	int64_t v = 0;

	if (s.n == 0 || s.n > 18)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		v = v * 10 + (s.p[i] - '0');
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}
