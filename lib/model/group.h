/*
 * group.h - a load balancer group
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_GROUP_H
#define LIB_MODEL_GROUP_H

#include "lib/model/record.h"

struct traffic_source {
	const char *name;
	int type, register_by; /* indices into the names of the wire */
};
extern const char *const traffic_source_type_names[]; /* NULL-terminated */
extern const char *const register_by_names[];
extern const struct record traffic_source_record; /* also a bare string: CLASSIC, INSTANCE_ID */
/* The old form, only a name. */
void traffic_source_classic(const char *name, struct traffic_source *out);

struct group {
	const char *name, *domain;
	struct { struct traffic_source *items; size_t n; } traffic_sources;
	const char
		*default_domain; /* effective: defaultDomain else domain; both are written as it */
	struct strings domains;
	const struct value *domain_aliases; /* map of lists of strings; NULL = {} */
	int64_t min_healthy_agents;
};
extern const struct record group_record; /* for its schema: what it reads and writes is no struct group */
int group_decode(const char *text, size_t n, struct arena *a, struct group **out,
	struct error *err) MUST_CHECK;
void group_encode(const struct group *g, struct buf *out);

#endif
