/*
 * resolve.h - addresses of host names, remembered for a while, with a bound on all waiting
 *
 *	struct resolve *r = resolve_new(&(struct resolve_options){ .keep_ms = 60000 });
 *	const char *address = resolve_address(r, "db.example", arena); // "10.0.0.7", or NULL: not known
 *
 * Of several addresses it is the lowest IPv4 one, else the lowest IPv6 one: all hosts say the same, and the
 * order of the answers, which name servers rotate, changes nothing.
 *
 * The system's resolver is asked by threads of its own, for it can take very long.  Whoever wants an address
 * waits for it at most wait_ms, and all of them together at most budget_ms in any window_ms; what is not known by
 * then is not known this time, while the look-up goes on and serves the next time.  A name that has no address is
 * not asked for again for keep_failure_ms.  When a name cannot be looked up any more (no name server answers),
 * the address it had stays; when it is said not to exist, it goes.
 *
 * Layer: lib/base; blocks.  Threads: any number at once, but for new and free.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_OS_RESOLVE_H
#define LIB_OS_RESOLVE_H

#include "lib/base/base.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"

#define RESOLVE_TEXT 46 /* of any address, with its NUL */

/* Zero gives the default of each. */
struct resolve_options {
	size_t max_names;        /* remembered; the one not used for longest goes; 4000 */
	int64_t keep_ms;         /* 60,000 */
	int64_t keep_failure_ms; /* 5000 */
	int64_t wait_ms;         /* 2000 */
	int64_t budget_ms;       /* 5000 */
	int64_t window_ms;       /* 15,000 */
	/* Instead of the system's; several threads call it. ERR_NOT_FOUND: there is no such name, or it has no
	 * address; ERR_NOT_DONE: nobody could say. */
	int (*look_up)(void *ctx, const char *host, char out[RESOLVE_TEXT]);
	void *ctx;
};

struct resolve;
struct resolve *resolve_new(const struct resolve_options *opt); /* copied; NULL: all defaults */
/* Does not wait for look-ups that are under way: what they need is freed by the last of them, so ctx must
 * outlive those. */
void resolve_free(struct resolve **r);

/* An address is returned as it is. NULL: none is known (now). */
const char *resolve_address(struct resolve *r, const char *host, struct arena *a);

/* The same without waiting: 0; ERR_NOT_FOUND: it has no address; ERR_NOT_DONE: not known yet, or nobody can say now: ask
 * again.  *address_out is set in any case: with ERR_NOT_DONE to the address it had before, or NULL. */
int resolve_try(struct resolve *r, const char *host, struct arena *a, const char **address_out) MUST_CHECK;

/* Zero until a name is asked for; then a number that changes at least once in keep_ms: when it is another one, what was
 * made of addresses should be made again. */
uint64_t resolve_epoch(struct resolve *r);

/* The default of look_up. */
int resolve_by_system(void *ctx, const char *host, char out[RESOLVE_TEXT]);

#endif
