/*
 * api_request.c - /request: post, look up, cancel, and the queue
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "lib/records/requests.h"
#include "service/api/job.h"
#include "service/core/expand.h"
#include "service/core/locate.h"
#include "service/core/validate.h"

#include <string.h>

#define CANCEL_AGAIN_US LOOP_MS(5)

/* --- POST: what is no request --- */

static void reply_problems(struct http_request **rq, const struct strings *problems)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_str(&json, "{\"errors\":[");
	for (size_t i = 0; i < problems->n; i++) {
		if (i > 0)
			buf_char(&json, ',');
		buf_json_string(&json, problems->items[i], strlen(problems->items[i]));
	}
	buf_str(&json, "]}");
	api_reply_json(rq, 422, &json);
}

static void reply_problem(struct http_request **rq, const char *text)
{
	const char *items[] = { text };

	reply_problems(rq, &(struct strings){ items, 1 });
}

/* Java's validator speaks of what is missing, its parser of everything else. */
static void reply_undecodable(
	struct http_request **rq, struct slice body, const struct error *err, struct arena *a)
{
	static const char missing[] = ": may not be null";
	size_t n = strlen(err->text);
	AUTO(buf_release) struct buf where = BUF_INIT;

	if (str_eq(err->text, missing + 2)) {
		reply_problem(rq, "The request body may not be null");
	} else if (str_ends(err->text, missing)) {
		n -= strlen(missing);
		reply_problem(rq, arena_printf(a, "%.*s may not be null", (int)n, err->text));
	} else {
		if (locate_nul(body.p, body.n, &where))
			buf_str(&where, ": ");
		http_reply_error(rq, 400,
			arena_printf(
				a, "Unable to process JSON: %s%s", buf_cstr(&where), err->text));
	}
}

static bool is_blank(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n", s.p[i]) == NULL)
			return false;
	return true;
}

/* --- POST: what is one --- */

struct posting {
	const struct request *posted;
	struct expand_facts facts;
	struct job *job;
	uint64_t stamp;
	bool aliases; /* names that were posted; false: groups that aliases lead to */
	struct strings names;
};

/* Node 0 of a name is the group of that name, node 1 the alias. */
static const char *fact_path(struct arena *a, const struct strings *names, size_t i)
{
	const char *name = names->items[i / 2];

	return i % 2 == 0 ? path_group(a, name) : path_join(a, PATH_ALIASES, name);
}

static void keep_facts(struct posting *p, const struct slice *nodes)
{
	struct arena *a = p->job->arena;
	struct expand_facts *out = &p->facts;
	struct expand_fact *items =
		arena_alloc(a, (out->n + p->names.n + 1) * sizeof(*items));

	for (size_t i = 0; i < out->n; i++)
		items[i] = out->items[i];
	for (size_t i = 0; i < p->names.n; i++) {
		struct slice group = nodes[2 * i], alias = nodes[2 * i + 1];
		struct expand_fact *f = &items[out->n++];
		struct group *g;
		struct group_alias *al;

		f->name = p->names.items[i];
		if (group.n > 0 && group_decode(group.p, group.n, a, &g, NULL) == 0)
			f->group = g;
		if (p->aliases && alias.n > 0 &&
			record_decode(&group_alias_record, alias.p, alias.n, a, &al, NULL) == 0)
			f->alias = al;
	}
	out->items = items;
}

static void look_up(struct posting *p);

static void have_facts(struct posting *p, const struct slice *nodes)
{
	struct strings more = { NULL, 0 };

	keep_facts(p, nodes);
	if (p->aliases)
		expand_more_groups(p->posted, &p->facts, p->job->arena, &more);
	for (size_t i = more.n;
		i-- > 0;) /* an alias by hand may name what no node can be called */
		if (!path_name_ok(more.items[i]))
			more.items[i] = more.items[--more.n];
	if (more.n == 0) {
		enqueue(p->job, expand_request(p->posted, &p->facts, p->job->arena));
		return;
	}
	p->aliases = false;
	p->names = more;
	look_up(p);
}

/* For the next post. Names that mean nothing get no watch: anybody may invent them. */
static void watch_those_there(const struct posting *p, const struct slice *nodes)
{
	AUTO(arena_free) struct arena *a = arena_new();

	for (size_t i = 0; i < 2 * p->names.n; i++)
		if (nodes[i].p != NULL || nodes[i ^ 1].p != NULL)
			known_watch(p->job->api->known, fact_path(a, &p->names, i));
}

static void on_facts(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct posting *p = ctx;
	struct slice *nodes = arena_alloc(r->arena, (2 * p->names.n + 1) * sizeof(*nodes));

	if (err != NULL) {
		job_trouble(p->job, err);
		return;
	}
	for (size_t i = 0; i < 2 * p->names.n; i++) {
		const struct store_node *node = reader_node(r, i);

		if (node != NULL)
			nodes[i] = (struct slice){ node->data, node->len };
		known_put(p->job->api->known, fact_path(r->arena, &p->names, i), p->stamp, node);
	}
	watch_those_there(p, nodes);
	have_facts(p, nodes);
}

static void look_up(struct posting *p)
{
	struct known *known = p->job->api->known;
	struct arena *a = p->job->arena;
	struct slice *nodes = arena_alloc(a, (2 * p->names.n + 1) * sizeof(*nodes));
	size_t n = 2 * p->names.n, found = 0;
	struct reader *r;

	while (found < n && known_get(known, fact_path(a, &p->names, found), &nodes[found]))
		found++;
	if (found == n) {
		have_facts(p, nodes);
		return;
	}
	r = reader_new(p->job->api->opt.store, p->job->life);
	p->stamp = known_stamp(known);
	for (size_t i = 0; i < n; i++)
		reader_get(r, fact_path(r->arena, &p->names, i));
	reader_run(&r, on_facts, p);
}

static void run_post(struct job *job)
{
	const struct api_options *opt = &job->api->opt;
	struct posting *p = arena_alloc(job->arena, sizeof(*p));

	*p = (struct posting){ .posted = job->own, .job = job, .aliases = true };
	p->facts.purge_templates = opt->purge_templates;
	p->facts.purge_excluded = opt->purge_excluded;
	p->names = p->posted->service->groups;
	look_up(p);
}

void api_request_post(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct slice body = http_body(rq);
	struct strings problems = { NULL, 0 };
	struct error err = ERROR_INIT;
	struct request *posted;

	if (is_blank(body)) {
		reply_problem(&rq, "The request body may not be null");
		return;
	}
	if (request_decode(body.p, body.n, a, &posted, &err) != 0) {
		reply_undecodable(&rq, body, &err, a);
		return;
	}
	validate_request(posted, ((struct api *)app)->opt.upstream_syntax, a, &problems);
	if (problems.n > 0)
		reply_problems(&rq, &problems);
	else
		job_start(app, &rq, true, posted->id, posted, &a, run_post);
}

/* --- GET --- */

static void on_found(void *ctx, const struct requests_found *found, const struct error *err)
{
	struct job *job = ctx;
	struct response resp;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	if (found->resp == NULL) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
		return;
	}
	resp = *found->resp;
	if (found->live)
		enqueue_add_answers(job, &resp);
	job_reply_response(job, &resp);
}

static void run_get(struct job *job)
{
	const struct leader *ld = job->api->opt.leader;
	const struct worker *w = ld != NULL ? leader_worker(ld) : NULL;
	AUTO(buf_release) struct buf json = BUF_INIT;

	if (w != NULL && worker_look(w, job->id, &json)) {
		job_reply(job, 200, &json);
		return;
	}
	requests_look(job->api->opt.store, job->life, job->id, on_found, job);
}

void api_request_get(struct http_request *rq, void *app)
{
	const char *id = http_param(rq, "requestId");

	if (validate_name(id))
		job_start(app, &rq, false, id, NULL, NULL, run_get);
	else
		api_reply_not_found(&rq);
}

static void on_queue(void *ctx, const struct queued_id *items, size_t n, int64_t oldest_ms,
	const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	(void)oldest_ms;
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	record_encode_list(&queued_id_record, items, n, &json);
	job_reply(job, 200, &json);
}

static void run_list(struct job *job)
{
	requests_queue(job->api->opt.store, job->life, on_queue, job);
}

void api_request_list(struct http_request *rq, void *app)
{
	job_start(app, &rq, false, NULL, NULL, NULL, run_list);
}

/* --- DELETE: cancel --- */

static void reply_unknown(struct job *job)
{
	job_reply_synthetic(job, job->id, STATE_CANCELED,
		arena_printf(job->arena, "Request %s does not exist", job->id));
}

static void on_cancelled(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	struct leader *ld = job->api->opt.leader;
	struct buf *json = job->own;
	AUTO(buf_release) struct buf answer = BUF_INIT;

	job->writing = false;
	if (err != NULL && err->code == ERR_CONFLICT) {
		job_again(job, CANCEL_AGAIN_US);
		return;
	}
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	if (ld != NULL && leader_worker(ld) != NULL)
		worker_cancelled(leader_worker(ld), job->id);
	buf_append(&answer, json->data, json->len);
	job_reply(job, 200, &answer);
}

static void on_found_to_cancel(
	void *ctx, const struct requests_found *found, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct response resp;
	struct buf *kept;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	job->maybe = false;
	if (found->resp == NULL) {
		reply_unknown(job);
		return;
	}
	resp = *found->resp;
	if (found->live)
		enqueue_add_answers(job, &resp);
	if (!found->live ||
		internal_state_public((enum internal_state)found->internal) != STATE_WAITING) {
		job_reply_response(job, &resp);
		return;
	}
	/* What it will be, while it can be read. */
	resp.state = STATE_CANCELING;
	response_encode(&resp, &json);
	kept = arena_alloc(job->arena, sizeof(*kept));
	kept->data = arena_strndup(job->arena, json.data, json.len);
	kept->len = json.len;
	job->own = kept;
	job->writing = true;
	requests_cancel(
		job->api->opt.store, job->life, job->id, found->status_version, on_cancelled, job);
}

static void run_cancel(struct job *job)
{
	requests_look(job->api->opt.store, job->life, job->id, on_found_to_cancel, job);
}

static void run_unknown(struct job *job)
{
	reply_unknown(job);
}

void api_request_delete(struct http_request *rq, void *app)
{
	const char *id = http_param(rq, "requestId");

	job_start(app, &rq, true, id, NULL, NULL, validate_name(id) ? run_cancel : run_unknown);
}
