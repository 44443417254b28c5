/*
 * bare.c - a server that is nothing but libmicrohttpd: the same bytes to whoever asks
 *
 *     bare status=200 (body=FILE | bodies=FILE) [header=NAME:VALUE]...
 *         Prints "port N", serves on the loopback until SIGTERM. What is posted is read to its end.  bodies: one in each
 *         line; the number at the end of the path says which one is wanted.
 *
 * As fast as the library can be used: one thread with epoll, answers made once (as in libmicrohttpd's own
 * benchmark.c). The first call of each request only says that there is one: an answer given there ends the connection.
 *
 * Layer: tests.  Threads: libmicrohttpd's one.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

struct bare {
	unsigned status;
	struct buf text; /* of the bodies */
	struct MHD_Response **responses;
	size_t n, cap;
};

static void fail(const char *what) NORETURN;
static void fail(const char *what)
{
	(void)fprintf(stderr, "bare: %s\n", what);
	exit(1);
}

static struct buf no_body; /* in the place of what was posted */

static size_t number_of(const struct bare *b, const char *url)
{
	const char *digits = url + strlen(url);

	if (b->n == 1)
		return 0;
	while (digits > url && digits[-1] >= '0' && digits[-1] <= '9')
		digits--;
	return strtoul(digits, NULL, 10) % b->n;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
	const char *version, const char *upload, size_t *upload_size, void **con_cls)
{
	const struct bare *b = cls;
	struct buf *posted = *con_cls;

	(void)version;
	if (posted == NULL) {
		*con_cls = str_eq(method, "GET") ? &no_body : xcalloc(1, sizeof(*posted));
		return MHD_YES;
	}
	if (*upload_size > 0) {
		buf_append(posted, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return MHD_queue_response(mhd, b->status, b->responses[number_of(b, url)]);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode why)
{
	struct buf *posted = STEAL(*con_cls);

	(void)cls;
	(void)mhd;
	(void)why;
	if (posted == NULL || posted == &no_body)
		return;
	buf_release(posted);
	free(posted);
}

static void read_text(struct bare *b, const char *path)
{
	FILE *f = fopen(path, "rbe");
	char block[65536];
	size_t n;

	if (f == NULL)
		fail(path);
	while ((n = fread(block, 1, sizeof(block), f)) > 0)
		buf_append(&b->text, block, n);
	(void)fclose(f);
}

static void add(struct bare *b, char *body, size_t n, char *const *argv)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_PERSISTENT);

	if (r == NULL)
		fail("no answer can be made");
	for (; *argv != NULL; argv++) {
		AUTO(xfree_p) char *name = NULL;
		const char *value;

		if (!str_starts(*argv, "header=") || (value = strchr(*argv, ':')) == NULL)
			continue;
		name = xstrndup(*argv + 7, (size_t)(value - *argv - 7));
		if (MHD_add_response_header(r, name, value + 1) != MHD_YES)
			fail(*argv);
	}
	GROW(b->responses, b->n, b->cap);
	b->responses[b->n++] = r;
}

static void add_lines(struct bare *b, char *const *argv)
{
	char *line = b->text.data, *end;

	for (; (end = strchr(line, '\n')) != NULL; line = end + 1)
		add(b, line, (size_t)(end - line), argv);
	if (b->n == 0)
		fail("no lines");
}

static void make_answers(struct bare *b, char *const *argv)
{
	const char *lines = bench_text(argv, "bodies", "");

	b->status = (unsigned)bench_number(argv, "status", INT64_MIN);
	read_text(b, *lines != '\0' ? lines : bench_text(argv, "body", NULL));
	if (*lines != '\0')
		add_lines(b, argv);
	else
		add(b, b->text.data, b->text.len, argv);
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct bare b = { .text = BUF_INIT };
	struct MHD_Daemon *daemon;
	sigset_t end;
	int sig;

	(void)argc;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)sigemptyset(&end);
	(void)sigaddset(&end, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, &end, NULL);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	make_answers(&b, argv);
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, &b, MHD_OPTION_SOCK_ADDR, &addr,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_TIMEOUT, 30U, MHD_OPTION_END);
	if (daemon == NULL)
		fail("cannot start");
	(void)printf("port %d\n", (int)MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	(void)fflush(stdout);
	(void)sigwait(&end, &sig);
	MHD_stop_daemon(daemon);
	for (size_t i = 0; i < b.n; i++)
		MHD_destroy_response(b.responses[i]);
	free(b.responses);
	buf_release(&b.text);
	return 0;
}
