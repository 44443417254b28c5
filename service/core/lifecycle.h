/*
 * lifecycle.h - the life of a batch as a function: facts in, next step out
 *
 * Its rows are the transitions of docs/protocol.md.  It reads nothing and keeps nothing; the worker gathers the facts and
 * carries out the effect.  docs/lifecycle.md is printed from the table.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_LIFECYCLE_H
#define SERVICE_CORE_LIFECYCLE_H

#include "lib/base/buf.h"

enum phase {
	PHASE_PREPARING, /* nothing is written, nothing live is touched */
	PHASE_FORWARD,   /* decided: hosts converge to the new state */
	PHASE_BACK,      /* decided: hosts converge to the old state */
	PHASE_RELEASING, /* will end without having touched anything; preparations are dropped first */
};

/* What became of the members' answers, as tally.h judges them for the phase. */
enum tally_result {
	TALLY_WAITING,
	TALLY_ALL_OK,
	TALLY_REFUSED, /* somebody said no, for good */
};

enum effect {
	EFFECT_ASK,     /* call every member that owes an answer; wait for an event */
	EFFECT_DECIDE,  /* T2 */
	EFFECT_COMMIT,  /* T3 */
	EFFECT_TURN,    /* T4 or T5': the record says back, then members are asked again */
	EFFECT_RELEASE, /* go to RELEASING */
	EFFECT_SPLIT,   /* release, then prepare the requests one by one */
	EFFECT_END,     /* T1, T6 or T6': final */
};

struct lifecycle_facts {
	enum phase phase;
	bool invalid;    /* a rule refuses it before anybody is asked */
	bool cancelled;  /* a request that still goes forward was cancelled */
	bool many;       /* more than one request in the batch */
	bool late;       /* the phase's deadline has passed */
	enum tally_result tally;
};

enum effect lifecycle_next(const struct lifecycle_facts *facts);

/* The table as Markdown rows. */
void lifecycle_print(struct buf *out);
const char *phase_name(enum phase p);

#endif
