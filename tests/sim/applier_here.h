/*
 * applier_here.h - the real pipeline of an agent in one thread: each item is done at one moment of virtual time
 *
 * Threads: loop thread; it blocks as the pipeline does, so no commands and no HAProxy here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_SIM_APPLIER_HERE_H
#define TESTS_SIM_APPLIER_HERE_H

#include "agent/apply/pipeline.h"
#include "lib/loop/loop.h"

/* Takes the pipeline. An item is done `after_us` after it was given. */
struct applier *applier_here_new(struct loop *l, struct apply **apply_take, int64_t after_us);
/* As SIGSTOP: what was given waits. */
void applier_here_freeze(struct applier *ap, bool frozen);

#endif
