/*
 * admin.c - ping and healthcheck
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/admin.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

struct admin {
	struct admin_options opt;
	struct router *router;
};

static void not_kept(struct http_request *rq)
{
	http_reply_header(rq, "Cache-Control", "must-revalidate,no-cache,no-store");
}

static void on_ping(struct http_request *rq, void *app)
{
	AUTO(buf_release) struct buf body = BUF_INIT;

	(void)app;
	buf_str(&body, "pong\n");
	not_kept(rq);
	http_reply(&rq, 200, "text/plain", &body);
}

static void on_healthcheck(struct http_request *rq, void *app)
{
	struct admin *a = app;
	AUTO(buf_release) struct buf body = BUF_INIT;
	struct admin_check checks[ADMIN_CHECKS_MAX];
	size_t n = a->opt.look(a->opt.ctx, checks);
	bool healthy = true;

	ASSERT(n <= ADMIN_CHECKS_MAX);
	buf_char(&body, '{');
	for (size_t i = 0; i < n; i++) {
		healthy &= checks[i].healthy;
		buf_printf(&body, "%s\"%s\":{\"healthy\":%s", i > 0 ? "," : "", checks[i].name,
			checks[i].healthy ? "true" : "false");
		if (checks[i].message) {
			buf_str(&body, ",\"message\":");
			buf_json_string(&body, checks[i].message, strlen(checks[i].message));
		}
		buf_char(&body, '}');
	}
	buf_char(&body, '}');
	not_kept(rq);
	http_reply(&rq, healthy ? 200 : 500, "application/json", &body);
}

static const struct route routes[] = {
	{ "GET", "/ping", on_ping, ROLE_OPEN, 0, "does it answer?" },
	{ "GET", "/healthcheck", on_healthcheck, ROLE_OPEN, 0, "is it well? 200, or 500" },
};

struct admin *admin_new(const struct admin_options *opt)
{
	struct admin *a = xcalloc(1, sizeof(*a));
	const struct router_options ro = { .context_path = opt->context_path, .routes = routes,
		.n_routes = ARRAY_LEN(routes), .app = a, .metrics = opt->metrics };

	a->opt = *opt;
	a->opt.context_path = NULL; /* the router has a copy */
	a->router = router_new(&ro);
	return a;
}

void admin_free(struct admin **ap)
{
	struct admin *a = STEAL(*ap);

	if (!a)
		return;
	router_free(&a->router);
	free(a);
}

struct router *admin_router(struct admin *a)
{
	return a->router;
}
