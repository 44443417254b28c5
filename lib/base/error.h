/*
 * error.h - what went wrong: a code a caller can act on, a text a person can read
 *
 * A function that can fail returns 0 or a negative `enum error_code` and takes a `struct error *`
 * as its last parameter.  It writes to that object only when it fails.  The text is stored
 * inline, so reporting an error never allocates and never fails.  NULL means "only the code".
 * Texts: lower case, no full stop, what failed first, names in single quotes.
 *
 * Layer: lib/base (libc only).  Threads: no shared state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_ERROR_H
#define LIB_BASE_ERROR_H

#include "lib/base/base.h"

enum error_code {
	ERR_INVALID = -1,    /* the input is wrong; trying again cannot help */
	ERR_NOT_FOUND = -2,  /* the named thing does not exist */
	ERR_CONFLICT = -3,   /* somebody else changed it or owns it: read again, decide again */
	ERR_REFUSED = -4,    /* a checker we asked said no: haproxy -c, an agent, a limit */
	ERR_NOT_DONE = -5,   /* certainly nothing happened; trying again is safe */
	ERR_MAYBE_DONE = -6, /* sent, no answer: read back before anything else */
	ERR_DEPOSED = -7,    /* our latch node is gone: the work is another's now */
	ERR_SYSTEM = -8,     /* the operating system refused; see the text */
};

struct error {
	enum error_code code;
	char text[480]; /* one line */
};

#define ERROR_INIT { (enum error_code)0, "" }

/* Fill `err` and return `code`: return error_set(err, ERR_INVALID, "port %ld is out of range", p); */
int error_set(struct error *err, enum error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same with ": " and strerror(errnum) appended; the code is ERR_SYSTEM. */
int error_errno(struct error *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Put context in front while the error travels up: "request r7: backend b: ..." */
void error_in(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The stable lower-case word for logs and bodies: "conflict", "maybe done". */
const char *error_code_name(enum error_code code);

#endif
