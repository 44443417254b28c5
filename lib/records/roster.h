/*
 * roster.h - the members of each load balancer group (member.h), kept up to date by watches
 *
 * The version of the group node (gv) is read before the lists that it guards, so a transaction that checks it is refused if
 * anybody joined since.  A group is looked at for the first time when it is asked for, and again when a
 * watch says so or when roster_stale() is called.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_ROSTER_H
#define LIB_RECORDS_ROSTER_H

#include "lib/base/life.h"
#include "lib/model/member.h"
#include "lib/records/rules.h"
#include "lib/store/store.h"

struct roster;
struct roster *roster_new(struct loop *l, struct store *st, const struct rules *rules, void (*changed)(void *ctx), void *ctx);
void roster_free(struct roster **r);

/* NULL: not read yet (changed() will tell). Borrowed until the next changed(). */
const struct roster_group *roster_get(struct roster *r, const char *group);
void roster_stale(struct roster *r, const char *group); /* a check of its version failed; NULL = all */
/* Groups that do not exist and were not asked for since the last call are no longer watched: names come from outside, and
 * all watches travel in one packet. */
void roster_forget_unused(struct roster *r);
size_t roster_groups(const struct roster *r, const struct roster_group **out, size_t max); /* those read so far */

/* Delete the member record of an absent host: refused if it has joined meanwhile. ERR_NOT_FOUND: no such record;
 * ERR_CONFLICT: it is registered, or just joined. */
void roster_remove(struct store *st, struct life *life, const struct rules *rules, const char *group, const char *agent_id,
	store_done_fn *done, void *ctx);

/* The incarnation that a hosts node name stands for: its guid, or the name itself. */
const char *incarnation_of(struct arena *a, const char *node_name);

#endif
