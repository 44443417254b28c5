/*
 * api_metrics.c - GET /metrics: what is counted all the time, and what is looked up when it is asked
 *
 * An operator wants it most while something is wrong: without ZooKeeper's answers it is answered without them.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/http_metrics.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/api/job.h"
#include "service/api/wait.h"
#include "service/work/service_metrics.h"

#include <stdlib.h>

#define PATIENCE_US LOOP_MS(1000)
#define GROUPS_MAX 500

struct looking { /* in the job's arena */
	bool asked, queued;
	struct strings groups;
};

static void set(struct api *api, enum service_metric row, double v)
{
	metrics_set(api->metrics, (size_t)row, METRIC_PLAIN, v);
}

static void set_own(struct api *api)
{
	const struct api_options *opt = &api->opt;
	struct worker *w = opt->leader != NULL ? leader_worker(opt->leader) : NULL;

	set(api, METRIC_LEADER, w != NULL);
	set(api, METRIC_FOREIGN, opt->leader != NULL ? (double)leader_unmarked(opt->leader) : 0);
	set(api, METRIC_BATCHES_NOW, w != NULL ? (double)worker_flights(w) : 0);
	set(api, METRIC_SERVICES, (double)state_cache_count(opt->cache));
	set(api, METRIC_UNREADABLE, (double)state_cache_unreadable(opt->cache));
	set(api, METRIC_WAITERS, (double)waiters_count(api->waiters));
}

/* What is not known now is not told. */
static void forget_looked_up(struct api *api)
{
	static const enum service_metric rows[] = { METRIC_QUEUE, METRIC_QUEUE_AGE, METRIC_AGENTS_KNOWN, METRIC_AGENTS_REGISTERED };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		metrics_forget(api->metrics, (size_t)rows[i]);
}

static void print(struct job *job)
{
	struct api *api = job->api;
	struct http_request *rq = job_take_request(job);

	set_own(api);
	http_metrics_reply(&rq, api->metrics);
}

/* --- what ZooKeeper has --- */

static void on_members(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct job *job = ctx;
	const struct looking *l = job->own;
	const struct store_node *oldest = err == NULL && l->queued ? reader_node(r, 0) : NULL;
	int64_t now = loop_wall_ms(job->api->opt.loop);
	size_t n;

	forget_looked_up(job->api);
	if (err != NULL) {
		print(job);
		return;
	}
	reader_names(r->prev, 0, &n);
	set(job->api, METRIC_QUEUE, (double)n);
	set(job->api, METRIC_QUEUE_AGE,
		oldest != NULL && now > oldest->modified_ms ? (double)(now - oldest->modified_ms) / 1000 : 0);
	for (size_t i = 0; i < l->groups.n; i++) {
		const char *const labels[] = { l->groups.items[i] };

		reader_names(r, 1 + 2 * i, &n);
		metrics_set(job->api->metrics, METRIC_AGENTS_REGISTERED, labels, (double)n);
		reader_names(r, 2 + 2 * i, &n);
		metrics_set(job->api->metrics, METRIC_AGENTS_KNOWN, labels, (double)n);
	}
	print(job);
}

static const char *oldest_of(const char *const *names, size_t n, struct arena *a)
{
	const char *oldest = "";
	int64_t least = INT64_MAX;

	for (size_t i = 0; i < n; i++) {
		struct queued_id id;

		if (queued_id_parse_node(names[i], a, &id, NULL) != 0 || id.index >= least)
			continue;
		least = id.index;
		oldest = names[i];
	}
	return oldest;
}

static void on_lists(void *ctx, struct reader **r_take, const struct error *err)
{
	struct job *job = ctx;
	struct looking *l = job->own;
	const char *const *names;
	struct reader *r;
	const char *oldest;
	size_t n;

	if (err != NULL) {
		reader_free(r_take);
		forget_looked_up(job->api);
		print(job);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	oldest = oldest_of(names, n, (*r_take)->arena);
	l->queued = *oldest != '\0';
	names = reader_names(*r_take, 1, &n);
	r = reader_next(r_take);
	reader_get(r, l->queued ? path_queue_item(r->arena, oldest) : PATH_QUEUE);
	for (size_t i = 0; i < n && l->groups.n < GROUPS_MAX; i++) {
		strings_add(&l->groups, job->arena, names[i]);
		reader_children(r, path_hosts(r->arena, names[i]));
		reader_children(r, path_known_agents(r->arena, names[i]));
	}
	reader_run(&r, on_members, job);
}

/* A second time: they take too long. */
static void run(struct job *job)
{
	struct looking *l = job->own;
	struct reader *r;

	if (l->asked || store_link(job->api->opt.store) != STORE_LINK_UP) {
		forget_looked_up(job->api);
		print(job);
		return;
	}
	l->asked = true;
	job_again(job, PATIENCE_US);
	r = reader_new(job->api->opt.store, job->life);
	reader_children(r, PATH_QUEUE);
	reader_children(r, PATH_GROUPS);
	reader_run(&r, on_lists, job);
}

void api_metrics(struct http_request *rq, void *app)
{
	struct arena *a = arena_new();
	struct looking *l = arena_alloc(a, sizeof(*l));

	job_start(app, &rq, false, NULL, l, &a, run);
}
