/*
 * job.h - one HTTP request that needs more than a turn: what its steps hold, and how it ends
 *
 * A job always answers: by its steps, or by its deadline with 504.  Steps hand job->life to what
 * they ask the store; nothing calls back once the job is over.  A step that cannot go on as
 * ZooKeeper is away says so (job_trouble) and the job starts from its beginning when the link is
 * back, so run() must be fit to be repeated.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_API_JOB_H
#define SERVICE_API_JOB_H

#include "lib/base/life.h"
#include "lib/base/rand.h"
#include "lib/http/admin.h"
#include "lib/model/response.h"
#include "service/api/api.h"
#include "service/api/known.h"

struct keyring;
struct zipped;
struct api {
	struct api_options opt;
	struct admin *admin; /* NULL: not there */
	struct router *router;
	struct known *known;
	struct keyring *keys; /* NULL: no authentication, and no keys to administer */
	struct zipped *zipped;
	struct waiters *waiters;
	struct metrics *metrics, *own_metrics; /* own: none were given */
	struct rand_state rand; /* for generated ids, and who of several is asked */
	struct store_listener listener;
	struct job *jobs;
};

struct job {
	struct job *prev, *next;
	struct api *api;
	struct http_request *rq;
	struct life *life;
	struct arena *arena;
	void (*run)(struct job *job);
	struct loop_timer deadline, again;
	bool changes; /* it writes: 504 says what became of that */
	bool writing; /* sent, not answered */
	bool maybe; /* an earlier write of it may have been done, nobody has looked yet */
	bool waiting; /* for the link */
	int64_t behind_since; /* job_has_state: 0 = not asked */
	uint64_t behind_load;
	bool asks_others;
	const char *id; /* request, service, group: whatever it is about */
	void *own; /* of the resource, in the arena */
	void *enqueue; /* of enqueue.c */
	int64_t resolving_since; /* of addresses.c; 0 = not yet */
	struct call *call; /* in progress: cancelled when the job ends */
};

/* Takes the HTTP request; run() is called at once, and may have ended the job when this returns. */
void job_start(struct api *api, struct http_request **rq_take, bool changes, const char *id,
	void *own, struct arena **arena_take, void (*run)(struct job *job));
/* One that asks others than ZooKeeper: it reads only, and may take longer. */
void job_start_for(struct api *api, struct http_request **rq_take, int64_t us, const char *id, void (*run)(struct job *job));
void job_again(struct job *job, int64_t after_us);
/* A leader's own commits are in the cache before they are told. Another service may have shown the end of a request and not have
 * read what it committed: its clients must not meet the older state after that. */
bool api_is_behind(const struct api *api);
/* The cache is as new as it was known to be when the job first asked, or half a second has passed; false: ask again soon. */
bool job_has_state(struct job *job);
/* An error of the store: wait for the link, look again, or answer; for any error. */
void job_trouble(struct job *job, const struct error *err);

/* These end the job. */
struct http_request *job_take_request(struct job *job); /* to be answered by the caller, now */
void job_reply(struct job *job, int status, struct buf *json); /* json NULL: no body */
void job_reply_error(struct job *job, int status, const char *message);
void job_reply_response(struct job *job, const struct response *resp);
/* {"...","FAILED",message,null,null} and the like. */
void job_reply_synthetic(
	struct job *job, const char *request_id, enum public_state state, const char *message);

/* Answers that need no job. */
void api_reply_json(struct http_request **rq, int status, struct buf *json);
void api_reply_not_found(struct http_request **rq);
bool api_flag(const struct http_request *rq, const char *name); /* only "true", in any case */
/* {"errors":[…]}: each begins with the place of the field. */
void api_reply_problems(struct http_request **rq, const struct strings *problems);
/* ?limit=N: 1 to max; false: it is none, and 400 was answered. *out is left alone if there is no such parameter. */
bool api_limit(struct http_request **rq, size_t max, size_t *out);
bool api_body_is_blank(struct slice body);

/* api_body.c */
void api_reply_problem(struct http_request **rq, const char *text);
/* The body as a record in the arena; false: it is none, and that was answered. */
bool api_body(struct http_request **rq, const struct record *as, struct arena *a, void *obj_out_pp);

/* api_auth.c: does the caller's key open what the route needs? False: it was answered. */
bool api_auth_enter(struct api *api, struct http_request **rq, const struct route *route);

/* api_state.c: a service from the store, after a sync. state->service NULL: there is none.
 * Borrowed. */
void job_fetch_service(struct job *job, const char *service_id,
	void (*got)(struct job *job, const struct service_state *state));

/* posting.c: a request as it was posted, with what aliases and groups add to it; then enqueue(). */
void enqueue_posted(struct job *job, const struct request *posted);

/* addresses.c: the addresses of a request's host names, where its service wants them (preResolveUpstreamDNS): *out is the
 * request with them. */
enum addresses {
	ADDRESSES_KNOWN,
	ADDRESSES_SOON, /* the job begins anew by and by */
	ADDRESSES_NONE, /* a name has none: *text_out says which */
	ADDRESSES_LATE, /* nobody could say in time: the same */
};
enum addresses addresses_of(struct job *job, const struct request *rq, const struct request **out, const char **text_out);

/* enqueue.c: T0 for a request that is ready to be stored, or what is known of its id. */
void enqueue(struct job *job, const struct request *rq);
/* What the leader's agents have answered so far, where we lead. */
void enqueue_add_answers(const struct job *job, struct response *resp);

/* Handlers, one file per resource. */
void api_request_list(struct http_request *rq, void *app);
void api_request_post(struct http_request *rq, void *app);
void api_request_get(struct http_request *rq, void *app);
void api_request_delete(struct http_request *rq, void *app);
void api_state_list(struct http_request *rq, void *app);
void api_state_get(struct http_request *rq, void *app);
void api_state_delete(struct http_request *rq, void *app);
void api_state_reload(struct http_request *rq, void *app);
void api_state_purge(struct http_request *rq, void *app);
void api_upstream_add(struct http_request *rq, void *app);
void api_upstream_replace(struct http_request *rq, void *app);
void api_upstream_remove(struct http_request *rq, void *app);
void api_upstream_remove_host(struct http_request *rq, void *app);
void api_request_history(struct http_request *rq, void *app);
void api_lookup(struct http_request *rq, void *app);
void api_rendered(struct http_request *rq, void *app);
void api_absent_aws(struct http_request *rq, void *app);
void api_absent_target_add(struct http_request *rq, void *app);
void api_absent_target_remove(struct http_request *rq, void *app);
void api_group_names(struct http_request *rq, void *app);
void api_group_list(struct http_request *rq, void *app);
void api_group_get(struct http_request *rq, void *app);
void api_group_count(struct http_request *rq, void *app);
void api_group_hosts(struct http_request *rq, void *app);
void api_group_agents(struct http_request *rq, void *app);
void api_group_known_agents(struct http_request *rq, void *app);
void api_group_forget_agent(struct http_request *rq, void *app);
void api_group_base_paths(struct http_request *rq, void *app);
void api_group_base_path(struct http_request *rq, void *app);
void api_group_set_count(struct http_request *rq, void *app);
void api_group_free_base_path(struct http_request *rq, void *app);
void api_exclusion_list(struct http_request *rq, void *app);
void api_exclusion_make(struct http_request *rq, void *app);
void api_exclusion_end(struct http_request *rq, void *app);
void api_source_add(struct http_request *rq, void *app);
void api_source_remove(struct http_request *rq, void *app);
void api_source_add_name(struct http_request *rq, void *app);
void api_source_remove_name(struct http_request *rq, void *app);
void api_alias_get(struct http_request *rq, void *app);
void api_alias_post(struct http_request *rq, void *app);
void api_alias_delete(struct http_request *rq, void *app);
void api_status_get(struct http_request *rq, void *app);
void api_status_master(struct http_request *rq, void *app);
void api_status_workers(struct http_request *rq, void *app);
size_t api_status_health(void *api, struct admin_check *out);
void api_absent_ui(struct http_request *rq, void *app);
void api_checkin(struct http_request *rq, void *app);
void api_checkin_can_shutdown(struct http_request *rq, void *app);
const struct route *api_routes(size_t *n_out);
void api_openapi(struct http_request *rq, void *app);
void api_metrics(struct http_request *rq, void *app);
void api_auth_verify(struct http_request *rq, void *app);
void api_auth_list(struct http_request *rq, void *app);
void api_auth_post(struct http_request *rq, void *app);
void api_auth_delete(struct http_request *rq, void *app);

#endif
