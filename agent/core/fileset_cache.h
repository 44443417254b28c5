/*
 * fileset_cache.h - what the services render to, remembered from build to build
 *
 * Ownership.  The cache has one unit (unit.h) per service and one assembly of all of them (assembly.h).  A set
 * is a reference to the assembly; if the next build finds that no set has it any more, it changes it in place, and
 * otherwise a copy.  There is no count of references per unit: a unit that was replaced by build B can be seen only by
 * sets that were made before B, so it waits in a queue until the oldest living set is not older than B.  Sets keep
 * the cache: it goes when its owner has freed it and the last of its sets is gone.
 *
 * So a build that finds the services in the order of the last one costs a comparison of the versions and what really
 * changed: no sorting, no look at services that are the same, no allocation for them.
 *
 * Layer: agent/core, private to it (the public side is fileset.h).  Threads: one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_FILESET_CACHE_H
#define AGENT_CORE_FILESET_CACHE_H

#include "agent/core/assembly.h"

struct fileset_cache {
	bool freed; /* by its owner */
	const struct renderer *renderer; /* whose output all this is; NULL: nobody's yet */
	uint64_t build; /* counts them */
	struct fileset *oldest, *newest; /* living sets */
	struct unit *first_replaced, *last_replaced;

	/* As of the last build, also of one that failed. */
	struct unit **units; /* by id */
	size_t n, n_faults;
	size_t size; /* of their texts */
	struct fileset_version *versions; /* in the order that the services were given in */
	uint32_t *places;                 /* in units, in that order */
	struct assembly *assembly;        /* of exactly these units; NULL: there is none */

	struct unit_scratch scratch;
};

/* What is given to a build. */
struct fileset_input {
	const struct renderer *renderer;
	struct context_agent agent; /* with the timestamp */
	const struct service_state *const *services;
	const struct fileset_version *versions; /* may be NULL */
	size_t n;
};

/* Which units took the place of which, of the same ids. */
struct fileset_changes {
	struct assembly_change *items;
	size_t n, cap;
};
void fileset_changes_release(struct fileset_changes *c);

/* Render what is not known, and begin the next build.  With other services than last time the assembly is dropped, and
 * no changes are told.  ERR_INVALID (an id twice): nothing is done. */
int fileset_cache_update(struct fileset_cache *c, const struct fileset_input *in, struct fileset_changes *changes,
	struct error *err) MUST_CHECK;

/* A set of the current assembly. */
struct fileset *fileset_cache_share(struct fileset_cache *c);
/* Drop the assembly: the units do not fit together. */
void fileset_cache_drop(struct fileset_cache *c);
/* Free what nobody can see any more: at the end of a build. */
void fileset_cache_reclaim(struct fileset_cache *c);

#endif
