/*
 * life.h - "is the one who asked still there?" for callbacks that cannot be taken back
 *
 * An owner makes one life; each operation it starts holds a reference and looks at it before calling
 * back.  Killing it ends all of the owner's pending callbacks at once.
 *
 * Layer: lib/base.  Threads: one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_LIFE_H
#define LIB_BASE_LIFE_H

#include "lib/base/mem.h"

#include <stdlib.h>

struct life {
	int refs;
	bool over;
};

static inline struct life *life_new(void)
{
	struct life *l = xcalloc(1, sizeof(*l));

	l->refs = 1;
	return l;
}

static inline struct life *life_ref(struct life *l)
{
	l->refs++;
	return l;
}

static inline void life_unref(struct life **lp)
{
	if (*lp != NULL && --(*lp)->refs == 0)
		free(*lp);
	*lp = NULL;
}

/* By the owner: nothing calls back any more. */
static inline void life_end(struct life **lp)
{
	if (*lp != NULL)
		(*lp)->over = true;
	life_unref(lp);
}

#endif
