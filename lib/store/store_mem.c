/*
 * store_mem.c - the client's side of the store in memory: link, calls and watches
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/store_mem.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/store/mem_internal.h"

static struct store_mem *mem_of(struct store *st)
{
	return CONTAINER_OF(st, struct store_mem, base);
}

/* --- operations --- */

static bool usable(const struct store_mem *m)
{
	return m->sess != NULL && m->sess->connected;
}

/* On a connection that broke unnoticed, a call travels nowhere: it fails with the others. */
static void mem_start(struct store *st, struct store_call *c)
{
	struct store_mem *m = mem_of(st);

	if (usable(m))
		mem_session_send(m->sess, MEM_ITEM_CALL, c, NULL);
	else
		store_call_drop(c);
}

static void mem_watch_new(struct store *st, struct store_watch *w)
{
	struct store_mem *m = mem_of(st);

	if (usable(m))
		mem_session_send(m->sess, MEM_ITEM_ARM, NULL, w);
}

static void mem_watch_free(struct store *st, struct store_watch *w)
{
	struct store_mem *m = mem_of(st);

	if (m->sess != NULL)
		mem_session_forget_watch(m->sess, w);
}

void store_mem_deliver(struct store_mem *m, struct mem_item *it)
{
	struct store_call *c;

	if (it->kind == MEM_ITEM_CALL) {
		c = STEAL(it->call);
		store_call_end(c, &it->answer, it->err.code != 0 ? &it->err : NULL);
	} else if (it->watch != NULL) {
		mem_session_send(m->sess, MEM_ITEM_ARM, NULL, it->watch);
		store_watch_fire(it->watch);
	}
}

/* --- the link --- */

/* As the C client's pause between attempts. */
static int64_t pause_us(const struct store_mem *m)
{
	return LOOP_MS(m->base.timeout_ms) / 60;
}

static void connect_later(struct store_mem *m)
{
	int64_t now = loop_now(m->srv->l);

	if (m->back_us == INT64_MAX)
		loop_timer_stop(m->srv->l, &m->connect_timer);
	else
		loop_timer_start(m->srv->l, &m->connect_timer, m->back_us > now ? m->back_us - now : 0);
}

void store_mem_broken(struct store_mem *m, int64_t after_us)
{
	m->back_us = loop_now(m->srv->l) + after_us + pause_us(m);
	loop_timer_start(m->srv->l, &m->notice_timer, after_us);
}

static void notice(void *ctx)
{
	struct store_mem *m = ctx;

	if (usable(m))
		mem_session_disconnect(m->sess); /* it was frozen, and the client's patience is over */
	connect_later(m);
	store_ref(&m->base);
	if (m->base.link == STORE_LINK_UP)
		store_set_link(&m->base, STORE_LINK_SUSPECT);
	store_fail_started(&m->base, "connection lost");
	store_unref(&m->base);
}

static void come_up(struct store_mem *m)
{
	struct store_watch *w;

	DL_FOREACH(m->base.watches, w)
		w->armed = true;
	store_set_link(&m->base, STORE_LINK_UP);
}

static void reconnect(void *ctx)
{
	struct store_mem *m = ctx;

	if (m->sess == NULL) {
		m->sess = mem_session_new(m->srv, m);
		m->base.session++;
		if (m->lag_us > 0)
			mem_session_lag(m->sess, m->lag_us);
		come_up(m);
	} else if (m->sess->alive) {
		mem_session_resume(m->sess);
		come_up(m);
	} else {
		m->sess->st = NULL;
		mem_session_unref(STEAL(m->sess));
		m->back_us = loop_now(m->srv->l) + 2 * mem_server_trip(m->srv);
		connect_later(m);
		store_set_link(&m->base, STORE_LINK_LOST);
	}
}

void store_mem_cut(struct store *st, int64_t back_after_us)
{
	struct store_mem *m = mem_of(st);

	ASSERT(!st->closed);
	if (usable(m)) {
		mem_session_disconnect(m->sess);
		store_mem_broken(m, 0);
	}
	m->back_us = back_after_us == INT64_MAX ? INT64_MAX : loop_now(m->srv->l) + back_after_us;
	if (!loop_timer_running(&m->notice_timer))
		connect_later(m);
}

void store_mem_expire(struct store *st)
{
	struct store_mem *m = mem_of(st);
	bool was_connected = usable(m);

	ASSERT(!st->closed);
	if (m->sess == NULL || !m->sess->alive)
		return;
	if (was_connected)
		store_mem_broken(m, 0);
	mem_session_end(m->sess);
}

void store_mem_lag(struct store *st, int64_t lag_us)
{
	struct store_mem *m = mem_of(st);

	ASSERT(!st->closed);
	m->lag_us = lag_us;
	if (m->sess != NULL && m->sess->alive)
		mem_session_lag(m->sess, lag_us);
}

/* --- birth and death --- */

static void mem_close(struct store *st)
{
	struct store_mem *m = mem_of(st);
	struct mem_session *s = STEAL(m->sess);

	loop_timer_stop(m->srv->l, &m->notice_timer);
	loop_timer_stop(m->srv->l, &m->connect_timer);
	if (s == NULL)
		return;
	s->st = NULL;
	if (s->connected && (m->abandoned || s->frozen))
		mem_session_disconnect(s);
	else if (s->connected)
		mem_session_send(s, MEM_ITEM_CLOSE, NULL, NULL);
	mem_session_unref(s);
}

static void mem_release(struct store *st)
{
	struct store_mem *m = mem_of(st);

	free(m->name);
	free(m);
}

static const struct store_ops mem_ops = {mem_start, mem_watch_new, mem_watch_free, mem_close, mem_release};

struct store *store_mem_new(struct mem_server *s, const char *name, int64_t session_timeout_ms)
{
	struct store_mem *m = xcalloc(1, sizeof(*m));

	store_init(&m->base, s->l, &mem_ops);
	m->base.timeout_ms = session_timeout_ms;
	m->srv = s;
	m->name = xstrdup(name);
	m->notice_timer = (struct loop_timer){.fn = notice, .ctx = m};
	m->connect_timer = (struct loop_timer){.fn = reconnect, .ctx = m};
	DL_APPEND(s->stores, m);
	store_ref(&m->base);
	m->back_us = loop_now(s->l) + 2 * mem_server_trip(s);
	connect_later(m);
	return &m->base;
}

void store_mem_die(struct store *st)
{
	struct store_mem *m = mem_of(st);

	m->abandoned = true;
	mem_close(st);
	st->link = STORE_LINK_DOWN;
}

void store_mem_abandon(struct store **stp)
{
	struct store *st = STEAL(*stp);

	if (st == NULL)
		return;
	mem_of(st)->abandoned = true;
	store_shut(st);
	store_unref(st);
}
