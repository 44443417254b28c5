/*
 * api_history.c - lists of requests: of one service with those that have ended, and the queue
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/records/listing.h"
#include "service/api/job.h"
#include "service/core/validate.h"

#include <string.h>

#define LIMIT_MAX 100000

/* --- history of a service --- */

static void on_history(void *ctx, const struct listing *h, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	buf_char(&json, '[');
	for (size_t i = 0; i < h->n_live; i++) {
		struct response resp = h->live[i];

		enqueue_add_answers(job, &resp);
		if (json.len > 1)
			buf_char(&json, ',');
		response_encode(&resp, &json);
	}
	for (size_t i = 0; i < h->n_past; i++) {
		if (json.len > 1)
			buf_char(&json, ',');
		buf_append(&json, h->past[i].p, h->past[i].n);
	}
	buf_char(&json, ']');
	job_reply(job, 200, &json);
}

static void run_history(struct job *job)
{
	listing_of_service(job->api->opt.store, job->life, job->id, *(const size_t *)job->own, on_history, job);
}

void api_request_history(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf none = BUF_INIT;
	const struct api *api = app;
	const char *id = http_param(rq, "serviceId");
	size_t *max = arena_alloc(a, sizeof(*max));

	*max = api->opt.history_fetch_max;
	if (!api_limit(&rq, *max, max))
		return;
	if (validate_name(id)) {
		job_start(app, &rq, false, id, max, &a, run_history);
		return;
	}
	buf_str(&none, "[]");
	api_reply_json(&rq, 200, &none);
}

/* --- the queue --- */

static void on_queue(void *ctx, const struct queued_id *items, size_t n, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	record_encode_list(&queued_id_record, items, n, &json);
	job_reply(job, 200, &json);
}

static void run_queue(struct job *job)
{
	listing_queue(job->api->opt.store, job->life, job->own, on_queue, job);
}

/* -1: no such state. */
static int state_named(const char *name)
{
	for (int i = 0; public_state_names[i] != NULL; i++)
		if (str_eq(public_state_names[i], name))
			return i;
	return -1;
}

void api_request_list(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct queue_filter *f = arena_alloc(a, sizeof(*f));
	const char *state = http_query(rq, "state");

	*f = (struct queue_filter){ arena_strdup(a, http_query(rq, "serviceId")), arena_strdup(a, http_query(rq, "group")), -1,
		LIMIT_MAX };
	if (state != NULL && (f->state = state_named(state)) < 0) {
		http_reply_error(&rq, 400, "state must be one of UNKNOWN, FAILED, WAITING, SUCCESS, CANCELING, CANCELED, "
					   "INVALID_REQUEST_NOOP");
		return;
	}
	if (api_limit(&rq, LIMIT_MAX, &f->limit))
		job_start(app, &rq, false, NULL, f, &a, run_queue);
}
