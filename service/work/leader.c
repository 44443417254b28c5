/*
 * leader.c - takes part in the election of /workers, and keeps a worker while it leads
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/leader.h"

#include "lib/base/life.h"
#include "lib/base/log.h"
#include "lib/base/rand.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "lib/store/latch.h"

#include <stdlib.h>
#include <string.h>

static const char *const folders[] = { PATH_WORKERS, PATH_QUEUE, PATH_REQUESTS, PATH_STATE, PATH_MAPPING, PATH_GROUPS,
	PATH_DECIDED, PATH_SERVICES, PATH_QUARANTINE, PATH_MEMBERS, PATH_EXCLUDED };

struct leader {
	struct loop *loop;
	struct store *st;
	struct client *client;
	struct leader_options opt;
	struct life *life;           /* of the present session's steps */
	struct rand_state rand;
	struct store_listener listener;
	struct latch *latch;
	struct store_watch *markers;
	struct worker *worker;
	struct loop_timer again;     /* look at the election again: a retry, or the wait after a foreign peer */
	uint64_t session;            /* whose nodes we have made; 0 = none */
	size_t folder;
	bool ready, marked, looking, look_more;
	size_t unmarked;             /* when we looked last, be it in an earlier session */
	int64_t unmarked_until;      /* loop time until which a foreign leader's writes may still come */
	char guid[37];
};

static void enter(struct leader *ld);
static void look(void *ctx);

/* --- leading --------------------------------------------------------------------------------------- */

static void stop_worker(struct leader *ld, const char *why)
{
	if (ld->worker == NULL)
		return;
	log_info(NULL, "no longer leading", "reason", why);
	worker_free(&ld->worker);
}

static void leave_line(struct leader *ld)
{
	stop_worker(ld, "the latch node is gone");
	latch_free(&ld->latch);
	store_watch_free(&ld->markers);
	life_end(&ld->life);
	ld->life = life_new();
	ld->marked = ld->looking = ld->look_more = false;
	ld->session = 0;
}

/* To the end of the line, with marker and guid: should the deletion of our node be lost with the connection, the next latch
 * finds the node by its guid and we try again. */
static void go_behind(struct leader *ld)
{
	stop_worker(ld, "a foreign service takes part");
	latch_free(&ld->latch);
	loop_timer_start(ld->loop, &ld->again, LOOP_MS(50));
}

static void on_deposed(void *ctx)
{
	struct leader *ld = ctx;

	leave_line(ld);
	loop_timer_start(ld->loop, &ld->again, LOOP_MS(50));
}

static void relay_committed(void *ctx, const struct worker_commit *commits, size_t n)
{
	struct leader *ld = ctx;

	if (ld->opt.committed != NULL)
		ld->opt.committed(ld->opt.ctx, commits, n);
}

static void relay_ended(void *ctx, const char *request_id)
{
	struct leader *ld = ctx;

	if (ld->opt.ended != NULL)
		ld->opt.ended(ld->opt.ctx, request_id);
}

static void lead(struct leader *ld)
{
	const struct worker_events ev = { on_deposed, relay_committed, relay_ended, ld };

	if (ld->worker != NULL)
		return;
	log_info(NULL, "leading", "node", latch_node(ld->latch));
	ld->worker = worker_new(ld->loop, ld->st, ld->client, &ld->opt.worker, latch_node(ld->latch), latch_epoch(ld->latch), &ev);
}

static bool has_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Item 0 and 2: the line before and after the markers were read. A marker is older than its latch node and goes in the same
 * transaction, so who stands in both lists without one is not ours. */
static size_t count_unmarked(const struct reader *r)
{
	size_t n, n_markers, n_after, unmarked = 0;
	const char *const *before = reader_names(r, 0, &n), *const *markers = reader_names(r, 1, &n_markers);
	const char *const *now = reader_names(r, 2, &n_after);

	for (size_t i = 0; i < n; i++) {
		char guid[37];
		int64_t seq;

		if (latch_parse_name(before[i], &seq, guid) && !has_name(markers, n_markers, guid) && has_name(now, n_after, before[i]))
			unmarked++;
	}
	return unmarked;
}

/* When the last foreign one went is not known: only that it is gone now, and was there when we looked before. */
static void note_unmarked(struct leader *ld, size_t n)
{
	if (ld->unmarked > 0 && n == 0) {
		ld->unmarked_until = loop_now(ld->loop) + LOOP_MS(ld->opt.peer_wait_ms);
		log_info(NULL, "no foreign service takes part any more", "leadsAfterMs", log_int(ld->opt.peer_wait_ms));
	}
	ld->unmarked = n;
}

static void decide(struct leader *ld)
{
	int64_t now = loop_now(ld->loop);

	if (!latch_leads(ld->latch)) {
		if (store_link(ld->st) == STORE_LINK_UP)
			stop_worker(ld, "another service is first in line");
		return; /* while the link is only doubtful the worker stands still by itself */
	}
	if (ld->opt.allow_mixed) {
		lead(ld);
	} else if (ld->unmarked > 0) {
		log_warn(NULL, "a service that is not Lockstep takes part: going behind it");
		go_behind(ld);
	} else if (now < ld->unmarked_until) {
		loop_timer_start(ld->loop, &ld->again, ld->unmarked_until - now);
	} else {
		lead(ld);
	}
}

static void on_markers(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct leader *ld = ctx;

	ld->looking = false;
	if (err != NULL) {
		if (ld->latch == NULL)
			loop_timer_start(ld->loop, &ld->again, LOOP_MS(200));
		return;
	}
	note_unmarked(ld, count_unmarked(r));
	if (ld->look_more)
		look(ld);
	else if (ld->latch == NULL)
		ld->latch = latch_new(ld->loop, ld->st, PATH_WORKERS, ld->guid, ld->opt.base_uri, look, ld);
	else
		decide(ld);
}

/* Who takes part, and which of them are ours: also before we take part, as a foreign one may go while we enter the line. */
static void look(void *ctx)
{
	struct leader *ld = ctx;
	struct reader *r;

	ld->look_more = ld->looking;
	if (ld->looking || !ld->marked)
		return;
	ld->looking = true;
	r = reader_new(ld->st, ld->life);
	reader_children(r, PATH_WORKERS);
	reader_children(r, PATH_SERVICES);
	reader_children(r, PATH_WORKERS);
	reader_run(&r, on_markers, ld);
}

static void on_again(void *ctx)
{
	struct leader *ld = ctx;

	if (ld->marked)
		look(ld);
	else
		enter(ld);
}

/* --- entering the line -------------------------------------------------------------------------------- */

struct marking {
	struct leader *ld;
	struct life *life;
};

static void retry(struct leader *ld)
{
	ld->session = 0;
	loop_timer_start(ld->loop, &ld->again, LOOP_MS(200));
}

static void on_marked(void *ctx, const struct store_result *res, const struct error *err)
{
	struct marking *m = ctx;
	struct leader *ld = m->ld;
	bool over = m->life->over;

	(void)res;
	life_unref(&m->life);
	free(m);
	if (over)
		return;
	if (err != NULL) {
		retry(ld); /* with a new guid: a marker that was made after all goes with the session */
		return;
	}
	ld->marked = true;
	ld->markers = store_watch_new(ld->st, PATH_SERVICES, STORE_WATCH_CHILDREN, look, ld);
	look(ld);
}

static void make_marker(struct leader *ld)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct store_txn *t = store_txn_new(ld->st);
	struct marking *m = xmalloc(sizeof(*m));

	*m = (struct marking){ ld, life_ref(ld->life) };
	rand_uuid(&ld->rand, ld->guid);
	buf_str(&json, "{\"uri\":");
	buf_json_string(&json, ld->opt.base_uri, strlen(ld->opt.base_uri));
	buf_str(&json, ",\"version\":");
	buf_json_string(&json, ld->opt.version, strlen(ld->opt.version));
	buf_char(&json, '}');
	store_txn_create(t, path_join(a, PATH_SERVICES, ld->guid), json.data, json.len, STORE_EPHEMERAL);
	store_txn_commit(&t, on_marked, m);
}

static void on_folder(void *ctx, const struct error *err)
{
	struct marking *m = ctx;
	struct leader *ld = m->ld;

	if (m->life->over || err != NULL) {
		bool over = m->life->over;

		life_unref(&m->life);
		free(m);
		if (!over)
			retry(ld);
		return;
	}
	if (ld->folder < ARRAY_LEN(folders)) {
		store_ensure(ld->st, folders[ld->folder++], on_folder, m);
		return;
	}
	life_unref(&m->life);
	free(m);
	ld->ready = true;
	if (ld->opt.enabled) /* who may not lead must not stand first in line either: then nobody would */
		make_marker(ld);
}

static void enter(struct leader *ld)
{
	struct marking *m;

	if (store_link(ld->st) != STORE_LINK_UP || ld->session == store_session(ld->st))
		return;
	ld->session = store_session(ld->st);
	ld->folder = 0;
	m = xmalloc(sizeof(*m));
	*m = (struct marking){ ld, life_ref(ld->life) };
	on_folder(m, NULL);
}

static void on_link(void *ctx, enum store_link link)
{
	struct leader *ld = ctx;

	switch (link) {
	case STORE_LINK_UP:
		if (ld->session != 0 && ld->session != store_session(ld->st))
			leave_line(ld);
		if (ld->latch == NULL)
			loop_timer_start(ld->loop, &ld->again, 0);
		else
			look(ld);
		return;
	case STORE_LINK_LOST:
		leave_line(ld);
		return;
	case STORE_LINK_SUSPECT:
	case STORE_LINK_DOWN:
		return;
	}
}

struct leader *leader_new(struct loop *l, struct store *st, struct client *cl, const struct leader_options *opt)
{
	struct leader *ld = xcalloc(1, sizeof(*ld));

	ld->loop = l;
	ld->st = st;
	ld->client = cl;
	ld->opt = *opt;
	if (ld->opt.peer_wait_ms == 0)
		ld->opt.peer_wait_ms = 15000;
	ld->life = life_new();
	if (opt->seed != 0)
		rand_seed(&ld->rand, opt->seed);
	else
		rand_seed_os(&ld->rand);
	ld->again = (struct loop_timer){ .fn = on_again, .ctx = ld };
	ld->listener = (struct store_listener){ .fn = on_link, .ctx = ld };
	store_listen(st, &ld->listener);
	enter(ld);
	return ld;
}

void leader_free(struct leader **ldp)
{
	struct leader *ld = STEAL(*ldp);

	if (ld == NULL)
		return;
	store_unlisten(ld->st, &ld->listener);
	leave_line(ld);
	loop_timer_stop(ld->loop, &ld->again);
	life_end(&ld->life);
	free(ld);
}

struct worker *leader_worker(const struct leader *ld)
{
	return ld->worker;
}

bool leader_leads(const struct leader *ld)
{
	return ld->worker != NULL;
}

bool leader_ready(const struct leader *ld)
{
	return ld->ready;
}

size_t leader_unmarked(const struct leader *ld)
{
	return ld->unmarked;
}
