/*
 * api.h - the HTTP interface of lockstep-service: who may ask what, and who answers it
 *
 * The rows of its route table are the interface; each resource has a file of its own beside this
 * one.  It needs no socket: programs give the router to a server, the simulator to its network,
 * tests ask it directly.
 *
 * Layer: service/api.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_API_API_H
#define SERVICE_API_API_H

#include "lib/http/router.h"
#include "lib/model/upstream.h"
#include "lib/records/rules.h"
#include "lib/records/state_cache.h"
#include "service/work/leader.h"

/* Everything pointed to is borrowed and outlives the api. */
struct api_options {
	struct loop *loop;
	struct store *store;
	struct leader *leader; /* NULL: never leads */
	struct state_cache *cache;
	struct client *client; /* to ask the leader; NULL: it is not asked */
	const char *context_path; /* "" or "/baragon/v2" */
	const char *admin_path; /* of ping and healthcheck; NULL = they are not there */
	bool cors; /* for web pages of other origins */
	struct rules rules;
	bool auth_enabled;
	const char *auth_key; /* stored under /auth if it is not there; NULL = none */
	const char *master_key; /* opens the administration of keys, whatever auth_enabled; NULL = none */
	enum upstream_syntax upstream_syntax;
	int64_t default_target_count; /* of agents, where a group has none of its own */
	struct strings purge_templates, purge_excluded; /* for the purgeCache flag of updates */
	size_t history_fetch_max; /* ended requests in one list; 0 = 1000 */
	uint64_t seed; /* of generated ids; 0 = from the system */
	size_t max_waiters; /* requests with wait= that are held; 0 = 1000 */
	struct metrics *metrics; /* of service_metrics.h, the worker's too; NULL: it has its own */
	/* The address of a host name, without waiting: 0; ERR_NOT_FOUND: it has none; ERR_NOT_DONE: not known yet, and
	 * *address_out is what it was before, or NULL.  NULL: names stay names, whatever a service wants. */
	int (*resolve)(void *ctx, const char *host, struct arena *a, const char **address_out);
	void *resolve_ctx;
	int64_t repost_after_ms; /* an addition that ended so long ago may be done anew; 0 = never */
	int64_t deadline_ms; /* an answer comes by then, if only 504; 0 = 1.5 s */
};

struct api;
struct api *api_new(const struct api_options *opt);
void api_free(struct api **api); /* requests still open are answered 503; the router goes too */
struct router *api_router(struct api *api);
/* Before the server is drained: requests that are held are answered now. */
void api_drain(struct api *api);

/* For leader_options.committed: what this service has committed goes straight into its cache. */
void api_on_committed(void *state_cache, const struct worker_commit *commits, size_t n);

#endif
