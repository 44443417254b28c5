/*
 * agent_api.c - the agent's route table and who may call what
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "agent/apply/agent_metrics.h"
#include "lib/base/life.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/http_metrics.h"

#include <stdlib.h>

#define BATCH_BODY_MAX (4u << 20) /* bytes: some 20,000 items */
#define REQUEST_BODY_MAX (4u << 20)

struct agent_api {
	struct agent_api_options opt;
	struct router *router;
	struct admin *admin; /* NULL: not there */
	struct batch_waiters *batches;
	struct java_waiters *java;
	const char *proof;
	struct life *life;
	struct metrics *own_metrics; /* none were given */
};

static const struct route routes[] = {
	/* clang-format off */
	{ "POST", "/lockstep/batch", api_batch_post, ROLE_AGENT, BATCH_BODY_MAX, "a leader's call: PREPARE, RELEASE, APPLY, REVERT, CANCEL" },
	{ "POST", "/batch", api_java_batch, ROLE_AGENT, BATCH_BODY_MAX, "a Java leader's instructions: APPLY, REVERT, CANCEL" },
	{ "POST", "/request/{requestId}", api_java_apply, ROLE_AGENT, 0, "one of them: do what the request says" },
	{ "DELETE", "/request/{requestId}", api_java_revert, ROLE_AGENT, 0, "back to what is committed" },
	{ "POST", "/request/{requestId}/literal", api_java_literal, ROLE_AGENT, REQUEST_BODY_MAX, "an update as it stands in the body" },
	{ "POST", "/purgeCache/{serviceId}", api_java_purge, ROLE_AGENT, 0, "tell this host's cache to drop a service" },
	{ "GET", "/metrics", agent_metrics_get, ROLE_READ, 0, "what is counted, for operators" },
	{ "GET", "/openapi.json", agent_openapi_get, ROLE_OPEN, 0, "this page: all calls, for programs" },
	{ "GET", "/status", agent_status_get, ROLE_OPEN, 0, "how this agent is" },
	{ "GET", "/status/{serviceId}", agent_status_service, ROLE_READ, 0, "what must run here of a service" },
	{ "GET", "/renderedConfigs/{serviceId}", agent_rendered_get, ROLE_OPEN, 0, "what is in the files for a service" },
	/* clang-format on */
};

static void put_off(struct http_request **rq, const char *why)
{
	http_reply_header(*rq, "Retry-After", "1");
	http_reply_error(rq, 503, why);
}

static bool accepts(const struct http_request *rq, const struct route *route)
{
	if (route->handle == agent_metrics_get && http_metrics_accepts(http_header(rq, "Accept")))
		return true;
	return http_accepts(rq, "application/json");
}

static bool enter(struct http_request **rq, const struct route *route, void *app)
{
	struct agent_api *api = app;
	const char *key;

	/* In the order of Java's agents: a wrong type is told before a wrong key. */
	if (!str_eq(route->method, "GET") && !http_sends_json(*rq)) {
		http_reply_error(rq, 415, "HTTP 415 Unsupported Media Type");
		return false;
	}
	if (!accepts(*rq, route)) {
		http_reply_error(rq, 406, "HTTP 406 Not Acceptable");
		return false;
	}
	if (api->opt.link == NULL && route->handle != agent_openapi_get) {
		put_off(rq, "the agent is starting");
		return false;
	}
	if (!api->opt.auth_enabled || route->role == ROLE_OPEN)
		return true;
	if (api->opt.keys_known != NULL && !api->opt.keys_known(api->opt.ctx)) {
		put_off(rq, "the keys have not been read from ZooKeeper yet");
		return false;
	}
	key = http_key(*rq);
	if (key != NULL && api->opt.key_ok != NULL && api->opt.key_ok(api->opt.ctx, key, route->role))
		return true;
	http_reply_error(rq, 403, "HTTP 403 Forbidden");
	return false;
}

struct agent_api *agent_api_new(const struct agent_api_options *opt)
{
	struct agent_api *api = xcalloc(1, sizeof(*api));
	struct router_options ro = { .context_path = opt->context_path, .routes = routes, .n_routes = ARRAY_LEN(routes),
		.enter = enter, .app = api, .cors = opt->cors };
	const struct admin_options admin = { .context_path = opt->admin_path, .look = agent_status_health, .ctx = api,
		.metrics = opt->metrics };

	api->opt = *opt;
	if (opt->metrics == NULL)
		api->opt.metrics = api->own_metrics = metrics_new(agent_metrics, METRIC_AGENT_END);
	ro.metrics = api->opt.metrics;
	api->life = life_new();
	api->batches = api_batch_new();
	api->java = api_java_new();
	if (opt->admin_path != NULL)
		api->admin = admin_new(&admin);
	ro.beside = api->admin != NULL ? admin_router(api->admin) : NULL;
	api->router = router_new(&ro);
	return api;
}

void agent_api_free(struct agent_api **app)
{
	struct agent_api *api = STEAL(*app);

	if (api == NULL)
		return;
	api_batch_free(&api->batches);
	api_java_free(&api->java);
	router_free(&api->router);
	admin_free(&api->admin);
	metrics_free(&api->own_metrics);
	life_end(&api->life);
	free(api);
}

enum key_role agent_api_needs(enum role role)
{
	switch (role) {
	case ROLE_OPEN:
	case ROLE_READ:
		return KEY_READ;
	case ROLE_KEY:
		return KEY_WRITE;
	case ROLE_AGENT:
		return KEY_AGENT;
	case ROLE_MASTER:
		return KEY_MASTER;
	}
	return KEY_MASTER;
}

struct router *agent_api_router(struct agent_api *api)
{
	return api->router;
}

void agent_api_attach(struct agent_api *api, struct agent_link *link, const char *proof)
{
	api->opt.link = link;
	api->proof = proof;
}

const char *agent_api_proof(const struct agent_api *api)
{
	return api->proof;
}

const struct agent_api_options *agent_api_opt(const struct agent_api *api)
{
	return &api->opt;
}

const struct route *agent_api_routes(size_t *n_out)
{
	*n_out = ARRAY_LEN(routes);
	return routes;
}

struct life *agent_api_life(struct agent_api *api)
{
	return api->life;
}

struct batch_waiters *agent_api_batches(struct agent_api *api)
{
	return api->batches;
}

struct java_waiters *agent_api_java(struct agent_api *api)
{
	return api->java;
}
