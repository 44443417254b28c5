/*
 * query.h - percent-decoding and query strings; pure
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_QUERY_H
#define LIB_HTTP_QUERY_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

/* false: a broken %XX, a NUL, or invalid UTF-8. In a query + is a blank, and a broken %XX stands for itself, as Java's services
 * read it: the web page sends values as they are. */
bool percent_decode(struct buf *out, const char *s, size_t n, bool query);
void percent_encode(struct buf *out, const char *s); /* all but unreserved characters */

/* First value of `name` in "a=1&b=2"; false: absent or undecodable. */
bool query_get(const char *query, const char *name, struct buf *out);

#endif
