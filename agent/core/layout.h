/*
 * layout.h - which file names a template's `filename` makes
 *
 * As in Java: no conversion: the name as it stands; one %s: the service id; two: domain, then service id
 * (%1$s and %2$s choose).  Unlike Java a name may begin with %s, and %s%s counts two.  `%%` is a percent
 * sign where there is a conversion.
 *
 * An id or a domain never becomes more than a piece of one path component: '/', '%', blanks and control
 * characters, and a dot it begins with, are written %XX, so that no two ids make one name, none leaves its
 * folder and none makes a hidden file.  Names that need none of that are Java's to the byte.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_LAYOUT_H
#define AGENT_CORE_LAYOUT_H

#include "lib/model/service.h"

enum layout_kind {
	LAYOUT_PLAIN,   /* one file */
	LAYOUT_SERVICE, /* one per service */
	LAYOUT_DOMAIN,  /* one per service and domain served here */
};

/* The longest component: what a file system takes, less what file_replace() puts around it. */
#define LAYOUT_NAME_MAX 240

/* May this be a `filename`? Relative, without empty, "." or ".." components, not below ".lockstep", only %s. */
int layout_check(const char *pattern, enum layout_kind *kind_out, struct error *err) MUST_CHECK;

/* The most files that one pattern is cut into. */
#define LAYOUT_SHARDS_MAX 1000
/* The name of one of `n` files for all services: the %s of a pattern of LAYOUT_SERVICE is "00", "01", ... */
int layout_shard(const char *pattern, unsigned index, unsigned n, struct arena *a, const char **out,
	struct error *err) MUST_CHECK;

/* Which domains this agent serves; both may be absent. */
struct layout_domains {
	struct strings served;
	const char *default_domain;
};

/* The names of one service, relative to the root path; for a checked pattern. Appended to `out`. */
int layout_names(const char *pattern, enum layout_kind kind, const struct service *s,
	const struct layout_domains *domains, struct arena *a, struct strings *out, struct error *err) MUST_CHECK;

#endif
