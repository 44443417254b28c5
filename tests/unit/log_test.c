/*
 * log_test.c - the form of a line, escaping, levels, and the journal
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"

#include "lib/base/buf.h"
#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct buf lines;

static void to_lines(void *ctx, enum log_level level, const char *line)
{
	(void)level;
	buf_str(ctx, line);
	buf_char(ctx, '\n');
}

static int setup(void **state)
{
	(void)state;
	buf_clear(&lines);
	log_set_sink(to_lines, &lines);
	log_set_level(LOG_LEVEL_INFO);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_set_sink(NULL, NULL);
	buf_release(&lines);
	return 0;
}

static void form(void **state)
{
	const struct log_ctx outer = { NULL, "agent", "a1" };
	const struct log_ctx inner = { &outer, "request", "r7" };

	(void)state;
	log_warn(&inner, "agent refused", "reason", "no port", "tries", log_int(-3), "none", NULL,
		"empty", "");
	assert_string_equal(buf_cstr(&lines),
		"warn agent refused agent=a1 request=r7 reason=\"no port\" tries=-3 none=- empty=\"\"\n");
}

static void escaping(void **state)
{
	(void)state;
	log_info(NULL, "x", "a", "1\nerror forged b=2", "c", "say \"hi\"", "d", "k=v", "e", "back\\slash", "f", "-");
	assert_string_equal(buf_cstr(&lines), "info x a=\"1\\nerror forged b=2\" c=\"say \\\"hi\\\"\" d=\"k=v\" "
					      "e=back\\\\slash f=\"-\"\n");
}

static void long_values_are_cut(void **state)
{
	char value[5000];

	(void)state;
	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	log_info(NULL, "x", "a", value, "b", "2");
	assert_true(str_ends(buf_cstr(&lines), "v... b=2\n"));
	assert_in_range(lines.len, 2000, 2200);
}

static void levels(void **state)
{
	enum log_level level = LOG_LEVEL_ERROR;

	(void)state;
	log_debug(NULL, "hidden");
	assert_int_equal(lines.len, 0);
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug(NULL, "shown");
	log_set_level(LOG_LEVEL_ERROR);
	log_warn(NULL, "hidden");
	log_error(NULL, "shown too");
	assert_string_equal(buf_cstr(&lines), "debug shown\nerror shown too\n");
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_false(log_level_parse("DEBUG", &level));
	assert_false(log_level_parse("", &level));
	assert_int_equal(level, LOG_LEVEL_DEBUG);
}

static void errno_is_kept(void **state)
{
	(void)state;
	errno = ENOSPC;
	log_info(NULL, "x");
	assert_int_equal(errno, ENOSPC);
}

static void endless_context(void **state)
{
	struct log_ctx loop = { NULL, "k", "v" };

	(void)state;
	loop.up = &loop;
	log_info(&loop, "x");
	assert_string_equal(buf_cstr(&lines), "info x k=v k=v k=v k=v k=v k=v k=v k=v k=v k=v k=v k=v k=v k=v k=v k=v\n");
}

static void many_log_ints(void **state)
{
	(void)state;
	log_info(NULL, "x", "a", log_int(INT64_MIN), "b", log_int(INT64_MAX), "c", log_int(3), "d", log_int(4),
		"e", log_int(5), "f", log_int(6), "g", log_int(7), "h", log_int(8));
	assert_string_equal(buf_cstr(&lines), "info x a=-9223372036854775808 b=9223372036854775807 c=3 d=4 e=5 f=6 "
					      "g=7 h=8\n");
}

/* What `body` writes to stderr in a process of its own; *status_out as from waitpid. */
static void run_apart(void (*body)(int fd), struct buf *out, int *status_out)
{
	int ends[2];
	char block[4096];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL); /* not cmocka's */
		dup2(ends[1], STDERR_FILENO);
		log_set_sink(NULL, NULL);
		body(STDERR_FILENO);
		_exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], block, sizeof(block))) > 0)
		buf_append(out, block, (size_t)n);
	close(ends[0]);
	assert_int_equal(waitpid(pid, status_out, 0), pid);
}

static void plain_line(int fd)
{
	(void)fd;
	unsetenv("JOURNAL_STREAM");
	log_warn(NULL, "agent refused", "request", "r7");
}

static void stderr_with_time(void **state)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	int status;

	(void)state;
	run_apart(plain_line, &out, &status);
	assert_int_equal(status, 0);
	assert_int_equal(out.len, 25 + strlen("warn agent refused request=r7\n"));
	assert_string_equal(out.data + 25, "warn agent refused request=r7\n");
	for (size_t i = 0; i < 25; i++) {
		char want = "dddd-dd-ddTdd:dd:dd.dddZ "[i];

		assert_true(want == 'd' ? out.data[i] >= '0' && out.data[i] <= '9' : out.data[i] == want);
	}
}

static void journal_line(int fd)
{
	char stream[64];
	struct stat st;

	fstat(fd, &st);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_info(NULL, "one");
	log_error(NULL, "two", "k", "a\nb");
}

static void journal(void **state)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	int status;

	(void)state;
	run_apart(journal_line, &out, &status);
	assert_int_equal(status, 0);
	assert_string_equal(buf_cstr(&out), "<6>info one\n<3>error two k=a\\nb\n");
}

static void fail_assertion(int fd)
{
	(void)fd;
	setenv("JOURNAL_STREAM", "0:0", 1); /* of somebody else */
	assert_failed("a == b", "x.c", 12);
}

static void assertion(void **state)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	int status;

	(void)state;
	run_apart(fail_assertion, &out, &status);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_non_null(strstr(buf_cstr(&out), "Z error assertion failed what=\"a == b\" file=x.c line=12\n"));
}

static void *writer(void *arg)
{
	for (int i = 0; i < 200; i++)
		log_info(NULL, "line", "from", arg, "text", "the quick brown fox");
	return NULL;
}

static void two_threads(int fd)
{
	static char names[2][2] = { "a", "b" };
	pthread_t t[2];

	(void)fd;
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, writer, names[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

static void lines_do_not_mix(void **state)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	int status, n = 0;
	char *save, *line;

	(void)state;
	run_apart(two_threads, &out, &status);
	assert_int_equal(status, 0);
	for (line = strtok_r(out.data, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		assert_int_equal(strlen(line), 25 + strlen("info line from=a text=\"the quick brown fox\""));
		n++;
	}
	assert_int_equal(n, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(form, setup, teardown),
		cmocka_unit_test_setup_teardown(escaping, setup, teardown),
		cmocka_unit_test_setup_teardown(long_values_are_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(levels, setup, teardown),
		cmocka_unit_test_setup_teardown(errno_is_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(endless_context, setup, teardown),
		cmocka_unit_test_setup_teardown(many_log_ints, setup, teardown),
		cmocka_unit_test(stderr_with_time),
		cmocka_unit_test(journal),
		cmocka_unit_test(assertion),
		cmocka_unit_test(lines_do_not_mix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
