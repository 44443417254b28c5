/*
 * api.c - the route table, what is checked before a handler, and the life of it all
 *
 * Layer: service/api.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/api.h"

#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/http/http_metrics.h"
#include "lib/records/keyring.h"
#include "service/api/job.h"
#include "service/api/wait.h"
#include "service/api/zipped.h"
#include "service/work/service_metrics.h"

#include <stdlib.h>
#include <string.h>

#define DEADLINE_MS 1500
#define REQUEST_MAX ((size_t)4 * 1024 * 1024)
#define ABSENT "of AWS, which is not there"
#define NO_PAGES "of the web page, which is not there"
#define HISTORY_FETCH_MAX 1000
#define AGENT_MAX ((size_t)64 * 1024)
#define SMALL_MAX ((size_t)256 * 1024)

/* clang-format off */
static const struct route routes[] = {
	{ "GET",    "/request",                 api_request_list,   ROLE_OPEN, 0, "the queue" },
	{ "POST",   "/request",                 api_request_post,   ROLE_KEY,  REQUEST_MAX, "queue a request" },
	{ "GET",    "/request/{requestId}",     api_request_get,    ROLE_OPEN, 0, "what became of a request" },
	{ "DELETE", "/request/{requestId}",     api_request_delete, ROLE_KEY,  0, "cancel a request" },
	{ "GET",    "/request/history/{serviceId}", api_request_history, ROLE_OPEN, 0, "requests of a service: queued ones, then how others ended" },
	{ "PUT",    "/request/upstreams/{serviceId}", api_upstream_add, ROLE_KEY, 0, "queue the addition of an upstream" },
	{ "POST",   "/request/upstreams/{serviceId}", api_upstream_replace, ROLE_KEY, REQUEST_MAX, "queue the replacement of all upstreams" },
	{ "DELETE", "/request/upstreams/{serviceId}", api_upstream_remove, ROLE_KEY, 0, "queue the removal of an upstream" },
	{ "DELETE", "/request/upstream",        api_upstream_remove_host, ROLE_KEY, 0, "queue the removal of all upstreams of a host, one request per service" },
	{ "POST",   "/purgeCache/{serviceId}",  api_state_purge,    ROLE_KEY,  0, "queue a purge of a service's cache" },
	{ "GET",    "/service-lookup",          api_lookup,         ROLE_OPEN, 0, "services that have an upstream" },
	{ "GET",    "/renderedConfigs/{serviceId}", api_rendered,   ROLE_OPEN, 0, "files of a service, as one of its agents has them" },
	{ "GET",    "/state",                   api_state_list,     ROLE_OPEN, 0, "all services with their upstreams" },
	{ "GET",    "/state/{serviceId}",       api_state_get,      ROLE_OPEN, 0, "one service with its upstreams" },
	{ "DELETE", "/state/{serviceId}",       api_state_delete,   ROLE_KEY,  0, "queue the removal of a service" },
	{ "POST",   "/state/{serviceId}/reload", api_state_reload,  ROLE_KEY,  0, "queue a reload" },
	{ "GET",    "/load-balancer",           api_group_names,    ROLE_OPEN, 0, "names of groups and aliases" },
	{ "GET",    "/load-balancer/all",       api_group_list,     ROLE_OPEN, 0, "all groups" },
	{ "GET",    "/load-balancer/{group}",   api_group_get,      ROLE_OPEN, 0, "one group" },
	{ "GET",    "/load-balancer/{group}/count", api_group_count, ROLE_OPEN, 0, "how many agents it should have" },
	{ "POST",   "/load-balancer/{group}/count", api_group_set_count, ROLE_KEY, 0, "set how many agents it should have" },
	{ "POST",   "/load-balancer/{group}/traffic-source", api_source_add, ROLE_KEY, SMALL_MAX, "add a traffic source" },
	{ "DELETE", "/load-balancer/{group}/traffic-source", api_source_remove, ROLE_KEY, SMALL_MAX, "remove a traffic source" },
	{ "POST",   "/load-balancer/{group}/sources", api_source_add_name, ROLE_KEY, 0, "add a classic traffic source by its name" },
	{ "DELETE", "/load-balancer/{group}/sources", api_source_remove_name, ROLE_KEY, 0, "remove one" },
	{ "GET",    "/load-balancer/{group}/hosts", api_group_hosts, ROLE_OPEN, 0, "base URIs of its agents" },
	{ "GET",    "/load-balancer/{group}/agents", api_group_agents, ROLE_OPEN, 0, "its registered agents" },
	{ "GET",    "/load-balancer/{group}/known-agents", api_group_known_agents, ROLE_OPEN, 0, "agents it ever had" },
	{ "DELETE", "/load-balancer/{group}/known-agents/{agentId}", api_group_forget_agent, ROLE_KEY, 0,
	  "forget an agent; one that is away does not count any more" },
	{ "GET",    "/load-balancer/{group}/excluded", api_exclusion_list, ROLE_OPEN, 0, "its hosts that do not count, by an operator's word" },
	{ "POST",   "/load-balancer/{group}/excluded/{agentId}", api_exclusion_make, ROLE_KEY, 0, "let a host not count" },
	{ "DELETE", "/load-balancer/{group}/excluded/{agentId}", api_exclusion_end, ROLE_KEY, 0, "let it count again" },
	{ "GET",    "/load-balancer/{group}/base-path/all", api_group_base_paths, ROLE_OPEN, 0, "base paths in use" },
	{ "GET",    "/load-balancer/{group}/base-path", api_group_base_path, ROLE_OPEN, 0, "the service that holds a base path" },
	{ "DELETE", "/load-balancer/{group}/base-path", api_group_free_base_path, ROLE_KEY, 0, "take a base path from whoever holds it" },
	{ "GET",    "/aliases/{name}",          api_alias_get,      ROLE_READ, 0, "what an alias stands for" },
	{ "POST",   "/aliases/{name}",          api_alias_post,     ROLE_KEY,  SMALL_MAX, "make or change an alias" },
	{ "DELETE", "/aliases/{name}",          api_alias_delete,   ROLE_KEY,  0, "remove an alias" },
	{ "GET",    "/auth/key/verify",         api_auth_verify,    ROLE_KEY,  0, "is the key good?" },
	{ "GET",    "/auth/keys",               api_auth_list,      ROLE_MASTER, 0, "all keys, expired ones too" },
	{ "POST",   "/auth/keys",               api_auth_post,      ROLE_MASTER, SMALL_MAX, "add or change a key" },
	{ "DELETE", "/auth/keys/{key}",         api_auth_delete,    ROLE_MASTER, 0, "let a key expire now" },
	{ "GET",    "/status",                  api_status_get,     ROLE_OPEN, 0, "of this service" },
	{ "GET",    "/status/master",          api_status_master,  ROLE_OPEN, 0, "of the leader, or of this service" },
	{ "GET",    "/workers",                 api_status_workers, ROLE_OPEN, 0, "base URIs of all services, the leader first" },
	{ "GET",    "/metrics",                 api_metrics,        ROLE_READ, 0, "what is counted, for operators" },
	{ "GET",    "/openapi.json",            api_openapi,        ROLE_OPEN, 0, "this page: all calls, for programs" },
	{ "POST",   "/checkin/{group}/startup", api_checkin,        ROLE_AGENT, AGENT_MAX, "an agent starts" },
	{ "POST",   "/checkin/{group}/shutdown", api_checkin,       ROLE_AGENT, AGENT_MAX, "an agent stops" },
	{ "GET",    "/checkin/{group}/can-shutdown", api_checkin_can_shutdown, ROLE_OPEN, 0, "may an agent stop?" },

	{ "GET",    "/ui",                      api_absent_ui,      ROLE_OPEN, 0, NO_PAGES },
	{ "GET",    "/ui/{path...}",            api_absent_ui,      ROLE_OPEN, 0, NO_PAGES },
	{ "GET",    "/static/{path...}",        api_absent_ui,      ROLE_OPEN, 0, NO_PAGES },

	/* There is no installation with AWS; an ARN may hold slashes. */
	{ "GET",    "/elbs",                    api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "GET",    "/elbs/{name}",             api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "GET",    "/elbs/{name}/instances",   api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "POST",   "/elbs/{name}/update",      api_absent_aws, ROLE_KEY,  0, ABSENT },
	{ "DELETE", "/elbs/{name}/update",      api_absent_aws, ROLE_KEY,  0, ABSENT },
	{ "POST",   "/albs",                    api_absent_aws, ROLE_KEY,  0, ABSENT },
	{ "GET",    "/albs/load-balancers",     api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "GET",    "/albs/load-balancers/{name}", api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "GET",    "/albs/load-balancers/{name}/listeners", api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "POST",   "/albs/load-balancers/{name}/listeners", api_absent_aws, ROLE_KEY, 0, ABSENT },
	{ "POST",   "/albs/listeners/{arn...}", api_absent_aws, ROLE_KEY,  0, ABSENT },
	{ "DELETE", "/albs/listeners/{arn...}", api_absent_aws, ROLE_KEY,  0, ABSENT },
	{ "GET",    "/albs/listeners/rules/{arn...}", api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "POST",   "/albs/listeners/rules/{arn...}", api_absent_aws, ROLE_KEY, 0, ABSENT },
	{ "POST",   "/albs/rules/{arn...}",     api_absent_aws, ROLE_KEY,  0, ABSENT },
	{ "DELETE", "/albs/rules/{arn...}",     api_absent_aws, ROLE_KEY,  0, ABSENT },
	{ "GET",    "/albs/target-groups",      api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "GET",    "/albs/target-groups/{name}", api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "POST",   "/albs/target-groups/{name}", api_absent_aws, ROLE_KEY, 0, ABSENT },
	{ "GET",    "/albs/target-groups/{name}/targets", api_absent_aws, ROLE_OPEN, 0, ABSENT },
	{ "DELETE", "/albs/target-groups/{name}/targets/{instanceId}", api_absent_target_remove, ROLE_KEY, 0, ABSENT },
	{ "POST",   "/albs/target-group/{name}/targets", api_absent_target_add, ROLE_KEY, 0, ABSENT },
};
/* clang-format on */

const struct route *api_routes(size_t *n_out)
{
	*n_out = ARRAY_LEN(routes);
	return routes;
}

/* --- before a handler --- */

/* Java's resources below these take any Content-Type. */
static bool takes_any_type(const struct route *route)
{
	static const char *const families[] = { "/state", "/status", "/workers", "/purgeCache", "/service-lookup",
		"/renderedConfigs", "/metrics", "/openapi.json", "/elbs", "/albs", "/ui", "/static" };

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (str_starts(route->pattern, families[i]))
			return true;
	return false;
}

static bool accepts(const struct http_request *rq, const struct route *route)
{
	if (route->handle == api_absent_ui) /* a browser does not read JSON, and is told all the same */
		return true;
	if (route->handle == api_checkin_can_shutdown)
		return http_accepts(rq, "text/plain");
	if (route->handle == api_metrics && http_metrics_accepts(http_header(rq, "Accept")))
		return true;
	return http_accepts(rq, "application/json");
}

/* In the order of the Java services: a wrong type is told before a wrong key. */
static bool enter(struct http_request **rq, const struct route *route, void *app)
{
	struct api *api = app;

	if (!takes_any_type(route) && !http_sends_json(*rq)) {
		http_reply_error(rq, 415, "HTTP 415 Unsupported Media Type");
		return false;
	}
	if (!accepts(*rq, route)) {
		http_reply_error(rq, 406, "HTTP 406 Not Acceptable");
		return false;
	}
	return api_auth_enter(api, rq, route);
}

/* --- the whole --- */

static void on_link(void *ctx, enum store_link link)
{
	struct api *api = ctx;
	struct job *job;

	if (link != STORE_LINK_UP)
		return;
	DL_FOREACH(api->jobs, job) {
		if (job->waiting)
			job_again(job, 0);
		job->waiting = false;
	}
}

static struct admin *make_admin(struct api *api)
{
	const struct admin_options opt = { .context_path = api->opt.admin_path,
		.look = api_status_health,
		.ctx = api,
		.metrics = api->metrics };

	return admin_new(&opt);
}

struct api *api_new(const struct api_options *opt)
{
	struct api *api = xcalloc(1, sizeof(*api));
	struct router_options router = { .context_path = opt->context_path,
		.routes = routes,
		.n_routes = ARRAY_LEN(routes),
		.enter = enter,
		.app = api,
		.cors = opt->cors };

	api->opt = *opt;
	if (api->opt.deadline_ms == 0)
		api->opt.deadline_ms = DEADLINE_MS;
	if (api->opt.history_fetch_max == 0)
		api->opt.history_fetch_max = HISTORY_FETCH_MAX;
	if (opt->seed != 0)
		rand_seed(&api->rand, opt->seed);
	else
		rand_seed_os(&api->rand);
	if (opt->metrics == NULL)
		api->own_metrics = metrics_new(service_metrics, METRIC_SERVICE_END);
	api->metrics = opt->metrics != NULL ? opt->metrics : api->own_metrics;
	router.metrics = api->metrics;
	if (opt->admin_path != NULL)
		api->admin = make_admin(api);
	router.beside = api->admin != NULL ? admin_router(api->admin) : NULL;
	api->router = router_new(&router);
	api->waiters = waiters_new(api, opt->max_waiters);
	api->known = known_new(opt->store);
	api->zipped = zipped_new(opt->loop);
	if (opt->auth_enabled || opt->master_key != NULL)
		api->keys = keyring_new(opt->loop, opt->store);
	if (opt->auth_enabled)
		keyring_set_own(api->keys, opt->auth_key);
	api->listener = (struct store_listener){ .fn = on_link, .ctx = api };
	store_listen(opt->store, &api->listener);
	return api;
}

void api_free(struct api **ap)
{
	struct api *api = STEAL(*ap);

	if (api == NULL)
		return;
	store_unlisten(api->opt.store, &api->listener);
	while (api->jobs != NULL)
		job_reply_error(api->jobs, 503, "this service is stopping");
	waiters_free(&api->waiters);
	keyring_free(&api->keys);
	known_free(&api->known);
	zipped_free(&api->zipped);
	router_free(&api->router);
	admin_free(&api->admin);
	metrics_free(&api->own_metrics);
	free(api);
}

struct router *api_router(struct api *api)
{
	return api->router;
}

void api_drain(struct api *api)
{
	waiters_release(api->waiters);
}

void api_on_committed(void *state_cache, const struct worker_commit *commits, size_t n)
{
	struct state_change *changes = xcalloc(n + 1, sizeof(*changes));
	size_t n_changes = 0;

	for (size_t i = 0; i < n; i++)
		if (commits[i].state_changed)
			changes[n_changes++] =
				(struct state_change){ commits[i].service_id, commits[i].state };
	if (n_changes > 0)
		state_cache_apply(state_cache, changes, n_changes, true);
	free(changes);
}
