/*
 * link_meter.c - counts what becomes of the connection to ZooKeeper
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/link_meter.h"

#include "lib/base/mem.h"

#include <stdlib.h>

struct link_meter {
	struct store *st;
	struct metrics *metrics;
	struct store_listener listener;
	bool was_up;
};

static void on_link(void *ctx, enum store_link link)
{
	struct link_meter *lm = ctx;

	metrics_set(lm->metrics, METRIC_ZK_CONNECTED, METRIC_PLAIN, link == STORE_LINK_UP);
	if (link == STORE_LINK_UP && lm->was_up)
		metrics_add(lm->metrics, METRIC_ZK_RECONNECTS, METRIC_PLAIN, 1);
	if (link == STORE_LINK_LOST)
		metrics_add(lm->metrics, METRIC_ZK_LOST, METRIC_PLAIN, 1);
	lm->was_up |= link == STORE_LINK_UP;
}

struct link_meter *link_meter_new(struct store *st, struct metrics *m)
{
	struct link_meter *lm = xcalloc(1, sizeof(*lm));

	lm->st = st;
	lm->metrics = m;
	lm->was_up = store_link(st) == STORE_LINK_UP;
	metrics_set(m, METRIC_ZK_CONNECTED, METRIC_PLAIN, lm->was_up);
	lm->listener = (struct store_listener){ .fn = on_link, .ctx = lm };
	store_listen(st, &lm->listener);
	return lm;
}

void link_meter_free(struct link_meter **lmp)
{
	struct link_meter *lm = STEAL(*lmp);

	if (lm == NULL)
		return;
	store_unlisten(lm->st, &lm->listener);
	free(lm);
}
