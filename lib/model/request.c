/*
 * request.c - BaragonRequest: Java's construction rules, sameness, queue node names
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/request.h"

#include <string.h>

#include "lib/base/str.h"

const char *const action_names[] = {
	"UPDATE", "DELETE", "RELOAD", "REVERT", "GET_RENDERED_CONFIG", "PURGE_CACHE", NULL};

const char *action_name(enum action a)
{
	return action_names[a == ACTION_NONE ? ACTION_UPDATE : a];
}

/* An entry without request id is rebuilt with the request's, and only its address, rack and group
 * survive. What texts the entries were read from is forgotten: a stored copy does not have them
 * either. */
static void own_upstreams(const char *request_id, struct upstreams *list, bool give_id)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		struct upstream *u = &list->items[i];

		u->original = NULL;
		if (!give_id || u->request_id != NULL)
			continue;
		u->request_id = request_id;
		u->resolved = NULL;
	}
}

static int request_rules(void *obj, struct arena *a, struct error *err)
{
	struct request *r = obj;

	(void)a;
	(void)err;
	own_upstreams(r->id, &r->add, true);
	own_upstreams(r->id, &r->remove, true);
	own_upstreams(r->id, &r->replace, false);
	r->replace_service_id = NULL;
	return 0;
}

#define REQUEST(json, kind_, c)                                                                    \
	.name = (json), .kind = (kind_), .offset = offsetof(struct request, c)
static const struct field request_fields[] = {
	{REQUEST("loadBalancerRequestId", FIELD_STRING, id), .required = true},
	{REQUEST("loadBalancerService", FIELD_RECORD, service), .of = &service_record,
		.required = true},
	{REQUEST("addUpstreams", FIELD_RECORDS, add), .of = &upstream_record, .required = true},
	{REQUEST("removeUpstreams", FIELD_RECORDS, remove), .of = &upstream_record,
		.required = true},
	{REQUEST("replaceUpstreams", FIELD_RECORDS, replace), .of = &upstream_record},
	{REQUEST("replaceServiceId", FIELD_STRING, replace_service_id)},
	{REQUEST("action", FIELD_ENUM, action), .names = action_names},
	{REQUEST("noValidate", FIELD_BOOL, no_validate)},
	{REQUEST("noReload", FIELD_BOOL, no_reload)},
	{REQUEST("upstreamUpdateOnly", FIELD_BOOL, upstream_update_only)},
	{REQUEST("noDuplicateUpstreams", FIELD_BOOL, no_duplicate_upstreams)},
	{REQUEST("purgeCache", FIELD_BOOL, purge_cache)},
};
const struct record request_record = {
	.name = "BaragonRequest",
	.size = sizeof(struct request),
	.fields = request_fields,
	.n_fields = ARRAY_LEN(request_fields),
	.after = request_rules,
};

int request_decode(
	const char *text, size_t n, struct arena *a, struct request **out, struct error *err)
{
	return record_decode(&request_record, text, n, a, out, err);
}

/* Order counts. A leader fills in resolved addresses while a request is queued, so "not there"
 * equals any. */
static bool same_upstreams(const struct upstreams *x, const struct upstreams *y)
{
	size_t i;

	if (x->n != y->n)
		return false;
	for (i = 0; i < x->n; i++) {
		const struct upstream *u = &x->items[i], *v = &y->items[i];

		if (!upstream_same(u, v) || !str_eq(u->request_id, v->request_id) ||
			!str_eq(u->rack_id, v->rack_id))
			return false;
		if (u->resolved != NULL && v->resolved != NULL && !str_eq(u->resolved, v->resolved))
			return false;
	}
	return true;
}

/* edgeCacheDNS is folded into the domains before a request is stored. */
static bool same_service(const struct service *x, const struct service *y)
{
	struct service a, b;

	if (x == NULL || y == NULL)
		return x == y;
	a = *x, b = *y;
	a.edge_cache_dns = NULL;
	b.edge_cache_dns = NULL;
	return record_equal(&service_record, &a, &b);
}

/* A leader sets noValidate by itself on requests that only remove upstreams, and where it resolved
 * names. */
static bool same_no_validate(const struct request *x, const struct request *y)
{
	if (x->no_validate == y->no_validate)
		return true;
	if (x->service != NULL && x->service->pre_resolve_dns)
		return true;
	return x->add.n == 0 && x->replace.n == 0 && x->remove.n > 0;
}

bool request_purges(const struct request *rq)
{
	return rq->purge_cache && (rq->action == ACTION_NONE || rq->action == ACTION_UPDATE);
}

bool request_same(const struct request *x, const struct request *y)
{
	return str_eq(x->id, y->id) && same_service(x->service, y->service) &&
	       same_upstreams(&x->add, &y->add) && same_upstreams(&x->remove, &y->remove) &&
	       same_upstreams(&x->replace, &y->replace) && x->action == y->action &&
	       same_no_validate(x, y) && x->no_reload == y->no_reload &&
	       x->upstream_update_only == y->upstream_update_only &&
	       x->no_duplicate_upstreams == y->no_duplicate_upstreams &&
	       x->purge_cache == y->purge_cache;
}

#define QUEUED(json, kind_, c)                                                                     \
	.name = (json), .kind = (kind_), .offset = offsetof(struct queued_id, c)
static const struct field queued_id_fields[] = {
	{ QUEUED("serviceId", FIELD_STRING, service_id) },
	{ QUEUED("requestId", FIELD_STRING, request_id) },
	{ QUEUED("index", FIELD_INT, index) },
};
const struct record queued_id_record = {
	.name = "QueuedRequestId",
	.size = sizeof(struct queued_id),
	.fields = queued_id_fields,
	.n_fields = ARRAY_LEN(queued_id_fields),
};

void queued_id_text(const struct queued_id *q, struct buf *out)
{
	buf_printf(out, "QueuedRequestId{serviceId=%s, requestId=%s, index=%lld}", q->service_id,
		q->request_id, (long long)q->index);
}

void queued_id_node_name(const struct queued_id *q, struct buf *out)
{
	buf_printf(out, "%s|%s|%010lld", q->service_id, q->request_id, (long long)q->index);
}

int queued_id_parse_node(
	const char *name, struct arena *a, struct queued_id *out, struct error *err)
{
	const char *request = strchr(name, '|'),
		   *index = request != NULL ? strchr(request + 1, '|') : NULL;
	struct queued_id q;

	if (index == NULL || request == name || index == request + 1 ||
		strchr(index + 1, '|') != NULL)
		return error_set(err, ERR_INVALID,
			"queue node '%.200s' is not service|request|number", name);
	/* ZooKeeper's counter has 32 bits and turns negative after 2^31. */
	if (!str_to_i64(index + 1, INT32_MIN, INT32_MAX, &q.index))
		return error_set(
			err, ERR_INVALID, "queue node '%.200s' does not end in a number", name);
	q.service_id = arena_strndup(a, name, (size_t)(request - name));
	q.request_id = arena_strndup(a, request + 1, (size_t)(index - request - 1));
	*out = q;
	return 0;
}
