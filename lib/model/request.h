/*
 * request.h - what a scheduler posts
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_REQUEST_H
#define LIB_MODEL_REQUEST_H

#include "lib/model/service.h"

enum action { ACTION_NONE = -1, ACTION_UPDATE, ACTION_DELETE, ACTION_RELOAD, ACTION_REVERT, ACTION_GET_RENDERED_CONFIG,
	ACTION_PURGE_CACHE };
extern const char *const action_names[];
const char *action_name(enum action a); /* "UPDATE" for none: null means UPDATE wherever it is interpreted */

struct request {
	const char *id; /* loadBalancerRequestId */
	const struct service *service;
	struct upstreams add, remove, replace;
	const char *replace_service_id; /* inert: always written null */
	int action;                     /* enum action */
	bool no_validate, no_reload, upstream_update_only, no_duplicate_upstreams, purge_cache;
};
extern const struct record request_record;

/* Decode with Java's construction rules: add/remove entries without a request id get the request's. */
int request_decode(const char *text, size_t n, struct arena *a, struct request **out, struct error *err) MUST_CHECK;
bool request_purges(const struct request *rq); /* an update whose service's caches are to be purged */
bool request_same(const struct request *x, const struct request *y); /* after normalisation; http-api §5 */

struct queued_id {
	const char *service_id, *request_id;
	int64_t index;
};
extern const struct record queued_id_record;
/* "QueuedRequestId{serviceId=…, requestId=…, index=N}" */
void queued_id_text(const struct queued_id *q, struct buf *out);
/* "<service>|<request>|<seq10>" */
void queued_id_node_name(const struct queued_id *q, struct buf *out);
int queued_id_parse_node(const char *name, struct arena *a, struct queued_id *out, struct error *err) MUST_CHECK;

#endif
