/*
 * decided.c - decisions that came or went without a call: looked at a moment after the list of them has changed
 *
 * The leader's calls do the work; this is for an agent that the leader cannot reach, or whose call was lost.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/link_internal.h"

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/services.h"

#include <string.h>

struct looking { /* in the first wave's arena */
	struct agent_link *ln;
	size_t n_batches, n_checked;
	const char *const *batches;
	struct strings services; /* of confirmed batches that have ended since */
};

static struct remembered *remembered_batch(struct agent_link *ln, const char *batch)
{
	for (size_t i = 0; i < ln->n_remembered; i++)
		if (strcmp(ln->remembered[i].batch, batch) == 0)
			return &ln->remembered[i];
	return NULL;
}

static bool listed(const struct looking *lk, const char *batch)
{
	for (size_t i = 0; i < lk->n_batches; i++)
		if (strcmp(lk->batches[i], batch) == 0)
			return true;
	return false;
}

/* Does a decision reach this host's group? One that cannot be read might. */
static bool concerns_us(const struct looking *lk, const struct store_node *node, struct arena *a)
{
	struct decision *d;

	if (decision_decode(node->data, node->len, a, &d, NULL) != 0)
		return true;
	for (size_t i = 0; i < d->members.n; i++)
		if (str_eq(d->members.items[i].group, lk->ln->opt.group_name))
			return true;
	return false;
}

static void on_contents(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct looking *lk = ctx;
	struct agent_link *ln = lk->ln;
	bool right = true;

	if (err != NULL)
		return; /* the link's return looks at everything */
	for (size_t i = 0; i < lk->n_batches; i++) {
		const struct store_node *node = reader_node(r, i);
		const struct remembered *known = remembered_batch(ln, lk->batches[i]);

		if (node != NULL && (known == NULL || known->number != node->version) && concerns_us(lk, node, r->arena))
			right = false; /* it was decided, or turned, without us */
	}
	for (size_t i = 0; i < lk->services.n; i++)
		right &= view_is_committed(ln, r, lk->n_batches + 2 * i, lk->services.items[i]);
	for (size_t i = 0; i < ln->n_remembered; i++)
		ln->remembered[i].gone |= !listed(lk, ln->remembered[i].batch);
	if (!right)
		ops_converge_soon(ln, 0);
}

static void on_list(void *ctx, struct reader **r_take, const struct error *err)
{
	struct looking *lk = ctx;
	struct agent_link *ln = lk->ln;
	struct reader *r;

	if (err != NULL) {
		reader_free(r_take);
		return;
	}
	lk->batches = reader_names(*r_take, 0, &lk->n_batches);
	for (size_t i = 0; i < ln->n_remembered; i++)
		for (size_t k = 0; !ln->remembered[i].gone && !listed(lk, ln->remembered[i].batch) &&
				   ln->remembered[i].services[k] != NULL; k++)
			if (!strings_have(&lk->services, ln->remembered[i].services[k]))
				strings_add(&lk->services, (*r_take)->arena, ln->remembered[i].services[k]);
	r = reader_next(r_take);
	for (size_t i = 0; i < lk->n_batches; i++)
		reader_get(r, path_decision(r->arena, lk->batches[i]));
	for (size_t i = 0; i < lk->services.n; i++)
		services_read(r, lk->services.items[i]);
	reader_run(&r, on_contents, lk);
}

void gather_decided(struct agent_link *ln)
{
	struct reader *r = reader_new(ln->st, ln->life);
	struct looking *lk = arena_alloc(r->arena, sizeof(*lk));

	lk->ln = ln;
	reader_children(r, PATH_DECIDED);
	reader_run(&r, on_list, lk);
}
