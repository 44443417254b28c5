/*
 * agent_api.h - the agent's HTTP side: its route table, keys, and what the handlers share
 *
 * Layer: agent/api.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_API_AGENT_API_H
#define AGENT_API_AGENT_API_H

#include "agent/link/link.h"
#include "lib/http/router.h"

struct agent_api_options {
	struct loop *loop;
	struct agent_link *link;
	const char *context_path;     /* "/baragon-agent/v2" */
	const struct link_options *link_options; /* group and metadata, for the status */
	bool auth_enabled;
	/* Is this key good for a leader's call? NULL: none is. */
	bool (*key_ok)(void *ctx, const char *key);
	void *ctx;
};

struct agent_api;
struct agent_api *agent_api_new(const struct agent_api_options *opt);
void agent_api_free(struct agent_api **api); /* calls still open are answered 503 */
struct router *agent_api_router(struct agent_api *api);

/* Private to agent/api: handlers get the agent_api as `app`. */
const struct agent_api_options *agent_api_opt(const struct agent_api *api);
struct batch_waiters *agent_api_batches(struct agent_api *api);

/* api_batch.c */
void api_batch_post(struct http_request *rq, void *app);
struct batch_waiters *api_batch_new(void);
void api_batch_free(struct batch_waiters **w);

#endif
