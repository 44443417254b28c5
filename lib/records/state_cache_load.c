/*
 * state_cache_load.c - one load of the whole state, as one consistent picture
 *
 * It reads the version, the list, every service node, the children of those that changed, and the
 * version again.  All answers of one session come in the order of the questions, its own commits
 * included: so the picture is whole if the version grew by exactly the commits that were put in
 * meanwhile, and what was put in wins over what was read.
 *
 * Layer: lib/records, private to state_cache.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/state_cache_internal.h"

#include "lib/records/paths.h"

#include <stdlib.h>
#include <string.h>

#define BUILD_PER_TURN 200 /* services decoded and encoded in one turn of the loop */
#define TORN_MAX                                                                                   \
	3 /* loads in a row that something moved under; then the last is taken, and loaded again   \
	     later */
#define REST_MIN_US LOOP_MS(20)

static struct cached_service *build(
	const struct store_node *node, const char *const *names, size_t n)
{
	struct arena *a = arena_new();
	struct service_state *state = arena_alloc(a, sizeof(*state));
	struct service *service;

	if (record_decode(&service_record, node->data, node->len, a, &service, NULL) != 0) {
		arena_free(&a);
		return NULL;
	}
	state->service = service;
	state->upstreams.items = arena_alloc(a, (n + 1) * sizeof(*state->upstreams.items));
	for (size_t i = 0; i < n; i++)
		if (upstream_from_text(
			    names[i], a, &state->upstreams.items[state->upstreams.n], NULL) == 0)
			state->upstreams.n++;
	return cached_service_make(a, state);
}

void state_cache_drop_load(struct state_cache *c)
{
	for (size_t i = 0; i < c->n_staged; i++)
		cached_service_unref(c->staged[i].s);
	c->staged = NULL;
	c->n_staged = c->built = 0;
	reader_free(&c->waves);
	state_cache_forget_applied(c);
	c->loading = c->building = false;
}

static void load_failed(struct state_cache *c, struct reader **r_take)
{
	c->staged = NULL; /* it lives in the first wave */
	c->n_staged = 0;
	reader_free(r_take);
	state_cache_drop_load(c);
	/* Without a connection the watch tells when there is one again; this is for everything
	 * else. */
	state_cache_look_after(c, STATE_CACHE_RETRY_US);
}

static void swap(struct state_cache *c)
{
	struct entry *e, *tmp;

	c->unreadable = 0;
	for (size_t i = 0; i < c->n_staged; i++) {
		struct staged *g = &c->staged[i];
		const struct store_node *node = reader_node(c->waves->prev, g->get);

		c->unreadable += g->changed && g->s == NULL;
		if (state_cache_was_applied(c, g->id) || node == NULL ||
			(g->changed && g->s == NULL))
			continue;
		e = state_cache_entry(c, g->id);
		e->load = c->load;
		if (!g->changed)
			continue;
		cached_service_unref(e->s);
		e->s = STEAL(g->s);
		e->known = true;
		e->version = node->version;
		e->children_version = node->children_version;
		e->created = node->created_zxid;
	}
	MAP_EACH(c->entries, e, tmp)
		if (e->load != c->load && !state_cache_was_applied(c, e->id))
			state_cache_remove(c, e);
	state_cache_changed(c);
}

static void finish_load(struct state_cache *c)
{
	bool whole = (int64_t)c->v1 - c->v0 == (int64_t)(c->bumps1 - c->bumps0);

	c->took = loop_now(c->loop) - c->started;
	c->torn = whole ? 0 : c->torn + 1;
	if (whole || c->torn >= TORN_MAX) {
		int32_t before = c->version;

		swap(c);
		/* Of a torn picture the older version is told, so that the next look loads again.
		 */
		c->version = whole ? c->v1 + (int32_t)(c->bumps - c->bumps1) : c->v0;
		c->ready = true;
		if (c->version != before)
			state_cache_tell(c);
		c->again |= !whole;
	} else {
		c->again = true;
	}
	state_cache_drop_load(c);
	if (c->again)
		state_cache_look_after(c, c->took > REST_MIN_US ? c->took : REST_MIN_US);
}

void state_cache_build_some(struct state_cache *c)
{
	struct reader *r = c->waves;
	size_t left = BUILD_PER_TURN;

	for (; c->built < c->n_staged && left > 0; c->built++) {
		struct staged *g = &c->staged[c->built];
		const char *const *names;
		size_t n;

		if (!g->changed)
			continue;
		names = reader_names(r, g->children, &n);
		g->s = build(reader_node(r->prev, g->get), names, n);
		left--;
	}
	if (c->built == c->n_staged)
		finish_load(c);
	else
		loop_timer_start(c->loop, &c->timer, 0);
}

static int32_t version_of(const struct reader *r, size_t i)
{
	return reader_node(r, i) != NULL ? reader_node(r, i)->version : -1;
}

static void on_children(void *ctx, struct reader **r_take, const struct error *err)
{
	struct state_cache *c = ctx;

	if (err != NULL) {
		load_failed(c, r_take);
		return;
	}
	c->waves = STEAL(*r_take);
	c->v1 = version_of(c->waves, c->at_v1);
	c->bumps1 = c->bumps;
	c->building = true;
	state_cache_build_some(c);
}

static bool is_same(const struct entry *e, const struct store_node *node)
{
	return e != NULL && e->known && e->version == node->version &&
	       e->children_version == node->children_version && e->created == node->created_zxid;
}

static void on_nodes(void *ctx, struct reader **r_take, const struct error *err)
{
	struct state_cache *c = ctx;
	struct reader *nodes = *r_take, *r;

	if (err != NULL) {
		load_failed(c, r_take);
		return;
	}
	r = reader_next(r_take);
	for (size_t i = 0; i < c->n_staged; i++) {
		struct staged *g = &c->staged[i];
		const struct store_node *node = reader_node(nodes, g->get);
		struct entry *e;

		MAP_FIND(c->entries, g->id, e);
		g->changed = node != NULL && !is_same(e, node);
		if (g->changed)
			g->children = reader_children(r, path_service(r->arena, g->id));
	}
	c->at_v1 = reader_get(r, PATH_STATE_VERSION);
	reader_run(&r, on_children, c);
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	struct state_cache *c = ctx;
	struct reader *list = *r_take, *r;
	const char *const *names;
	const char **sorted;
	size_t n;

	if (err != NULL) {
		load_failed(c, r_take);
		return;
	}
	c->v0 = version_of(list, 0);
	c->bumps0 = c->bumps;
	names = reader_names(list, 1, &n);
	sorted = arena_alloc(list->arena, (n + 1) * sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = names[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	c->staged = arena_alloc(list->arena, (n + 1) * sizeof(*c->staged));
	c->n_staged = n;
	r = reader_next(r_take);
	for (size_t i = 0; i < n; i++) {
		c->staged[i].id = sorted[i];
		c->staged[i].get = reader_get(r, path_service(r->arena, sorted[i]));
	}
	reader_run(&r, on_nodes, c);
}

void state_cache_load(struct state_cache *c)
{
	struct reader *r = reader_new(c->st, c->life);

	c->loading = true;
	c->again = false;
	c->load++;
	c->started = loop_now(c->loop);
	reader_get(r, PATH_STATE_VERSION);
	reader_children(r, PATH_STATE);
	reader_run(&r, on_names, c);
}
