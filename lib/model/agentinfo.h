/*
 * agentinfo.h - how an agent introduces itself (BaragonAgentMetadata), and what is known of it
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_AGENTINFO_H
#define LIB_MODEL_AGENTINFO_H

#include "lib/model/record.h"

struct agent_ec2 {
	const char *instance_id, *availability_zone, *subnet_id, *vpc_id, *private_ip;
};
struct agent_gcloud {
	const char *resource_group, *project, *region, *backend_service, *instance_name;
};
struct agentinfo {
	const char *base_uri; /* baseAgentUri */
	const char *agent_id; /* host:port */
	const char *domain;
	const struct agent_ec2 *ec2;
	const struct agent_gcloud *gcloud;
	const struct value *extra; /* extraAgentData, a map of strings; NULL = {} and written so */
	bool batch_enabled;
	int64_t last_seen_at; /* known agents only */
};
extern const struct record agentinfo_record;
extern const struct record known_agent_record; /* the same and lastSeenAt */

/* Host node data: JSON, or the legacy bare URI. */
int agentinfo_decode(const char *text, size_t n, struct arena *a, struct agentinfo **out, struct error *err) MUST_CHECK;
/* It announced extraAgentData.lockstep: it understands POST /lockstep/batch. */
bool agentinfo_is_lockstep(const struct agentinfo *i);

#endif
