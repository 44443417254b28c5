/*
 * buf.c - see buf.h
 *
 * Layer: lib/base (libc only).  Threads: none shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/buf.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for n more bytes and a NUL; false when the limit forbids it. */
static bool reserve(struct buf *b, size_t n)
{
	size_t need, cap;

	ASSERT(b->len <= SIZE_MAX / 2 && n <= SIZE_MAX / 4);
	if (b->overflow)
		return false;
	if (b->limit != 0 && (b->len > b->limit || n > b->limit - b->len)) {
		b->overflow = true;
		return false;
	}
	need = b->len + n + 1;
	if (need <= b->cap)
		return true;
	cap = b->cap != 0 ? b->cap : 64;
	while (cap < need)
		cap *= 2;
	b->data = xrealloc(b->data, cap);
	b->cap = cap;
	return true;
}

void buf_append(struct buf *b, const void *p, size_t n)
{
	if (!reserve(b, n))
		return;
	if (n > 0)
		memcpy(b->data + b->len, p, n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
	buf_append(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	buf_append(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	ASSERT(n >= 0);
	if ((size_t)n < sizeof(small)) {
		buf_append(b, small, (size_t)n);
	} else if (reserve(b, (size_t)n)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

static void json_char(struct buf *b, unsigned char c)
{
	static const char names[] = "btn.fr"; /* 8, 9, 10, (11), 12, 13 */

	if (c == '"' || c == '\\') {
		char two[2] = { '\\', (char)c };

		buf_append(b, two, 2);
	} else if (c >= 8 && c <= 13 && c != 11) {
		char two[2] = { '\\', names[c - 8] };

		buf_append(b, two, 2);
	} else if (c < 0x20) {
		buf_printf(b, "\\u%04x", c);
	} else {
		buf_char(b, (char)c);
	}
}

/* A byte that is no UTF-8 becomes U+FFFD: what we write must be JSON whatever came in. */
void buf_json_string(struct buf *b, const char *s, size_t n)
{
	size_t start = b->len, i = 0, plain = 0;

	buf_char(b, '"');
	while (i < n) {
		unsigned char c = (unsigned char)s[i];
		size_t step = utf8_step(s + i, n - i);

		if (step > 1 || (step == 1 && c >= 0x20 && c != '"' && c != '\\')) {
			i += step;
			continue;
		}
		buf_append(b, s + plain, i - plain);
		if (step == 0)
			buf_str(b, "\xef\xbf\xbd");
		else
			json_char(b, c);
		plain = ++i;
	}
	buf_append(b, s + plain, n - plain);
	buf_char(b, '"');
	if (b->overflow)
		buf_truncate(b, start);
}

void buf_truncate(struct buf *b, size_t len)
{
	ASSERT(len <= b->len);
	b->len = len;
	if (b->data != NULL)
		b->data[len] = '\0';
}

void buf_clear(struct buf *b)
{
	buf_truncate(b, 0);
	b->overflow = false;
}

void buf_release(struct buf *b)
{
	size_t limit = b->limit;

	free(b->data);
	*b = (struct buf)BUF_LIMITED(limit);
}

const char *buf_cstr(const struct buf *b)
{
	return b->data != NULL ? b->data : "";
}

char *buf_steal(struct buf *b, size_t *len_out)
{
	char *data = b->data != NULL ? STEAL(b->data) : xstrdup("");

	if (len_out != NULL)
		*len_out = b->len;
	buf_release(b);
	return data;
}
