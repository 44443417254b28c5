/*
 * java_call.c - calls to Java agents: one at a time to each, and what may still come of calls that were not answered
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/java_call.h"

#include "lib/base/str.h"
#include "lib/http/query.h"

#include <stdlib.h>
#include <string.h>

struct java_run {
	struct java_run *prev, *next;
	struct java_calls *calls;
	struct arena *arena;
	const char *base_uri, *name, *url;
	bool batch;
	enum call_type type;
	struct java_items items;
	struct strings services;
	size_t at; /* item of a single call */
	int64_t timeout_us, ask_at;
	bool tentative;
	struct call *call;
	java_fn *done; /* NULL: nobody waits */
	void *ctx;
};

struct doubt { /* a call that may still be carried out */
	struct doubt *prev, *next;
	struct arena *arena;
	const char *base_uri; /* NULL: any */
	const char *name;
	enum call_type type;
	struct strings services;
	int64_t until; /* loop time */
};

struct java_calls {
	struct worker *w;
	struct java_run *runs;
	struct doubt *doubts;
};

/* --- doubts -------------------------------------------------------------------------------------- */

static void doubt_free(struct java_calls *j, struct doubt *d)
{
	DL_DELETE(j->doubts, d);
	arena_free(&d->arena);
}

static void add_doubt(struct java_calls *j, const char *base_uri, const char *name, enum call_type type,
	const struct strings *services)
{
	struct arena *a = arena_new();
	struct doubt *d = arena_alloc(a, sizeof(*d));

	*d = (struct doubt){ .arena = a, .type = type, .until = loop_now(j->w->loop) + LOOP_MS(j->w->opt.java.settle_ms) };
	d->base_uri = arena_strdup(a, base_uri);
	d->name = arena_strdup(a, name);
	for (size_t i = 0; i < services->n; i++)
		strings_add(&d->services, a, arena_strdup(a, services->items[i]));
	DL_APPEND(j->doubts, d);
}

/* The same call again does the same thing: only another one undoes what this one does. */
static bool spoils(const struct doubt *d, const struct java_run *run)
{
	if (d->base_uri != NULL && strcmp(d->base_uri, run->base_uri) != 0)
		return false;
	if (d->type != CALL_APPLY && run->type != CALL_APPLY)
		return false; /* whoever goes back goes to the committed state */
	if (d->type == run->type && strcmp(d->name, run->name) == 0)
		return false;
	return strings_meet(&d->services, &run->services);
}

static void judge_doubts(struct java_run *run)
{
	struct java_calls *j = run->calls;
	int64_t now = loop_now(j->w->loop);
	struct doubt *d, *tmp;

	DL_FOREACH_SAFE(j->doubts, d, tmp) {
		if (d->until <= now) {
			doubt_free(j, d);
		} else if (spoils(d, run)) {
			run->tentative = true;
			if (d->until > run->ask_at)
				run->ask_at = d->until;
		}
	}
}

void java_calls_doubt(struct java_calls *j, const char *name, enum call_type type, const struct request *const *requests, size_t n)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct strings services = { NULL, 0 };

	for (size_t i = 0; i < n; i++)
		strings_add(&services, a, requests[i]->service->id);
	add_doubt(j, NULL, name, type, &services);
}

/* --- one run: a call to /batch, or one call after the other ------------------------------------------ */

static void send(struct java_run *run);

static void run_free(struct java_run *run)
{
	DL_DELETE(run->calls->runs, run);
	call_cancel(&run->call);
	arena_free(&run->arena);
}

static void wake_flights(struct worker *w)
{
	struct flight *f, *next;

	for (f = w->flights; f != NULL; f = next) {
		next = f->next;
		flight_advance(f);
	}
}

static void run_over(struct java_run *run, const struct java_answered *said)
{
	struct worker *w = run->calls->w;
	struct java_result res = { .said = *said, .url = run->url, .tentative = run->tentative && said->ok, .ask_at = run->ask_at };

	if (said->doubtful)
		add_doubt(run->calls, run->base_uri, run->name, run->type, &run->services);
	if (run->done != NULL)
		run->done(run->ctx, &res);
	run_free(run);
	wake_flights(w); /* also who waited for this one's end */
}

static void on_answer(void *ctx, const struct call_result *res)
{
	struct java_run *run = ctx;
	struct java_answered said = { .doubtful = res->end == CALL_MAYBE_DELIVERED, .exception = res->text };

	run->call = NULL;
	if (res->end == CALL_ANSWERED && run->batch)
		java_batch_answered(res->status, res->body, res->len, &run->items, run->arena, &said);
	else if (res->end == CALL_ANSWERED)
		java_single_answered(res->status, res->body, res->len, run->arena, &said);
	if (!run->batch && said.ok && ++run->at < run->items.n)
		send(run);
	else
		run_over(run, &said);
}

static void send(struct java_run *run)
{
	struct worker *w = run->calls->w;
	const struct java_item *it = &run->items.items[run->at];
	struct call_how how = { .method = "POST", .fresh = true };
	AUTO(buf_release) struct buf url = BUF_INIT, body = BUF_INIT;
	struct slice sent;

	if (run->batch) {
		java_url(w->opt.java.batch_url, run->base_uri, "", &url);
		java_items_encode(run->items.items, run->items.n, &body);
	} else {
		java_url(w->opt.java.request_url, run->base_uri, it->request_id, &url);
		how.method = it->type == JAVA_APPLY ? "POST" : "DELETE"; /* a POST would apply it again */
	}
	run->url = arena_strdup(run->arena, buf_cstr(&url));
	if (w->opt.auth_key != NULL) {
		buf_str(&url, "?authkey=");
		percent_encode(&url, w->opt.auth_key);
	}
	sent = (struct slice){ body.data, body.len };
	run->call = client_call_how(w->client, &how, buf_cstr(&url), run->batch ? &sent : NULL, run->timeout_us, on_answer, run);
}

static struct java_run *run_new(struct java_calls *j, const struct java_order *o)
{
	struct arena *a = arena_new();
	struct java_run *run = arena_alloc(a, sizeof(*run));

	*run = (struct java_run){ .calls = j, .arena = a, .batch = o->batch, .type = o->type, .timeout_us = o->timeout_us };
	run->base_uri = arena_strdup(a, o->base_uri);
	run->name = arena_strdup(a, o->name);
	java_items_make(o->requests, o->types, o->n, o->reload && o->batch, a, &run->items);
	for (size_t i = 0; i < run->items.n; i++)
		run->items.items[i].request_id = arena_strdup(a, run->items.items[i].request_id);
	for (size_t i = 0; i < o->n; i++)
		strings_add(&run->services, a, arena_strdup(a, o->requests[i]->service->id));
	return run;
}

struct java_run *java_call(struct java_calls *j, const struct java_order *o, java_fn *done, void *ctx)
{
	struct java_run *run;

	ASSERT(!java_calls_busy(j, o->base_uri) && o->n > 0);
	run = run_new(j, o);
	run->done = done;
	run->ctx = ctx;
	judge_doubts(run);
	DL_APPEND(j->runs, run);
	send(run);
	return run;
}

void java_call_forget(struct java_run **runp)
{
	struct java_run *run = STEAL(*runp);

	if (run != NULL)
		run->done = NULL;
}

bool java_calls_busy(const struct java_calls *j, const char *base_uri)
{
	const struct java_run *run;

	DL_FOREACH(j->runs, run)
		if (strcmp(run->base_uri, base_uri) == 0)
			return true;
	return false;
}

/* --- life ---------------------------------------------------------------------------------------------- */

struct java_calls *java_calls_new(struct worker *w)
{
	struct java_calls *j = xcalloc(1, sizeof(*j));

	j->w = w;
	return j;
}

void java_calls_free(struct java_calls **jp)
{
	struct java_calls *j = STEAL(*jp);

	if (j == NULL)
		return;
	while (j->runs != NULL)
		run_free(j->runs);
	while (j->doubts != NULL)
		doubt_free(j, j->doubts);
	free(j);
}
