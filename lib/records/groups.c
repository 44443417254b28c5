/*
 * groups.c - what is read of load balancer groups for the API
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/groups.h"

#include "lib/base/str.h"
#include "lib/records/node_put.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>
#include <string.h>

/* One question; lives in the arena of its first reader. */
struct asking {
	const char *group;
	const struct record *as; /* of agents */
	const char *const *names;
	size_t n;
	groups_texts_fn *texts;
	groups_list_fn *list;
	groups_agents_fn *agents;
	groups_count_fn *count;
	groups_text_fn *text;
	void *ctx;
};

static struct asking *asking_new(struct reader *r, const char *group, void *ctx)
{
	struct asking *q = arena_alloc(r->arena, sizeof(*q));

	q->group = arena_strdup(r->arena, group);
	q->ctx = ctx;
	return q;
}

static int by_text(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* Sorted and each once, in the arena; the texts are shared. */
static void sort_texts(struct strings *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->items, s->n, sizeof(*s->items), by_text);
	for (size_t i = 0; i < s->n; i++)
		if (n == 0 || strcmp(s->items[n - 1], s->items[i]) != 0)
			s->items[n++] = s->items[i];
	s->n = n;
}

/* --- names --- */

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct asking *q = ctx;
	struct strings all = { NULL, 0 };
	const char *const *groups, *const *aliases;
	size_t n, m;

	if (err != NULL) {
		q->texts(q->ctx, NULL, err);
		return;
	}
	groups = reader_names(r, 0, &n);
	aliases = reader_names(r, 1, &m);
	all.items = arena_alloc(r->arena, (n + m + 1) * sizeof(*all.items));
	for (size_t i = 0; i < n; i++)
		all.items[all.n++] = groups[i];
	for (size_t i = 0; i < m; i++)
		all.items[all.n++] = aliases[i];
	sort_texts(&all);
	q->texts(q->ctx, &all, NULL);
}

void groups_names(struct store *st, struct life *life, groups_texts_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct asking *q = asking_new(r, NULL, ctx);

	q->texts = done;
	reader_children(r, PATH_GROUPS);
	reader_children(r, PATH_ALIASES);
	reader_run(&r, on_names, q);
}

static void on_base_paths(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct asking *q = ctx;
	struct strings keys = { NULL, 0 };
	const char *const *names;
	size_t n;

	if (err != NULL) {
		q->texts(q->ctx, NULL, err);
		return;
	}
	names = reader_names(r, 0, &n);
	keys.items = arena_alloc(r->arena, (n + 1) * sizeof(*keys.items));
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf key = BUF_INIT;

		if (b64url_decode(&key, names[i], strlen(names[i])) &&
			utf8_valid(buf_cstr(&key), key.len))
			keys.items[keys.n++] = arena_strdup(r->arena, buf_cstr(&key));
	}
	sort_texts(&keys);
	q->texts(q->ctx, &keys, NULL);
}

void groups_base_paths(
	struct store *st, struct life *life, const char *group, groups_texts_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct asking *q = asking_new(r, group, ctx);

	q->texts = done;
	reader_children(r, path_base_uris(r->arena, group));
	reader_run(&r, on_base_paths, q);
}

/* --- groups --- */

static void on_groups(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct asking *q = ctx;
	const struct group **groups;
	size_t n = 0;

	if (err != NULL) {
		q->list(q->ctx, NULL, 0, err);
		return;
	}
	groups = arena_alloc(r->arena, (q->n + 1) * sizeof(*groups));
	for (size_t i = 0; i < q->n; i++) {
		const struct store_node *node = reader_node(r, i);
		struct group *g;

		if (node != NULL && node->len > 0 &&
			group_decode(node->data, node->len, r->arena, &g, NULL) == 0)
			groups[n++] = g;
	}
	q->list(q->ctx, groups, n, NULL);
}

static void on_group_names(void *ctx, struct reader **r_take, const struct error *err)
{
	struct asking *q = ctx;
	struct strings names = { NULL, 0 };
	const char *const *found;
	struct reader *r;

	if (err != NULL) {
		q->list(q->ctx, NULL, 0, err);
		reader_free(r_take);
		return;
	}
	found = reader_names(*r_take, 0, &q->n);
	names.items = arena_alloc((*r_take)->arena, (q->n + 1) * sizeof(*names.items));
	for (size_t i = 0; i < q->n; i++)
		names.items[names.n++] = found[i];
	sort_texts(&names);
	r = reader_next(r_take);
	for (size_t i = 0; i < q->n; i++)
		reader_get(r, path_group(r->arena, names.items[i]));
	reader_run(&r, on_groups, q);
}

void groups_all(struct store *st, struct life *life, groups_list_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct asking *q = asking_new(r, NULL, ctx);

	q->list = done;
	reader_children(r, PATH_GROUPS);
	reader_run(&r, on_group_names, q);
}

void groups_one(
	struct store *st, struct life *life, const char *group, groups_list_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct asking *q = asking_new(r, group, ctx);

	q->list = done;
	q->n = 1;
	reader_get(r, path_group(r->arena, group));
	reader_run(&r, on_groups, q);
}

/* --- agents --- */

static int by_agent_id(const void *x, const void *y)
{
	const struct agentinfo *const *a = x, *const *b = y;

	return strcmp((*a)->agent_id != NULL ? (*a)->agent_id : "",
		(*b)->agent_id != NULL ? (*b)->agent_id : "");
}

static void on_agents(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct asking *q = ctx;
	const struct agentinfo **agents;
	size_t n = 0;

	if (err != NULL) {
		q->agents(q->ctx, NULL, 0, err);
		return;
	}
	agents = arena_alloc(r->arena, (q->n + 1) * sizeof(*agents));
	for (size_t i = 0; i < q->n; i++) {
		const struct store_node *node = reader_node(r, i);
		struct agentinfo *info;
		int rc;

		if (node == NULL)
			continue;
		rc = q->as == &agentinfo_record
			     ? agentinfo_decode(node->data, node->len, r->arena, &info, NULL)
			     : record_decode(q->as, node->data, node->len, r->arena, &info, NULL);
		if (rc == 0)
			agents[n++] = info;
	}
	qsort(agents, n, sizeof(*agents), by_agent_id);
	q->agents(q->ctx, agents, n, NULL);
}

static void on_agent_names(void *ctx, struct reader **r_take, const struct error *err)
{
	struct asking *q = ctx;
	struct reader *r;

	if (err != NULL) {
		q->agents(q->ctx, NULL, 0, err);
		reader_free(r_take);
		return;
	}
	q->names = reader_names(*r_take, 0, &q->n);
	r = reader_next(r_take);
	for (size_t i = 0; i < q->n; i++)
		reader_get(r, q->as == &agentinfo_record
				      ? path_host(r->arena, q->group, q->names[i])
				      : path_known_agent(r->arena, q->group, q->names[i]));
	reader_run(&r, on_agents, q);
}

static void ask_agents(struct store *st, struct life *life, const char *group,
	const struct record *as, groups_agents_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct asking *q = asking_new(r, group, ctx);

	q->as = as;
	q->agents = done;
	reader_children(r, as == &agentinfo_record ? path_hosts(r->arena, group)
						   : path_known_agents(r->arena, group));
	reader_run(&r, on_agent_names, q);
}

void groups_agents(
	struct store *st, struct life *life, const char *group, groups_agents_fn *done, void *ctx)
{
	ask_agents(st, life, group, &agentinfo_record, done, ctx);
}

void groups_known_agents(
	struct store *st, struct life *life, const char *group, groups_agents_fn *done, void *ctx)
{
	ask_agents(st, life, group, &known_agent_record, done, ctx);
}

/* --- single values --- */

static void on_count(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct asking *q = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;
	int64_t count = -1;

	if (node != NULL && json_long_decode(node->data, node->len, &count, NULL) != 0)
		count = -1;
	q->count(q->ctx, count, err);
}

void groups_target_count(
	struct store *st, struct life *life, const char *group, groups_count_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct asking *q = asking_new(r, group, ctx);

	q->count = done;
	reader_get(r, path_target_count(r->arena, group));
	reader_run(&r, on_count, q);
}

static void on_owner(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct asking *q = ctx;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;
	const char *owner = NULL;

	if (node != NULL && json_string_decode(node->data, node->len, r->arena, &owner, NULL) != 0)
		owner = NULL;
	q->text(q->ctx, owner, err);
}

void groups_base_path_owner(struct store *st, struct life *life, const char *group, const char *key,
	groups_text_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct asking *q = asking_new(r, group, ctx);

	q->text = done;
	reader_get(r, path_base_uri(r->arena, group, key));
	reader_run(&r, on_owner, q);
}

/* --- forgetting an agent --- */

void groups_forget_agent(struct store *st, struct life *life, const char *group,
	const char *agent_id, store_done_fn *done, void *ctx)
{
	AUTO(arena_free) struct arena *a = arena_new();

	node_delete(st, life, path_known_agent(a, group, agent_id), -1, done, ctx);
}
