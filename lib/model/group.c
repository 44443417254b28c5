/*
 * group.c - BaragonGroup and TrafficSource
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/group.h"

const char *const traffic_source_type_names[] = { "CLASSIC", "ALB_TARGET_GROUP", "NETWORK", NULL };
const char *const register_by_names[] = { "PRIVATE_IP", "INSTANCE_ID", NULL };
enum { TYPE_CLASSIC = 0, BY_INSTANCE_ID = 1 };

static int source_rules(void *obj, struct arena *a, struct error *err)
{
	struct traffic_source *s = obj;

	(void)a;
	(void)err;
	if (s->register_by < 0)
		s->register_by = BY_INSTANCE_ID;
	return 0;
}

void traffic_source_classic(const char *name, struct traffic_source *out)
{
	*out = (struct traffic_source){ name, TYPE_CLASSIC, BY_INSTANCE_ID };
}

static int source_string_form(const char *text, struct arena *a, void *obj, struct error *err)
{
	(void)err;
	traffic_source_classic(arena_strdup(a, text), obj);
	return 0;
}

#define SOURCE(json, kind_, c)                                                                     \
	.name = (json), .kind = (kind_), .offset = offsetof(struct traffic_source, c)
static const struct field source_fields[] = {
	{ SOURCE("name", FIELD_STRING, name) },
	{ SOURCE("type", FIELD_ENUM, type), .names = traffic_source_type_names, .required = true },
	{ SOURCE("registerBy", FIELD_ENUM, register_by), .names = register_by_names },
};
const struct record traffic_source_record = {
	.name = "TrafficSource",
	.size = sizeof(struct traffic_source),
	.fields = source_fields,
	.n_fields = ARRAY_LEN(source_fields),
	.from_string = source_string_form,
	.after = source_rules,
};

/* The wire knows more than the struct: `sources` of old versions, and a count whose absence
 * means 1. */
struct group_wire {
	struct group g;
	struct {
		struct traffic_source *items;
		size_t n;
	} sources; /* names; always written empty */
	struct opt_int min_healthy;
};

static int check_aliases(const struct value *aliases, struct error *err)
{
	size_t i, k;

	if (aliases->kind != VALUE_MAP)
		return error_set(err, ERR_INVALID, "domainAliases: must be an object");
	for (i = 0; i < aliases->u.map.n; i++) {
		const struct value_member *m = &aliases->u.map.members[i];

		if (m->value->kind != VALUE_LIST)
			return error_set(
				err, ERR_INVALID, "domainAliases.%.100s: must be an array", m->key);
		for (k = 0; k < m->value->u.list.n; k++) {
			if (m->value->u.list.items[k]->kind != VALUE_STRING)
				return error_set(err, ERR_INVALID,
					"domainAliases.%.100s[%zu]: must be a string", m->key, k);
		}
	}
	return 0;
}

static int group_rules(void *obj, struct arena *a, struct error *err)
{
	struct group_wire *w = obj;
	struct group *g = &w->g;

	(void)a;
	if (g->domain_aliases != NULL && check_aliases(g->domain_aliases, err) != 0)
		return ERR_INVALID;
	if (g->default_domain == NULL)
		g->default_domain = g->domain;
	g->domain = g->default_domain;
	if (g->traffic_sources.n == 0) {
		g->traffic_sources.items = w->sources.items;
		g->traffic_sources.n = w->sources.n;
	}
	g->min_healthy_agents = w->min_healthy.set ? w->min_healthy.v : 1;
	return 0;
}

#define GROUP(json, kind_, c)                                                                      \
	.name = (json), .kind = (kind_), .offset = offsetof(struct group_wire, c)
static const struct field group_fields[] = {
	{ GROUP("name", FIELD_STRING, g.name) },
	{ GROUP("domain", FIELD_STRING, g.domain) },
	{ GROUP("trafficSources", FIELD_RECORDS, g.traffic_sources), .of = &traffic_source_record },
	{ GROUP("sources", FIELD_RECORDS, sources), .of = &traffic_source_record },
	{ GROUP("defaultDomain", FIELD_STRING, g.default_domain) },
	{ GROUP("domains", FIELD_STRING_SET, g.domains) },
	{ GROUP("domainAliases", FIELD_VALUE, g.domain_aliases) },
	{ GROUP("minHealthyAgents", FIELD_OPT_INT, min_healthy) },
};
const struct record group_record = {
	.name = "BaragonGroup",
	.size = sizeof(struct group_wire),
	.fields = group_fields,
	.n_fields = ARRAY_LEN(group_fields),
	.after = group_rules,
};

int group_decode(const char *text, size_t n, struct arena *a, struct group **out, struct error *err)
{
	struct group_wire *w;
	int rc = record_decode(&group_record, text, n, a, &w, err);

	if (rc == 0)
		*out = &w->g;
	return rc;
}

void group_encode(const struct group *g, struct buf *out)
{
	static const struct value empty_map = { .kind = VALUE_MAP };
	struct group_wire w = { .g = *g, .min_healthy = { true, g->min_healthy_agents } };

	if (g->default_domain == NULL)
		w.g.default_domain = g->domain;
	w.g.domain = w.g.default_domain;
	if (g->domain_aliases == NULL)
		w.g.domain_aliases = &empty_map;
	record_encode(&group_record, &w, out);
}
