/*
 * record_reader.h - what the readers of records share: the place for errors, and lenient scalars
 *
 * Private to lib/model.  A reader returns 0, or ERR_INVALID with the place in front of the text.
 *
 * Layer: lib/base, jansson; private to lib/model.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_RECORD_READER_H
#define LIB_MODEL_RECORD_READER_H

#include "lib/model/jsontext.h"
#include "lib/model/record.h"

struct reader {
	struct arena *a;
	struct error *err;
	struct strings *missing; /* where not to stop at what is missing, but to go on and list it; NULL: stop */
};
#define READER_MISSING_MAX 20

/* Where we are, linked upwards on the stack. */
struct place {
	const struct place *up;
	const char *key; /* NULL: an element */
	size_t index;
};

/* A value that must be there is not: an error, or listed as "loadBalancerService.owners may not be null". */
int reader_absent(const struct reader *rd, const struct place *at);

/* "loadBalancerService.owners[2]: must be a string" */
int reader_fail(const struct reader *rd, const struct place *at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The same with a text that begins with the name of a field of the place. */
int reader_fail_field(const struct reader *rd, const struct place *at, const char *field_and_what);

bool reader_missing(const json_t *j); /* no such key, or null */
/* Numbers and booleans become text. */
int reader_text(const struct reader *rd, const struct place *at, const json_t *j, size_t max,
	const char **out);
/* *set_out: false for the empty string, which is 0 or absent. */
int reader_int(const struct reader *rd, const struct place *at, const json_t *j, int64_t *out,
	bool *set_out);
int reader_bool(const struct reader *rd, const struct place *at, const json_t *j, bool *out);
int reader_enum(const struct reader *rd, const struct place *at, const json_t *j,
	const char *const *names, int *out);

#endif
