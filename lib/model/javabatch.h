/*
 * javabatch.h - POST /batch of a Java agent: what a Java service sends, and what it is answered
 *
 * An array of items in, an array of answers out, in the same order.  The answers' reader is strict: one key too many,
 * or a name that it does not know, and every item counts as failed.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_JAVABATCH_H
#define LIB_MODEL_JAVABATCH_H

#include "lib/model/request.h"

enum java_type { JAVA_APPLY, JAVA_REVERT, JAVA_CANCEL, JAVA_PURGE_CACHE };
extern const char *const java_type_names[];

struct java_item {
	const char *request_id;
	int action; /* enum action; ACTION_NONE = null */
	int type;   /* enum java_type */
};
struct java_answer {
	const char *request_id;
	int64_t status_code;
	const char *message; /* NULL = null */
	int type;
};
extern const struct record java_item_record, java_answer_record;
struct java_items {
	struct java_item *items;
	size_t n;
};
struct java_answers {
	struct java_answer *items;
	size_t n;
};

/* At most 10,000. Unknown keys are skipped, as the Java agent does. */
int java_items_decode(const char *text, size_t n, struct arena *a, struct java_items *out, struct error *err) MUST_CHECK;
void java_items_encode(const struct java_item *items, size_t n, struct buf *out);
int java_answers_decode(const char *text, size_t n, struct arena *a, struct java_answers *out, struct error *err) MUST_CHECK;
void java_answers_encode(const struct java_answer *items, size_t n, struct buf *out);

#endif
