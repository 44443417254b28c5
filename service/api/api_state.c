/*
 * api_state.c - /state: what is committed, from memory
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/http/gzip.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/api/job.h"
#include "service/api/wait.h"
#include "service/api/zipped.h"
#include "service/core/validate.h"

#include <inttypes.h>
#include <stdio.h>

#define CACHE_SOON_US LOOP_MS(20)

static bool is_away(const struct api *api)
{
	return store_link(api->opt.store) != STORE_LINK_UP;
}

static void warn_if_away(const struct api *api, struct http_request *rq)
{
	if (is_away(api))
		http_reply_header(
			rq, "Warning", "110 lockstep \"ZooKeeper is away: this may be old\"");
}

/* --- the whole state --- */

static void reply_all(struct api *api, struct http_request **rq)
{
	struct zipped_text *zipped = NULL;
	struct cached_state *all;
	char etag[16];

	/* A bare number, compared as text: what Java's clients send back. */
	snprintf(etag, sizeof(etag), "%" PRId32, state_cache_version(api->opt.cache));
	http_reply_header(*rq, "ETag", etag);
	warn_if_away(api, *rq);
	if (str_eq(http_header(*rq, "If-None-Match"), etag)) {
		http_reply(rq, 304, NULL, NULL);
		return;
	}
	http_reply_header(*rq, "Vary", "Accept-Encoding");
	all = state_cache_all(api->opt.cache);
	if (gzip_accepted(http_header(*rq, "Accept-Encoding")))
		zipped = zipped_get(api->zipped, all);
	if (zipped != NULL) {
		cached_state_unref(all);
		http_reply_header(*rq, "Content-Encoding", "gzip");
		http_reply_shared(rq, 200, "application/json", zipped->bytes.data,
			zipped->bytes.len, zipped_text_unref, zipped);
		return;
	}
	http_reply_shared(
		rq, 200, "application/json", all->json, all->json_len, cached_state_unref, all);
}

static void run_list(struct job *job)
{
	struct api *api = job->api;
	struct http_request *rq;

	if (!state_cache_ready(api->opt.cache)) {
		job_again(job, CACHE_SOON_US);
		return;
	}
	rq = job_take_request(job);
	reply_all(api, &rq);
}

static void answer_list(struct http_request *rq, struct api *api)
{
	if (state_cache_ready(api->opt.cache))
		reply_all(api, &rq);
	else
		job_start(api, &rq, false, NULL, NULL, NULL, run_list);
}

void api_state_list(struct http_request *rq, void *app)
{
	wait_for_state(app, rq, answer_list);
}

/* --- one service, from the store --- */

struct fetching {
	struct job *job;
	void (*got)(struct job *job, const struct service_state *state);
};

static void on_service(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	const struct fetching *f = ctx;
	struct service_state state = { NULL, { NULL, 0 } };
	const struct store_node *node;
	const char *const *names;
	struct service *service;
	size_t n;

	if (err != NULL) {
		job_trouble(f->job, err);
		return;
	}
	node = reader_node(r, 0);
	names = reader_names(r, 1, &n);
	if (node == NULL || record_decode(&service_record, node->data, node->len, r->arena,
				    &service, NULL) != 0) {
		f->got(f->job, &state);
		return;
	}
	state.service = service;
	state.upstreams.items = arena_alloc(r->arena, (n + 1) * sizeof(*state.upstreams.items));
	for (size_t i = 0; i < n; i++)
		if (upstream_from_text(names[i], r->arena,
			    &state.upstreams.items[state.upstreams.n], NULL) == 0)
			state.upstreams.n++;
	f->got(f->job, &state);
}

void job_fetch_service(struct job *job, const char *service_id,
	void (*got)(struct job *job, const struct service_state *state))
{
	struct reader *r = reader_new(job->api->opt.store, job->life);
	struct fetching *f = arena_alloc(r->arena, sizeof(*f));

	*f = (struct fetching){ job, got };
	reader_sync_first(r);
	reader_get(r, path_service(r->arena, service_id));
	reader_children(r, path_service(r->arena, service_id));
	reader_run(&r, on_service, f);
}

/* --- GET of one --- */

static void reply_one(struct api *api, struct http_request **rq, struct cached_service *s)
{
	warn_if_away(api, *rq);
	http_reply_header(*rq, "Vary", "Accept-Encoding");
	cached_service_ref(s);
	http_reply_shared(
		rq, 200, "application/json", s->json, s->json_len, cached_service_unref, s);
}

static void on_one(struct job *job, const struct service_state *state)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (state->service == NULL) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
		return;
	}
	record_encode(&service_state_record, state, &json);
	job_reply(job, 200, &json);
}

static void run_one(struct job *job)
{
	job_fetch_service(job, job->id, on_one);
}

void api_state_get(struct http_request *rq, void *app)
{
	struct api *api = app;
	const char *id = http_param(rq, "serviceId");
	struct cached_service *s = state_cache_get(api->opt.cache, id);
	bool fresh = api_flag(rq, "fresh") || api_is_behind(api);

	if (s != NULL && (is_away(api) || !fresh))
		reply_one(api, &rq, s);
	else if (!validate_name(id))
		api_reply_not_found(&rq);
	else
		job_start(api, &rq, false, id, NULL, NULL, run_one);
}
