/*
 * service.c - BaragonService and BaragonServiceState
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/service.h"

#include <string.h>

/* A state grows by many requests; each of them is limited by itself. */
#define MAX_STATE_UPSTREAMS 100000

static int service_rules(void *obj, struct arena *a, struct error *err)
{
	struct service *s = obj;

	if (s->options != NULL && s->options->kind != VALUE_MAP)
		return error_set(err, ERR_INVALID, "options: must be an object");
	if (s->edge_cache_dns != NULL && !strings_have(&s->edge_cache_domains, s->edge_cache_dns))
		strings_add(&s->edge_cache_domains, a, s->edge_cache_dns);
	return 0;
}

#define SERVICE(json, kind_, c)                                                                    \
	.name = (json), .kind = (kind_), .offset = offsetof(struct service, c)
static const struct field service_fields[] = {
	{ SERVICE("serviceId", FIELD_STRING, id), .required = true },
	{ SERVICE("owners", FIELD_STRINGS, owners), .required = true },
	{ SERVICE("serviceBasePath", FIELD_STRING, base_path), .required = true },
	{ SERVICE("additionalPaths", FIELD_STRINGS, additional_paths) },
	{ SERVICE("loadBalancerGroups", FIELD_STRING_SET, groups), .required = true },
	{ SERVICE("options", FIELD_VALUE, options) },
	{ SERVICE("templateName", FIELD_STRING, template_name) },
	{ SERVICE("domains", FIELD_STRING_SET, domains) },
	{ SERVICE("edgeCacheDNS", FIELD_STRING, edge_cache_dns) },
	{ SERVICE("edgeCacheDomains", FIELD_STRING_SET, edge_cache_domains) },
	{ SERVICE("preResolveUpstreamDNS", FIELD_BOOL, pre_resolve_dns) },
};
const struct record service_record = {
	.name = "BaragonService",
	.size = sizeof(struct service),
	.fields = service_fields,
	.n_fields = ARRAY_LEN(service_fields),
	.after = service_rules,
};

#define STATE(json, kind_, c)                                                                      \
	.name = (json), .kind = (kind_), .offset = offsetof(struct service_state, c)
static const struct field service_state_fields[] = {
	{STATE("service", FIELD_RECORD, service), .of = &service_record},
	{STATE("upstreams", FIELD_RECORDS, upstreams), .of = &upstream_record,
		.max_bytes = MAX_STATE_UPSTREAMS},
};
const struct record service_state_record = {
	.name = "BaragonServiceState",
	.size = sizeof(struct service_state),
	.fields = service_state_fields,
	.n_fields = ARRAY_LEN(service_state_fields),
};

static void add_key(const char *domain, const char *path, struct arena *a, struct strings *out)
{
	const char *key = arena_printf(a, "%s%s", domain, path);

	if (!strings_have(out, key))
		strings_add(out, a, key);
}

static void add_keys_of_path(
	const struct service *s, const char *path, struct arena *a, struct strings *out)
{
	size_t i;

	if (s->domains.n == 0)
		add_key("", path, a, out);
	for (i = 0; i < s->domains.n; i++)
		add_key(s->domains.items[i], path, a, out);
}

void service_lock_keys(const struct service *s, struct arena *a, struct strings *out)
{
	size_t i;

	for (i = 0; i < s->additional_paths.n; i++)
		add_keys_of_path(s, s->additional_paths.items[i], a, out);
	if (s->base_path != NULL)
		add_keys_of_path(s, s->base_path, a, out);
}
