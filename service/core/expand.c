/*
 * expand.c - what the service adds to a posted request before it is stored
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/expand.h"

#include "lib/base/str.h"
#include "service/core/scheduler.h"

#define ALIAS(json, c)                                                                             \
	{                                                                                          \
		.name = (json), .kind = FIELD_STRING_SET,                                          \
		.offset = offsetof(struct group_alias, c)                                          \
	}
static const struct field group_alias_fields[] = {
	ALIAS("groups", groups),
	ALIAS("domains", domains),
	ALIAS("edgeCacheDomains", edge_cache_domains),
};
const struct record group_alias_record = {
	.name = "BaragonGroupAlias",
	.size = sizeof(struct group_alias),
	.fields = group_alias_fields,
	.n_fields = ARRAY_LEN(group_alias_fields),
};

static const struct expand_fact *fact_of(const struct expand_facts *facts, const char *name)
{
	for (size_t i = 0; i < facts->n; i++)
		if (str_eq(facts->items[i].name, name))
			return &facts->items[i];
	return NULL;
}

static void add_once(struct strings *list, struct arena *a, const char *s)
{
	if (!strings_have(list, s))
		strings_add(list, a, s);
}

static void add_all(struct strings *list, struct arena *a, const struct strings *more)
{
	for (size_t i = 0; i < more->n; i++)
		add_once(list, a, more->items[i]);
}

void expand_more_groups(const struct request *rq, const struct expand_facts *facts, struct arena *a,
	struct strings *out)
{
	for (size_t i = 0; i < rq->service->groups.n; i++) {
		const struct expand_fact *f = fact_of(facts, rq->service->groups.items[i]);

		for (size_t k = 0; f != NULL && f->alias != NULL && k < f->alias->groups.n; k++)
			if (fact_of(facts, f->alias->groups.items[k]) == NULL)
				add_once(out, a, f->alias->groups.items[k]);
	}
}

static void expand_aliases(struct service *s, const struct strings *named,
	const struct expand_facts *facts, struct arena *a)
{
	for (size_t i = 0; i < named->n; i++) {
		const struct expand_fact *f = fact_of(facts, named->items[i]);

		if (f != NULL && f->alias != NULL) {
			add_all(&s->groups, a, &f->alias->groups);
			add_all(&s->domains, a, &f->alias->domains);
			add_all(&s->edge_cache_domains, a, &f->alias->edge_cache_domains);
			continue;
		}
		add_once(&s->groups, a, named->items[i]);
		if (f != NULL && f->group != NULL && f->group->default_domain != NULL)
			add_once(&s->domains, a, f->group->default_domain);
	}
}

static void add_default_domains(
	struct service *s, const struct expand_facts *facts, struct arena *a)
{
	for (size_t i = 0; i < s->groups.n; i++) {
		const struct expand_fact *f = fact_of(facts, s->groups.items[i]);
		bool served = false;

		if (f == NULL || f->group == NULL || f->group->default_domain == NULL)
			continue;
		for (size_t k = 0; k < f->group->domains.n; k++)
			served |= strings_have(&s->domains, f->group->domains.items[k]);
		if (!served)
			add_once(&s->domains, a, f->group->default_domain);
	}
}

static bool wants_purge(const struct request *rq, const struct expand_facts *facts)
{
	const char *template = rq->service->template_name;

	return rq->action == ACTION_UPDATE &&
	       !strings_have(&facts->purge_excluded, rq->service->id) &&
	       strings_have(&facts->purge_templates, template != NULL ? template : "");
}

struct request *expand_request(
	const struct request *rq, const struct expand_facts *facts, struct arena *a)
{
	struct request *out = arena_alloc(a, sizeof(*out));
	struct service *s = arena_alloc(a, sizeof(*s));

	*out = *rq;
	*s = *rq->service;
	out->service = s;
	out->replace_service_id = NULL;
	/* strings_add() makes new arrays, so those of the original stay as they are. */
	if (s->edge_cache_dns != NULL)
		add_once(&s->edge_cache_domains, a, s->edge_cache_dns);
	s->edge_cache_dns = NULL;
	s->groups = (struct strings){ NULL, 0 };
	expand_aliases(s, &rq->service->groups, facts, a);
	add_default_domains(s, facts, a);
	out->purge_cache |= wants_purge(rq, facts);
	out->upstream_update_only |= scheduler_removes_task(rq);
	return out;
}

const char *expand_refusal(const struct request *rq)
{
	if (rq->no_reload && rq->action == ACTION_RELOAD)
		return "You can not specify 'noReload' on a request with action 'RELOAD'";
	if (rq->replace.n > 0 &&
		(rq->add.n > 0 || rq->remove.n > 0)) /* sic: users may match on it */
		return "If overrideUpstreams is specified, addUpstreams and removeUpstreams mustbe empty";
	if (rq->action == ACTION_REVERT)
		return "The REVERT action may only be used internally by Baragon, you may specify UPDATE, DELETE, RELOAD, or leave "
		       "the action blank(UPDATE)";
	return "";
}
