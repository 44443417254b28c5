/*
 * routes.h - domains and paths of a service as keys of HAProxy maps, and as they are
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_ROUTES_H
#define AGENT_CORE_ROUTES_H

#include "lib/model/service.h"

/* The `routes` of a context (context.h): each domain, sorted, with each path; each pair once. */
const struct value *routes_value(const struct service *s, struct arena *a);
/* The `paths` of a context: each path once, not encoded. */
const struct value *routes_paths(const struct service *s, struct arena *a);

#endif
