/*
 * history.h - seeded random histories: the same seed is the same history, to the last event
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SCENARIO_HISTORY_H
#define TESTS_SCENARIO_HISTORY_H

#include "tests/scenario/world.h"

bool history_run(uint64_t seed, const struct rules *rules, bool story, char broken[512]);

/* `count` of them, or as many as fit into `seconds`; prints the seeds. Returns an exit code. */
int history_many(unsigned long count, unsigned seconds, uint64_t first_seed);

#endif
