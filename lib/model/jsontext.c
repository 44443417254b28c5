/*
 * jsontext.c - limits before jansson, jansson, numbers back to text
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/jsontext.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

static void use_our_allocator(void)
{
	/* NULL from jansson then always means bad input, never lack of memory. */
	json_set_alloc_funcs(xmalloc, free);
}

/* Position behind the string that opens at text[at]; jansson judges its escapes, here only NUL
 * matters. */
static int scan_string(const char *text, size_t n, size_t *at, struct error *err)
{
	size_t i = *at + 1;

	for (; i < n && text[i] != '"'; i++) {
		if (text[i] == '\0')
			return error_set(err, ERR_INVALID, "not JSON: NUL at byte %zu", i);
		if (text[i] != '\\')
			continue;
		i++;
		if (n - i >= 5 && memcmp(text + i, "u0000", 5) == 0)
			return error_set(err, ERR_INVALID,
				"NUL (\\u0000) in a string at byte %zu is not allowed", i - 1);
	}
	*at = i;
	return 0;
}

/* Depth and NULs; *end_out: behind the first object or array, else n. */
static int scan(const char *text, size_t n, size_t *end_out, struct error *err)
{
	size_t depth = 0, i;

	for (i = 0; i < n; i++) {
		switch (text[i]) {
		case '"':
			if (scan_string(text, n, &i, err) != 0)
				return ERR_INVALID;
			break;
		case '[':
		case '{':
			if (++depth > JSONTEXT_MAX_DEPTH)
				return error_set(err, ERR_INVALID,
					"nested deeper than %d levels at byte %zu",
					JSONTEXT_MAX_DEPTH, i);
			break;
		case ']':
		case '}':
			if (depth > 0 && --depth == 0) {
				*end_out = i + 1;
				return 0;
			}
			break;
		case '\0':
			return error_set(err, ERR_INVALID, "not JSON: NUL at byte %zu", i);
		}
	}
	*end_out = n;
	return 0;
}

/* Java reads these too; nobody is known to send them. */
static bool is_wide(const char *text, size_t n)
{
	return n >= 2 && (memcmp(text, "\xFE\xFF", 2) == 0 || memcmp(text, "\xFF\xFE", 2) == 0 ||
				 text[0] == '\0' || text[1] == '\0');
}

int jsontext_load(const char *text, size_t n, bool tail_ok, json_t **j_out, struct error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	json_error_t je;
	size_t end = n;
	json_t *j;

	pthread_once(&once, use_our_allocator);
	if (n > JSONTEXT_MAX_BYTES)
		return error_set(err, ERR_INVALID, "JSON text of %zu bytes is longer than %zu", n,
			JSONTEXT_MAX_BYTES);
	if (is_wide(text, n))
		return error_set(err, ERR_INVALID, "not JSON: this looks like UTF-16 or UTF-32, and only UTF-8 is read");
	if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark */
		text += 3;
		n -= 3;
		end = n;
	}
	if (scan(text, n, &end, err) != 0)
		return ERR_INVALID;
	if (tail_ok)
		n = end;
	if (!utf8_valid(text, n))
		return error_set(err, ERR_INVALID, "not JSON: invalid UTF-8");
	/* What the scan did not look at (a tail) must not reach the recursion: one more value is
	 * refused. */
	j = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (j == NULL)
		return error_set(err, ERR_INVALID, "not JSON: line %d column %d: %s", je.line,
			je.column, je.text);
	*j_out = j;
	return 0;
}

void jsontext_free(json_t **j)
{
	json_decref(*j);
	*j = NULL;
}

void jsontext_write_int(struct buf *out, int64_t i)
{
	char t[24], *p = t + sizeof(t);
	uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;

	do {
		*--p = (char)('0' + u % 10);
		u /= 10;
	} while (u > 0);
	if (i < 0)
		*--p = '-';
	buf_append(out, p, (size_t)(t + sizeof(t) - p));
}

void jsontext_write_real(struct buf *out, double r)
{
	char t[40];
	int digits;

	if (!isfinite(r)) {
		buf_str(out, "null");
		return;
	}
	for (digits = 15; digits <= 17; digits++) {
		snprintf(t, sizeof(t), "%.*g", digits, r);
		if (strtod(t, NULL) == r)
			break;
	}
	buf_str(out, t);
	if (strpbrk(t, ".e") == NULL) /* it must read back as a real */
		buf_str(out, ".0");
}
