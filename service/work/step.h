/*
 * step.h - one transaction of a flight while it is built
 *
 * step.c has the frame and what all of them are made of, decide.c those that write the decision, finish.c the terminal ones.
 *
 * Layer: service/work (private to it).  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_STEP_H
#define SERVICE_WORK_STEP_H

#include "service/work/flight.h"

/* What an operation was for, so that a refused one says what happened. */
enum op_kind { OP_LATCH, OP_GROUP, OP_OTHER };

struct step {
	struct flight *f;
	struct worker *w;
	struct life *life;
	struct store_txn *t;
	struct arena *arena;
	enum op_kind *ops;
	size_t n_ops, cap_ops;
	int64_t dv_after; /* decision number once applied; -2 = the flight ends */
	bool parents, *parents_of; /* folders are made with it; of which groups */
	void (*applied)(struct step *s);
	step_fn *done;
};

struct step *step_new(struct flight *f, step_fn *done); /* checks the own latch node first */
void step_free(struct step *s);
void step_commit(struct step *s);       /* then `applied`, then `done`; frees it */
void step_check_groups(struct step *s); /* refused if anybody joined since the roster was read */
void step_check_java_nodes(struct step *s); /* refused if one of them has gone; notes them for java_after() */
void step_make_parents(struct step *s, bool for_locks); /* folders of what it and later ones create, as far as they were absent; once they are
					   there after all this is a conflict, and they are looked at again */
void step_set_status(struct step *s, struct flight_request *r, enum internal_state status);
void step_put_json_string(struct step *s, const char *path, const char *text, bool exists);
void step_encode_decision(struct step *s, struct buf *out);

#endif
