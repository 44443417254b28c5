/*
 * fanout.c - asking the members of a batch: one call at a time to each, repeated until it counts
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/http/query.h"
#include "service/work/java_call.h"

#include <stdlib.h>
#include <string.h>

#define RETRY_FIRST LOOP_MS(50)
#define RETRY_MAX LOOP_MS(1000)

struct ask {
	struct ask *next;
	struct flight *flight;
	const char *group, *agent_id, *incarnation, *url;
	enum call_type type;
	int64_t number;
	struct call *call;
	int64_t retry_at, pause;
};

static struct ask *ask_for(struct flight *f, const struct member *m, enum call_type type, int64_t number)
{
	struct ask *a;

	for (a = f->asks; a != NULL; a = a->next)
		if (strcmp(a->group, m->group) == 0 && strcmp(a->agent_id, m->agent_id) == 0)
			break;
	if (a == NULL) {
		a = arena_alloc(f->arena, sizeof(*a));
		a->flight = f;
		a->group = arena_strdup(f->arena, m->group);
		a->agent_id = arena_strdup(f->arena, m->agent_id);
		a->next = f->asks;
		f->asks = a;
	}
	if (a->incarnation != NULL && str_eq(a->incarnation, m->incarnation) && a->type == type && a->number == number)
		return a;
	/* Another question, or another process to ask: an answer to the former one would not count. */
	call_cancel(&a->call);
	a->incarnation = arena_strdup(f->arena, m->incarnation);
	a->url = arena_printf(f->arena, "%s/lockstep/batch", m->base_uri);
	a->type = type;
	a->number = number;
	a->retry_at = 0;
	a->pause = RETRY_FIRST;
	return a;
}

static void retry_later(struct ask *a)
{
	struct flight *f = a->flight;

	a->retry_at = loop_now(f->w->loop) + a->pause;
	a->pause = a->pause * 2 < RETRY_MAX ? a->pause * 2 : RETRY_MAX;
	flight_resume_at(f, a->retry_at);
}

/* Words of one answer for the people: the items' messages, else the whole's. */
static const char *words(const struct batch_answer *ans, struct arena *a)
{
	AUTO(buf_release) struct buf text = BUF_LIMITED(16384);

	for (size_t i = 0; i < ans->items.n; i++)
		if (ans->items.items[i].message != NULL && ans->items.items[i].status_code >= 300)
			buf_printf(&text, "%s%s", text.len > 0 ? "; " : "", ans->items.items[i].message);
	if (text.len == 0)
		return ans->message;
	return arena_strdup(a, buf_cstr(&text));
}

/* What came instead of an answer to a batch. */
static const char *no_answer(const struct call_result *res, const struct error *err, struct arena *a)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	buf_printf(&text, "status %d: ", res->status);
	if (res->status >= 400)
		str_escape(&text, res->body, res->len, 300);
	else
		buf_str(&text, err->code != 0 ? err->text : "it answered for another batch");
	return arena_strdup(a, buf_cstr(&text));
}

static void take_answer(struct ask *a, const struct call_result *res, struct answer *out, struct arena *scratch)
{
	struct batch_answer *ans = NULL;
	struct error err = ERROR_INIT;

	if (res->end != CALL_ANSWERED) {
		out->exception = res->text;
		return;
	}
	out->status_code = res->status;
	if (batch_answer_decode(res->body, res->len, scratch, &ans, &err) != 0 || !str_eq(ans->batch, a->flight->name)) {
		out->message = no_answer(res, &err, scratch);
		return;
	}
	out->number = ans->number;
	out->incarnation = ans->incarnation;
	out->outcome = ans->outcome;
	if (!a->flight->w->opt.rules.intent && ans->outcome == OUTCOME_ENDED)
		out->outcome = OUTCOME_APPLIED; /* tests only: there is no record to converge to */
	out->message = words(ans, scratch);
	if (ans->outcome == OUTCOME_REFUSED || ans->outcome == OUTCOME_FAILED)
		out->status_code = 500;
}

static void on_answer(void *ctx, const struct call_result *res)
{
	struct ask *a = ctx;
	struct flight *f = a->flight;
	AUTO(arena_free) struct arena *scratch = arena_new();
	struct answer ans = { .type = a->type, .group = a->group, .agent_id = a->agent_id, .incarnation = "", .url = a->url,
		.number = -2, .outcome = -1 };

	a->call = NULL;
	take_answer(a, res, &ans, scratch);
	tally_add(f->tally, &ans);
	retry_later(a); /* looked at only if the answer does not count */
	flight_advance(f);
}

static void send(struct ask *a)
{
	struct flight *f = a->flight;
	struct worker *w = f->w;
	AUTO(buf_release) struct buf body = BUF_INIT, url = BUF_INIT;
	AUTO(arena_free) struct arena *scratch = arena_new();
	struct batch_item *items = arena_alloc(scratch, f->n * sizeof(*items));
	int64_t left = flight_deadline(f) - loop_now(w->loop), timeout = LOOP_MS(w->opt.call_timeout_ms);
	struct batch_call call = { .batch = f->name, .type = (int)a->type, .number = a->number, .epoch = w->epoch,
		.incarnation = a->incarnation, .digest = f->digest };

	for (size_t i = 0; i < f->n; i++) {
		items[i].request_id = f->rq[i].item->id.request_id;
		items[i].service_id = f->rq[i].item->id.service_id;
	}
	call.items.items = items;
	call.items.n = f->n;
	if (left < timeout)
		timeout = left > LOOP_MS(10) ? left : LOOP_MS(10);
	call.deadline_ms = timeout / 1000;
	batch_call_encode(&call, &body);
	buf_str(&url, a->url);
	if (w->opt.auth_key != NULL) {
		buf_str(&url, "?authkey=");
		percent_encode(&url, w->opt.auth_key);
	}
	a->call = client_call(w->client, buf_cstr(&url), &(struct slice){ body.data, body.len }, timeout, on_answer, a);
}

void fanout_ask(struct flight *f, const struct member *const *members, size_t n)
{
	enum call_type type = flight_question(f);
	int64_t number = flight_number(f), now = loop_now(f->w->loop);

	if (store_link(f->w->st) != STORE_LINK_UP)
		return; /* the lease may be over: start nothing */
	for (size_t i = 0; i < n; i++) {
		const struct member *m = members[i];
		struct ask *a;

		if (!m->registered || m->excluded || m->base_uri == NULL || tally_confirmed(f->tally, m, type, number))
			continue;
		if (member_is_java(m)) {
			java_ask(f, m, type, number);
			continue;
		}
		a = ask_for(f, m, type, number);
		if (a->call == NULL && now >= a->retry_at)
			send(a);
	}
}

int64_t fanout_retry_at(const struct flight *f)
{
	int64_t at = java_retry_at(f);

	for (const struct ask *a = f->asks; a != NULL; a = a->next)
		if (a->call == NULL && a->retry_at > loop_now(f->w->loop) && a->retry_at < at)
			at = a->retry_at;
	return at;
}

void fanout_cancel(struct flight *f)
{
	for (struct ask *a = f->asks; a != NULL; a = a->next)
		call_cancel(&a->call);
}
