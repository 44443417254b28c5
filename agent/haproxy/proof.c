/*
 * proof.c - which places of which files the output of a check command points at
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/haproxy/proof.h"

#include "agent/haproxy/lines.h"

#include <string.h>

#define MESSAGE_MAX 400

static const char *const harmless[] = { "[WARNING]", "[NOTICE]", "[DIAG]", "[notice]", "[warn]",
	"[info]", "Note: ", "Warnings were found", "Configuration file is valid" };
/* They repeat what was said before. */
static const char *const summary[] = { "Error(s) found in configuration file",
	"Fatal errors found in configuration", "configuration file %s test failed", "test failed" };

static bool has(struct slice s, const char *text)
{
	return memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static bool has_any(struct slice s, const char *const *texts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (has(s, texts[i]))
			return true;
	return false;
}

static struct slice trimmed(struct slice s)
{
	while (s.n > 0 && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

static const char *message_of(struct slice line, struct arena *a)
{
	struct slice s = trimmed(line);

	return arena_strndup(a, s.p, s.n < MESSAGE_MAX ? s.n : MESSAGE_MAX);
}

/* ":<digits>" at p; the number, 0 if there is none. */
static unsigned line_number(const char *p, const char *end)
{
	unsigned v = 0, digits = 0;

	if (p == end || *p++ != ':')
		return 0;
	for (; p < end && *p >= '0' && *p <= '9' && digits < 8; p++, digits++)
		v = v * 10 + (unsigned)(*p - '0');
	return v;
}

static void add(struct proof_marks *out, struct proof_mark mark)
{
	if (out->n == PROOF_MARKS_MAX)
		return;
	GROW(out->items, out->n, out->cap);
	out->items[out->n++] = mark;
}

/* Every "<file>:<number>" of the line, where a file begins after a blank or '[' and has no blank. */
static size_t add_places(struct slice line, struct arena *a, const char *message,
	struct proof_marks *out)
{
	const char *end = line.p + line.n;
	size_t found = 0;

	for (const char *p = line.p; p < end; p++) {
		const char *start = p, *colon = NULL;

		if (*p == '[' || *p == '(' || (p > line.p && !strchr(" [(", p[-1])))
			continue;
		for (; p < end && *p != ' ' && *p != ']' && *p != ')'; p++)
			if (*p == ':' && line_number(p, end) > 0 && !colon)
				colon = p;
		if (!colon || colon == start || *start == '\'' || *start == '<')
			continue;
		/* An address is no file: 10.0.0.1:80 */
		if (!memchr(start, '/', (size_t)(colon - start)) && start[0] >= '0' && start[0] <= '9')
			continue;
		add(out, (struct proof_mark){ .file = arena_strndup(a, start, (size_t)(colon - start)),
				 .line = line_number(colon, end), .message = message });
		found++;
	}
	return found;
}

static void add_names(struct slice line, struct arena *a, const char *message,
	struct proof_marks *out)
{
	const char *end = line.p + line.n, *p = line.p, *close;

	while ((p = memchr(p, '\'', (size_t)(end - p))) != NULL) {
		const char *slash;

		p++;
		close = memchr(p, '\'', (size_t)(end - p));
		if (!close)
			return;
		slash = memchr(p, '/', (size_t)(close - p));
		if (close > p && (!slash || slash > p))
			add(out, (struct proof_mark){ .name = arena_strndup(a, p,
						 (size_t)((slash ? slash : close) - p)),
					 .message = message });
		p = close + 1;
	}
}

void proof_marks(const char *output, size_t n, struct arena *a, struct proof_marks *out)
{
	struct slice rest = { output, n }, line;

	*out = (struct proof_marks){ NULL, 0, 0 };
	while (lines_next(&rest, &line)) {
		const char *message;

		if (has_any(line, harmless, ARRAY_LEN(harmless)) || has_any(line, summary, ARRAY_LEN(summary)))
			continue;
		message = message_of(line, a);
		if (add_places(line, a, message, out) == 0)
			add_names(line, a, message, out);
	}
}

const char *proof_headline(const char *output, size_t n, struct arena *a)
{
	struct slice rest = { output, n }, line, first = { NULL, 0 };

	while (lines_next(&rest, &line)) {
		if (trimmed(line).n == 0)
			continue;
		if (!first.p)
			first = line;
		if (!has_any(line, harmless, ARRAY_LEN(harmless)))
			return message_of(line, a);
	}
	return first.p ? message_of(first, a) : NULL;
}
