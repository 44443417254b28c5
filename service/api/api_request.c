/*
 * api_request.c - /request: post, look up, cancel
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/records/requests.h"
#include "service/api/job.h"
#include "service/api/wait.h"
#include "service/core/scheduler.h"
#include "service/core/validate.h"

#include <string.h>

#define CANCEL_AGAIN_US LOOP_MS(5)

/* --- POST --- */

static void run_post(struct job *job)
{
	enqueue_posted(job, job->own);
}

struct malformed {
	struct strings problems;
	const char *service_id;
};

/* Whether that could be written or not, and if the id is known already: it is as wrong as before. */
static void on_malformed(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const struct malformed *m = job->own;
	AUTO(arena_free) struct arena *a = STEAL(job->arena); /* the texts are in it */
	struct http_request *rq = job_take_request(job);

	(void)a;
	(void)err;
	api_reply_problems(&rq, &m->problems);
}

static void run_malformed(struct job *job)
{
	const struct malformed *m = job->own;
	const struct response resp = { .request_id = job->id,
		.state = STATE_FAILED,
		.message = scheduler_malformed_text(&m->problems, job->arena),
		.no_agent_responses = true };

	job->writing = true;
	requests_put_rejected(job->api->opt.store, job->life, &resp, m->service_id, on_malformed, job);
}

/* A scheduler asks for its id all the same, and takes "unknown" for "wait". */
static void refuse_malformed(
	struct api *api, struct http_request **rq, const struct request *posted, const struct strings *problems, struct arena **a)
{
	struct malformed *m = arena_alloc(*a, sizeof(*m));

	*m = (struct malformed){ *problems, posted->service->id };
	if (validate_id(posted->id) && validate_id(posted->service->id) &&
		store_link(api->opt.store) == STORE_LINK_UP)
		job_start(api, rq, true, posted->id, m, a, run_malformed);
	else
		api_reply_problems(rq, problems);
}

void api_request_post(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct strings problems = { NULL, 0 };
	struct request *posted;

	if (!api_body(&rq, &request_record, a, &posted))
		return;
	validate_request(posted, ((struct api *)app)->opt.upstream_syntax, a, &problems);
	if (problems.n > 0)
		refuse_malformed(app, &rq, posted, &problems, &a);
	else
		job_start(app, &rq, true, posted->id, posted, &a, run_post);
}

/* --- GET --- */

static void on_found(void *ctx, const struct requests_found *found, const struct error *err)
{
	struct job *job = ctx;
	struct response resp;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	if (found->resp == NULL) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
		return;
	}
	resp = *found->resp;
	if (found->live)
		enqueue_add_answers(job, &resp);
	job_reply_response(job, &resp);
}

static bool look_in_memory(const struct api *api, const char *id, struct buf *json)
{
	const struct leader *ld = api->opt.leader;
	struct worker *w = ld != NULL ? leader_worker(ld) : NULL;

	return w != NULL && worker_look(w, id, json);
}

/* Again after trouble: this service may lead by then. */
static void run_get(struct job *job)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (look_in_memory(job->api, job->id, &json)) {
		job_reply(job, 200, &json);
		return;
	}
	requests_look(job->api->opt.store, job->life, job->id, on_found, job);
}

static void answer_get(struct http_request *rq, struct api *api)
{
	const char *id = http_param(rq, "requestId");
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (look_in_memory(api, id, &json))
		api_reply_json(&rq, 200, &json);
	else
		job_start(api, &rq, false, id, NULL, NULL, run_get);
}

void api_request_get(struct http_request *rq, void *app)
{
	const char *id = http_param(rq, "requestId");

	if (validate_name(id))
		wait_for_request(app, rq, id, answer_get);
	else
		api_reply_not_found(&rq);
}

/* --- DELETE: cancel --- */

static void reply_unknown(struct job *job)
{
	job_reply_synthetic(job, job->id, STATE_CANCELED,
		arena_printf(job->arena, "Request %s does not exist", job->id));
}

static void on_cancelled(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	struct leader *ld = job->api->opt.leader;
	struct buf *json = job->own;
	AUTO(buf_release) struct buf answer = BUF_INIT;

	job->writing = false;
	if (err != NULL && err->code == ERR_CONFLICT) {
		job_again(job, CANCEL_AGAIN_US);
		return;
	}
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	if (ld != NULL && leader_worker(ld) != NULL)
		worker_cancelled(leader_worker(ld), job->id);
	buf_append(&answer, json->data, json->len);
	job_reply(job, 200, &answer);
}

static void on_found_to_cancel(
	void *ctx, const struct requests_found *found, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct response resp;
	struct buf *kept;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	job->maybe = false;
	if (found->resp == NULL) {
		reply_unknown(job);
		return;
	}
	resp = *found->resp;
	if (found->live)
		enqueue_add_answers(job, &resp);
	if (!found->live ||
		internal_state_public((enum internal_state)found->internal) != STATE_WAITING) {
		job_reply_response(job, &resp);
		return;
	}
	/* What it will be, while it can be read. */
	resp.state = STATE_CANCELING;
	response_encode(&resp, &json);
	kept = arena_alloc(job->arena, sizeof(*kept));
	kept->data = arena_strndup(job->arena, json.data, json.len);
	kept->len = json.len;
	job->own = kept;
	job->writing = true;
	requests_cancel(
		job->api->opt.store, job->life, job->id, found->status_version, on_cancelled, job);
}

static void run_cancel(struct job *job)
{
	requests_look(job->api->opt.store, job->life, job->id, on_found_to_cancel, job);
}

static void run_unknown(struct job *job)
{
	reply_unknown(job);
}

void api_request_delete(struct http_request *rq, void *app)
{
	const char *id = http_param(rq, "requestId");

	job_start(app, &rq, true, id, NULL, NULL, validate_name(id) ? run_cancel : run_unknown);
}
