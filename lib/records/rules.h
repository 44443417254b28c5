/*
 * rules.h - the rules of the commit protocol that tests can switch off, one by one
 *
 * Programs use RULES_ON, which is constant.  A test that switches one off must see a promise broken: that is how
 * the simulation proves that it can fail.
 *
 * Layer: lib/records.  Threads: constant.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_RULES_H
#define LIB_RECORDS_RULES_H

#include "lib/base/base.h"

struct rules {
	bool intent;   /* the decision is written before the first APPLY */
	bool join;     /* an agent registers before it reads and converges */
	bool gver;     /* deciding transactions check the group's version, which every join bumps */
	bool cas;      /* writes of status and decision name the version they have read */
	bool readback; /* an unknown outcome is read back before anything else */
	bool target;   /* a joining agent converges to the decided direction, not to the committed state */
	bool absent;   /* a host counts until it has left, not until its agent is out of sight */
	bool known;    /* what makes a host known is written in the join transaction */
	bool leave;    /* removing a host checks that it has not just joined */
};

#define RULES_ON { true, true, true, true, true, true, true, true, true }

#endif
