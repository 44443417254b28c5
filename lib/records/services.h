/*
 * services.h - the committed state of one service: its node, and its upstreams, which are names of children
 *
 *	size_t at = services_read(r, "shop");   // two items of a reader: the node, then its children
 *	…
 *	services_take(arena, r, at, &state, &err);
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_SERVICES_H
#define LIB_RECORDS_SERVICES_H

#include "lib/model/service.h"
#include "lib/records/reader.h"

size_t services_read(struct reader *r, const char *service_id);

/* service NULL: there is none. A child whose name is neither ours nor Java's is left out. ERR_INVALID: a record that cannot
 * be read; *out is then empty. */
int services_take(struct arena *a, const struct reader *r, size_t at, struct service_state *out, struct error *err) MUST_CHECK;

#endif
