/*
 * jsontext.h - the one door to jansson: checked text in, a json_t for the length of a decode out
 *
 * Private to lib/model.  jansson recurses over its input, so depth, size, NUL and UTF-8 are looked
 * at in one linear pass beforehand; the errors are ours and name the byte.
 *
 * Layer: lib/base, jansson; private to lib/model.  Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_JSONTEXT_H
#define LIB_MODEL_JSONTEXT_H

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/model/value.h"

#define JSONTEXT_MAX_BYTES ((size_t)32 << 20)
#define JSONTEXT_MAX_DEPTH 64

/* Any JSON value. `tail_ok`: what follows a first object or array is ignored, as Java's readers do.
 */
int jsontext_load(
	const char *text, size_t n, bool tail_ok, json_t **j_out, struct error *err) MUST_CHECK;
void jsontext_free(json_t **j); /* for AUTO() */

const struct value *jsontext_value(json_t *j, struct arena *a);

void jsontext_write_int(struct buf *out, int64_t i);
void jsontext_write_real(
	struct buf *out, double r); /* shortest that reads back; not finite: null */

#endif
