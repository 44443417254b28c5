/*
 * queue.c - the queue as it was last read: one item per node, each with its request and its service's state
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"

#include <stdlib.h>
#include <string.h>

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
	if (queued_id_parse_node(it->node, it->arena, &it->id, &err) != 0)
		it->bad = arena_strdup(it->arena, err.text);
	DL_APPEND(w->items, it);
	MAP_ADD(w->named, node, it);
	return it;
}

void queue_item_free(struct worker *w, struct item *it)
{
	DL_DELETE(w->items, it);
	MAP_DEL(w->named, it);
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
}

static void take_state(struct item *it, const struct reader *r, size_t at)
{
	const struct store_node *node = reader_node(r, at);
	size_t n;
	const char *const *names = reader_names(r, at + 1, &n);
	struct error err = ERROR_INIT;
	struct service *s;

	it->base = (struct service_state){ 0 };
	it->sv = node != NULL ? node->version : -1;
	if (node == NULL || node->len == 0)
		return;
	if (record_decode(&service_record, node->data, node->len, it->arena, &s, &err) != 0) {
		it->bad = arena_printf(it->arena, "its service's record: %s", err.text);
		return;
	}
	it->base.service = s;
	it->base.upstreams.items = arena_alloc(it->arena, (n + 1) * sizeof(struct upstream));
	for (size_t i = 0; i < n; i++) {
		struct upstream *u = &it->base.upstreams.items[it->base.upstreams.n];

		if (upstream_from_text(names[i], it->arena, u, NULL) != 0)
			continue; /* not a name of ours or Java's: nothing can refer to it */
		u->original = arena_strdup(it->arena, names[i]);
		it->base.upstreams.n++;
	}
}

void queue_take_item(struct item *it, const struct reader *r, size_t at)
{
	const struct store_node *node = reader_node(r, at), *status = reader_node(r, at + 1), *message = reader_node(r, at + 2);
	struct error err = ERROR_INIT;
	struct request *rq = NULL;
	const char *text;

	it->loaded = true;
	it->stale = false;
	it->bad = NULL;
	it->history_parent = reader_exists(r, at + 5);
	it->history_entry = reader_exists(r, at + 6);
	if (node == NULL || status == NULL) {
		it->bad = "no request or no status belongs to it";
		return;
	}
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

/* --- reading the queue ------------------------------------------------------------------------------ */

static void on_items(void *ctx, struct reader **r_take, const struct error *err)
{
	struct loading *ld = ctx; /* lives in the reader */
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct worker *w = *(struct worker **)(void *)(ld + 1);

	w->scanning = false;
	for (size_t i = 0; i < ld->n; i++) {
		ld->items[i]->loading = false;
		if (err == NULL && ld->items[i]->flight == NULL)
			queue_take_item(ld->items[i], r, i * ITEM_READS);
	}
	if (err == NULL && w->scan_again)
		queue_scan(w);
	if (err == NULL)
		worker_turn_soon(w);
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
	}
	DL_SORT(w->items, by_index);
	DL_FOREACH_SAFE(w->items, it, tmp)
		if (!it->listed && it->flight == NULL)
			queue_item_free(w, it);
}

static void on_queue(void *ctx, struct reader **r_take, const struct error *err)
{
	struct worker *w = ctx;
	struct loading *ld;
	struct reader *r;
	size_t n;
	const char *const *names;

	if (err != NULL) {
		reader_free(r_take);
		w->scanning = false;
		return; /* the link's return starts everything over */
	}
	names = reader_names(*r_take, 0, &n);
	queue_merge(w, names, n);
	reader_free(r_take);
	r = queue_read_items(w, reader_new(w->st, w->life), &ld);
	reader_run(&r, on_items, ld);
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
	r = reader_new(w->st, w->life);
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_queue, w);
}
