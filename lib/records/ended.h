/*
 * ended.h - the entries of a service's history by age: what may be dropped of it
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_ENDED_H
#define LIB_RECORDS_ENDED_H

#include "lib/base/life.h"
#include "lib/store/store.h"

struct ended_entry {
	const char *id;
	int64_t zxid;     /* of its creation: the order */
	int64_t ended_ms; /* wall time */
	bool mapped;      /* the id leads to this service, and to no other */
};

/* Oldest first; of more than ENDED_MAX some ENDED_MAX. Borrowed during the callback. */
#define ENDED_MAX 5000
typedef void ended_fn(void *ctx, const struct ended_entry *entries, size_t n, const struct error *err);
void ended_read(struct store *st, struct life *life, const char *service, ended_fn *done, void *ctx);

/* Delete entry and mapping in this transaction, which fails if they are not there. */
void ended_drop(struct store_txn *t, struct arena *a, const char *service, const char *id, bool mapped);

#endif
