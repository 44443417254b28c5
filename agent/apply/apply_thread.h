/*
 * apply_thread.h - the real applier: a pipeline on a thread of its own
 *
 * Layer: agent/apply.  Threads: called on the loop; the pipeline runs on its own thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_APPLY_THREAD_H
#define AGENT_APPLY_APPLY_THREAD_H

#include "agent/apply/pipeline.h"
#include "lib/loop/loop.h"

/* One item at a time: start() again only after done (asserted).  Freeing waits for the item in progress;
 * its done is not called; the loop must outlive the applier, and run or be freed after it. */
struct applier *apply_thread_new(struct loop *l, struct apply **a_take);

#endif
