/*
 * groups.h - what is read of load balancer groups for the API: names, group data, agents, counts,
 * base paths
 *
 * Names must have been checked by path_name_ok() first.  What a callback is given is borrowed for
 * its length, unless said.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_GROUPS_H
#define LIB_RECORDS_GROUPS_H

#include "lib/base/life.h"
#include "lib/model/agentinfo.h"
#include "lib/model/group.h"
#include "lib/store/store.h"

typedef void groups_texts_fn(void *ctx, const struct strings *texts, const struct error *err);
/* Names of all group nodes and aliases, each once, sorted. */
void groups_names(struct store *st, struct life *life, groups_texts_fn *done, void *ctx);
/* Lock keys of a group, sorted. */
void groups_base_paths(
	struct store *st, struct life *life, const char *group, groups_texts_fn *done, void *ctx);

/* Groups that have readable data; by name. */
typedef void groups_list_fn(
	void *ctx, const struct group *const *groups, size_t n, const struct error *err);
void groups_all(struct store *st, struct life *life, groups_list_fn *done, void *ctx);
/* n = 0: no such group, or one without data. */
void groups_one(
	struct store *st, struct life *life, const char *group, groups_list_fn *done, void *ctx);

/* What agents said of themselves, by agent id; records that cannot be read are left out. */
typedef void groups_agents_fn(
	void *ctx, const struct agentinfo *const *agents, size_t n, const struct error *err);
void groups_agents(
	struct store *st, struct life *life, const char *group, groups_agents_fn *done, void *ctx);
void groups_known_agents(
	struct store *st, struct life *life, const char *group, groups_agents_fn *done, void *ctx);

/* -1: not set. */
typedef void groups_count_fn(void *ctx, int64_t count, const struct error *err);
void groups_target_count(
	struct store *st, struct life *life, const char *group, groups_count_fn *done, void *ctx);

/* Service that holds a base path; NULL = free. */
typedef void groups_text_fn(void *ctx, const char *text, const struct error *err);
void groups_base_path_owner(struct store *st, struct life *life, const char *group, const char *key,
	groups_text_fn *done, void *ctx);

/* Delete Java's record of a known agent; absent is fine. */
void groups_forget_agent(struct store *st, struct life *life, const char *group,
	const char *agent_id, store_done_fn *done, void *ctx);

#endif
