/*
 * context.c - a service, its upstreams and this agent as the value that templates see
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/context.h"

#include "agent/core/routes.h"
#include "agent/template/template.h"
#include "lib/base/str.h"
#include "lib/model/digest.h"

#include <stdlib.h>
#include <string.h>

static void put_text(struct arena *a, struct value *map, const char *key, const char *s)
{
	value_map_put(a, map, key, s != NULL ? value_string(a, s) : value_null());
}

/* What Java has as an Optional. */
static void put_optional(struct arena *a, struct value *map, const char *key, const struct value *v,
	enum template_level level)
{
	struct value *wrap;

	if (level == TEMPLATE_BARAGON) {
		wrap = value_map_sized(a, 1);
		value_map_add(a, wrap, TEMPLATE_OPTIONAL_KEY, v);
		v = wrap;
	}
	value_map_put(a, map, key, v);
}

static int compare_texts(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static const struct value *texts(struct arena *a, const struct strings *from, bool sorted)
{
	const char **items = arena_alloc(a, (from->n + 1) * sizeof(*items));
	struct value *list = value_list(a);

	for (size_t i = 0; i < from->n; i++)
		items[i] = from->items[i];
	if (sorted && from->n > 1)
		qsort(items, from->n, sizeof(*items), compare_texts);
	for (size_t i = 0; i < from->n; i++)
		value_list_add(a, list, value_string(a, items[i]));
	return list;
}

static const struct value *service_value(const struct service *s, struct arena *a)
{
	struct value *v = value_map(a);

	put_text(a, v, "serviceId", s->id);
	value_map_put(a, v, "owners", texts(a, &s->owners, false));
	put_text(a, v, "serviceBasePath", s->base_path);
	value_map_put(a, v, "additionalPaths", texts(a, &s->additional_paths, false));
	value_map_put(a, v, "loadBalancerGroups", texts(a, &s->groups, true));
	value_map_put(a, v, "options", s->options != NULL ? s->options : value_null());
	put_text(a, v, "templateName", s->template_name);
	value_map_put(a, v, "domains", texts(a, &s->domains, true));
	put_text(a, v, "edgeCacheDNS", s->edge_cache_dns);
	value_map_put(a, v, "edgeCacheDomains", texts(a, &s->edge_cache_domains, true));
	value_map_put(a, v, "preResolveUpstreamDNS", value_bool(s->pre_resolve_dns));
	put_text(a, v, TEMPLATE_TEXT_KEY, s->id);
	return v;
}

static bool plain_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
		c == '-';
}

static void escape_name(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (plain_char(s[i]))
			buf_char(out, s[i]);
		else
			buf_printf(out, ":%02X", (unsigned)(unsigned char)s[i]);
	}
}

void context_backend_name(const char *service_id, struct buf *out)
{
	escape_name(out, service_id, strlen(service_id));
}

/* Three families that cannot meet: s_<host>_<port>, s6_<IPv6 address>_<port>, t_<any other text>. */
void context_server_name(const char *address, struct buf *out)
{
	const char *colon = strrchr(address, ':');
	size_t host = colon != NULL ? (size_t)(colon - address) : 0;

	if (host > 2 && address[0] == '[' && address[host - 1] == ']' &&
		strspn(address + 1, "0123456789abcdefABCDEF:.") == host - 2 &&
		colon[1] != '\0' && colon[1 + strspn(colon + 1, "0123456789")] == '\0') {
		buf_str(out, "s6_");
		buf_append(out, address + 1, host - 2);
		buf_printf(out, "_%s", colon + 1);
	} else if (host > 0 && memchr(address, ':', host) == NULL && colon[1] != '\0' &&
		colon[1 + strspn(colon + 1, "0123456789")] == '\0') {
		buf_str(out, "s_");
		escape_name(out, address, host);
		buf_printf(out, "_%s", colon + 1);
	} else {
		buf_str(out, "t_");
		escape_name(out, address, strlen(address));
	}
}

static int order(const char *x, const char *y)
{
	return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

/* By address and group; the rest only so that equal pairs have an order, too. */
static int compare_upstreams(const void *px, const void *py)
{
	const struct upstream *x = px, *y = py;
	int c = order(x->address, y->address);

	if (c == 0)
		c = order(x->group, y->group);
	if (c == 0)
		c = order(x->request_id, y->request_id);
	if (c == 0)
		c = order(x->rack_id, y->rack_id);
	if (c == 0)
		c = order(x->resolved, y->resolved);
	return c != 0 ? c : order(x->original, y->original);
}

/* As text, so that {{#if weight}} is true for 0. */
static const struct value *weight_of(const struct service *s, const char *address, struct arena *a)
{
	const struct value *weights = s->options != NULL ? value_get(s->options, "weights") : NULL;
	const struct value *w = weights != NULL ? value_get(weights, address) : NULL;

	if (w == NULL || w->kind != VALUE_INT || w->u.i < 0 || w->u.i > 256)
		return value_null();
	return value_string(a, arena_printf(a, "%d", (int)w->u.i));
}

/* What is made of the address; the same members, null, where there is none. */
static void put_address(struct arena *a, struct value *v, const struct service *s, const struct upstream *u)
{
	const char *address = u->resolved != NULL ? u->resolved : u->address, *host = NULL;
	AUTO(buf_release) struct buf name = BUF_INIT;
	int port = 0;
	bool split = address != NULL && upstream_split(address, a, &host, &port);

	if (address != NULL)
		context_server_name(address, &name);
	put_text(a, v, "name", name.data);
	put_text(a, v, "address", address);
	put_text(a, v, "host", split ? host : NULL);
	value_map_put(a, v, "port", split ? value_int(a, port) : value_null());
	value_map_put(a, v, "weight", u->address != NULL ? weight_of(s, u->address, a) : value_null());
}

static int upstream_value(const struct service *s, const struct upstream *u, struct arena *a,
	const struct value **v_out, struct error *err)
{
	const char *const addresses[] = { u->address, u->resolved };
	struct value *v = value_map(a);

	for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
		int rc = addresses[i] != NULL ? upstream_check_address(addresses[i], UPSTREAM_TOKEN, err) : 0;

		if (rc != 0) {
			AUTO(buf_release) struct buf text = BUF_INIT;

			str_escape(&text, addresses[i], strlen(addresses[i]), 80);
			error_in(err, "upstream '%s'", buf_cstr(&text));
			return rc;
		}
	}
	put_text(a, v, "upstream", u->address);
	put_text(a, v, "group", u->group);
	put_text(a, v, "requestId", u->request_id);
	put_text(a, v, "rackId", u->rack_id);
	put_text(a, v, "resolvedUpstream", u->resolved);
	put_text(a, v, "originalPath", u->original);
	put_address(a, v, s, u);
	put_text(a, v, TEMPLATE_TEXT_KEY, u->address);
	*v_out = v;
	return 0;
}

/* A group's name with its upstream, for sorting by group. */
struct grouped {
	const char *group;
	size_t place; /* in the order of addresses */
	const struct value *upstream;
};

static int compare_grouped(const void *px, const void *py)
{
	const struct grouped *x = px, *y = py;
	int c = order(x->group, y->group);

	return c != 0 ? c : (x->place > y->place) - (x->place < y->place);
}

static const struct value *groups_value(struct grouped *all, size_t n, struct arena *a)
{
	struct value *groups = value_map(a), *list = NULL;

	if (n > 1)
		qsort(all, n, sizeof(*all), compare_grouped);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || order(all[i].group, all[i - 1].group) != 0) {
			list = value_list(a);
			value_map_put(a, groups, all[i].group != NULL ? all[i].group : "default", list);
		}
		value_list_add(a, list, all[i].upstream);
	}
	return groups;
}

static int put_upstreams(struct value *root, const struct service_state *s, struct arena *a, struct error *err)
{
	size_t n = s->upstreams.n;
	struct upstream *sorted = arena_alloc(a, (n + 1) * sizeof(*sorted));
	struct grouped *grouped = arena_alloc(a, (n + 1) * sizeof(*grouped));
	struct value *all = value_list(a), *servers = value_list(a), *seen = value_map(a);

	if (n > 0) {
		memcpy(sorted, s->upstreams.items, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), compare_upstreams);
	}
	for (size_t i = 0; i < n; i++) {
		const struct value *v, *name;
		int rc = upstream_value(s->service, &sorted[i], a, &v, err);

		if (rc != 0)
			return rc;
		value_list_add(a, all, v);
		grouped[i] = (struct grouped){ sorted[i].group, i, v };
		name = value_get(v, "name");
		if (name->kind == VALUE_STRING && value_get(seen, name->u.s) == NULL) {
			value_map_put(a, seen, name->u.s, name);
			value_list_add(a, servers, v);
		}
	}
	value_map_put(a, root, "upstreams", all);
	value_map_put(a, root, "upstreamGroups", groups_value(grouped, n, a));
	value_map_put(a, root, "servers", servers);
	return 0;
}

static const struct value *ec2_value(const struct agent_ec2 *e, enum template_level level, struct arena *a)
{
	struct value *v = value_map(a);

	put_optional(a, v, "instanceId", value_string(a, e != NULL ? e->instance_id : NULL), level);
	put_optional(a, v, "availabilityZone", value_string(a, e != NULL ? e->availability_zone : NULL), level);
	put_optional(a, v, "subnetId", value_string(a, e != NULL ? e->subnet_id : NULL), level);
	put_optional(a, v, "vpcId", value_string(a, e != NULL ? e->vpc_id : NULL), level);
	put_optional(a, v, "privateIp", value_string(a, e != NULL ? e->private_ip : NULL), level);
	return v;
}

const struct value *context_agent_properties(const struct agentinfo *info, enum template_level level,
	struct arena *a)
{
	struct value *v = value_map(a);

	put_text(a, v, "baseAgentUri", info->base_uri);
	put_text(a, v, "agentId", info->agent_id);
	put_optional(a, v, "domain", value_string(a, info->domain), level);
	value_map_put(a, v, "ec2", ec2_value(info->ec2, level, a));
	/* a template may ask whether there is one; what is in it was never reachable */
	put_optional(a, v, "gcloud", info->gcloud != NULL ? value_bool(true) : value_null(), level);
	value_map_put(a, v, "extraAgentData", info->extra != NULL ? value_clone(info->extra, a) : value_map(a));
	value_map_put(a, v, "batchEnabled", value_bool(info->batch_enabled));
	put_text(a, v, TEMPLATE_TEXT_KEY, info->agent_id);
	return v;
}

int context_build(const struct service_state *s, const struct context_agent *agent, struct arena *a,
	const struct value **v_out, struct error *err)
{
	const struct service *service = s->service;
	AUTO(buf_release) struct buf backend = BUF_INIT;
	struct value *root = value_map(a);
	char hash[DIGEST_HEX];
	int rc = put_upstreams(root, s, a, err);

	if (rc != 0)
		return rc;
	digest_hex(service->id, strlen(service->id), hash);
	context_backend_name(service->id, &backend);
	value_map_put(a, root, "service", service_value(service, a));
	value_map_put(a, root, "timestamp", value_int(a, agent->timestamp_ms));
	value_map_put(a, root, "present", value_bool(true));
	value_map_put(a, root, "rootPath", value_bool(str_eq(service->base_path, "/")));
	value_map_put(a, root, "agentProperties", agent->properties != NULL ? agent->properties : value_map(a));
	put_text(a, root, "serviceIdHash", hash);
	value_map_put(a, root, "turnOffPurgeableCacheInTemplates",
		value_bool(agent->purge_off || strings_have(&agent->purge_off_for, service->id)));
	put_text(a, root, "id", service->id);
	put_text(a, root, "backend", buf_cstr(&backend));
	value_map_put(a, root, "routes", routes_value(service, a));
	value_map_put(a, root, "paths", routes_paths(service, a));
	put_text(a, root, TEMPLATE_TEXT_KEY, service->id);
	*v_out = root;
	return 0;
}
