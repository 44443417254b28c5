/*
 * worker.c - the queue as it is known, what starts when, and starting over
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/core/schedule.h"

#include <stdlib.h>
#include <string.h>

#define ITEM_READS 7 /* nodes read per queue item: see read_item */
#define KNOWN_MAX 5000 /* items looked at in one round; more wait for their turn */

static void scan(struct worker *w);
static void take_over(struct worker *w);

/* --- items -------------------------------------------------------------------------------------- */

static struct item *item_new(struct worker *w, const char *node)
{
	struct item *it = xcalloc(1, sizeof(*it));
	struct error err = ERROR_INIT;

	it->arena = arena_new();
	it->node = arena_strdup(it->arena, node);
	it->status = -1;
	it->status_version = -1;
	it->sv = -1;
	if (queued_id_parse_node(it->node, it->arena, &it->id, &err) != 0)
		it->bad = arena_strdup(it->arena, err.text);
	DL_APPEND(w->items, it);
	MAP_ADD(w->named, node, it);
	return it;
}

static void item_free(struct worker *w, struct item *it)
{
	DL_DELETE(w->items, it);
	MAP_DEL(w->named, it);
	arena_free(&it->arena);
	free(it);
}

static int by_index(const struct item *x, const struct item *y)
{
	return (x->id.index > y->id.index) - (x->id.index < y->id.index);
}

static void read_item(struct reader *r, const struct item *it)
{
	reader_get(r, path_request(r->arena, it->id.request_id));
	reader_get(r, path_status(r->arena, it->id.request_id));
	reader_get(r, path_message(r->arena, it->id.request_id));
	reader_get(r, path_service(r->arena, it->id.service_id));
	reader_children(r, path_service(r->arena, it->id.service_id));
	reader_get(r, path_history(r->arena, it->id.service_id));
	reader_get(r, path_history_entry(r->arena, it->id.service_id, it->id.request_id));
}

static void take_state(struct item *it, const struct reader *r, size_t at)
{
	const struct store_node *node = reader_node(r, at);
	size_t n;
	const char *const *names = reader_names(r, at + 1, &n);
	struct error err = ERROR_INIT;
	struct service *s;

	it->base = (struct service_state){ 0 };
	it->sv = node != NULL ? node->version : -1;
	if (node == NULL || node->len == 0)
		return;
	if (record_decode(&service_record, node->data, node->len, it->arena, &s, &err) != 0) {
		it->bad = arena_printf(it->arena, "its service's record: %s", err.text);
		return;
	}
	it->base.service = s;
	it->base.upstreams.items = arena_alloc(it->arena, (n + 1) * sizeof(struct upstream));
	for (size_t i = 0; i < n; i++) {
		struct upstream *u = &it->base.upstreams.items[it->base.upstreams.n];

		if (upstream_from_text(names[i], it->arena, u, NULL) != 0)
			continue; /* not a name of ours or Java's: nothing can refer to it */
		u->original = arena_strdup(it->arena, names[i]);
		it->base.upstreams.n++;
	}
}

static void take_item(struct item *it, const struct reader *r, size_t at)
{
	const struct store_node *node = reader_node(r, at), *status = reader_node(r, at + 1), *message = reader_node(r, at + 2);
	struct error err = ERROR_INIT;
	struct request *rq = NULL;
	const char *text;

	it->loaded = true;
	it->stale = false;
	it->bad = NULL;
	it->history_parent = reader_exists(r, at + 5);
	it->history_entry = reader_exists(r, at + 6);
	if (node == NULL || status == NULL) {
		it->bad = "no request or no status belongs to it";
		return;
	}
	it->raw = arena_strndup(it->arena, node->len > 0 ? node->data : "", node->len);
	it->raw_len = node->len;
	if (it->request == NULL) {
		if (request_decode(node->data, node->len, it->arena, &rq, &err) != 0) {
			it->bad = arena_strdup(it->arena, err.text);
			return;
		}
		if (rq->id == NULL || rq->service == NULL || !str_eq(rq->service->id, it->id.service_id)) {
			it->bad = "its request is of another service";
			return;
		}
		it->request = rq;
	}
	if (json_string_decode(status->data, status->len, it->arena, &text, &err) != 0 ||
		(it->status = internal_state_parse(text)) < 0) {
		it->bad = "its status is unknown";
		return;
	}
	it->status_version = status->version;
	if (message == NULL || json_string_decode(message->data, message->len, it->arena, &it->message, NULL) != 0)
		it->message = message != NULL ? "" : NULL;
	take_state(it, r, at + 3);
}

/* --- what starts ---------------------------------------------------------------------------------- */

static const struct roster_group **known_groups(struct worker *w, const struct strings *names, struct arena *a, size_t *n_out)
{
	const struct roster_group **list = arena_alloc(a, (names->n + 1) * sizeof(struct roster_group *));

	*n_out = 0;
	for (size_t i = 0; i < names->n; i++) {
		const struct roster_group *g = roster_get(w->roster, names->items[i]);

		if (g != NULL)
			list[(*n_out)++] = g;
	}
	return list;
}

/* Begun without a decision record: a Java leader may have told hosts. A cancel of ours that came before the decision looks
 * the same to a new leader; then going back is only more than was needed. */
static bool begun_elsewhere(const struct item *it)
{
	switch ((enum internal_state)it->status) {
	case INTERNAL_SEND_APPLY:
	case INTERNAL_CHECK_APPLY:
	case INTERNAL_FAILED_SEND_REVERT:
	case INTERNAL_FAILED_CHECK_REVERT:
	case INTERNAL_CANCELLED_CHECK_REVERT:
		return true;
	case INTERNAL_CANCELLED_SEND_REVERT:
		return it->inherited;
	case INTERNAL_PENDING:
	case INTERNAL_COMPLETED:
	case INTERNAL_COMPLETED_POST_APPLY_FAILED:
	case INTERNAL_INVALID_REQUEST_NOOP:
	case INTERNAL_FAILED_REVERTED:
	case INTERNAL_FAILED_REVERT_FAILED:
	case INTERNAL_CANCELLED:
	case INTERNAL_FAILED_CANCEL_FAILED:
		return false;
	}
	return false;
}

static bool describe(struct worker *w, struct item *it, struct arena *a, struct schedule_item *out)
{
	const struct roster_group **groups;
	struct plan *plan;
	size_t n;

	if (it->bad != NULL && it->flight == NULL)
		return false;
	out->service = it->id.service_id;
	out->flying = it->flight != NULL;
	out->alone = it->alone;
	plan = arena_alloc(a, sizeof(*plan));
	out->groups = &plan->groups;
	out->wanted = &plan->wanted;
	if (it->request == NULL)
		return true;
	plan_groups(it->request, it->base.service, a, &plan->groups);
	groups = known_groups(w, &plan->groups, a, &n);
	out->startable = it->loaded && !it->stale && n == plan->groups.n && !begun_elsewhere(it);
	if (n == plan->groups.n)
		plan_make(it->request, &it->base, it->sv, groups, n, a, plan);
	return true;
}

static void start_batches(struct worker *w)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct schedule_item *items = arena_alloc(a, KNOWN_MAX * sizeof(*items));
	struct item **known = arena_alloc(a, KNOWN_MAX * sizeof(*known)), **members = arena_alloc(a, KNOWN_MAX * sizeof(*members));
	struct item *it;
	size_t n = 0;
	int batches;

	DL_FOREACH(w->items, it) {
		if (n == KNOWN_MAX)
			break;
		if (describe(w, it, a, &items[n]))
			known[n++] = it;
	}
	batches = schedule(items, n, w->opt.batch_max);
	for (int b = 0; b < batches; b++) {
		size_t k = 0;

		for (size_t i = 0; i < n; i++)
			if (items[i].batch == b)
				members[k++] = known[i];
		flight_new(w, members, k);
	}
}

static bool service_flies(const struct worker *w, const char *service)
{
	const struct item *it;

	DL_FOREACH(w->items, it)
		if (it->flight != NULL && str_eq(it->id.service_id, service))
			return true;
	return false;
}

/* Items that are no ordinary PENDING requests: leftovers, and what a Java leader began. */
static void settle_odd(struct worker *w)
{
	struct item *it, *tmp;

	DL_FOREACH_SAFE(w->items, it, tmp) {
		if (it->flight != NULL || !it->loaded || it->stale || it->loading)
			continue;
		if (it->bad != NULL) {
			it->loading = true; /* asked for; the next scan finds it gone */
			janitor_quarantine(w->janitor, it);
		} else if (internal_state_terminal((enum internal_state)it->status)) {
			it->loading = true;
			janitor_sweep_terminal(w->janitor, it);
		} else if (begun_elsewhere(it) && !service_flies(w, it->id.service_id)) {
			flight_adopt_undecided(w, it);
		}
	}
}

static void turn(void *ctx)
{
	struct worker *w = ctx;

	w->last_turn_ms = loop_wall_ms(w->loop);
	if (!w->started || w->reloading || store_link(w->st) != STORE_LINK_UP)
		return;
	settle_odd(w);
	start_batches(w);
}

void worker_turn_soon(struct worker *w)
{
	loop_timer_start(w->loop, &w->turn, 0);
}

static void on_roster(void *ctx)
{
	struct worker *w = ctx;
	struct flight *f, *next;

	for (f = w->flights; f != NULL; f = next) {
		next = f->next;
		flight_advance(f);
	}
	worker_turn_soon(w);
}

/* --- reading the queue ------------------------------------------------------------------------------ */

struct loading {
	struct item **items;
	size_t n;
};

static void on_items(void *ctx, struct reader **r_take, const struct error *err)
{
	struct loading *ld = ctx; /* lives in the reader */
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct worker *w = *(struct worker **)(void *)(ld + 1);

	w->scanning = false;
	for (size_t i = 0; i < ld->n; i++) {
		ld->items[i]->loading = false;
		if (err == NULL && ld->items[i]->flight == NULL)
			take_item(ld->items[i], r, i * ITEM_READS);
	}
	if (err == NULL && w->scan_again)
		scan(w);
	if (err == NULL)
		worker_turn_soon(w);
}

static struct reader *read_items(struct worker *w, struct reader *r, struct loading **ld_out)
{
	struct loading *ld = arena_alloc(r->arena, sizeof(*ld) + sizeof(w));
	struct item *it;
	size_t n = 0;

	*(struct worker **)(void *)(ld + 1) = w;
	DL_COUNT(w->items, it, n);
	ld->items = arena_alloc(r->arena, (n + 1) * sizeof(struct item *));
	DL_FOREACH(w->items, it) {
		if (it->flight != NULL || it->loading || (it->loaded && !it->stale) || ld->n == KNOWN_MAX)
			continue;
		if (it->id.request_id == NULL) {
			it->loaded = true; /* its name says nothing */
			continue;
		}
		it->loading = true;
		ld->items[ld->n++] = it;
		read_item(r, it);
	}
	*ld_out = ld;
	return r;
}

static void merge_queue(struct worker *w, const char *const *names, size_t n)
{
	struct item *it, *tmp;

	DL_FOREACH(w->items, it)
		it->listed = false;
	for (size_t i = 0; i < n; i++) {
		MAP_FIND(w->named, names[i], it);
		if (it == NULL)
			it = item_new(w, names[i]);
		it->listed = true;
	}
	DL_SORT(w->items, by_index);
	DL_FOREACH_SAFE(w->items, it, tmp)
		if (!it->listed && it->flight == NULL)
			item_free(w, it);
}

static void on_queue(void *ctx, struct reader **r_take, const struct error *err)
{
	struct worker *w = ctx;
	struct loading *ld;
	struct reader *r;
	size_t n;
	const char *const *names;

	if (err != NULL) {
		reader_free(r_take);
		w->scanning = false;
		return; /* the link's return starts everything over */
	}
	names = reader_names(*r_take, 0, &n);
	merge_queue(w, names, n);
	reader_free(r_take);
	r = read_items(w, reader_new(w->st, w->life), &ld);
	reader_run(&r, on_items, ld);
}

static void scan(struct worker *w)
{
	struct reader *r;

	if (!w->started || w->reloading)
		return;
	w->scan_again = w->scanning;
	if (w->scanning)
		return;
	w->scanning = true;
	r = reader_new(w->st, w->life);
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_queue, w);
}

/* --- T9: what a predecessor left; also after an unknown outcome of our own ----------------------------- */

static bool adopt(struct worker *w, const char *batch, const struct store_node *node)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct item **items, *it;
	struct decision *d;
	size_t n = 0;

	if (node == NULL)
		return true;
	if (decision_decode(node->data, node->len, a, &d, NULL) != 0)
		return false;
	items = arena_alloc(a, (d->requests.n + 1) * sizeof(struct item *));
	for (size_t i = 0; i < d->requests.n; i++)
		DL_FOREACH(w->items, it)
			if (it->request != NULL && it->bad == NULL && str_eq(it->id.request_id, d->requests.items[i].id) &&
				it->flight == NULL)
				items[n++] = it;
	if (n == 0)
		return false;
	flight_adopt(w, batch, d, node->version, items, n);
	return true;
}

struct takeover {
	struct worker *w;
	size_t n;
	const char *const *batches;
	struct loading *ld;
};

static void on_left(void *ctx, struct reader **r_take, const struct error *err)
{
	struct takeover *to = ctx;
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct worker *w = to->w;
	struct item *it;

	w->scanning = false;
	w->reloading = false;
	if (err != NULL)
		return; /* the link went; its return calls take_over again */
	for (size_t i = 0; i < to->ld->n; i++) {
		to->ld->items[i]->loading = false;
		take_item(to->ld->items[i], r, i * ITEM_READS);
	}
	w->started = true;
	for (size_t i = 0; i < to->n; i++)
		if (!adopt(w, to->batches[i], reader_node(r, to->ld->n * ITEM_READS + i)))
			janitor_drop_decision(w->janitor, to->batches[i]);
	DL_FOREACH(w->items, it)
		it->inherited = w->first_start && it->flight == NULL && it->status != INTERNAL_PENDING;
	turn(w);
	w->first_start = false;
	janitor_sweep(w->janitor);
	scan(w);
}

static void on_lists(void *ctx, struct reader **r_take, const struct error *err)
{
	struct worker *w = ctx;
	struct takeover *to;
	struct reader *r;
	const char *const *names;
	size_t n;

	if (err != NULL) {
		reader_free(r_take);
		w->reloading = false;
		return;
	}
	names = reader_names(*r_take, 1, &n);
	merge_queue(w, names, n);
	r = reader_next(r_take);
	to = arena_alloc(r->arena, sizeof(*to));
	to->w = w;
	to->batches = reader_names(r->prev, 0, &to->n);
	read_items(w, r, &to->ld);
	for (size_t i = 0; i < to->n; i++)
		reader_get(r, path_decision(r->arena, to->batches[i]));
	reader_run(&r, on_left, to);
}

static void forget(struct worker *w)
{
	struct item *it, *tmp;

	while (w->flights != NULL) {
		struct flight *f = w->flights;

		flight_free(&f);
	}
	DL_FOREACH_SAFE(w->items, it, tmp)
		item_free(w, it);
	life_end(&w->life); /* what is being read belongs to the past */
	w->life = life_new();
	w->scanning = w->scan_again = false;
	w->started = false;
}

static void take_over(struct worker *w)
{
	struct reader *r;

	forget(w);
	w->reloading = true;
	roster_stale(w->roster, NULL);
	r = reader_new(w->st, w->life);
	reader_sync_first(r);
	reader_children(r, PATH_DECIDED);
	reader_children(r, PATH_QUEUE);
	reader_run(&r, on_lists, w);
}

static void on_reload(void *ctx)
{
	struct worker *w = ctx;

	w->turn.fn = turn;
	if (store_link(w->st) == STORE_LINK_UP)
		take_over(w);
	else
		w->reloading = false; /* on_link does it */
}

void worker_forget_and_reload(struct worker *w, const char *why)
{
	if (w->reloading)
		return;
	log_info(NULL, "worker starts over", "reason", why);
	w->reloading = true; /* nothing moves until then */
	w->started = false;
	w->turn.fn = on_reload;
	loop_timer_start(w->loop, &w->turn, 0);
}

static void on_link(void *ctx, enum store_link link)
{
	struct worker *w = ctx;

	if (link == STORE_LINK_UP)
		worker_forget_and_reload(w, "connection is back");
}

/* --- life -------------------------------------------------------------------------------------------- */

void worker_flight_over(struct flight *f, bool rescan)
{
	struct worker *w = f->w;
	struct item *it, *tmp;

	for (size_t i = 0; i < f->n; i++) {
		struct item *own = f->rq[i].item;

		DL_FOREACH(w->items, it)
			if (str_eq(it->id.service_id, own->id.service_id))
				it->stale = true; /* its base may have moved */
	}
	DL_FOREACH_SAFE(w->items, it, tmp)
		if (it->flight == f && it->bad != NULL) {
			it->flight = NULL;
			it->loaded = it->loading = true; /* ended: the next scan drops it */
			it->request = NULL;
		}
	flight_free(&f);
	if (rescan)
		scan(w);
}

static void on_deposed(void *ctx)
{
	struct worker *w = ctx;

	w->ev.deposed(w->ev.ctx);
}

void worker_deposed(struct worker *w)
{
	w->reloading = true;
	w->turn.fn = on_deposed;
	loop_timer_start(w->loop, &w->turn, 0);
}

static void on_queue_changed(void *ctx)
{
	scan(ctx);
}

static void on_tick(void *ctx)
{
	struct worker *w = ctx;
	struct item *it;

	DL_FOREACH(w->items, it)
		it->stale |= it->flight == NULL; /* a cancel of what waits has no watch */
	scan(w);
	janitor_tick(w->janitor);
	loop_timer_start(w->loop, &w->tick, LOOP_MS(w->opt.tick_ms));
}

struct worker *worker_new(struct loop *l, struct store *st, struct client *cl, const struct worker_options *opt,
	const char *latch_node, int64_t epoch, const struct worker_events *ev)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->loop = l;
	w->st = st;
	w->client = cl;
	w->opt = *opt;
	w->opt.tick_ms = opt->tick_ms != 0 ? opt->tick_ms : 5000;
	w->opt.rules.absent = opt->rules.absent && opt->absent_grace_ms > 0;
	w->ev = *ev;
	w->life = life_new();
	w->latch_node = xstrdup(latch_node);
	w->epoch = epoch;
	w->first_start = true;
	w->tick = (struct loop_timer){ .fn = on_tick, .ctx = w };
	w->turn = (struct loop_timer){ .fn = turn, .ctx = w };
	w->roster = roster_new(l, st, &w->opt.rules, on_roster, w);
	w->janitor = janitor_new(w);
	w->listener = (struct store_listener){ .fn = on_link, .ctx = w };
	store_listen(st, &w->listener);
	w->queue_watch = store_watch_new(st, PATH_QUEUE, STORE_WATCH_CHILDREN, on_queue_changed, w);
	loop_timer_start(l, &w->tick, LOOP_MS(w->opt.tick_ms));
	take_over(w);
	return w;
}

void worker_free(struct worker **wp)
{
	struct worker *w = STEAL(*wp);

	if (w == NULL)
		return;
	forget(w);
	store_watch_free(&w->queue_watch);
	store_unlisten(w->st, &w->listener);
	loop_timer_stop(w->loop, &w->tick);
	loop_timer_stop(w->loop, &w->turn);
	janitor_free(&w->janitor);
	roster_free(&w->roster);
	life_end(&w->life);
	free(w->latch_node);
	free(w);
}

void worker_wake(struct worker *w)
{
	scan(w);
}

void worker_cancelled(struct worker *w, const char *request_id)
{
	struct item *it;

	DL_FOREACH(w->items, it)
		if (str_eq(it->id.request_id, request_id))
			it->stale = true; /* in flight its watch tells; else this reads it again */
	scan(w);
}

bool worker_answers(const struct worker *w, const char *request_id, struct arena *a, struct record_map *out)
{
	for (const struct flight *f = w->flights; f != NULL; f = f->next)
		for (size_t i = 0; i < f->n; i++)
			if (strcmp(f->rq[i].item->id.request_id, request_id) == 0) {
				tally_responses(f->tally, a, out);
				return true;
			}
	return false;
}

size_t worker_flights(const struct worker *w)
{
	size_t n = 0;

	for (const struct flight *f = w->flights; f != NULL; f = f->next)
		n++;
	return n;
}

int64_t worker_last_turn_ms(const struct worker *w)
{
	return w->last_turn_ms;
}
