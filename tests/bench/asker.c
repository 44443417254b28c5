/*
 * asker.c - asks a server as fast as it answers, over connections that are kept
 *
 *     asker port=P ms=T status=S [size=N] [clients=16] [header=LINE]... (get=TARGET [services=N] | post=TARGET prefix=S from=K)
 *         size: bytes of each answer's body, if all have as many.  services: TARGET is followed by the name of one of so many, in a
 *         shuffled order.  post: the bodies of the deploys K, K+1, ..., of as many services, so that no two have an
 *         id or a service in common.
 *
 * Each client has one request under way. An answer with another status or size ends the program with 1.
 * Prints "done N us T".
 *
 * Layer: tests.  Threads: one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 100 /* libmicrohttpd's own epoll loop hangs where 128 are ready at once */
#define BLOCK ((size_t)256 * 1024)
#define ANY (-1)
#define STRIDE 7919 /* a prime */

struct client {
	int fd;
	char head[2048]; /* of the answer; no body is kept */
	size_t n_head;
	int64_t left; /* of its body; -1: the head is not complete */
};

struct asker {
	const char *target, *prefix;
	struct buf headers; /* as sent */
	bool post;
	int64_t port, services, next, status, size, done;
	struct client clients[CLIENTS_MAX];
	size_t n;
	int epoll;
	char *block;
	struct buf out;
};

static void fail(const char *what, const char *detail) NORETURN;
static void fail(const char *what, const char *detail)
{
	(void)fprintf(stderr, "asker: %s: %.600s\n", what, detail);
	exit(1);
}

static void write_get(struct asker *l)
{
	buf_printf(&l->out, "GET %s", l->target);
	if (l->services > 0)
		buf_printf(&l->out, "%04lld", (long long)(l->next++ * STRIDE % l->services));
	buf_printf(&l->out, " HTTP/1.1\r\nHost: bench\r\n%s\r\n", buf_cstr(&l->headers));
}

static void write_post(struct asker *l)
{
	AUTO(buf_release) struct buf body = BUF_INIT;
	struct bench_deploy d;

	bench_deploy(&d, l->prefix, l->next++, INT64_MAX);
	bench_body(&d, &body);
	buf_printf(&l->out, "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n", l->target);
	buf_printf(&l->out, "%sContent-Length: %zu\r\n\r\n%s", buf_cstr(&l->headers), body.len, buf_cstr(&body));
}

static void ask(struct asker *l, struct client *c)
{
	buf_clear(&l->out);
	if (l->post)
		write_post(l);
	else
		write_get(l);
	c->n_head = 0;
	c->left = -1;
	/* Nothing else is on the way, so it fits. */
	if (send(c->fd, l->out.data, l->out.len, MSG_NOSIGNAL) != (ssize_t)l->out.len)
		fail("cannot send", strerror(errno));
}

/* What the header says; 0 where there is none, as in a 304. */
static int64_t length_of(const char *head)
{
	const char *line = strcasestr(head, "\r\nContent-Length:");

	return line != NULL ? strtoll(line + 17, NULL, 10) : 0;
}

/* How many of the n bytes belong to the head. */
static size_t take_head(const struct asker *l, struct client *c, const char *p, size_t n)
{
	size_t before = c->n_head, copied = n < sizeof(c->head) - 1 - before ? n : sizeof(c->head) - 1 - before;
	const char *end;

	memcpy(c->head + before, p, copied);
	c->n_head += copied;
	c->head[c->n_head] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL && c->n_head == sizeof(c->head) - 1)
		fail("a head without end", c->head);
	if (end == NULL)
		return n;
	c->left = length_of(c->head);
	if (strtol(c->head + 9, NULL, 10) != l->status || (l->size != ANY && c->left != l->size))
		fail("another answer", c->head);
	return (size_t)(end + 4 - c->head) - before;
}

static void receive(struct asker *l, struct client *c)
{
	ssize_t got = recv(c->fd, l->block, BLOCK, MSG_DONTWAIT);
	size_t n = got > 0 ? (size_t)got : 0, head = 0;

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		fail("the connection ended", got < 0 ? strerror(errno) : "without an answer");
	if (c->left < 0)
		head = take_head(l, c, l->block, n);
	if (c->left < 0)
		return;
	c->left -= (int64_t)(n - head);
	if (c->left < 0)
		fail("more than was announced", c->head);
	if (c->left > 0)
		return;
	l->done++;
	ask(l, c);
}

static void connect_one(struct asker *l, struct client *c)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int on = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail("cannot connect", strerror(errno));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		fail("epoll", strerror(errno));
}

static void run(struct asker *l, int64_t us)
{
	struct epoll_event events[CLIENTS_MAX];
	int64_t start, now;

	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < l->n; i++)
		connect_one(l, &l->clients[i]);
	start = now = clock_mono_us();
	for (size_t i = 0; i < l->n; i++)
		ask(l, &l->clients[i]);
	while (now - start < us) {
		int n = epoll_wait(l->epoll, events, CLIENTS_MAX, 10000);

		if (n == 0)
			fail("no answer", "for ten seconds");
		for (int i = 0; i < n; i++)
			receive(l, events[i].data.ptr);
		now = clock_mono_us();
	}
	(void)printf("done %lld us %lld\n", (long long)l->done, (long long)(now - start));
	for (size_t i = 0; i < l->n; i++)
		(void)close(l->clients[i].fd);
	(void)close(l->epoll);
}

int main(int argc, char **argv)
{
	struct asker l = { .port = bench_number(argv, "port", INT64_MIN),
		.services = bench_number(argv, "services", 0),
		.next = bench_number(argv, "from", 0),
		.status = bench_number(argv, "status", INT64_MIN),
		.size = bench_number(argv, "size", ANY),
		.n = (size_t)bench_number(argv, "clients", 16) };

	l.post = *bench_text(argv, "post", "") != '\0';
	l.target = bench_text(argv, l.post ? "post" : "get", NULL);
	l.prefix = bench_text(argv, "prefix", l.post ? NULL : "");
	if (l.n == 0 || l.n > CLIENTS_MAX)
		fail("usage", "clients is 1 to 100");
	for (int i = 1; i < argc; i++)
		if (str_starts(argv[i], "header="))
			buf_printf(&l.headers, "%s\r\n", argv[i] + 7);
	l.block = xmalloc(BLOCK);
	run(&l, bench_number(argv, "ms", INT64_MIN) * 1000);
	free(l.block);
	buf_release(&l.headers);
	buf_release(&l.out);
	return 0;
}
