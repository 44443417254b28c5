/*
 * requests.c - a request's records: put in the queue, cancelled, looked up
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/requests.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

/* --- T0, T0r, T5: one transaction each ------------------------------------------------------------------ */

struct writing {
	struct life *life;
	struct store *st;
	size_t queue_op;
	requests_put_fn *put;
	store_done_fn *done;
	void *ctx;
	/* of a rejected one, whose folder may have to be made */
	struct arena *arena;
	const char *id, *service_id, *entry;
};

static struct writing *writing_new(struct store *st, struct life *life, void *ctx)
{
	struct writing *w = xcalloc(1, sizeof(*w));

	w->life = life_ref(life);
	w->st = st;
	w->ctx = ctx;
	return w;
}

static void writing_free(struct writing *w)
{
	life_unref(&w->life);
	arena_free(&w->arena);
	free(w);
}

static int64_t sequence_of(const char *path)
{
	size_t n = path != NULL ? strlen(path) : 0;
	int64_t seq = -1;

	if (n >= 10)
		str_to_i64(path + n - 10, 0, INT64_MAX, &seq);
	return seq;
}

static void on_put(void *ctx, const struct store_result *res, const struct error *err)
{
	struct writing *w = ctx;

	if (!w->life->over)
		w->put(w->ctx, err == NULL ? sequence_of(res->created[w->queue_op]) : -1, err);
	writing_free(w);
}

/* old NULL: the id is new. The mapping's version tells two who put the same one again apart. */
static void put(struct store *st, struct life *life, const struct request *rq, const struct requests_found *old,
	requests_put_fn *done, void *ctx)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT, owner = BUF_INIT;
	struct store_txn *t = store_txn_new(st);
	struct writing *w = writing_new(st, life, ctx);

	w->put = done;
	record_encode(&request_record, rq, &json);
	buf_json_string(&owner, rq->service->id, strlen(rq->service->id));
	store_txn_create(t, path_request(a, rq->id), json.data, json.len, STORE_PERSISTENT);
	store_txn_create(t, path_status(a, rq->id), "\"PENDING\"", 9, STORE_PERSISTENT);
	if (old == NULL) {
		store_txn_create(t, path_mapping(a, rq->id), owner.data, owner.len, STORE_PERSISTENT);
	} else {
		store_txn_set(t, path_mapping(a, rq->id), owner.data, owner.len, old->mapping_version);
		store_txn_delete(t, path_history_entry(a, old->service_id, rq->id), -1);
	}
	w->queue_op = store_txn_count(t);
	store_txn_create(t, path_queue_prefix(a, rq->service->id, rq->id), NULL, 0, STORE_SEQUENCE);
	store_txn_commit(&t, on_put, w);
}

void requests_put(struct store *st, struct life *life, const struct request *rq, requests_put_fn *done, void *ctx)
{
	put(st, life, rq, NULL, done, ctx);
}

void requests_put_again(struct store *st, struct life *life, const struct request *rq, const struct requests_found *old,
	requests_put_fn *done, void *ctx)
{
	put(st, life, rq, old, done, ctx);
}

static void on_done(void *ctx, const struct store_result *res, const struct error *err)
{
	struct writing *w = ctx;

	(void)res;
	if (!w->life->over)
		w->done(w->ctx, err);
	writing_free(w);
}

static void on_history_folder(void *ctx, const struct error *err)
{
	struct writing *w = ctx;
	AUTO(buf_release) struct buf owner = BUF_INIT;
	struct store_txn *t;

	if (err != NULL || w->life->over) {
		if (!w->life->over)
			w->done(w->ctx, err);
		writing_free(w);
		return;
	}
	t = store_txn_new(w->st);
	buf_json_string(&owner, w->service_id, strlen(w->service_id));
	store_txn_create(t, path_mapping(w->arena, w->id), owner.data, owner.len, STORE_PERSISTENT);
	store_txn_create(t, path_history_entry(w->arena, w->service_id, w->id), w->entry, strlen(w->entry), STORE_PERSISTENT);
	store_txn_commit(&t, on_done, w);
}

void requests_put_rejected(struct store *st, struct life *life, const struct response *resp, const char *service_id,
	store_done_fn *done, void *ctx)
{
	struct writing *w = writing_new(st, life, ctx);
	AUTO(buf_release) struct buf json = BUF_INIT;

	w->done = done;
	w->arena = arena_new();
	w->id = arena_strdup(w->arena, resp->request_id);
	w->service_id = arena_strdup(w->arena, service_id);
	response_encode(resp, &json);
	w->entry = arena_strdup(w->arena, buf_cstr(&json));
	store_ensure(st, path_history(w->arena, service_id), on_history_folder, w);
}

void requests_cancel(struct store *st, struct life *life, const char *id, int32_t status_version, store_done_fn *done, void *ctx)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf text = BUF_INIT;
	struct store_txn *t = store_txn_new(st);
	struct writing *w = writing_new(st, life, ctx);

	w->done = done;
	buf_printf(&text, "\"%s\"", internal_state_name(INTERNAL_CANCELLED_SEND_REVERT));
	store_txn_set(t, path_status(a, id), text.data, text.len, status_version);
	store_txn_commit(&t, on_done, w);
}

/* Names of its base paths' lock nodes: one per group, path and domain, and one more for the group's own domain. */
static size_t lock_bytes(const struct service *s, size_t per_node)
{
	size_t path = s->base_path != NULL ? strlen(s->base_path) : 0, paths = s->additional_paths.n + 1;
	size_t domains = 0, groups = 0;

	for (size_t i = 0; i < s->additional_paths.n; i++)
		path += strlen(s->additional_paths.items[i]);
	for (size_t i = 0; i < s->domains.n; i++)
		domains += strlen(s->domains.items[i]);
	for (size_t i = 0; i < s->groups.n; i++)
		groups += strlen(s->groups.items[i]);
	/* Sums over all triples; base64 takes a third more. */
	return groups * paths * (s->domains.n + 1) +
	       s->groups.n * (paths * (s->domains.n + 1) * per_node + (path * (s->domains.n + 1) + domains * paths) * 4 / 3);
}

size_t requests_commit_bytes(const struct request *rq)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	const struct upstreams *lists[] = { &rq->add, &rq->remove, &rq->replace };
	size_t bytes, per_node = 80 + strlen(rq->service->id);

	record_encode(&request_record, rq, &json);
	bytes = json.len * 2 + 4096; /* in the history entry, and the service record in the state */
	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++) {
			AUTO(buf_release) struct buf name = BUF_INIT;

			upstream_node_name(&lists[k]->items[i], &name);
			bytes += 2 * (per_node + name.len); /* it may replace another node */
		}
	return bytes + lock_bytes(rq->service, per_node);
}

/* --- looking up --------------------------------------------------------------------------------------------- */

struct looking { /* lives in the first wave's arena */
	struct store *st;
	struct life *life;
	const char *id, *service_id;
	int32_t mapping_version;
	bool again;
	requests_look_fn *done;
	void *ctx;
};

static void look(struct looking *old, struct reader **prev);

static const char *queued_text(struct arena *a, const char *service, const char *id, const char *const *queue, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct queued_id q;
		AUTO(buf_release) struct buf text = BUF_INIT;

		if (queued_id_parse_node(queue[i], a, &q, NULL) != 0 || !str_eq(q.request_id, id) || !str_eq(q.service_id, service))
			continue;
		buf_str(&text, "Queued as ");
		queued_id_text(&q, &text);
		return arena_strdup(a, buf_cstr(&text));
	}
	return NULL;
}

enum { READ_REQUEST, READ_STATUS, READ_MESSAGE, READ_HISTORY };
enum { READ_QUEUE, READ_HISTORY_AGAIN };

static bool live_answer(const struct looking *l, struct reader *r, struct response *resp, struct requests_found *found)
{
	const struct store_node *request = reader_node(r, READ_REQUEST), *status = reader_node(r, READ_STATUS);
	const struct store_node *message = reader_node(r, READ_MESSAGE);
	struct request *rq;
	const char *text;

	if (request == NULL || status == NULL || request_decode(request->data, request->len, r->arena, &rq, NULL) != 0 ||
		json_string_decode(status->data, status->len, r->arena, &text, NULL) != 0 || (found->internal = internal_state_parse(text)) < 0)
		return false;
	*resp = (struct response){ .request_id = l->id, .request = rq };
	resp->state = (int)internal_state_public((enum internal_state)found->internal);
	if (message == NULL || json_string_decode(message->data, message->len, r->arena, &resp->message, NULL) != 0)
		resp->message = NULL;
	found->status_version = status->version;
	found->live = true;
	return true;
}

struct queued_look { /* lives in the reader */
	struct looking *l;
	struct response live;
	struct requests_found found;
};

static bool past_answer(const struct reader *r, size_t at, struct requests_found *found)
{
	const struct store_node *node = reader_node(r, at);
	struct response *past;

	if (node == NULL || response_decode(node->data, node->len, r->arena, &past, NULL) != 0)
		return false;
	found->resp = past;
	found->live = false;
	found->ended_ms = node->modified_ms;
	return true;
}

static void on_queue_place(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct queued_look *q = ctx;
	const char *const *queue;
	size_t n;

	if (err != NULL) {
		q->l->done(q->l->ctx, NULL, err);
		return;
	}
	queue = reader_names(r, READ_QUEUE, &n);
	q->live.message = queued_text(r->arena, q->l->service_id, q->l->id, queue, n);
	if (!past_answer(r, READ_HISTORY_AGAIN, &q->found))
		q->found.resp = &q->live;
	q->l->done(q->l->ctx, &q->found, NULL);
}

/* Nobody has written a message yet: it says where it is queued. */
static void look_at_queue(struct looking *l, struct reader **prev, const struct response *live, const struct requests_found *found)
{
	struct reader *r = reader_next(prev);
	struct queued_look *q = arena_alloc(r->arena, sizeof(*q));

	*q = (struct queued_look){ l, *live, *found };
	reader_children(r, PATH_QUEUE);
	reader_get(r, path_history_entry(r->arena, l->service_id, l->id));
	reader_run(&r, on_queue_place, q);
}

static void on_records(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct looking *l = ctx;
	struct requests_found found = { .internal = -1, .service_id = l->service_id, .mapping_version = l->mapping_version };
	struct response live;

	if (err != NULL) {
		l->done(l->ctx, NULL, err);
		return;
	}
	/* The history entry was read last: it and the end of the live records are one transaction. */
	if (!past_answer(r, READ_HISTORY, &found)) {
		if (live_answer(l, r, &live, &found) && live.message == NULL) {
			look_at_queue(l, &r, &live, &found);
			return;
		}
		if (found.live) {
			found.resp = &live;
		} else if (!l->again) {
			look(l, &r); /* it moved between the reads, or we lag behind */
			return;
		}
	}
	l->done(l->ctx, &found, NULL);
}

static void on_mapping(void *ctx, struct reader **r_take, const struct error *err)
{
	struct looking *l = ctx;
	const struct store_node *node;
	struct requests_found none = { .internal = -1 };
	struct reader *r;

	if (err != NULL) {
		l->done(l->ctx, NULL, err);
		reader_free(r_take);
		return;
	}
	node = reader_node(*r_take, 0);
	l->mapping_version = node != NULL ? node->version : -1;
	if (node == NULL || json_string_decode(node->data, node->len, (*r_take)->arena, &l->service_id, NULL) != 0) {
		/* A Java service maps an id only when it has ended: the request itself names its service. */
		const struct store_node *request = reader_node(*r_take, 1);
		struct request *rq;

		if (request != NULL && request_decode(request->data, request->len, (*r_take)->arena, &rq, NULL) == 0) {
			l->service_id = rq->service->id;
		} else if (!l->again) {
			look(l, r_take);
			return;
		} else {
			l->done(l->ctx, &none, NULL);
			reader_free(r_take);
			return;
		}
	}
	r = reader_next(r_take);
	reader_get(r, path_request(r->arena, l->id));
	reader_get(r, path_status(r->arena, l->id));
	reader_get(r, path_message(r->arena, l->id));
	reader_get(r, path_history_entry(r->arena, l->service_id, l->id));
	reader_run(&r, on_records, l);
}

/* First time, or once more after a sync: before "unknown" is said. */
static void look(struct looking *old, struct reader **prev)
{
	struct reader *r = prev != NULL ? reader_next(prev) : reader_new(old->st, old->life);
	struct looking *l = old;

	if (prev == NULL) {
		l = arena_alloc(r->arena, sizeof(*l));
		*l = *old;
		l->id = arena_strdup(r->arena, old->id);
	} else {
		l->again = true;
		reader_sync_first(r);
	}
	reader_get(r, path_mapping(r->arena, l->id));
	reader_get(r, path_request(r->arena, l->id));
	reader_run(&r, on_mapping, l);
}

void requests_look(struct store *st, struct life *life, const char *id, requests_look_fn *done, void *ctx)
{
	struct looking l = { .st = st, .life = life, .id = id, .done = done, .ctx = ctx };

	look(&l, NULL);
}

/* --- the queue ------------------------------------------------------------------------------------------------ */

struct queue_look {
	requests_queue_fn *done;
	void *ctx;
	struct queued_id *items;
	size_t n;
};

static int by_index(const void *x, const void *y)
{
	const struct queued_id *a = x, *b = y;

	return (a->index > b->index) - (a->index < b->index);
}

static void on_oldest(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct queue_look *q = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;

	q->done(q->ctx, q->items, q->n, node != NULL ? node->modified_ms : 0, err);
}

static void on_queue(void *ctx, struct reader **r_take, const struct error *err)
{
	struct queue_look *q = ctx;
	const char *const *names;
	struct reader *r;
	size_t n;
	AUTO(buf_release) struct buf node = BUF_INIT;

	if (err != NULL) {
		q->done(q->ctx, NULL, 0, 0, err);
		reader_free(r_take);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	q->items = arena_alloc((*r_take)->arena, (n + 1) * sizeof(*q->items));
	for (size_t i = 0; i < n; i++)
		if (queued_id_parse_node(names[i], (*r_take)->arena, &q->items[q->n], NULL) == 0)
			q->n++;
	if (q->n == 0) {
		q->done(q->ctx, NULL, 0, 0, NULL);
		reader_free(r_take);
		return;
	}
	qsort(q->items, q->n, sizeof(*q->items), by_index);
	r = reader_next(r_take);
	queued_id_node_name(&q->items[0], &node);
	reader_get(r, path_queue_item(r->arena, buf_cstr(&node)));
	reader_run(&r, on_oldest, q);
}

void requests_queue(struct store *st, struct life *life, requests_queue_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct queue_look *q = arena_alloc(r->arena, sizeof(*q));

	*q = (struct queue_look){ .done = done, .ctx = ctx };
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_queue, q);
}
