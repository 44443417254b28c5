/*
 * http.h - what a handler sees of one request, whoever carried it
 *
 * Carriers: server.c (libmicrohttpd), client_sim.c (the simulator), contract tests in-process.
 * A request lives until http_reply(); it may be kept across turns meanwhile (it is suspended).
 *
 * Layer: lib/base, lib/loop.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_HTTP_H
#define LIB_HTTP_HTTP_H

#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/error.h"

struct http_request;

const char *http_method(const struct http_request *rq);
const char *http_path(const struct http_request *rq);   /* as sent, without the query */
/* Decoded, borrowed; NULL = no such. A decoded value never holds a NUL (refused before). */
const char *http_param(const struct http_request *rq, const char *name); /* {name} of the route */
const char *http_query(const struct http_request *rq, const char *name); /* first of the name */
const char *http_header(const struct http_request *rq, const char *name);
struct slice http_body(const struct http_request *rq);
const char *http_peer(const struct http_request *rq); /* address for the log */
/* The caller's key: the first `authkey` of the query, else that of "Authorization: Bearer KEY". Never to be logged. */
const char *http_key(const struct http_request *rq);
/* The path for the log: the pattern of its route, as a path may hold a key. */
const char *http_pattern(const struct http_request *rq);

/* What it says of itself. No body without a type, or JSON of any charset. */
bool http_sends_json(const struct http_request *rq);
/* May the answer be of this type ("application/json")? Without an Accept it may. */
bool http_accepts(const struct http_request *rq, const char *type);

/* Answer, once. Takes the body's bytes (b may be NULL: empty) and leaves it empty. */
void http_reply(struct http_request **rq_take, int status, const char *content_type, struct buf *b);
/* Before http_reply: add a header. A value with control characters is dropped. */
void http_reply_header(struct http_request *rq, const char *name, const char *value);
/* The same bytes for many answers without a copy: freed by unref when the last was sent. */
void http_reply_shared(struct http_request **rq_take, int status, const char *content_type, const void *p, size_t n,
	void (*unref)(void *owner), void *owner);

/* Called at most once if the client leaves before the reply (looked at every few seconds); the request
 * must then still be answered by http_reply, which drops the answer. NULL removes. */
void http_on_gone(struct http_request *rq, void (*fn)(void *ctx), void *ctx);

/* {"code":…,"message":…} as Java's services write errors. */
void http_reply_error(struct http_request **rq_take, int status, const char *message);

#endif
