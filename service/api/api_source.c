/*
 * api_source.c - the traffic sources of a group: a set, compared by all three fields
 *
 * Writing a group's data raises the version that joins and decisions check: whoever was about to
 * write on the former one looks again.  So nothing is written that changes nothing.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/records/group_edit.h"
#include "service/api/job.h"
#include "service/core/validate.h"

struct editing {
	struct traffic_source source;
	bool add;
	const char *answer; /* the group as it will be */
};

static bool same(const struct traffic_source *x, const struct traffic_source *y)
{
	return str_eq(x->name, y->name) && x->type == y->type && x->register_by == y->register_by;
}

/* True: that changes something.  `to` becomes it, its list in the arena. */
static bool edit(const struct editing *e, const struct group *from, struct arena *a, struct group *to)
{
	size_t n = from->traffic_sources.n, kept = 0;
	struct traffic_source *items = arena_alloc(a, (n + 1) * sizeof(*items));
	bool found = false;

	*to = *from;
	for (size_t i = 0; i < n; i++) {
		bool is_it = same(&from->traffic_sources.items[i], &e->source);

		found |= is_it;
		if (!is_it || e->add)
			items[kept++] = from->traffic_sources.items[i];
	}
	if (e->add && !found)
		items[kept++] = e->source;
	to->traffic_sources.items = items;
	to->traffic_sources.n = kept;
	return found != e->add;
}

static void reply(struct job *job)
{
	const struct editing *e = job->own;
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_str(&json, e->answer);
	job_reply(job, 200, &json);
}

static void on_written(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const struct editing *e = job->own;

	job->writing = false;
	if (err != NULL) {
		job_trouble(job, err); /* also a conflict: it is read again */
		return;
	}
	log_info(NULL, e->add ? "traffic source added" : "traffic source removed", "group", job->id,
		"source", e->source.name, "peer", http_peer(job->rq));
	reply(job);
}

static void on_group(void *ctx, const struct group *group, int32_t version, const struct error *err)
{
	struct job *job = ctx;
	struct editing *e = job->own;
	const struct group fresh = { .name = job->id, .min_healthy_agents = 1 };
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct group next;
	bool changed;

	if (err != NULL && err->code == ERR_INVALID) {
		job_reply_error(job, 500,
			arena_printf(job->arena, "The group is stored in a form that cannot be read: %s",
				err->text));
		return;
	}
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	if (group == NULL && !e->add) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
		return;
	}
	changed = edit(e, group != NULL ? group : &fresh, job->arena, &next);
	group_encode(&next, &json);
	e->answer = arena_strdup(job->arena, buf_cstr(&json));
	if (!changed) {
		reply(job);
		return;
	}
	job->writing = true;
	group_edit_write(
		job->api->opt.store, job->life, job->id, &next, version, on_written, job);
}

static void run(struct job *job)
{
	group_edit_read(job->api->opt.store, job->life, job->id, on_group, job);
}

static void start(struct http_request *rq, void *app, const struct traffic_source *source, bool add,
	struct arena **a_take)
{
	const char *group = http_param(rq, "group");
	struct editing *e = arena_alloc(*a_take, sizeof(*e));

	*e = (struct editing){ .source = *source, .add = add };
	if (validate_name(group))
		job_start(app, &rq, true, group, e, a_take, run);
	else if (add)
		http_reply_error(&rq, 400, "that cannot be the name of a group");
	else
		api_reply_not_found(&rq);
}

static void start_from_body(struct http_request *rq, void *app, bool add)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct traffic_source *source;

	if (!api_body(&rq, &traffic_source_record, a, &source))
		return;
	if (source->name != NULL && source->name[0] == '\0')
		api_reply_problem(&rq, "name size must be between 1 and 2147483647");
	else
		start(rq, app, source, add, &a);
}

void api_source_add(struct http_request *rq, void *app)
{
	start_from_body(rq, app, true);
}

void api_source_remove(struct http_request *rq, void *app)
{
	start_from_body(rq, app, false);
}

/* Java's older form of the same. */
static void start_from_name(struct http_request *rq, void *app, bool add)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *name = http_query(rq, "source");
	struct traffic_source source;

	if (name == NULL || *name == '\0') {
		api_reply_problem(&rq, "source may not be null");
		return;
	}
	traffic_source_classic(arena_strdup(a, name), &source);
	start(rq, app, &source, add, &a);
}

void api_source_add_name(struct http_request *rq, void *app)
{
	start_from_name(rq, app, true);
}

void api_source_remove_name(struct http_request *rq, void *app)
{
	start_from_name(rq, app, false);
}
