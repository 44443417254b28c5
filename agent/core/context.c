/*
 * context.c - a service, its upstreams and this agent as the value that templates see
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/context.h"

#include "agent/core/context_internal.h"
#include "agent/core/routes.h"
#include "lib/base/str.h"
#include "lib/model/digest.h"

#include <stdlib.h>
#include <string.h>

const struct value *context_optional(struct arena *a, const struct value *v, enum template_level level)
{
	struct value *wrap;

	if (level != TEMPLATE_BARAGON)
		return v;
	wrap = value_map_sized(a, 1);
	value_map_add(a, wrap, TEMPLATE_OPTIONAL_KEY, v);
	return wrap;
}

static void add_text(struct arena *a, struct value *map, const char *key, const char *s)
{
	value_map_add(a, map, key, value_text(a, s));
}

static void add_optional(struct arena *a, struct value *map, const char *key, const char *s, enum template_level level)
{
	value_map_add(a, map, key, context_optional(a, value_text(a, s), level));
}

static int compare_texts(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const struct value *texts(struct arena *a, const struct strings *from, bool sorted)
{
	const char *const *items = from->items;
	struct value *list = value_list_sized(a, from->n);
	const char **copy;

	if (sorted && from->n > 1) {
		copy = arena_alloc(a, from->n * sizeof(*copy));
		memcpy(copy, from->items, from->n * sizeof(*copy));
		qsort(copy, from->n, sizeof(*copy), compare_texts);
		items = copy;
	}
	for (size_t i = 0; i < from->n; i++)
		value_list_add(a, list, value_text(a, items[i]));
	return list;
}

static const struct value *service_value(const struct service *s, enum template_level level, struct arena *a)
{
	struct value *v = value_map_sized(a, 12);

	add_text(a, v, "serviceId", s->id);
	value_map_add(a, v, "owners", texts(a, &s->owners, false));
	add_text(a, v, "serviceBasePath", s->base_path);
	value_map_add(a, v, "additionalPaths", texts(a, &s->additional_paths, false));
	value_map_add(a, v, "loadBalancerGroups", texts(a, &s->groups, true));
	value_map_add(a, v, "options", s->options != NULL ? s->options : value_null());
	add_optional(a, v, "templateName", s->template_name, level);
	value_map_add(a, v, "domains", texts(a, &s->domains, true));
	add_optional(a, v, "edgeCacheDNS", s->edge_cache_dns, level);
	value_map_add(a, v, "edgeCacheDomains", texts(a, &s->edge_cache_domains, true));
	value_map_add(a, v, "preResolveUpstreamDNS", value_bool(s->pre_resolve_dns));
	value_map_add(a, v, TEMPLATE_TEXT_KEY, value_get(v, "serviceId"));
	return v;
}

static const struct value *ec2_value(const struct agent_ec2 *e, enum template_level level, struct arena *a)
{
	static const struct agent_ec2 nothing;
	struct value *v = value_map_sized(a, 5);

	if (e == NULL)
		e = &nothing;
	add_optional(a, v, "instanceId", arena_strdup(a, e->instance_id), level);
	add_optional(a, v, "availabilityZone", arena_strdup(a, e->availability_zone), level);
	add_optional(a, v, "subnetId", arena_strdup(a, e->subnet_id), level);
	add_optional(a, v, "vpcId", arena_strdup(a, e->vpc_id), level);
	add_optional(a, v, "privateIp", arena_strdup(a, e->private_ip), level);
	return v;
}

const struct value *context_agent_properties(const struct agentinfo *info, enum template_level level,
	struct arena *a)
{
	const struct value *gcloud = info->gcloud != NULL ? value_bool(true) : value_null();
	struct value *v = value_map_sized(a, 8);

	add_text(a, v, "baseAgentUri", arena_strdup(a, info->base_uri));
	add_text(a, v, "agentId", arena_strdup(a, info->agent_id));
	add_optional(a, v, "domain", arena_strdup(a, info->domain), level);
	value_map_add(a, v, "ec2", ec2_value(info->ec2, level, a));
	/* a template may ask whether there is one; what is in it was never reachable */
	value_map_add(a, v, "gcloud", context_optional(a, gcloud, level));
	value_map_add(a, v, "extraAgentData", info->extra != NULL ? value_clone(info->extra, a) : value_map(a));
	value_map_add(a, v, "batchEnabled", value_bool(info->batch_enabled));
	value_map_add(a, v, TEMPLATE_TEXT_KEY, value_get(v, "agentId"));
	return v;
}

/* Two names of members mean something to the engine: data from outside must not have them. */
static int check_names(const struct value *v, struct error *err)
{
	int rc = 0;

	if (v->kind == VALUE_LIST) {
		for (size_t i = 0; rc == 0 && i < v->u.list.n; i++)
			rc = check_names(v->u.list.items[i], err);
	} else if (v->kind == VALUE_MAP) {
		for (size_t i = 0; rc == 0 && i < v->u.map.n; i++) {
			const char *key = v->u.map.members[i].key;

			if (str_eq(key, TEMPLATE_TEXT_KEY) || str_eq(key, TEMPLATE_OPTIONAL_KEY))
				return error_set(err, ERR_INVALID, "options: a member is named by the control character 0x%02x",
					(unsigned)key[0]);
			rc = check_names(v->u.map.members[i].value, err);
		}
	}
	return rc;
}

int context_build(const struct service_state *s, const struct context_agent *agent, struct arena *a,
	const struct value **v_out, struct error *err)
{
	const struct service *service = s->service;
	AUTO(buf_release) struct buf backend = BUF_INIT;
	struct value *root = value_map_sized(a, 15);
	char hash[DIGEST_HEX];
	int rc = context_put_upstreams(root, s, agent->level, a, err);

	if (rc == 0 && service->options != NULL)
		rc = check_names(service->options, err);
	if (rc != 0)
		return rc;
	digest_hex(service->id, strlen(service->id), hash);
	context_backend_name(service->id, &backend);
	value_map_add(a, root, "service", service_value(service, agent->level, a));
	value_map_add(a, root, "timestamp", value_int(a, agent->timestamp_ms));
	value_map_add(a, root, "present", value_bool(true));
	value_map_add(a, root, "rootPath", value_bool(str_eq(service->base_path, "/")));
	value_map_add(a, root, "agentProperties", agent->properties != NULL ? agent->properties : value_map(a));
	value_map_add(a, root, "serviceIdHash", value_string(a, hash));
	value_map_add(a, root, "turnOffPurgeableCacheInTemplates",
		value_bool(agent->purge_off || strings_have(&agent->purge_off_for, service->id)));
	add_text(a, root, "id", service->id);
	value_map_add(a, root, "backend", value_string(a, buf_cstr(&backend)));
	value_map_add(a, root, "routes", routes_value(service, a));
	value_map_add(a, root, "paths", routes_paths(service, a));
	add_text(a, root, TEMPLATE_TEXT_KEY, service->id);
	*v_out = root;
	return 0;
}
