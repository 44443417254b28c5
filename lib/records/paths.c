/*
 * paths.c - the znode tree: one function per kind of node
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/paths.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"

#include <string.h>

bool path_name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n > 250 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	return strchr(name, '/') == NULL && utf8_valid(name, n) && !utf8_unfit_for_path(name, n);
}

const char *path_join(struct arena *a, const char *parent, const char *name)
{
	return arena_printf(a, "%s/%s", parent, name);
}

const char *path_request(struct arena *a, const char *id)
{
	return path_join(a, PATH_REQUESTS, id);
}

const char *path_status(struct arena *a, const char *id)
{
	return arena_printf(a, PATH_REQUESTS "/%s/status", id);
}

const char *path_message(struct arena *a, const char *id)
{
	return arena_printf(a, PATH_REQUESTS "/%s/message", id);
}

const char *path_mapping(struct arena *a, const char *id)
{
	return path_join(a, PATH_MAPPING, id);
}

const char *path_queue_prefix(struct arena *a, const char *service, const char *id)
{
	return arena_printf(a, PATH_QUEUE "/%s|%s|", service, id);
}

const char *path_queue_item(struct arena *a, const char *node)
{
	return path_join(a, PATH_QUEUE, node);
}

const char *path_history(struct arena *a, const char *service)
{
	return path_join(a, PATH_HISTORY, service);
}

const char *path_history_entry(struct arena *a, const char *service, const char *id)
{
	return arena_printf(a, PATH_HISTORY "/%s/%s", service, id);
}

const char *path_service(struct arena *a, const char *service)
{
	return path_join(a, PATH_STATE, service);
}

const char *path_upstream(struct arena *a, const char *service, const char *node)
{
	return arena_printf(a, PATH_STATE "/%s/%s", service, node);
}

const char *path_group(struct arena *a, const char *group)
{
	return path_join(a, PATH_GROUPS, group);
}

static const char *below_group(struct arena *a, const char *group, const char *what)
{
	return arena_printf(a, PATH_GROUPS "/%s/%s", group, what);
}

const char *path_hosts(struct arena *a, const char *group)
{
	return below_group(a, group, "hosts");
}

const char *path_host(struct arena *a, const char *group, const char *node)
{
	return path_join(a, path_hosts(a, group), node);
}

const char *path_known_agents(struct arena *a, const char *group)
{
	return below_group(a, group, "known-agents");
}

const char *path_known_agent(struct arena *a, const char *group, const char *agent)
{
	return path_join(a, path_known_agents(a, group), agent);
}

const char *path_target_count(struct arena *a, const char *group)
{
	return below_group(a, group, "targetCount");
}

const char *path_last_request(struct arena *a, const char *group)
{
	return below_group(a, group, "lastRequest");
}

const char *path_base_uris(struct arena *a, const char *group)
{
	return below_group(a, group, "base-uris");
}

const char *path_base_uri(struct arena *a, const char *group, const char *key)
{
	AUTO(buf_release) struct buf name = BUF_INIT;

	b64url_encode(&name, key, strlen(key));
	return path_join(a, path_base_uris(a, group), buf_cstr(&name));
}

const char *path_members(struct arena *a, const char *group)
{
	return path_join(a, PATH_MEMBERS, group);
}

const char *path_member(struct arena *a, const char *group, const char *agent)
{
	return path_join(a, path_members(a, group), agent);
}

const char *path_excluded(struct arena *a, const char *group)
{
	return path_join(a, PATH_EXCLUDED, group);
}

const char *path_excluded_agent(struct arena *a, const char *group, const char *agent)
{
	return path_join(a, path_excluded(a, group), agent);
}

const char *path_decision(struct arena *a, const char *batch)
{
	return path_join(a, PATH_DECIDED, batch);
}
