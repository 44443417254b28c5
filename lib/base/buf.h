/*
 * buf.h - growable bytes with a sticky limit
 *
 * Append freely and test once: an append that would pass the limit is dropped whole, sets
 * `overflow`, and so does every later one.  `data` is always NUL-terminated once anything was
 * appended; use buf_cstr() where it may be empty.
 *
 * Layer: lib/base (libc only).  Threads: none shared.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_BUF_H
#define LIB_BASE_BUF_H

#include "lib/base/base.h"

struct buf {
	char *data;
	size_t len, cap;
	size_t limit; /* bytes; 0 = none */
	bool overflow;
};

#define BUF_INIT { NULL, 0, 0, 0, false }
#define BUF_LIMITED(bytes) { NULL, 0, 0, (bytes), false }

void buf_append(struct buf *b, const void *p, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_json_string(struct buf *b, const char *s, size_t n); /* quoted and escaped; UTF-8 kept */
void buf_truncate(struct buf *b, size_t len);
void buf_clear(struct buf *b);   /* length 0, memory and limit kept, overflow cleared */
void buf_release(struct buf *b); /* as BUF_INIT, limit kept */
const char *buf_cstr(const struct buf *b); /* never NULL */
char *buf_steal(struct buf *b, size_t *len_out); /* caller frees; len_out may be NULL; never NULL */

#endif
