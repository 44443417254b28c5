/*
 * locate.h - in which field of a JSON text something stands that keeps it from being read
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_LOCATE_H
#define SERVICE_CORE_LOCATE_H

#include "lib/base/buf.h"

/* "addUpstreams[0].upstream": the field whose text holds the first \u0000. False: there is none. */
bool locate_nul(const char *text, size_t n, struct buf *path);

#endif
