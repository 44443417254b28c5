/*
 * api_status.c - /status and /workers
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "lib/records/requests.h"
#include "lib/store/latch.h"
#include "service/api/job.h"

#include <stdlib.h>
#include <string.h>

#define MASTER_MS 1000 /* for the leader to answer */

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

static void reply_own(struct http_request *rq, struct api *api)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (store_link(api->opt.store) == STORE_LINK_UP) {
		job_start(api, &rq, false, NULL, NULL, NULL, run_status);
		return;
	}
	write_status(api, 0, 0, &json);
	api_reply_json(&rq, 200, &json);
}

void api_status_get(struct http_request *rq, void *app)
{
	reply_own(rq, app);
}

/* --- healthcheck --- */

/* A service can do nothing without ZooKeeper, and nothing else is its own. */
size_t api_status_health(void *app, struct admin_check *out)
{
	struct api *api = app;

	out[0] = (struct admin_check){ "ZooKeeperHealthcheck", store_link(api->opt.store) == STORE_LINK_UP,
		store_link_name(api->opt.store) };
	return 1;
}

/* --- the line of the election --- */

struct participant {
	int64_t seq;
	const char *name;
};

/* Lives in the job's arena. */
struct line {
	struct job *job;
	size_t n;
	void (*told)(struct job *job, const struct strings *uris); /* the leader's first */
};

static int by_seq(const void *x, const void *y)
{
	const struct participant *a = x, *b = y;

	return (a->seq > b->seq) - (a->seq < b->seq);
}

static void on_uris(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	const struct line *line = ctx;
	struct strings uris = { NULL, 0 };

	if (err != NULL) {
		job_trouble(line->job, err);
		return;
	}
	for (size_t i = 0; i < line->n; i++) {
		const struct store_node *node = reader_node(r, i);

		if (node != NULL && utf8_valid(node->data, node->len))
			strings_add(&uris, r->arena,
				arena_strndup(r->arena, node->data, node->len));
	}
	line->told(line->job, &uris);
}

static void on_participants(void *ctx, struct reader **r_take, const struct error *err)
{
	struct line *line = ctx;
	const char *const *names;
	struct participant *all;
	struct reader *r;
	size_t n;

	if (err != NULL) {
		job_trouble(line->job, err);
		reader_free(r_take);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	all = arena_alloc((*r_take)->arena, (n + 1) * sizeof(*all));
	for (size_t i = 0; i < n; i++) {
		char guid[37];

		all[line->n].name = names[i];
		if (latch_parse_name(names[i], &all[line->n].seq, guid))
			line->n++;
	}
	qsort(all, line->n, sizeof(*all), by_seq);
	r = reader_next(r_take);
	for (size_t i = 0; i < line->n; i++)
		reader_get(r, path_join(r->arena, PATH_WORKERS, all[i].name));
	reader_run(&r, on_uris, line);
}

static void read_line(struct job *job, void (*told)(struct job *job, const struct strings *uris))
{
	struct reader *r = reader_new(job->api->opt.store, job->life);
	struct line *line = arena_alloc(job->arena, sizeof(*line));

	*line = (struct line){ job, 0, told };
	reader_children(r, PATH_WORKERS);
	reader_run(&r, on_participants, line);
}

/* --- /workers --- */

static void reply_uris(struct job *job, const struct strings *uris)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_char(&json, '[');
	for (size_t i = 0; i < uris->n; i++) {
		if (i > 0)
			buf_char(&json, ',');
		buf_json_string(&json, uris->items[i], strlen(uris->items[i]));
	}
	buf_char(&json, ']');
	job_reply(job, 200, &json);
}

static void run_workers(struct job *job)
{
	read_line(job, reply_uris);
}

void api_status_workers(struct http_request *rq, void *app)
{
	job_start(app, &rq, false, NULL, NULL, NULL, run_workers);
}

/* --- /status/master: the leader is asked; whatever goes wrong, it is our own that is told --- */

static void on_master(void *ctx, const struct call_result *res)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	job->call = NULL;
	if (res->end != CALL_ANSWERED || res->status != 200 || res->len == 0 ||
		res->body[0] != '{') {
		run_status(job);
		return;
	}
	buf_append(&json, res->body, res->len);
	job_reply(job, 200, &json);
}

static void ask_first(struct job *job, const struct strings *uris)
{
	AUTO(xfree_p) char *url = uris->n > 0 ? xasprintf("%s/status", uris->items[0]) : NULL;

	if (url == NULL)
		run_status(job);
	else
		job->call = client_call(
			job->api->opt.client, url, NULL, LOOP_MS(MASTER_MS), on_master, job);
}

static void run_master(struct job *job)
{
	read_line(job, ask_first);
}

void api_status_master(struct http_request *rq, void *app)
{
	struct api *api = app;
	bool leads = api->opt.leader != NULL && leader_leads(api->opt.leader);

	if (leads || api->opt.client == NULL || store_link(api->opt.store) != STORE_LINK_UP)
		reply_own(rq, api);
	else
		job_start(api, &rq, false, NULL, NULL, NULL, run_master);
}
