/*
 * paths.h - the znode tree: one function per kind of node
 *
 * Every text is made in the arena.  Ids and names must have been checked by path_name_ok() first.
 *
 * Layer: lib/records.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_PATHS_H
#define LIB_RECORDS_PATHS_H

#include "lib/base/mem.h"

/* Can it be one element of a path? No '/', nothing that ZooKeeper refuses (utf8_unfit_for_path), not "." or "..", at most 250 bytes. */
bool path_name_ok(const char *name);

#define PATH_QUEUE "/queue"
#define PATH_REQUESTS "/request"
#define PATH_STATE "/state"
#define PATH_STATE_VERSION "/state-last-updated"
#define PATH_DATA_VERSION "/zk-data-version"
#define PATH_GROUPS "/load-balancer"
#define PATH_WORKERS "/workers"
#define PATH_HISTORY "/responseHistory"
#define PATH_MAPPING "/responseHistory/requestIdMapping"
#define PATH_AUTH "/auth"
#define PATH_ALIASES "/aliases"
#define PATH_DECIDED "/lockstep/decided"
#define PATH_SERVICES "/lockstep/services"
#define PATH_QUARANTINE "/lockstep/quarantine"
#define PATH_MEMBERS "/lockstep/members"
#define PATH_LOCKSTEP "/lockstep"
#define PATH_EXCLUDED "/lockstep/excluded"
#define PATH_BATCHES "/lockstep/batches"

const char *path_join(struct arena *a, const char *parent, const char *name);
const char *path_request(struct arena *a, const char *id);
const char *path_status(struct arena *a, const char *id);
const char *path_message(struct arena *a, const char *id);
const char *path_mapping(struct arena *a, const char *id);
const char *path_queue_prefix(struct arena *a, const char *service, const char *id); /* for a sequential create */
const char *path_queue_item(struct arena *a, const char *node);
const char *path_history(struct arena *a, const char *service);
const char *path_history_entry(struct arena *a, const char *service, const char *id);
const char *path_service(struct arena *a, const char *service);
const char *path_upstream(struct arena *a, const char *service, const char *node);
const char *path_group(struct arena *a, const char *group);
const char *path_hosts(struct arena *a, const char *group);
const char *path_host(struct arena *a, const char *group, const char *node);
const char *path_known_agents(struct arena *a, const char *group);
const char *path_known_agent(struct arena *a, const char *group, const char *agent);
const char *path_target_count(struct arena *a, const char *group);
const char *path_last_request(struct arena *a, const char *group);
const char *path_base_uris(struct arena *a, const char *group);
const char *path_base_uri(struct arena *a, const char *group, const char *key); /* base64url of the key */
const char *path_members(struct arena *a, const char *group);
const char *path_member(struct arena *a, const char *group, const char *agent);
const char *path_excluded(struct arena *a, const char *group);
const char *path_excluded_agent(struct arena *a, const char *group, const char *agent);
const char *path_decision(struct arena *a, const char *batch);

#endif
