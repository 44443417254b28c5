/*
 * expand.h - what the service adds to a posted request before it is stored: groups of aliases,
 * default domains, the purge flag, and that a scheduler's removal of a task changes no definition
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_EXPAND_H
#define SERVICE_CORE_EXPAND_H

#include "lib/model/group.h"
#include "lib/model/request.h"

/* A name that stands for groups, domains and domains at the edge. */
struct group_alias {
	struct strings groups, domains, edge_cache_domains;
};
extern const struct record group_alias_record;

/* What is known of one name: an alias, a group, neither; both only if the names clash, and then the
 * alias wins. */
struct expand_fact {
	const char *name;
	const struct group_alias *alias;
	const struct group *group;
};
struct expand_facts {
	const struct expand_fact *items;
	size_t n;
	struct strings purge_templates, purge_excluded;
};

/* Groups that the aliases among the requested names lead to, so that they can be looked up too. */
void expand_more_groups(const struct request *rq, const struct expand_facts *facts, struct arena *a,
	struct strings *out);

/* A changed copy; what is not changed is shared. */
struct request *expand_request(
	const struct request *rq, const struct expand_facts *facts, struct arena *a);

/* "" or why a rule refuses it though it is well-formed: Java's texts. */
const char *expand_refusal(const struct request *rq);

#endif
