/*
 * notify.c - datagrams to the socket that systemd names
 *
 * Layer: lib/loop.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/loop/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

struct notify {
	struct loop *l;
	int fd; /* -1: nobody asked */
	struct sockaddr_un addr;
	socklen_t addr_len;
	int64_t feed_us; /* 0 = no watchdog */
	struct loop_timer feed;
};

static void notify_send(struct notify *n, const char *state)
{
	if (n->fd < 0)
		return;
	/* Nobody to tell when it fails: systemd then acts on its own time-outs. */
	(void)sendto(n->fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&n->addr, n->addr_len);
}

static void on_feed(void *ctx)
{
	struct notify *n = ctx;

	notify_send(n, "WATCHDOG=1");
	loop_timer_start(n->l, &n->feed, n->feed_us);
}

static void read_socket(struct notify *n)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	n->addr.sun_family = AF_UNIX;
	if (len < 2 || len >= sizeof(n->addr.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(n->addr.sun_path, path, len);
	if (path[0] == '@')
		n->addr.sun_path[0] = '\0';
	n->addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

static void read_watchdog(struct notify *n)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	int64_t us, p;

	if (!usec || !str_to_i64(usec, 1, INT64_MAX, &us))
		return;
	if (pid && (!str_to_i64(pid, 1, INT32_MAX, &p) || p != getpid()))
		return;
	n->feed_us = us / 2 > 0 ? us / 2 : 1;
}

struct notify *notify_new(struct loop *l)
{
	struct notify *n = xcalloc(1, sizeof(*n));

	n->l = l;
	n->fd = -1;
	n->feed = (struct loop_timer){ .fn = on_feed, .ctx = n };
	read_socket(n);
	read_watchdog(n);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return n;
}

void notify_free(struct notify **n_take)
{
	struct notify *n = STEAL(*n_take);

	if (!n)
		return;
	loop_timer_stop(n->l, &n->feed);
	if (n->fd >= 0)
		close(n->fd);
	free(n);
}

void notify_ready(struct notify *n)
{
	notify_send(n, "READY=1");
	if (n->fd >= 0 && n->feed_us > 0)
		on_feed(n);
}

void notify_stopping(struct notify *n)
{
	notify_send(n, "STOPPING=1");
}

void notify_status(struct notify *n, const char *text)
{
	AUTO(buf_release) struct buf line = BUF_INIT;

	buf_str(&line, "STATUS=");
	str_escape(&line, text, strlen(text), 200);
	notify_send(n, buf_cstr(&line));
}
