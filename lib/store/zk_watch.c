/*
 * zk_watch.c - ZooKeeper's one-shot watches, armed again and again
 *
 * An arm stands for one (path, kind), shared by all our watches on it.  DATA is armed by `exists`,
 * which covers absent nodes too, before `changed` is called.  CHILDREN can only be armed by reading
 * the list; so the next store_children() of that path carries the watch, and if none comes in this
 * turn we read the list ourselves.  Either way a list read in or after `changed` is watched.  An
 * absent parent is watched by `exists`.
 *
 * The library keeps the id of an arm, never its address: a watch cannot be taken back from it.
 *
 * Layer: lib/store, private to store_zk.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/zk_internal.h"

enum arm_state { ARM_IDLE, ARM_ASKED, ARM_SET };

struct zk_arm {
	uint64_t id;
	char *path; /* ours, below the namespace */
	enum store_watch_kind kind;
	enum arm_state state;
	UT_hash_handle hh;
};

struct arm_request {
	struct store_zk *z;
	uint64_t id;
	bool exists;
};

static struct zk_arm *find(const struct store_zk *z, uint64_t id)
{
	struct zk_arm *a;

	HASH_FIND(hh, z->arms, &id, sizeof(id), a);
	return a;
}

static struct zk_arm *find_path(const struct store_zk *z, const char *path, enum store_watch_kind kind)
{
	struct zk_arm *a;

	for (a = z->arms; a != NULL; a = a->hh.next)
		if (a->kind == kind && str_eq(a->path, path))
			return a;
	return NULL;
}

static void arm_free(struct store_zk *z, struct zk_arm *a)
{
	HASH_DEL(z->arms, a);
	free(a->path);
	free(a);
}

static bool wanted(const struct store_zk *z, const struct zk_arm *a)
{
	const struct store_watch *w;

	DL_FOREACH(z->base.watches, w)
		if (w->kind == a->kind && str_eq(w->path, a->path))
			return true;
	return false;
}

void *zk_arm_ctx(uint64_t id)
{
	return (void *)(uintptr_t)id;
}

/* --- asking --- */

static void fired(struct store_zk *z, uint64_t id);

static void asked_exists(int rc, const struct Stat *stat, const void *data)
{
	struct arm_request *r = (struct arm_request *)(uintptr_t)data;

	(void)stat;
	/* A list was absent, and is there by now: what it holds was not watched. */
	if (rc == ZOK && r->exists)
		fired(r->z, r->id);
	else
		zk_arm_answered(r->z, r->id, rc == ZNONODE ? ZOK : rc);
	free(r);
}

static void asked_children(int rc, const struct String_vector *strings, const void *data)
{
	struct arm_request *r = (struct arm_request *)(uintptr_t)data;

	(void)strings;
	zk_arm_answered(r->z, r->id, rc);
	free(r);
}

static void ask(struct store_zk *z, struct zk_arm *a, bool by_exists)
{
	zhandle_t *zh = zk_handle(z);
	AUTO(xfree_p) char *path = NULL;
	struct arm_request *r;
	int rc;

	if (zh == NULL)
		return;
	path = zk_path(z, a->path);
	r = xcalloc(1, sizeof(*r));
	*r = (struct arm_request){z, a->id, by_exists && a->kind == STORE_WATCH_CHILDREN};
	if (by_exists)
		rc = zoo_awexists(zh, path, zk_arm_event, zk_arm_ctx(a->id), asked_exists, r);
	else
		rc = zoo_awget_children(zh, path, zk_arm_event, zk_arm_ctx(a->id), asked_children, r);
	if (rc != ZOK) {
		a->state = ARM_IDLE;
		free(r);
		return;
	}
	a->state = ARM_ASKED;
	zk_session_kick(z->sess);
}

static void arm_later(struct store_zk *z)
{
	if (!z->base.closed && !loop_timer_running(&z->arm_timer))
		loop_timer_start(z->base.l, &z->arm_timer, 0);
}

/* Those lists that nobody has read meanwhile. */
static void arm_idle(void *ctx)
{
	struct store_zk *z = ctx;
	struct zk_arm *a, *tmp;

	MAP_EACH(z->arms, a, tmp) {
		if (a->state != ARM_IDLE)
			continue;
		if (!wanted(z, a))
			arm_free(z, a);
		else if (z->base.link == STORE_LINK_UP)
			ask(z, a, a->kind == STORE_WATCH_DATA);
	}
}

void zk_arm_answered(struct store_zk *z, uint64_t id, int rc)
{
	struct zk_arm *a = find(z, id);

	if (a == NULL || a->state != ARM_ASKED || z->base.closed)
		return;
	if (rc == ZOK) {
		a->state = ARM_SET;
	} else if (rc == ZNONODE) {
		ask(z, a, true);
	} else {
		a->state = ARM_IDLE; /* the connection went; zk_arms_up() will see to it */
	}
}

uint64_t zk_arm_for_children(struct store_zk *z, const char *path)
{
	struct zk_arm *a = find_path(z, path, STORE_WATCH_CHILDREN);

	if (a == NULL || a->state != ARM_IDLE || !wanted(z, a))
		return 0;
	a->state = ARM_ASKED;
	return a->id;
}

/* --- hearing --- */

/* Marks, because a callback may add and free watches, or the store. */
static void call_watches(struct store_zk *z, const struct zk_arm *a)
{
	struct store *st = &z->base;
	struct store_watch *w;

	DL_FOREACH(st->watches, w)
		if (w->kind == a->kind && str_eq(w->path, a->path))
			w->due = true;
	store_ref(st);
	while (!st->closed && st->link == STORE_LINK_UP) {
		DL_FOREACH(st->watches, w)
			if (w->due)
				break;
		if (w == NULL)
			break;
		store_watch_fire(w);
	}
	store_unref(st);
}

static void fired(struct store_zk *z, uint64_t id)
{
	struct zk_arm *a = find(z, id);

	if (a == NULL || z->base.closed)
		return;
	a->state = ARM_IDLE;
	if (!wanted(z, a)) {
		arm_free(z, a);
		return;
	}
	if (a->kind == STORE_WATCH_DATA && z->base.link == STORE_LINK_UP)
		ask(z, a, true);
	arm_later(z);
	call_watches(z, a);
}

/* Also called for each event of the session, which is not ours to look at. */
void zk_arm_event(zhandle_t *zh, int type, int state, const char *path, void *ctx)
{
	(void)state;
	(void)path;
	if (type == ZOO_SESSION_EVENT)
		return;
	fired(zk_session_ctx(zh), (uint64_t)(uintptr_t)ctx);
}

/* --- for store_zk --- */

void zk_watch_added(struct store_zk *z, struct store_watch *w)
{
	struct zk_arm *a = find_path(z, w->path, w->kind);

	if (a == NULL) {
		a = xcalloc(1, sizeof(*a));
		a->id = ++z->arms_made;
		a->path = xstrdup(w->path);
		a->kind = w->kind;
		HASH_ADD(hh, z->arms, id, sizeof(a->id), a);
	}
	if (a->state != ARM_IDLE || z->base.link != STORE_LINK_UP)
		return;
	if (a->kind == STORE_WATCH_DATA)
		ask(z, a, true);
	else
		arm_later(z);
}

void zk_arms_up(struct store_zk *z, bool lost)
{
	struct zk_arm *a, *tmp;

	MAP_EACH(z->arms, a, tmp) {
		if (lost)
			a->state = ARM_IDLE;
		if (a->state != ARM_IDLE)
			continue;
		if (!wanted(z, a))
			arm_free(z, a);
		else if (a->kind == STORE_WATCH_DATA)
			ask(z, a, true);
	}
	arm_later(z);
}

void zk_arms_init(struct store_zk *z)
{
	z->arm_timer = (struct loop_timer){.fn = arm_idle, .ctx = z};
}

void zk_arms_release(struct store_zk *z)
{
	struct zk_arm *a, *tmp;

	MAP_EACH(z->arms, a, tmp)
		arm_free(z, a);
}
