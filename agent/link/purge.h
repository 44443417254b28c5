/*
 * purge.h - tell this host's cache to drop what it holds of a service
 *
 * POST, without a body, to a URL made of a pattern with one %s: the SHA-256 of the service id, in hex.
 *
 * Layer: agent/link.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_PURGE_H
#define AGENT_LINK_PURGE_H

#include "lib/base/error.h"
#include "lib/http/client.h"

/* ERR_INVALID: not exactly one %s. */
int purge_check_format(const char *format, struct error *err) MUST_CHECK;

struct purger;
struct purger *purger_new(struct client *c, const char *format); /* borrows both */
void purger_free(struct purger **p); /* before its client; what is open ends inside, as a failure */

/* done: once, in a later turn; the cache's status and body, or 500 and why it has not answered. NULL: nobody asks. */
typedef void purge_fn(void *ctx, int status, const char *body, size_t n);
void purger_run(struct purger *p, const char *service_id, purge_fn *done, void *ctx);

#endif
