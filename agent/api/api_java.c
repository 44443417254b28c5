/*
 * api_java.c - what a Java service calls: POST /batch, /request/{id}, /purgeCache/{serviceId}
 *
 * The shapes are Java's to the letter, its readers are strict: an item has four keys, success has no message, and texts
 * are sent bare although they are called JSON.  What the link does not do, showing files and purging caches, is
 * done here after it; the answer waits for all of it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/api/agent_api.h"

#include "agent/link/java.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/model/javabatch.h"

#include <stdlib.h>
#include <string.h>

#define OPEN_MAX 64 /* calls; a Java service has three at most */
#define MESSAGE_MAX ((size_t)64 << 10)

struct java_wait {
	struct java_wait *prev, *next;
	struct java_waiters *all; /* NULL: the api has gone, and the answer with it */
	struct agent_api *api;
	struct http_request *rq;
	struct link_waiter *waiter; /* NULL: the link has answered */
	struct arena *arena;
	bool single;                /* no batch: one item, answered bare */
	struct java_answer *answers;
	size_t n;
	size_t open;                /* what is still being done after the link */
};

struct java_piece {
	struct java_wait *w;
	struct java_answer *answer;
};

struct java_waiters {
	struct java_wait *list;
	size_t n;
};

struct java_waiters *api_java_new(void)
{
	return xcalloc(1, sizeof(struct java_waiters));
}

static void leave(struct java_wait *w)
{
	DL_DELETE(w->all->list, w);
	w->all->n--;
	w->all = NULL;
}

static void wait_free(struct java_wait *w)
{
	if (w->all != NULL)
		leave(w);
	arena_free(&w->arena);
	free(w);
}

void api_java_free(struct java_waiters **wp)
{
	struct java_waiters *all = STEAL(*wp);

	if (all == NULL)
		return;
	while (all->list != NULL) {
		struct java_wait *w = all->list;
		bool last = w->open == 0;

		agent_link_forget(&w->waiter);
		http_reply_error(&w->rq, 503, "the agent is stopping");
		leave(w);
		if (last)
			wait_free(w);
	}
	free(all);
}

/* --- the answer ---------------------------------------------------------------------------------------------- */

static void reply(struct java_wait *w)
{
	struct buf body = BUF_INIT;

	if (!w->single) {
		java_answers_encode(w->answers, w->n, &body);
		http_reply(&w->rq, 200, "application/json", &body);
	} else if (w->answers[0].message == NULL) {
		http_reply(&w->rq, (int)w->answers[0].status_code, NULL, NULL);
	} else {
		buf_str(&body, w->answers[0].message);
		http_reply(&w->rq, (int)w->answers[0].status_code, "application/json", &body);
	}
}

static void settle(struct java_wait *w)
{
	if (--w->open > 0)
		return;
	if (w->all != NULL)
		reply(w);
	wait_free(w);
}

static struct java_piece *piece_of(struct java_wait *w, struct java_answer *answer)
{
	struct java_piece *p = arena_alloc(w->arena, sizeof(*p));

	*p = (struct java_piece){ w, answer };
	w->open++;
	return p;
}

static void on_rendered(void *ctx, int status, struct buf *body)
{
	struct java_piece *p = ctx;

	p->answer->status_code = status;
	p->answer->message = arena_strndup(p->w->arena, body->data != NULL ? body->data : "", body->len);
	settle(p->w);
}

/* Whatever the cache has said: it must be text here. */
static const char *clean(struct arena *a, const char *body, size_t n)
{
	char *text = arena_strndup(a, body, n < MESSAGE_MAX ? n : MESSAGE_MAX);

	for (char *c = text; !utf8_valid(text, strlen(text)) && *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	return text;
}

static void on_purged(void *ctx, int status, const char *body, size_t n)
{
	struct java_piece *p = ctx;

	p->answer->status_code = status >= 200 && status <= 599 ? status : 502;
	p->answer->message = n > 0 ? clean(p->w->arena, body, n) : NULL;
	settle(p->w);
}

static void purge(struct java_wait *w, struct java_answer *answer, const char *service_id)
{
	const struct agent_api_options *opt = agent_api_opt(w->api);

	answer->status_code = 500;
	if (agent_link_service(opt->link, service_id) == NULL)
		answer->message = arena_printf(w->arena, "Could not find service with serviceId=%s", service_id);
	else if (opt->purger == NULL)
		answer->message = "purgeCacheUriFormat is empty: there is no cache to purge";
	else
		purger_run(opt->purger, service_id, on_purged, piece_of(w, answer));
}

static void on_done(void *ctx, int status, const char *why, const struct java_result *results, size_t n)
{
	struct java_wait *w = ctx;

	w->waiter = NULL;
	http_on_gone(w->rq, NULL, NULL);
	if (status != 200) {
		if (status == 503)
			http_reply_header(w->rq, "Retry-After", "1");
		http_reply_error(&w->rq, status, why);
		wait_free(w);
		return;
	}
	ASSERT(n == w->n);
	w->open = 1;
	for (size_t i = 0; i < n; i++) {
		struct java_answer *answer = &w->answers[i];

		answer->status_code = results[i].status;
		answer->message = arena_strdup(w->arena, results[i].message);
		if (results[i].status != 200)
			continue;
		if (results[i].more == JAVA_SHOW_FILES)
			agent_rendered_of(agent_api_opt(w->api), results[i].service_id,
				w->single ? RENDERED_JSON : RENDERED_JAVA_TEXT, on_rendered, piece_of(w, answer));
		else if (results[i].more == JAVA_PURGE)
			purge(w, answer, results[i].service_id);
	}
	settle(w);
}

/* --- the calls ------------------------------------------------------------------------------------------------- */

/* The caller counts it as failed: what has not begun is dropped. */
static void on_gone(void *ctx)
{
	struct java_wait *w = ctx;

	agent_link_forget(&w->waiter);
	http_reply_error(&w->rq, 503, "gone");
	wait_free(w);
}

/* NULL: refused. */
static struct java_wait *wait_new(struct http_request **rq_take, struct agent_api *api, bool single, size_t n)
{
	struct java_waiters *all = agent_api_java(api);
	struct java_wait *w;

	if (all->n >= OPEN_MAX) {
		http_reply_header(*rq_take, "Retry-After", "1");
		http_reply_error(rq_take, 503, "too many calls wait already");
		return NULL;
	}
	w = xcalloc(1, sizeof(*w));
	*w = (struct java_wait){ .all = all, .api = api, .rq = STEAL(*rq_take), .arena = arena_new(), .single = single, .n = n };
	w->answers = arena_alloc(w->arena, (n + 1) * sizeof(*w->answers));
	memset(w->answers, 0, (n + 1) * sizeof(*w->answers));
	DL_APPEND(all->list, w);
	all->n++;
	return w;
}

static void instruct(struct java_wait *w, const struct java_instruction *list)
{
	http_on_gone(w->rq, on_gone, w);
	w->waiter = agent_link_java(agent_api_opt(w->api)->link, list, w->n, on_done, w);
}

static struct java_instruction instruction_of(const struct java_item *it)
{
	bool purge_type = it->type == JAVA_PURGE_CACHE && it->action == ACTION_NONE;

	return (struct java_instruction){ .request_id = it->request_id, .action = purge_type ? ACTION_PURGE_CACHE : it->action,
		.revert = it->type == JAVA_REVERT || it->type == JAVA_CANCEL };
}

void api_java_batch(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct slice body = http_body(rq);
	struct error err = ERROR_INIT;
	struct java_instruction *list;
	struct java_items items;
	struct java_wait *w;

	if (java_items_decode(body.p, body.n, a, &items, &err) != 0) {
		http_reply_error(&rq, 400, err.text);
		return;
	}
	if (items.n == 0) { /* a Java service sends that to agents that have nothing to do */
		struct buf none = BUF_INIT;

		buf_str(&none, "[]");
		http_reply(&rq, 200, "application/json", &none);
		return;
	}
	w = wait_new(&rq, app, false, items.n);
	if (w == NULL)
		return;
	list = arena_alloc(a, items.n * sizeof(*list));
	for (size_t i = 0; i < items.n; i++) {
		list[i] = instruction_of(&items.items[i]);
		w->answers[i].request_id = arena_strdup(w->arena, items.items[i].request_id);
		w->answers[i].type = items.items[i].type;
	}
	instruct(w, list);
}

static void single(struct http_request *rq, void *app, struct java_instruction in)
{
	struct java_wait *w;

	in.request_id = http_param(rq, "requestId");
	w = wait_new(&rq, app, true, 1);
	if (w != NULL)
		instruct(w, &in);
}

void api_java_apply(struct http_request *rq, void *app)
{
	single(rq, app, (struct java_instruction){ .own_action = true, .action = ACTION_NONE });
}

void api_java_revert(struct http_request *rq, void *app)
{
	single(rq, app, (struct java_instruction){ .revert = true, .action = ACTION_NONE });
}

void api_java_literal(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct slice body = http_body(rq);
	struct error err = ERROR_INIT;
	struct request *literal;

	if (request_decode(body.p, body.n, a, &literal, &err) != 0) {
		http_reply_error(&rq, 400, err.text);
		return;
	}
	if (!str_eq(literal->id, http_param(rq, "requestId"))) {
		http_reply_error(&rq, 400, "loadBalancerRequestId: is not that of the path");
		return;
	}
	single(rq, app, (struct java_instruction){ .action = ACTION_UPDATE, .literal = literal });
}

void api_java_purge(struct http_request *rq, void *app)
{
	struct java_wait *w = wait_new(&rq, app, true, 1);

	if (w == NULL)
		return;
	w->open = 1;
	purge(w, &w->answers[0], http_param(w->rq, "serviceId"));
	settle(w);
}
