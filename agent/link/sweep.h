/*
 * sweep.h - every service there is, as it must run, read from the store alone
 *
 * target(service) = the committed state, with the requests of a decided batch folded in whose direction is forward.  The
 * decision is read before the state: if it has ended meanwhile, the state read after it is the answer either way.
 * Nothing is written.
 *
 * Layer: agent/link.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_SWEEP_H
#define AGENT_LINK_SWEEP_H

#include "lib/base/life.h"
#include "lib/model/service.h"
#include "lib/store/store.h"

/* All in one turn, done last; not at all once the life is over. What they are given is valid inside only. */
struct sweep_fns {
	/* Of whatever group. s->service NULL: it has gone meanwhile, or is decided to go. */
	void (*service)(void *ctx, const char *id, const struct service_state *s);
	void (*unreadable)(void *ctx, const char *id, const struct error *err); /* its record is broken */
	void (*done)(void *ctx, const struct error *err); /* err: nothing was given, and this is why */
};
/* with_decided false: the committed state alone. */
void sweep_run(struct store *st, struct life *life, bool with_decided, const struct sweep_fns *fns, void *ctx);

#endif
