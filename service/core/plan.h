/*
 * plan.h - what one request asks of the cluster, before anybody is asked
 *
 * From the request, the committed state of its service and what the groups and base paths look like: the state that it
 * leads to, whom it reaches, which base paths it needs and releases, and whether a rule refuses it.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_PLAN_H
#define SERVICE_CORE_PLAN_H

#include "lib/model/member.h"
#include "lib/model/request.h"
#include "lib/model/response.h"

/* One base path of the service in one group. */
struct plan_path {
	const char *group, *key;
	const char *owner; /* service id found in the lock node; NULL = free */
	int32_t version;   /* of the lock node */
};
struct plan_paths {
	struct plan_path *items;
	size_t n;
};

struct plan {
	const struct request *request;
	struct service_state base; /* committed; service NULL = none */
	struct service_state next; /* if it is committed; service NULL = none */
	int32_t sv;                /* data version of the service node; -1 = absent */
	struct strings groups;     /* those of plan_asked() and of the stored service */
	struct plan_paths wanted;  /* to be held once committed */
	struct plan_paths held;    /* those of the stored service: released at the end unless wanted */
};

/* Fills in everything but owners and versions of the paths. groups[]: what is known of each group named by request or
 * stored service (for default domains). All memory is of `a`; request and base are borrowed. */
void plan_make(const struct request *rq, const struct service_state *base, int32_t sv,
	const struct roster_group *const *groups, size_t n_groups, struct arena *a, struct plan *out);

/* Base paths of a service with upstreams, in all its groups; s NULL: none. Owners and versions are not filled in. */
void plan_service_paths(const struct service *s, const struct roster_group *const *groups, size_t n_groups, struct arena *a,
	struct plan_paths *out);

/* Whose groups and domains the rules look at: the request's service, or the stored one if it changes upstreams only. */
const struct service *plan_asked(const struct plan *p);

/* Groups a request reaches, without the rest of a plan. */
void plan_groups(const struct request *rq, const struct service *stored, struct arena *a, struct strings *out);

/* The worker's checks, in Java's order. False: refused, with the final state and Java's message. */
struct plan_limits {
	bool enforce_target_count;
	int64_t default_target_count;
};
bool plan_allowed(const struct plan *p, const struct roster_group *const *groups, size_t n_groups,
	const struct plan_limits *limits, struct arena *a, enum internal_state *state_out, const char **message_out);

/* How many hosts each requested group must have at DECIDE. */
int64_t plan_target(const struct roster_group *g, const struct plan_limits *limits);

/* "UPDATE request succeeded! Added upstreams: [a, b], Removed upstreams: []" */
const char *plan_success_text(const struct request *rq, struct arena *a);

/* What a commit changes under /state: node names of upstreams to create and delete. */
struct plan_changes {
	enum { PLAN_SERVICE_SAME, PLAN_SERVICE_CREATE, PLAN_SERVICE_SET, PLAN_SERVICE_DELETE } service;
	struct strings create, remove; /* upstream node names; remove comes first in a transaction */
	bool state_changed;            /* bumps the version that readers watch */
};
void plan_changes(const struct plan *p, struct arena *a, struct plan_changes *out);

/* Of `held`: owned by this service, and not wanted by what `next` leaves. */
void plan_released(const struct plan *p, struct arena *a, struct plan_paths *out);

#endif
