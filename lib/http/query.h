/*
 * query.h - percent-decoding and query strings; pure
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_QUERY_H
#define LIB_HTTP_QUERY_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

/* false: a broken %XX, a NUL, or invalid UTF-8. plus_is_space for queries. */
bool percent_decode(struct buf *out, const char *s, size_t n, bool plus_is_space);
void percent_encode(struct buf *out, const char *s); /* all but unreserved characters */

/* First value of `name` in "a=1&b=2"; false: absent or undecodable. */
bool query_get(const char *query, const char *name, struct buf *out);

#endif
