/*
 * wait.c - wait=SECONDS: an answer that is held until there is something new
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/api/wait.h"

#include "lib/base/life.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "service/api/job.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_MAX 1000
/* Paths of all watches travel in one packet at a reconnect, and ZooKeeper refuses one above a MiB. */
#define TOPICS_MAX ((size_t)2000)

/* A request that somebody waits, or has waited, for. */
struct topic {
	UT_hash_handle hh;
	struct waiters *all;
	char *id;
	struct life *life;
	struct store_watch *watch; /* NULL: it is not known yet whether there is such a request */
	struct waiter *list;
	bool reading, again;
};

struct waiter {
	struct waiter *prev, *next;
	struct waiters *all;
	struct topic *topic; /* NULL: of the state */
	struct http_request *rq;
	wait_answer_fn *answer;
	struct loop_timer over;
	int seen;        /* enum public_state; -1 = not known yet */
	int32_t version; /* of the state */
};

struct waiters {
	struct api *api;
	size_t max, n;
	bool released;
	struct topic *topics;
	struct waiter *state;
	struct state_listener listener;
};

/* --- one that waits --- */

static struct http_request *take(struct waiter *w)
{
	struct http_request *rq = w->rq;

	http_on_gone(rq, NULL, NULL);
	loop_timer_stop(w->all->api->opt.loop, &w->over);
	if (w->topic != NULL)
		DL_DELETE(w->topic->list, w);
	else
		DL_DELETE(w->all->state, w);
	w->all->n--;
	free(w);
	return rq;
}

static void answer_now(struct waiter *w)
{
	wait_answer_fn *answer = w->answer;
	struct api *api = w->all->api;

	answer(take(w), api);
}

static void on_over(void *ctx)
{
	answer_now(ctx);
}

static void on_gone(void *ctx)
{
	struct http_request *rq = take(ctx);

	http_reply_error(&rq, 503, "gone");
}

static struct waiter *hold(struct waiters *all, struct topic *topic, struct http_request *rq, int64_t seconds,
	wait_answer_fn *answer)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	*w = (struct waiter){ .all = all, .topic = topic, .rq = rq, .answer = answer, .seen = -1 };
	w->over = (struct loop_timer){ .fn = on_over, .ctx = w };
	if (topic != NULL)
		DL_APPEND(topic->list, w);
	else
		DL_APPEND(all->state, w);
	all->n++;
	http_on_gone(rq, on_gone, w);
	loop_timer_start(all->api->opt.loop, &w->over, LOOP_MS(seconds * 1000));
	return w;
}

/* --- what is asked for --- */

/* *seconds 0: it does not want to, or cannot, be held. False: it was answered. */
static bool parse_wait(struct waiters *all, struct http_request **rq, int64_t *seconds)
{
	const char *text = http_query(*rq, "wait");

	*seconds = 0;
	if (text != NULL && !str_to_i64(text, 0, WAIT_MAX_SECONDS, seconds)) {
		http_reply_error(rq, 400, "wait: must be a whole number of seconds, 0 to 60");
		return false;
	}
	if (all->released || all->n >= all->max)
		*seconds = 0;
	return true;
}

static bool parse_seen(struct http_request **rq, int *seen)
{
	const char *text = http_query(*rq, "seen");

	*seen = -1;
	if (text == NULL)
		return true;
	for (int i = 0; public_state_names[i] != NULL; i++)
		if (str_eq(public_state_names[i], text))
			*seen = i;
	if (*seen < 0)
		http_reply_error(rq, 400, "seen: must be a loadBalancerState");
	return *seen >= 0;
}

/* --- the state --- */

static void on_state(void *ctx)
{
	struct waiters *all = ctx;
	int32_t now = state_cache_version(all->api->opt.cache);
	struct waiter *w, *tmp;

	DL_FOREACH_SAFE(all->state, w, tmp)
		if (w->version != now)
			answer_now(w);
}

void wait_for_state(struct api *api, struct http_request *rq, wait_answer_fn *answer)
{
	const struct state_cache *cache = api->opt.cache;
	int32_t version = state_cache_version(cache);
	char etag[16];
	int64_t seconds;

	if (!parse_wait(api->waiters, &rq, &seconds))
		return;
	snprintf(etag, sizeof(etag), "%" PRId32, version);
	if (seconds > 0 && state_cache_ready(cache) && str_eq(http_header(rq, "If-None-Match"), etag))
		hold(api->waiters, NULL, rq, seconds, answer)->version = version;
	else
		answer(rq, api);
}

/* --- a request --- */

static void topic_free(struct topic *t)
{
	HASH_DEL(t->all->topics, t);
	store_watch_free(&t->watch);
	life_end(&t->life);
	free(t->id);
	free(t);
}

/* -1: it has ended, or there is no such; -2: it cannot be said now. */
static int state_of(const struct store_node *node, const struct error *err)
{
	AUTO(arena_free) struct arena *a = NULL;
	const char *text;
	int internal;

	if (err != NULL)
		return err->code == ERR_NOT_FOUND ? -1 : -2;
	a = arena_new();
	if (json_string_decode(node->data, node->len, a, &text, NULL) != 0)
		return -1;
	internal = internal_state_parse(text);
	if (internal < 0 || internal_state_terminal((enum internal_state)internal))
		return -1;
	return (int)internal_state_public((enum internal_state)internal);
}

struct reading {
	struct life *life;
	struct topic *topic;
};

static void read_status(struct topic *t);

static void on_changed(void *ctx)
{
	read_status(ctx);
}

static void watch(struct topic *t)
{
	AUTO(arena_free) struct arena *a = arena_new();

	t->watch = store_watch_new(t->all->api->opt.store, path_status(a, t->id), STORE_WATCH_DATA, on_changed, t);
	t->again = true; /* what came before the watch */
}

static void answer_those_who_saw_another(struct topic *t, int state)
{
	struct waiter *w, *tmp;

	DL_FOREACH_SAFE(t->list, w, tmp) {
		if (w->seen < 0)
			w->seen = state;
		if (w->seen != state)
			answer_now(w);
	}
}

static void on_status(void *ctx, const struct store_node *node, const struct error *err)
{
	struct reading *r = ctx;
	struct topic *t = r->topic;
	bool over = r->life->over;
	int state;

	life_unref(&r->life);
	free(r);
	if (over)
		return;
	t->reading = false;
	state = state_of(node, err);
	if (state == -2 && t->watch != NULL)
		return; /* the watch tells when ZooKeeper is back */
	if (state < 0) {
		while (t->list != NULL)
			answer_now(t->list);
		topic_free(t);
		return;
	}
	answer_those_who_saw_another(t, state);
	if (t->watch == NULL && t->list == NULL) {
		topic_free(t);
		return;
	}
	if (t->watch == NULL)
		watch(t);
	if (t->again)
		read_status(t);
}

static void read_status(struct topic *t)
{
	AUTO(arena_free) struct arena *a = NULL;
	struct reading *r;

	t->again = t->reading;
	if (t->reading)
		return;
	t->reading = true;
	a = arena_new();
	r = xmalloc(sizeof(*r));
	*r = (struct reading){ life_ref(t->life), t };
	store_get(t->all->api->opt.store, path_status(a, t->id), on_status, r);
}

static struct topic *topic_of(struct waiters *all, const char *id)
{
	size_t max = all->max < TOPICS_MAX ? all->max : TOPICS_MAX;
	struct topic *t;

	MAP_FIND(all->topics, id, t);
	if (t != NULL || MAP_COUNT(all->topics) >= max)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->all = all;
	t->id = xstrdup(id);
	t->life = life_new();
	MAP_ADD(all->topics, id, t);
	return t;
}

void wait_for_request(struct api *api, struct http_request *rq, const char *id, wait_answer_fn *answer)
{
	struct topic *t = NULL;
	int64_t seconds;
	int seen;

	if (!parse_wait(api->waiters, &rq, &seconds) || !parse_seen(&rq, &seen))
		return;
	if (seconds > 0 && path_name_ok(id) && store_link(api->opt.store) == STORE_LINK_UP)
		t = topic_of(api->waiters, id);
	if (t == NULL) {
		answer(rq, api);
		return;
	}
	hold(api->waiters, t, rq, seconds, answer)->seen = seen;
	read_status(t);
}

/* --- all of them --- */

struct waiters *waiters_new(struct api *api, size_t max)
{
	struct waiters *all = xcalloc(1, sizeof(*all));

	all->api = api;
	all->max = max > 0 ? max : DEFAULT_MAX;
	all->listener = (struct state_listener){ .fn = on_state, .ctx = all };
	state_cache_listen(api->opt.cache, &all->listener);
	return all;
}

size_t waiters_count(const struct waiters *all)
{
	return all->n;
}

static struct waiter *any(const struct waiters *all)
{
	for (const struct topic *t = all->topics; t != NULL; t = t->hh.next)
		if (t->list != NULL)
			return t->list;
	return all->state;
}

void waiters_release(struct waiters *all)
{
	struct waiter *w;

	all->released = true;
	while ((w = any(all)) != NULL)
		answer_now(w);
}

void waiters_free(struct waiters **ap)
{
	struct waiters *all = STEAL(*ap);
	struct waiter *w;

	if (all == NULL)
		return;
	while ((w = any(all)) != NULL) {
		struct http_request *rq = take(w);

		http_reply_error(&rq, 503, "this service is stopping");
	}
	while (all->topics != NULL)
		topic_free(all->topics);
	state_cache_unlisten(all->api->opt.cache, &all->listener);
	free(all);
}
