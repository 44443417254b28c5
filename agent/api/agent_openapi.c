/*
 * agent_openapi.c - GET /openapi.json of the agent: what the route table does not say of the calls, and the models
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "lib/http/openapi.h"
#include "lib/model/javabatch.h"
#include "lib/model/schema.h"

/* clang-format off */
static const struct openapi_row rows[] = {
	{ "POST", "/lockstep/batch", NULL, "BatchCall", "BatchAnswer", "400 409 503" },
	{ "POST", "/batch", NULL, "[BaragonRequestBatchItem]", "[AgentBatchResponseItem]", "400 503" },
	{ "POST", "/request/{requestId}", NULL, NULL, "raw", "404raw 409raw 500raw 503" },
	{ "DELETE", "/request/{requestId}", NULL, NULL, "raw", "404raw 409raw 500raw 503" },
	{ "POST", "/request/{requestId}/literal", NULL, "BaragonRequest", "raw", "400 409raw 500raw 503" },
	{ "POST", "/purgeCache/{serviceId}", NULL, NULL, "raw", "404raw 500raw 503" },
	{ "GET", "/metrics", (const struct openapi_param[]){ { "format", "string", "prometheus, openmetrics or json", false },
		{ NULL, NULL, NULL, false } }, NULL, "metrics", "503" },
	{ "GET", "/openapi.json", NULL, NULL, "object", NULL },
	{ "GET", "/status", NULL, NULL, "BaragonAgentStatus", "503" },
	{ "GET", "/status/{serviceId}", NULL, NULL, "BasicServiceContext", "404 503" },
	{ "GET", "/renderedConfigs/{serviceId}", NULL, NULL, "[BaragonConfigFile]", "500 503" },
};
/* clang-format on */

/* Answers that no record stands for. */
static const char others[] =
	",\"BaragonAgentStatus\":{\"type\":\"object\",\"properties\":{\"group\":{\"type\":\"string\"},"
	"\"validConfigs\":{\"type\":\"boolean\"},\"errorMessage\":{\"type\":\"string\",\"nullable\":true},"
	"\"leader\":{\"type\":\"boolean\"},\"mostRecentRequestId\":{\"type\":\"string\",\"nullable\":true},"
	"\"zookeeperState\":{\"type\":\"string\"},\"agentInfo\":{\"$ref\":\"#/components/schemas/BaragonAgentMetadata\"},"
	"\"agentState\":{\"type\":\"string\",\"enum\":[\"BOOTSTRAPING\",\"ACCEPTING\",\"APPLYING\",\"DISCONNECTED\"]},"
	"\"stateErrors\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
	"\"directoryWatcherError\":{\"type\":\"string\",\"nullable\":true},"
	"\"lockstep\":{\"type\":\"object\",\"properties\":{\"incarnation\":{\"type\":\"string\",\"nullable\":true},"
	"\"settled\":{\"type\":\"boolean\"},\"services\":{\"type\":\"integer\"},\"proof\":{\"type\":\"string\",\"nullable\":true}}}}}"
	",\"BasicServiceContext\":{\"type\":\"object\",\"properties\":{\"service\":{\"$ref\":\"#/components/schemas/BaragonService\"},"
	"\"upstreams\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/components/schemas/UpstreamInfo\"}},"
	"\"timestamp\":{\"type\":\"integer\",\"format\":\"int64\"}}}"
	",\"BaragonConfigFile\":{\"type\":\"object\",\"properties\":{\"fullPath\":{\"type\":\"string\"},"
	"\"content\":{\"type\":\"string\"}}}";

void agent_openapi_get(struct http_request *rq, void *app)
{
	static const struct record *const records[] = { &batch_call_record, &batch_answer_record, &java_item_record,
		&java_answer_record, &request_record, &service_state_record, &agentinfo_record };
	const struct agent_api_options *opt = agent_api_opt(app);
	AUTO(buf_release) struct buf schemas = BUF_INIT, json = BUF_INIT;
	struct openapi doc = { .title = "lockstep-agent", .version = LOCKSTEP_VERSION, .context_path = opt->context_path, .rows = rows,
		.n_rows = ARRAY_LEN(rows) };

	schema_write(records, ARRAY_LEN(records), &schemas);
	buf_str(&schemas, others);
	doc.schemas = buf_cstr(&schemas);
	doc.routes = agent_api_routes(&doc.n_routes);
	openapi_print(&doc, &json);
	http_reply(&rq, 200, "application/json", &json);
}
