/*
 * fold.h - what a service must be: committed state plus requests in order (pure; both daemons)
 *
 * fold() is idempotent: folding a request into a state that already holds it changes nothing that a host
 * would run.  DELETE gives no service (service = NULL); RELOAD, REVERT, PURGE_CACHE and GET_RENDERED_CONFIG
 * leave the state as it is.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_FOLD_H
#define LIB_MODEL_FOLD_H

#include "lib/model/request.h"

/* base NULL or base->service NULL: no such service yet. Everything in *out points into base, requests
 * or the arena. Rules of the merge: state-machine-and-zookeeper §3. */
void fold(const struct service_state *base, const struct request *const *requests, size_t n, struct arena *a,
	struct service_state *out);

/* Same service record and the same upstreams (as sets by node name). */
bool service_state_equal(const struct service_state *x, const struct service_state *y);

#endif
