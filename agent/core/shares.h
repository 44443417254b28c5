/*
 * shares.h - shares of groups of upstreams in the traffic, as weights of their servers
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_SHARES_H
#define AGENT_CORE_SHARES_H

#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/model/value.h"

#define SHARES_MAX_GROUPS 32
#define SHARES_MAX_WEIGHT 256

/*
 * shares = {"canary": 5}: all servers of the group together get 5 of 100 requests, however many they are.  The
 * groups that are not named share the rest by their servers; what a group without servers would get goes to
 * the others in proportion.
 *
 * Gives {"<group>": "<weight of each of its servers>"} for all groups of `servers` (maps with "group"; null is
 * "default"), 0 to 256: exact where such numbers exist, else rounded, but never down to 0.  Null if shares is
 * null, or if no group that is there has a share: then all are equal.
 * ERR_INVALID, naming the option `name`: no map of whole numbers from 0 to 100, or together more than 100.
 */
int shares_weights(const struct value *servers, const struct value *shares, const char *name, struct arena *a,
	const struct value **out, struct error *err) MUST_CHECK;

#endif
