/*
 * context.h - a service, its upstreams and this agent as the value that templates see
 *
 * Java's names (absent optionals are null and print nothing; at baragon level those that Java has as Optionals
 * are such: templateName edgeCacheDNS requestId rackId resolvedUpstream originalPath, domain ec2.* gcloud):
 *   service.{serviceId owners serviceBasePath additionalPaths loadBalancerGroups options templateName domains
 *   edgeCacheDNS edgeCacheDomains preResolveUpstreamDNS}, upstreams[].{upstream group requestId rackId
 *   resolvedUpstream originalPath}, upstreamGroups.<group>[], timestamp, present, rootPath, agentProperties.
 *   {baseAgentUri agentId domain ec2.* gcloud extraAgentData batchEnabled}, serviceIdHash,
 *   turnOffPurgeableCacheInTemplates
 * Ours:
 *   id        the service id
 *   backend   a name for HAProxy made of the id: what is no [A-Za-z0-9_.-] is written :XX, so that no two ids
 *             share one and no escaped name meets an operator's name with a ':' before anything else
 *   upstreams[].{name address host port weight}
 *             address: resolvedUpstream if there is one, else upstream; host (IPv6 without brackets) and port
 *             of it; name: for `server` lines, made of the address alone (s_10.0.0.1_8080); weight: service
 *             option "weights": { "<upstream>": 0..256 } as text, else null
 *   servers   the upstreams with an address, one per name
 *   routes[].{domain path exact prefix}
 *             one per domain and path (no domains: one per path, domain null).  path has no slash at its end;
 *             exact = domain + path, prefix = exact + "/".  What cannot stand in a URL is percent-encoded
 *             (clients send it so), domains are in lower case and without port.
 *   paths[]   the paths alone, each once and not encoded, without slash at the end
 *
 * Upstreams are sorted by (address, group), sets and groups by name: the order of arrival is not seen.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_CONTEXT_H
#define AGENT_CORE_CONTEXT_H

#include "agent/template/template.h"
#include "lib/model/agentinfo.h"
#include "lib/model/service.h"

/* What is the same for every service. */
struct context_agent {
	enum template_level level;      /* of the templates that will see it */
	const struct value *properties; /* agentProperties; NULL = an empty map */
	bool purge_off;                 /* turnOffPurgeableCacheInTemplates */
	struct strings purge_off_for;   /* servicesToBlockFromPurgeableCache */
	int64_t timestamp_ms;           /* one for all services of a rendering */
};

const struct value *context_agent_properties(const struct agentinfo *info, enum template_level level,
	struct arena *a);

/* Made for a rendering: the value borrows the texts of `s` and agent->properties, which must outlive it.
 * ERR_INVALID: an upstream whose address is no token (it could end a directive); the text names it;
 * a group, or a member of the options at any depth, with a name that only the engine may give (TEMPLATE_TEXT_KEY,
 * TEMPLATE_OPTIONAL_KEY). */
int context_build(const struct service_state *s, const struct context_agent *agent, struct arena *a,
	const struct value **v_out, struct error *err) MUST_CHECK;

/* The names alone, for those who read rendered files. */
void context_backend_name(const char *service_id, struct buf *out);
void context_server_name(const char *address, struct buf *out);

#endif
