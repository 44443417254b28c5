/*
 * kept.h - the answer about a request in flight, as it was last told: most who ask again are told the same
 *
 * It holds for what it was made from, and for nothing else. What cannot change in a flight is not compared: the request, its
 * place in the queue.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_KEPT_H
#define SERVICE_CORE_KEPT_H

#include "lib/base/buf.h"

struct kept {
	bool made;
	int status;       /* enum internal_state */
	uint64_t answers; /* tally_changes() */
	char *message;    /* NULL = none */
	struct buf json;
};
void kept_release(struct kept *k);

/* NULL: there is none of just this; make it and put it. Borrowed until the next put. */
const struct buf *kept_get(const struct kept *k, int status, uint64_t answers, const char *message);
void kept_put(struct kept *k, int status, uint64_t answers, const char *message, const struct buf *json);

#endif
