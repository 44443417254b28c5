/*
 * exclusion.h - hosts that an operator has told not to count
 *
 * Each write sets the group's node in the same transaction: the members of the group change, so what was judged by those of
 * before must be judged again.  Names must have been checked by path_name_ok() first.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_EXCLUSION_H
#define LIB_RECORDS_EXCLUSION_H

#include "lib/base/life.h"
#include "lib/store/store.h"

struct exclusion {
	const char *agent_id;
	const char *by;   /* NULL: not written down, it was made by hand */
	int64_t since_ms; /* when it was made */
};

/* In the order of their names; after a sync. Borrowed during the callback. */
typedef void exclusions_fn(void *ctx, const struct exclusion *list, size_t n, const struct error *err);
void exclusions_read(struct store *st, struct life *life, const char *group, exclusions_fn *done, void *ctx);

/* ERR_NOT_FOUND: no such group, or nobody of that name was ever in it. ERR_CONFLICT: something moved meanwhile, do it again.
 * One that is there already is left as it is. */
void exclusion_make(struct store *st, struct life *life, const char *group, const struct exclusion *ex,
	store_done_fn *done, void *ctx);
/* Absent is fine. ERR_CONFLICT as above. */
void exclusion_end(struct store *st, struct life *life, const char *group, const char *agent_id,
	store_done_fn *done, void *ctx);

#endif
