/*
 * context_internal.h - what the files of the context share
 *
 * Layer: agent/core, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_CONTEXT_INTERNAL_H
#define AGENT_CORE_CONTEXT_INTERNAL_H

#include "agent/core/context.h"

/* What Java has as an Optional: at lockstep level the value itself. */
const struct value *context_optional(struct arena *a, const struct value *v, enum template_level level);

/* upstreams, upstreamGroups and servers, into the root. */
int context_put_upstreams(struct value *root, const struct service_state *s, enum template_level level,
	struct arena *a, struct error *err) MUST_CHECK;

#endif
