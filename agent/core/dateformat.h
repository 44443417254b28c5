/*
 * dateformat.h - points in time as text, by the patterns of Java's SimpleDateFormat
 *
 * All letters of Java 8 in US English: G y Y M L w W D d F E u a H k K h m s S z Z X; 'text', '' is a quote.
 * Weeks begin on Sunday and the first one is that of January 1.  zzzz is only spelt out for UTC; years are
 * those of the Gregorian calendar at any time.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_DATEFORMAT_H
#define AGENT_CORE_DATEFORMAT_H

#include "lib/base/buf.h"
#include "lib/base/error.h"

#include <time.h>

#define DATEFORMAT_DEFAULT "yyyy-MM-dd hh:mm a"
#define DATEFORMAT_MAX 1000 /* bytes of a pattern */

/* Civil time of seconds since 1970, with offset 0 and zone "UTC"; for every count that milliseconds can reach. */
void dateformat_utc(int64_t seconds, struct tm *out);

/* Appends. Read of `tm` is everything but tm_isdst; tm_zone NULL: the offset. ERR_INVALID: a bad pattern. */
int dateformat_print(const char *pattern, const struct tm *tm, unsigned millis, struct buf *out, struct error *err)
	MUST_CHECK;

int dateformat_check(const char *pattern, struct error *err) MUST_CHECK;

#endif
