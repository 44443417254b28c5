/*
 * known_agents.c - Java's records of agents that have not been seen for half an hour are removed
 *
 * They only say who was there once: whether a host counts is said by its member record, which the
 * janitor judges.  "Seen" is what the record says or when it was written, whichever is later, so
 * that a host whose clock is wrong is not taken for one that is gone.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/flight.h"

#include "lib/model/agentinfo.h"
#include "lib/records/paths.h"

#include <stdlib.h>

#define LOOK_EVERY LOOP_MS(60000)
#define UNSEEN_MS ((int64_t)30 * 60 * 1000)

struct known_agents {
	struct worker *w;
	struct life *life;
	bool looking;
	int64_t next_at; /* loop time */
};

struct known_look { /* in the arena of its first reader */
	struct known_agents *k;
	const char *const *groups;
	size_t n_groups;
	const char **paths; /* of the records */
	size_t n;
};

static void on_removed(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err; /* it has just been seen, or the next look comes back to it */
}

static int64_t seen_at(const struct store_node *node, struct arena *a)
{
	struct agentinfo *info;

	if (record_decode(&known_agent_record, node->data, node->len, a, &info, NULL) != 0 ||
		info->last_seen_at < node->modified_ms)
		return node->modified_ms;
	return info->last_seen_at;
}

static void on_records(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct known_look *look = ctx;
	struct worker *w = look->k->w;
	int64_t now = loop_wall_ms(w->loop);

	look->k->looking = false;
	for (size_t i = 0; err == NULL && i < look->n; i++) {
		const struct store_node *node = reader_node(r, i);
		struct store_txn *t;

		if (node == NULL || now - seen_at(node, r->arena) <= UNSEEN_MS)
			continue;
		log_info(NULL, "known agent forgotten: not seen for 30 minutes", "record", look->paths[i]);
		t = store_txn_new(w->st);
		store_txn_check(t, w->latch_node, -1);
		store_txn_delete(t, look->paths[i], node->version);
		store_txn_commit(&t, on_removed, NULL);
	}
}

static void on_lists(void *ctx, struct reader **r_take, const struct error *err)
{
	struct known_look *look = ctx;
	struct reader *r;
	size_t total = 0;

	if (err != NULL) {
		look->k->looking = false;
		reader_free(r_take);
		return;
	}
	for (size_t i = 0; i < look->n_groups; i++) {
		size_t n;

		reader_names(*r_take, i, &n);
		total += n;
	}
	look->paths = arena_alloc((*r_take)->arena, (total + 1) * sizeof(*look->paths));
	for (size_t i = 0; i < look->n_groups; i++) {
		size_t n;
		const char *const *names = reader_names(*r_take, i, &n);

		for (size_t m = 0; m < n; m++)
			look->paths[look->n++] = path_known_agent((*r_take)->arena, look->groups[i], names[m]);
	}
	r = reader_next(r_take);
	for (size_t i = 0; i < look->n; i++)
		reader_get(r, look->paths[i]);
	reader_run(&r, on_records, look);
}

static void on_groups(void *ctx, struct reader **r_take, const struct error *err)
{
	struct known_look *look = ctx;
	struct reader *r;

	if (err != NULL) {
		look->k->looking = false;
		reader_free(r_take);
		return;
	}
	look->groups = reader_names(*r_take, 0, &look->n_groups);
	r = reader_next(r_take);
	for (size_t i = 0; i < look->n_groups; i++)
		reader_children(r, path_known_agents(r->arena, look->groups[i]));
	reader_run(&r, on_lists, look);
}

void known_agents_tick(struct known_agents *k)
{
	struct reader *r;
	struct known_look *look;

	if (k->looking || loop_now(k->w->loop) < k->next_at || store_link(k->w->st) != STORE_LINK_UP)
		return;
	k->looking = true;
	k->next_at = loop_now(k->w->loop) + LOOK_EVERY;
	r = reader_new(k->w->st, k->life);
	look = arena_alloc(r->arena, sizeof(*look));
	*look = (struct known_look){ .k = k };
	reader_children(r, PATH_GROUPS);
	reader_run(&r, on_groups, look);
}

struct known_agents *known_agents_new(struct worker *w)
{
	struct known_agents *k = xcalloc(1, sizeof(*k));

	k->w = w;
	k->life = life_new();
	k->next_at = loop_now(w->loop) + LOOK_EVERY;
	return k;
}

void known_agents_free(struct known_agents **kp)
{
	struct known_agents *k = STEAL(*kp);

	if (k == NULL)
		return;
	life_end(&k->life);
	free(k);
}
