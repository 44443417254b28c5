/*
 * takeover.c - starting over: what a predecessor left, or what became of a transaction of our own (T9)
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "service/work/janitor.h"

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
		queue_take_item(w, to->ld->items[i], r, i * ITEM_READS);
	}
	w->started = true;
	for (size_t i = 0; i < to->n; i++)
		if (!adopt(w, to->batches[i], reader_node(r, to->ld->n * ITEM_READS + i)))
			janitor_drop_decision(w->janitor, to->batches[i]);
	DL_FOREACH(w->items, it)
		it->inherited = w->first_start && it->flight == NULL && it->status != INTERNAL_PENDING;
	worker_turn(w);
	if (w->first_start)
		data_version_look(w);
	w->first_start = false;
	janitor_sweep(w->janitor);
	janitor_watch_groups(w->janitor);
	queue_scan(w);
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
	queue_merge(w, names, n);
	r = reader_next(r_take);
	to = arena_alloc(r->arena, sizeof(*to));
	to->w = w;
	to->batches = reader_names(r->prev, 0, &to->n);
	queue_read_items(w, r, &to->ld);
	for (size_t i = 0; i < to->n; i++)
		reader_get(r, path_decision(r->arena, to->batches[i]));
	reader_run(&r, on_left, to);
}

void takeover_forget(struct worker *w)
{
	struct item *it, *tmp;

	while (w->flights != NULL) {
		struct flight *f = w->flights;

		flight_free(&f);
	}
	DL_FOREACH_SAFE(w->items, it, tmp)
		queue_item_free(w, it);
	load_forget(w);
	locks_forget(w->locks);
	past_forget(w->past);
	life_end(&w->life); /* what is being read belongs to the past */
	w->life = life_new();
	w->scanning = w->scan_again = w->listing = false;
	w->started = false;
}

void takeover_start(struct worker *w)
{
	struct reader *r;

	takeover_forget(w);
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

	w->turn.fn = worker_turn;
	if (store_link(w->st) == STORE_LINK_UP)
		takeover_start(w);
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

void takeover_on_link(void *ctx, enum store_link link)
{
	struct worker *w = ctx;

	if (link != STORE_LINK_UP)
		return;
	for (struct flight *f = w->flights; f != NULL; f = f->next)
		if (f->misread)
			return; /* tests only: who does not read back goes on */
	worker_forget_and_reload(w, "connection is back");
}
