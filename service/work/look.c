/*
 * look.c - what clients ask about a request, answered from the leader's memory
 *
 * A live one only as far as somebody tells us of a cancel: in flight its status is watched; one that waits was read just now.
 * An ended one as its history entry has it, once the transaction that wrote it is known to be applied; for a while, as another
 * service may queue its id anew (requests_put_again), of which we hear a moment later.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

#define ENDED_MAX 2000
#define ENDED_BYTES (16 << 20)

/* --- ended ones: answers as bytes, the oldest first ------------------------------------------------- */

struct ended {
	UT_hash_handle hh;
	char *id, *json;
	size_t len;
	int64_t at; /* loop time */
};

static void drop(struct worker *w, struct ended *e)
{
	MAP_DEL(w->ended, e);
	w->ended_bytes -= e->len;
	free(e->id);
	free(e->json);
	free(e);
}

void look_forget(struct worker *w, const char *request_id)
{
	struct ended *e;

	MAP_FIND(w->ended, request_id, e);
	if (e != NULL)
		drop(w, e);
}

void look_ended(struct worker *w, const char *request_id, const char *json, size_t len)
{
	struct ended *e = xcalloc(1, sizeof(*e));

	look_forget(w, request_id);
	e->id = xstrdup(request_id);
	e->json = xstrndup(json, len);
	e->len = len;
	e->at = loop_now(w->loop);
	MAP_ADD(w->ended, id, e);
	w->ended_bytes += len;
	while (MAP_COUNT(w->ended) > ENDED_MAX || (w->ended_bytes > ENDED_BYTES && w->ended != e))
		drop(w, w->ended);
}

void look_forget_all(struct worker *w)
{
	while (w->ended != NULL)
		drop(w, w->ended);
}

/* --- live ones ------------------------------------------------------------------------------------------ */

static struct item *item_of(const struct worker *w, const char *request_id)
{
	struct item *it;

	HASH_FIND(by_id, w->by_id, request_id, strlen(request_id), it);
	return it;
}

/* NULL: it waits. */
static struct flight_request *flying(const struct item *it)
{
	for (size_t i = 0; it->flight != NULL && i < it->flight->n; i++)
		if (it->flight->rq[i].item == it)
			return &it->flight->rq[i];
	return NULL;
}

static bool status_known(const struct worker *w, const struct item *it)
{
	if (it->bad != NULL || it->request == NULL || it->doubt)
		return false;
	if (it->flight != NULL && it->flight->ready)
		return true;
	return !it->stale && loop_now(w->loop) - it->known_at < FRESH;
}

static void encode_live(const struct item *it, int status, struct buf *json)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf queued = BUF_INIT;
	struct response resp = { .request_id = it->id.request_id, .message = it->message, .request = it->request };

	resp.state = (int)internal_state_public((enum internal_state)status);
	if (resp.message == NULL) {
		buf_str(&queued, "Queued as ");
		queued_id_text(&it->id, &queued);
		resp.message = buf_cstr(&queued);
	}
	if (it->flight != NULL)
		tally_responses(it->flight->tally, a, &resp.agent_responses);
	response_encode(&resp, json);
}

static void look_flying(struct flight_request *r, struct buf *json)
{
	uint64_t answers = tally_changes(r->item->flight->tally);
	const struct buf *kept = kept_get(&r->kept, r->status, answers, r->item->message);

	if (kept == NULL) {
		encode_live(r->item, r->status, json);
		kept_put(&r->kept, r->status, answers, r->item->message, json);
	} else {
		buf_append(json, kept->data, kept->len);
	}
}

static bool look_live(const struct worker *w, const struct item *it, struct buf *json)
{
	struct flight_request *r = flying(it);
	int status = r != NULL ? r->status : it->flight != NULL ? -1 : it->status;

	if (!status_known(w, it) || status < 0 || internal_state_terminal((enum internal_state)status))
		return false; /* that it ended is said once we know it */
	if (r != NULL)
		look_flying(r, json);
	else
		encode_live(it, status, json);
	return true;
}

bool worker_look(const struct worker *w, const char *request_id, struct buf *json)
{
	const struct item *it = item_of(w, request_id);
	const struct ended *e;

	if (!w->started || w->reloading || store_link(w->st) != STORE_LINK_UP)
		return false;
	if (it != NULL)
		return look_live(w, it, json);
	MAP_FIND(w->ended, request_id, e);
	if (e == NULL || loop_now(w->loop) - e->at > LOOP_MS(w->opt.ended_known_ms))
		return false;
	buf_append(json, e->json, e->len);
	return true;
}

bool worker_answers(const struct worker *w, const char *request_id, struct arena *a, struct record_map *out)
{
	const struct item *it = item_of(w, request_id);

	if (it == NULL || it->flight == NULL)
		return false;
	tally_responses(it->flight->tally, a, out);
	return true;
}

void worker_cancelled(struct worker *w, const char *request_id)
{
	struct item *it = item_of(w, request_id);

	if (it == NULL)
		return;
	it->doubt = true; /* until it is read again: in flight its watch sees to that */
	it->stale |= it->flight == NULL;
	queue_scan(w);
}
