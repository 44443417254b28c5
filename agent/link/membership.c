/*
 * membership.c - registration: one transaction makes a new incarnation, and makes the host known
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/link/link_internal.h"

#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/model/value.h"
#include "lib/records/paths.h"
#include "lib/records/roster.h"

#include <stdlib.h>
#include <string.h>

#define JOIN_RETRY LOOP_MS(200)
#define DECIDED_WAIT LOOP_MS(1000) /* the leader's own call comes first; this is for when it cannot reach us */

static void join_read(struct agent_link *ln);

/* --- parents, then what is registered now ------------------------------------------------------------------ */

struct ensuring {
	struct agent_link *ln;
	struct life *life;
	struct arena *arena;
	const char *parents[5];
	size_t step;
};

static void retry_join(struct agent_link *ln)
{
	ln->joining = false;
	loop_timer_start(ln->loop, &ln->join_timer, JOIN_RETRY);
}

static void on_parent(void *ctx, const struct error *err)
{
	struct ensuring *e = ctx;
	struct agent_link *ln = e->ln;
	bool over = e->life->over;

	if (!over && err == NULL && e->step < ARRAY_LEN(e->parents)) {
		store_ensure(ln->st, e->parents[e->step++], on_parent, e);
		return;
	}
	life_unref(&e->life);
	arena_free(&e->arena);
	free(e);
	if (over)
		return;
	if (err != NULL)
		retry_join(ln);
	else
		join_read(ln);
}

static void join(struct agent_link *ln)
{
	struct ensuring *e = xcalloc(1, sizeof(*e));

	ln->joining = true;
	e->ln = ln;
	e->life = life_ref(ln->life);
	e->arena = arena_new();
	e->parents[0] = path_hosts(e->arena, ln->opt.group_name);
	e->parents[1] = path_members(e->arena, ln->opt.group_name);
	e->parents[2] = path_known_agents(e->arena, ln->opt.group_name);
	e->parents[3] = PATH_DECIDED;
	e->parents[4] = PATH_STATE;
	on_parent(e, NULL);
}

/* --- the join transaction ------------------------------------------------------------------------------------- */

struct joining {
	struct agent_link *ln;
	struct life *life;
	size_t node_op;
	char *record; /* of the member, to be written later (tests only) */
};

static void on_hosts_changed(void *ctx);
static void on_decided_changed(void *ctx);

static void note_node(struct agent_link *ln, const char *path)
{
	const char *slash = strrchr(path, '/');

	free(ln->node);
	ln->node = xstrdup(slash != NULL ? slash + 1 : path);
	ln->session = store_session(ln->st);
}

static void on_joined(void *ctx, const struct store_result *res, const struct error *err)
{
	struct joining *j = ctx;
	struct agent_link *ln = j->ln;
	AUTO(arena_free) struct arena *a = arena_new();
	bool over = j->life->over;
	size_t node_op = j->node_op;

	life_unref(&j->life);
	free(j);
	if (over)
		return;
	if (err != NULL) {
		retry_join(ln); /* whatever was made of it is found and replaced by the next try */
		return;
	}
	note_node(ln, res->created[node_op]);
	ln->joining = false;
	ln->unregistered_run = false;
	log_info(NULL, "registered", "group", ln->opt.group_name, "node", ln->node);
	ln->hosts_watch = store_watch_new(ln->st, path_hosts(a, ln->opt.group_name), STORE_WATCH_CHILDREN, on_hosts_changed, ln);
	ln->decided_watch = store_watch_new(ln->st, PATH_DECIDED, STORE_WATCH_CHILDREN, on_decided_changed, ln);
	on_hosts_changed(ln); /* am I the first? */
	if (!ln->opt.rules.known)
		loop_timer_start(ln->loop, &ln->join_timer, JOIN_RETRY);
	if (ln->opt.heartbeat_ms > 0)
		loop_timer_start(ln->loop, &ln->heartbeat_timer, 0);
	loop_timer_start(ln->loop, &ln->reconcile_timer, LOOP_MS(ln->opt.reconcile_ms));
	if (!ln->opt.rules.join) {
		ln->phase = LINK_READY; /* tests only: it has read and converged before */
		return;
	}
	op_add(ln, OP_CONVERGE);
	ops_run(ln);
}

static void group_json(struct agent_link *ln, struct arena *a, const struct store_node *node, struct buf *out)
{
	struct group *old = NULL, g = { .name = ln->opt.group_name, .min_healthy_agents = 1 };

	if (node != NULL && node->len > 0 && group_decode(node->data, node->len, a, &old, NULL) == 0)
		g = *old;
	if (ln->opt.group != NULL) {
		g.default_domain = ln->opt.group->default_domain;
		g.domains = ln->opt.group->domains;
		g.domain_aliases = ln->opt.group->domain_aliases;
		g.min_healthy_agents = ln->opt.group->min_healthy_agents;
	}
	group_encode(&g, out);
}

static void member_json(struct agent_link *ln, struct buf *out)
{
	buf_printf(out, "{\"node\":\"_c_%s-latch-\",\"since\":%lld}", ln->guid, (long long)loop_wall_ms(ln->loop));
}

static void put_member(struct agent_link *ln, struct store_txn *t, struct arena *a, bool exists)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	const char *path = path_member(a, ln->opt.group_name, ln->opt.info->agent_id);

	member_json(ln, &json);
	if (exists)
		store_txn_set(t, path, json.data, json.len, -1);
	else
		store_txn_create(t, path, json.data, json.len, STORE_PERSISTENT);
}

static void commit_join(struct agent_link *ln, const struct reader *lists, const struct reader *hosts)
{
	struct arena *a = hosts->arena;
	AUTO(buf_release) struct buf meta = BUF_INIT, group = BUF_INIT;
	const struct store_node *group_node = reader_node(lists, 1);
	const char *hosts_path = path_hosts(a, ln->opt.group_name);
	struct store_txn *t = store_txn_new(ln->st);
	struct joining *j = xcalloc(1, sizeof(*j));
	const char *const *names;
	size_t n;

	names = reader_names(lists, 0, &n);
	for (size_t i = 0; i < n; i++) {
		const struct store_node *node = reader_node(hosts, i);
		struct agentinfo *info;

		if (node != NULL && agentinfo_decode(node->data, node->len, a, &info, NULL) == 0 &&
			str_eq(info->agent_id, ln->opt.info->agent_id))
			store_txn_delete(t, path_join(a, hosts_path, names[i]), -1);
	}
	rand_uuid(&ln->rand, ln->guid);
	record_encode(&agentinfo_record, ln->opt.info, &meta);
	j->node_op = store_txn_count(t);
	store_txn_create(t, arena_printf(a, "%s/_c_%s-latch-", hosts_path, ln->guid), meta.data, meta.len,
		STORE_EPHEMERAL | STORE_SEQUENCE);
	if (ln->opt.rules.known)
		put_member(ln, t, a, reader_node(lists, 2) != NULL);
	group_json(ln, a, group_node, &group);
	store_txn_set(t, path_group(a, ln->opt.group_name), group.data, group.len, group_node != NULL ? group_node->version : -1);
	j->ln = ln;
	j->life = life_ref(ln->life);
	store_txn_commit(&t, on_joined, j);
}

static void on_hosts(void *ctx, struct reader **r_take, const struct error *err)
{
	struct agent_link *ln = ctx;

	if (err != NULL)
		retry_join(ln);
	else
		commit_join(ln, (*r_take)->prev, *r_take);
	reader_free(r_take);
}

static void on_lists(void *ctx, struct reader **r_take, const struct error *err)
{
	struct agent_link *ln = ctx;
	const char *const *names;
	struct reader *r;
	size_t n;

	if (err != NULL) {
		retry_join(ln);
		reader_free(r_take);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	r = reader_next(r_take);
	for (size_t i = 0; i < n; i++)
		reader_get(r, path_host(r->arena, ln->opt.group_name, names[i]));
	reader_run(&r, on_hosts, ln);
}

static void join_read(struct agent_link *ln)
{
	struct reader *r = reader_new(ln->st, ln->life);

	reader_sync_first(r);
	reader_children(r, path_hosts(r->arena, ln->opt.group_name));
	reader_get(r, path_group(r->arena, ln->opt.group_name));
	reader_get(r, path_member(r->arena, ln->opt.group_name, ln->opt.info->agent_id));
	reader_run(&r, on_lists, ln);
}

/* --- ends and beginnings of an incarnation ------------------------------------------------------------------------ */

void member_forget(struct agent_link *ln)
{
	life_end(&ln->life);
	ln->life = life_new();
	free(ln->node);
	ln->node = NULL;
	ln->session = 0;
	ln->joining = false;
	ln->gathered = false;
	ln->unregistered_run = false;
	store_watch_free(&ln->hosts_watch);
	store_watch_free(&ln->decided_watch);
	loop_timer_stop(ln->loop, &ln->join_timer);
	loop_timer_stop(ln->loop, &ln->heartbeat_timer);
	loop_timer_stop(ln->loop, &ln->reconcile_timer);
	loop_timer_stop(ln->loop, &ln->retry_timer);
	loop_timer_stop(ln->loop, &ln->decided_timer);
	loop_timer_stop(ln->loop, &ln->held_timer);
	batches_forget(ln);
	ops_flush(ln, 503, "the agent is registering");
}

void member_unregistered_ready(struct agent_link *ln)
{
	join(ln);
}

void member_link_up(struct agent_link *ln)
{
	if (!ln->recovered || ln->replaced || ln->left)
		return;
	if (ln->node != NULL && ln->session == store_session(ln->st)) {
		ln->phase = ln->gathered ? LINK_READY : LINK_JOINING; /* the same session went on: was anything missed? */
		ops_converge_soon(ln, 0);
		return;
	}
	if (ln->joining)
		return; /* its reads fail or succeed by themselves */
	member_forget(ln);
	ln->phase = LINK_JOINING;
	if (ln->opt.rules.join) {
		join(ln);
		return;
	}
	ln->unregistered_run = true; /* tests only: read and converge, then register */
	op_add(ln, OP_CONVERGE);
	ops_run(ln);
}

/* --- after it -------------------------------------------------------------------------------------------------------- */

/* Our node has gone while our session lives: another process of the same id has joined. Two of them must not throw each
 * other out for ever, so this one stands aside. */
static void on_hosts_seen(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct agent_link *ln = ctx;
	const char *const *names, *first = NULL;
	bool there = false;
	size_t n;

	if (err != NULL || ln->left || ln->node == NULL || store_link(ln->st) != STORE_LINK_UP)
		return;
	names = reader_names(r, 0, &n);
	for (size_t i = 0; i < n; i++) {
		const char *seq = strrchr(names[i], '-'), *lowest = first != NULL ? strrchr(first, '-') : NULL;

		there |= strcmp(names[i], ln->node) == 0;
		if (seq != NULL && (lowest == NULL || strcmp(seq, lowest) < 0))
			first = names[i];
	}
	ln->first_in_group = first != NULL && strcmp(first, ln->node) == 0;
	if (there || ln->session != store_session(ln->st))
		return;
	log_error(NULL, "another process has registered as this agent: standing aside", "agent", ln->opt.info->agent_id);
	ln->replaced = true;
	member_forget(ln);
	ln->phase = LINK_DISCONNECTED;
}

static void on_hosts_changed(void *ctx)
{
	struct agent_link *ln = ctx;
	struct reader *r = reader_new(ln->st, ln->life);

	reader_children(r, path_hosts(r->arena, ln->opt.group_name));
	reader_run(&r, on_hosts_seen, ln);
}

static void on_decided_changed(void *ctx)
{
	struct agent_link *ln = ctx;

	if (!loop_timer_running(&ln->decided_timer))
		loop_timer_start(ln->loop, &ln->decided_timer, DECIDED_WAIT);
}

/* --- the rest of an agent's life ---------------------------------------------------------------------------------------- */

static void ignore_result(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	(void)err;
}

static void on_beat_read(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct agent_link *ln = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct agentinfo info = *ln->opt.info;
	struct store_txn *t;
	const char *path;

	if (err != NULL)
		return;
	info.last_seen_at = loop_wall_ms(ln->loop);
	record_encode(&known_agent_record, &info, &json);
	path = path_known_agent(r->arena, ln->opt.group_name, info.agent_id);
	t = store_txn_new(ln->st);
	if (reader_exists(r, 0))
		store_txn_set(t, path, json.data, json.len, -1);
	else
		store_txn_create(t, path, json.data, json.len, STORE_PERSISTENT);
	store_txn_commit(&t, ignore_result, NULL); /* the next beat says it again */
}

static void on_heartbeat(void *ctx)
{
	struct agent_link *ln = ctx;
	struct reader *r = reader_new(ln->st, ln->life);

	reader_get(r, path_known_agent(r->arena, ln->opt.group_name, ln->opt.info->agent_id));
	reader_run(&r, on_beat_read, ln);
	loop_timer_start(ln->loop, &ln->heartbeat_timer, LOOP_MS(ln->opt.heartbeat_ms));
}

/* Tests only (rules.known off): the record comes some time after the join, as Java's does. */
static void write_record_late(struct agent_link *ln)
{
	AUTO(arena_free) struct arena *a = arena_new();

	for (int exists = 0; exists < 2; exists++) { /* one of the two is refused */
		struct store_txn *t = store_txn_new(ln->st);

		put_member(ln, t, a, exists == 1);
		store_txn_commit(&t, ignore_result, NULL);
	}
}

static void on_join_timer(void *ctx)
{
	struct agent_link *ln = ctx;

	if (ln->node != NULL)
		write_record_late(ln);
	else if (store_link(ln->st) == STORE_LINK_UP)
		member_link_up(ln);
}

void member_timers(struct agent_link *ln)
{
	ln->join_timer = (struct loop_timer){ .fn = on_join_timer, .ctx = ln };
	ln->heartbeat_timer = (struct loop_timer){ .fn = on_heartbeat, .ctx = ln };
}
