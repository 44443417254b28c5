/*
 * admin.h - the paths by which load balancers and monitors ask a program whether it is well: ping, healthcheck
 *
 * They are beside the API, in a context of their own (`/admin`), and never want a key: give the router to that of the API as
 * `beside`.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_ADMIN_H
#define LIB_HTTP_ADMIN_H

#include "lib/http/router.h"

/* Borrowed until the answer is made, which is in the same call. */
struct admin_check {
	const char *name; /* Java's: monitors look for it */
	bool healthy;
	const char *message; /* NULL: none */
};
#define ADMIN_CHECKS_MAX 4

struct admin_options {
	const char *context_path; /* "/admin"; copied */
	/* What is so now; in the order of their names. How many. */
	size_t (*look)(void *ctx, struct admin_check out[ADMIN_CHECKS_MAX]);
	void *ctx;
	struct metrics *metrics; /* as of the router */
};
struct admin;
struct admin *admin_new(const struct admin_options *opt);
void admin_free(struct admin **a); /* its router goes too */
struct router *admin_router(struct admin *a);

#endif
