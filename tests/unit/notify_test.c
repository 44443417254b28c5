/*
 * notify_test.c - what systemd would receive
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/loop/notify.h"

/* An abstract address, so that nothing is left in the file system. */
static int listen_abstract(char *name, size_t size)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sa_family_t); /* autobind */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	len = sizeof(addr);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	len -= (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1;
	snprintf(name, size, "@%.*s", (int)len, addr.sun_path + 1);
	return fd;
}

static void expect(int fd, const char *text)
{
	char got[300];
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_true(n > 0);
	got[n] = '\0';
	assert_string_equal(got, text);
}

static void test_ready_watchdog_stopping(void **state)
{
	struct loop *l = loop_sim_new(1);
	struct notify *n;
	char name[120], pid[20], c;
	int fd = listen_abstract(name, sizeof(name));

	(void)state;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	n = notify_new(l);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	notify_ready(n);
	expect(fd, "READY=1");
	expect(fd, "WATCHDOG=1");
	assert_true(loop_sim_run_for(l, LOOP_MS(600), 10));
	expect(fd, "WATCHDOG=1");
	assert_int_equal(recv(fd, &c, 1, MSG_DONTWAIT), -1);
	notify_status(n, "leader\nREADY=1");
	expect(fd, "STATUS=leader\\nREADY=1");
	notify_stopping(n);
	expect(fd, "STOPPING=1");
	notify_free(&n);
	loop_free(&l);
	close(fd);
}

static void test_nobody_asked(void **state)
{
	struct loop *l = loop_sim_new(1);
	struct notify *n;

	(void)state;
	setenv("WATCHDOG_USEC", "1000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	n = notify_new(l);
	notify_ready(n);
	assert_false(loop_sim_step(l)); /* no timer */
	notify_free(&n);
	loop_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ready_watchdog_stopping),
		cmocka_unit_test(test_nobody_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
