/*
 * tally.h - the answers of a batch's members, and what they amount to
 *
 * An answer counts only if it names the member's incarnation and, once decided, the decision number: what an earlier process
 * said, or somebody said to an earlier decision, is void.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_TALLY_H
#define SERVICE_CORE_TALLY_H

#include "lib/base/mem.h"
#include "lib/model/batch.h"
#include "lib/model/member.h"
#include "lib/model/response.h"
#include "service/core/lifecycle.h"

struct answer {
	enum call_type type;
	const char *group, *agent_id, *incarnation, *url;
	int64_t number;        /* decision number; -1 = before the decision */
	int outcome;           /* enum outcome; -1 = none: the call failed */
	int64_t attempt;       /* set by tally_add */
	bool java;             /* from a Java agent: it says neither number nor incarnation, who asked has put them in */
	int64_t status_code;   /* 0 = no HTTP status */
	const char *message;   /* the agent's words; NULL = none */
	const char *exception; /* of the transport; NULL = none */
};

/* The last answer per (type, group, agent), and incarnation if it is a Java agent. Everything is copied. */
struct tally;
struct tally *tally_new(void);
void tally_free(struct tally **t);
void tally_add(struct tally *t, const struct answer *a);
uint64_t tally_changes(const struct tally *t); /* how many were added: the same number, the same answers */
const struct answer *tally_get(const struct tally *t, enum call_type type, const char *group, const char *agent_id);

/* Whether this member has given the answer that the phase wants. `type`, `number`: what is asked now. */
bool tally_confirmed(const struct tally *t, const struct member *m, enum call_type type, int64_t number);

/* Over all members of all groups (excluded ones do not count). absent_counts: rules.absent. */
enum tally_result tally_judge(const struct tally *t, enum phase phase, enum call_type type, int64_t number,
	const struct member *const *members, size_t n);

/* "agent 'lb2:8882' of group 'web' is absent, …": every member that has not confirmed, and why. */
void tally_missing(const struct tally *t, enum phase phase, enum call_type type, int64_t number,
	const struct member *const *members, size_t n, struct buf *out);

/* The first refusal of a preparation, if all begin with `words` and no member has prepared it; NULL if not, or nobody refused. */
const char *tally_refused_with(const struct tally *t, const char *words);

/* Java's list of answers of one type: "(500) - text, <url> - SUCCESS", or "No agent responses". */
void tally_text(const struct tally *t, enum call_type type, struct buf *out);

/* agentResponses: PREPARE and APPLY answers show as APPLY, RELEASE as REVERT (it undoes a preparation). */
void tally_responses(const struct tally *t, struct arena *a, struct record_map *out);

#endif
