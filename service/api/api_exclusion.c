/*
 * api_exclusion.c - /load-balancer/{group}/excluded: hosts that do not count, by an operator's word
 *
 * Nobody waits for such a host and nothing is promised of it; its agent goes on as it can.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/records/exclusion.h"
#include "service/api/job.h"
#include "service/core/validate.h"

#include <string.h>

#define BY_MAX 200 /* bytes */

static void write_row(const struct exclusion *ex, struct buf *json)
{
	buf_str(json, "{\"agentId\":");
	buf_json_string(json, ex->agent_id, strlen(ex->agent_id));
	buf_str(json, ",\"by\":");
	if (ex->by != NULL)
		buf_json_string(json, ex->by, strlen(ex->by));
	else
		buf_str(json, "null");
	buf_printf(json, ",\"since\":%lld}", (long long)ex->since_ms);
}

static void on_list(void *ctx, const struct exclusion *list, size_t n, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	buf_char(&json, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&json, ',');
		write_row(&list[i], &json);
	}
	buf_char(&json, ']');
	job_reply(job, 200, &json);
}

static void run_list(struct job *job)
{
	exclusions_read(job->api->opt.store, job->life, job->id, on_list, job);
}

void api_exclusion_list(struct http_request *rq, void *app)
{
	const char *group = http_param(rq, "group");
	AUTO(buf_release) struct buf none = BUF_INIT;

	buf_str(&none, "[]");
	if (validate_name(group))
		job_start(app, &rq, false, group, NULL, NULL, run_list);
	else
		api_reply_json(&rq, 200, &none);
}

/* --- changes --- */

static void on_row(void *ctx, const struct exclusion *list, size_t n, const struct error *err)
{
	struct job *job = ctx;
	const struct exclusion *ex = job->own;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (strcmp(list[i].agent_id, ex->agent_id) == 0)
			ex = &list[i]; /* an earlier one stays as it is */
	write_row(ex, &json);
	job_reply(job, 200, &json);
}

static void on_made(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const struct exclusion *ex = job->own;

	job->writing = false;
	if (err != NULL && err->code == ERR_NOT_FOUND) {
		job_reply_error(job, 404, err->text);
	} else if (err != NULL) {
		job_trouble(job, err);
	} else {
		log_warn(NULL, "host excluded: it does not count", "group", job->id, "agent", ex->agent_id, "by", ex->by, "peer",
			http_peer(job->rq));
		exclusions_read(job->api->opt.store, job->life, job->id, on_row, job);
	}
}

static void run_make(struct job *job)
{
	struct exclusion *ex = job->own;

	ex->since_ms = loop_wall_ms(job->api->opt.loop);
	job->writing = true;
	exclusion_make(job->api->opt.store, job->life, job->id, ex, on_made, job);
}

void api_exclusion_make(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *group = http_param(rq, "group"), *by = http_query(rq, "by");
	struct exclusion *ex = arena_alloc(a, sizeof(*ex));

	*ex = (struct exclusion){ .agent_id = arena_strdup(a, http_param(rq, "agentId")) };
	ex->by = arena_strdup(a, by != NULL && *by != '\0' ? by : http_peer(rq));
	if (by != NULL && strlen(by) > BY_MAX)
		http_reply_error(&rq, 400, "by must not be longer than 200 bytes");
	else if (validate_name(group) && validate_name(ex->agent_id))
		job_start(app, &rq, true, group, ex, &a, run_make);
	else
		api_reply_not_found(&rq);
}

static void on_ended(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const char *agent = job->own;

	job->writing = false;
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	log_info(NULL, "host counts again, if it is a member", "group", job->id, "agent", agent, "peer", http_peer(job->rq));
	job_reply(job, 204, NULL);
}

static void run_end(struct job *job)
{
	job->writing = true;
	exclusion_end(job->api->opt.store, job->life, job->id, job->own, on_ended, job);
}

void api_exclusion_end(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *group = http_param(rq, "group");
	char *agent = arena_strdup(a, http_param(rq, "agentId"));

	if (validate_name(group) && validate_name(agent))
		job_start(app, &rq, true, group, agent, &a, run_end);
	else
		http_reply(&rq, 204, NULL, NULL);
}
