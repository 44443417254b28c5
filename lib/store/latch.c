/*
 * latch.c - leader latch in Curator's layout
 *
 * One operation at a time, and after each the question "what is missing now": the parent, a sync
 * after a reconnect, the list, our node, its zxid, the removal of a second node of ours.  Whatever
 * happens meanwhile (a watch, a reconnect, an error) only asks the question again.
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/store/latch.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store_internal.h"

#define MARK "latch-"
#define GUID_LEN 36
#define RETRY_US LOOP_MS(500)

struct participant {
	int64_t seq;
	const char *name;
	char guid[GUID_LEN + 1];
};

struct latch {
	unsigned refs; /* the owner, and the operation on its way */
	bool freed;
	struct loop *l;
	struct store *st;
	char *path, *guid, *data;
	void (*changed)(void *ctx);
	void *ctx;
	struct store_listener listener;
	struct store_watch *watch;
	struct loop_timer retry_timer;
	bool busy;       /* an operation is on its way */
	bool need_sync;  /* reads may be older than what we know or did */
	bool need_parent;
	bool need_list;
	char *node;      /* full path */
	int64_t epoch;
	struct arena *mem; /* of the list */
	const char **names;
	struct participant *list;
	size_t n;
};

static void go_on(struct latch *la);

bool latch_parse_name(const char *name, int64_t *seq_out, char guid_out[37])
{
	const char *mark = NULL, *p;
	int64_t seq;

	for (p = strstr(name, MARK); p != NULL; p = strstr(p + 1, MARK))
		mark = p;
	if (mark == NULL || strlen(mark + strlen(MARK)) < 10)
		return false;
	if (!str_to_i64(mark + strlen(MARK), INT32_MIN, INT32_MAX, &seq))
		return false;
	guid_out[0] = '\0';
	if (str_starts(name, "_c_") && mark - name == 3 + GUID_LEN + 1 && mark[-1] == '-') {
		memcpy(guid_out, name + 3, GUID_LEN);
		guid_out[GUID_LEN] = '\0';
	}
	*seq_out = seq;
	return true;
}

static const char *base_name(const char *path)
{
	return strrchr(path, '/') + 1;
}

static void latch_unref(struct latch *la)
{
	if (--la->refs > 0)
		return;
	arena_free(&la->mem);
	free(la->names);
	free(la->node);
	free(la->path);
	free(la->guid);
	free(la->data);
	free(la);
}

/* --- what we know --- */

static void forget_node(struct latch *la)
{
	free(STEAL(la->node));
	la->epoch = 0;
}

static void forget_list(struct latch *la)
{
	arena_free(&la->mem);
	free(STEAL(la->names));
	la->list = NULL;
	la->n = 0;
}

static int by_seq(const void *a, const void *b)
{
	const struct participant *x = a, *y = b;

	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void take_list(struct latch *la, const char *const *names, size_t n)
{
	struct participant *p;
	size_t i;

	forget_list(la);
	la->mem = arena_new();
	la->list = arena_alloc(la->mem, (n + 1) * sizeof(*la->list));
	for (i = 0; i < n; i++) {
		p = &la->list[la->n];
		if (!latch_parse_name(names[i], &p->seq, p->guid))
			continue;
		p->name = arena_strdup(la->mem, names[i]);
		la->n++;
	}
	qsort(la->list, la->n, sizeof(*la->list), by_seq);
	la->names = xcalloc(la->n + 1, sizeof(*la->names));
	for (i = 0; i < la->n; i++)
		la->names[i] = la->list[i].name;
}

static bool is_mine(const struct latch *la, size_t i)
{
	return la->guid != NULL && str_eq(la->list[i].guid, la->guid);
}

static bool is_node(const struct latch *la, size_t i)
{
	return la->node != NULL && str_eq(la->list[i].name, base_name(la->node));
}

/* Our node by the list: the one we know, else the lowest of our guid. */
static void adopt(struct latch *la)
{
	size_t i;

	for (i = 0; i < la->n; i++)
		if (is_node(la, i))
			return;
	forget_node(la);
	for (i = 0; i < la->n && la->node == NULL; i++)
		if (is_mine(la, i))
			la->node = xasprintf("%s/%s", la->path, la->list[i].name);
}

static const char *find_duplicate(const struct latch *la)
{
	size_t i;

	for (i = 0; i < la->n; i++)
		if (is_mine(la, i) && !is_node(la, i))
			return la->list[i].name;
	return NULL;
}

/* --- operations --- */

static void on_left(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err;
}

/* Whatever comes of it: the end of the session removes it too. */
static void remove_node(struct store *st, const char *path)
{
	struct store_txn *t = store_txn_new(st);

	store_txn_delete(t, path, -1);
	store_txn_commit(&t, on_left, NULL);
}

static void dropped(void *ctx)
{
	struct latch *la = ctx;

	la->busy = false;
	latch_unref(la);
}

/* False: nobody wants to know any more. */
static bool back(struct latch *la, const struct error *err)
{
	la->busy = false;
	if (la->freed) {
		latch_unref(la);
		return false;
	}
	/* Trouble while the link seems fine: not at once again. */
	if (err != NULL && store_link(la->st) == STORE_LINK_UP && !loop_timer_running(&la->retry_timer))
		loop_timer_start(la->l, &la->retry_timer, RETRY_US);
	return true;
}

static void done(struct latch *la)
{
	go_on(la);
	latch_unref(la);
}

static void tell(struct latch *la)
{
	if (!la->freed)
		la->changed(la->ctx);
}

static void on_parent(void *ctx, const struct error *err)
{
	struct latch *la = ctx;

	if (!back(la, err))
		return;
	if (err == NULL)
		la->need_parent = false;
	done(la);
}

static void on_sync(void *ctx, const struct error *err)
{
	struct latch *la = ctx;

	if (!back(la, err))
		return;
	if (err == NULL)
		la->need_sync = false;
	done(la);
}

static void on_list(void *ctx, const char *const *names, size_t n, const struct error *err)
{
	struct latch *la = ctx;

	if (err != NULL && err->code == ERR_NOT_FOUND) {
		n = 0;
		err = NULL;
		la->need_parent = true;
	}
	if (!back(la, err))
		return;
	if (err != NULL) {
		la->need_list = true;
	} else {
		take_list(la, names, n);
		adopt(la);
		tell(la);
	}
	done(la);
}

static void on_created(void *ctx, const struct store_result *res, const struct error *err)
{
	struct latch *la = ctx;
	bool absent = err != NULL && err->code == ERR_CONFLICT && res->failed_why == STORE_WHY_ABSENT;

	if (la->freed && err == NULL)
		remove_node(la->st, res->created[0]); /* freed while it was on its way */
	if (!back(la, absent ? NULL : err))
		return;
	la->need_list = true;
	if (err == NULL) {
		forget_node(la);
		la->node = xstrdup(res->created[0]);
	} else if (absent) {
		la->need_parent = true;
	} else if (err->code == ERR_MAYBE_DONE) {
		la->need_sync = true; /* the list will tell, by our guid */
	}
	done(la);
}

static void on_node(void *ctx, const struct store_node *node, const struct error *err)
{
	struct latch *la = ctx;
	bool absent = err != NULL && err->code == ERR_NOT_FOUND;

	if (!back(la, absent ? NULL : err))
		return;
	if (err == NULL) {
		la->epoch = node->created_zxid;
		tell(la);
	} else if (absent) {
		forget_node(la);
		la->need_list = true;
	}
	done(la);
}

static void on_deleted(void *ctx, const struct store_result *res, const struct error *err)
{
	struct latch *la = ctx;

	if (err != NULL && err->code == ERR_CONFLICT && res->failed_why == STORE_WHY_ABSENT)
		err = NULL;
	if (!back(la, err))
		return;
	la->need_list = true;
	done(la);
}

static struct store_call *begin(struct latch *la, enum store_call_kind kind)
{
	struct store_call *c = store_call_new(la->st, kind, la);

	c->drop = dropped;
	return c;
}

static void list(struct latch *la)
{
	struct store_call *c = begin(la, STORE_CALL_CHILDREN);

	la->need_list = false;
	c->path = xstrdup(la->path);
	c->done.children = on_list;
	store_call_send(c);
}

static void create(struct latch *la)
{
	AUTO(xfree_p) char *path = xasprintf("%s/_c_%s-" MARK, la->path, la->guid);
	struct store_call *c = begin(la, STORE_CALL_COMMIT);

	c->txn = store_txn_new(la->st);
	store_txn_create(c->txn, path, la->data, strlen(la->data), STORE_EPHEMERAL | STORE_SEQUENCE);
	c->done.commit = on_created;
	store_call_send(c);
}

static void remove_duplicate(struct latch *la, const char *name)
{
	AUTO(xfree_p) char *path = xasprintf("%s/%s", la->path, name);
	struct store_call *c = begin(la, STORE_CALL_COMMIT);

	c->txn = store_txn_new(la->st);
	store_txn_delete(c->txn, path, -1);
	c->done.commit = on_deleted;
	store_call_send(c);
}

static void read_node(struct latch *la)
{
	struct store_call *c = begin(la, STORE_CALL_GET);

	c->path = xstrdup(la->node);
	c->done.get = on_node;
	store_call_send(c);
}

static void sync_first(struct latch *la)
{
	struct store_call *c = begin(la, STORE_CALL_SYNC);

	c->path = xstrdup("/");
	c->done.sync = on_sync;
	store_call_send(c);
}

/* --- what is missing now --- */

static void go_on(struct latch *la)
{
	const char *twin;

	if (la->busy || la->freed || store_link(la->st) != STORE_LINK_UP || loop_timer_running(&la->retry_timer))
		return;
	twin = find_duplicate(la);
	la->busy = true;
	la->refs++;
	if (la->need_sync)
		sync_first(la);
	else if (la->need_parent)
		store_ensure_or_drop(la->st, la->path, on_parent, dropped, la);
	else if (la->need_list)
		list(la);
	else if (la->node == NULL && la->guid != NULL)
		create(la);
	else if (la->node != NULL && la->epoch == 0)
		read_node(la);
	else if (twin != NULL)
		remove_duplicate(la, twin);
	else
		dropped(la);
}

static void retry(void *ctx)
{
	go_on(ctx);
}

static void list_changed(void *ctx)
{
	struct latch *la = ctx;

	la->need_list = true;
	go_on(la);
}

static void link_changed(void *ctx, enum store_link link)
{
	struct latch *la = ctx;

	switch (link) {
	case STORE_LINK_UP:
		la->need_sync = la->need_list = true;
		loop_timer_stop(la->l, &la->retry_timer);
		break;
	case STORE_LINK_LOST:
		forget_node(la);
		forget_list(la);
		break;
	case STORE_LINK_DOWN:
	case STORE_LINK_SUSPECT:
		break;
	}
	la->refs++;
	tell(la);
	done(la);
}

/* --- for the owner --- */

struct latch *latch_new(struct loop *l, struct store *st, const char *path, const char *guid, const char *data,
	void (*changed)(void *ctx), void *ctx)
{
	struct latch *la = xcalloc(1, sizeof(*la));

	ASSERT(guid == NULL || strlen(guid) == GUID_LEN);
	la->refs = 1;
	la->l = l;
	la->st = st;
	la->path = xstrdup(path);
	la->guid = guid != NULL ? xstrdup(guid) : NULL;
	la->data = xstrdup(data != NULL ? data : "");
	la->changed = changed;
	la->ctx = ctx;
	la->need_sync = la->need_parent = la->need_list = true;
	la->listener = (struct store_listener){.fn = link_changed, .ctx = la};
	la->retry_timer = (struct loop_timer){.fn = retry, .ctx = la};
	store_listen(st, &la->listener);
	la->watch = store_watch_new(st, path, STORE_WATCH_CHILDREN, list_changed, la);
	go_on(la);
	return la;
}

void latch_free(struct latch **lap)
{
	struct latch *la = STEAL(*lap);

	if (la == NULL)
		return;
	if (la->node != NULL && store_link(la->st) == STORE_LINK_UP)
		remove_node(la->st, la->node);
	la->freed = true;
	store_watch_free(&la->watch);
	loop_timer_stop(la->l, &la->retry_timer);
	store_unlisten(la->st, &la->listener);
	latch_unref(la);
}

bool latch_leads(const struct latch *la)
{
	return la->n > 0 && la->epoch != 0 && is_node(la, 0) && store_link(la->st) == STORE_LINK_UP;
}

const char *latch_node(const struct latch *la)
{
	return la->node;
}

int64_t latch_epoch(const struct latch *la)
{
	return la->epoch;
}

size_t latch_participants(const struct latch *la, const char *const **names_out)
{
	if (names_out != NULL)
		*names_out = la->names;
	return la->n;
}
