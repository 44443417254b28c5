/*
 * error.c - see error.h
 *
 * Layer: lib/base (libc only).  Threads: no shared state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Length that is left of a text cut at `n` bytes when half a UTF-8 character is dropped. */
static size_t whole_chars(const char *s, size_t n)
{
	size_t i = n, back = 0;
	unsigned char lead;

	while (i > 0 && back < 3 && ((unsigned char)s[i - 1] & 0xc0) == 0x80) {
		i--;
		back++;
	}
	if (i == 0)
		return n;
	lead = (unsigned char)s[i - 1];
	if ((lead >= 0xc0 && back < 1) || (lead >= 0xe0 && back < 2) || (lead >= 0xf0 && back < 3))
		return i - 1;
	return n;
}

/* The text comes from anywhere (a child's output): it stays one line and whole characters. */
static void store_text(struct error *err, char *text)
{
	size_t n = strnlen(text, sizeof(err->text));

	if (n >= sizeof(err->text))
		n = whole_chars(text, sizeof(err->text) - 1);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			text[i] = ' ';
	}
	memcpy(err->text, text, n);
	err->text[n] = '\0';
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	char text[sizeof(err->text) + 8]; /* apart: an argument may be err->text itself */
	va_list ap;

	if (err == NULL)
		return code;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err->code = code;
	store_text(err, text);
	return code;
}

int error_errno(struct error *err, int errnum, const char *fmt, ...)
{
	char text[sizeof(err->text) + 8], why_buf[96];
	const char *why;
	size_t n, room;
	va_list ap;

	if (err == NULL)
		return ERR_SYSTEM;
	why = strerror_r(errnum, why_buf, sizeof(why_buf)); /* the GNU one */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* A long text gives way: the reason is worth more than its tail. */
	room = sizeof(err->text) - 1 - strnlen(why, sizeof(why_buf)) - 2;
	n = strlen(text);
	if (n > room)
		n = whole_chars(text, room);
	snprintf(text + n, sizeof(text) - n, ": %s", why);
	err->code = ERR_SYSTEM;
	store_text(err, text);
	return ERR_SYSTEM;
}

void error_in(struct error *err, const char *fmt, ...)
{
	char text[sizeof(err->text) + 8];
	size_t n;
	va_list ap;

	if (err == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	/* The context may not push the cause out: it gets at most half. */
	if (n > sizeof(err->text) / 2)
		n = whole_chars(text, sizeof(err->text) / 2);
	snprintf(text + n, sizeof(text) - n, ": %s", err->text);
	store_text(err, text);
}

const char *error_code_name(enum error_code code)
{
	switch (code) {
	case ERR_INVALID:
		return "invalid";
	case ERR_NOT_FOUND:
		return "not found";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_REFUSED:
		return "refused";
	case ERR_NOT_DONE:
		return "not done";
	case ERR_MAYBE_DONE:
		return "maybe done";
	case ERR_DEPOSED:
		return "deposed";
	case ERR_SYSTEM:
		return "system";
	}
	return "none";
}
