/*
 * rack.h - how much of an agent's traffic an upstream gets, so that racks are evenly loaded
 *
 * Each rack's agent sends the same.  Every upstream should get the same share (cap); an agent keeps what its
 * own rack can carry, and spreads the rest over the racks that have room.  The arithmetic is Java's, with its
 * quotients of ten decimals: agents of both kinds in one group must agree on the weights.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_RACK_H
#define AGENT_CORE_RACK_H

#include "lib/base/error.h"

#define RACK_UPSTREAMS_MAX 100000 /* keeps all products in 128 bits */

/* `racks`: of all upstreams that have one, in any order.  zone: the agent's, own: the upstream's; NULL: none.
 * Sets *weight_out to 1 for a normal one, 0 for a spare one.  ERR_INVALID: `own` is needed but not among `racks`;
 * or too many. */
int rack_weight(const char *zone, const char *const *racks, size_t n, const char *own, int64_t *weight_out,
	struct error *err) MUST_CHECK;

#endif
