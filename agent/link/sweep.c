/*
 * sweep.c - every service there is, as it must run, read from the store alone
 *
 * Three waves: the list of decided batches; these and the list of services; the services, and the requests.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/sweep.h"

#include "lib/base/str.h"
#include "lib/model/batch.h"
#include "lib/model/fold.h"
#include "lib/model/request.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "lib/records/services.h"

#include <string.h>

struct sweep { /* in the first wave's arena */
	struct sweep_fns fns;
	void *ctx;
	bool with_decided;
	size_t n_batches, n_services;
	const char *const *batches, *const *services;
	const struct decision **decisions;
	struct strings more; /* services of decided requests that have no state yet */
};

static const struct request *decided_request(const struct sweep *sw, const struct reader *r, size_t first, const char *service)
{
	size_t at = first;

	for (size_t b = 0; b < sw->n_batches; b++) {
		const struct decision *d = sw->decisions[b];

		for (size_t i = 0; d != NULL && i < d->requests.n; i++, at++) {
			const struct store_node *node = reader_node(r, at);
			struct request *rq;

			if (d->requests.items[i].dir == DIR_FORWARD && strcmp(d->requests.items[i].service, service) == 0 && node != NULL &&
				request_decode(node->data, node->len, r->arena, &rq, NULL) == 0)
				return rq;
		}
	}
	return NULL;
}

static void put_service(struct sweep *sw, const struct reader *r, size_t at, size_t first_request, const char *id)
{
	const struct request *rq = sw->with_decided ? decided_request(sw, r, first_request, id) : NULL;
	struct service_state base, next;
	struct error err = ERROR_INIT;

	if (services_take(r->arena, r, at, &base, &err) != 0) {
		sw->fns.unreadable(sw->ctx, id, &err);
		return;
	}
	if (rq != NULL) {
		fold(&base, &rq, 1, r->arena, &next);
		base = next;
	}
	sw->fns.service(sw->ctx, id, &base);
}

static void on_contents(void *ctx, struct reader **r_take, const struct error *err)
{
	struct sweep *sw = ctx;

	if (err == NULL) {
		const struct reader *r = *r_take;
		size_t first_request = 2 * (sw->n_services + sw->more.n);

		for (size_t i = 0; i < sw->n_services; i++)
			put_service(sw, r, 2 * i, first_request, sw->services[i]);
		for (size_t i = 0; i < sw->more.n; i++)
			put_service(sw, r, 2 * (sw->n_services + i), first_request, sw->more.items[i]);
	}
	sw->fns.done(sw->ctx, err);
	reader_free(r_take);
}

static bool listed(const struct sweep *sw, const char *service)
{
	for (size_t i = 0; i < sw->n_services; i++)
		if (strcmp(sw->services[i], service) == 0)
			return true;
	return strings_have(&sw->more, service);
}

static void on_decisions(void *ctx, struct reader **r_take, const struct error *err)
{
	struct sweep *sw = ctx;
	struct reader *r, *prev = *r_take;

	if (err != NULL) {
		sw->fns.done(sw->ctx, err);
		reader_free(r_take);
		return;
	}
	sw->decisions = arena_alloc(prev->arena, (sw->n_batches + 1) * sizeof(struct decision *));
	for (size_t b = 0; b < sw->n_batches; b++) {
		const struct store_node *node = reader_node(prev, b);
		struct decision *d = NULL;

		if (node != NULL && decision_decode(node->data, node->len, prev->arena, &d, NULL) == 0)
			sw->decisions[b] = d;
		for (size_t i = 0; d != NULL && i < d->requests.n; i++)
			if (!listed(sw, d->requests.items[i].service))
				strings_add(&sw->more, prev->arena, d->requests.items[i].service);
	}
	sw->services = reader_names(prev, sw->n_batches, &sw->n_services);
	r = reader_next(r_take);
	for (size_t i = 0; i < sw->n_services; i++)
		services_read(r, sw->services[i]);
	for (size_t i = 0; i < sw->more.n; i++)
		services_read(r, sw->more.items[i]);
	for (size_t b = 0; b < sw->n_batches; b++)
		for (size_t i = 0; sw->decisions[b] != NULL && i < sw->decisions[b]->requests.n; i++)
			reader_get(r, path_request(r->arena, sw->decisions[b]->requests.items[i].id));
	reader_run(&r, on_contents, sw);
}

static void on_decided_list(void *ctx, struct reader **r_take, const struct error *err)
{
	struct sweep *sw = ctx;
	struct reader *r;

	if (err != NULL) {
		sw->fns.done(sw->ctx, err);
		reader_free(r_take);
		return;
	}
	sw->batches = reader_names(*r_take, 0, &sw->n_batches);
	r = reader_next(r_take);
	for (size_t b = 0; b < sw->n_batches; b++)
		reader_get(r, path_decision(r->arena, sw->batches[b]));
	reader_children(r, PATH_STATE);
	reader_run(&r, on_decisions, sw);
}

void sweep_run(struct store *st, struct life *life, bool with_decided, const struct sweep_fns *fns, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct sweep *sw = arena_alloc(r->arena, sizeof(*sw));

	sw->fns = *fns;
	sw->ctx = ctx;
	sw->with_decided = with_decided;
	reader_sync_first(r);
	reader_children(r, PATH_DECIDED);
	reader_run(&r, on_decided_list, sw);
}
