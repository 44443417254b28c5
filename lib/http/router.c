/*
 * router.c - finds the row for a method and a path
 *
 * The best pattern is chosen first, the method second, as JAX-RS does: a literal row without the
 * method answers 405 even if a row with a parameter has it.  Behaviour at the edges is that of the
 * Java services: one trailing slash is ignored, ";matrix" is cut off, HEAD is GET, OPTIONS lists.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/router.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/http/cors.h"
#include "lib/http/gzip.h"
#include "lib/http/http_internal.h"
#include "lib/http/query.h"

#define SEGMENTS_MAX 24
#define UNWANTED_BODY_MAX ((size_t)64 * 1024)

struct row {
	const struct route *route;
	size_t n;
	bool rest;                       /* the last one takes what follows too */
	const char *names[SEGMENTS_MAX]; /* literal text, or the parameter's name */
	size_t lens[SEGMENTS_MAX];
	uint32_t literals;               /* bit 31 = first segment; more at the front = better */
};

struct router {
	struct router_options opt;
	struct arena *arena;
	struct row *rows;
	struct route_meter *meters; /* of each row */
};

/* A request's path below the context, decoded. */
struct path {
	struct slice *segments; /* with a NUL behind each */
	size_t n;
};
enum path_kind { PATH_OK, PATH_UNKNOWN, PATH_BAD, PATH_IS_CONTEXT };

/* The pattern that wins, and of its rows the one with the method, if any. */
struct match {
	enum path_kind kind;
	const struct row *pattern, *row;
	struct path path;
};

static void compile_row(struct router *r, struct row *row, const struct route *route)
{
	const char *s = route->pattern;

	row->route = route;
	while (*s == '/' && s[1]) {
		size_t n = strcspn(s + 1, "/");
		bool param = s[1] == '{';

		ASSERT(n > 0 && row->n < SEGMENTS_MAX && !row->rest && (!param || (n > 2 && s[n] == '}')));
		row->rest = param && n > 5 && strncmp(s + n - 3, "...", 3) == 0;
		if (!param)
			row->literals |= UINT32_C(1) << (31 - row->n);
		row->names[row->n++] = param ? arena_strndup(r->arena, s + 2, n - (row->rest ? 5 : 2)) :
					       arena_strndup(r->arena, s + 1, n);
		row->lens[row->n - 1] = strlen(row->names[row->n - 1]);
		s += n + 1;
	}
}

struct router *router_new(const struct router_options *opt)
{
	struct router *r = xcalloc(1, sizeof(*r));

	r->opt = *opt;
	r->arena = arena_new();
	r->opt.context_path = arena_strdup(r->arena, opt->context_path ? opt->context_path : "");
	r->rows = xcalloc(opt->n_routes + 1, sizeof(*r->rows));
	r->meters = xcalloc(opt->n_routes + 1, sizeof(*r->meters));
	for (size_t i = 0; i < opt->n_routes; i++)
		compile_row(r, &r->rows[i], &opt->routes[i]);
	return r;
}

void router_free(struct router **r_take)
{
	struct router *r = STEAL(*r_take);

	if (!r)
		return;
	arena_free(&r->arena);
	free(r->rows);
	free(r->meters);
	free(r);
}

/* NULL: it is no text. */
static const char *decode(struct arena *a, const char *s, size_t n)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (memchr(s, '%', n) == NULL)
		return utf8_valid(s, n) ? arena_strndup(a, s, n) : NULL;
	return percent_decode(&text, s, n, false) ? arena_strdup(a, buf_cstr(&text)) : NULL;
}

static enum path_kind path_add(struct path *p, struct arena *a, const char *s, size_t n)
{
	const char *matrix = memchr(s, ';', n);

	if (p->n == SEGMENTS_MAX)
		return PATH_UNKNOWN;
	s = decode(a, s, matrix ? (size_t)(matrix - s) : n);
	if (!s)
		return PATH_BAD;
	p->segments[p->n++] = (struct slice){ s, strlen(s) };
	return s[0] == '\0' || str_eq(s, ".") || str_eq(s, "..") ? PATH_UNKNOWN : PATH_OK;
}

static enum path_kind path_split(const struct router *r, const char *s, struct arena *a, struct path *p)
{
	size_t context = strlen(r->opt.context_path);
	enum path_kind kind = PATH_OK, worst = PATH_OK;

	if (strncmp(s, r->opt.context_path, context) != 0)
		return PATH_UNKNOWN;
	s += context;
	if (*s == '\0' && context > 0)
		return PATH_IS_CONTEXT;
	if (*s != '/')
		return PATH_UNKNOWN;
	while (*s == '/' && s[1]) {
		size_t n = strcspn(s + 1, "/");

		kind = path_add(p, a, s + 1, n);
		if (kind == PATH_BAD)
			return PATH_BAD;
		if (kind != PATH_OK)
			worst = kind;
		s += n + 1;
	}
	return worst;
}

static bool row_matches(const struct row *row, const struct path *p)
{
	if (row->rest ? row->n > p->n : row->n != p->n)
		return false;
	for (size_t i = 0; i < row->n; i++)
		if ((row->literals >> (31 - i) & 1) && (row->lens[i] != p->segments[i].n ||
							       memcmp(row->names[i], p->segments[i].p, row->lens[i]) != 0))
			return false;
	return true;
}

static void find(const struct router *r, const char *method, struct match *m)
{
	const char *also = str_eq(method, "HEAD") ? "GET" : method;

	for (size_t i = 0; i < r->opt.n_routes; i++) {
		const struct row *row = &r->rows[i];

		if (!row_matches(row, &m->path) || (m->pattern && row->literals < m->pattern->literals))
			continue;
		if (!m->pattern || row->literals > m->pattern->literals) {
			m->pattern = row;
			m->row = NULL;
		}
		if (str_eq(row->route->method, method) || (!m->row && str_eq(row->route->method, also)))
			m->row = row;
	}
}

/* Is it the context of this router, or below it? */
static bool is_below(const struct router *r, const char *path)
{
	size_t n = strlen(r->opt.context_path);

	return strncmp(path, r->opt.context_path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static size_t count(const char *s, char c)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static const struct match *match(const struct router *r, struct http_request *rq)
{
	struct match *m = arena_alloc(rq->arena, sizeof(*m));
	size_t max = count(rq->path, '/');

	m->path.segments = arena_alloc(rq->arena, (max < SEGMENTS_MAX ? max : SEGMENTS_MAX) * sizeof(*m->path.segments));
	m->kind = path_split(r, rq->path, rq->arena, &m->path);
	if (m->kind == PATH_OK)
		find(r, rq->method, m);
	rq->match = m;
	return m;
}

const struct route *router_find(const struct router *r, struct http_request *rq)
{
	const struct match *m;

	if (r->opt.beside && is_below(r->opt.beside, rq->path))
		return router_find(r->opt.beside, rq);
	m = match(r, rq);
	return m->row ? m->row->route : NULL;
}

/* "GET,DELETE,OPTIONS": the methods of a pattern, each once. */
static void list_methods(const struct router *r, const struct match *m, const char *separator, struct buf *out)
{
	for (size_t i = 0; i < r->opt.n_routes; i++) {
		const struct row *row = &r->rows[i];

		if (row->literals != m->pattern->literals || !row_matches(row, &m->path))
			continue;
		buf_str(out, row->route->method);
		buf_str(out, separator);
	}
	buf_str(out, "OPTIONS");
}

static void reply_other_method(struct router *r, struct http_request *rq, const struct match *m)
{
	struct match get = { .path = m->path };
	AUTO(buf_release) struct buf allow = BUF_INIT;
	AUTO(buf_release) struct buf body = BUF_INIT;
	bool options = str_eq(rq->method, "OPTIONS");

	find(r, "GET", &get);
	if (options && get.row)
		buf_str(&allow, "HEAD,");
	list_methods(r, m, ",", &allow);
	http_reply_header(rq, "Allow", buf_cstr(&allow));
	if (!options) {
		http_reply_error(&rq, 405, "HTTP 405 Method Not Allowed");
		return;
	}
	list_methods(r, m, ", ", &body);
	http_reply(&rq, 200, "text/plain", &body);
}

static void reply_no_path(struct router *r, struct http_request *rq, enum path_kind kind)
{
	switch (kind) {
	case PATH_BAD:
		http_reply_error(&rq, 400, "HTTP 400 Bad Request");
		break;
	case PATH_IS_CONTEXT: {
		AUTO(xfree_p) char *location = xasprintf("%s/", r->opt.context_path);

		http_reply_header(rq, "Location", location);
		http_reply(&rq, 302, NULL, NULL);
		break;
	}
	case PATH_UNKNOWN:
	case PATH_OK:
		http_reply_error(&rq, 404, "HTTP 404 Not Found");
		break;
	}
}

void router_meter(const struct router *r, struct http_request *rq)
{
	http_meter(rq, r->opt.metrics);
}

size_t route_body_max(const struct route *route)
{
	return route && route->body_limit > 0 ? route->body_limit : UNWANTED_BODY_MAX;
}

void http_reply_too_large(struct http_request **rq_take, size_t limit)
{
	AUTO(xfree_p) char *text = xasprintf("request body is larger than %zu bytes", limit);

	http_reply_error(rq_take, 413, text);
}

static void add_param(struct http_request *rq, const struct path *p, const struct row *row, size_t i)
{
	AUTO(buf_release) struct buf rest = BUF_INIT;

	if (!row->rest || i + 1 < row->n) {
		http_request_add(rq, &rq->params, row->names[i], p->segments[i].p);
		return;
	}
	buf_str(&rest, p->segments[i].p);
	for (size_t k = i + 1; k < p->n; k++)
		buf_printf(&rest, "/%s", p->segments[k].p);
	http_request_add(rq, &rq->params, row->names[i], buf_cstr(&rest));
}

/* A handler gets what is in a compressed body, within the same limit. False: answered. */
static bool unpack_body(struct http_request **rq, const struct route *route)
{
	const char *coding = http_header(*rq, "Content-Encoding");
	AUTO(buf_release) struct buf body = BUF_INIT;
	int rc;

	if (coding == NULL || (*rq)->body.n == 0 || strcasecmp(coding, "identity") == 0)
		return true;
	if (strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "deflate") != 0) {
		http_reply_error(rq, 415, "Content-Encoding: only gzip and deflate are understood");
		return false;
	}
	rc = gzip_unpack((*rq)->body.p, (*rq)->body.n, route_body_max(route), &body);
	if (rc == ERR_REFUSED)
		http_reply_too_large(rq, route_body_max(route));
	else if (rc != 0)
		http_reply_error(rq, 400, "the body is not what Content-Encoding says");
	else
		http_request_take_body(*rq, &body);
	return rc == 0;
}

static void call_route(struct router *r, struct http_request *rq, const struct path *p,
	const struct row *row)
{
	const struct route *route = row->route;

	rq->route = route;
	rq->meter = &r->meters[row - r->rows];
	for (size_t i = 0; i < row->n; i++)
		if (!(row->literals >> (31 - i) & 1))
			add_param(rq, p, row, i);
	if (rq->body.n > route_body_max(route)) {
		http_reply_too_large(&rq, route_body_max(route));
		return;
	}
	if (route->body_limit == 0)
		rq->body = (struct slice){ "", 0 };
	if ((!r->opt.enter || r->opt.enter(&rq, route, r->opt.app)) && unpack_body(&rq, route))
		route->handle(rq, r->opt.app);
}

void router_dispatch(struct router *r, struct http_request *rq)
{
	const struct match *m;

	if (r->opt.beside && is_below(r->opt.beside, rq->path)) {
		router_dispatch(r->opt.beside, rq);
		return;
	}
	router_meter(r, rq);
	m = rq->match ? rq->match : match(r, rq);
	if (r->opt.cors && is_below(r, rq->path))
		cors_add(rq);
	if (m->row)
		call_route(r, rq, &m->path, m->row);
	else if (m->pattern)
		reply_other_method(r, rq, m);
	else
		reply_no_path(r, rq, m->kind);
}
