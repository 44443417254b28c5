/*
 * query.c - percent-decoding and query strings
 *
 * Layer: lib/http (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/query.h"

#include <string.h>

#include "lib/base/str.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool decode_bytes(struct buf *out, const char *s, size_t n, bool query)
{
	for (size_t i = 0; i < n; i++) {
		char c = s[i];

		if (c == '%') {
			int hi = i + 2 < n ? hex_value(s[i + 1]) : -1;
			int lo = i + 2 < n ? hex_value(s[i + 2]) : -1;

			if ((hi < 0 || lo < 0) && !query)
				return false;
			if (hi >= 0 && lo >= 0) {
				c = (char)(hi * 16 + lo);
				i += 2;
			}
		} else if (c == '+' && query) {
			c = ' ';
		}
		if (c == '\0')
			return false;
		buf_char(out, c);
	}
	return true;
}

bool percent_decode(struct buf *out, const char *s, size_t n, bool query)
{
	size_t start = out->len;

	if (decode_bytes(out, s, n, query) && !out->overflow &&
		utf8_valid(buf_cstr(out) + start, out->len - start))
		return true;
	buf_truncate(out, start);
	return false;
}

void percent_encode(struct buf *out, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			strchr("-._~", c)) {
			buf_char(out, *s);
		} else {
			buf_char(out, '%');
			buf_char(out, hex[c >> 4]);
			buf_char(out, hex[c & 15]);
		}
	}
}

/* Does the still encoded name at s[0..n) mean `name`? */
static bool name_is(const char *s, size_t n, const char *name)
{
	AUTO(buf_release) struct buf got = BUF_INIT;

	if (n == strlen(name) && memcmp(s, name, n) == 0)
		return true;
	if (!memchr(s, '%', n) && !memchr(s, '+', n))
		return false;
	return percent_decode(&got, s, n, true) && str_eq(buf_cstr(&got), name);
}

bool query_get(const char *query, const char *name, struct buf *out)
{
	const char *s = query, *end, *eq;

	for (; s && *s; s = *end ? end + 1 : end) {
		end = s + strcspn(s, "&");
		eq = memchr(s, '=', (size_t)(end - s));
		if (!name_is(s, (size_t)((eq ? eq : end) - s), name))
			continue;
		if (!eq)
			return true;
		return percent_decode(out, eq + 1, (size_t)(end - eq - 1), true);
	}
	return false;
}
