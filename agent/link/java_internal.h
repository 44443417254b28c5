/*
 * java_internal.h - shared by java.c, which reads, and java_parts.c, which makes it live
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_JAVA_INTERNAL_H
#define AGENT_LINK_JAVA_INTERNAL_H

#include "agent/link/link_internal.h"

struct java_one {
	struct java_instruction in;
	const struct request *rq; /* with the action that is to be done */
	size_t at, group; /* of the reads; of the services */
	bool ready;               /* to be made live */
	struct java_result result; /* status 0 = none yet */
};

/* The items of one service, which build on each other. */
struct java_group {
	const char *id;
	int rc;       /* of reading it */
	struct error err;
	struct service_state base, now, next; /* committed; with what has succeeded; with the part in progress */
	bool touched;
};

struct java_part {
	struct java_part *next;
	size_t n;
	size_t *items;
};

struct java_op {
	struct java_one *ones;
	size_t n, n_groups, lead;
	struct java_group *groups;
	struct java_part *todo; /* the first is in progress if the applier is */
	int64_t until;
};

/* java_parts.c */
void java_fail(struct op *op, struct java_one *one, const char *why);
struct java_part *java_part_new(struct op *op, size_t room, struct java_part *next);
void java_next_part(struct op *op); /* the first of todo; none: everybody is answered */

#endif
