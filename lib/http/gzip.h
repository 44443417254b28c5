/*
 * gzip.h - bytes to gzip, piece by piece, so that a large body does not hold the loop up; and back, all at once
 *
 * Layer: lib/base, zlib.  Threads: one object, one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_GZIP_H
#define LIB_HTTP_GZIP_H

#include "lib/base/buf.h"

struct gzip;
struct gzip *gzip_new(void); /* the fastest level */
void gzip_free(struct gzip **g);

/* The next bytes; `last`: there are no more, and the output is complete. */
void gzip_add(struct gzip *g, const void *p, size_t n, bool last);
void gzip_take(struct gzip *g, struct buf *out); /* after the last: moved into an empty buf */

/*
 * What is in one gzip or zlib stream and nothing behind it, added to `out`, which must be empty. ERR_INVALID: it is none;
 * ERR_REFUSED: there are more than `max` bytes in it. Then `out` stays empty.
 */
int gzip_unpack(const void *p, size_t n, size_t max, struct buf *out);

/* Does the client take it? As Java's services look at the header: the word anywhere in it; but not with q=0. */
bool gzip_accepted(const char *accept_encoding); /* NULL: no */

#endif
