/*
 * member.h - a host that counts
 *
 * A member is a registered incarnation of an agent, or a known one that is absent and has not left: a dead or frozen agent
 * does not mean a dead HAProxy.
 *
 * Layer: lib/model.  Threads: plain data.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_MEMBER_H
#define LIB_MODEL_MEMBER_H

#include "lib/model/agentinfo.h"
#include "lib/model/group.h"

struct member {
	const char *group, *agent_id;
	const char *incarnation; /* guid of the hosts node (its whole name if it has none); of the last one if absent */
	const char *node;        /* name under hosts; NULL = absent */
	const char *base_uri;    /* NULL if absent and unknown */
	bool registered, lockstep, excluded;
	bool batch;              /* it takes POST /batch: every Lockstep agent, and a Java one that says so */
	const char *broken;      /* why its metadata cannot be read; NULL = fine */
	int64_t absent_since_us; /* loop time when it was first seen absent; 0 = registered */
};
/* Registered, readable, and not ours: obeys the calls of Java's protocol, and counts only while it is registered. */
static inline bool member_is_java(const struct member *m)
{
	return m->registered && !m->lockstep && m->broken == NULL;
}

struct roster_group {
	const char *name;
	bool exists;
	int32_t gv;
	const struct group *group; /* NULL: no (readable) data */
	const struct member *members; /* excluded ones included */
	size_t n;
	int64_t target_count; /* -1 = not set */
	bool java_seen;       /* a Java agent is registered, or was since somebody looks: one may come back */
};

#endif
