/*
 * upstreams.c - tiny HTTP servers for tests: one process, one loopback port per name, each answers with its name
 *
 * usage: upstreams NAME...    prints "NAME PORT" per line, then serves until it is killed
 *
 * Layer: tests only.  Threads: one, epoll.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct peer {
	int fd;
	const char *name;
	int listening;
	size_t n; /* bytes of the request head read so far */
	char head[8192];
};

static int ep;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void watch(int fd, const char *name, int listening)
{
	struct peer *p = calloc(1, sizeof *p);

	if (!p)
		die("calloc");
	p->fd = fd;
	p->name = name;
	p->listening = listening;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN, .data.ptr = p }) != 0)
		die("epoll_ctl");
}

static void open_port(const char *name)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 512) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		die("listen");
	printf("%s %d\n", name, ntohs(a.sin_port));
	watch(fd, name, 1);
}

static void hang_up(struct peer *p)
{
	close(p->fd);
	free(p);
}

/* One answer per complete request head; requests of tests have no body. Returns 0 when the peer is to go. */
static int answer(struct peer *p)
{
	char out[512];
	char *end;

	while ((end = memmem(p->head, p->n, "\r\n\r\n", 4)) != NULL) {
		size_t used = (size_t)(end - p->head) + 4;
		int n = snprintf(out, sizeof out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
			"Content-Length: %zu\r\n\r\n%s", strlen(p->name), p->name);

		if (send(p->fd, out, (size_t)n, MSG_NOSIGNAL) != n)
			return 0;
		p->n -= used;
		memmove(p->head, p->head + used, p->n);
	}
	return p->n < sizeof p->head;
}

static void serve(struct peer *p)
{
	ssize_t n;

	if (p->listening) {
		int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0)
			watch(fd, p->name, 0);
		return;
	}
	n = recv(p->fd, p->head + p->n, sizeof p->head - p->n, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		hang_up(p);
		return;
	}
	p->n += (size_t)n;
	if (!answer(p))
		hang_up(p);
}

int main(int argc, char **argv)
{
	struct epoll_event ev[64];

	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0)
		die("epoll_create1");
	for (int i = 1; i < argc; i++)
		open_port(argv[i]);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, ev, 64, -1);

		/* One event per peer and turn, and a peer is freed only by its own: no stale pointer. */
		for (int i = 0; i < n; i++)
			serve(ev[i].data.ptr);
	}
}
