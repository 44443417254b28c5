/*
 * listing.c - requests of a service that have ended, and lists of those that have not
 *
 * Everything is read in waves, so that a long list neither holds the loop up nor fills the connection.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/listing.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

#define WAVE 100
#define LIVE_MAX 500                            /* queued requests of one service that are listed */
#define LOOKED_AT_MAX 5000                      /* entries of one service that are read; more were left by others */
#define ANSWER_MAX ((size_t)16 * 1024 * 1024) /* bytes of ended ones; what is beyond is left out */

/* --- what a queued request is now -------------------------------------------------------------------------- */

enum { READ_REQUEST, READ_STATUS, READ_MESSAGE, LIVE_READS };

static void read_live(struct reader *r, const char *id)
{
	reader_get(r, path_request(r->arena, id));
	reader_get(r, path_status(r->arena, id));
	reader_get(r, path_message(r->arena, id));
}

/* False: it has ended, or cannot be read. */
static bool live_response(const struct reader *r, size_t at, const struct queued_id *q, struct response *out)
{
	const struct store_node *request = reader_node(r, at + READ_REQUEST), *status = reader_node(r, at + READ_STATUS);
	const struct store_node *message = reader_node(r, at + READ_MESSAGE);
	struct request *rq;
	const char *text;
	int internal;

	if (request == NULL || status == NULL || request_decode(request->data, request->len, r->arena, &rq, NULL) != 0 ||
		json_string_decode(status->data, status->len, r->arena, &text, NULL) != 0)
		return false;
	internal = internal_state_parse(text);
	if (internal < 0 || internal_state_terminal((enum internal_state)internal))
		return false;
	*out = (struct response){ .request_id = q->request_id, .request = rq };
	out->state = (int)internal_state_public((enum internal_state)internal);
	if (message == NULL || json_string_decode(message->data, message->len, r->arena, &out->message, NULL) != 0) {
		AUTO(buf_release) struct buf queued = BUF_INIT;

		buf_str(&queued, "Queued as ");
		queued_id_text(q, &queued);
		out->message = arena_strdup(r->arena, buf_cstr(&queued));
	}
	return true;
}

static int by_index(const void *x, const void *y)
{
	const struct queued_id *a = x, *b = y;

	return (a->index > b->index) - (a->index < b->index);
}

/* --- one service -------------------------------------------------------------------------------------------- */

struct entry {
	struct slice text;
	int64_t born; /* czxid */
};

struct reading { /* lives in the first wave's arena; later ones keep it */
	const char *service;
	size_t max;
	listing_fn *done;
	void *ctx;
	struct queued_id *items;
	size_t n_items;
	struct response *live;
	size_t n_live;
	const char *const *names;
	size_t n_names, at; /* names[at - wave … at - 1] are being read */
	size_t wave;
	struct entry *entries;
	size_t n_entries, bytes;
};

static int newest_first(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	return (b->born > a->born) - (b->born < a->born);
}

static void tell(struct reading *l, struct reader *r)
{
	struct listing h = { l->live, l->n_live, NULL, l->n_entries < l->max ? l->n_entries : l->max };
	struct slice *past = arena_alloc(r->arena, (h.n_past + 1) * sizeof(*past));

	if (l->n_entries > 0)
		qsort(l->entries, l->n_entries, sizeof(*l->entries), newest_first);
	for (size_t i = 0; i < h.n_past; i++)
		past[i] = l->entries[i].text;
	h.past = past;
	l->done(l->ctx, &h, NULL);
}

static void read_entries(struct reading *l, struct reader **prev);

static void on_entries(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct reading *l = ctx;

	if (err != NULL) {
		l->done(l->ctx, NULL, err);
		return;
	}
	for (size_t i = 0; i < l->wave; i++) {
		const struct store_node *node = reader_node(r, i);
		AUTO(buf_release) struct buf json = BUF_INIT;
		struct response *past;

		if (node == NULL || response_decode(node->data, node->len, r->arena, &past, NULL) != 0)
			continue;
		response_encode(past, &json);
		l->entries[l->n_entries++] =
			(struct entry){ { arena_strndup(r->arena, json.data, json.len), json.len }, node->created_zxid };
		l->bytes += json.len;
	}
	read_entries(l, &r);
}

static void read_entries(struct reading *l, struct reader **prev)
{
	struct reader *r;

	if (l->at == l->n_names || l->bytes > ANSWER_MAX) {
		tell(l, *prev);
		return;
	}
	r = reader_next(prev);
	for (l->wave = 0; l->wave < WAVE && l->at < l->n_names; l->wave++)
		reader_get(r, path_history_entry(r->arena, l->service, l->names[l->at++]));
	reader_run(&r, on_entries, l);
}

/* It ended after it was read: its entry says how. */
static void drop_ended(struct reading *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->n_live; i++) {
		bool ended = false;

		for (size_t k = 0; !ended && k < l->n_names; k++)
			ended = str_eq(l->names[k], l->live[i].request_id);
		if (!ended)
			l->live[kept++] = l->live[i];
	}
	l->n_live = kept;
}

static void on_live(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct reading *l = ctx;

	if (err != NULL) {
		l->done(l->ctx, NULL, err);
		return;
	}
	l->live = arena_alloc(r->arena, (l->n_items + 1) * sizeof(*l->live));
	for (size_t i = 0; i < l->n_items; i++)
		if (live_response(r, i * LIVE_READS, &l->items[i], &l->live[l->n_live]))
			l->n_live++;
	l->names = reader_names(r, l->n_items * LIVE_READS, &l->n_names);
	if (l->n_names > LOOKED_AT_MAX)
		l->n_names = LOOKED_AT_MAX;
	drop_ended(l);
	l->entries = arena_alloc(r->arena, (l->n_names + 1) * sizeof(*l->entries));
	read_entries(l, &r);
}

static void on_queue(void *ctx, struct reader **r_take, const struct error *err)
{
	struct reading *l = ctx;
	const char *const *names;
	struct reader *r;
	size_t n;

	if (err != NULL) {
		l->done(l->ctx, NULL, err);
		reader_free(r_take);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	l->items = arena_alloc((*r_take)->arena, (n + 1) * sizeof(*l->items));
	for (size_t i = 0; i < n; i++)
		if (queued_id_parse_node(names[i], (*r_take)->arena, &l->items[l->n_items], NULL) == 0 &&
			str_eq(l->items[l->n_items].service_id, l->service) && path_name_ok(l->items[l->n_items].request_id))
			l->n_items++;
	if (l->n_items > 0)
		qsort(l->items, l->n_items, sizeof(*l->items), by_index);
	if (l->n_items > LIVE_MAX)
		l->n_items = LIVE_MAX;
	r = reader_next(r_take);
	for (size_t i = 0; i < l->n_items; i++)
		read_live(r, l->items[i].request_id);
	reader_children(r, path_history(r->arena, l->service)); /* last: what ends before is in it */
	reader_run(&r, on_live, l);
}

void listing_of_service(struct store *st, struct life *life, const char *service, size_t max, listing_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct reading *l = arena_alloc(r->arena, sizeof(*l));

	*l = (struct reading){ .service = arena_strdup(r->arena, service), .max = max, .done = done, .ctx = ctx };
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_queue, l);
}

/* --- the queue, filtered ------------------------------------------------------------------------------------ */

struct filtering { /* lives in the first wave's arena */
	struct queue_filter want;
	listing_queue_fn *done;
	void *ctx;
	struct queued_id *items, *kept;
	size_t n, n_kept, at, wave;
};

static void filter_on(struct filtering *f, struct reader **prev);

static bool passes(const struct filtering *f, const struct response *resp)
{
	const struct service *s = resp->request->service;

	return (f->want.state < 0 || resp->state == f->want.state) &&
	       (f->want.group == NULL || strings_have(&s->groups, f->want.group));
}

static void on_filtered(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct filtering *f = ctx;

	if (err != NULL) {
		f->done(f->ctx, NULL, 0, err);
		return;
	}
	for (size_t i = 0; i < f->wave && f->n_kept < f->want.limit; i++) {
		const struct queued_id *q = &f->items[f->at - f->wave + i];
		struct response resp;

		if (live_response(r, i * LIVE_READS, q, &resp) && passes(f, &resp))
			f->kept[f->n_kept++] = *q;
	}
	filter_on(f, &r);
}

static void filter_on(struct filtering *f, struct reader **prev)
{
	struct reader *r;

	if (f->at == f->n || f->n_kept == f->want.limit) {
		f->done(f->ctx, f->kept, f->n_kept, NULL);
		return;
	}
	r = reader_next(prev);
	for (f->wave = 0; f->wave < WAVE && f->at < f->n; f->wave++)
		read_live(r, f->items[f->at++].request_id);
	reader_run(&r, on_filtered, f);
}

/* A queue node made by hand may name what no node can be called. */
static void keep_readable(struct filtering *f)
{
	size_t kept = 0;

	for (size_t i = 0; i < f->n; i++)
		if (path_name_ok(f->items[i].request_id))
			f->items[kept++] = f->items[i];
	f->n = kept;
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct filtering *f = ctx;
	const char *const *names;
	size_t n;

	if (err != NULL) {
		f->done(f->ctx, NULL, 0, err);
		return;
	}
	names = reader_names(r, 0, &n);
	f->items = arena_alloc(r->arena, (n + 1) * sizeof(*f->items));
	for (size_t i = 0; i < n; i++) {
		struct queued_id *q = &f->items[f->n];

		if (queued_id_parse_node(names[i], r->arena, q, NULL) == 0 &&
			(f->want.service == NULL || str_eq(q->service_id, f->want.service)))
			f->n++;
	}
	if (f->n > 0)
		qsort(f->items, f->n, sizeof(*f->items), by_index);
	if (f->want.group == NULL && f->want.state < 0) {
		f->done(f->ctx, f->items, f->n < f->want.limit ? f->n : f->want.limit, NULL);
		return;
	}
	keep_readable(f);
	f->kept = arena_alloc(r->arena, (f->n + 1) * sizeof(*f->kept));
	filter_on(f, &r);
}

void listing_queue(struct store *st, struct life *life, const struct queue_filter *filter, listing_queue_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct filtering *f = arena_alloc(r->arena, sizeof(*f));

	*f = (struct filtering){ .want = *filter, .done = done, .ctx = ctx };
	f->want.service = arena_strdup(r->arena, filter->service);
	f->want.group = arena_strdup(r->arena, filter->group);
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_names, f);
}
