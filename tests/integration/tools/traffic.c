/*
 * traffic.c - load for tests: every request is written down with its times and who answered
 *
 * usage: traffic [-k] [-r PER_SECOND] [-t TIMEOUT_MS] PORT/PATH...
 *
 * One thread per target, one request at a time: without -k each on a connection of its own, with -k on one that
 * is kept. Prints, per request: START_NS END_NS TARGET STATUS BODY. Times are CLOCK_MONOTONIC; START is taken
 * before connect(), so whatever was true before START was true before the connection existed. STATUS is -1 when
 * there was no answer; BODY then says why. Ends at SIGTERM or SIGINT after the requests under way.
 *
 * Layer: tests only.  Threads: one per target; stdout is the only thing shared (line-wise, by stdio's lock).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct target {
	int index, port;
	const char *path;
	pthread_t thread;
	int fd; /* kept connection, or -1 */
};

static atomic_int stopping;
static int keep;
static long rate = 200, timeout_ms = 3000;

static void on_signal(int sig)
{
	(void)sig;
	stopping = 1;
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int open_to(const struct target *t)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)t->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval tv = { timeout_ms / 1000, timeout_ms % 1000 * 1000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/* The value of a header in the head [s, end), or NULL. */
static const char *header(const char *s, const char *end, const char *name)
{
	size_t n = strlen(name);

	for (; s && s < end; s = memchr(s, '\n', (size_t)(end - s)), s = s ? s + 1 : NULL)
		if ((size_t)(end - s) > n && strncasecmp(s, name, n) == 0 && s[n] == ':')
			return s + n + 1;
	return NULL;
}

/* Reads one answer into buf (NUL-terminated): its status, *body, and whether the server will close. -1: none. */
static int read_answer(int fd, char *buf, size_t size, const char **body, int *closes)
{
	size_t n = 0;

	*body = "no answer";
	for (;;) {
		char *end = n ? memmem(buf, n, "\r\n\r\n", 4) : NULL;
		const char *length = end ? header(buf, end, "content-length") : NULL;
		const char *conn = end ? header(buf, end, "connection") : NULL;
		ssize_t got;

		*closes = conn && strncasecmp(conn + strspn(conn, " "), "close", 5) == 0;
		if (end && length && n - (size_t)(end + 4 - buf) >= strtoul(length, NULL, 10)) {
			*body = end + 4;
			return (int)strtol(buf + 9, NULL, 10);
		}
		got = n + 1 < size ? recv(fd, buf + n, size - 1 - n, 0) : 0;
		if (got <= 0) {
			*body = got < 0 ? strerror(errno) : n ? "connection ended within the answer"
				: "connection ended without an answer";
			return -1;
		}
		n += (size_t)got;
		buf[n] = '\0';
	}
}

static void one_request(struct target *t)
{
	char req[512], buf[16384];
	const char *body = "";
	int closes = 1, status = -1;
	int64_t start = now_ns();
	int n = snprintf(req, sizeof req, "GET /%s HTTP/1.1\r\nHost: test\r\n%s\r\n", t->path,
		keep ? "" : "Connection: close\r\n");

	if (t->fd < 0)
		t->fd = open_to(t);
	if (t->fd < 0)
		body = strerror(errno);
	else if (send(t->fd, req, (size_t)n, MSG_NOSIGNAL) != n)
		body = "send failed";
	else
		status = read_answer(t->fd, buf, sizeof buf, &body, &closes);
	if (t->fd >= 0 && (!keep || closes || status < 0)) {
		close(t->fd);
		t->fd = -1;
	}
	printf("%lld %lld %d %d %.*s\n", (long long)start, (long long)now_ns(), t->index, status,
		(int)strcspn(body, "\r\n"), body);
}

static void *run(void *arg)
{
	struct target *t = arg;
	int64_t next = now_ns(), step = 1000000000 / rate;

	while (!stopping) {
		struct timespec ts;

		one_request(t);
		next += step;
		if (next < now_ns())
			next = now_ns(); /* late: do not catch up in a burst */
		ts = (struct timespec){ next / 1000000000, next % 1000000000 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct target *all;
	int n, c;

	while ((c = getopt(argc, argv, "kr:t:")) != -1) {
		if (c == 'k')
			keep = 1;
		else if (c == 'r')
			rate = strtol(optarg, NULL, 10);
		else if (c == 't')
			timeout_ms = strtol(optarg, NULL, 10);
	}
	n = argc - optind;
	if (n < 1 || rate < 1 || timeout_ms < 1) {
		fprintf(stderr, "usage: traffic [-k] [-r PER_SECOND] [-t TIMEOUT_MS] PORT/PATH...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	all = calloc((size_t)n, sizeof *all);
	if (!all)
		return 1;
	for (int i = 0; i < n; i++) {
		char *path;

		all[i].index = i;
		all[i].port = (int)strtol(argv[optind + i], &path, 10);
		all[i].path = *path ? path + 1 : "";
		all[i].fd = -1;
		if (pthread_create(&all[i].thread, NULL, run, &all[i]) != 0)
			return 1;
	}
	for (int i = 0; i < n; i++)
		pthread_join(all[i].thread, NULL);
	free(all);
	return 0;
}
