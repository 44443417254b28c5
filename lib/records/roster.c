/*
 * roster.c - the members of each load balancer group, kept up to date by watches
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/roster.h"

#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/model/agentinfo.h"
#include "lib/model/value.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "lib/store/latch.h"

#include <string.h>

struct entry {
	UT_hash_handle hh;
	char *name;
	struct roster *roster;
	struct store_watch *watch_group, *watch_hosts, *watch_members, *watch_excluded, *watch_target;
	bool dirty, reading, valid, used;
	struct arena *arena; /* of `now` */
	struct roster_group now;
};

struct roster {
	struct loop *loop;
	struct store *st;
	const struct rules *rules;
	struct life *life;
	struct entry *entries;
	void (*changed)(void *ctx);
	void *ctx;
};

/* One reading of a group in three waves: version and lists, then data of hosts and records. */
struct look {
	struct entry *entry;
	size_t group, target, hosts, members, excluded;
	size_t first_host, first_member, first_known;
};

struct roster *roster_new(struct loop *l, struct store *st, const struct rules *rules, void (*changed)(void *ctx), void *ctx)
{
	struct roster *r = xcalloc(1, sizeof(*r));

	r->loop = l;
	r->st = st;
	r->rules = rules;
	r->life = life_new();
	r->changed = changed;
	r->ctx = ctx;
	return r;
}

static void entry_free(struct roster *r, struct entry *e)
{
	MAP_DEL(r->entries, e);
	store_watch_free(&e->watch_group);
	store_watch_free(&e->watch_hosts);
	store_watch_free(&e->watch_members);
	store_watch_free(&e->watch_excluded);
	store_watch_free(&e->watch_target);
	arena_free(&e->arena);
	free(e->name);
	free(e);
}

void roster_forget_unused(struct roster *r)
{
	struct entry *e, *tmp;

	MAP_EACH(r->entries, e, tmp) {
		if (e->valid && !e->now.exists && !e->reading && !e->used)
			entry_free(r, e);
		else
			e->used = false;
	}
}

void roster_free(struct roster **rp)
{
	struct roster *r = STEAL(*rp);
	struct entry *e, *tmp;

	if (r == NULL)
		return;
	life_end(&r->life);
	MAP_EACH(r->entries, e, tmp)
		entry_free(r, e);
	free(r);
}

const char *incarnation_of(struct arena *a, const char *node_name)
{
	char guid[37];
	int64_t seq;

	if (latch_parse_name(node_name, &seq, guid) && guid[0] != '\0')
		return arena_strdup(a, guid);
	return arena_strdup(a, node_name);
}

static int64_t absent_since(const struct entry *e, const char *agent_id, const char *incarnation)
{
	for (size_t i = 0; e->valid && i < e->now.n; i++) {
		const struct member *m = &e->now.members[i];

		if (!m->registered && str_eq(m->agent_id, agent_id) && str_eq(m->incarnation, incarnation))
			return m->absent_since_us;
	}
	return loop_now(e->roster->loop) > 0 ? loop_now(e->roster->loop) : 1;
}

static bool has_name(const struct reader *r, size_t list, const char *name)
{
	size_t n;
	const char *const *names = reader_names(r, list, &n);

	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void host_member(struct arena *a, const char *group, const char *node, const struct store_node *data, struct member *m)
{
	struct agentinfo *info = NULL;
	struct error err = ERROR_INIT;

	m->group = group;
	m->node = arena_strdup(a, node);
	m->incarnation = incarnation_of(a, node);
	m->registered = true;
	if (agentinfo_decode(data->data, data->len, a, &info, &err) != 0 || info->base_uri == NULL) {
		m->agent_id = m->node;
		m->broken = arena_strdup(a, err.code != 0 ? err.text : "baseAgentUri is missing");
		return;
	}
	m->agent_id = info->agent_id != NULL ? info->agent_id : m->node;
	m->base_uri = info->base_uri;
	m->lockstep = agentinfo_is_lockstep(info);
	m->batch = info->batch_enabled;
}

/*
 * {"node":…} of a member record; what cannot be read names no incarnation, so nothing can confirm it.  The agent's own
 * join writes the name without its sequence, which is known only after the transaction that makes both.
 */
static const char *record_node(struct arena *a, const struct store_node *node)
{
	const struct value *v;

	if (value_parse(node->data, node->len, a, &v, NULL) == 0) {
		const struct value *n = value_get(v, "node");

		if (n != NULL && n->kind == VALUE_STRING)
			return incarnation_of(a, str_ends(n->u.s, "-latch-") ? arena_printf(a, "%s0000000000", n->u.s) : n->u.s);
	}
	return "?";
}

static void add_absent(struct entry *e, struct arena *a, const struct look *look, const struct reader *data,
	struct member *members, size_t *n)
{
	size_t n_records;
	const char *const *records = reader_names(data->prev, look->members, &n_records);

	for (size_t i = 0; i < n_records; i++) {
		const struct store_node *node = reader_node(data, look->first_member + i);
		const struct store_node *known = reader_node(data, look->first_known + i);
		struct member *m = &members[*n];
		bool registered = false;

		for (size_t k = 0; k < *n; k++)
			registered |= members[k].registered && str_eq(members[k].agent_id, records[i]);
		if (registered || node == NULL)
			continue;
		*m = (struct member){ .group = e->name, .agent_id = arena_strdup(a, records[i]) };
		m->incarnation = record_node(a, node);
		m->lockstep = true; /* only Lockstep agents have member records */
		m->absent_since_us = absent_since(e, m->agent_id, m->incarnation);
		if (known != NULL) {
			struct agentinfo *info;

			if (agentinfo_decode(known->data, known->len, a, &info, NULL) == 0)
				m->base_uri = info->base_uri;
		}
		(*n)++;
	}
}

static void take_in(const struct look *look, const struct reader *data)
{
	struct entry *e = look->entry;
	const struct reader *lists = data->prev;
	struct arena *a = arena_new();
	const struct store_node *g = reader_node(lists, look->group), *t = reader_node(lists, look->target);
	struct roster_group now = { .name = e->name, .exists = g != NULL, .gv = g != NULL ? g->version : -1, .target_count = -1 };
	size_t n_hosts, n_records, n = 0;
	const char *const *hosts = reader_names(lists, look->hosts, &n_hosts);
	struct member *members;
	struct group *group;

	reader_names(lists, look->members, &n_records);
	members = arena_alloc(a, (n_hosts + n_records + 1) * sizeof(*members));
	for (size_t i = 0; i < n_hosts; i++) {
		const struct store_node *node = reader_node(data, look->first_host + i);

		if (node != NULL)
			host_member(a, e->name, hosts[i], node, &members[n++]);
	}
	if (e->roster->rules->absent)
		add_absent(e, a, look, data, members, &n);
	for (size_t i = 0; i < n; i++)
		members[i].excluded = has_name(lists, look->excluded, members[i].agent_id);
	if (g != NULL && g->len > 0 && group_decode(g->data, g->len, a, &group, NULL) == 0)
		now.group = group;
	if (t != NULL) {
		const char *text;

		if (json_string_decode(t->data, t->len, a, &text, NULL) != 0 || !str_to_i64(text, 0, 100000, &now.target_count))
			if (json_long_decode(t->data, t->len, &now.target_count, NULL) != 0)
				now.target_count = -1;
	}
	now.java_seen = e->valid && e->now.java_seen;
	for (size_t i = 0; i < n; i++)
		now.java_seen |= member_is_java(&members[i]);
	now.members = members;
	now.n = n;
	arena_free(&e->arena);
	e->arena = a;
	e->now = now;
	e->valid = true;
}

static void look_again(struct entry *e);

static void look_end(struct entry *e, bool ok)
{
	e->reading = false;
	if (!ok) {
		e->dirty = true; /* the link went; its return wakes the watches */
		return;
	}
	if (e->dirty) {
		look_again(e);
		return;
	}
	e->roster->changed(e->roster->ctx);
}

static void on_data(void *ctx, struct reader **r_take, const struct error *err)
{
	const struct look *look = ctx;
	struct entry *e = look->entry;

	if (err == NULL)
		take_in(look, *r_take);
	reader_free(r_take); /* and look, which lives in the first wave */
	look_end(e, err == NULL);
}

static void on_lists(void *ctx, struct reader **r_take, const struct error *err)
{
	struct look *look = ctx;
	struct entry *e = look->entry;
	size_t n_hosts, n_members;
	const char *const *hosts, *const *members;
	struct reader *r;

	if (err != NULL) {
		reader_free(r_take);
		look_end(e, false);
		return;
	}
	hosts = reader_names(*r_take, look->hosts, &n_hosts);
	members = reader_names(*r_take, look->members, &n_members);
	r = reader_next(r_take);
	for (size_t i = 0; i < n_hosts; i++) {
		size_t at = reader_get(r, path_host(r->arena, e->name, hosts[i]));

		if (i == 0)
			look->first_host = at;
	}
	for (size_t i = 0; i < n_members; i++) {
		size_t at = reader_get(r, path_member(r->arena, e->name, members[i]));

		if (i == 0)
			look->first_member = at;
	}
	for (size_t i = 0; i < n_members; i++) {
		size_t at = reader_get(r, path_known_agent(r->arena, e->name, members[i]));

		if (i == 0)
			look->first_known = at;
	}
	reader_run(&r, on_data, look);
}

static void look_again(struct entry *e)
{
	struct roster *r = e->roster;
	struct look *look;
	struct reader *lists;

	e->dirty = true;
	if (e->reading)
		return;
	e->dirty = false;
	e->reading = true;
	lists = reader_new(r->st, r->life);
	look = arena_alloc(lists->arena, sizeof(*look));
	look->entry = e;
	/* The version first: what joins after it is seen by the check, what joined before it by the lists. */
	look->group = reader_get(lists, path_group(lists->arena, e->name));
	look->target = reader_get(lists, path_target_count(lists->arena, e->name));
	look->hosts = reader_children(lists, path_hosts(lists->arena, e->name));
	look->members = reader_children(lists, path_members(lists->arena, e->name));
	look->excluded = reader_children(lists, path_excluded(lists->arena, e->name));
	reader_run(&lists, on_lists, look);
}

static void on_watch(void *ctx)
{
	look_again(ctx);
}

static struct entry *entry_new(struct roster *r, const char *group)
{
	struct entry *e = xcalloc(1, sizeof(*e));
	struct arena *a = arena_new();

	e->name = xstrdup(group);
	e->roster = r;
	MAP_ADD(r->entries, name, e);
	e->watch_group = store_watch_new(r->st, path_group(a, group), STORE_WATCH_DATA, on_watch, e);
	e->watch_hosts = store_watch_new(r->st, path_hosts(a, group), STORE_WATCH_CHILDREN, on_watch, e);
	e->watch_members = store_watch_new(r->st, path_members(a, group), STORE_WATCH_CHILDREN, on_watch, e);
	e->watch_excluded = store_watch_new(r->st, path_excluded(a, group), STORE_WATCH_CHILDREN, on_watch, e);
	e->watch_target = store_watch_new(r->st, path_target_count(a, group), STORE_WATCH_DATA, on_watch, e);
	arena_free(&a);
	return e;
}

const struct roster_group *roster_get(struct roster *r, const char *group)
{
	struct entry *e;

	MAP_FIND(r->entries, group, e);
	if (e == NULL) {
		e = entry_new(r, group);
		look_again(e);
		return NULL;
	}
	e->used = true;
	if (e->dirty && !e->reading)
		look_again(e);
	return e->valid && !e->dirty && !e->reading ? &e->now : NULL;
}

void roster_stale(struct roster *r, const char *group)
{
	struct entry *e, *tmp;

	MAP_EACH(r->entries, e, tmp)
		if (group == NULL || strcmp(e->name, group) == 0)
			look_again(e);
}

size_t roster_groups(const struct roster *r, const struct roster_group **out, size_t max)
{
	struct entry *e, *tmp;
	size_t n = 0;

	MAP_EACH(r->entries, e, tmp)
		if (e->valid && n < max)
			out[n++] = &e->now;
	return n;
}

/* --- removing an absent host ------------------------------------------------------------------ */

struct removal { /* in the first wave's arena while reading, on the heap for the transaction */
	struct store *st;
	struct life *life;
	const struct rules *rules;
	const char *group, *agent_id;
	int32_t gv;
	size_t at_group, at_hosts, at_member, n_hosts;
	store_done_fn *done;
	void *ctx;
};

static void on_removed(void *ctx, const struct store_result *res, const struct error *err)
{
	struct removal *rm = ctx;

	(void)res;
	if (!rm->life->over)
		rm->done(rm->ctx, err);
	life_unref(&rm->life);
	free(rm);
}

static void on_removal_hosts(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct removal *rm = ctx;
	struct removal *keep;
	struct error why = ERROR_INIT;
	struct store_txn *t;

	for (size_t i = 0; err == NULL && rm->rules->leave && i < rm->n_hosts; i++) {
		const struct store_node *node = reader_node(r, i);
		struct agentinfo *info;

		if (node == NULL || agentinfo_decode(node->data, node->len, r->arena, &info, NULL) != 0 ||
			!str_eq(info->agent_id, rm->agent_id))
			continue;
		error_set(&why, ERR_CONFLICT, "agent '%s' is registered", rm->agent_id);
		err = &why;
	}
	if (err != NULL) {
		rm->done(rm->ctx, err);
		return;
	}
	t = store_txn_new(rm->st);
	if (rm->rules->leave)
		store_txn_check(t, path_group(r->arena, rm->group), rm->gv);
	store_txn_delete(t, path_member(r->arena, rm->group, rm->agent_id), -1);
	keep = xmalloc(sizeof(*keep));
	*keep = *rm;
	life_ref(keep->life);
	store_txn_commit(&t, on_removed, keep);
}

static void on_removal_lists(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct removal *rm = ctx;
	struct error none = ERROR_INIT;
	const char *const *hosts;
	struct reader *next;

	if (err == NULL && reader_node(r, rm->at_member) == NULL) {
		error_set(&none, ERR_NOT_FOUND, "no member '%s' in group '%s'", rm->agent_id, rm->group);
		err = &none;
	}
	if (err != NULL) {
		rm->done(rm->ctx, err);
		return;
	}
	rm->gv = reader_node(r, rm->at_group) != NULL ? reader_node(r, rm->at_group)->version : -1;
	hosts = reader_names(r, rm->at_hosts, &rm->n_hosts);
	next = reader_next(&r);
	for (size_t i = 0; i < rm->n_hosts; i++)
		reader_get(next, path_host(next->arena, rm->group, hosts[i]));
	reader_run(&next, on_removal_hosts, rm);
}

void roster_remove(struct store *st, struct life *life, const struct rules *rules, const char *group, const char *agent_id,
	store_done_fn *done, void *ctx)
{
	struct reader *r = reader_new(st, life);
	struct removal *rm = arena_alloc(r->arena, sizeof(*rm));

	*rm = (struct removal){ .st = st, .life = life, .rules = rules, .done = done, .ctx = ctx };
	rm->group = arena_strdup(r->arena, group);
	rm->agent_id = arena_strdup(r->arena, agent_id);
	reader_sync_first(r);
	/* The version before the list: whoever joins after it makes the removal fail. */
	rm->at_group = reader_get(r, path_group(r->arena, group));
	rm->at_hosts = reader_children(r, path_hosts(r->arena, group));
	rm->at_member = reader_get(r, path_member(r->arena, group, agent_id));
	reader_run(&r, on_removal_lists, rm);
}
