/*
 * state_cache.c - the committed state of all services in memory, encoded once per change
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/state_cache.h"

#include "lib/base/buf.h"
#include "lib/records/paths.h"
#include "lib/records/state_cache_internal.h"

#include <stdlib.h>
#include <string.h>

void cached_service_ref(struct cached_service *s)
{
	s->refs++;
}

void cached_service_unref(void *p)
{
	struct cached_service *s = p;
	struct arena *a;

	if (s == NULL || --s->refs > 0)
		return;
	a = s->arena; /* the object itself lives in it */
	arena_free(&a);
}

void cached_state_unref(void *p)
{
	struct cached_state *s = p;

	if (s == NULL || --s->refs > 0)
		return;
	free(s->json);
	free(s);
}

/* --- objects and entries --- */

/* `state` lives in `a`, which the object takes. */
struct cached_service *cached_service_make(struct arena *a, const struct service_state *state)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct cached_service *s = arena_alloc(a, sizeof(*s));

	record_encode(&service_state_record, state, &json);
	s->refs = 1;
	s->arena = a;
	s->state = state;
	s->json = arena_strndup(a, json.data, json.len);
	s->json_len = json.len;
	return s;
}

void state_cache_changed(struct state_cache *c)
{
	cached_state_unref(STEAL(c->all));
}

struct entry *state_cache_entry(struct state_cache *c, const char *id)
{
	struct entry *e;

	MAP_FIND(c->entries, id, e);
	if (e == NULL) {
		e = xcalloc(1, sizeof(*e));
		e->id = xstrdup(id);
		MAP_ADD(c->entries, id, e);
	}
	return e;
}

void state_cache_remove(struct state_cache *c, struct entry *e)
{
	MAP_DEL(c->entries, e);
	cached_service_unref(e->s);
	free(e->id);
	free(e);
}

bool state_cache_was_applied(const struct state_cache *c, const char *id)
{
	struct applied *p;

	MAP_FIND(c->applied, id, p);
	return p != NULL;
}

void state_cache_forget_applied(struct state_cache *c)
{
	struct applied *p, *tmp;

	MAP_EACH(c->applied, p, tmp) {
		MAP_DEL(c->applied, p);
		free(p->id);
		free(p);
	}
}

void state_cache_look_after(struct state_cache *c, int64_t us)
{
	c->again = false;
	loop_timer_start(c->loop, &c->timer, us);
}

/* --- who wants to know --- */

static void on_tell(void *ctx)
{
	struct state_cache *c = ctx;
	struct state_listener *l, *tmp;

	DL_FOREACH_SAFE(c->listeners, l, tmp)
		l->fn(l->ctx);
}

void state_cache_tell(struct state_cache *c)
{
	if (c->listeners != NULL)
		loop_timer_start(c->loop, &c->tell, 0);
}

void state_cache_listen(struct state_cache *c, struct state_listener *l)
{
	DL_APPEND(c->listeners, l);
}

void state_cache_unlisten(struct state_cache *c, struct state_listener *l)
{
	DL_DELETE(c->listeners, l);
}

/* --- when to load --- */

static void look(void *ctx);

static void on_version(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct state_cache *c = ctx;
	bool again = c->again;
	int32_t now;

	c->checking = c->again = false;
	if (err != NULL) {
		state_cache_look_after(c, STATE_CACHE_RETRY_US);
		return;
	}
	now = reader_node(r, 0) != NULL ? reader_node(r, 0)->version : -1;
	if (now != c->version)
		state_cache_load(c);
	else if (again)
		look(c);
}

/* The version may have changed. */
static void look(void *ctx)
{
	struct state_cache *c = ctx;
	struct reader *r;

	if (c->loading || c->checking || (c->ready && loop_timer_running(&c->timer))) {
		c->again = true;
		return;
	}
	if (store_link(c->st) != STORE_LINK_UP)
		return;
	loop_timer_stop(c->loop, &c->timer);
	if (!c->ready) {
		state_cache_load(c);
		return;
	}
	c->checking = true;
	r = reader_new(c->st, c->life);
	reader_get(r, PATH_STATE_VERSION);
	reader_run(&r, on_version, c);
}

static void on_timer(void *ctx)
{
	struct state_cache *c = ctx;

	if (c->building)
		state_cache_build_some(c);
	else
		look(c);
}

struct state_cache *state_cache_new(struct loop *l, struct store *st)
{
	struct state_cache *c = xcalloc(1, sizeof(*c));

	c->loop = l;
	c->st = st;
	c->version = -1;
	c->life = life_new();
	c->timer = (struct loop_timer){ .fn = on_timer, .ctx = c };
	c->tell = (struct loop_timer){ .fn = on_tell, .ctx = c };
	c->watch = store_watch_new(st, PATH_STATE_VERSION, STORE_WATCH_DATA, look, c);
	loop_timer_start(l, &c->timer, 0);
	return c;
}

void state_cache_free(struct state_cache **cp)
{
	struct state_cache *c = STEAL(*cp);
	struct entry *e, *tmp;

	if (c == NULL)
		return;
	life_end(&c->life);
	store_watch_free(&c->watch);
	loop_timer_stop(c->loop, &c->timer);
	loop_timer_stop(c->loop, &c->tell);
	if (!c->building) { /* the waves are with the store, and go silently */
		c->staged = NULL;
		c->n_staged = 0;
	}
	state_cache_drop_load(c);
	state_cache_changed(c);
	MAP_EACH(c->entries, e, tmp)
		state_cache_remove(c, e);
	free(c);
}

/* --- readers, and commits of our own --- */

bool state_cache_ready(const struct state_cache *c)
{
	return c->ready;
}

bool state_cache_current(const struct state_cache *c)
{
	return c->ready && !c->checking && !c->loading && !c->again && !loop_timer_running(&c->timer);
}

int32_t state_cache_version(const struct state_cache *c)
{
	return c->version;
}

size_t state_cache_count(const struct state_cache *c)
{
	return MAP_COUNT(c->entries);
}

size_t state_cache_unreadable(const struct state_cache *c)
{
	return c->unreadable;
}

uint64_t state_cache_loads(const struct state_cache *c)
{
	return c->load;
}

struct cached_service *state_cache_get(const struct state_cache *c, const char *service_id)
{
	struct entry *e;

	MAP_FIND(c->entries, service_id, e);
	return e != NULL ? e->s : NULL;
}

void state_cache_each(
	const struct state_cache *c, void (*each)(void *ctx, struct cached_service *s), void *ctx)
{
	struct entry *e, *tmp;

	MAP_EACH(c->entries, e, tmp)
		each(ctx, e->s);
}

struct cached_state *state_cache_all(struct state_cache *c)
{
	if (c->all == NULL) {
		AUTO(buf_release) struct buf json = BUF_INIT;
		struct entry *e, *tmp;

		buf_char(&json, '[');
		MAP_EACH(c->entries, e, tmp) {
			if (json.len > 1)
				buf_char(&json, ',');
			buf_append(&json, e->s->json, e->s->json_len);
		}
		buf_char(&json, ']');
		c->all = xcalloc(1, sizeof(*c->all));
		c->all->refs = 1;
		c->all->version = c->version;
		c->all->json = buf_steal(&json, &c->all->json_len);
	}
	c->all->refs++;
	return c->all;
}

static void apply_one(struct state_cache *c, const struct state_change *ch)
{
	struct entry *e;

	if (c->loading && !state_cache_was_applied(c, ch->service_id)) {
		struct applied *p = xcalloc(1, sizeof(*p));

		p->id = xstrdup(ch->service_id);
		MAP_ADD(c->applied, id, p);
	}
	if (ch->state->service == NULL) {
		MAP_FIND(c->entries, ch->service_id, e);
		if (e != NULL)
			state_cache_remove(c, e);
		return;
	}
	e = state_cache_entry(c, ch->service_id);
	cached_service_unref(e->s);
	{
		struct arena *a = arena_new();

		e->s = cached_service_make(a, record_clone(&service_state_record, ch->state, a));
	}
	e->known = false; /* the versions of its node were not told */
}

void state_cache_apply(
	struct state_cache *c, const struct state_change *changes, size_t n, bool version_bumped)
{
	for (size_t i = 0; i < n; i++)
		apply_one(c, &changes[i]);
	if (version_bumped) {
		c->bumps++;
		c->version++;
		state_cache_tell(c);
	}
	state_cache_changed(c);
}
