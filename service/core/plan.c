/*
 * plan.c - what one request asks of the cluster, before anybody is asked
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/plan.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/model/fold.h"

#include <string.h>

static const struct roster_group *group_named(const struct roster_group *const *groups, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(groups[i]->name, name) == 0)
			return groups[i];
	return NULL;
}

void plan_groups(const struct request *rq, const struct service *stored, struct arena *a, struct strings *out)
{
	*out = (struct strings){ NULL, 0 };
	for (size_t i = 0; i < rq->service->groups.n; i++)
		if (!strings_have(out, rq->service->groups.items[i]))
			strings_add(out, a, rq->service->groups.items[i]);
	for (size_t i = 0; stored != NULL && i < stored->groups.n; i++)
		if (!strings_have(out, stored->groups.items[i]))
			strings_add(out, a, stored->groups.items[i]);
}

static void add_path(struct plan_paths *out, struct arena *a, const char *group, const char *key)
{
	struct plan_path *grown;

	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->items[i].group, group) == 0 && strcmp(out->items[i].key, key) == 0)
			return;
	grown = arena_alloc(a, (out->n + 1) * sizeof(*grown));
	if (out->n > 0)
		memcpy(grown, out->items, out->n * sizeof(*grown));
	grown[out->n] = (struct plan_path){ .group = group, .key = key, .version = -1 };
	out->items = grown;
	out->n++;
}

/* A path without domains is its own key; with domains it is one key per domain, and under the group's default domain
 * the bare path too. */
static void add_keys(const struct service *s, const char *path, const struct roster_group *g, const char *group,
	struct arena *a, struct plan_paths *out)
{
	const char *dflt = g != NULL && g->group != NULL ? g->group->default_domain : NULL;

	if (s->domains.n == 0)
		add_path(out, a, group, path);
	for (size_t i = 0; i < s->domains.n; i++) {
		add_path(out, a, group, arena_printf(a, "%s%s", s->domains.items[i], path));
		if (dflt != NULL && strcmp(dflt, s->domains.items[i]) == 0)
			add_path(out, a, group, path);
	}
}

static void service_paths(const struct service *s, const struct roster_group *const *groups, size_t n_groups, struct arena *a,
	struct plan_paths *out)
{
	for (size_t i = 0; s != NULL && i < s->groups.n; i++) {
		const char *group = s->groups.items[i];
		const struct roster_group *g = group_named(groups, n_groups, group);

		for (size_t k = 0; k < s->additional_paths.n; k++)
			add_keys(s, s->additional_paths.items[k], g, group, a, out);
		if (s->base_path != NULL)
			add_keys(s, s->base_path, g, group, a, out);
	}
}

static bool changes_state(const struct request *rq)
{
	return rq->action == ACTION_NONE || rq->action == ACTION_UPDATE || rq->action == ACTION_DELETE;
}

void plan_make(const struct request *rq, const struct service_state *base, int32_t sv,
	const struct roster_group *const *groups, size_t n_groups, struct arena *a, struct plan *out)
{
	*out = (struct plan){ .request = rq, .base = *base, .sv = sv };
	fold(base, &rq, 1, a, &out->next);
	plan_groups(rq, base->service, a, &out->groups);
	service_paths(base->service, groups, n_groups, a, &out->held);
	/* A service without upstreams keeps its definition and gives its paths free. */
	if (changes_state(rq) && out->next.service != NULL && out->next.upstreams.n > 0)
		service_paths(out->next.service, groups, n_groups, a, &out->wanted);
}

static bool path_conflicts(const struct plan *p, struct arena *a, const char **message_out)
{
	AUTO(buf_release) struct buf list = BUF_INIT;
	const char *id = p->request->service->id;
	struct strings told = { NULL, 0 };

	if (p->request->action == ACTION_DELETE)
		return false;
	for (size_t i = 0; i < p->wanted.n; i++) {
		const struct plan_path *w = &p->wanted.items[i];

		if (w->owner == NULL || strcmp(w->owner, id) == 0 || strings_have(&told, w->group))
			continue;
		strings_add(&told, a, w->group); /* Java names one owner per group */
		buf_printf(&list, "%s%s on group %s", list.len > 0 ? ", " : "", w->owner, w->group);
	}
	if (list.len == 0)
		return false;
	*message_out = arena_printf(a, "Invalid request due to base path conflicts: [ %s ]", buf_cstr(&list));
	return true;
}

static bool groups_missing(const struct plan *p, const struct roster_group *const *groups, size_t n_groups, struct arena *a,
	const char **message_out)
{
	AUTO(buf_release) struct buf list = BUF_INIT;
	const struct strings *wanted = &p->request->service->groups;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct roster_group *g = group_named(groups, n_groups, wanted->items[i]);

		if (g == NULL || !g->exists)
			buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", wanted->items[i]);
	}
	if (list.len == 0)
		return false;
	*message_out = arena_printf(a, "Invalid request due to non-existent load balancer groups: [%s]", buf_cstr(&list));
	return true;
}

int64_t plan_target(const struct roster_group *g, const struct plan_limits *limits)
{
	int64_t target = g->target_count >= 0 ? g->target_count : limits->default_target_count;

	return limits->enforce_target_count && target > 1 ? target : 1;
}

/* Members count, absent ones included: a host whose agent restarts is waited for. */
static bool agents_missing(const struct plan *p, const struct roster_group *const *groups, size_t n_groups,
	const struct plan_limits *limits, struct arena *a, const char **message_out)
{
	const struct strings *wanted = &p->request->service->groups;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct roster_group *g = group_named(groups, n_groups, wanted->items[i]);
		int64_t n = 0;

		for (size_t k = 0; g != NULL && k < g->n; k++)
			n += g->members[k].excluded ? 0 : 1;
		if (g != NULL && n >= plan_target(g, limits))
			continue;
		*message_out = arena_printf(a, "Invalid request due to not enough agents present for group: %s", wanted->items[i]);
		return true;
	}
	return false;
}

static bool serves(const struct roster_group *g, const char *domain)
{
	return g != NULL && g->group != NULL &&
	       (str_eq(g->group->default_domain, domain) || strings_have(&g->group->domains, domain));
}

static bool domains_unserved(const struct plan *p, const struct roster_group *const *groups, size_t n_groups, struct arena *a,
	const char **message_out)
{
	AUTO(buf_release) struct buf list = BUF_INIT;
	const struct service *s = p->request->service;

	for (size_t i = 0; i < s->domains.n; i++) {
		bool served = false;

		for (size_t k = 0; k < s->groups.n; k++)
			served |= serves(group_named(groups, n_groups, s->groups.items[k]), s->domains.items[i]);
		if (!served)
			buf_printf(&list, "%s%s", list.len > 0 ? ", " : "", s->domains.items[i]);
	}
	if (list.len == 0)
		return false;
	*message_out = arena_printf(a, "No groups present that serve domains: [%s]", buf_cstr(&list));
	return true;
}

bool plan_allowed(const struct plan *p, const struct roster_group *const *groups, size_t n_groups,
	const struct plan_limits *limits, struct arena *a, enum internal_state *state_out, const char **message_out)
{
	*state_out = INTERNAL_INVALID_REQUEST_NOOP;
	if (path_conflicts(p, a, message_out) || groups_missing(p, groups, n_groups, a, message_out))
		return false;
	if (agents_missing(p, groups, n_groups, limits, a, message_out)) {
		*state_out = INTERNAL_FAILED_REVERTED;
		return false;
	}
	return !domains_unserved(p, groups, n_groups, a, message_out);
}

static void address_list(const struct upstreams *list, struct buf *out)
{
	for (size_t i = 0; i < list->n; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : "", list->items[i].address != NULL ? list->items[i].address : "null");
}

const char *plan_success_text(const struct request *rq, struct arena *a)
{
	AUTO(buf_release) struct buf added = BUF_INIT, removed = BUF_INIT;

	address_list(&rq->add, &added);
	address_list(&rq->remove, &removed);
	return arena_printf(a, "%s request succeeded! Added upstreams: [%s], Removed upstreams: [%s]",
		action_name((enum action)rq->action), buf_cstr(&added), buf_cstr(&removed));
}

/* The node an upstream lives in: the one it was read from, else the one its fields name. */
static const char *node_of(const struct upstream *u, struct arena *a)
{
	AUTO(buf_release) struct buf name = BUF_INIT;

	if (u->original != NULL)
		return u->original;
	upstream_node_name(u, &name);
	return arena_strdup(a, buf_cstr(&name));
}

void plan_changes(const struct plan *p, struct arena *a, struct plan_changes *out)
{
	struct strings before = { NULL, 0 }, after = { NULL, 0 };

	*out = (struct plan_changes){ .service = PLAN_SERVICE_SAME };
	if (!changes_state(p->request))
		return;
	if (p->next.service == NULL)
		out->service = p->base.service != NULL ? PLAN_SERVICE_DELETE : PLAN_SERVICE_SAME;
	else if (p->base.service == NULL)
		out->service = PLAN_SERVICE_CREATE;
	else if (!record_equal(&service_record, p->base.service, p->next.service))
		out->service = PLAN_SERVICE_SET;
	for (size_t i = 0; i < p->base.upstreams.n; i++)
		strings_add(&before, a, node_of(&p->base.upstreams.items[i], a));
	for (size_t i = 0; p->next.service != NULL && i < p->next.upstreams.n; i++)
		strings_add(&after, a, node_of(&p->next.upstreams.items[i], a));
	for (size_t i = 0; i < before.n; i++)
		if (!strings_have(&after, before.items[i]))
			strings_add(&out->remove, a, before.items[i]);
	for (size_t i = 0; i < after.n; i++)
		if (!strings_have(&before, after.items[i]) && !strings_have(&out->create, after.items[i]))
			strings_add(&out->create, a, after.items[i]);
	/* As Java: each commit of an update bumps it, also one that changes nothing. */
	out->state_changed = true;
}

void plan_released(const struct plan *p, struct arena *a, struct plan_paths *out)
{
	*out = (struct plan_paths){ NULL, 0 };
	if (!changes_state(p->request))
		return;
	for (size_t i = 0; i < p->held.n; i++) {
		const struct plan_path *h = &p->held.items[i];
		bool wanted = false;

		if (!str_eq(h->owner, p->request->service->id))
			continue;
		for (size_t k = 0; k < p->wanted.n; k++)
			wanted |= strcmp(p->wanted.items[k].group, h->group) == 0 && strcmp(p->wanted.items[k].key, h->key) == 0;
		if (wanted)
			continue;
		add_path(out, a, h->group, h->key);
		out->items[out->n - 1].owner = h->owner;
		out->items[out->n - 1].version = h->version;
	}
}
