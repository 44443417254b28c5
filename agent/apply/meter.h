/*
 * meter.h - an applier that has another do the work and counts what it reports
 *
 * Layer: agent/apply.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_METER_H
#define AGENT_APPLY_METER_H

#include "agent/apply/work.h"
#include "lib/base/metrics.h"
#include "lib/loop/loop.h"

/* Takes the other one and frees it with itself; metrics (of agent_metrics.h) and loop are borrowed. */
struct applier *meter_new(struct loop *l, struct applier **inner_take, struct metrics *m);

#endif
