/*
 * enqueue.c - a request that is ready to be stored: put in the queue, refused by a rule, or known
 * already
 *
 * The mapping node makes ids unique, so it is put first and looked up only if the id turns out to
 * be taken.  What is known of it is then the answer, or it is done anew (is_done_anew).
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/job.h"

#include "lib/base/log.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/records/requests.h"
#include "service/core/expand.h"
#include "service/core/scheduler.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_AGAIN_US LOOP_MS(50)
#define STATE_AGAIN_US LOOP_MS(5)
#define SIZE_MARGIN                                                                                \
	100000 /* for what else a commit holds: other requests of the batch, answers of agents */

struct enqueueing {
	const struct request *rq;  /* as it was posted, and expanded: what a repeat is compared with */
	const struct request *put; /* what is stored: with addresses */
	const char *refusal;       /* NULL: none */
	const char *late;          /* its names were not resolved in time; NULL: they were */
	bool again;                /* an id that has ended is put once more */
};

/* --- rules --- */

struct address {
	const char *text;
	bool used;
	UT_hash_handle hh;
};
struct duplicates {
	const struct request *rq;
	struct address *added;
};

static void mark_used(void *ctx, struct cached_service *s)
{
	struct duplicates *d = ctx;

	if (str_eq(s->state->service->id, d->rq->service->id))
		return;
	for (size_t i = 0; i < s->state->upstreams.n; i++) {
		const char *text = s->state->upstreams.items[i].address;
		struct address *a = NULL;

		if (text != NULL)
			MAP_FIND(d->added, text, a);
		if (a != NULL)
			a->used = true;
	}
}

static const char *find_duplicates(struct job *job, const struct request *rq)
{
	AUTO(buf_release) struct buf list = BUF_INIT;
	struct duplicates d = { rq, NULL };
	struct address *a, *tmp;

	for (size_t i = 0; i < rq->add.n; i++) {
		const char *text = rq->add.items[i].address;

		MAP_FIND(d.added, text, a);
		if (a != NULL)
			continue;
		a = arena_alloc(job->arena, sizeof(*a));
		a->text = text;
		MAP_ADD(d.added, text, a);
	}
	state_cache_each(job->api->opt.cache, mark_used, &d);
	MAP_EACH(d.added, a, tmp) {
		if (a->used)
			buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", a->text);
		MAP_DEL(d.added, a);
	}
	if (list.len == 0)
		return NULL;
	return arena_printf(job->arena,
		"If noDuplicateUpstreams is specified, you cannot have duplicate upstreams. Found these "
		"duplicate upstreams: [%s]",
		buf_cstr(&list));
}

static const char *refusal_of(struct job *job, const struct request *rq)
{
	const char *text = rq->no_duplicate_upstreams ? find_duplicates(job, rq) : NULL;

	if (text != NULL)
		return text;
	text = expand_refusal(rq);
	return *text != '\0' ? text : NULL;
}

static const char *too_large(struct job *job, const struct request *rq)
{
	size_t bytes = requests_commit_bytes(rq);

	if (bytes <= STORE_TXN_MAX - SIZE_MARGIN)
		return NULL;
	return arena_printf(job->arena,
		"Request %s is too large: committing it takes %zu bytes in one transaction, the limit is %d",
		rq->id, bytes, STORE_TXN_MAX - SIZE_MARGIN);
}

/* --- answers --- */

void enqueue_add_answers(const struct job *job, struct response *resp)
{
	struct leader *ld = job->api->opt.leader;
	struct worker *w = ld != NULL ? leader_worker(ld) : NULL;
	struct record_map answers = { NULL, 0 };

	if (w != NULL && worker_answers(w, resp->request_id, job->arena, &answers))
		resp->agent_responses = answers;
}

static void on_put(void *ctx, int64_t index, const struct error *err);

/* An id is one deploy, also for who posts it late; but for these two. */
static bool is_done_anew(const struct job *job, const struct requests_found *found)
{
	const struct enqueueing *q = job->enqueue;
	const struct api_options *opt = &job->api->opt;
	const struct cached_service *s;

	if (q->refusal != NULL || q->late != NULL || found->live || found->mapping_version < 0)
		return false;
	if (scheduler_is_malformed(found->resp))
		return true;
	if (opt->repost_after_ms == 0 || !state_cache_ready(opt->cache) ||
		loop_wall_ms(opt->loop) - found->ended_ms < opt->repost_after_ms)
		return false;
	s = state_cache_get(opt->cache, q->rq->service->id);
	return scheduler_adds_again(q->rq, found->resp, s != NULL ? s->state : NULL);
}

static void on_known(void *ctx, const struct requests_found *found, const struct error *err)
{
	struct job *job = ctx;
	struct enqueueing *q = job->enqueue;
	struct response resp;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	job->maybe = false;
	if (found->resp == NULL && q->late != NULL) {
		job_reply_error(job, 504, q->late);
		return;
	}
	if (found->resp == NULL) { /* the folders are not there yet, or it has just gone */
		job_again(job, LOOK_AGAIN_US);
		return;
	}
	if (is_done_anew(job, found)) {
		q->again = true;
		job->writing = true;
		requests_put_again(job->api->opt.store, job->life, q->put, found, on_put, job);
		return;
	}
	resp = *found->resp;
	if (found->live && resp.request != NULL && !request_same(q->rq, resp.request)) {
		job_reply_synthetic(job, q->rq->id, STATE_FAILED,
			arena_printf(job->arena,
				"Request %s is already enqueued with different parameters",
				q->rq->id));
		return;
	}
	if (found->live)
		enqueue_add_answers(job, &resp);
	job_reply_response(job, &resp);
}

static void look(struct job *job)
{
	requests_look(job->api->opt.store, job->life,
		((const struct enqueueing *)job->enqueue)->rq->id, on_known, job);
}

/* --- writes --- */

static void on_put(void *ctx, int64_t index, const struct error *err)
{
	struct job *job = ctx;
	const struct enqueueing *q = job->enqueue;
	const struct request *rq = q->put;
	struct response resp = { .request_id = rq->id, .state = STATE_WAITING, .request = rq };
	struct leader *ld = job->api->opt.leader;
	AUTO(buf_release) struct buf text = BUF_INIT;

	job->writing = false;
	if (err != NULL && err->code == ERR_CONFLICT && !q->again) {
		look(job);
		return;
	}
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	buf_str(&text, "Queued as ");
	queued_id_text(&(struct queued_id){ rq->service->id, rq->id, index }, &text);
	resp.message = buf_cstr(&text);
	log_info(NULL, "queued", "request", rq->id, "service", rq->service->id);
	if (ld != NULL && leader_worker(ld) != NULL)
		worker_put(leader_worker(ld), rq, index);
	job_reply_response(job, &resp);
}

static void on_rejected(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const struct enqueueing *q = job->enqueue;

	job->writing = false;
	if (err != NULL && err->code == ERR_CONFLICT)
		look(job);
	else if (err != NULL)
		job_trouble(job, err);
	else
		job_reply_synthetic(job, q->rq->id, STATE_FAILED, q->refusal);
}

static void reject(struct job *job)
{
	const struct enqueueing *q = job->enqueue;
	const struct response resp = { .request_id = q->rq->id,
		.state = STATE_FAILED,
		.message = q->refusal,
		.no_agent_responses = true };

	log_info(NULL, "refused", "request", q->rq->id, "service", q->rq->service->id, "reason",
		q->refusal);
	job->writing = true;
	requests_put_rejected(
		job->api->opt.store, job->life, &resp, q->rq->service->id, on_rejected, job);
}

/* False: the job goes on by itself. One that is known already has its answer, whatever its names are now. */
static bool have_addresses(struct job *job, struct enqueueing *q)
{
	const char *text;

	switch (addresses_of(job, q->rq, &q->put, &text)) {
	case ADDRESSES_KNOWN:
		return true;
	case ADDRESSES_NONE:
		q->refusal = text;
		return true;
	case ADDRESSES_SOON:
		return false;
	case ADDRESSES_LATE:
		q->late = text;
		look(job);
		return false;
	}
	return false;
}

void enqueue(struct job *job, const struct request *rq)
{
	struct enqueueing *q = arena_alloc(job->arena, sizeof(*q));

	if (rq->no_duplicate_upstreams && !job_has_state(job)) {
		job_again(job, STATE_AGAIN_US);
		return;
	}
	*q = (struct enqueueing){ .rq = rq, .put = rq, .refusal = refusal_of(job, rq) };
	job->enqueue = q;
	if (q->refusal == NULL && !have_addresses(job, q))
		return;
	if (q->refusal == NULL)
		q->refusal = too_large(job, q->put);
	if (q->refusal != NULL) {
		reject(job);
		return;
	}
	job->writing = true;
	requests_put(job->api->opt.store, job->life, q->put, on_put, job);
}
