/*
 * rand.h - ids and jitter from a seed; never for secrets
 *
 * Layer: lib/base.  Threads: one owner per object.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_RAND_H
#define LIB_BASE_RAND_H

#include "lib/base/base.h"

struct rand_state {
	uint64_t s[2];
};

void rand_seed(struct rand_state *r, uint64_t seed);
void rand_seed_os(struct rand_state *r);                   /* from getrandom(2) */
uint64_t rand_u64(struct rand_state *r);
uint64_t rand_below(struct rand_state *r, uint64_t bound); /* 0 <= x < bound; bound > 0 */
void rand_uuid(struct rand_state *r, char out[37]);        /* lower-case version 4 form */

#endif
