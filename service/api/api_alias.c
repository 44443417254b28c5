/*
 * api_alias.c - /aliases: names that stand for groups and domains
 *
 * Requests that are queued already keep what they were expanded to.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"
#include "lib/records/node_put.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/api/job.h"
#include "service/core/expand.h"
#include "service/core/validate.h"

static const char *alias_path(struct job *job)
{
	return path_join(job->arena, PATH_ALIASES, job->id);
}

static void on_alias(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct job *job = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct error unreadable = ERROR_INIT;
	struct group_alias *alias;

	if (err != NULL) {
		job_trouble(job, err);
	} else if (node == NULL || node->len == 0) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
	} else if (record_decode(&group_alias_record, node->data, node->len, r->arena, &alias,
			   &unreadable) != 0) {
		job_reply_error(job, 500,
			arena_printf(job->arena, "The alias is stored in a form that cannot be read: %s",
				unreadable.text));
	} else {
		record_encode(&group_alias_record, alias, &json);
		job_reply(job, 200, &json);
	}
}

static void run_get(struct job *job)
{
	struct reader *r = reader_new(job->api->opt.store, job->life);

	reader_sync_first(r); /* 404 is to be true */
	reader_get(r, alias_path(job));
	reader_run(&r, on_alias, job);
}

void api_alias_get(struct http_request *rq, void *app)
{
	const char *name = http_param(rq, "name");

	if (validate_name(name))
		job_start(app, &rq, false, name, NULL, NULL, run_get);
	else
		api_reply_not_found(&rq);
}

/* --- POST --- */

static void on_posted(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	job->writing = false;
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	log_info(NULL, "alias stored", "alias", job->id, "peer", http_peer(job->rq));
	record_encode(&group_alias_record, job->own, &json);
	job_reply(job, 200, &json);
}

static void run_post(struct job *job)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	record_encode(&group_alias_record, job->own, &json);
	job->writing = true;
	node_put(job->api->opt.store, job->life, alias_path(job), json.data, json.len, on_posted,
		job);
}

void api_alias_post(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct strings problems = { NULL, 0 };
	const char *name = http_param(rq, "name");
	struct group_alias *alias;

	if (!validate_name(name)) {
		http_reply_error(&rq, 400, "that cannot be the name of an alias");
		return;
	}
	if (!api_body(&rq, &group_alias_record, a, &alias))
		return;
	for (size_t i = 0; i < alias->groups.n; i++)
		if (alias->groups.items[i] == NULL || !validate_name(alias->groups.items[i]))
			strings_add(&problems, a,
				arena_printf(a, "groups[%zu] cannot be the name of a group", i));
	if (problems.n > 0)
		api_reply_problems(&rq, &problems);
	else
		job_start(app, &rq, true, name, alias, &a, run_post);
}

/* --- DELETE --- */

static void on_deleted(void *ctx, const struct error *err)
{
	struct job *job = ctx;

	job->writing = false;
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	log_info(NULL, "alias removed", "alias", job->id, "peer", http_peer(job->rq));
	job_reply(job, 204, NULL);
}

static void run_delete(struct job *job)
{
	job->writing = true;
	node_delete(job->api->opt.store, job->life, alias_path(job), -1, on_deleted, job);
}

void api_alias_delete(struct http_request *rq, void *app)
{
	const char *name = http_param(rq, "name");

	if (validate_name(name))
		job_start(app, &rq, true, name, NULL, NULL, run_delete);
	else
		http_reply(&rq, 204, NULL, NULL);
}
