/*
 * agent_metrics_get.c - GET /metrics of the agent; HAProxy is asked whether it lives, on another thread
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "agent/apply/agent_metrics.h"
#include "agent/apply/pipeline.h"
#include "lib/base/life.h"
#include "lib/http/http_metrics.h"

#include <stdlib.h>

struct asking {
	struct http_request *rq;
	struct agent_api *api;
	struct life *life; /* of the api: it may be freed meanwhile */
	const char *stats_socket;
	bool up;
};

static void set(const struct agent_api_options *opt, enum agent_metric row, double v)
{
	metrics_set(opt->metrics, (size_t)row, METRIC_PLAIN, v);
}

static void print(struct http_request **rq, const struct agent_api_options *opt)
{
	struct link_status s = { .phase = LINK_STARTING };

	if (opt->link != NULL)
		agent_link_status(opt->link, &s);
	set(opt, METRIC_REGISTERED, s.incarnation != NULL);
	set(opt, METRIC_SETTLED, s.settled);
	set(opt, METRIC_HERE, (double)s.services);
	http_metrics_reply(rq, opt->metrics);
}

static void work(void *ctx)
{
	struct asking *a = ctx;

	a->up = apply_haproxy_answers(a->stats_socket);
}

static void worked(void *ctx)
{
	struct asking *a = ctx;

	if (a->life->over) {
		http_reply_error(&a->rq, 503, "the agent is stopping");
	} else {
		set(agent_api_opt(a->api), METRIC_HAPROXY, a->up);
		print(&a->rq, agent_api_opt(a->api));
	}
	life_unref(&a->life);
	free(a);
}

void agent_metrics_get(struct http_request *rq, void *app)
{
	struct agent_api *api = app;
	const struct agent_api_options *opt = agent_api_opt(api);
	struct asking *a;

	if (opt->stats_socket == NULL || *opt->stats_socket == '\0') {
		print(&rq, opt);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	*a = (struct asking){ .rq = rq, .api = api, .life = life_ref(agent_api_life(api)), .stats_socket = opt->stats_socket };
	loop_job(opt->loop, work, worked, a);
}
