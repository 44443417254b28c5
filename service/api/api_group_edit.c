/*
 * api_group_edit.c - the target count of a group, and base paths that an operator sets free
 *
 * A base path is taken from whoever holds it, as in Java, with two differences.  Not while its owner
 * has a request that has not ended: that one counts on its locks, and what it decided is released by
 * their versions; the transaction that frees it fails if anything was decided since we looked, and we
 * look again.  And if the owner is committed and has upstreams, so that hosts go on serving it
 * there, the answer and the log say so.
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

#include <string.h>

#define OWNER_AGAIN_US LOOP_MS(50)
#define OWNER_TRIES 20
#define KEY_MAX 4096 /* bytes of a base path's key */

/* --- target count --- */

static void on_counted(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;

	job->writing = false;
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	buf_printf(&json, "%lld", (long long)*(const int64_t *)job->own);
	log_info(NULL, "target count set", "group", job->id, "count",
		log_int(*(const int64_t *)job->own), "peer", http_peer(job->rq));
	job_reply(job, 200, &json);
}

static void run_set_count(struct job *job)
{
	job->writing = true;
	group_edit_target(job->api->opt.store, job->life, job->id, *(const int64_t *)job->own,
		on_counted, job);
}

void api_group_set_count(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *group = http_param(rq, "group"), *text = http_query(rq, "count");
	int64_t *count = arena_alloc(a, sizeof(*count));

	*count = 0;
	if (!validate_name(group))
		http_reply_error(&rq, 400, "that cannot be the name of a group");
	else if (text != NULL && *text != '\0' && !str_to_i64(text, INT32_MIN, INT32_MAX, count))
		api_reply_not_found(&rq); /* Java's answer to any parameter that is no number */
	else if (*count < 0)
		http_reply_error(&rq, 400, "count must not be negative");
	else
		job_start(app, &rq, true, group, count, &a, run_set_count);
}

/* --- base paths --- */

struct freeing {
	const char *key;
	const char *owner; /* NULL: unknown */
	bool serving;
	int tries;
};

static void on_freed(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const struct freeing *f = job->own;
	AUTO(buf_release) struct buf warning = BUF_INIT;
	struct http_request *rq;
	const char *text;

	job->writing = false;
	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	log_warn(NULL, f->serving ? "base path taken from a live service" : "base path set free",
		"group", job->id, "path", f->key, "service", f->owner, "peer", http_peer(job->rq));
	if (f->serving) {
		text = arena_printf(job->arena,
			"service %s is committed and goes on serving it until another service takes it",
			f->owner);
		buf_str(&warning, "199 lockstep ");
		buf_json_string(&warning, text, strlen(text));
	}
	rq = job_take_request(job);
	if (warning.len > 0)
		http_reply_header(rq, "Warning", buf_cstr(&warning));
	http_reply(&rq, 204, NULL, NULL);
}

static void on_lock(void *ctx, const struct group_lock *lock, const struct error *err)
{
	struct job *job = ctx;
	struct freeing *f = job->own;

	if (err != NULL) {
		job_trouble(job, err);
		return;
	}
	if (lock->version < 0) {
		job_reply(job, 204, NULL);
		return;
	}
	f->owner = arena_strdup(job->arena, lock->owner);
	f->serving = lock->serving;
	if (lock->queued && ++f->tries < OWNER_TRIES) {
		job_again(job, OWNER_AGAIN_US);
		return;
	}
	if (lock->queued) {
		job_reply_error(job, 409,
			arena_printf(job->arena,
				"Service %s holds it and has a request that has not ended: not done",
				lock->owner));
		return;
	}
	job->writing = true;
	group_edit_free_lock(job->api->opt.store, job->life, job->id, f->key, lock, on_freed, job);
}

static void run_free(struct job *job)
{
	const struct freeing *f = job->own;

	group_edit_look_at_lock(job->api->opt.store, job->life, job->id, f->key, on_lock, job);
}

void api_group_free_base_path(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *group = http_param(rq, "group"), *path = http_query(rq, "basePath");
	struct freeing *f = arena_alloc(a, sizeof(*f));

	*f = (struct freeing){ .key = arena_strdup(a, path) };
	if (path == NULL || *path == '\0')
		http_reply_error(&rq, 400, "basePath must not be null");
	else if (!validate_name(group) || strlen(path) > KEY_MAX)
		http_reply(&rq, 204, NULL, NULL);
	else
		job_start(app, &rq, true, group, f, &a, run_free);
}
