/*
 * api_openapi.c - GET /openapi.json: what the route table does not say of the calls, and the models
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/map.h"
#include "lib/http/openapi.h"
#include "lib/model/agentinfo.h"
#include "lib/model/authkey.h"
#include "lib/model/group.h"
#include "lib/model/schema.h"
#include "service/api/job.h"
#include "service/core/expand.h"

#define PARAMS(...) ((const struct openapi_param[]){ __VA_ARGS__, { NULL, NULL, NULL, false } })
#define WAIT_PARAM { "wait", "integer 0..60", "hold the answer for at most so many seconds (0 to 60) until there is something new", false }
#define LIMIT_PARAM { "limit", "integer", "at most so many", false }
#define UPSTREAM_PARAM { "upstream", "string", "host:port, or as upstreams are written in ZooKeeper", true }
#define BASE_PATH_PARAM { "basePath", "string", "with the domain in front, if it has one", true }
#define NO_VALIDATE_PARAM { "noValidate", "boolean", "accepted; a proof is made all the same", false }
#define AGENT_PARAM { "status", "boolean", "accepted, without effect", false }

/* clang-format off */
static const struct openapi_row rows[] = {
	{ "GET", "/request", PARAMS({ "serviceId", "string", "of this service", false }, { "state", "string", "in this loadBalancerState", false },
		{ "group", "string", "that touch this group", false }, LIMIT_PARAM), NULL, "[QueuedRequestId]", "400 504" },
	{ "POST", "/request", NULL, "BaragonRequest", "BaragonResponse", "400 422 504" },
	{ "GET", "/request/{requestId}", PARAMS(WAIT_PARAM, { "seen", "string", "the loadBalancerState that you have: another one is new", false }),
		NULL, "BaragonResponse", "400 404 504" },
	{ "DELETE", "/request/{requestId}", NULL, NULL, "BaragonResponse", "504" },
	{ "GET", "/request/history/{serviceId}", PARAMS(LIMIT_PARAM), NULL, "[BaragonResponse]", "400 504" },
	{ "PUT", "/request/upstreams/{serviceId}", PARAMS(UPSTREAM_PARAM), NULL, "BaragonResponse", "400 422 504" },
	{ "POST", "/request/upstreams/{serviceId}", NULL, "[UpstreamInfo]", "BaragonResponse", "400 422 504" },
	{ "DELETE", "/request/upstreams/{serviceId}", PARAMS(UPSTREAM_PARAM), NULL, "BaragonResponse", "400 422 504" },
	{ "DELETE", "/request/upstream", PARAMS({ "host", "string", "name or address, without a port", true }), NULL, "[BaragonResponse]", "400 504" },
	{ "POST", "/purgeCache/{serviceId}", NULL, NULL, "BaragonResponse", "504" },
	{ "GET", "/service-lookup", PARAMS({ "hostPort", "string", "of an upstream", true }), NULL, "[BaragonServiceState]", "400 504" },
	{ "GET", "/renderedConfigs/{serviceId}", NULL, NULL, "[BaragonConfigFile]", "500any 504" },
	{ "GET", "/state", PARAMS(WAIT_PARAM), NULL, "[BaragonServiceState]", "304 400 504" },
	{ "GET", "/state/{serviceId}", PARAMS({ "fresh", "boolean", "look in ZooKeeper, after a sync", false }), NULL, "BaragonServiceState", "404 504" },
	{ "DELETE", "/state/{serviceId}", PARAMS(NO_VALIDATE_PARAM, { "noReload", "boolean", "write files, make nothing live", false }), NULL,
		"BaragonResponse", "504" },
	{ "POST", "/state/{serviceId}/reload", PARAMS(NO_VALIDATE_PARAM), NULL, "BaragonResponse", "504" },
	{ "GET", "/load-balancer", NULL, NULL, "[string]", "504" },
	{ "GET", "/load-balancer/all", NULL, NULL, "[BaragonGroup]", "504" },
	{ "GET", "/load-balancer/{group}", NULL, NULL, "BaragonGroup", "404 504" },
	{ "GET", "/load-balancer/{group}/count", NULL, NULL, "integer", "504" },
	{ "POST", "/load-balancer/{group}/count", PARAMS({ "count", "integer", "0 if it is missing", false }), NULL, "integer", "400 404 504" },
	{ "POST", "/load-balancer/{group}/traffic-source", NULL, "TrafficSource", "BaragonGroup", "400 422 504" },
	{ "DELETE", "/load-balancer/{group}/traffic-source", NULL, "TrafficSource", "BaragonGroup", "400 404 422 504" },
	{ "POST", "/load-balancer/{group}/sources", PARAMS({ "source", "string", "its name", true }), NULL, "BaragonGroup", "400 504" },
	{ "DELETE", "/load-balancer/{group}/sources", PARAMS({ "source", "string", "its name", true }), NULL, "BaragonGroup", "400 404 504" },
	{ "GET", "/load-balancer/{group}/hosts", NULL, NULL, "[string]", "504" },
	{ "GET", "/load-balancer/{group}/agents", NULL, NULL, "[BaragonAgentMetadata]", "504" },
	{ "GET", "/load-balancer/{group}/known-agents", NULL, NULL, "[BaragonKnownAgentMetadata]", "504" },
	{ "DELETE", "/load-balancer/{group}/known-agents/{agentId}", NULL, NULL, NULL, "504" },
	{ "GET", "/load-balancer/{group}/excluded", NULL, NULL, "[HostExclusion]", "504" },
	{ "POST", "/load-balancer/{group}/excluded/{agentId}", PARAMS({ "by", "string", "who says so; the peer if it is missing", false }), NULL,
		"HostExclusion", "400 404 504" },
	{ "DELETE", "/load-balancer/{group}/excluded/{agentId}", NULL, NULL, NULL, "504" },
	{ "GET", "/load-balancer/{group}/base-path/all", NULL, NULL, "[string]", "504" },
	{ "GET", "/load-balancer/{group}/base-path", PARAMS(BASE_PATH_PARAM), NULL, "BaragonService", "400 404 504" },
	{ "DELETE", "/load-balancer/{group}/base-path", PARAMS(BASE_PATH_PARAM), NULL, NULL, "400 504" },
	{ "GET", "/aliases/{name}", NULL, NULL, "BaragonGroupAlias", "404 504" },
	{ "POST", "/aliases/{name}", NULL, "BaragonGroupAlias", "BaragonGroupAlias", "400 422 504" },
	{ "DELETE", "/aliases/{name}", NULL, NULL, NULL, "504" },
	{ "GET", "/auth/key/verify", NULL, NULL, NULL, "504" },
	{ "GET", "/auth/keys", NULL, NULL, "[BaragonAuthKey]", "504" },
	{ "POST", "/auth/keys", NULL, "BaragonAuthKey", NULL, "400 422 504" },
	{ "DELETE", "/auth/keys/{key}", NULL, NULL, "BaragonAuthKey", "404 504" },
	{ "GET", "/status", NULL, NULL, "BaragonServiceStatus", NULL },
	{ "GET", "/status/master", NULL, NULL, "BaragonServiceStatus", NULL },
	{ "GET", "/workers", NULL, NULL, "[string]", "504" },
	{ "GET", "/metrics", PARAMS({ "format", "string", "prometheus, openmetrics or json", false }), NULL, "metrics", NULL },
	{ "GET", "/openapi.json", NULL, NULL, "object", NULL },
	{ "GET", "/ui", NULL, NULL, NULL, "404" },
	{ "GET", "/ui/{path...}", NULL, NULL, NULL, "404" },
	{ "GET", "/static/{path...}", NULL, NULL, NULL, "404" },
	{ "POST", "/checkin/{group}/startup", PARAMS(AGENT_PARAM), "BaragonAgentMetadata", "AgentCheckInResponse", "400" },
	{ "POST", "/checkin/{group}/shutdown", PARAMS(AGENT_PARAM), "BaragonAgentMetadata", "AgentCheckInResponse", "400" },
	{ "GET", "/checkin/{group}/can-shutdown", PARAMS({ "agentId", "string", "of the agent", false }), NULL, "text", NULL },

	/* There is no installation with AWS. */
	{ "GET", "/elbs", NULL, NULL, "never", "500text" },
	{ "GET", "/elbs/{name}", NULL, NULL, "never", "500text" },
	{ "GET", "/elbs/{name}/instances", NULL, NULL, "never", "500text" },
	{ "POST", "/elbs/{name}/update", NULL, NULL, "never", "500text" },
	{ "DELETE", "/elbs/{name}/update", NULL, NULL, "never", "500text" },
	{ "POST", "/albs", NULL, NULL, "never", "500text" },
	{ "GET", "/albs/load-balancers", NULL, NULL, "never", "500text" },
	{ "GET", "/albs/load-balancers/{name}", NULL, NULL, "never", "500text" },
	{ "GET", "/albs/load-balancers/{name}/listeners", NULL, NULL, "never", "500text" },
	{ "POST", "/albs/load-balancers/{name}/listeners", NULL, NULL, "never", "500text" },
	{ "POST", "/albs/listeners/{arn...}", NULL, NULL, "never", "500text" },
	{ "DELETE", "/albs/listeners/{arn...}", NULL, NULL, "never", "500text" },
	{ "GET", "/albs/listeners/rules/{arn...}", NULL, NULL, "never", "500text" },
	{ "POST", "/albs/listeners/rules/{arn...}", NULL, NULL, "never", "500text" },
	{ "POST", "/albs/rules/{arn...}", NULL, NULL, "never", "500text" },
	{ "DELETE", "/albs/rules/{arn...}", NULL, NULL, "never", "500text" },
	{ "GET", "/albs/target-groups", NULL, NULL, "never", "500text" },
	{ "GET", "/albs/target-groups/{name}", NULL, NULL, "never", "500text" },
	{ "POST", "/albs/target-groups/{name}", NULL, NULL, "never", "500text" },
	{ "GET", "/albs/target-groups/{name}/targets", NULL, NULL, "never", "500text" },
	{ "DELETE", "/albs/target-groups/{name}/targets/{instanceId}", NULL, NULL, "never", "500" },
	{ "POST", "/albs/target-group/{name}/targets", PARAMS({ "instanceId", "string", "what to add", true }), NULL, "never", "500text" },
};
/* clang-format on */

/* Answers that no record stands for. */
static const char others[] =
	",\"BaragonServiceStatus\":{\"type\":\"object\",\"properties\":{\"leader\":{\"type\":\"boolean\"},"
	"\"pendingRequestCount\":{\"type\":\"integer\"},\"workerLagMs\":{\"type\":\"integer\",\"format\":\"int64\"},"
	"\"elbWorkerLagMs\":{\"type\":\"integer\",\"format\":\"int64\"},\"zookeeperState\":{\"type\":\"string\"},"
	"\"oldestPendingRequest\":{\"type\":\"integer\",\"format\":\"int64\"}}}"
	",\"HostExclusion\":{\"type\":\"object\",\"required\":[\"agentId\",\"by\",\"since\"],\"properties\":{"
	"\"agentId\":{\"type\":\"string\"},\"by\":{\"type\":\"string\",\"nullable\":true},"
	"\"since\":{\"type\":\"integer\",\"format\":\"int64\"}}}"
	",\"BaragonConfigFile\":{\"type\":\"object\",\"properties\":{\"fullPath\":{\"type\":\"string\"},"
	"\"content\":{\"type\":\"string\"}}}"
	",\"AgentCheckInResponse\":{\"type\":\"object\",\"properties\":{\"state\":{\"type\":\"string\","
	"\"enum\":[\"DONE\",\"PENDING\",\"ERROR\"]},\"exceptionMessage\":{\"type\":\"string\",\"nullable\":true},"
	"\"waitTime\":{\"type\":\"integer\",\"format\":\"int64\"}}}";

void api_openapi(struct http_request *rq, void *app)
{
	static const struct record *const records[] = { &request_record, &response_record, &service_state_record,
		&queued_id_record, &agentinfo_record, &known_agent_record, &group_record, &group_alias_record, &auth_key_record };
	const struct api *api = app;
	AUTO(buf_release) struct buf schemas = BUF_INIT, json = BUF_INIT;
	struct openapi doc = { .title = "lockstep-service", .version = LOCKSTEP_VERSION,
		.context_path = api->opt.context_path, .rows = rows, .n_rows = ARRAY_LEN(rows) };

	schema_write(records, ARRAY_LEN(records), &schemas);
	buf_str(&schemas, others);
	doc.schemas = buf_cstr(&schemas);
	doc.routes = api_routes(&doc.n_routes);
	openapi_print(&doc, &json);
	api_reply_json(&rq, 200, &json);
}
