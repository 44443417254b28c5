/*
 * client.h - HTTP calls in parallel over kept connections
 *
 * Two makers: client_new() over curl, client_sim_new() for the simulator.  curl may repeat a POST by
 * itself when a kept connection turns out dead: callees must be idempotent.
 * Bodies of answers are bounded (8 MiB; more is CALL_MAYBE_DELIVERED with a text).
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_CLIENT_H
#define LIB_HTTP_CLIENT_H

#include "lib/base/base.h"
#include "lib/base/error.h"
#include "lib/loop/loop.h"

enum call_end {
	CALL_ANSWERED,        /* status and body are valid, whatever the status */
	CALL_NOT_SENT,        /* refused connection, no route, bad URL: certainly not delivered */
	CALL_MAYBE_DELIVERED, /* timed out or cut: text says how */
};
struct call_result {
	enum call_end end;
	int status;
	const char *body; /* NUL-terminated; borrowed during done */
	size_t len;
	const char *text; /* "Connection refused: /127.0.0.1:8882", … ; NULL when answered */
};
typedef void call_fn(void *ctx, const struct call_result *res);

struct client;
struct call;
/* PEM texts, copied; NULL = absent. For URLs with https: the peer must be who the URL says. */
struct client_tls {
	const char *ca;                /* absent: what the machine believes */
	const char *certificate, *key; /* to show when asked; both or none */
};
struct client *client_new(struct loop *l, const struct client_tls *tls); /* tls NULL: all absent */
void client_free(struct client **c); /* calls in flight are cancelled: no callback */

/* For callees that are not idempotent, or want another method. */
struct call_how {
	const char *method; /* NULL: GET without a body, POST with one */
	bool fresh;         /* a connection of its own, used once: curl never sends it a second time */
};

/* body NULL: GET. Otherwise POST with Content-Type: application/json; the body is copied.
 * deadline_us: from now. The call object is gone once done was called. */
struct call *client_call(struct client *c, const char *url, const struct slice *body, int64_t deadline_us, call_fn *done,
	void *ctx);
struct call *client_call_how(struct client *c, const struct call_how *how, const char *url, const struct slice *body,
	int64_t deadline_us, call_fn *done, void *ctx);
void call_cancel(struct call **call);

#endif
