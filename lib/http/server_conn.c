/*
 * server_conn.c - one request on its way through libmicrohttpd
 *
 * libmicrohttpd calls with the request line, then with the headers, then with pieces of the body,
 * then once more when all is there, and again after a resume.  It is lenient where a proxy in front
 * may read the same bytes differently; what it lets through is refused here.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/server_internal.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define TARGET_MAX 8192
#define HEADERS_MAX 16384
/* A body that is too large is read to its end and thrown away, so that the client reads our 413
 * instead of a reset; beyond this it is cut. */
#define DISCARD_MAX ((size_t)64 * 1024 * 1024)
#define SLOWEST_READER 65536 /* bytes/s of an answer */
#define DRAIN_IDLE_MS 300

static void peer_text(struct MHD_Connection *mhd, char *out, size_t size)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *addr = info ? info->client_addr : NULL;
	const void *ip = NULL;

	out[0] = '\0';
	if (addr && addr->sa_family == AF_INET)
		ip = &((const struct sockaddr_in *)(const void *)addr)->sin_addr;
	else if (addr && addr->sa_family == AF_INET6)
		ip = &((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
	if (!ip || !inet_ntop(addr->sa_family, ip, out, (socklen_t)size))
		out[0] = '\0';
	if (str_starts(out, "::ffff:") && strchr(out, '.'))
		memmove(out, out + 7, strlen(out + 7) + 1);
}

/* Silence is libmicrohttpd's to notice; a drip of bytes is not: hence the total. */
static void conn_set_idle(struct conn *conn)
{
	struct server *s = conn->s;
	int64_t ms = s->draining ? DRAIN_IDLE_MS :
				   s->opt.idle_timeout_ms + s->opt.request_timeout_ms;

	conn->state = CONN_IDLE;
	conn->deadline = loop_now(s->l) + LOOP_MS(ms);
}

static void conn_reset(struct conn *conn)
{
	if (conn->rq && conn->state == CONN_BODY) /* cut while it was sent: nobody knows of it */
		http_request_drop(&conn->rq);
	else if (conn->rq)
		http_request_detach(STEAL(conn->rq));
	if (conn->response)
		MHD_destroy_response(STEAL(conn->response));
	free(STEAL(conn->target));
	buf_release(&conn->body);
	conn->too_large = false;
	conn->seen = 0;
	conn->line = NULL;
}

void server_on_connection(void *cls, struct MHD_Connection *mhd, void **socket_ctx,
	enum MHD_ConnectionNotificationCode what)
{
	struct server *s = cls;
	struct conn *conn = *socket_ctx;

	switch (what) {
	case MHD_CONNECTION_NOTIFY_STARTED:
		conn = *socket_ctx = xcalloc(1, sizeof(*conn));
		conn->s = s;
		conn->mhd = mhd;
		conn->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		peer_text(mhd, conn->peer, sizeof(conn->peer));
		server_tls_opened(conn);
		conn_set_idle(conn);
		DL_APPEND(s->conns, conn);
		server_conn_opened(s);
		break;
	case MHD_CONNECTION_NOTIFY_CLOSED:
		*socket_ctx = NULL;
		conn_reset(conn);
		server_tls_closed(conn);
		DL_DELETE(s->conns, conn);
		free(conn);
		server_conn_closed(s);
		break;
	}
}

void conn_cut(struct conn *conn)
{
	conn->deadline = INT64_MAX;
	shutdown(conn->fd, SHUT_RDWR); /* libmicrohttpd owns the fd and sees the end of it */
}

void *server_on_line(void *cls, const char *line, struct MHD_Connection *mhd)
{
	struct conn *conn = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
				    ->socket_context;

	(void)cls;
	conn_reset(conn);
	conn->state = CONN_HEAD;
	conn->deadline = loop_now(conn->s->l) + LOOP_MS(conn->s->opt.request_timeout_ms);
	conn->line = line;
	conn->target = xstrdup(line);
	return conn;
}

/* The router decodes, segment by segment. */
size_t server_keep_escapes(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls;
	(void)mhd;
	return strlen(s);
}

void server_on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
	enum MHD_RequestTerminationCode why)
{
	struct conn *conn = *con_cls;

	(void)cls;
	(void)mhd;
	(void)why;
	*con_cls = NULL;
	if (!conn)
		return;
	conn_reset(conn);
	conn_set_idle(conn);
}

static void conn_respond(struct conn *conn, struct http_payload *pl)
{
	struct MHD_Response *response;
	union {
		const void *in;
		void *out;
	} bytes = { .in = pl->p }; /* the library takes no const, and does not write */

	if (pl->unref)
		response = MHD_create_response_from_buffer_with_free_callback_cls(
			pl->n, bytes.out, pl->unref, pl->owner);
	else
		response = MHD_create_response_from_buffer(pl->n, bytes.out, MHD_RESPMEM_PERSISTENT);
	ASSERT(response && !conn->response);
	pl->unref = NULL;
	if (pl->content_type)
		MHD_add_response_header(response, "Content-Type", pl->content_type);
	for (const struct http_pair *p = pl->headers; p; p = p->next)
		MHD_add_response_header(response, p->name, p->value);
	if (conn->s->draining || conn->s->closing)
		MHD_add_response_header(response, "Connection", "close");
	conn->response = response;
	conn->response_size = pl->n;
	conn->status = (unsigned)pl->status;
}

static void conn_resume(struct conn *conn)
{
	MHD_resume_connection(conn->mhd);
	conn->s->kick = true;
}

/* From the handler: inside server_on_request(), or in any later turn. */
static void carrier_reply(struct http_request *rq, struct http_payload *pl)
{
	struct conn *conn = rq->exchange;

	conn->rq = NULL;
	conn_respond(conn, pl);
	if (conn->state == CONN_SUSPENDED)
		conn_resume(conn);
}

static const struct http_carrier carrier = { carrier_reply };

void conn_give_up(struct conn *conn)
{
	struct http_request *rq = conn->rq;
	AUTO(buf_release) struct buf b = BUF_INIT;
	struct http_payload pl = { .status = 503, .content_type = "application/json" };

	if (!rq)
		return;
	conn->rq = NULL;
	http_request_detach(rq);
	http_error_body(&b, 503, "HTTP 503 Service Unavailable");
	pl.owner = buf_steal(&b, &pl.n);
	pl.p = pl.owner;
	pl.unref = free;
	conn_respond(conn, &pl);
	conn_resume(conn);
}

static enum MHD_Result conn_queue(struct conn *conn)
{
	struct server *s = conn->s;
	struct MHD_Response *response = STEAL(conn->response);
	enum MHD_Result rc = MHD_queue_response(conn->mhd, conn->status, response);

	MHD_destroy_response(response); /* the connection has its own reference */
	conn->state = CONN_ANSWERED;
	conn->deadline = loop_now(s->l) + LOOP_MS(s->opt.request_timeout_ms) +
			 (int64_t)(conn->response_size / SLOWEST_READER) * LOOP_MS(1000);
	return rc;
}

static enum MHD_Result add_header(void *ctx, enum MHD_ValueKind kind, const char *name,
	const char *value)
{
	struct http_request *rq = ctx;

	(void)kind;
	http_request_add(rq, &rq->headers, name, value ? value : "");
	return MHD_YES;
}

static struct http_request *conn_request(struct conn *conn, const char *method)
{
	struct http_request *rq =
		http_request_new(&carrier, conn, method, conn->target, conn->peer);

	router_meter(conn->s->router, rq);
	MHD_get_connection_values(conn->mhd, MHD_HEADER_KIND, add_header, rq);
	return rq;
}

/* What decides about the request's end and target must be there once. */
struct framing {
	unsigned hosts, lengths, encodings;
	bool chunked;
	int64_t length; /* -1: not a number */
};

static enum MHD_Result count_framing(void *ctx, enum MHD_ValueKind kind, const char *name,
	const char *value)
{
	struct framing *f = ctx;

	(void)kind;
	if (strcasecmp(name, "Host") == 0) {
		f->hosts++;
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		f->encodings++;
		f->chunked = value && strcasecmp(value, "chunked") == 0;
	} else if (strcasecmp(name, "Content-Length") == 0) {
		f->lengths++;
		if (!value || !str_to_i64(value, 0, INT64_MAX, &f->length))
			f->length = -1;
	}
	return MHD_YES;
}

static bool framing_is_sound(const struct framing *f, const char *version)
{
	if (f->encodings > 1 || f->lengths > 1 || f->hosts > 1 || f->length < 0)
		return false;
	if (f->encodings == 1 && (f->lengths > 0 || !f->chunked))
		return false;
	return f->hosts == 1 || !str_eq(version, "HTTP/1.1");
}

/* 0, or the status that refuses a request by its head. */
static int check_head(struct conn *conn, const char *version, const struct framing *f)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(conn->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
	size_t n = strlen(conn->target);

	if (conn->s->closing)
		return 503;
	if (n > TARGET_MAX)
		return 414;
	if (info && info->header_size > HEADERS_MAX)
		return 431;
	/* The version follows the target, one byte behind it, unless a NUL hides the rest. */
	if (version != conn->line + n + 1 || !str_starts(version, "HTTP/1."))
		return 400;
	return framing_is_sound(f, version) ? 0 : 400;
}

static const char *status_text(int status)
{
	switch (status) {
	case 400:
		return "HTTP 400 Bad Request";
	case 414:
		return "HTTP 414 URI Too Long";
	case 431:
		return "HTTP 431 Request Header Fields Too Large";
	default:
		return "HTTP 503 Service Unavailable";
	}
}

static enum MHD_Result on_head(struct conn *conn, const char *method, const char *version)
{
	struct framing f = { 0 };
	struct http_request *rq;
	int status;
	bool hopeless;

	MHD_get_connection_values(conn->mhd, MHD_HEADER_KIND, count_framing, &f);
	status = check_head(conn, version, &f);
	if (status != 0) {
		rq = conn_request(conn, method);
		http_reply_header(rq, "Connection", "close");
		http_reply_error(&rq, status, status_text(status));
		return conn_queue(conn);
	}
	rq = conn_request(conn, method);
	if (conn->tls_why) {
		conn->state = CONN_BODY;
		conn->rq = rq;
		return MHD_YES;
	}
	conn->body_max = route_body_max(router_find(conn->s->router, rq));
	conn->too_large = (uint64_t)f.length > conn->body_max;
	hopeless = conn->too_large && ((uint64_t)f.length > conn->body_max + DISCARD_MAX ||
					      http_header(rq, "Expect"));
	if (hopeless) {
		http_reply_header(rq, "Connection", "close");
		http_reply_too_large(&rq, conn->body_max);
		return conn_queue(conn);
	}
	conn->state = CONN_BODY;
	conn->rq = rq;
	return MHD_YES;
}

static enum MHD_Result on_body(struct conn *conn, const char *p, size_t *n)
{
	conn->too_large = conn->too_large || conn->body.len + *n > conn->body_max;
	if (!conn->too_large)
		buf_append(&conn->body, p, *n);
	else
		buf_clear(&conn->body);
	conn->seen += *n;
	if (conn->seen > conn->body_max + DISCARD_MAX)
		return MHD_NO;
	*n = 0;
	return MHD_YES;
}

static enum MHD_Result refuse_client(struct conn *conn)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	buf_printf(&text, "HTTP 403 Forbidden: client certificate: %s", conn->tls_why);
	http_reply_header(conn->rq, "Connection", "close");
	http_reply_error(&conn->rq, 403, buf_cstr(&text));
	return conn_queue(conn);
}

static enum MHD_Result on_complete(struct conn *conn)
{
	struct http_request *rq = conn->rq;

	conn->deadline = INT64_MAX; /* now it is the handler's time */
	conn->state = CONN_HANDLER;
	if (conn->tls_why)
		return refuse_client(conn);
	if (conn->too_large) {
		http_reply_too_large(&rq, conn->body_max);
		return conn_queue(conn);
	}
	http_request_take_body(rq, &conn->body);
	router_dispatch(conn->s->router, rq);
	if (conn->response)
		return conn_queue(conn);
	conn->state = CONN_SUSPENDED;
	MHD_suspend_connection(conn->mhd);
	return MHD_YES;
}

enum MHD_Result server_on_request(void *cls, struct MHD_Connection *mhd, const char *url,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **con_cls)
{
	struct conn *conn = *con_cls;

	(void)cls;
	(void)mhd;
	(void)url;
	switch (conn->state) {
	case CONN_HEAD:
		if (!server_tls_sound(conn))
			return MHD_NO;
		return on_head(conn, method, version);
	case CONN_BODY:
		if (*upload_size > 0)
			return on_body(conn, upload, upload_size);
		return on_complete(conn);
	case CONN_SUSPENDED:
		if (conn->response)
			return conn_queue(conn);
		MHD_suspend_connection(mhd);
		return MHD_YES;
	case CONN_IDLE:
	case CONN_HANDLER:
	case CONN_ANSWERED:
		break;
	}
	return MHD_NO;
}
