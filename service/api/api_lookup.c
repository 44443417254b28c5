/*
 * api_lookup.c - whose upstream is it, and what an agent has in its files for a service
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/http/query.h"
#include "lib/records/groups.h"
#include "service/api/job.h"
#include "service/core/validate.h"

#include <stddef.h>

#define CACHE_SOON_US LOOP_MS(20)
#define ASK_US LOOP_MS(3000)
#define WHOLE_US LOOP_MS(10000) /* of a call that asks agents */
#define FILE_MAX ((size_t)8 * 1024 * 1024)
#define ASKED_MAX 3             /* agents, one after the other */

/* --- /service-lookup --- */

struct lookup {
	const char *host_port;
	struct buf json;
};

static void look(void *ctx, struct cached_service *s)
{
	struct lookup *l = ctx;

	for (size_t i = 0; i < s->state->upstreams.n; i++) {
		if (!str_eq(s->state->upstreams.items[i].address, l->host_port))
			continue;
		buf_char(&l->json, l->json.len == 0 ? '[' : ',');
		buf_append(&l->json, s->json, s->json_len);
		return;
	}
}

static void run_lookup(struct job *job)
{
	struct lookup l = { job->id, BUF_INIT };

	if (!state_cache_ready(job->api->opt.cache)) {
		job_again(job, CACHE_SOON_US);
		return;
	}
	state_cache_each(job->api->opt.cache, look, &l);
	buf_str(&l.json, l.json.len == 0 ? "[]" : "]");
	job_reply(job, 200, &l.json);
	buf_release(&l.json);
}

void api_lookup(struct http_request *rq, void *app)
{
	const char *host_port = http_query(rq, "hostPort");

	if (host_port == NULL)
		http_reply_error(&rq, 400, "hostPort must not be null");
	else
		job_start(app, &rq, false, host_port, NULL, NULL, run_lookup);
}

/* --- /renderedConfigs: one agent is asked, without a key; another one if it fails --- */

struct config_file {
	const char *path, *content;
};
#define FILE_FIELD(json, f) .name = (json), .kind = FIELD_STRING, .offset = offsetof(struct config_file, f)
static const struct field config_file_fields[] = {
	{ FILE_FIELD("fullPath", path) },
	{ FILE_FIELD("content", content), .max_bytes = FILE_MAX },
};
static const struct record config_file_record = {
	.name = "BaragonConfigFile",
	.size = sizeof(struct config_file),
	.fields = config_file_fields,
	.n_fields = ARRAY_LEN(config_file_fields),
};

struct rendered {
	struct strings groups; /* those from `next` on have not been asked for their agents */
	size_t next;
	struct strings uris; /* of the agents */
	size_t asked;
	const char *trouble; /* why the last one could not tell */
};

static void ask_agent(struct job *job);

static void on_files(void *ctx, const struct call_result *res)
{
	struct job *job = ctx;
	struct rendered *rd = job->own;
	const char *uri = rd->uris.items[rd->asked - 1];
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct records files;
	struct error err = ERROR_INIT;

	job->call = NULL;
	if (res->end != CALL_ANSWERED)
		rd->trouble = arena_printf(job->arena, "agent %s: %s", uri, res->text);
	else if (res->status != 200)
		rd->trouble = arena_printf(job->arena, "agent %s answered %d", uri, res->status);
	else if (record_decode_list(&config_file_record, res->body, res->len, job->arena, &files, &err) != 0)
		rd->trouble = arena_printf(job->arena, "agent %s: %s", uri, err.text);
	else
		record_encode_list(&config_file_record, files.items, files.n, &json);
	if (json.len > 0)
		job_reply(job, 200, &json);
	else
		ask_agent(job);
}

/* The next one, at random. */
static void ask_agent(struct job *job)
{
	struct rendered *rd = job->own;
	AUTO(buf_release) struct buf url = BUF_INIT;
	const char *uri;
	size_t pick;

	if (rd->uris.n == rd->asked || rd->asked == ASKED_MAX) {
		if (rd->trouble == NULL)
			rd->trouble = arena_printf(job->arena, "no agent of service %s is registered", job->id);
		job_reply_error(job, 500, rd->trouble);
		return;
	}
	pick = rd->asked + (size_t)rand_below(&job->api->rand, rd->uris.n - rd->asked);
	uri = rd->uris.items[pick];
	rd->uris.items[pick] = rd->uris.items[rd->asked];
	rd->uris.items[rd->asked++] = uri;
	buf_printf(&url, "%s/renderedConfigs/", uri);
	percent_encode(&url, job->id);
	job->call = client_call(job->api->opt.client, buf_cstr(&url), NULL, ASK_US, on_files, job);
}

static void read_agents(struct job *job);

static void on_agents(void *ctx, const struct agentinfo *const *agents, size_t n, const struct error *err)
{
	struct job *job = ctx;
	struct rendered *rd = job->own;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (agents[i]->base_uri != NULL)
			strings_add(&rd->uris, job->arena, agents[i]->base_uri);
	read_agents(job);
}

static void read_agents(struct job *job)
{
	struct rendered *rd = job->own;

	while (rd->next < rd->groups.n && !validate_name(rd->groups.items[rd->next]))
		rd->next++;
	if (rd->next < rd->groups.n)
		groups_agents(job->api->opt.store, job->life, rd->groups.items[rd->next++], on_agents, job);
	else
		ask_agent(job);
}

static void reply_unknown(struct job *job)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct http_request *rq;

	buf_printf(&text, "Service with id=%s could not be found", job->id);
	rq = job_take_request(job);
	http_reply(&rq, 500, "text/plain", &text);
}

static void on_service(struct job *job, const struct service_state *state)
{
	struct rendered *rd = arena_alloc(job->arena, sizeof(*rd));

	if (state->service == NULL) {
		reply_unknown(job);
		return;
	}
	for (size_t i = 0; i < state->service->groups.n; i++)
		strings_add(&rd->groups, job->arena, state->service->groups.items[i]);
	job->own = rd;
	read_agents(job);
}

static void run_rendered(struct job *job)
{
	if (!validate_name(job->id)) {
		reply_unknown(job);
		return;
	}
	job_fetch_service(job, job->id, on_service);
}

void api_rendered(struct http_request *rq, void *app)
{
	struct api *api = app;

	if (api->opt.client == NULL)
		http_reply_error(&rq, 500, "agents cannot be asked");
	else
		job_start_for(api, &rq, WHOLE_US, http_param(rq, "serviceId"), run_rendered);
}
