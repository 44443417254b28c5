/*
 * http_internal.h - a request from the side of its carrier
 *
 * A carrier makes the request, gives it to the router, and gets one payload back through `reply`.
 * When the carrier goes first it detaches the request: the handler's later answer is then dropped.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_HTTP_INTERNAL_H
#define LIB_HTTP_HTTP_INTERNAL_H

#include "lib/base/mem.h"
#include "lib/http/http.h"
#include "lib/http/router.h"

/* Header or parameter; lists are short. */
struct http_pair {
	const char *name, *value;
	struct http_pair *next;
};

/* An answer; `unref` (may be NULL) gives the bytes back. */
struct http_payload {
	int status;
	const char *content_type; /* NULL: none */
	const void *p;
	size_t n;
	void (*unref)(void *owner);
	void *owner;
	const struct http_pair *headers; /* live as long as the request */
};
void http_payload_release(struct http_payload *pl);
/* The JSON error object of http_reply_error(). */
void http_error_body(struct buf *b, int status, const char *message);

struct http_carrier {
	/* Takes the payload's bytes. The request is freed after it returns. */
	void (*reply)(struct http_request *rq, struct http_payload *pl_take);
};

/* Where the answers of one route are counted: looked up once; further statuses are looked up each time. */
#define ROUTE_METER_CODES 4
struct route_meter {
	struct metric_series *took;
	struct {
		int code;
		struct metric_series *series;
	} codes[ROUTE_METER_CODES];
};

struct http_request {
	const struct http_carrier *carrier; /* NULL: detached */
	void *exchange;                     /* the carrier's own */
	struct arena *arena;
	const char *method, *path, *query, *peer;
	struct slice body;
	char *body_owned;
	struct http_pair *headers, *params, *reply_headers;
	struct metrics *metrics; /* that count its answer; NULL = none */
	int64_t started;
	const struct match *match; /* router.c's; NULL: nobody has looked */
	const struct route *route; /* NULL: none was found */
	struct route_meter *meter; /* of the route; NULL with it */
	bool left; /* the client has gone */
	void (*gone)(void *ctx);
	void *gone_ctx;
};

/* `target`: path with an optional ?query; copied. */
struct http_request *http_request_new(const struct http_carrier *carrier, void *exchange,
	const char *method, const char *target, const char *peer);
void http_request_add(struct http_request *rq, struct http_pair **list, const char *name,
	const char *value);
void http_request_take_body(struct http_request *rq, struct buf *body);
/* For a request that no handler has seen. */
void http_request_drop(struct http_request **rq_take);
void http_request_detach(struct http_request *rq);
void http_request_tell_gone(struct http_request *rq); /* calls the handler's function once */

/* http_metrics.c: its time runs from now; it is answered. */
void http_meter(struct http_request *rq, struct metrics *m);
void http_metered(const struct http_request *rq, int status);
/* The same with the metrics of a router, for what is answered without it. */
void router_meter(const struct router *r, struct http_request *rq);

/* How much body to read for a row; NULL: a request that will be refused. */
size_t route_body_max(const struct route *route);
void http_reply_too_large(struct http_request **rq_take, size_t limit);

#endif
