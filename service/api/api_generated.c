/*
 * api_generated.c - requests that this service makes itself: removal, reload and purge of a service, its upstreams one by one
 *
 * The id is made once per call, so a step that is repeated posts the same request.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "service/api/job.h"
#include "service/core/validate.h"

#include <stdlib.h>
#include <string.h>

struct generated {
	const char *request_id;
	int action;
	bool no_validate, no_reload;
	bool upstreams; /* only those of the service change; else the service as a whole is meant */
	struct upstreams add, remove, replace;
	const char *host;         /* those on it are removed, whichever they are then */
	const struct request *rq; /* once made: a repeat posts the same */
};

/* --- one service, one request --- */

static bool is_on(const struct upstream *u, const char *host, struct arena *a)
{
	const char *h;
	int port;

	if (u->address == NULL)
		return false;
	if (upstream_split(u->address, a, &h, &port))
		return str_eq(h, host);
	return strcspn(u->address, ":") == strlen(host) && str_starts(u->address, host);
}

static void add_those_on(const struct upstreams *all, const char *host, struct arena *a, struct upstreams *out)
{
	out->items = arena_alloc(a, (all->n + 1) * sizeof(*out->items));
	for (size_t i = 0; i < all->n; i++)
		if (is_on(&all->items[i], host, a))
			out->items[out->n++] = all->items[i];
}

/* As for a posted request. */
static void own_upstreams(struct upstreams *list, const char *request_id)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].request_id == NULL)
			list->items[i].request_id = request_id;
}

static const struct request *make_request(struct job *job, const struct service_state *state)
{
	const struct generated *g = job->own;
	const struct service_state *copy = record_clone(&service_state_record, state, job->arena);
	struct request *rq = arena_alloc(job->arena, sizeof(*rq));

	*rq = (struct request){ .id = g->request_id, .service = copy->service, .action = g->action, .no_validate = g->no_validate,
		.no_reload = g->no_reload, .upstream_update_only = g->upstreams, .add = g->add, .remove = g->remove,
		.replace = g->replace };
	if (g->host != NULL)
		add_those_on(&copy->upstreams, g->host, job->arena, &rq->remove);
	if (g->action == ACTION_DELETE)
		rq->remove = copy->upstreams;
	own_upstreams(&rq->add, rq->id);
	own_upstreams(&rq->remove, rq->id);
	return rq;
}

static void post(struct job *job, const struct generated *g)
{
	if (g->upstreams)
		enqueue_posted(job, g->rq);
	else
		enqueue(job, g->rq);
}

static void on_service(struct job *job, const struct service_state *state)
{
	struct generated *g = job->own;
	const char *why;

	if (state->service != NULL) {
		g->rq = make_request(job, state);
		post(job, g);
		return;
	}
	why = arena_printf(job->arena, "Service %s not found", job->id);
	if (g->upstreams)
		job_reply_error(job, 400, why);
	else
		job_reply_synthetic(job, g->request_id, STATE_INVALID_REQUEST_NOOP, why);
}

static void run(struct job *job)
{
	const struct generated *g = job->own;

	if (g->rq != NULL)
		post(job, g);
	else if (validate_name(job->id) && validate_name(g->request_id))
		job_fetch_service(job, job->id, on_service);
	else
		on_service(job, &(struct service_state){ NULL, { NULL, 0 } });
}

/* --- the service as a whole --- */

static void generate(struct http_request *rq, struct api *api, enum action action, bool no_reload)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct generated *g = arena_alloc(a, sizeof(*g));
	const char *id = http_param(rq, "serviceId");

	g->request_id = arena_printf(a, "%s-%lld-%s", id, (long long)loop_wall_ms(api->opt.loop), action_names[action]);
	g->action = (int)action;
	g->no_validate = api_flag(rq, "noValidate");
	g->no_reload = no_reload;
	job_start(api, &rq, true, id, g, &a, run);
}

void api_state_delete(struct http_request *rq, void *app)
{
	generate(rq, app, ACTION_DELETE, api_flag(rq, "noReload"));
}

void api_state_reload(struct http_request *rq, void *app)
{
	generate(rq, app, ACTION_RELOAD, false);
}

void api_state_purge(struct http_request *rq, void *app)
{
	generate(rq, app, ACTION_PURGE_CACHE, false);
}

/* --- upstreams --- */

static struct generated *upstream_change(struct api *api, struct arena *a)
{
	struct generated *g = arena_alloc(a, sizeof(*g));
	char id[37];

	rand_uuid(&api->rand, id);
	g->request_id = arena_strdup(a, id);
	g->action = ACTION_NONE;
	g->no_validate = true;
	g->upstreams = true;
	return g;
}

/* Their own rules only: the service is what is stored. False: answered. */
static bool are_good(struct http_request **rq, const struct api *api, const struct generated *g, struct arena *a)
{
	static const char group[] = "g";
	const char *groups[] = { group };
	const struct service any = { .id = "s", .base_path = "", .groups = { groups, 1 } };
	const struct request request = { .id = g->request_id, .service = &any, .add = g->add, .remove = g->remove,
		.replace = g->replace };
	struct strings problems = { NULL, 0 };

	validate_request(&request, api->opt.upstream_syntax, a, &problems);
	if (problems.n == 0)
		return true;
	api_reply_problems(rq, &problems);
	return false;
}

static void change_one(struct http_request *rq, struct api *api, bool adds)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *text = http_query(rq, "upstream");
	struct generated *g = upstream_change(api, a);
	struct upstreams *list = adds ? &g->add : &g->remove;
	struct error err = ERROR_INIT;

	if (text == NULL) {
		http_reply_error(&rq, 400, "upstream must not be null");
		return;
	}
	list->items = arena_alloc(a, sizeof(*list->items));
	list->n = 1;
	if (upstream_from_text(text, a, list->items, &err) != 0)
		http_reply_error(&rq, 400, arena_printf(a, "upstream: %s", err.text));
	else if (are_good(&rq, api, g, a))
		job_start(api, &rq, true, http_param(rq, "serviceId"), g, &a, run);
}

void api_upstream_add(struct http_request *rq, void *app)
{
	change_one(rq, app, true);
}

void api_upstream_remove(struct http_request *rq, void *app)
{
	change_one(rq, app, false);
}

void api_upstream_replace(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct generated *g = upstream_change(app, a);
	struct slice body = http_body(rq);
	struct records list = { NULL, 0 };
	struct error err = ERROR_INIT;

	/* None: an update that changes nothing, as an empty list. */
	if (!api_body_is_blank(body) && record_decode_list(&upstream_record, body.p, body.n, a, &list, &err) != 0) {
		http_reply_error(&rq, 400, arena_printf(a, "Unable to process JSON: %s", err.text));
		return;
	}
	g->replace = (struct upstreams){ list.items, list.n };
	if (are_good(&rq, app, g, a))
		job_start(app, &rq, true, http_param(rq, "serviceId"), g, &a, run);
}

/* --- every upstream on a host: one request per service --- */

#define AT_ONCE 32

struct sweep {
	struct api *api;
	struct http_request *rq;
	struct arena *arena;
	const char *host;
	struct strings services;
	size_t next, open;
	bool starting;
	struct buf answer; /* "[{…},{…}" */
	int status;        /* of the first that could not be posted; 0 = none: no more are begun */
	struct buf trouble;
};

static void sweep_on(struct sweep *sw);

static void on_part(void *ctx, const struct http_answer *part)
{
	struct sweep *sw = ctx;

	sw->open--;
	if (part->status == 200) {
		buf_char(&sw->answer, sw->answer.len == 0 ? '[' : ',');
		buf_append(&sw->answer, part->body.p, part->body.n);
	} else if (sw->status == 0) {
		sw->status = part->status;
		buf_append(&sw->trouble, part->body.p, part->body.n);
	}
	if (!sw->starting)
		sweep_on(sw);
}

static void start_part(struct sweep *sw, const char *service)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct http_request *part = http_request_local("DELETE", http_path(sw->rq), NULL, (struct slice){ "", 0 }, on_part, sw);
	struct generated *g = upstream_change(sw->api, a);

	g->host = arena_strdup(a, sw->host);
	sw->open++;
	job_start(sw->api, &part, true, service, g, &a, run);
}

static void sweep_end(struct sweep *sw)
{
	if (sw->status != 0) { /* posting it again removes what is still there */
		http_reply(&sw->rq, sw->status, "application/json", &sw->trouble);
	} else {
		buf_str(&sw->answer, sw->answer.len == 0 ? "[]" : "]");
		http_reply(&sw->rq, 200, "application/json", &sw->answer);
	}
	buf_release(&sw->answer);
	buf_release(&sw->trouble);
	arena_free(&sw->arena);
	free(sw);
}

static void sweep_on(struct sweep *sw)
{
	sw->starting = true;
	while (sw->status == 0 && sw->open < AT_ONCE && sw->next < sw->services.n)
		start_part(sw, sw->services.items[sw->next++]);
	sw->starting = false;
	if (sw->open == 0)
		sweep_end(sw);
}

static void find_affected(void *ctx, struct cached_service *s)
{
	struct sweep *sw = ctx;

	for (size_t i = 0; i < s->state->upstreams.n; i++)
		if (is_on(&s->state->upstreams.items[i], sw->host, sw->arena)) {
			sw->services.items[sw->services.n++] = arena_strdup(sw->arena, s->state->service->id);
			return;
		}
}

static void run_sweep(struct job *job)
{
	struct api *api = job->api;
	struct sweep *sw;

	if (!state_cache_ready(api->opt.cache)) {
		job_again(job, LOOP_MS(20));
		return;
	}
	sw = xcalloc(1, sizeof(*sw));
	sw->api = api;
	sw->arena = arena_new();
	sw->host = arena_strdup(sw->arena, job->id);
	sw->rq = job_take_request(job);
	sw->services.items = arena_alloc(sw->arena, (state_cache_count(api->opt.cache) + 1) * sizeof(char *));
	state_cache_each(api->opt.cache, find_affected, sw);
	sweep_on(sw);
}

void api_upstream_remove_host(struct http_request *rq, void *app)
{
	const char *host = http_query(rq, "host");

	if (host == NULL)
		http_reply_error(&rq, 400, "host must not be null");
	else
		job_start(app, &rq, true, host, NULL, NULL, run_sweep);
}
