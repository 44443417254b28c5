/*
 * str.c - see str.h
 *
 * Layer: lib/base (libc only).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char b64url_digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char hex_digits[] = "0123456789abcdef";

bool str_eq(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return strcmp(a, b) == 0;
}

bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

bool str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out)
{
	const char *digits = s[0] == '-' ? s + 1 : s;
	long long v;

	/* strtoll alone would take blanks and a plus sign. */
	if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return false;
	errno = 0;
	v = strtoll(s, NULL, 10);
	if (errno != 0 || v < min || v > max)
		return false;
	*out = v;
	return true;
}

size_t utf8_step(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char low = 0x80, high = 0xbf; /* what the second byte may be */
	size_t len;

	if (n == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] >= 0xc2 && u[0] <= 0xdf) {
		len = 2;
	} else if (u[0] >= 0xe0 && u[0] <= 0xef) {
		len = 3;
		if (u[0] == 0xe0)
			low = 0xa0; /* below: overlong */
		else if (u[0] == 0xed)
			high = 0x9f; /* above: surrogates */
	} else if (u[0] >= 0xf0 && u[0] <= 0xf4) {
		len = 4;
		if (u[0] == 0xf0)
			low = 0x90;
		else if (u[0] == 0xf4)
			high = 0x8f; /* above: past U+10FFFF */
	} else {
		return 0;
	}
	if (n < len || u[1] < low || u[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool utf8_valid(const char *s, size_t n)
{
	size_t step;

	for (size_t i = 0; i < n; i += step) {
		step = utf8_step(s + i, n - i);
		if (step == 0)
			return false;
	}
	return true;
}

bool utf8_unfit_for_path(const char *s, size_t n)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = u[i], d = i + 1 < n ? u[i + 1] : 0, e = i + 2 < n ? u[i + 2] : 0;

		if (c < 0x20 || c == 0x7f || (c == 0xc2 && d < 0xa0) || c == 0xee || c >= 0xf0)
			return true;
		if (c == 0xef && (d < 0xa4 || (d == 0xbf && e >= 0xb0)))
			return true;
	}
	return false;
}

size_t utf8_utf16_len(const char *s)
{
	size_t units = 0;

	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c & 0xc0) != 0x80)
			units += c >= 0xf0 ? 2 : 1;
	}
	return units;
}

void b64url_encode(struct buf *out, const void *p, size_t n)
{
	const unsigned char *u = p;
	size_t start = out->len;

	for (size_t i = 0; i < n; i += 3) {
		size_t left = n - i;
		unsigned v = (unsigned)u[i] << 16;
		char four[4];

		if (left > 1)
			v |= (unsigned)u[i + 1] << 8;
		if (left > 2)
			v |= u[i + 2];
		four[0] = b64url_digits[v >> 18];
		four[1] = b64url_digits[(v >> 12) & 63];
		four[2] = left > 1 ? b64url_digits[(v >> 6) & 63] : '=';
		four[3] = left > 2 ? b64url_digits[v & 63] : '=';
		buf_append(out, four, sizeof(four));
	}
	if (out->overflow)
		buf_truncate(out, start);
}

static int b64url_value(char c)
{
	const char *at = c != '\0' ? strchr(b64url_digits, c) : NULL;

	return at != NULL ? (int)(at - b64url_digits) : -1;
}

/* Strict about the rest: no other characters, no stray bits, so each value has one spelling. */
bool b64url_decode(struct buf *out, const char *s, size_t n)
{
	size_t start = out->len, padding = 0;
	unsigned bits = 0, have = 0;

	while (padding < 2 && n > 0 && s[n - 1] == '=') {
		n--;
		padding++;
	}
	if (n % 4 == 1 || (padding > 0 && (n + padding) % 4 != 0))
		return false;
	for (size_t i = 0; i < n; i++) {
		int v = b64url_value(s[i]);

		if (v < 0)
			goto bad;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_char(out, (char)(bits >> have));
			bits &= (1u << have) - 1;
		}
	}
	if (bits == 0 && !out->overflow)
		return true;
bad:
	buf_truncate(out, start);
	return false;
}

void str_escape(struct buf *out, const char *s, size_t n, size_t max)
{
	size_t start = out->len;

	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '\n') {
			buf_append(out, "\\n", 2);
		} else if (c == '\t') {
			buf_append(out, "\\t", 2);
		} else if (c == '\\') {
			buf_append(out, "\\\\", 2);
		} else if (c < 0x20 || c >= 0x7f) {
			char four[4] = { '\\', 'x', hex_digits[c >> 4], hex_digits[c & 15] };

			buf_append(out, four, sizeof(four));
		} else {
			buf_char(out, (char)c);
		}
	}
	if (out->overflow)
		buf_truncate(out, start);
}

void hex_encode(char *out, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		*out++ = hex_digits[p[i] >> 4];
		*out++ = hex_digits[p[i] & 15];
	}
	*out = '\0';
}

/* The time depends on the length of `a` (what the client sent) alone. */
bool str_eq_secret(const char *a, const char *b)
{
	volatile unsigned diff;
	size_t na, nb;

	if (a == NULL || b == NULL)
		return false;
	na = strlen(a);
	nb = strlen(b);
	diff = na != nb;
	for (size_t i = 0; i < na; i++)
		diff |= (unsigned)((unsigned char)a[i] ^ (unsigned char)b[i < nb ? i : 0]);
	return diff == 0;
}
