/*
 * plan.c - what one request asks of the cluster, before anybody is asked
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/plan.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "lib/model/fold.h"

#include <stdlib.h>
#include <string.h>

static const struct roster_group *group_named(const struct roster_group *const *groups, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(groups[i]->name, name) == 0)
			return groups[i];
	return NULL;
}

static const struct service *asked(const struct request *rq, const struct service *stored)
{
	return rq->upstream_update_only && stored != NULL ? stored : rq->service;
}

const struct service *plan_asked(const struct plan *p)
{
	return asked(p->request, p->base.service);
}

void plan_groups(const struct request *rq, const struct service *stored, struct arena *a, struct strings *out)
{
	const struct strings *wanted = &asked(rq, stored)->groups;

	*out = (struct strings){ NULL, 0 };
	for (size_t i = 0; i < wanted->n; i++)
		if (!strings_have(out, wanted->items[i]))
			strings_add(out, a, wanted->items[i]);
	for (size_t i = 0; stored != NULL && i < stored->groups.n; i++)
		if (!strings_have(out, stored->groups.items[i]))
			strings_add(out, a, stored->groups.items[i]);
}

static int compare_paths(const struct plan_path *x, const struct plan_path *y)
{
	int c = strcmp(x->group, y->group);

	return c != 0 ? c : strcmp(x->key, y->key);
}

/* Of one path the first named comes first. */
static int compare_places(const void *x, const void *y)
{
	const struct plan_path *a = *(const struct plan_path *const *)x, *b = *(const struct plan_path *const *)y;
	int c = compare_paths(a, b);

	return c != 0 ? c : (a > b) - (a < b);
}

static const struct plan_path **sorted_paths(const struct plan_paths *list, struct arena *a)
{
	const struct plan_path **sorted = arena_alloc(a, (list->n + 1) * sizeof(*sorted));

	for (size_t i = 0; i < list->n; i++)
		sorted[i] = &list->items[i];
	qsort(sorted, list->n, sizeof(*sorted), compare_places);
	return sorted;
}

/* Each path once, in the order they were named first. */
static void drop_repeated(struct plan_paths *list, struct arena *a)
{
	const struct plan_path **sorted = sorted_paths(list, a);
	bool *repeated = arena_alloc(a, list->n + 1);
	size_t n = 0;

	for (size_t i = 1; i < list->n; i++)
		repeated[sorted[i] - list->items] = compare_paths(sorted[i - 1], sorted[i]) == 0;
	for (size_t i = 0; i < list->n; i++)
		if (!repeated[i])
			list->items[n++] = list->items[i];
	list->n = n;
}

/* An empty one is nobody's: no node can be called so. */
static void add_path(struct plan_paths *out, const char *group, const char *key)
{
	if (*key == '\0')
		return;
	out->items[out->n++] = (struct plan_path){ .group = group, .key = key, .version = -1 };
}

/* A path without domains is its own key; with domains it is one key per domain, and under the group's default domain
 * the bare path too. */
static void add_keys(const struct service *s, const char *path, const struct roster_group *g, const char *group,
	struct arena *a, struct plan_paths *out)
{
	const char *dflt = g != NULL && g->group != NULL ? g->group->default_domain : NULL;

	if (s->domains.n == 0)
		add_path(out, group, path);
	for (size_t i = 0; i < s->domains.n; i++) {
		add_path(out, group, arena_printf(a, "%s%s", s->domains.items[i], path));
		if (dflt != NULL && strcmp(dflt, s->domains.items[i]) == 0)
			add_path(out, group, path);
	}
}

void plan_service_paths(const struct service *s, const struct roster_group *const *groups, size_t n_groups, struct arena *a,
	struct plan_paths *out)
{
	*out = (struct plan_paths){ NULL, 0 };
	if (s == NULL)
		return;
	/* At most two keys per domain, or the path alone. */
	out->items = arena_alloc(a, s->groups.n * (s->additional_paths.n + 1) * (2 * s->domains.n + 1) * sizeof(*out->items) + 1);
	for (size_t i = 0; i < s->groups.n; i++) {
		const char *group = s->groups.items[i];
		const struct roster_group *g = group_named(groups, n_groups, group);

		for (size_t k = 0; k < s->additional_paths.n; k++)
			add_keys(s, s->additional_paths.items[k], g, group, a, out);
		if (s->base_path != NULL)
			add_keys(s, s->base_path, g, group, a, out);
	}
	drop_repeated(out, a);
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
	plan_service_paths(base->service, groups, n_groups, a, &out->held);
	/* A service without upstreams keeps its definition and gives its paths free. */
	if (changes_state(rq) && out->next.service != NULL && out->next.upstreams.n > 0)
		plan_service_paths(out->next.service, groups, n_groups, a, &out->wanted);
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
	const struct strings *wanted = &plan_asked(p)->groups;

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
	const struct strings *wanted = &plan_asked(p)->groups;

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
	const struct service *s = plan_asked(p);

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

/* --- what a commit changes: names of nodes, sorted, so that both sides are gone through once ------------- */

static int compare_names(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

static int compare_upstreams(const void *x, const void *y)
{
	return upstream_compare(x, y);
}

static const char *name_by_fields(const struct upstream *u, struct arena *a)
{
	AUTO(buf_release) struct buf name = BUF_INIT;

	upstream_node_name(u, &name);
	return arena_strdup(a, buf_cstr(&name));
}

/* Those of `stored` (in order) live where they were read from, be it an old form of name.  All others are named by their
 * fields: the text that a request wrote says nothing of the request id that was given to them since. */
static struct strings node_names(const struct upstreams *list, const struct upstreams *stored, struct arena *a)
{
	struct strings names = { arena_alloc(a, (list->n + 1) * sizeof(char *)), list->n };

	for (size_t i = 0; i < list->n; i++) {
		const struct upstream *u = &list->items[i];
		bool kept = u->original != NULL && stored->n > 0 &&
			    bsearch(u, stored->items, stored->n, sizeof(*u), compare_upstreams) != NULL;

		names.items[i] = kept ? u->original : name_by_fields(u, a);
	}
	qsort(names.items, names.n, sizeof(*names.items), compare_names);
	return names;
}

/* What x has and y has not, each once; both in order. */
static void difference(const struct strings *x, const struct strings *y, struct arena *a, struct strings *out)
{
	size_t k = 0;

	*out = (struct strings){ arena_alloc(a, (x->n + 1) * sizeof(char *)), 0 };
	for (size_t i = 0; i < x->n; i++) {
		if (i > 0 && strcmp(x->items[i - 1], x->items[i]) == 0)
			continue;
		while (k < y->n && strcmp(y->items[k], x->items[i]) < 0)
			k++;
		if (k == y->n || strcmp(y->items[k], x->items[i]) != 0)
			out->items[out->n++] = x->items[i];
	}
}

static void upstream_changes(const struct plan *p, struct arena *a, struct plan_changes *out)
{
	static const struct upstreams none;
	const struct upstreams *next = p->next.service != NULL ? &p->next.upstreams : &none;
	struct upstreams stored = { arena_alloc(a, (p->base.upstreams.n + 1) * sizeof(struct upstream)), p->base.upstreams.n };
	struct strings before, after;

	if (stored.n > 0)
		memcpy(stored.items, p->base.upstreams.items, stored.n * sizeof(*stored.items));
	qsort(stored.items, stored.n, sizeof(*stored.items), compare_upstreams);
	before = node_names(&stored, &stored, a);
	after = node_names(next, &stored, a);
	difference(&before, &after, a, &out->remove);
	difference(&after, &before, a, &out->create);
}

void plan_changes(const struct plan *p, struct arena *a, struct plan_changes *out)
{
	*out = (struct plan_changes){ .service = PLAN_SERVICE_SAME };
	if (!changes_state(p->request))
		return;
	if (p->next.service == NULL)
		out->service = p->base.service != NULL ? PLAN_SERVICE_DELETE : PLAN_SERVICE_SAME;
	else if (p->base.service == NULL)
		out->service = PLAN_SERVICE_CREATE;
	else if (!record_equal(&service_record, p->base.service, p->next.service))
		out->service = PLAN_SERVICE_SET;
	upstream_changes(p, a, out);
	/* As Java: each commit of an update bumps it, also one that changes nothing. */
	out->state_changed = true;
}

void plan_released(const struct plan *p, struct arena *a, struct plan_paths *out)
{
	const struct plan_path **wanted, **held;
	size_t k = 0;

	*out = (struct plan_paths){ NULL, 0 };
	if (!changes_state(p->request))
		return;
	out->items = arena_alloc(a, (p->held.n + 1) * sizeof(*out->items));
	wanted = sorted_paths(&p->wanted, a);
	held = sorted_paths(&p->held, a);
	for (size_t i = 0; i < p->held.n; i++) {
		if (!str_eq(held[i]->owner, p->request->service->id))
			continue;
		while (k < p->wanted.n && compare_paths(wanted[k], held[i]) < 0)
			k++;
		if (k == p->wanted.n || compare_paths(wanted[k], held[i]) != 0)
			out->items[out->n++] = *held[i];
	}
}
