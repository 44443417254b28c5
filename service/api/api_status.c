/*
 * api_status.c - /status and /workers
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "lib/records/requests.h"
#include "lib/store/latch.h"
#include "service/api/job.h"

#include <stdlib.h>
#include <string.h>

/* --- /status --- */

static void write_status(const struct api *api, size_t pending, int64_t oldest_ms, struct buf *json)
{
	struct worker *w = api->opt.leader != NULL ? leader_worker(api->opt.leader) : NULL;
	int64_t now = loop_wall_ms(api->opt.loop);

	/* As Java: who never ran the worker reports the time itself as its lag. */
	buf_printf(json,
		"{\"leader\":%s,\"pendingRequestCount\":%zu,\"workerLagMs\":%lld,\"elbWorkerLagMs\":%lld,"
		"\"zookeeperState\":\"%s\",\"oldestPendingRequest\":%lld}",
		w != NULL ? "true" : "false", pending,
		(long long)(now - (w != NULL ? worker_last_turn_ms(w) : 0)), (long long)now,
		store_link_name(api->opt.store),
		(long long)(oldest_ms > 0 && now > oldest_ms ? now - oldest_ms : 0));
}

static void on_queue(void *ctx, const struct queued_id *items, size_t n, int64_t oldest_ms,
	const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	(void)items;
	write_status(job->api, err == NULL ? n : 0, err == NULL ? oldest_ms : 0, &json);
	job_reply(job, 200, &json);
}

static void run_status(struct job *job)
{
	requests_queue(job->api->opt.store, job->life, on_queue, job);
}

void api_status_get(struct http_request *rq, void *app)
{
	struct api *api = app;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (store_link(api->opt.store) == STORE_LINK_UP) {
		job_start(api, &rq, false, NULL, NULL, NULL, run_status);
		return;
	}
	write_status(api, 0, 0, &json);
	api_reply_json(&rq, 200, &json);
}

/* --- /workers --- */

struct participant {
	int64_t seq;
	const char *name;
};

static int by_seq(const void *x, const void *y)
{
	const struct participant *a = x, *b = y;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

static void on_uris(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;
	const size_t *n = job->own;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	buf_char(&json, '[');
	for (size_t i = 0; i < *n; i++) {
		const struct store_node *node = reader_node(r, i);

		if (node == NULL)
			continue;
		if (json.len > 1)
			buf_char(&json, ',');
		buf_json_string(&json, node->data, node->len);
	}
	buf_char(&json, ']');
	job_reply(job, 200, &json);
}

static void on_participants(void *ctx, struct reader **r_take, const struct error *err)
{
	struct job *job = ctx;
	const char *const *names;
	struct participant *line;
	struct reader *r;
	size_t n, *kept;

	if (err != NULL) {
		job_trouble(job, err);
		reader_free(r_take);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	line = arena_alloc(job->arena, (n + 1) * sizeof(*line));
	kept = arena_alloc(job->arena, sizeof(*kept));
	for (size_t i = 0; i < n; i++) {
		char guid[37];

		line[*kept].name = names[i];
		if (latch_parse_name(names[i], &line[*kept].seq, guid))
			(*kept)++;
	}
	qsort(line, *kept, sizeof(*line), by_seq);
	r = reader_next(r_take);
	for (size_t i = 0; i < *kept; i++)
		reader_get(r, path_join(r->arena, PATH_WORKERS, line[i].name));
	job->own = kept;
	reader_run(&r, on_uris, job);
}

static void run_workers(struct job *job)
{
	struct reader *r = reader_new(job->api->opt.store, job->life);

	reader_children(r, PATH_WORKERS);
	reader_run(&r, on_participants, job);
}

void api_status_workers(struct http_request *rq, void *app)
{
	job_start(app, &rq, false, NULL, NULL, NULL, run_workers);
}
