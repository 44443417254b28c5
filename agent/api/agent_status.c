/*
 * agent_status.c - GET /status as Java's agent has it, and what must run here of one service
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "lib/model/record.h"

#include <string.h>

/* Java's words. ACCEPTING means that a leader's next batch would be taken: registered, and what runs is what must run. */
static const char *state_name(const struct link_status *s)
{
	switch (s->phase) {
	case LINK_STARTING:
	case LINK_JOINING:
		return "BOOTSTRAPING";
	case LINK_DISCONNECTED:
		return "DISCONNECTED";
	case LINK_READY:
		break;
	}
	if (s->busy)
		return "APPLYING";
	return s->settled ? "ACCEPTING" : "BOOTSTRAPING";
}

static void put_text(struct buf *b, const char *s)
{
	if (s == NULL)
		buf_str(b, "null");
	else
		buf_json_string(b, s, strlen(s));
}

static const char *truth(bool b)
{
	return b ? "true" : "false";
}

/* What Java's agent does not have; its readers skip unknown keys here. */
static void put_own(struct buf *b, const struct link_status *s, const char *proof)
{
	buf_str(b, ",\"lockstep\":{\"incarnation\":");
	put_text(b, s->incarnation);
	buf_printf(b, ",\"settled\":%s,\"services\":%zu,\"proof\":", truth(s->settled), s->services);
	put_text(b, proof);
	buf_str(b, "}");
}

void agent_status_get(struct http_request *rq, void *app)
{
	struct agent_api *api = app;
	const struct agent_api_options *opt = agent_api_opt(api);
	struct buf b = BUF_INIT;
	struct link_status s;

	agent_link_status(opt->link, &s);
	buf_str(&b, "{\"group\":");
	put_text(&b, opt->link_options->group_name);
	buf_printf(&b, ",\"validConfigs\":%s,\"errorMessage\":", truth(s.trouble == NULL));
	put_text(&b, s.trouble);
	buf_printf(&b, ",\"leader\":%s,\"mostRecentRequestId\":", truth(s.first_in_group));
	put_text(&b, s.last_request);
	buf_str(&b, ",\"zookeeperState\":");
	put_text(&b, s.zookeeper);
	buf_str(&b, ",\"agentInfo\":");
	record_encode(&agentinfo_record, opt->link_options->info, &b);
	buf_printf(&b, ",\"agentState\":\"%s\",\"stateErrors\":[", state_name(&s));
	if (s.trouble != NULL)
		put_text(&b, s.trouble);
	buf_str(&b, "],\"directoryWatcherError\":null");
	put_own(&b, &s, agent_api_proof(api));
	buf_char(&b, '}');
	http_reply(&rq, 200, "application/json", &b);
}

/* {"service":…,"upstreams":[…],"timestamp":…}: the time is that of the answer, for that is when it was so. */
void agent_status_service(struct http_request *rq, void *app)
{
	const struct agent_api_options *opt = agent_api_opt(app);
	const struct target_service *t = agent_link_service(opt->link, http_param(rq, "serviceId"));
	struct buf b = BUF_INIT;

	if (t == NULL) {
		http_reply_error(&rq, 404, "HTTP 404 Not Found");
		return;
	}
	record_encode(&service_state_record, &t->state, &b);
	ASSERT(b.len > 0 && b.data[b.len - 1] == '}');
	buf_truncate(&b, b.len - 1);
	buf_printf(&b, ",\"timestamp\":%lld}", (long long)loop_wall_ms(opt->loop));
	http_reply(&rq, 200, "application/json", &b);
}

/* Java's names. Its load-balancer check runs the check command each time; here it is what the last work on this host has shown,
 * for nothing is written that was not checked. */
size_t agent_status_health(void *app, struct admin_check *out)
{
	const struct agent_api_options *opt = agent_api_opt(app);
	struct link_status s = { .trouble = "the agent is starting", .zookeeper = "Connection state is null" };
	bool connected;

	if (opt->link != NULL)
		agent_link_status(opt->link, &s);
	connected = s.zookeeper != NULL && (strcmp(s.zookeeper, "CONNECTED") == 0 || strcmp(s.zookeeper, "RECONNECTED") == 0);
	out[0] = (struct admin_check){ "LoadBalancerHealthcheck", s.trouble == NULL, s.trouble };
	out[1] = (struct admin_check){ "ZooKeeperHealthcheck", connected, s.zookeeper };
	return 2;
}
