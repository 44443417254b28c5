/*
 * agent_api.h - the agent's HTTP side: its route table, keys, and what the handlers share
 *
 * It can be made, and its router served, before there is a link: until agent_api_attach() every call that needs
 * one is answered 503.
 *
 * Layer: agent/api.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_API_AGENT_API_H
#define AGENT_API_AGENT_API_H

#include "agent/core/fileset.h"
#include "agent/link/link.h"
#include "agent/link/purge.h"
#include "lib/http/admin.h"
#include "lib/model/authkey.h"

/* Borrowed, with all that it points to. */
struct agent_api_options {
	struct loop *loop;
	struct agent_link *link;      /* or by agent_api_attach() */
	const char *context_path;     /* "/baragon-agent/v2" */
	const char *admin_path;       /* of ping and healthcheck; NULL = they are not there */
	bool cors;                    /* for web pages of other origins */
	const struct link_options *link_options; /* group and metadata, for the status */
	bool auth_enabled;
	/* Does this key open calls of that role? NULL: none does. */
	bool (*key_ok)(void *ctx, const char *key, enum role role);
	/* False: no key has been read yet, so a call is put off (503). NULL: they are known. */
	bool (*keys_known)(void *ctx);
	void *ctx;
	/* For the rendered files of a service; NULL: there are none to show. */
	const struct renderer *renderer;
	const char *root_path;
	struct metrics *metrics;   /* of agent_metrics.h */
	const char *stats_socket;  /* of HAProxy; NULL or "" = it cannot be asked */
	struct purger *purger; /* of this host's cache; NULL = there is none */
};

struct agent_api;
struct agent_api *agent_api_new(const struct agent_api_options *opt);
void agent_api_free(struct agent_api **api); /* calls still open are answered 503 */
struct router *agent_api_router(struct agent_api *api);
/* What a key must open for calls of this role: for options.key_ok. */
enum key_role agent_api_needs(enum role role);
/* `proof`: how changes are proved and made live, one sentence for the status; NULL: not said. */
void agent_api_attach(struct agent_api *api, struct agent_link *link, const char *proof);

/* Private to agent/api: handlers get the agent_api as `app`. */
const struct agent_api_options *agent_api_opt(const struct agent_api *api);
const char *agent_api_proof(const struct agent_api *api);
struct batch_waiters *agent_api_batches(struct agent_api *api);
struct java_waiters *agent_api_java(struct agent_api *api);

/* api_batch.c */
void api_batch_post(struct http_request *rq, void *app);
struct batch_waiters *api_batch_new(void);
void api_batch_free(struct batch_waiters **w);

/* agent_status.c */
void agent_status_get(struct http_request *rq, void *app);
void agent_status_service(struct http_request *rq, void *app);
size_t agent_status_health(void *api, struct admin_check *out);

/* agent_openapi.c */
void agent_openapi_get(struct http_request *rq, void *app);
const struct route *agent_api_routes(size_t *n_out);

/* agent_metrics_get.c */
void agent_metrics_get(struct http_request *rq, void *app);
struct life *agent_api_life(struct agent_api *api);

/* agent_rendered.c */
void agent_rendered_get(struct http_request *rq, void *app);
/* The files of one service: status 200 and a list, or 500 and why; the body may be taken. In this call or in a later turn, even
 * if the api was freed meanwhile. */
typedef void rendered_fn(void *ctx, int status, struct buf *body);
enum rendered_form { RENDERED_JSON, RENDERED_JAVA_TEXT };
void agent_rendered_of(const struct agent_api_options *opt, const char *service_id, enum rendered_form form, rendered_fn *done,
	void *ctx);

/* api_java.c: what a Java service calls */
void api_java_batch(struct http_request *rq, void *app);
void api_java_apply(struct http_request *rq, void *app);
void api_java_revert(struct http_request *rq, void *app);
void api_java_literal(struct http_request *rq, void *app);
void api_java_purge(struct http_request *rq, void *app);
struct java_waiters *api_java_new(void);
void api_java_free(struct java_waiters **w);

#endif
