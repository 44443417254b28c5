/*
 * janitor.c - what nobody waits for: remains of requests, leftovers, hosts that have been away too long
 *
 * Nothing here may hurt if it fails or comes twice: it is tried again by the sweep.  An id may be queued anew meanwhile (T0a):
 * that moves its mapping, and its new queue node is there before anything else can be taken for remains.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/janitor.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/work/java_call.h"

#include <stdlib.h>
#include <string.h>

#define RETIRE_MAX 50              /* requests whose remains go in one round */
#define SWEEP_EVERY LOOP_MS(3600000)
#define QUARANTINE_MAX 65536       /* bytes kept of a record that could not be read */
#define DEPTH_MAX 6

struct janitor {
	struct worker *w;
	struct life *life;
	struct retired *retired;
	size_t n, cap;
	bool busy;
	struct loop_timer timer;
	int64_t next_sweep;
};

/* --- T8: the nodes of ended requests ----------------------------------------------------------------- */

struct retired {
	char *id;
	bool doubtful; /* that it has ended: see whether it is queued */
};

/* One request's subtree, read level by level, then deleted from its leaves in one transaction. */
struct removal {
	struct janitor *j;
	const char *id;
	const char *mapping_path;
	int32_t mapping; /* its version when the remains were read; -1 = none */
	bool doubtful;
	const char **paths;
	size_t n, cap, level; /* paths from `level` on are those of the last wave */
	int depth;
};

struct last_step { /* of a removal: its transaction */
	struct janitor *j;
	struct life *life;
	char *id;
};

static void retire(struct janitor *j, const char *id, bool doubtful)
{
	GROW(j->retired, j->n, j->cap);
	j->retired[j->n++] = (struct retired){ xstrdup(id), doubtful };
	if (!loop_timer_running(&j->timer))
		loop_timer_start(j->w->loop, &j->timer, LOOP_MS(5)); /* after the answers that are being sent */
}

static void on_removed(void *ctx, const struct store_result *res, const struct error *err)
{
	struct last_step *last = ctx;

	(void)res;
	if (err != NULL && !last->life->over)
		retire(last->j, last->id, true); /* somebody wrote into it meanwhile, or nobody knows */
	life_unref(&last->life);
	free(last->id);
	free(last);
}

static void delete_tree(struct removal *rm)
{
	struct store_txn *t = store_txn_new(rm->j->w->st);
	struct last_step *last = xmalloc(sizeof(*last));

	*last = (struct last_step){ rm->j, life_ref(rm->j->life), xstrdup(rm->id) };
	if (rm->mapping >= 0)
		store_txn_check(t, rm->mapping_path, rm->mapping);
	for (size_t i = rm->n; i-- > 0;)
		store_txn_delete(t, rm->paths[i], -1);
	store_txn_commit(&t, on_removed, last);
}

static void add_path(struct removal *rm, struct arena *a, const char *path)
{
	if (rm->n == rm->cap) {
		const char **grown = arena_alloc(a, (rm->cap = rm->cap ? rm->cap * 2 : 16) * sizeof(char *));

		if (rm->n > 0)
			memcpy(grown, rm->paths, rm->n * sizeof(char *));
		rm->paths = grown;
	}
	rm->paths[rm->n++] = path;
}

static bool is_queued(const struct reader *r, size_t i, const char *id)
{
	AUTO(buf_release) struct buf part = BUF_INIT;
	size_t n;
	const char *const *queue = reader_names(r, i, &n);

	buf_printf(&part, "|%s|", id);
	for (size_t k = 0; k < n; k++)
		if (strstr(queue[k], buf_cstr(&part)) != NULL)
			return true;
	return false;
}

/* The first wave: are these still the remains that were meant? The queue was read after them. */
static bool is_over(struct removal *rm, const struct reader *r)
{
	const struct store_node *mapping = reader_node(r, 1);

	rm->mapping = mapping != NULL ? mapping->version : -1;
	return reader_exists(r, 0) && !(rm->doubtful && is_queued(r, 2, rm->id));
}

static void on_level(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct removal *rm = ctx;
	size_t first = rm->level, end = rm->n;
	struct reader *next;

	if (err != NULL) {
		retire(rm->j, rm->id, true); /* when the connection is back */
		return;
	}
	if (rm->depth == 0 && !is_over(rm, r))
		return;
	rm->level = rm->n;
	for (size_t i = first; i < end; i++) {
		size_t n;
		const char *const *names = reader_names(r, i - first, &n);

		for (size_t k = 0; k < n; k++)
			add_path(rm, r->arena, path_join(r->arena, rm->paths[i], names[k]));
	}
	if (rm->n == rm->level || ++rm->depth == DEPTH_MAX) {
		delete_tree(rm);
		return;
	}
	next = reader_next(&r); /* what was found lives in the former waves */
	for (size_t i = rm->level; i < rm->n; i++)
		reader_children(next, rm->paths[i]);
	reader_run(&next, on_level, rm);
}

static void remove_request(struct janitor *j, const struct retired *it)
{
	struct reader *r = reader_new(j->w->st, j->life);
	struct removal *rm = arena_alloc(r->arena, sizeof(*rm));

	rm->j = j;
	rm->id = arena_strdup(r->arena, it->id);
	rm->mapping_path = path_mapping(r->arena, it->id);
	rm->doubtful = it->doubtful;
	add_path(rm, r->arena, path_request(r->arena, it->id));
	reader_children(r, rm->paths[0]);
	reader_get(r, rm->mapping_path);
	if (rm->doubtful)
		reader_children(r, PATH_QUEUE);
	reader_run(&r, on_level, rm);
}

static void on_timer(void *ctx)
{
	struct janitor *j = ctx;
	size_t n = j->n < RETIRE_MAX ? j->n : RETIRE_MAX;

	if (store_link(j->w->st) != STORE_LINK_UP)
		return; /* the tick comes back to it */
	for (size_t i = 0; i < n; i++) {
		remove_request(j, &j->retired[i]);
		free(j->retired[i].id);
	}
	j->n -= n;
	memmove(j->retired, j->retired + n, j->n * sizeof(*j->retired));
	if (j->n > 0)
		loop_timer_start(j->w->loop, &j->timer, LOOP_MS(10));
}

void janitor_retire(struct janitor *j, const char *request_id)
{
	retire(j, request_id, false);
}

/* --- T7, and what a predecessor left half-done ---------------------------------------------------------- */

static const char *failed_entry(struct arena *a, const struct item *it, const char *text)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct response resp = { .request_id = it->id.request_id, .state = STATE_FAILED, .message = text,
		.no_agent_responses = true, .request = it->request };

	response_encode(&resp, &json);
	return arena_strndup(a, buf_cstr(&json), json.len);
}

struct parting { /* a queue item goes, for good */
	struct worker *w;
	const char *node, *history_parent, *history, *entry, *mapping, *owner, *quarantine, *retire;
	const void *raw;
	size_t raw_len;
	bool history_exists;
};

static void on_parted(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err; /* still there: the next scan sees it again */
}

static void on_part_ready(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct parting *p = ctx;
	struct store_txn *t;

	if (err != NULL)
		return;
	t = store_txn_new(p->w->st);
	store_txn_check(t, p->w->latch_node, -1);
	if (p->quarantine != NULL && !reader_exists(r, 0))
		store_txn_create(t, p->quarantine, p->raw, p->raw_len, STORE_PERSISTENT);
	store_txn_delete(t, path_queue_item(r->arena, p->node), -1);
	if (p->history != NULL && p->entry != NULL && reader_exists(r, 1) && !reader_exists(r, 2))
		store_txn_create(t, p->history, p->entry, strlen(p->entry), STORE_PERSISTENT);
	if (p->mapping != NULL && reader_exists(r, 1) && !reader_exists(r, 3))
		store_txn_create(t, p->mapping, p->owner, strlen(p->owner), STORE_PERSISTENT);
	store_txn_commit(&t, on_parted, NULL);
	if (p->retire != NULL)
		retire(p->w->janitor, p->retire, true);
}

static void part(struct janitor *j, const struct item *it, const char *quarantine_reason, const char *history_text,
	struct response *history)
{
	struct reader *r = reader_new(j->w->st, j->life);
	struct parting *p = arena_alloc(r->arena, sizeof(*p));
	AUTO(buf_release) struct buf kept = BUF_INIT, json = BUF_INIT, owner = BUF_INIT;

	*p = (struct parting){ .w = j->w, .node = arena_strdup(r->arena, it->node) };
	p->quarantine = path_join(r->arena, PATH_QUARANTINE, it->node);
	if (quarantine_reason != NULL) {
		size_t n = it->raw_len < QUARANTINE_MAX ? it->raw_len : QUARANTINE_MAX;

		buf_printf(&kept, "%s\n", quarantine_reason);
		buf_append(&kept, it->raw != NULL ? it->raw : "", it->raw != NULL ? n : 0);
		p->raw = arena_strndup(r->arena, kept.data, kept.len);
		p->raw_len = kept.len;
	}
	if (it->id.request_id != NULL && it->id.service_id != NULL) {
		p->history = path_history_entry(r->arena, it->id.service_id, it->id.request_id);
		p->mapping = path_mapping(r->arena, it->id.request_id);
		p->retire = arena_strdup(r->arena, it->id.request_id);
		buf_json_string(&owner, it->id.service_id, strlen(it->id.service_id));
		p->owner = arena_strdup(r->arena, buf_cstr(&owner));
		if (history != NULL) {
			response_encode(history, &json);
			p->entry = arena_strdup(r->arena, buf_cstr(&json));
		} else {
			p->entry = failed_entry(r->arena, it, history_text);
		}
	}
	reader_get(r, p->quarantine);
	reader_get(r, it->id.service_id != NULL ? path_history(r->arena, it->id.service_id) : PATH_HISTORY);
	reader_get(r, p->history != NULL ? p->history : PATH_HISTORY);
	reader_get(r, p->mapping != NULL ? p->mapping : PATH_HISTORY);
	if (quarantine_reason == NULL)
		p->quarantine = NULL;
	reader_run(&r, on_part_ready, p);
}

struct deferred { /* the copy of an item that outlives it while its history folder is made */
	struct janitor *j;
	struct life *life;
	struct arena *arena;
	struct item it;
	struct response resp;
	const char *reason;
};

static void on_folder(void *ctx, const struct error *err)
{
	struct deferred *d = ctx;

	if (!d->life->over && err == NULL)
		part(d->j, &d->it, d->reason, d->reason, d->reason == NULL ? &d->resp : NULL);
	life_unref(&d->life);
	arena_free(&d->arena);
	free(d);
}

static void part_soon(struct janitor *j, const struct item *it, const char *reason)
{
	struct deferred *d = xcalloc(1, sizeof(*d));

	d->j = j;
	d->life = life_ref(j->life);
	d->arena = arena_new();
	d->reason = arena_strdup(d->arena, reason);
	d->it = *it;
	d->it.node = arena_strdup(d->arena, it->node);
	d->it.id.request_id = arena_strdup(d->arena, it->id.request_id);
	d->it.id.service_id = arena_strdup(d->arena, it->id.service_id);
	d->it.raw = it->raw != NULL ? arena_strndup(d->arena, it->raw, it->raw_len) : NULL;
	d->it.request = it->request != NULL ? record_clone(&request_record, it->request, d->arena) : NULL;
	d->resp = (struct response){ .request_id = d->it.id.request_id, .message = arena_strdup(d->arena, it->message),
		.request = d->it.request };
	if (it->status >= 0)
		d->resp.state = (int)internal_state_public((enum internal_state)it->status);
	if (it->id.service_id == NULL || it->history_parent)
		on_folder(d, NULL);
	else
		store_ensure(j->w->st, path_history(d->arena, it->id.service_id), on_folder, d);
}

void janitor_quarantine(struct janitor *j, const struct item *it)
{
	log_error(NULL, "queue item set aside", "item", it->node, "reason", it->bad);
	part_soon(j, it, it->bad);
}

void janitor_sweep_terminal(struct janitor *j, const struct item *it)
{
	part_soon(j, it, NULL);
}

void janitor_drop_decision(struct janitor *j, const char *batch)
{
	struct store_txn *t = store_txn_new(j->w->st);
	AUTO(arena_free) struct arena *a = arena_new();

	log_error(NULL, "decision record without its requests dropped", "batch", batch);
	store_txn_check(t, j->w->latch_node, -1);
	store_txn_delete(t, path_decision(a, batch), -1);
	store_txn_commit(&t, on_parted, NULL);
}

/* --- the slow tick ---------------------------------------------------------------------------------------- */

static void on_absent_removed(void *ctx, const struct error *err)
{
	(void)ctx;
	if (err == NULL)
		log_warn(NULL, "an absent host has left: it was away longer than its grace");
}

static void remove_absent(struct janitor *j)
{
	const struct roster_group *groups[256];
	size_t n = roster_groups(j->w->roster, groups, ARRAY_LEN(groups));
	int64_t now = loop_now(j->w->loop), grace = LOOP_MS(j->w->opt.absent_grace_ms);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < groups[i]->n; k++) {
			const struct member *m = &groups[i]->members[k];

			if (!m->registered && now - m->absent_since_us > grace)
				roster_remove(j->w->st, j->life, &j->w->opt.rules, m->group, m->agent_id, on_absent_removed, j);
		}
}

static void on_requests(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct janitor *j = ctx;
	size_t n;
	const char *const *ids;

	if (err != NULL)
		return;
	ids = reader_names(r, 0, &n);
	/* The queue was read after it: what is not queued now had ended then. */
	for (size_t i = 0; i < n; i++)
		if (!is_queued(r, 1, ids[i]) && !java_after_holds(j->w->java_afters, ids[i]))
			retire(j, ids[i], true);
}

/* A predecessor may not have come to it, and late writes of a Java participant bring request nodes back: what is not queued
 * has ended. */
void janitor_sweep(struct janitor *j)
{
	struct reader *r = reader_new(j->w->st, j->life);

	j->next_sweep = loop_now(j->w->loop) + SWEEP_EVERY;
	reader_children(r, PATH_REQUESTS);
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_requests, j);
}

static void on_groups(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct janitor *j = ctx;
	size_t n;
	const char *const *names;

	if (err != NULL)
		return;
	names = reader_names(r, 0, &n);
	for (size_t i = 0; i < n; i++)
		roster_get(j->w->roster, names[i]); /* from now on it is watched */
}

/* The grace of an absent host runs from when the leader first sees it absent: so it looks at every group, asked or not. */
void janitor_watch_groups(struct janitor *j)
{
	struct reader *r = reader_new(j->w->st, j->life);

	reader_children(r, PATH_GROUPS);
	reader_run(&r, on_groups, j);
}

void janitor_tick(struct janitor *j)
{
	if (store_link(j->w->st) != STORE_LINK_UP)
		return;
	roster_forget_unused(j->w->roster);
	janitor_watch_groups(j);
	remove_absent(j);
	locks_tick(j->w->locks);
	if (loop_now(j->w->loop) >= j->next_sweep)
		janitor_sweep(j);
	if (j->n > 0 && !loop_timer_running(&j->timer))
		loop_timer_start(j->w->loop, &j->timer, 0);
}

struct janitor *janitor_new(struct worker *w)
{
	struct janitor *j = xcalloc(1, sizeof(*j));

	j->w = w;
	j->life = life_new();
	j->timer = (struct loop_timer){ .fn = on_timer, .ctx = j };
	return j;
}

void janitor_free(struct janitor **jp)
{
	struct janitor *j = STEAL(*jp);

	if (j == NULL)
		return;
	life_end(&j->life);
	loop_timer_stop(j->w->loop, &j->timer);
	for (size_t i = 0; i < j->n; i++)
		free(j->retired[i].id);
	free(j->retired);
	free(j);
}
