/*
 * queue.c - the queue as it was last read: one item per node, each with its request and its service's state
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/requests.h"
#include "lib/records/services.h"

#include <stdlib.h>
#include <string.h>

#define LOCKS_AHEAD_MAX 64

/* --- items -------------------------------------------------------------------------------------- */

static struct item *item_new(struct worker *w, const char *node)
{
	struct item *it = xcalloc(1, sizeof(*it));
	struct error err = ERROR_INIT;

	it->arena = arena_new();
	it->node = arena_strdup(it->arena, node);
	it->status = -1;
	it->status_version = -1;
	it->sv = -1;
	it->seen_at = loop_now(w->loop);
	if (queued_id_parse_node(it->node, it->arena, &it->id, &err) != 0)
		it->bad = arena_strdup(it->arena, err.text);
	DL_APPEND(w->items, it);
	MAP_ADD(w->named, node, it);
	if (it->id.request_id != NULL) {
		HASH_ADD_KEYPTR(by_id, w->by_id, it->id.request_id, strlen(it->id.request_id), it);
		look_forget(w, it->id.request_id);
	}
	return it;
}

static void forget_plan(struct item *it)
{
	it->plan = NULL;
	arena_free(&it->plan_arena);
}

void queue_forget_plans(struct worker *w, const char *service)
{
	struct item *it;

	DL_FOREACH(w->items, it)
		if (service == NULL || str_eq(it->id.service_id, service))
			forget_plan(it);
}

void queue_item_free(struct worker *w, struct item *it)
{
	DL_DELETE(w->items, it);
	MAP_DEL(w->named, it);
	if (it->id.request_id != NULL)
		HASH_DELETE(by_id, w->by_id, it);
	forget_plan(it);
	arena_free(&it->arena);
	free(it);
}

static int by_index(const struct item *x, const struct item *y)
{
	return (x->id.index > y->id.index) - (x->id.index < y->id.index);
}

static void read_item(struct reader *r, const struct item *it)
{
	reader_get(r, path_request(r->arena, it->id.request_id));
	reader_get(r, path_status(r->arena, it->id.request_id));
	reader_get(r, path_message(r->arena, it->id.request_id));
	reader_get(r, path_service(r->arena, it->id.service_id));
	reader_children(r, path_service(r->arena, it->id.service_id));
	reader_get(r, path_history(r->arena, it->id.service_id));
	reader_get(r, path_history_entry(r->arena, it->id.service_id, it->id.request_id));
	reader_get(r, path_mapping(r->arena, it->id.request_id));
}

/* Node and children of its service. */
static void take_state(struct item *it, const struct reader *r, size_t at)
{
	const struct store_node *node = reader_node(r, at);
	struct error err = ERROR_INIT;

	forget_plan(it);
	it->bytes = 0;
	it->sv = node != NULL ? node->version : -1;
	if (services_take(it->arena, r, at, &it->base, &err) != 0)
		it->bad = arena_printf(it->arena, "its service's record: %s", err.text);
}

static void take_history(struct worker *w, struct item *it, const struct store_node *folder)
{
	it->history_parent = folder != NULL;
	if (folder != NULL && folder->num_children > 0)
		past_look(w->past, it->id.service_id, (size_t)folder->num_children);
}

void queue_take_item(struct worker *w, struct item *it, const struct reader *r, size_t at)
{
	const struct store_node *node = reader_node(r, at), *status = reader_node(r, at + 1), *message = reader_node(r, at + 2);
	struct error err = ERROR_INIT;
	struct request *rq = NULL;
	const char *text;

	it->loaded = true;
	it->stale = it->doubt = false;
	it->known_at = loop_now(w->loop);
	it->bad = NULL;
	take_history(w, it, reader_node(r, at + 5));
	it->history_entry = reader_exists(r, at + 6);
	it->unmapped = !reader_exists(r, at + 7);
	if (node == NULL || status == NULL) {
		it->bad = "no request or no status belongs to it";
		return;
	}
	it->locks.n = 0;
	if (it->posted_ms == 0)
		it->posted_ms = node->modified_ms;
	it->raw = arena_strndup(it->arena, node->len > 0 ? node->data : "", node->len);
	it->raw_len = node->len;
	if (it->request == NULL) {
		if (request_decode(node->data, node->len, it->arena, &rq, &err) != 0) {
			it->bad = arena_strdup(it->arena, err.text);
			return;
		}
		if (rq->id == NULL || rq->service == NULL || !str_eq(rq->service->id, it->id.service_id)) {
			it->bad = "its request is of another service";
			return;
		}
		for (size_t i = 0; i < rq->service->groups.n; i++)
			if (!path_name_ok(rq->service->groups.items[i])) { /* a Java service takes anything */
				it->bad = "one of its loadBalancerGroups is no name of a group";
				return;
			}
		it->request = rq;
	}
	if (json_string_decode(status->data, status->len, it->arena, &text, &err) != 0 ||
		(it->status = internal_state_parse(text)) < 0) {
		it->bad = "its status is unknown";
		return;
	}
	it->status_version = status->version;
	if (message == NULL || json_string_decode(message->data, message->len, it->arena, &it->message, NULL) != 0)
		it->message = message != NULL ? "" : NULL;
	take_state(it, r, at + 3);
}

/* What it adds and removes, and for what replaces or deletes all: what there is. */
size_t item_bytes(struct item *it)
{
	const struct request *rq = it->request;

	if (it->bytes != 0 || rq == NULL)
		return it->bytes;
	it->bytes = requests_commit_bytes(rq);
	if (rq->replace.n > 0 || rq->action == ACTION_DELETE)
		for (size_t i = 0; i < it->base.upstreams.n; i++)
			it->bytes += 80 + strlen(it->id.service_id) + strlen(it->base.upstreams.items[i].original);
	return it->bytes;
}

/* --- reading the queue ------------------------------------------------------------------------------ */

static void scanned(struct worker *w)
{
	w->scanning = false;
	if (w->scan_again)
		queue_scan(w);
	worker_turn_soon(w);
}

static void on_items(void *ctx, struct reader **r_take, const struct error *err)
{
	struct loading *ld = ctx; /* lives in the reader */
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct worker *w = *(struct worker **)(void *)(ld + 1);

	w->scanning = false;
	for (size_t i = 0; i < ld->n; i++) {
		ld->items[i]->loading = false;
		if (err == NULL && ld->items[i]->flight == NULL)
			queue_take_item(w, ld->items[i], r, i * ITEM_READS);
	}
	if (err == NULL)
		scanned(w);
}

struct reader *queue_read_items(struct worker *w, struct reader *r, struct loading **ld_out)
{
	struct loading *ld = arena_alloc(r->arena, sizeof(*ld) + sizeof(w));
	struct item *it;
	size_t n = 0;

	*(struct worker **)(void *)(ld + 1) = w;
	DL_COUNT(w->items, it, n);
	ld->items = arena_alloc(r->arena, (n + 1) * sizeof(struct item *));
	DL_FOREACH(w->items, it) {
		if (it->flight != NULL || it->loading || (it->loaded && !it->stale) || ld->n == KNOWN_MAX)
			continue;
		if (it->id.request_id == NULL) {
			it->loaded = true; /* its name says nothing */
			continue;
		}
		it->loading = true;
		ld->items[ld->n++] = it;
		read_item(r, it);
	}
	*ld_out = ld;
	return r;
}

void queue_merge(struct worker *w, const char *const *names, size_t n)
{
	struct item *it, *tmp;

	DL_FOREACH(w->items, it)
		it->listed = false;
	for (size_t i = 0; i < n; i++) {
		MAP_FIND(w->named, names[i], it);
		if (it == NULL)
			it = item_new(w, names[i]);
		it->listed = true;
		it->put_after = 0;
	}
	DL_SORT(w->items, by_index);
	DL_FOREACH_SAFE(w->items, it, tmp) {
		if (it->listed || it->flight != NULL)
			continue;
		if (it->put_after != 0 && it->put_after == w->lists)
			w->scan_again = true; /* this list is older than it */
		else
			queue_item_free(w, it);
	}
}

static void on_queue(void *ctx, struct reader **r_take, const struct error *err)
{
	struct worker *w = ctx;
	struct loading *ld;
	struct reader *r;
	size_t n;
	const char *const *names;

	w->listing = false;
	if (err != NULL) {
		reader_free(r_take);
		w->scanning = false;
		return; /* the link's return starts everything over */
	}
	names = reader_names(*r_take, 0, &n);
	queue_merge(w, names, n);
	reader_free(r_take);
	r = queue_read_items(w, reader_new(w->st, w->life), &ld);
	if (ld->n > 0) {
		reader_run(&r, on_items, ld);
		return;
	}
	reader_free(&r);
	scanned(w);
}

void queue_scan(struct worker *w)
{
	struct reader *r;

	if (!w->started || w->reloading)
		return;
	w->scan_again = w->scanning;
	if (w->scanning)
		return;
	w->scanning = true;
	w->listing = true;
	w->lists++;
	r = reader_new(w->st, w->life);
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_queue, w);
}

/* --- what this service has queued itself ---------------------------------------------------------------- */

struct putting { /* lives in the reader */
	struct worker *w;
	const char *node;
	struct plan_paths locks;
	uint64_t flights_over;
};

static void on_put(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct putting *p = ctx;
	struct item *it;

	MAP_FIND(p->w->named, p->node, it);
	if (err != NULL || it == NULL)
		return; /* the link went, which starts everything over; or it is gone already */
	it->loading = false;
	it->loaded = true;
	take_history(p->w, it, reader_node(r, 2));
	take_state(it, r, 0);
	it->locks.items = arena_alloc(it->arena, (p->locks.n + 1) * sizeof(struct plan_path));
	for (size_t i = 0; i < p->locks.n; i++)
		it->locks.items[i] = (struct plan_path){ .group = arena_strdup(it->arena, p->locks.items[i].group),
			.key = arena_strdup(it->arena, p->locks.items[i].key) };
	it->locks.n = p->locks.n;
	it->locks_at = p->flights_over;
	load_take_locks(r, 3, &it->locks, it->arena);
	worker_turn_soon(p->w);
}

/* Locks that it will want as far as it can be told without its service's state; none where it would wait anyway. */
static void guess_locks(struct worker *w, const struct item *it, struct arena *a, struct plan_paths *out)
{
	const struct service_state none = { 0 };
	const struct roster_group **groups;
	struct plan plan;
	size_t n;

	groups = load_groups(w, &it->request->service->groups, a, &n); /* also: the rosters are asked for now */
	if (w->flights != NULL || n < it->request->service->groups.n)
		return;
	plan_make(it->request, &none, -1, groups, n, a, &plan);
	if (plan.wanted.n <= LOCKS_AHEAD_MAX)
		*out = plan.wanted;
}

static void read_put(struct worker *w, struct item *it)
{
	struct reader *r = reader_new(w->st, w->life);
	struct putting *p = arena_alloc(r->arena, sizeof(*p));

	*p = (struct putting){ .w = w, .node = arena_strdup(r->arena, it->node), .flights_over = w->flights_over };
	it->loading = true;
	reader_get(r, path_service(r->arena, it->id.service_id));
	reader_children(r, path_service(r->arena, it->id.service_id));
	reader_get(r, path_history(r->arena, it->id.service_id));
	guess_locks(w, it, r->arena, &p->locks);
	load_read_locks(r, &p->locks);
	reader_run(&r, on_put, p);
}

/* It starts once a list has it: then all that was queued before it is known as well. */
void worker_put(struct worker *w, const struct request *rq, int64_t index)
{
	AUTO(buf_release) struct buf node = BUF_INIT, json = BUF_INIT;
	struct request *own;
	struct item *it;

	if (!w->started || w->reloading)
		return; /* the list that is read then has it */
	queued_id_node_name(&(struct queued_id){ rq->service->id, rq->id, index }, &node);
	MAP_FIND(w->named, buf_cstr(&node), it);
	if (it != NULL)
		return; /* a list was quicker */
	it = item_new(w, buf_cstr(&node));
	record_encode(&request_record, rq, &json); /* as another leader would read it */
	if (it->bad != NULL || request_decode(json.data, json.len, it->arena, &own, NULL) != 0) {
		queue_item_free(w, it);
		queue_scan(w);
		return;
	}
	it->request = own;
	it->raw = arena_strndup(it->arena, json.data, json.len);
	it->raw_len = json.len;
	it->posted_ms = loop_wall_ms(w->loop);
	it->status = INTERNAL_PENDING;
	it->status_version = 0;
	it->known_at = loop_now(w->loop);
	it->put_after = w->lists;
	if (!w->listing)
		queue_scan(w); /* sent after this count */
	read_put(w, it);
}
