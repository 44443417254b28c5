/*
 * server.c - the listener: its daemon, its clock and its end
 *
 * libmicrohttpd runs in external epoll mode (its internal loop hangs at exactly 128 ready events).
 * After a resume it is run at once and once more, else an answer waits for the next event.
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/server.h"

#include <errno.h>
#include <malloc.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/http/server_internal.h"

#define CONNECTION_MEMORY ((size_t)32 * 1024)
#define BACKLOG 1024
#define CROWD 256u /* connections */
#define ROUNDS_MAX 10 /* of the daemon in one turn */
#define SWEEP_MAX_US LOOP_MS(1000)
/* A crowd that came together is not cut in one turn: others are served in between. */
#define CUTS_MAX 256
#define BREATH_US LOOP_MS(5)

static int64_t on_deadline(void *ctx)
{
	struct server *s = ctx;
	MHD_UNSIGNED_LONG_LONG ms;

	if (s->kick)
		return 0;
	if (MHD_get_timeout(s->daemon, &ms) != MHD_YES)
		return INT64_MAX;
	return loop_now(s->l) + LOOP_MS(ms < 3600000 ? (int64_t)ms : 3600000);
}

static void on_run(void *ctx)
{
	struct server *s = ctx;
	int left = s->kick ? 2 : 1;

	for (int round = 0; left > 0 && round < ROUNDS_MAX; round++, left--) {
		s->kick = false;
		MHD_run(s->daemon);
		if (s->kick)
			left = 3; /* with the one just done */
	}
	s->kick = s->kick || left > 0;
}

/* Tell handlers whose client has left. A half-closed connection counts: what asks and then closes
 * its side is rare, what gave up is not. */
static void sweep_gone(struct server *s, size_t n)
{
	struct pollfd *fds = xcalloc(n, sizeof(*fds));
	struct conn **conns = xcalloc(n, sizeof(*conns)), *conn;
	size_t i = 0;

	DL_FOREACH(s->conns, conn)
	{
		if (conn->state != CONN_SUSPENDED || !conn->rq || !conn->rq->gone)
			continue;
		fds[i] = (struct pollfd){ .fd = conn->fd, .events = POLLRDHUP };
		conns[i++] = conn;
	}
	ASSERT(i == n);
	if (poll(fds, n, 0) > 0)
		for (i = 0; i < n; i++)
			/* An earlier one's function may have answered this one. */
			if (fds[i].revents && conns[i]->rq)
				http_request_tell_gone(conns[i]->rq);
	free(fds);
	free(conns);
}

static void on_sweep(void *ctx)
{
	struct server *s = ctx;
	struct conn *conn;
	size_t waiting = 0, cut = 0;

	DL_FOREACH(s->conns, conn)
	{
		waiting += conn->state == CONN_SUSPENDED && conn->rq && conn->rq->gone;
		if (conn->deadline <= loop_now(s->l) && cut < CUTS_MAX) {
			conn_cut(conn);
			cut++;
		}
	}
	if (s->conns)
		loop_timer_start(s->l, &s->sweep, cut < CUTS_MAX ? s->sweep_us : BREATH_US);
	if (waiting > 0)
		sweep_gone(s, waiting);
}

void server_conn_opened(struct server *s)
{
	s->n_conns++;
	if (s->n_conns > s->peak)
		s->peak = s->n_conns;
	if (!loop_timer_running(&s->sweep))
		loop_timer_start(s->l, &s->sweep, s->sweep_us);
}

void server_conn_closed(struct server *s)
{
	s->n_conns--;
	if (s->peak >= CROWD && s->n_conns < s->peak / 8) {
		s->peak = s->n_conns;
		malloc_trim(0); /* a crowd has left: its memory is the machine's again */
	}
	if (s->draining && !s->closing && !s->conns && s->drained)
		loop_timer_start(s->l, &s->drain, 0);
}

static void on_drained(void *ctx)
{
	struct server *s = ctx;
	void (*drained)(void *) = STEAL(s->drained);

	if (drained)
		drained(s->drained_ctx);
}

static int bind_one(const struct addrinfo *ai, int *fd_out)
{
	const int on = 1, off = 0;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), saved;

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) {
		*fd_out = fd;
		return 0;
	}
	saved = errno;
	close(fd);
	return saved;
}

static int bind_any(const struct server_options *opt, int *fd_out, struct error *err)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV };
	struct addrinfo *list, *ai;
	const int families[] = { AF_INET6, AF_INET }; /* without a host IPv6 takes IPv4 along */
	const char *host = opt->bind_host ? opt->bind_host : "*";
	char port[16];
	int rc, errnum = EADDRNOTAVAIL;

	snprintf(port, sizeof(port), "%d", opt->port);
	rc = getaddrinfo(opt->bind_host, port, &hints, &list);
	if (rc != 0)
		return error_set(err, ERR_INVALID, "bind address '%s': %s", host, gai_strerror(rc));
	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		for (ai = list; ai && errnum != 0; ai = ai->ai_next)
			if (ai->ai_family == families[i])
				errnum = bind_one(ai, fd_out);
	freeaddrinfo(list);
	return errnum == 0 ? 0 : error_errno(err, errnum, "listen on '%s' port %d", host, opt->port);
}

static int port_of(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	int rc = getsockname(fd, (struct sockaddr *)&addr, &len);

	ASSERT(rc == 0);
	if (addr.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)(void *)&addr)->sin6_port);
	return ntohs(((struct sockaddr_in *)(void *)&addr)->sin_port);
}

/* A quarter of the files stays for what else the process opens. */
static int connections_max(int wanted)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY ||
		(rlim_t)wanted <= files.rlim_cur - files.rlim_cur / 4)
		return wanted;
	return (int)(files.rlim_cur - files.rlim_cur / 4);
}

static struct MHD_Daemon *start_daemon(struct server *s, int fd)
{
	struct MHD_OptionItem tls[SERVER_TLS_OPTIONS];

	server_tls_options(&s->opt.tls, tls);
	return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | server_tls_flags(&s->opt.tls), 0, NULL, NULL,
		server_on_request, s, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)s->opt.max_connections,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)s->opt.max_per_address,
		MHD_OPTION_ARRAY, tls,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((s->opt.idle_timeout_ms + 999) / 1000),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY,
		MHD_OPTION_NOTIFY_CONNECTION, server_on_connection, s,
		MHD_OPTION_NOTIFY_COMPLETED, server_on_completed, s,
		MHD_OPTION_URI_LOG_CALLBACK, server_on_line, s,
		MHD_OPTION_UNESCAPE_CALLBACK, server_keep_escapes, s, MHD_OPTION_END);
}

int server_new(struct loop *l, const struct server_options *opt, struct router *router,
	struct server **s_out, struct error *err)
{
	struct server *s;
	int fd = -1, rc = bind_any(opt, &fd, err);

	if (rc != 0)
		return rc;
	s = xcalloc(1, sizeof(*s));
	s->l = l;
	s->router = router;
	s->opt = *opt;
	s->opt.bind_host = NULL; /* borrowed only until here */
	if (s->opt.max_connections == 0)
		s->opt.max_connections = 4096;
	s->opt.max_connections = connections_max(s->opt.max_connections);
	if (s->opt.max_per_address == 0)
		s->opt.max_per_address = (s->opt.max_connections + 1) / 2;
	if (s->opt.idle_timeout_ms == 0)
		s->opt.idle_timeout_ms = 30000;
	if (s->opt.request_timeout_ms == 0)
		s->opt.request_timeout_ms = 30000;
	s->sweep_us = LOOP_MS(s->opt.request_timeout_ms) / 4;
	s->sweep_us = s->sweep_us < SWEEP_MAX_US ? s->sweep_us : SWEEP_MAX_US;
	s->sweep = (struct loop_timer){ .fn = on_sweep, .ctx = s };
	s->drain = (struct loop_timer){ .fn = on_drained, .ctx = s };
	s->port = port_of(fd);
	s->daemon = start_daemon(s, fd);
	if (!s->daemon) {
		close(fd);
		free(s);
		return error_set(err, ERR_SYSTEM, "cannot start the HTTP server");
	}
	s->source = (struct loop_source){
		.fd = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		.deadline = on_deadline, .run = on_run, .ctx = s,
	};
	loop_add_source(l, &s->source);
	*s_out = s;
	return 0;
}

int server_port(const struct server *s)
{
	return s->port;
}

void server_drain(struct server *s, void (*drained)(void *ctx), void *ctx)
{
	int64_t soon = loop_now(s->l) + s->sweep_us;
	struct conn *conn;
	int fd;

	ASSERT(!s->draining);
	s->draining = true;
	s->drained = drained;
	s->drained_ctx = ctx;
	fd = MHD_quiesce_daemon(s->daemon);
	if (fd >= 0)
		close(fd);
	/* Idle ones get a moment, for a request that is already on its way. */
	DL_FOREACH(s->conns, conn)
		if (conn->state == CONN_IDLE && conn->deadline > soon)
			conn->deadline = soon;
	if (!s->conns)
		loop_timer_start(s->l, &s->drain, 0);
}

void server_free(struct server **s_take)
{
	struct server *s = STEAL(*s_take);
	struct conn *conn;

	if (!s)
		return;
	s->closing = true;
	DL_FOREACH(s->conns, conn)
		if (conn->state == CONN_SUSPENDED)
			conn_give_up(conn);
	/* The library aborts when it is stopped with a suspended connection: the first run takes
	 * them back, the second sends. */
	for (int i = 0; i < 3; i++)
		MHD_run(s->daemon);
	loop_remove_source(s->l, &s->source);
	MHD_stop_daemon(s->daemon);
	loop_timer_stop(s->l, &s->sweep);
	loop_timer_stop(s->l, &s->drain);
	ASSERT(!s->conns);
	free(s);
}
