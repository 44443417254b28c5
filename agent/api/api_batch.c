/*
 * api_batch.c - POST /lockstep/batch: one call of a leader, answered when it is done
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "lib/base/map.h"

#include <stdlib.h>

struct batch_wait {
	struct batch_wait *prev, *next;
	struct batch_waiters *all;
	struct http_request *rq;
	struct link_waiter *waiter;
};

struct batch_waiters {
	struct batch_wait *list;
};

struct batch_waiters *api_batch_new(void)
{
	return xcalloc(1, sizeof(struct batch_waiters));
}

static void wait_free(struct batch_wait *w)
{
	DL_DELETE(w->all->list, w);
	free(w);
}

void api_batch_free(struct batch_waiters **wp)
{
	struct batch_waiters *all = STEAL(*wp);

	if (all == NULL)
		return;
	while (all->list != NULL) {
		struct batch_wait *w = all->list;

		agent_link_forget(&w->waiter);
		http_reply_error(&w->rq, 503, "the agent is stopping");
		wait_free(w);
	}
	free(all);
}

static void on_answer(void *ctx, int status, const struct batch_answer *ans)
{
	struct batch_wait *w = ctx;
	struct http_request *rq = STEAL(w->rq);
	struct buf body = BUF_INIT;

	wait_free(w);
	batch_answer_encode(ans, &body);
	if (status == 503)
		http_reply_header(rq, "Retry-After", "1");
	http_reply(&rq, status, "application/json", &body);
}

/* The leader has given up waiting: it asks again if it still wants to know, and joins the run. */
static void on_gone(void *ctx)
{
	struct batch_wait *w = ctx;

	agent_link_forget(&w->waiter);
	http_reply_error(&w->rq, 503, "gone");
	wait_free(w);
}

void api_batch_post(struct http_request *rq, void *app)
{
	struct agent_api *api = app;
	AUTO(arena_free) struct arena *a = arena_new();
	struct error err = ERROR_INIT;
	struct slice body = http_body(rq);
	struct batch_call *call;
	struct batch_wait *w;

	if (batch_call_decode(body.p, body.n, a, &call, &err) != 0) {
		http_reply_error(&rq, 400, err.text);
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->all = agent_api_batches(api);
	w->rq = rq;
	DL_APPEND(w->all->list, w);
	http_on_gone(rq, on_gone, w);
	w->waiter = agent_link_call(agent_api_opt(api)->link, call, on_answer, w);
}
