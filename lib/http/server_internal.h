/*
 * server_internal.h - the listener and its connections
 *
 * server.c owns the daemon, time and the end of things; server_conn.c follows one request through
 * libmicrohttpd's callbacks; server_tls.c knows what is different with TLS.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_SERVER_INTERNAL_H
#define LIB_HTTP_SERVER_INTERNAL_H

#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "lib/base/buf.h"
#include "lib/http/http_internal.h"
#include "lib/http/server.h"

enum conn_state {
	CONN_IDLE,      /* no request line yet */
	CONN_HEAD,      /* the line is there, not yet all headers */
	CONN_BODY,      /* collecting, or throwing away what is too large */
	CONN_HANDLER,   /* inside the router's call */
	CONN_SUSPENDED, /* the handler will reply in a later turn */
	CONN_ANSWERED,  /* the answer is libmicrohttpd's to send */
};

enum tls_stage {
	TLS_NONE,  /* plain HTTP */
	TLS_OPEN,  /* nothing that is TLS has come */
	TLS_HELLO, /* a ClientHello */
	TLS_DONE,
};

/* One connection and the request on it: HTTP/1 has only one at a time. */
struct conn {
	struct server *s;
	struct MHD_Connection *mhd;
	int fd; /* libmicrohttpd's */
	char peer[64];
	enum conn_state state;
	int64_t deadline; /* absolute; the client is cut then */
	const char *line; /* libmicrohttpd's copy of the target: compared, never read later */
	char *target;
	struct buf body;
	size_t body_max, seen; /* seen: bytes of the body so far, kept or not */
	bool too_large;
	struct http_request *rq; /* being read, or with the handler */
	struct MHD_Response *response;
	unsigned status;
	size_t response_size;
	enum tls_stage tls;
	char *tls_why; /* what is wrong with the client's certificate: nothing is done for it */
	struct conn *prev, *next;
};

struct server {
	struct loop *l;
	struct router *router;
	struct server_options opt;
	struct MHD_Daemon *daemon;
	int port;
	struct loop_source source;
	struct loop_timer sweep, drain;
	int64_t sweep_us;
	struct conn *conns;
	size_t n_conns, peak; /* peak: the most since memory was given back */
	bool kick;    /* something was resumed: run the daemon at once */
	bool closing; /* answer 503 */
	bool draining;
	int64_t told_at;  /* when `refused` was called last; 0 = never */
	unsigned untold;  /* since then */
	void (*drained)(void *ctx);
	void *drained_ctx;
};

/* Callbacks of libmicrohttpd. */
void server_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_ctx,
	enum MHD_ConnectionNotificationCode what);
void *server_on_line(void *cls, const char *line, struct MHD_Connection *mhd);
enum MHD_Result server_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **con_cls);
void server_on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
	enum MHD_RequestTerminationCode why);
size_t server_keep_escapes(void *cls, struct MHD_Connection *mhd, char *s);

/* The handler will not be waited for any longer: answer 503 in its place. */
void conn_give_up(struct conn *conn);
void conn_cut(struct conn *conn);
/* server_tls.c. Adds to the options of the daemon; the list has room for SERVER_TLS_OPTIONS. */
#define SERVER_TLS_OPTIONS 5
unsigned server_tls_flags(const struct server_tls *tls);
void server_tls_options(const struct server_tls *tls, struct MHD_OptionItem *out);
void server_tls_opened(struct conn *conn);
void server_tls_closed(struct conn *conn);
bool server_tls_sound(const struct conn *conn); /* the handshake was complete */

/* A connection has gone; server.c looks whether a drain is complete. */
void server_conn_closed(struct server *s);
void server_conn_opened(struct server *s);

#endif
