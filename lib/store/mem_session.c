/*
 * mem_session.c - one session at the server of store_mem: its queues, what it serves, its end
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/mem_internal.h"

static void arrive(void *ctx);
static void deliver(void *ctx);
static void expired(void *ctx);
static void view_moves(void *ctx);

struct mem_session *mem_session_new(struct mem_server *srv, struct store_mem *st)
{
	struct mem_session *s = xcalloc(1, sizeof(*s));

	s->refs = 2; /* the server's list, and the client */
	s->srv = srv;
	s->id = ++srv->sessions_made;
	s->name = xstrdup(st->name);
	s->timeout_us = LOOP_MS(st->base.timeout_ms);
	s->st = st;
	s->alive = s->connected = true;
	s->up_timer = (struct loop_timer){.fn = arrive, .ctx = s};
	s->down_timer = (struct loop_timer){.fn = deliver, .ctx = s};
	s->expire_timer = (struct loop_timer){.fn = expired, .ctx = s};
	s->lag_timer = (struct loop_timer){.fn = view_moves, .ctx = s};
	DL_APPEND(srv->sessions, s);
	return s;
}

void mem_session_unref(struct mem_session *s)
{
	if (--s->refs > 0)
		return;
	free(s->name);
	free(s);
}

/* --- what travels --- */

static void item_free(struct mem_item *it)
{
	if (it->call != NULL)
		store_call_drop(it->call);
	arena_free(&it->mem);
	free(it);
}

static void flush(struct mem_item **queue)
{
	struct mem_item *it, *tmp;

	DL_FOREACH_SAFE(*queue, it, tmp) {
		DL_DELETE(*queue, it);
		item_free(it);
	}
}

/* Restarting is not needed while an earlier item is on its way. */
static void enqueue(struct mem_session *s, struct mem_item **queue, int64_t *last_us, struct loop_timer *t,
	struct mem_item *it)
{
	int64_t now = loop_now(s->srv->l);

	it->at_us = now + mem_server_trip(s->srv);
	if (it->at_us < *last_us)
		it->at_us = *last_us;
	*last_us = it->at_us;
	DL_APPEND(*queue, it);
	if (!loop_timer_running(t))
		loop_timer_start(s->srv->l, t, (*queue)->at_us - now);
}

void mem_session_send(struct mem_session *s, enum mem_item_kind kind, struct store_call *c,
	struct store_watch *w)
{
	struct mem_item *it = xcalloc(1, sizeof(*it));

	it->kind = kind;
	it->call = c;
	it->watch = w;
	enqueue(s, &s->up, &s->last_up_us, &s->up_timer, it);
}

static void send_down(struct mem_session *s, struct mem_item *it)
{
	enqueue(s, &s->down, &s->last_down_us, &s->down_timer, it);
}

void mem_session_forget_watch(struct mem_session *s, const struct store_watch *w)
{
	struct mem_item *it;

	DL_FOREACH(s->up, it)
		if (it->watch == w)
			it->watch = NULL;
	DL_FOREACH(s->down, it)
		if (it->watch == w)
			it->watch = NULL;
}

static void deliver(void *ctx)
{
	struct mem_session *s = ctx;
	struct loop *l = s->srv->l;
	struct mem_item *it;

	s->refs++;
	while ((it = s->down) != NULL && it->at_us <= loop_now(l)) {
		DL_DELETE(s->down, it);
		if (s->st != NULL)
			store_mem_deliver(s->st, it);
		item_free(it);
	}
	if (s->down != NULL)
		loop_timer_start(l, &s->down_timer, s->down->at_us - loop_now(l));
	mem_session_unref(s);
}

/* --- what it sees --- */

static bool is_child(const char *path, const char *parent)
{
	size_t n = strlen(parent);

	if (n == 1)
		n = 0;
	return strncmp(path, parent, n) == 0 && path[n] == '/' && path[n + 1] != '\0' &&
		strchr(path + n + 1, '/') == NULL;
}

static bool concerns(const struct store_watch *w, const struct mem_change *ch)
{
	if (w->kind == STORE_WATCH_DATA)
		return str_eq(w->path, ch->path);
	if (!ch->created && !ch->deleted)
		return false;
	return str_eq(w->path, ch->path) || is_child(ch->path, w->path);
}

static void fire(struct mem_session *s, const struct mem_commit *c)
{
	struct store_watch *w;
	struct mem_item *it;
	size_t i;

	if (s->st == NULL || !s->connected)
		return;
	DL_FOREACH(s->st->base.watches, w)
		for (i = 0; w->armed && i < c->n; i++) {
			if (!concerns(w, &c->changes[i]))
				continue;
			w->armed = false;
			it = xcalloc(1, sizeof(*it));
			it->kind = MEM_ITEM_EVENT;
			it->watch = w;
			send_down(s, it);
		}
}

static void step_view(struct mem_session *s)
{
	struct mem_pending *p = s->pending;

	DL_DELETE(s->pending, p);
	mem_tree_replay(s->view, p->c);
	fire(s, p->c);
	mem_commit_unref(p->c);
	free(p);
}

static void catch_up(struct mem_session *s)
{
	while (s->pending != NULL)
		step_view(s);
	loop_timer_stop(s->srv->l, &s->lag_timer);
}

static void view_moves(void *ctx)
{
	struct mem_session *s = ctx;
	struct loop *l = s->srv->l;

	while (s->pending != NULL && s->pending->c->at_us + s->lag_us <= loop_now(l))
		step_view(s);
	if (s->pending != NULL)
		loop_timer_start(l, &s->lag_timer, s->pending->c->at_us + s->lag_us - loop_now(l));
}

void mem_session_see(struct mem_session *s, struct mem_commit *c)
{
	struct mem_pending *p;

	if (s->view == NULL) {
		fire(s, c);
		return;
	}
	p = xcalloc(1, sizeof(*p));
	p->c = mem_commit_ref(c);
	DL_APPEND(s->pending, p);
	if (!loop_timer_running(&s->lag_timer))
		loop_timer_start(s->srv->l, &s->lag_timer, s->lag_us);
}

void mem_session_lag(struct mem_session *s, int64_t lag_us)
{
	s->lag_us = lag_us;
	if (lag_us > 0 && s->view == NULL) {
		s->view = xcalloc(1, sizeof(*s->view));
		mem_tree_copy(s->view, &s->srv->tree);
	} else if (lag_us == 0 && s->view != NULL) {
		catch_up(s);
		mem_tree_release(s->view);
		free(STEAL(s->view));
	}
}

/* --- what it serves --- */

static void answer_get(struct mem_session *s, struct mem_item *it)
{
	const struct mem_node *n = mem_tree_find(s->view != NULL ? s->view : &s->srv->tree, it->call->path);
	void *copy;

	if (n == NULL) {
		error_set(&it->err, ERR_NOT_FOUND, "node '%s' is absent", it->call->path);
		return;
	}
	it->answer.node = n->stat;
	if (n->stat.len > 0) {
		copy = arena_alloc(it->mem, n->stat.len);
		memcpy(copy, n->stat.data, n->stat.len);
		it->answer.node.data = copy;
	}
}

static void answer_children(struct mem_session *s, struct mem_item *it)
{
	const struct mem_node *n = mem_tree_find(s->view != NULL ? s->view : &s->srv->tree, it->call->path);
	const struct mem_node *c;
	const char **names;

	if (n == NULL) {
		error_set(&it->err, ERR_NOT_FOUND, "node '%s' is absent", it->call->path);
		return;
	}
	names = arena_alloc(it->mem, ((size_t)n->stat.num_children + 1) * sizeof(*names));
	DL_FOREACH(n->children, c)
		names[it->answer.n++] = arena_strdup(it->mem, mem_node_name(c));
	mem_server_shuffle(s->srv, names, it->answer.n);
	it->answer.names = names;
}

static void answer_commit(struct mem_session *s, struct mem_item *it)
{
	const struct store_txn *t = it->call->txn;
	struct store_result *res = &it->answer.res;
	struct mem_commit *c;
	const char **created;
	size_t i;

	*res = (struct store_result){SIZE_MAX, STORE_WHY_NONE, NULL, t->n};
	created = arena_alloc(it->mem, (t->n + 1) * sizeof(*created));
	res->created = created;
	c = mem_tree_apply(&s->srv->tree, t->ops, t->n, s->id, loop_wall_ms(s->srv->l), &res->failed_op,
		&res->failed_why);
	if (c == NULL) {
		store_conflict(&it->err, t, res->failed_op, res->failed_why);
		return;
	}
	for (i = 0; i < t->n; i++)
		created[i] = arena_strdup(it->mem, c->created[i]);
	mem_server_publish(s->srv, s->name, c);
	if (s->view != NULL)
		catch_up(s); /* a follower answers a write once it has it */
}

static void apply(struct mem_session *s, struct mem_item *it)
{
	it->mem = arena_new();
	switch (it->call->kind) {
	case STORE_CALL_GET:
		answer_get(s, it);
		break;
	case STORE_CALL_CHILDREN:
		answer_children(s, it);
		break;
	case STORE_CALL_SYNC:
		if (s->view != NULL)
			catch_up(s);
		break;
	case STORE_CALL_COMMIT:
		answer_commit(s, it);
		break;
	}
}

static const char *op_path(const struct store_call *c)
{
	size_t i;

	if (c->txn == NULL)
		return c->path;
	for (i = 0; i < c->txn->n; i++)
		if (c->txn->ops[i].kind != STORE_OP_CHECK)
			return c->txn->ops[i].path;
	return c->txn->n > 0 ? c->txn->ops[0].path : "";
}

static enum mem_fault ask(struct mem_session *s, const struct mem_item *it, enum mem_moment moment, uint64_t number)
{
	static const char *const kinds[] = {"get", "children", "sync", "multi"};
	struct mem_op op = {s->name, kinds[it->call->kind], op_path(it->call), store_call_is_write(it->call),
		moment, number};

	return s->srv->hook != NULL ? s->srv->hook(s->srv->hook_ctx, &op) : MEM_FAULT_NONE;
}

/* The client is gone or will wait in vain. */
static void hold(struct mem_session *s)
{
	struct mem_item *it, *tmp;

	if (s->st != NULL) {
		s->frozen = true;
		store_mem_broken(s->st, s->timeout_us * 2 / 3);
		return;
	}
	DL_FOREACH_SAFE(s->up, it, tmp) {
		if (it->kind == MEM_ITEM_CLOSE)
			continue;
		DL_DELETE(s->up, it);
		item_free(it);
	}
}

static void lose(struct mem_session *s)
{
	if (!s->connected)
		return;
	mem_session_disconnect(s);
	if (s->st != NULL)
		store_mem_broken(s->st, 0);
}

/* Takes `it`. */
static void serve_call(struct mem_session *s, struct mem_item *it)
{
	uint64_t number = ++s->srv->ops;
	enum mem_fault before = ask(s, it, MEM_BEFORE_APPLY, number), after = MEM_FAULT_NONE;

	if (s->alive && (before == MEM_FAULT_NONE || before == MEM_FAULT_LOSE_AFTER)) {
		apply(s, it);
		after = ask(s, it, MEM_AFTER_APPLY, number);
	}
	if (before == MEM_FAULT_HOLD || after == MEM_FAULT_HOLD)
		hold(s);
	else if (before != MEM_FAULT_NONE || after != MEM_FAULT_NONE)
		lose(s);
	else if (s->st != NULL && s->connected) {
		send_down(s, it);
		return;
	}
	item_free(it);
}

static void arrive(void *ctx)
{
	struct mem_session *s = ctx;
	struct loop *l = s->srv->l;
	struct mem_item *it;

	s->refs++;
	while (!s->frozen && (it = s->up) != NULL && it->at_us <= loop_now(l)) {
		DL_DELETE(s->up, it);
		if (it->kind == MEM_ITEM_CALL) {
			serve_call(s, it);
			continue;
		}
		if (it->kind == MEM_ITEM_CLOSE)
			mem_session_end(s);
		else if (it->watch != NULL)
			it->watch->armed = true;
		item_free(it);
	}
	if (!s->frozen && s->up != NULL)
		loop_timer_start(l, &s->up_timer, s->up->at_us - loop_now(l));
	mem_session_unref(s);
}

/* --- connection and end --- */

static void stop_traffic(struct mem_session *s)
{
	s->connected = s->frozen = false;
	flush(&s->up);
	flush(&s->down);
	loop_timer_stop(s->srv->l, &s->up_timer);
	loop_timer_stop(s->srv->l, &s->down_timer);
}

void mem_session_disconnect(struct mem_session *s)
{
	ASSERT(s->connected);
	stop_traffic(s);
	if (s->alive)
		loop_timer_start(s->srv->l, &s->expire_timer, s->timeout_us);
}

void mem_session_resume(struct mem_session *s)
{
	ASSERT(s->alive && !s->connected);
	s->connected = true;
	loop_timer_stop(s->srv->l, &s->expire_timer);
}

static void take_down(struct mem_session *s)
{
	stop_traffic(s);
	s->alive = false;
	loop_timer_stop(s->srv->l, &s->expire_timer);
	if (s->view != NULL)
		mem_session_lag(s, 0);
	DL_DELETE(s->srv->sessions, s);
}

void mem_session_end(struct mem_session *s)
{
	struct mem_server *srv = s->srv;

	ASSERT(s->alive);
	take_down(s);
	mem_server_publish(srv, s->name, mem_tree_end_session(&srv->tree, s->id, loop_wall_ms(srv->l)));
	mem_session_unref(s);
}

static void expired(void *ctx)
{
	mem_session_end(ctx);
}

void mem_session_free_all(struct mem_server *srv)
{
	struct mem_session *s;

	while ((s = srv->sessions) != NULL) {
		take_down(s);
		mem_session_unref(s);
	}
}
