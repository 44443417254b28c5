/*
 * job.c - one HTTP request that needs more than a turn
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/job.h"

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SOON_US LOOP_MS(20)
#define BEHIND_MAX_US LOOP_MS(500)

static void on_deadline(void *ctx)
{
	struct job *job = ctx;

	if (job->asks_others)
		job_reply_error(job, 504, "neither ZooKeeper nor an agent has answered in time");
	else if (!job->changes)
		job_reply_error(job, 504, "ZooKeeper cannot be reached");
	else if (job->writing || job->maybe)
		job_reply_error(job, 504,
			"ZooKeeper did not answer: maybe done; ask for it, or send it again with the same id");
	else
		job_reply_error(job, 504, "ZooKeeper cannot be reached: not done");
}

static void on_again(void *ctx)
{
	struct job *job = ctx;

	job->run(job);
}

static struct job *job_new(struct api *api, struct http_request **rq_take, const char *id, struct arena **arena_take,
	void (*run)(struct job *job), int64_t us)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->api = api;
	job->rq = STEAL(*rq_take);
	job->life = life_new();
	job->arena = arena_take != NULL ? STEAL(*arena_take) : arena_new();
	job->id = arena_strdup(job->arena, id);
	job->run = run;
	job->deadline = (struct loop_timer){ .fn = on_deadline, .ctx = job };
	job->again = (struct loop_timer){ .fn = on_again, .ctx = job };
	DL_APPEND(api->jobs, job);
	loop_timer_start(api->opt.loop, &job->deadline, us);
	return job;
}

void job_start(struct api *api, struct http_request **rq_take, bool changes, const char *id,
	void *own, struct arena **arena_take, void (*run)(struct job *job))
{
	struct job *job = job_new(api, rq_take, id, arena_take, run, LOOP_MS(api->opt.deadline_ms));

	job->changes = changes;
	job->own = own;
	run(job);
}

void job_start_for(struct api *api, struct http_request **rq_take, int64_t us, const char *id, void (*run)(struct job *job))
{
	struct job *job = job_new(api, rq_take, id, NULL, run, us);

	job->asks_others = true;
	run(job);
}

struct http_request *job_take_request(struct job *job)
{
	struct http_request *rq = STEAL(job->rq);
	struct loop *l = job->api->opt.loop;

	DL_DELETE(job->api->jobs, job);
	loop_timer_stop(l, &job->deadline);
	loop_timer_stop(l, &job->again);
	if (job->call != NULL)
		call_cancel(&job->call);
	life_end(&job->life);
	arena_free(&job->arena);
	free(job);
	return rq;
}

void job_again(struct job *job, int64_t after_us)
{
	loop_timer_start(job->api->opt.loop, &job->again, after_us);
}

bool api_is_behind(const struct api *api)
{
	bool leads = api->opt.leader != NULL && leader_worker(api->opt.leader) != NULL;

	return !leads && !state_cache_current(api->opt.cache);
}

bool job_has_state(struct job *job)
{
	const struct state_cache *cache = job->api->opt.cache;
	int64_t now = loop_now(job->api->opt.loop);

	if (!state_cache_ready(cache))
		return false;
	if (!api_is_behind(job->api))
		return true;
	if (job->behind_since == 0) {
		job->behind_since = now;
		job->behind_load = state_cache_loads(cache);
	}
	/* Others may go on committing: the load after the one that ran then has seen what was there. */
	return state_cache_loads(cache) > job->behind_load + 1 || now - job->behind_since >= BEHIND_MAX_US;
}

void job_trouble(struct job *job, const struct error *err)
{
	job->writing = false;
	switch (err->code) {
	case ERR_MAYBE_DONE:
		job->maybe = true;
		break;
	case ERR_NOT_DONE:
	case ERR_CONFLICT: /* it moved under us: from the beginning */
		break;
	case ERR_INVALID:
		job_reply_error(job, 400, err->text);
		return;
	case ERR_NOT_FOUND:
	case ERR_REFUSED:
	case ERR_DEPOSED:
	case ERR_SYSTEM:
		log_error(NULL, "store refused", "route", http_pattern(job->rq), "reason", err->text);
		job_reply_error(job, 500, err->text);
		return;
	}
	job->waiting = store_link(job->api->opt.store) != STORE_LINK_UP;
	if (!job->waiting)
		job_again(job, SOON_US);
}

/* --- answers --- */

void api_reply_json(struct http_request **rq, int status, struct buf *json)
{
	http_reply(rq, status, json != NULL ? "application/json" : NULL, json);
}

/* Java answers an HTML page, which no client reads; an object with Content-Type suits all of them.
 */
void api_reply_not_found(struct http_request **rq)
{
	http_reply_error(rq, 404, "HTTP 404 Not Found");
}

bool api_flag(const struct http_request *rq, const char *name)
{
	const char *v = http_query(rq, name);

	return v != NULL && strcasecmp(v, "true") == 0;
}

void api_reply_problems(struct http_request **rq, const struct strings *problems)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_str(&json, "{\"errors\":[");
	for (size_t i = 0; i < problems->n; i++) {
		if (i > 0)
			buf_char(&json, ',');
		buf_json_string(&json, problems->items[i], strlen(problems->items[i]));
	}
	buf_str(&json, "]}");
	api_reply_json(rq, 422, &json);
}

bool api_body_is_blank(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n", s.p[i]) == NULL)
			return false;
	return true;
}

bool api_limit(struct http_request **rq, size_t max, size_t *out)
{
	const char *text = http_query(*rq, "limit");
	AUTO(buf_release) struct buf why = BUF_INIT;
	int64_t n;

	if (text == NULL)
		return true;
	if (!str_to_i64(text, 1, (int64_t)max, &n)) {
		buf_printf(&why, "limit must be a number from 1 to %zu", max);
		http_reply_error(rq, 400, buf_cstr(&why));
		return false;
	}
	*out = (size_t)n;
	return true;
}

void job_reply(struct job *job, int status, struct buf *json)
{
	struct http_request *rq = job_take_request(job);

	api_reply_json(&rq, status, json);
}

void job_reply_error(struct job *job, int status, const char *message)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct http_request *rq;

	buf_str(&text, message); /* it may live in the arena */
	rq = job_take_request(job);
	http_reply_error(&rq, status, buf_cstr(&text));
}

void job_reply_response(struct job *job, const struct response *resp)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	response_encode(resp, &json);
	job_reply(job, 200, &json);
}

void job_reply_synthetic(
	struct job *job, const char *request_id, enum public_state state, const char *message)
{
	const struct response resp = { .request_id = request_id,
		.state = (int)state,
		.message = message,
		.no_agent_responses = true };

	job_reply_response(job, &resp);
}
