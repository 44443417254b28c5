/*
 * router.h - method and pattern -> handler; the rows are the API
 *
 * Dispatch, 404/405 (with Allow), roles, body limits and later openapi.json are read from the rows.
 * Literal segments win over {parameters}; {name...} at the end takes one segment or more.  Percent-decoding is done per segment; a segment that
 * decodes to something with NUL, or to invalid UTF-8, is 400.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_ROUTER_H
#define LIB_HTTP_ROUTER_H

#include "lib/http/http.h"

struct metrics;
struct router;

/* What a caller's key must open, where keys are asked for. */
enum role {
	ROLE_OPEN,   /* none is needed */
	ROLE_READ,   /* reads, and yet needs a key */
	ROLE_KEY,    /* changes something */
	ROLE_AGENT,  /* between services and agents */
	ROLE_MASTER, /* keys themselves */
};

struct route {
	const char *method, *pattern; /* "/request/{id}", below the context path */
	void (*handle)(struct http_request *rq, void *app);
	enum role role;
	size_t body_limit; /* bytes; 0 = no body wanted (one that comes is ignored up to 64 KiB) */
	const char *help;
};

/* enter: called before each handler (keys, content type); false = it has replied itself. */
struct router_options {
	const char *context_path; /* "/baragon/v2"; "" for none; copied */
	const struct route *routes;
	size_t n_routes;
	bool (*enter)(struct http_request **rq, const struct route *route, void *app);
	void *app;
	struct metrics *metrics; /* counts answers (http_metrics.h); NULL = nobody does */
	bool cors;               /* answers carry what pages of other origins need (cors.h) */
	struct router *beside;   /* answers what is below its own context, which is another one; borrowed, NULL = none */
};
struct router *router_new(const struct router_options *opt);
/* A request may live on, unless it is counted (metrics): those end, or are detached, before. */
void router_free(struct router **r);

/* Looks at method and path only: how much body to read. NULL: the dispatch will answer 404/405. What it finds is kept with the
 * request, for the dispatch. */
const struct route *router_find(const struct router *r, struct http_request *rq);
void router_dispatch(struct router *r, struct http_request *rq);

/* An in-process request (tests, simulator): done gets the answer in a later turn of the caller's making,
 * synchronously from http_reply. Everything is copied. `path` may carry a query. */
struct http_answer {
	int status;
	const char *content_type;
	struct slice body;
	const char *headers; /* "Name: value\n"... */
};
struct http_request *http_request_local(const char *method, const char *path, const char *content_type,
	struct slice body, void (*done)(void *ctx, const struct http_answer *a), void *ctx);
/* Before it is dispatched. */
void http_request_local_header(struct http_request *rq, const char *name, const char *value);

#endif
