/*
 * str.h - numbers, durations, UTF-8, base64url, and text made safe for a log line
 *
 * Layer: lib/base (libc only).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_STR_H
#define LIB_BASE_STR_H

#include "lib/base/base.h"
#include "lib/base/buf.h"

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* The whole text must be one number in the range; false leaves *out alone. */
bool str_to_i64(const char *s, int64_t min, int64_t max, int64_t *out);

/* Length of the one valid UTF-8 character at s, 0 if there is none. */
size_t utf8_step(const char *s, size_t n);
/* No malformed, overlong or surrogate sequence. */
bool utf8_valid(const char *s, size_t n);
/* Does valid UTF-8 hold what ZooKeeper takes in no path? Controls, U+E000 to U+F8FF, U+FFF0 to U+FFFF, and all above, for it
 * looks at the halves of UTF-16. */
bool utf8_unfit_for_path(const char *s, size_t n);
/* Length in UTF-16 units, as Java counts; for valid UTF-8. */
size_t utf8_utf16_len(const char *s);

/* RFC 4648 base64url. Encoding writes the '=' padding; decoding accepts it missing. */
void b64url_encode(struct buf *out, const void *p, size_t n);
bool b64url_decode(struct buf *out, const char *s, size_t n);

/* Append with everything but printable ASCII as \xNN, \n, \t, \\ ; at most `max` input bytes. */
void str_escape(struct buf *out, const char *s, size_t n, size_t max);

/* Lower-case hex of n bytes; out has room for 2n+1. */
void hex_encode(char *out, const unsigned char *p, size_t n);

/* Compares in a time that does not depend on where they differ (keys). */
bool str_eq_secret(const char *a, const char *b);

#endif
