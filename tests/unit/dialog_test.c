/*
 * dialog_test.c - a peer that answers, is absent, late, rude, or talks too much
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/dialog.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SECOND 1000000

/* One connection is served by `serve` in a thread. */
struct peer {
	int listener;
	void (*serve)(int fd);
	pthread_t thread;
	char path[108];
};

static char *dir;

static int setup(void **state)
{
	(void)state;
	dir = scratch_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scratch_free(&dir);
	return 0;
}

static void *serve_one(void *arg)
{
	struct peer *p = arg;
	int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		p->serve(fd);
		close(fd);
	}
	return NULL;
}

static void peer_listen(struct peer *p, int backlog)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	snprintf(p->path, sizeof(p->path), "%s/sock", dir);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/sock", dir);
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->listener >= 0);
	assert_int_equal(bind(p->listener, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(p->listener, backlog), 0);
}

static void peer_start(struct peer *p, void (*serve)(int fd))
{
	peer_listen(p, 8);
	p->serve = serve;
	assert_int_equal(pthread_create(&p->thread, NULL, serve_one, p), 0);
}

static void peer_end(struct peer *p)
{
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	close(p->listener);
	unlink(p->path);
}

static void read_all(int fd, struct buf *out)
{
	char block[4096];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		buf_append(out, block, (size_t)n);
}

static void say(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		text += done;
		n -= (size_t)done;
	}
}

/* To the end of the question, which is the half-close; then it back. */
static void echo(int fd)
{
	AUTO(buf_release) struct buf got = BUF_INIT;

	read_all(fd, &got);
	say(fd, "<", 1);
	say(fd, buf_cstr(&got), got.len);
	say(fd, ">", 1);
}

static void answered(void **state)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct error err = ERROR_INIT;
	struct peer p;

	(void)state;
	peer_start(&p, echo);
	buf_str(&answer, "kept ");
	assert_int_equal(dialog_ask(p.path, "show info\n", clock_mono_us() + 10 * SECOND, 100, &answer, &err), 0);
	assert_string_equal(buf_cstr(&answer), "kept <show info\n>");
	peer_end(&p);
	peer_start(&p, echo);
	assert_int_equal(dialog_ask(p.path, "", 0, 2, &answer, &err), 0);
	assert_string_equal(buf_cstr(&answer), "kept <show info\n><>");
	peer_end(&p);
}

/* Answers while it is being asked; neither side may wait for the other for ever. */
static void parrot(int fd)
{
	char block[4096];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		say(fd, block, (size_t)n);
}

static void large_both_ways(void **state)
{
	enum { N = 3000000 };
	AUTO(buf_release) struct buf answer = BUF_INIT;
	AUTO(xfree_p) char *question = xmalloc(N + 1);
	struct error err = ERROR_INIT;
	struct peer p;

	(void)state;
	for (size_t i = 0; i < N; i++)
		question[i] = (char)('a' + i * i % 26);
	question[N] = '\0';
	peer_start(&p, parrot);
	assert_int_equal(dialog_ask(p.path, question, clock_mono_us() + 30 * SECOND, N, &answer, &err), 0);
	assert_int_equal(answer.len, N);
	assert_true(str_eq(buf_cstr(&answer), question));
	peer_end(&p);
}

static void nobody_there(void **state)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct error err = ERROR_INIT;
	char path[300];
	struct peer p;

	(void)state;
	snprintf(path, sizeof(path), "%s/none", dir);
	assert_int_equal(dialog_ask(path, "q", 0, 100, &answer, &err), ERR_NOT_DONE);
	assert_int_equal(err.code, ERR_NOT_DONE);
	assert_true(str_ends(err.text, "/none': No such file or directory"));
	peer_listen(&p, 8);
	close(p.listener); /* the name stays, as after a crash */
	assert_int_equal(dialog_ask(p.path, "q", 0, 100, &answer, &err), ERR_NOT_DONE);
	assert_true(str_ends(err.text, ": Connection refused"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(dialog_ask(path, "q", 0, 100, &answer, &err), ERR_INVALID);
	assert_int_equal(dialog_ask("", "q", 0, 100, &answer, &err), ERR_INVALID);
	assert_int_equal(answer.len, 0);
}

static void full_queue(void **state)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct error err = ERROR_INIT;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int64_t start = clock_mono_us();
	int fds[16];
	size_t n = 0;
	struct peer p;

	(void)state;
	peer_listen(&p, 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", p.path);
	for (; n < ARRAY_LEN(fds); n++) {
		fds[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (connect(fds[n], (const struct sockaddr *)&addr, sizeof(addr)) != 0)
			break;
	}
	assert_true(n < ARRAY_LEN(fds));
	assert_int_equal(dialog_ask(p.path, "q", start + SECOND / 10, 100, &answer, &err), ERR_NOT_DONE);
	assert_in_range(clock_mono_us() - start, SECOND / 10, 25 * SECOND);
	for (size_t i = 0; i <= n; i++)
		close(fds[i]);
	close(p.listener);
}

static void wait_for_close(int fd)
{
	struct pollfd p = { .fd = fd, .events = 0 };
	char block[16];

	while (read(fd, block, sizeof(block)) > 0)
		;
	say(fd, "half an ans", 11);
	poll(&p, 1, 10000); /* POLLHUP: the asker has given up */
}

static void late(void **state)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct error err = ERROR_INIT;
	int64_t start = clock_mono_us();
	struct peer p;

	(void)state;
	peer_start(&p, wait_for_close);
	assert_int_equal(dialog_ask(p.path, "q", start + SECOND / 10, 100, &answer, &err), ERR_MAYBE_DONE);
	assert_in_range(clock_mono_us() - start, SECOND / 10, 25 * SECOND);
	assert_int_equal(answer.len, 0);
	assert_true(str_ends(err.text, "after 1 of 1 bytes: Connection timed out"));
	peer_end(&p);
}

/* Closing with unread bytes is a reset. */
static void reset(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	poll(&p, 1, 10000);
	assert_int_equal(read(fd, &c, 1), 1);
}

static void reset_after_sending(void **state)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct error err = ERROR_INIT;
	struct peer p;

	(void)state;
	peer_start(&p, reset);
	assert_int_equal(dialog_ask(p.path, "shutdown\n", 0, 100, &answer, &err), ERR_MAYBE_DONE);
	assert_true(str_ends(err.text, ": Connection reset by peer"));
	peer_end(&p);
}

static void hang_up(int fd)
{
	char c;

	assert_int_equal(read(fd, &c, 1), 1);
}

static void closed_in_the_middle(void **state)
{
	enum { N = 3000000 };
	AUTO(xfree_p) char *question = xmalloc(N + 1);
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct error err = ERROR_INIT;
	struct peer p;

	(void)state;
	memset(question, 'q', N);
	question[N] = '\0';
	peer_start(&p, hang_up);
	assert_int_equal(dialog_ask(p.path, question, 0, 100, &answer, &err), ERR_MAYBE_DONE);
	peer_end(&p);
}

static void talk(int fd)
{
	static char text[100000];

	memset(text, 't', sizeof(text));
	say(fd, text, sizeof(text));
}

static void too_much(void **state)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	AUTO(buf_release) struct buf small = BUF_LIMITED(3);
	struct error err = ERROR_INIT;
	struct peer p;

	(void)state;
	peer_start(&p, talk);
	assert_int_equal(dialog_ask(p.path, "", 0, 99999, &answer, &err), ERR_REFUSED);
	assert_non_null(strstr(err.text, "longer than 99999 bytes"));
	assert_int_equal(answer.len, 0);
	peer_end(&p);
	peer_start(&p, echo);
	assert_int_equal(dialog_ask(p.path, "12", 0, 100, &small, &err), ERR_REFUSED);
	assert_false(small.overflow);
	peer_end(&p);
}

static void silent(int fd)
{
	AUTO(buf_release) struct buf got = BUF_INIT;

	read_all(fd, &got);
}

/* The master of HAProxy 2.6 answers a reload with nothing at all. */
static void empty_answer(void **state)
{
	AUTO(buf_release) struct buf answer = BUF_INIT;
	struct error err = ERROR_INIT;
	struct peer p;

	(void)state;
	peer_start(&p, silent);
	assert_int_equal(dialog_ask(p.path, "reload\n", 0, 100, &answer, &err), 0);
	assert_int_equal(answer.len, 0);
	peer_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answered, setup, teardown),
		cmocka_unit_test_setup_teardown(large_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_there, setup, teardown),
		cmocka_unit_test_setup_teardown(full_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(late, setup, teardown),
		cmocka_unit_test_setup_teardown(reset_after_sending, setup, teardown),
		cmocka_unit_test_setup_teardown(closed_in_the_middle, setup, teardown),
		cmocka_unit_test_setup_teardown(too_much, setup, teardown),
		cmocka_unit_test_setup_teardown(empty_answer, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
