/*
 * deploys.c - a client that deploys and polls over kept connections, as tightly as makes sense
 *
 *     deploys port=P path=/baragon/v2 prefix=S services=N from=K (count=C | seconds=T)
 *         [clients=1] [poll_us=1000]
 *
 * Each client has one connection: POST /request, then GET /request/{id} every poll_us until
 * SUCCESS; anything else that is terminal, or takes longer than a minute, ends the program with 1.
 * The deploys K, K+1, ... are shared among the clients so that a service has one in flight
 * (`services` must be a multiple of `clients`).  With count=C: a line "us N" per deploy, from
 * before the POST is sent until SUCCESS has been read.  With seconds=T: as many as fit.  Last
 * line: "done N us T".
 *
 * Layer: tests.  Threads: one per client, nothing shared but a counter.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TOO_LONG_US 60000000

struct plan {
	int port;
	const char *path, *prefix;
	int64_t services, from, count, until, poll_us, clients;
	atomic_llong done;
};

struct client {
	struct plan *p;
	int64_t number;
	int fd;
	struct buf in;
	pthread_t thread;
};

static void fail(const char *what, const char *detail)
{
	(void)fprintf(stderr, "deploys: %s: %.600s\n", what, detail);
	exit(1);
}

static void connect_to(struct client *c)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)c->p->port)};
	int on = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		fail("cannot connect", strerror(errno));
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void send_all(struct client *c, const struct buf *b)
{
	size_t sent = 0;

	while (sent < b->len) {
		ssize_t n = send(c->fd, b->data + sent, b->len - sent, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			fail("cannot send", strerror(errno));
		sent += n > 0 ? (size_t)n : 0;
	}
}

/* Bytes of the body as the header says, or -1: the header is not there yet. */
static int64_t body_size(const char *text, const char **body_out)
{
	const char *end = strstr(text, "\r\n\r\n"), *line;
	int64_t n = -1;

	if (end == NULL)
		return -1;
	*body_out = end + 4;
	for (line = strstr(text, "\r\n"); line != NULL && line < end;
		line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, "content-length:", 15) == 0)
			n = strtoll(line + 17, NULL, 10);
		if (strncasecmp(line + 2, "connection: close", 17) == 0)
			fail("the service does not keep the connection", text);
	}
	if (n < 0)
		fail("an answer without Content-Length", text);
	return n;
}

/* Status; the body stays in c->in until the next call. */
static int receive(struct client *c, const char **body_out)
{
	buf_clear(&c->in);
	for (;;) {
		char block[8192];
		ssize_t n = recv(c->fd, block, sizeof(block), 0);
		int64_t size;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fail("the connection ended", n < 0 ? strerror(errno) : "without an answer");
		buf_append(&c->in, block, (size_t)n);
		size = body_size(buf_cstr(&c->in), body_out);
		if (size >= 0 && c->in.len >= (size_t)(*body_out - c->in.data) + (size_t)size)
			return (int)strtol(c->in.data + 9, NULL, 10);
	}
}

static bool succeeded(const char *body)
{
	const char *state = strstr(body, "\"loadBalancerState\"");

	if (state == NULL)
		fail("an answer without a state", body);
	state += strlen("\"loadBalancerState\"");
	state += strspn(state, " :\"");
	if (strncmp(state, "SUCCESS", 7) == 0)
		return true;
	if (strncmp(state, "WAITING", 7) != 0)
		fail("no success", body);
	return false;
}

static void deploy(struct client *c, int64_t k)
{
	const struct timespec pause = {0, c->p->poll_us * 1000};
	struct bench_deploy d;
	AUTO(buf_release) struct buf body = BUF_INIT, post = BUF_INIT, get = BUF_INIT;
	const char *answer;
	int64_t start;

	bench_deploy(&d, c->p->prefix, k, c->p->services);
	bench_body(&d, &body);
	buf_printf(&post,
		"POST %s/request HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n",
		c->p->path);
	buf_printf(&post, "Content-Length: %zu\r\n\r\n%s", body.len, buf_cstr(&body));
	buf_printf(&get, "GET %s/request/%s HTTP/1.1\r\nHost: bench\r\n\r\n", c->p->path, d.id);
	start = clock_mono_us();
	send_all(c, &post);
	if (receive(c, &answer) != 200)
		fail("POST", buf_cstr(&c->in));
	do {
		if (clock_mono_us() - start > TOO_LONG_US)
			fail("not terminal within a minute", d.id);
		send_all(c, &get);
		if (receive(c, &answer) != 200)
			fail("GET", buf_cstr(&c->in));
	} while (!succeeded(answer) && nanosleep(&pause, NULL) == 0);
	if (c->p->until == 0)
		(void)printf("us %lld\n", (long long)(clock_mono_us() - start));
	atomic_fetch_add(&c->p->done, 1);
}

static void *run(void *arg)
{
	struct client *c = arg;
	struct plan *p = c->p;

	(void)prctl(
		PR_SET_TIMERSLACK, 1000UL, 0, 0, 0); /* of this thread: sleep as long as is asked */
	connect_to(c);
	for (int64_t i = c->number; p->until != 0 ? clock_mono_us() < p->until : i < p->count;
		i += p->clients)
		deploy(c, p->from + i);
	close(c->fd);
	buf_release(&c->in);
	return NULL;
}

int main(int argc, char **argv)
{
	struct plan p = {.path = bench_text(argv, "path", NULL),
		.prefix = bench_text(argv, "prefix", NULL),
		.port = (int)bench_number(argv, "port", INT64_MIN),
		.services = bench_number(argv, "services", INT64_MIN),
		.from = bench_number(argv, "from", INT64_MIN),
		.count = bench_number(argv, "count", 0),
		.poll_us = bench_number(argv, "poll_us", 1000),
		.clients = bench_number(argv, "clients", 1)};
	int64_t seconds = bench_number(argv, "seconds", 0), start = clock_mono_us();
	struct client *clients = calloc((size_t)p.clients, sizeof(*clients));

	(void)argc;
	if (clients == NULL || p.services % p.clients != 0 || (p.count == 0) == (seconds == 0))
		fail("usage", "services a multiple of clients, and either count or seconds");
	p.until = seconds != 0 ? start + seconds * 1000000 : 0;
	for (int64_t i = 0; i < p.clients; i++) {
		clients[i].p = &p;
		clients[i].number = i;
		if (pthread_create(&clients[i].thread, NULL, run, &clients[i]) != 0)
			fail("cannot start a client", strerror(errno));
	}
	for (int64_t i = 0; i < p.clients; i++)
		pthread_join(clients[i].thread, NULL);
	(void)printf(
		"done %lld us %lld\n", (long long)p.done, (long long)(clock_mono_us() - start));
	free(clients);
	return 0;
}
