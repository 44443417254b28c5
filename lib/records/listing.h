/*
 * listing.h - requests of a service that have ended, and lists of those that have not
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_LISTING_H
#define LIB_RECORDS_LISTING_H

#include "lib/base/life.h"
#include "lib/model/response.h"
#include "lib/store/store.h"

/* One service: what is queued of it, in queue order, then what has ended, newest first, at most `max` of those. An id is in one of
 * them only. agentResponses of the live ones are empty: the leader's memory has them. Entries that cannot be read are left out.
 * Ended ones come as they are told, encoded. Borrowed during the callback. */
struct listing {
	const struct response *live;
	size_t n_live;
	const struct slice *past;
	size_t n_past;
};
typedef void listing_fn(void *ctx, const struct listing *h, const struct error *err);
void listing_of_service(struct store *st, struct life *life, const char *service, size_t max, listing_fn *done, void *ctx);

/* Queue items that pass, by index, at most `limit`. Only what is asked for is read. */
struct queue_filter {
	const char *service, *group; /* NULL: any */
	int state;                   /* enum public_state; -1: any */
	size_t limit;
};
typedef void listing_queue_fn(void *ctx, const struct queued_id *items, size_t n, const struct error *err);
void listing_queue(struct store *st, struct life *life, const struct queue_filter *filter, listing_queue_fn *done, void *ctx);

#endif
