/*
 * server.h - an HTTP listener over libmicrohttpd, driven by the loop (external epoll)
 *
 * Reads whole requests within limits, then gives them to the router. Clients that are slow or idle
 * are cut by their total time, not only by idleness.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_SERVER_H
#define LIB_HTTP_SERVER_H

#include "lib/http/router.h"
#include "lib/loop/loop.h"

/* PEM texts, borrowed as long as the server lives. */
struct server_tls {
	const char *certificate, *key; /* NULL: plain HTTP */
	const char *client_ca;         /* NULL: clients show no certificate */
};
struct server_options {
	const char *bind_host; /* NULL = all addresses, IPv6 included where there is any */
	int port;              /* 0 = any free one, see server_port */
	int max_connections;   /* 0 = 4096; fewer if the process may not open as many files */
	int max_per_address;   /* 0 = half of them; further ones are closed at once */
	int64_t idle_timeout_ms;    /* kept-alive and silent; 0 = 30 s */
	int64_t request_timeout_ms; /* from the first byte to the last of one request; 0 = 30 s */
	struct server_tls tls;
	/* A TLS connection ended before it was one; at most one call a second, `more` counts those in between.
	 * No calls into the server from here. */
	void (*refused)(void *ctx, const char *peer, const char *why, unsigned more);
	void *ctx;
};
struct server;
int server_new(struct loop *l, const struct server_options *opt, struct router *router, struct server **s_out,
	struct error *err) MUST_CHECK;
int server_port(const struct server *s);
void server_drain(struct server *s, void (*drained)(void *ctx), void *ctx); /* no new ones; Connection: close */
void server_free(struct server **s); /* requests still open are answered 503 and forgotten */

#endif
