/*
 * http.c - one request: what was asked, what is answered, and the in-process carrier
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/str.h"
#include "lib/http/http_internal.h"
#include "lib/http/query.h"
#include "lib/http/router.h"

struct http_request *http_request_new(const struct http_carrier *carrier, void *exchange,
	const char *method, const char *target, const char *peer)
{
	struct arena *arena = arena_new();
	struct http_request *rq = arena_alloc(arena, sizeof(*rq));
	size_t path_len = strcspn(target, "?");

	rq->arena = arena;
	rq->carrier = carrier;
	rq->exchange = exchange;
	rq->method = arena_strdup(arena, method);
	rq->path = arena_strndup(arena, target, path_len);
	rq->query = target[path_len] ? arena_strdup(arena, target + path_len + 1) : NULL;
	rq->peer = arena_strdup(arena, peer);
	rq->body = (struct slice){ "", 0 };
	return rq;
}

void http_request_add(struct http_request *rq, struct http_pair **list, const char *name,
	const char *value)
{
	struct http_pair *pair = arena_alloc(rq->arena, sizeof(*pair));

	pair->name = arena_strdup(rq->arena, name);
	pair->value = arena_strdup(rq->arena, value);
	while (*list)
		list = &(*list)->next;
	*list = pair;
}

void http_request_take_body(struct http_request *rq, struct buf *body)
{
	size_t n;

	free(rq->body_owned);
	rq->body_owned = buf_steal(body, &n);
	rq->body = (struct slice){ rq->body_owned, n };
}

void http_request_detach(struct http_request *rq)
{
	rq->carrier = NULL;
	rq->exchange = NULL;
	rq->gone = NULL;
	http_metered(rq, 0); /* it may outlive who counts */
	rq->metrics = NULL;
}

void http_request_tell_gone(struct http_request *rq)
{
	void (*gone)(void *) = STEAL(rq->gone);

	rq->left = true;
	if (gone)
		gone(rq->gone_ctx);
}

static void request_free(struct http_request *rq)
{
	struct arena *arena = rq->arena;

	free(rq->body_owned);
	arena_free(&arena);
}

void http_request_drop(struct http_request **rq_take)
{
	request_free(STEAL(*rq_take));
}

const char *http_method(const struct http_request *rq)
{
	return rq->method;
}

const char *http_path(const struct http_request *rq)
{
	return rq->path;
}

const char *http_peer(const struct http_request *rq)
{
	return rq->peer;
}

struct slice http_body(const struct http_request *rq)
{
	return rq->body;
}

const char *http_param(const struct http_request *rq, const char *name)
{
	for (const struct http_pair *p = rq->params; p; p = p->next)
		if (str_eq(p->name, name))
			return p->value;
	return NULL;
}

const char *http_header(const struct http_request *rq, const char *name)
{
	for (const struct http_pair *p = rq->headers; p; p = p->next)
		if (strcasecmp(p->name, name) == 0)
			return p->value;
	return NULL;
}

const char *http_query(const struct http_request *rq, const char *name)
{
	AUTO(buf_release) struct buf value = BUF_INIT;

	if (!query_get(rq->query, name, &value))
		return NULL;
	return arena_strdup(rq->arena, buf_cstr(&value));
}

const char *http_key(const struct http_request *rq)
{
	static const char scheme[] = "Bearer ";
	const char *key = http_query(rq, "authkey"), *h;

	if (key)
		return key;
	h = http_header(rq, "Authorization");
	if (!h || strncasecmp(h, scheme, strlen(scheme)) != 0)
		return NULL;
	h += strlen(scheme);
	return h + strspn(h, " ");
}

bool http_sends_json(const struct http_request *rq)
{
	static const char json[] = "application/json";
	const char *type = http_header(rq, "Content-Type");
	size_t n;

	if (!type)
		return rq->body.n == 0;
	type += strspn(type, " \t");
	n = strcspn(type, "; \t");
	return n == strlen(json) && strncasecmp(type, json, n) == 0;
}

bool http_accepts(const struct http_request *rq, const char *type)
{
	const char *accept = http_header(rq, "Accept");
	size_t family = strcspn(type, "/") + 1;
	AUTO(xfree_p) char *any = xasprintf("%.*s*", (int)family, type);

	return !accept || strcasestr(accept, "*/*") || strcasestr(accept, type) || strcasestr(accept, any);
}

const char *http_pattern(const struct http_request *rq)
{
	return rq->route ? rq->route->pattern : "";
}

void http_on_gone(struct http_request *rq, void (*fn)(void *ctx), void *ctx)
{
	rq->gone = rq->carrier ? fn : NULL;
	rq->gone_ctx = ctx;
}

static bool header_is_clean(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

void http_reply_header(struct http_request *rq, const char *name, const char *value)
{
	if (header_is_clean(name) && header_is_clean(value))
		http_request_add(rq, &rq->reply_headers, name, value);
}

void http_payload_release(struct http_payload *pl)
{
	if (pl->unref)
		pl->unref(pl->owner);
	pl->unref = NULL;
}

static void reply(struct http_request **rq_take, struct http_payload *pl)
{
	struct http_request *rq = STEAL(*rq_take);

	ASSERT(rq && pl->status >= 200 && pl->status <= 599);
	pl->headers = rq->reply_headers;
	rq->gone = NULL;
	http_metered(rq, pl->status);
	if (rq->carrier)
		rq->carrier->reply(rq, pl);
	else
		http_payload_release(pl);
	request_free(rq);
}

void http_reply(struct http_request **rq_take, int status, const char *content_type, struct buf *b)
{
	struct http_payload pl = { .status = status, .content_type = content_type, .p = "" };

	ASSERT(!b || !b->overflow);
	if (b && b->len > 0) {
		pl.owner = buf_steal(b, &pl.n);
		pl.p = pl.owner;
		pl.unref = free;
	}
	reply(rq_take, &pl);
}

void http_reply_shared(struct http_request **rq_take, int status, const char *content_type,
	const void *p, size_t n, void (*unref)(void *owner), void *owner)
{
	struct http_payload pl = { .status = status, .content_type = content_type, .p = p, .n = n,
		.unref = unref, .owner = owner };

	reply(rq_take, &pl);
}

void http_error_body(struct buf *b, int status, const char *message)
{
	buf_printf(b, "{\"code\":%d,\"message\":", status);
	buf_json_string(b, message, strlen(message));
	buf_char(b, '}');
}

void http_reply_error(struct http_request **rq_take, int status, const char *message)
{
	AUTO(buf_release) struct buf b = BUF_INIT;

	http_error_body(&b, status, message);
	http_reply(rq_take, status, "application/json", &b);
}

struct local {
	void (*done)(void *ctx, const struct http_answer *a);
	void *ctx;
};

static void local_reply(struct http_request *rq, struct http_payload *pl)
{
	struct local *local = rq->exchange;
	AUTO(buf_release) struct buf headers = BUF_INIT;
	struct http_answer a = { .status = pl->status, .content_type = pl->content_type };

	for (const struct http_pair *p = pl->headers; p; p = p->next)
		buf_printf(&headers, "%s: %s\n", p->name, p->value);
	a.headers = buf_cstr(&headers);
	a.body = str_eq(rq->method, "HEAD") ? (struct slice){ "", 0 } :
					      (struct slice){ pl->p, pl->n };
	local->done(local->ctx, &a);
	http_payload_release(pl);
}

static const struct http_carrier local_carrier = { local_reply };

struct http_request *http_request_local(const char *method, const char *path,
	const char *content_type, struct slice body,
	void (*done)(void *ctx, const struct http_answer *a), void *ctx)
{
	struct http_request *rq =
		http_request_new(&local_carrier, NULL, method, path, "in-process");
	struct local *local = arena_alloc(rq->arena, sizeof(*local));
	AUTO(buf_release) struct buf copy = BUF_INIT;

	local->done = done;
	local->ctx = ctx;
	rq->exchange = local;
	if (content_type)
		http_request_add(rq, &rq->headers, "Content-Type", content_type);
	buf_append(&copy, body.p, body.n);
	http_request_take_body(rq, &copy);
	return rq;
}

void http_request_local_header(struct http_request *rq, const char *name, const char *value)
{
	http_request_add(rq, &rq->headers, name, value);
}
