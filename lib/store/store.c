/*
 * store.c - calls, watches and listeners: what all makers of stores have in common
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store_internal.h"

static void run_refused(void *ctx);

void store_init(struct store *st, struct loop *l, const struct store_ops *ops)
{
	*st = (struct store){.ops = ops, .l = l, .refs = 1, .link = STORE_LINK_DOWN};
	st->refuse_timer = (struct loop_timer){.fn = run_refused, .ctx = st};
}

void store_ref(struct store *st)
{
	st->refs++;
}

void store_unref(struct store *st)
{
	ASSERT(st->refs > 0);
	if (--st->refs == 0)
		st->ops->release(st);
}

static void call_unref(struct store_call *c)
{
	ASSERT(c->refs > 0);
	if (--c->refs > 0)
		return;
	store_txn_free(&c->txn);
	free(c->path);
	free(c);
}

static void call_back(struct store_call *c, const struct store_answer *a, const struct error *err);

/* The store goes before the answer came. */
static void orphan(struct store_call *c)
{
	struct error err = ERROR_INIT;

	c->st = NULL;
	if (c->drop != NULL) {
		c->drop(c->ctx);
	} else {
		error_set(&err, store_call_is_write(c) && c->started ? ERR_MAYBE_DONE : ERR_NOT_DONE,
			"the store was closed");
		call_back(c, NULL, &err);
	}
	call_unref(c);
}

/* Asked of a closed store: there is no later turn to answer in, and now would be too early. */
static void ignore(struct store_call *c)
{
	c->st = NULL;
	if (c->drop != NULL)
		c->drop(c->ctx);
	call_unref(c);
}

void store_shut(struct store *st)
{
	struct store_call *c;
	struct store_watch *w, *wtmp;

	ASSERT(!st->closed);
	st->closed = true;
	store_ref(st);
	loop_timer_stop(st->l, &st->refuse_timer);
	while ((c = st->calls) != NULL) {
		DL_DELETE(st->calls, c);
		orphan(c);
	}
	st->ops->close(st); /* may end calls: none calls back any more */
	DL_FOREACH_SAFE(st->watches, w, wtmp) {
		DL_DELETE(st->watches, w);
		w->st = NULL;
		store_unref(st);
	}
	st->link = STORE_LINK_DOWN;
	store_unref(st);
}

void store_free(struct store **stp)
{
	struct store *st = STEAL(*stp);

	if (st == NULL)
		return;
	store_shut(st);
	store_unref(st);
}

/* --- calls --- */

struct store_call *store_call_new(struct store *st, enum store_call_kind kind, void *ctx)
{
	struct store_call *c = xcalloc(1, sizeof(*c));

	c->st = st;
	c->refs = 1;
	c->kind = kind;
	c->ctx = ctx;
	return c;
}

bool store_call_is_write(const struct store_call *c)
{
	return c->kind == STORE_CALL_COMMIT;
}

static void call_back(struct store_call *c, const struct store_answer *a, const struct error *err)
{
	static const struct store_result nothing = {SIZE_MAX, STORE_WHY_NONE, NULL, 0};

	switch (c->kind) {
	case STORE_CALL_GET:
		c->done.get(c->ctx, err != NULL ? NULL : &a->node, err);
		break;
	case STORE_CALL_CHILDREN:
		c->done.children(c->ctx, err != NULL ? NULL : a->names, err != NULL ? 0 : a->n, err);
		break;
	case STORE_CALL_SYNC:
		c->done.sync(c->ctx, err);
		break;
	case STORE_CALL_COMMIT:
		c->done.commit(c->ctx, a != NULL ? &a->res : &nothing, err);
		break;
	}
}

/* Takes it off the list, calls back, and gives up the list's hold. */
static void finish(struct store_call *c, const struct store_answer *a, const struct error *err)
{
	struct store *st = c->st;

	store_ref(st);
	DL_DELETE(st->calls, c);
	c->st = NULL;
	call_back(c, a, err);
	call_unref(c);
	store_unref(st);
}

void store_call_end(struct store_call *c, const struct store_answer *a, const struct error *err)
{
	if (c->st != NULL)
		finish(c, a, err);
	call_unref(c);
}

void store_call_drop(struct store_call *c)
{
	call_unref(c);
}

static void refuse_later(struct store_call *c)
{
	struct store *st = c->st;

	c->started = false;
	if (!loop_timer_running(&st->refuse_timer))
		loop_timer_start(st->l, &st->refuse_timer, 0);
}

void store_call_refuse(struct store_call *c)
{
	if (c->st != NULL)
		refuse_later(c);
	call_unref(c);
}

/* Only as many as there were at the start: a callback that calls again waits for the next turn. */
static void run_refused(void *ctx)
{
	struct store *st = ctx;
	struct store_call *c;
	size_t n = 0;

	DL_FOREACH(st->calls, c)
		n += !c->started;
	store_ref(st);
	while (n-- > 0 && !st->closed) {
		DL_FOREACH(st->calls, c)
			if (!c->started)
				break;
		if (c == NULL)
			break;
		finish(c, NULL, c->err.code != 0 ? &c->err : NULL);
	}
	store_unref(st);
}

void store_call_later(struct store_call *c)
{
	struct store *st = c->st;

	if (st->closed) {
		ignore(c);
		return;
	}
	DL_APPEND(st->calls, c);
	refuse_later(c);
}

static const char *call_error(const struct store_call *c)
{
	if (c->kind == STORE_CALL_COMMIT)
		return NULL;
	return store_path_error(c->path);
}

void store_call_send(struct store_call *c)
{
	struct store *st = c->st;
	const char *wrong;

	if (st->closed) {
		ignore(c);
		return;
	}
	DL_APPEND(st->calls, c);
	wrong = call_error(c);
	if (wrong != NULL) {
		error_set(&c->err, ERR_INVALID, "path '%.200s': %s", c->path, wrong);
		refuse_later(c);
	} else if (c->txn != NULL && c->txn->bad.code != 0) {
		c->err = c->txn->bad;
		refuse_later(c);
	} else if (st->link != STORE_LINK_UP) {
		error_set(&c->err, ERR_NOT_DONE, "store: not connected");
		refuse_later(c);
	} else {
		c->started = true;
		c->refs++;
		st->ops->start(st, c);
	}
}

void store_fail_started(struct store *st, const char *why)
{
	struct error err = ERROR_INIT;
	struct store_call *c;

	store_ref(st);
	while (!st->closed) {
		DL_FOREACH(st->calls, c)
			if (c->started)
				break;
		if (c == NULL)
			break;
		if (store_call_is_write(c))
			error_set(&err, ERR_MAYBE_DONE, "store: %s before the answer", why);
		else
			error_set(&err, ERR_NOT_DONE, "store: %s", why);
		finish(c, NULL, &err);
	}
	store_unref(st);
}

void store_get(struct store *st, const char *path, store_get_fn *done, void *ctx)
{
	struct store_call *c = store_call_new(st, STORE_CALL_GET, ctx);

	c->path = xstrdup(path);
	c->done.get = done;
	store_call_send(c);
}

void store_children(struct store *st, const char *path, store_children_fn *done, void *ctx)
{
	struct store_call *c = store_call_new(st, STORE_CALL_CHILDREN, ctx);

	c->path = xstrdup(path);
	c->done.children = done;
	store_call_send(c);
}

void store_sync(struct store *st, store_done_fn *done, void *ctx)
{
	struct store_call *c = store_call_new(st, STORE_CALL_SYNC, ctx);

	c->path = xstrdup("/");
	c->done.sync = done;
	store_call_send(c);
}

/* --- watches --- */

struct store_watch *store_watch_new(struct store *st, const char *path, enum store_watch_kind kind,
	void (*changed)(void *ctx), void *ctx)
{
	struct store_watch *w = xcalloc(1, sizeof(*w));

	ASSERT(store_path_error(path) == NULL);
	w->path = xstrdup(path);
	w->kind = kind;
	w->changed = changed;
	w->ctx = ctx;
	if (st->closed)
		return w;
	w->st = st;
	store_ref(st);
	DL_APPEND(st->watches, w);
	st->ops->watch_new(st, w);
	return w;
}

void store_watch_free(struct store_watch **wp)
{
	struct store_watch *w = STEAL(*wp);
	struct store *st;

	if (w == NULL)
		return;
	st = w->st;
	if (st != NULL) {
		st->ops->watch_free(st, w);
		DL_DELETE(st->watches, w);
		store_unref(st);
	}
	free(w->path);
	free(w);
}

void store_watch_fire(struct store_watch *w)
{
	w->due = false;
	w->changed(w->ctx);
}

/* Watches may go and come while we call: go by marks, not by position. */
static void fire_all(struct store *st)
{
	struct store_watch *w;

	DL_FOREACH(st->watches, w)
		w->due = true;
	while (!st->closed && st->link == STORE_LINK_UP) {
		DL_FOREACH(st->watches, w)
			if (w->due)
				break;
		if (w == NULL)
			break;
		store_watch_fire(w);
	}
}

/* --- the link --- */

void store_listen(struct store *st, struct store_listener *l)
{
	store_ref(st);
	DL_APPEND(st->listeners, l);
}

void store_unlisten(struct store *st, struct store_listener *l)
{
	if (st->next_listener == l)
		st->next_listener = l->next;
	DL_DELETE(st->listeners, l);
	l->prev = l->next = NULL;
	store_unref(st);
}

void store_set_link(struct store *st, enum store_link link)
{
	struct store_listener *l;

	if (st->link == link || st->closed)
		return;
	st->link = link;
	store_ref(st);
	for (l = st->listeners; l != NULL && !st->closed && st->link == link; l = st->next_listener) {
		st->next_listener = l->next;
		l->fn(l->ctx, link);
	}
	st->next_listener = NULL;
	if (link == STORE_LINK_UP)
		fire_all(st);
	store_unref(st);
}

enum store_link store_link(const struct store *st)
{
	return st->link;
}

uint64_t store_session(const struct store *st)
{
	return st->session;
}

int64_t store_session_timeout_ms(const struct store *st)
{
	return st->timeout_ms;
}

const char *store_link_name(const struct store *st)
{
	switch (st->link) {
	case STORE_LINK_DOWN:
		return "UNKNOWN";
	case STORE_LINK_UP:
		return "CONNECTED";
	case STORE_LINK_SUSPECT:
		return "SUSPENDED";
	case STORE_LINK_LOST:
		return "LOST";
	}
	return "UNKNOWN";
}

/* --- names --- */

const char *store_path_error(const char *path)
{
	const char *s = path, *e;
	size_t n = strlen(path);

	if (path[0] != '/')
		return "must start with a slash";
	if (n > STORE_PATH_MAX)
		return "is too long";
	if (!utf8_valid(path, n))
		return "is not UTF-8";
	if (utf8_unfit_for_path(path, n))
		return "holds a character that ZooKeeper refuses";
	if (n == 1)
		return NULL;
	while (*s == '/') {
		e = strchrnul(++s, '/');
		if (e == s)
			return "has an empty part";
		if ((e - s == 1 && s[0] == '.') || (e - s == 2 && s[0] == '.' && s[1] == '.'))
			return "has a relative part";
		s = e;
	}
	return NULL;
}
