/*
 * helpers.h - what templates can call
 *
 * Of Baragon, at both levels: formatTimestamp, firstOf, currentRackIsPresent, resolveHostname,
 * preferSameRackWeighting, ifEqual, ifOptionalEqual, ifContainedIn, toNginxVar.  At baragon level with Java's
 * quirks (ifEqual takes two numbers for equal, ...), at ours without.
 * Ours, at lockstep level: eq ne lt lte gt gte and or not (values, and blocks: {{#eq a b}}), lookup, log, join,
 * serverName, backendName, logFormat, and those of checks.h (asInteger, isIn, fail, ...).  Each is described at
 * its row; docs/templates.md has them all.
 *
 * Layer: agent/core (pure; what is not comes in by the environment).  Threads: the rows are immutable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_HELPERS_H
#define AGENT_CORE_HELPERS_H

#include "agent/template/template.h"

#include <time.h>

struct helper_env {
	enum template_level level;
	const char *date_format;      /* defaultDateFormat; NULL: "yyyy-MM-dd hh:mm a" */
	const char *zero_weight;      /* zeroWeightString; NULL: "backup" */
	const char *weighting_format; /* weightingFormat; NULL: "weight=%s". Checked by helpers_check_format() */
	/* The host's civil time, used at baragon level (ours is UTC, so that all hosts say the same). NULL: UTC. */
	void (*local_time)(void *ctx, int64_t seconds, struct tm *out);
	/* The address of a host's name, in the arena; NULL: none known. May block. NULL: names are left as they are. */
	const char *(*resolve)(void *ctx, const char *host, struct arena *a);
	void *ctx;
};

/* The rows of one level; they point to env, which must outlive them. */
const struct template_helper *helpers_make(const struct helper_env *env, struct arena *a, size_t *n_out);

/* May it be a weightingFormat? One %s or %d, no other conversion but %%. */
int helpers_check_format(const char *format, struct error *err) MUST_CHECK;

#endif
