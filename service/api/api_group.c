/*
 * api_group.c - /load-balancer: groups, their agents and base paths
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/records/groups.h"
#include "lib/records/paths.h"
#include "lib/records/roster.h"
#include "service/api/job.h"
#include "service/core/validate.h"

#include <string.h>

/* --- lists of texts --- */

static void write_texts(const char *const *texts, size_t n, struct buf *json)
{
	buf_char(json, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(json, ',');
		buf_json_string(json, texts[i], strlen(texts[i]));
	}
	buf_char(json, ']');
}

static void on_texts(void *ctx, const struct strings *texts, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	write_texts(texts->items, texts->n, &json);
	job_reply(job, 200, &json);
}

static void run_names(struct job *job)
{
	groups_names(job->api->opt.store, job->life, on_texts, job);
}

void api_group_names(struct http_request *rq, void *app)
{
	job_start(app, &rq, false, NULL, NULL, NULL, run_names);
}

/* What is empty for a group that cannot be. */
static void start_or_empty(struct http_request *rq, void *app, void (*run)(struct job *job))
{
	const char *group = http_param(rq, "group");
	AUTO(buf_release) struct buf none = BUF_INIT;

	buf_str(&none, "[]");
	if (validate_name(group))
		job_start(app, &rq, false, group, NULL, NULL, run);
	else
		api_reply_json(&rq, 200, &none);
}

static void run_base_paths(struct job *job)
{
	groups_base_paths(job->api->opt.store, job->life, job->id, on_texts, job);
}

void api_group_base_paths(struct http_request *rq, void *app)
{
	start_or_empty(rq, app, run_base_paths);
}

/* --- groups --- */

static void on_groups(
	void *ctx, const struct group *const *groups, size_t n, const struct error *err)
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
		group_encode(groups[i], &json);
	}
	buf_char(&json, ']');
	job_reply(job, 200, &json);
}

static void run_list(struct job *job)
{
	groups_all(job->api->opt.store, job->life, on_groups, job);
}

void api_group_list(struct http_request *rq, void *app)
{
	job_start(app, &rq, false, NULL, NULL, NULL, run_list);
}

static void on_group(
	void *ctx, const struct group *const *groups, size_t n, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
	} else if (n == 0) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
	} else {
		group_encode(groups[0], &json);
		job_reply(job, 200, &json);
	}
}

static void run_group(struct job *job)
{
	groups_one(job->api->opt.store, job->life, job->id, on_group, job);
}

static void start_or_not_found(
	struct http_request *rq, void *app, void *own, void (*run)(struct job *job))
{
	const char *group = http_param(rq, "group");

	if (validate_name(group))
		job_start(app, &rq, false, group, own, NULL, run);
	else
		api_reply_not_found(&rq);
}

void api_group_get(struct http_request *rq, void *app)
{
	start_or_not_found(rq, app, NULL, run_group);
}

static void on_count(void *ctx, int64_t count, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	buf_printf(&json, "%lld",
		(long long)(count >= 0 ? count : job->api->opt.default_target_count));
	job_reply(job, 200, &json);
}

static void run_count(struct job *job)
{
	groups_target_count(job->api->opt.store, job->life, job->id, on_count, job);
}

void api_group_count(struct http_request *rq, void *app)
{
	start_or_not_found(rq, app, NULL, run_count);
}

/* --- agents --- */

static void reply_agents(struct job *job, const struct record *as,
	const struct agentinfo *const *agents, size_t n, const struct error *err)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	buf_char(&json, '[');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_char(&json, ',');
		record_encode(as, agents[i], &json);
	}
	buf_char(&json, ']');
	job_reply(job, 200, &json);
}

static void on_agents(
	void *ctx, const struct agentinfo *const *agents, size_t n, const struct error *err)
{
	reply_agents(ctx, &agentinfo_record, agents, n, err);
}

static void on_known_agents(
	void *ctx, const struct agentinfo *const *agents, size_t n, const struct error *err)
{
	reply_agents(ctx, &known_agent_record, agents, n, err);
}

static void on_hosts(
	void *ctx, const struct agentinfo *const *agents, size_t n, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct strings uris = { NULL, 0 };

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (agents[i]->base_uri != NULL && !strings_have(&uris, agents[i]->base_uri))
			strings_add(&uris, job->arena, agents[i]->base_uri);
	write_texts(uris.items, uris.n, &json);
	job_reply(job, 200, &json);
}

static void run_agents(struct job *job)
{
	groups_agents(job->api->opt.store, job->life, job->id, on_agents, job);
}

static void run_known_agents(struct job *job)
{
	groups_known_agents(job->api->opt.store, job->life, job->id, on_known_agents, job);
}

static void run_hosts(struct job *job)
{
	groups_agents(job->api->opt.store, job->life, job->id, on_hosts, job);
}

void api_group_agents(struct http_request *rq, void *app)
{
	start_or_empty(rq, app, run_agents);
}

void api_group_known_agents(struct http_request *rq, void *app)
{
	start_or_empty(rq, app, run_known_agents);
}

void api_group_hosts(struct http_request *rq, void *app)
{
	start_or_empty(rq, app, run_hosts);
}

/* --- forgetting an agent: Java's record always; ours only if the host is away --- */

static void on_forgotten(void *ctx, const struct error *err)
{
	struct job *job = ctx;

	job->writing = false;
	if (err != NULL)
		job_trouble(job, err);
	else
		job_reply(job, 204, NULL);
}

static void on_removed(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const char *agent = job->own;

	job->writing = false;
	/* Registered, just joined, or no such member: it counts, or never did. */
	if (err != NULL && err->code != ERR_CONFLICT && err->code != ERR_NOT_FOUND) {
		job_trouble(job, err);
		return;
	}
	if (err == NULL)
		log_info(NULL, "host left: told so by an operator", "group", job->id, "agent",
			agent, "peer", http_peer(job->rq));
	job->writing = true;
	groups_forget_agent(job->api->opt.store, job->life, job->id, agent, on_forgotten, job);
}

static void run_forget(struct job *job)
{
	job->writing = true;
	roster_remove(job->api->opt.store, job->life, &job->api->opt.rules, job->id, job->own,
		on_removed, job);
}

void api_group_forget_agent(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *group = http_param(rq, "group");
	char *agent = arena_strdup(a, http_param(rq, "agentId"));

	if (validate_name(group) && validate_name(agent))
		job_start(app, &rq, true, group, agent, &a, run_forget);
	else
		http_reply(&rq, 204, NULL, NULL);
}

/* --- who holds a base path --- */

static void on_holder(struct job *job, const struct service_state *state)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (state->service == NULL) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
		return;
	}
	record_encode(&service_record, state->service, &json);
	job_reply(job, 200, &json);
}

static void on_owner(void *ctx, const char *owner, const struct error *err)
{
	struct job *job = ctx;

	if (err != NULL)
		job_trouble(job, err);
	else if (owner == NULL || !validate_name(owner))
		job_reply_error(job, 404, "HTTP 404 Not Found");
	else
		job_fetch_service(job, owner, on_holder);
}

static void run_base_path(struct job *job)
{
	groups_base_path_owner(job->api->opt.store, job->life, job->id, job->own, on_owner, job);
}

void api_group_base_path(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *group = http_param(rq, "group"), *path = http_query(rq, "basePath");
	char *own = arena_strdup(a, path);

	if (path == NULL || *path == '\0')
		http_reply_error(&rq, 400, "basePath must not be null");
	else if (!validate_name(group) || strlen(path) > 4096)
		api_reply_not_found(&rq);
	else
		job_start(app, &rq, false, group, own, &a, run_base_path);
}
