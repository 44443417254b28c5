/*
 * blank.c - white space as handlebars.js sees it
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/blank.h"

#include <string.h>

size_t blank_at(const char *s, size_t n)
{
	unsigned char c = n > 0 ? (unsigned char)s[0] : 'x';

	if (c == ' ' || (c >= '\t' && c <= '\r'))
		return 1;
	if (c == 0xc2 && n >= 2 && (unsigned char)s[1] == 0xa0)
		return 2;
	if (n < 3 || c < 0xe1)
		return 0;
	/* Ogham space, the spaces of U+2000, line and paragraph separator, ideographic space, byte order mark */
	if (memcmp(s, "\xe1\x9a\x80", 3) == 0 || memcmp(s, "\xe3\x80\x80", 3) == 0 ||
		memcmp(s, "\xef\xbb\xbf", 3) == 0 || memcmp(s, "\xe2\x81\x9f", 3) == 0)
		return 3;
	if (c == 0xe2 && (unsigned char)s[1] == 0x80) {
		c = (unsigned char)s[2];
		if ((c >= 0x80 && c <= 0x8a) || c == 0xa8 || c == 0xa9 || c == 0xaf)
			return 3;
	}
	return 0;
}

size_t blank_before(const char *s, size_t n)
{
	for (size_t len = 1; len <= 3 && len <= n; len++)
		if (blank_at(s + n - len, len) == len)
			return len;
	return 0;
}
