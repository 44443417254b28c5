/*
 * check.c - the promises of the protocol, looked at after every transaction and at every publication
 *
 * Everything is worked out from the tree, the hosts and what the checker has itself seen; it shares no memory with the
 * daemons.  S-numbers are those of docs/protocol.md.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/scenario/world.h"

#include "lib/base/str.h"
#include "lib/model/fold.h"
#include "lib/records/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seen { /* digests that were ever the target of a service: what a host may run of it */
	UT_hash_handle hh;
	char *key; /* service + "|" + digest */
};

struct checker {
	struct world *w;
	struct seen *targets;
	char *leader; /* data of the lowest latch node before the present transaction */
};

/* --- the tree, decoded --------------------------------------------------------------------------------------- */

static void read_state(struct world *w, const char *service, struct arena *a, struct service_state *out)
{
	const struct store_node *node = mem_server_get(w->server, path_service(a, service));
	const char *const *names;
	struct service *s;
	size_t n;

	*out = (struct service_state){ 0 };
	if (node == NULL || record_decode(&service_record, node->data, node->len, a, &s, NULL) != 0)
		return;
	out->service = s;
	n = mem_server_children(w->server, path_service(a, service), &names);
	out->upstreams.items = arena_alloc(a, (n + 1) * sizeof(struct upstream));
	for (size_t i = 0; n != SIZE_MAX && i < n; i++)
		if (upstream_from_text(names[i], a, &out->upstreams.items[out->upstreams.n], NULL) == 0)
			out->upstreams.n++;
}

static void digest_of(const struct service_state *s, const char *group, char digest[65])
{
	struct target_service *t;

	digest[0] = '\0';
	if (s->service == NULL || (group != NULL && !strings_have(&s->service->groups, group)))
		return;
	t = target_service_new(s);
	memcpy(digest, t->digest, 65);
	target_service_unref(&t);
}

static const struct request *read_request(struct world *w, const char *id, struct arena *a)
{
	const struct store_node *node = mem_server_get(w->server, path_request(a, id));
	struct request *rq;

	if (node == NULL || request_decode(node->data, node->len, a, &rq, NULL) != 0)
		return NULL;
	return rq;
}

static struct decision *read_decision(struct world *w, const char *batch, struct arena *a)
{
	const struct store_node *node = mem_server_get(w->server, path_decision(a, batch));
	struct decision *d;

	if (node == NULL || decision_decode(node->data, node->len, a, &d, NULL) != 0)
		return NULL;
	return d;
}

/* The request that is decided for a service: its record entry, or NULL. */
static const struct decided_request *decided_for(struct world *w, const char *service, struct arena *a)
{
	const char *const *names;
	size_t n = mem_server_children(w->server, PATH_DECIDED, &names);

	for (size_t b = 0; n != SIZE_MAX && b < n; b++) {
		struct decision *d = read_decision(w, names[b], a);

		for (size_t i = 0; d != NULL && i < d->requests.n; i++)
			if (strcmp(d->requests.items[i].service, service) == 0)
				return &d->requests.items[i];
	}
	return NULL;
}

static void target_state(struct world *w, const char *service, struct arena *a, struct service_state *out)
{
	const struct decided_request *dr = decided_for(w, service, a);
	struct service_state base;

	read_state(w, service, a, &base);
	*out = base;
	if (dr != NULL && dr->dir == DIR_FORWARD) {
		const struct request *rq = read_request(w, dr->id, a);

		if (rq != NULL)
			fold(&base, &rq, 1, a, out);
	}
}

const char *check_target(struct world *w, const char *service, char digest[65])
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct service_state s;

	target_state(w, service, a, &s);
	digest_of(&s, NULL, digest);
	return digest;
}

static void remember_target(struct checker *c, const char *service)
{
	char digest[65], *key;
	struct seen *s;

	check_target(c->w, service, digest);
	key = xasprintf("%s|%s", service, digest);
	MAP_FIND(c->targets, key, s);
	if (s != NULL) {
		free(key);
		return;
	}
	s = xcalloc(1, sizeof(*s));
	s->key = key;
	MAP_ADD(c->targets, key, s);
}

static const char *host_runs(const struct world_agent *a, const char *service)
{
	struct run *r;

	MAP_FIND(a->host.runs, service, r);
	return r != NULL ? r->digest : "";
}

static bool fell_back(const struct world_agent *a, const char *service)
{
	struct run *r;

	MAP_FIND(a->host.runs, service, r);
	return r != NULL && r->fell_back;
}

static bool is_registered(struct world *w, const struct world_agent *ag)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *const *names;
	size_t n = mem_server_children(w->server, path_hosts(a, ag->group), &names);

	for (size_t i = 0; n != SIZE_MAX && i < n; i++) {
		const struct store_node *node = mem_server_get(w->server, path_host(a, ag->group, names[i]));
		struct agentinfo *info;

		if (node != NULL && agentinfo_decode(node->data, node->len, a, &info, NULL) == 0 && str_eq(info->agent_id, ag->info.agent_id))
			return true;
	}
	return false;
}

static bool is_ready(const struct world_agent *ag)
{
	struct link_status st;

	if (!ag->alive || ag->frozen)
		return false;
	if (ag->java)
		return java_sim_ready(ag->java_sim);
	agent_link_status(ag->process.link, &st);
	return st.phase == LINK_READY && st.settled;
}

/* --- terminal transactions ------------------------------------------------------------------------------------ */

static bool reached(const struct request *rq, const struct service_state *before, const struct world_agent *ag)
{
	return strings_have(&rq->service->groups, ag->group) ||
	       (before->service != NULL && strings_have(&before->service->groups, ag->group));
}

/* S1: every host that counts runs what was committed; a host that has not joined yet or has left does not count. */
static void check_success(struct checker *c, struct world_request *r, const struct request *rq, struct arena *a)
{
	struct service_state now, nothing = { 0 };
	char all[65];

	read_state(c->w, r->service, a, &now);
	digest_of(&now, NULL, all);
	if (strcmp(all, r->new_digest) != 0)
		world_break(c->w, "S7: %s is SUCCESS but the committed state is not the new one", r->id);
	for (size_t i = 0; i < WORLD_AGENTS; i++) {
		struct world_agent *ag = &c->w->agents[i];
		char want[65];

		if (!ag->used || !ag->counts || fell_back(ag, r->service) || !reached(rq, &nothing, ag))
			continue;
		if (ag->java && ag->java_sim != NULL && java_sim_catches_up(ag->java_sim))
			continue;
		digest_of(&now, ag->group, want);
		if (strcmp(host_runs(ag, r->service), want) != 0)
			world_break(c->w, "S1: %s is SUCCESS while %s (%s) does not run it", r->id, ag->name,
				is_registered(c->w, ag) ? "registered" : "absent");
	}
}

/* S2, S3: whoever is registered is back on the committed state, or is named. */
static void check_failure(struct checker *c, struct world_request *r, const struct request *rq, enum internal_state status, bool decided)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct store_node *entry = mem_server_get(c->w->server, path_history_entry(a, r->service, r->id));
	struct service_state now;

	read_state(c->w, r->service, a, &now);
	for (size_t i = 0; i < WORLD_AGENTS; i++) {
		struct world_agent *ag = &c->w->agents[i];
		char want[65];

		if (!ag->used || fell_back(ag, r->service) || !reached(rq, &now, ag) || !is_registered(c->w, ag) || (!decided && !is_ready(ag)))
			continue;
		digest_of(&now, ag->group, want);
		if (strcmp(host_runs(ag, r->service), want) == 0)
			continue;
		if ((status == INTERNAL_FAILED_REVERT_FAILED || status == INTERNAL_FAILED_CANCEL_FAILED) && entry != NULL &&
			memmem(entry->data, entry->len, ag->info.agent_id, strlen(ag->info.agent_id)) != NULL)
			continue;
		world_break(c->w, "S2: %s ended %s while registered %s is not on the committed state", r->id, internal_state_name(status),
			ag->name);
	}
}

static bool groups_exist(struct world *w, const struct request *rq, struct arena *a)
{
	for (size_t i = 0; i < rq->service->groups.n; i++)
		if (mem_server_get(w->server, path_group(a, rq->service->groups.items[i])) == NULL)
			return false;
	return true;
}

static void note_terminal(struct checker *c, struct world_request *r, enum internal_state status, bool decided)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct store_node *entry = mem_server_get(c->w->server, path_history_entry(a, r->service, r->id));
	const struct request *rq = read_request(c->w, r->id, a);
	struct response *resp;

	if (r->terminal >= 0) {
		world_break(c->w, "S7: %s ended twice: %s, then %s", r->id, internal_state_name((enum internal_state)r->terminal),
			internal_state_name(status));
		return;
	}
	r->terminal = (int)status;
	r->ended_at = loop_now(c->w->loop);
	if (entry != NULL && response_decode(entry->data, entry->len, a, &resp, NULL) == 0) {
		r->message = resp->message != NULL ? xstrdup(resp->message) : NULL;
		if (resp->state != (int)internal_state_public(status))
			world_break(c->w, "S7: the history of %s says %s", r->id, public_state_names[resp->state]);
	} else {
		world_break(c->w, "S7: %s ended without a history entry", r->id);
	}
	world_say(c->w, "%s ended: %s: %s", r->id, internal_state_name(status), r->message != NULL ? r->message : "-");
	if (rq == NULL)
		return;
	if (r->message != NULL && strstr(r->message, "non-existent load balancer groups") != NULL && groups_exist(c->w, rq, a))
		world_break(c->w, "%s was refused for groups that exist", r->id);
	if (r->cancelled && status != INTERNAL_CANCELLED && status != INTERNAL_FAILED_CANCEL_FAILED)
		world_break(c->w, "S7: %s ended %s after its cancel was accepted", r->id, internal_state_name(status));
	if (r->index < 0)
		world_break(c->w, "%s ended and was never seen in the queue", r->id);
	for (size_t i = 0; status == INTERNAL_COMPLETED && i < c->w->n_requests; i++)
		if (c->w->requests[i].terminal == INTERNAL_COMPLETED && strcmp(c->w->requests[i].service, r->service) == 0 &&
			c->w->requests[i].index > r->index)
			world_break(c->w, "S9: %s was committed after %s, which was queued later", r->id, c->w->requests[i].id);
	if (status == INTERNAL_COMPLETED)
		check_success(c, r, rq, a);
	else
		check_failure(c, r, rq, status, decided);
}

/* --- one transaction ---------------------------------------------------------------------------------------------- */

static const char *under(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static bool ends_with(const char *s, const char *tail)
{
	return str_ends(s, tail);
}

static struct world_request *request_of_status(struct world *w, const char *path)
{
	const char *rest = under(path, PATH_REQUESTS);
	char id[128];

	if (rest == NULL || !ends_with(rest, "/status") || strlen(rest) - 7 >= sizeof(id))
		return NULL;
	snprintf(id, sizeof(id), "%.*s", (int)(strlen(rest) - 7), rest);
	return world_request(w, id);
}

/* S10: who writes for a leader must be the first in line. */
static void check_fence(struct checker *c, const char *session, const char *path)
{
	struct world_service *s = NULL;

	for (size_t i = 0; i < WORLD_SERVICES; i++)
		if (c->w->services[i].used && strcmp(c->w->services[i].name, session) == 0)
			s = &c->w->services[i];
	if (s != NULL && c->leader != NULL && strcmp(c->leader, s->uri) != 0)
		world_break(c->w, "S10: %s wrote %s while %s leads", session, path, c->leader);
}

static void on_status(struct checker *c, const char *session, const struct mem_change *ch, bool decided_gone)
{
	struct world_request *r = request_of_status(c->w, ch->path);
	AUTO(arena_free) struct arena *a = arena_new();
	const char *text;
	int status;

	if (r == NULL || ch->deleted || json_string_decode(ch->data, ch->len, a, &text, NULL) != 0)
		return;
	status = internal_state_parse(text);
	if (status < 0) {
		world_break(c->w, "a status that no Java process knows: %s", text);
		return;
	}
	if (!ch->created && r->terminal >= 0 && status != r->terminal)
		world_break(c->w, "S7: %s had ended %s and is now %s", r->id, internal_state_name((enum internal_state)r->terminal),
			internal_state_name((enum internal_state)status));
	if (ch->created) {
		if (r->accepted)
			world_break(c->w, "S11: %s was queued twice", r->id);
		r->accepted = true;
		r->accepted_at = loop_now(c->w->loop);
		c->w->last_txn = TXN_ENQUEUE;
		return;
	}
	if (status == INTERNAL_CANCELLED_SEND_REVERT && !decided_gone) {
		r->cancelled = true;
		if (r->terminal >= 0)
			world_break(c->w, "S7: %s was cancelled after it had ended", r->id);
		c->w->last_txn = TXN_CANCEL;
		world_say(c->w, "%s: cancel accepted", r->id);
		return;
	}
	check_fence(c, session, ch->path);
	if (internal_state_terminal((enum internal_state)status)) {
		c->w->last_txn = status == INTERNAL_COMPLETED ? TXN_COMMIT : TXN_END;
		note_terminal(c, r, (enum internal_state)status, decided_gone);
	}
}

static void on_queued(struct checker *c, const struct mem_change *ch)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *node = under(ch->path, PATH_QUEUE);
	struct world_request *r;
	struct queued_id q;

	if (node == NULL || !ch->created || queued_id_parse_node(node, a, &q, NULL) != 0)
		return;
	r = world_request(c->w, q.request_id);
	if (r != NULL)
		r->index = q.index;
}

/* S9, S8, S5: what a decision may be. */
static void on_decided(struct checker *c, const struct mem_change *ch)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct decision *d;

	if (ch->deleted || decision_decode(ch->data, ch->len, a, &d, NULL) != 0)
		return;
	c->w->last_txn = ch->created ? TXN_DECIDE : TXN_TURN;
	for (size_t i = 0; i < d->requests.n; i++) {
		const struct decided_request *dr = &d->requests.items[i];
		struct world_request *r = world_request(c->w, dr->id);
		const struct decided_request *other = decided_for(c->w, dr->service, a);

		if (other != NULL && strcmp(other->id, dr->id) != 0)
			world_break(c->w, "S9: %s and %s of one service are decided at once", other->id, dr->id);
		if (dr->dir == DIR_FORWARD && !ch->created)
			c->w->last_txn = TXN_TAKEOVER;
		if (r != NULL && ch->created) {
			struct service_state base;

			read_state(c->w, dr->service, a, &base);
			digest_of(&base, NULL, r->base_digest);
			check_target(c->w, dr->service, r->new_digest);
			world_say(c->w, "%s decided", r->id);
		}
		remember_target(c, dr->service);
	}
}

static void on_hosts(struct checker *c, const struct mem_change *ch)
{
	AUTO(arena_free) struct arena *a = arena_new();

	for (size_t i = 0; i < WORLD_AGENTS; i++) {
		struct world_agent *ag = &c->w->agents[i];
		struct agentinfo *info;

		if (!ag->used)
			continue;
		if (ch->created && under(ch->path, path_hosts(a, ag->group)) != NULL &&
			agentinfo_decode(ch->data, ch->len, a, &info, NULL) == 0 && str_eq(info->agent_id, ag->info.agent_id)) {
			ag->counts = true;
			c->w->last_txn = TXN_JOIN;
			world_say(c->w, "%s joins", ag->name);
		}
		if (ag->java && ch->deleted && under(ch->path, path_hosts(a, ag->group)) != NULL && ag->counts && !is_registered(c->w, ag)) {
			ag->counts = false; /* Java's count only while they are registered */
			world_say(c->w, "%s is not registered any more", ag->name);
		}
		/* It leaves if its record goes while it is not registered (any more). */
		if (ch->deleted && strcmp(ch->path, path_member(a, ag->group, ag->info.agent_id)) == 0 && !is_registered(c->w, ag)) {
			ag->counts = false;
			world_say(c->w, "%s has left", ag->name);
		}
	}
}

/* S12: whatever changes the state changes its version in the same transaction. */
static void check_version(struct checker *c, const struct mem_change *ch, size_t n)
{
	bool state = false, version = false;

	for (size_t i = 0; i < n; i++) {
		state |= under(ch[i].path, PATH_STATE) != NULL;
		version |= strcmp(ch[i].path, PATH_STATE_VERSION) == 0;
	}
	if (state && !version)
		world_break(c->w, "S12: the state changed without its version");
}

/* S8: a base path belongs to one service; nobody takes another's. */
static void check_path(struct checker *c, const struct mem_change *ch)
{
	if (under(ch->path, PATH_GROUPS) != NULL && strstr(ch->path, "/base-uris/") != NULL && !ch->deleted && !ch->created)
		world_break(c->w, "S8: the lock of a base path was overwritten: %s", ch->path);
}

static char *lowest_latch(struct world *w)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *const *names;
	const char *lowest = NULL;
	size_t n = mem_server_children(w->server, PATH_WORKERS, &names);
	const struct store_node *node;

	for (size_t i = 0; n != SIZE_MAX && i < n; i++)
		if (lowest == NULL || strcmp(strrchr(names[i], '-'), strrchr(lowest, '-')) < 0)
			lowest = names[i];
	if (lowest == NULL)
		return NULL;
	node = mem_server_get(w->server, path_join(a, PATH_WORKERS, lowest));
	return node != NULL ? xstrndup(node->data != NULL ? node->data : "", node->len) : NULL;
}

static void on_commit(void *ctx, const char *session, const struct mem_change *ch, size_t n)
{
	struct checker *c = ctx;
	bool decided_gone = false;

	for (size_t i = 0; i < n; i++)
		decided_gone |= ch[i].deleted && under(ch[i].path, PATH_DECIDED) != NULL;
	for (size_t i = 0; i < n; i++)
		if (under(ch[i].path, PATH_DECIDED) != NULL)
			on_decided(c, &ch[i]);
	for (size_t i = 0; i < n; i++) {
		const char *service = under(ch[i].path, PATH_STATE);

		if (service != NULL && strchr(service, '/') == NULL)
			remember_target(c, service);
		on_hosts(c, &ch[i]);
		on_queued(c, &ch[i]);
		check_path(c, &ch[i]);
	}
	for (size_t i = 0; i < n; i++)
		on_status(c, session, &ch[i], decided_gone);
	for (size_t i = 0; i < n; i++) { /* upstream nodes alone change a target too */
		const char *rest = under(ch[i].path, PATH_STATE);

		if (rest != NULL && strchr(rest, '/') != NULL) {
			char *service = xstrndup(rest, strcspn(rest, "/"));

			remember_target(c, service);
			free(service);
		}
	}
	if (session[0] != '\0')
		check_version(c, ch, n);
	free(c->leader);
	c->leader = lowest_latch(c->w);
}

/* --- a publication ---------------------------------------------------------------------------------------------------- */

void check_publication(struct world_agent *ag, const char *service, const char *before, const char *after)
{
	struct world *w = ag->w;
	AUTO(arena_free) struct arena *a = arena_new();
	const struct decided_request *dr = decided_for(w, service, a);
	struct service_state base;
	char committed[65], target[65], *key = xasprintf("%s|%s", service, after);
	struct seen *s;

	MAP_FIND(w->checker->targets, key, s);
	free(key);
	read_state(w, service, a, &base);
	digest_of(&base, ag->group, committed);
	check_target(w, service, target);
	/* A Java agent reads a state in pieces, and carries out calls late: R5. Where it comes to rest is S13's. */
	if (s == NULL && after[0] != '\0' && !ag->java)
		world_break(w, "S5: %s runs something of %s that was never decided", ag->name, service);
	/* A Java agent that restarts undoes what is decided: it knows only the state. It is asked again. */
	if (!ag->java && dr != NULL && dr->dir == DIR_FORWARD && strcmp(before, target) == 0 && strcmp(after, target) != 0 && is_registered(w, ag))
		world_break(w, "S6: %s undid the decided %s", ag->name, dr->id);
	if (dr == NULL && is_registered(w, ag) && is_ready(ag) && strcmp(after, committed) != 0)
		world_break(w, "S4: %s left the committed state of %s after its last request had ended", ag->name, service);
}

/* --- at rest -------------------------------------------------------------------------------------------------------------- */

static size_t count_children(struct world *w, const char *path)
{
	const char *const *names;
	size_t n = mem_server_children(w->server, path, &names);

	return n == SIZE_MAX ? 0 : n;
}

static const char *first_child(struct world *w, const char *path)
{
	const char *const *names;
	size_t n = mem_server_children(w->server, path, &names);

	return n == SIZE_MAX || n == 0 ? "-" : names[0];
}

static void check_hosts_quiet(struct world *w, const char *service)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct service_state now;

	read_state(w, service, a, &now);
	for (size_t i = 0; i < WORLD_AGENTS; i++) {
		struct world_agent *ag = &w->agents[i];
		char want[65];

		if (!ag->used || !ag->alive || ag->frozen || fell_back(ag, service) || !is_registered(w, ag))
			continue;
		digest_of(&now, ag->group, want);
		if (strcmp(host_runs(ag, service), want) != 0)
			world_break(w, "S13: at rest %s does not run the committed state of %s", ag->name, service);
	}
}

void check_quiet(struct world *w)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *const *names, *services[WORLD_REQUESTS];
	size_t n, k = 0;

	if (w->broken[0] != '\0')
		return;
	for (size_t i = 0; i < w->n_requests; i++)
		if (w->requests[i].accepted && w->requests[i].terminal < 0)
			world_break(w, "L1: %s has not ended", w->requests[i].id);
	if (count_children(w, PATH_DECIDED) != 0)
		world_break(w, "S13: a decision is left");
	if (count_children(w, PATH_QUEUE) != 0)
		world_break(w, "S13: a queue node is left");
	if (count_children(w, PATH_REQUESTS) != 0)
		world_break(w, "S13: the nodes of %s are left", first_child(w, PATH_REQUESTS));
	n = mem_server_children(w->server, PATH_STATE, &names);
	for (size_t i = 0; n != SIZE_MAX && i < n; i++)
		services[k++] = arena_strdup(a, names[i]); /* the list is good until the next one */
	for (size_t i = 0; i < k; i++)
		check_hosts_quiet(w, services[i]);
	for (size_t i = 0; i < w->n_requests; i++)
		check_hosts_quiet(w, w->requests[i].service);
}

struct checker *checker_new(struct world *w)
{
	struct checker *c = xcalloc(1, sizeof(*c));

	c->w = w;
	mem_server_on_commit(w->server, on_commit, c);
	return c;
}

void checker_free(struct checker **cp)
{
	struct checker *c = STEAL(*cp);
	struct seen *s, *tmp;

	if (c == NULL)
		return;
	mem_server_on_commit(c->w->server, NULL, NULL);
	MAP_EACH(c->targets, s, tmp) {
		MAP_DEL(c->targets, s);
		free(s->key);
		free(s);
	}
	free(c->leader);
	free(c);
}
