/*
 * proc_test.c - programs that end, fail, are late, write too much, leave children behind
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/proc.h"

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/clock.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND 1000000

static struct proc_result run_sh(const char *script, int64_t after_us, size_t limit)
{
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	struct proc_result res;
	struct error err = ERROR_INIT;
	siginfo_t info;

	if (proc_run(argv, clock_mono_us() + after_us, limit, &res, &err) != 0)
		fail_msg("%s", err.text);
	/* Nothing that ended is left unreaped. */
	assert_true(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0);
	assert_int_equal(errno, ECHILD);
	return res;
}

static bool gone(pid_t pid)
{
	AUTO(buf_release) struct buf b = BUF_INIT;
	AUTO(xfree_p) char *path = xasprintf("/proc/%d/stat", (int)pid);
	const char *state;

	/* A zombie whose reaper is elsewhere counts as gone. */
	if (kill(pid, 0) != 0)
		return true;
	if (file_read(path, 4096, &b, NULL) != 0)
		return true;
	state = strrchr(buf_cstr(&b), ')');
	return state != NULL && state[2] == 'Z';
}

static bool gone_within(pid_t pid, int64_t us)
{
	int64_t end = clock_mono_us() + us;

	while (!gone(pid)) {
		if (clock_mono_us() > end)
			return false;
		poll(NULL, 0, 5);
	}
	return true;
}

static void ends(void **state)
{
	struct proc_result r = run_sh("echo out; echo err >&2; exit 3", 10 * SECOND, 100);

	(void)state;
	assert_int_equal(r.exit_status, 3);
	assert_int_equal(r.signal, 0);
	assert_false(r.timed_out);
	assert_false(r.truncated);
	assert_string_equal(buf_cstr(&r.output), "out\nerr\n");
	proc_result_release(&r);
	r = run_sh("kill -USR1 $$", 10 * SECOND, 100);
	assert_int_equal(r.exit_status, -1);
	assert_int_equal(r.signal, SIGUSR1);
	assert_int_equal(r.output.len, 0);
	proc_result_release(&r);
}

static void no_deadline_and_path(void **state)
{
	const char *const argv[] = { "sh", "-c", "echo \"$1\"", "x", "a b", NULL };
	struct proc_result r;

	(void)state;
	assert_int_equal(proc_run(argv, 0, 100, &r, NULL), 0);
	assert_int_equal(r.exit_status, 0);
	assert_string_equal(buf_cstr(&r.output), "a b\n");
	proc_result_release(&r);
}

static void cannot_start(void **state)
{
	static const char *const absent[] = { "/no/such/program", NULL };
	static const char *const not_in_path[] = { "no-such-program-anywhere", NULL };
	const char *const folder[] = { "/", NULL };
	struct error err = ERROR_INIT;
	struct proc_result r;

	(void)state;
	assert_int_equal(proc_run(absent, 0, 100, &r, &err), ERR_SYSTEM);
	assert_string_equal(err.text, "cannot start '/no/such/program': No such file or directory");
	assert_int_equal(proc_run(not_in_path, 0, 100, &r, &err), ERR_SYSTEM);
	assert_int_equal(proc_run(folder, 0, 100, &r, &err), ERR_SYSTEM);
	assert_string_equal(err.text, "cannot start '/': Permission denied");
}

static void output_is_capped_but_drained(void **state)
{
	/* 2 MB would block on the pipe if nobody read. */
	struct proc_result r = run_sh("head -c 2000000 /dev/zero | tr '\\0' x; exit 4", 30 * SECOND, 1000);

	(void)state;
	assert_int_equal(r.exit_status, 4);
	assert_true(r.truncated);
	assert_int_equal(r.output.len, 1000);
	assert_int_equal(strspn(r.output.data, "x"), 1000);
	proc_result_release(&r);
	r = run_sh("printf 12345", 10 * SECOND, 5);
	assert_false(r.truncated);
	assert_string_equal(buf_cstr(&r.output), "12345");
	proc_result_release(&r);
	r = run_sh("printf 1", 10 * SECOND, 0);
	assert_true(r.truncated);
	assert_int_equal(r.output.len, 0);
	proc_result_release(&r);
}

static void all_of_the_last_output(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		struct proc_result r = run_sh("head -c 60000 /dev/zero", 10 * SECOND, 100000);

		assert_int_equal(r.output.len, 60000);
		proc_result_release(&r);
	}
}

static void late_and_obedient(void **state)
{
	int64_t start = clock_mono_us();
	struct proc_result r = run_sh("echo before; exec sleep 60", SECOND / 5, 100);

	(void)state;
	assert_true(r.timed_out);
	assert_int_equal(r.signal, SIGTERM);
	assert_string_equal(buf_cstr(&r.output), "before\n");
	assert_in_range(clock_mono_us() - start, SECOND / 5, 25 * SECOND); /* far from the 60 s of the program */
	proc_result_release(&r);
}

static void late_and_stubborn(void **state)
{
	int64_t start = clock_mono_us();
	struct proc_result r = run_sh("trap '' TERM; sleep 60 & echo $!; while :; do wait; done", SECOND / 5, 100);
	int64_t pid = 0;

	(void)state;
	assert_true(r.timed_out);
	assert_int_equal(r.signal, SIGKILL);
	assert_in_range(clock_mono_us() - start, 2 * SECOND, 25 * SECOND);
	buf_truncate(&r.output, strcspn(buf_cstr(&r.output), "\n"));
	assert_true(str_to_i64(buf_cstr(&r.output), 2, INT32_MAX, &pid));
	assert_true(gone_within((pid_t)pid, 5 * SECOND)); /* with the whole group */
	proc_result_release(&r);
}

/* The leader obeys TERM, its child does not: late means that nothing of it stays. */
static void late_children_go_too(void **state)
{
	struct proc_result r = run_sh("(trap '' TERM; echo $(exec sh -c 'echo $PPID'); while :; do sleep 1; done) & "
				      "trap 'exit 9' TERM; while :; do sleep 0.05; done",
		SECOND / 2, 100);
	int64_t pid = 0;

	(void)state;
	assert_true(r.timed_out);
	assert_int_equal(r.exit_status, 9);
	buf_truncate(&r.output, strcspn(buf_cstr(&r.output), "\n"));
	assert_true(str_to_i64(buf_cstr(&r.output), 2, INT32_MAX, &pid));
	assert_true(gone_within((pid_t)pid, 5 * SECOND));
	proc_result_release(&r);
}

/* A daemon that keeps the pipe does not keep us, and is not killed. */
static void ends_with_the_program(void **state)
{
	int64_t start = clock_mono_us(), pid = 0;
	struct proc_result r = run_sh("sleep 60 & echo $!", 30 * SECOND, 100);

	(void)state;
	assert_in_range(clock_mono_us() - start, 0, 25 * SECOND);
	assert_int_equal(r.exit_status, 0);
	assert_false(r.timed_out);
	buf_truncate(&r.output, strcspn(buf_cstr(&r.output), "\n"));
	assert_true(str_to_i64(buf_cstr(&r.output), 2, INT32_MAX, &pid));
	assert_int_equal(kill((pid_t)pid, 0), 0);
	assert_int_equal(kill((pid_t)pid, SIGKILL), 0);
	proc_result_release(&r);
}

static void endless_writer_left_behind(void **state)
{
	int64_t start = clock_mono_us(), pid = 0;
	struct proc_result r = run_sh("sh -c 'echo $$; exec yes' & sleep 0.1", 30 * SECOND, 100);

	(void)state;
	assert_in_range(clock_mono_us() - start, 0, 25 * SECOND);
	assert_int_equal(r.exit_status, 0);
	assert_true(r.truncated);
	buf_truncate(&r.output, strcspn(buf_cstr(&r.output), "\n"));
	assert_true(str_to_i64(buf_cstr(&r.output), 2, INT32_MAX, &pid));
	assert_true(gone_within((pid_t)pid, 5 * SECOND)); /* its pipe is closed */
	proc_result_release(&r);
}

static void late_while_writing(void **state)
{
	struct proc_result r = run_sh("exec yes", SECOND / 5, 100);

	(void)state;
	assert_true(r.timed_out);
	assert_true(r.truncated);
	assert_int_equal(r.signal, SIGTERM);
	proc_result_release(&r);
}

static void closes_its_output_early(void **state)
{
	struct proc_result r = run_sh("echo a; exec >&- 2>&-; sleep 0.1; exit 5", 10 * SECOND, 100);

	(void)state;
	assert_int_equal(r.exit_status, 5);
	assert_string_equal(buf_cstr(&r.output), "a\n");
	proc_result_release(&r);
}

/* Open fds, blocked and ignored signals, and the group of the parent are not inherited. */
static void clean_surroundings(void **state)
{
	struct proc_result r;
	sigset_t all, old;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int leak = open("/dev/null", O_RDONLY); /* on purpose without O_CLOEXEC */
	unsigned long long blocked, ignored;
	char group[32];

	(void)state;
	assert_true(leak >= 3);
	sigfillset(&all);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &all, &old), 0);
	assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
	r = run_sh("ls /proc/self/fd | tr '\\n' ' '; grep -E '^Sig(Blk|Ign)' /proc/self/status | tr '\\n\\t' ' =';"
		   "readlink /proc/$$/fd/0; cut -d' ' -f5 /proc/$$/stat; echo $$",
		10 * SECOND, 4000);
	sigaction(SIGPIPE, &before, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	close(leak);
	/* ls itself opens 3; glibc keeps its own two signals, 32 and 33, ignored in what it spawns */
	if (sscanf(buf_cstr(&r.output), "0 1 2 3 SigBlk:=%llx SigIgn:=%llx ", &blocked, &ignored) != 2)
		fail_msg("%s", buf_cstr(&r.output));
	assert_int_equal(blocked, 0);
	assert_int_equal(ignored & ~0x180000000ull, 0);
	assert_non_null(strstr(buf_cstr(&r.output), " /dev/null\n"));
	{
		const char *text = strstr(buf_cstr(&r.output), "/dev/null\n") + strlen("/dev/null\n");
		size_t n = strcspn(text, "\n");

		snprintf(group, sizeof(group), "%.*s\n", (int)n, text);
		assert_string_equal(text + n + 1, group); /* the leader of its own group */
	}
	proc_result_release(&r);
}

/* The parent may have closed its 0-2: the pipe ends then have these numbers. */
static void standard_fds_closed(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		const char *const argv[] = { "/bin/sh", "-c", "echo a; echo b >&2", NULL };
		struct proc_result r;

		close(0);
		close(1);
		close(2);
		if (proc_run(argv, clock_mono_us() + 10 * SECOND, 100, &r, NULL) != 0)
			_exit(1);
		_exit(str_eq(buf_cstr(&r.output), "a\nb\n") && r.exit_status == 0 ? 0 : 2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void *runner(void *arg)
{
	AUTO(xfree_p) char *script = xasprintf("sleep 0.0%d; exit %d", (int)(intptr_t)arg, (int)(intptr_t)arg);
	const char *const argv[] = { "/bin/sh", "-c", script, NULL };
	intptr_t wrong = 0;

	for (int i = 0; i < 5; i++) {
		struct proc_result r;

		if (proc_run(argv, clock_mono_us() + 30 * SECOND, 10, &r, NULL) != 0)
			return (void *)(intptr_t)-1;
		wrong += r.exit_status != (int)(intptr_t)arg;
		proc_result_release(&r);
	}
	return (void *)wrong;
}

static void threads_get_their_own(void **state)
{
	pthread_t t[4];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, runner, (void *)(intptr_t)(i + 1)), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		void *wrong;

		assert_int_equal(pthread_join(t[i], &wrong), 0);
		assert_null(wrong);
	}
}

static size_t open_fds(void)
{
	char **names;
	size_t n;

	assert_int_equal(file_list("/proc/self/fd", &names, &n, NULL), 0);
	file_list_free(&names, n);
	return n;
}

static void no_fd_is_lost(void **state)
{
	static const char *const absent[] = { "/no/such/program", NULL };
	struct proc_result r;
	size_t before = open_fds();

	(void)state;
	for (int i = 0; i < 10; i++) {
		r = run_sh("exit 0", 10 * SECOND, 10);
		proc_result_release(&r);
		assert_int_equal(proc_run(absent, 0, 100, &r, NULL), ERR_SYSTEM);
	}
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(no_deadline_and_path),
		cmocka_unit_test(cannot_start),
		cmocka_unit_test(output_is_capped_but_drained),
		cmocka_unit_test(all_of_the_last_output),
		cmocka_unit_test(late_and_obedient),
		cmocka_unit_test(late_and_stubborn),
		cmocka_unit_test(late_children_go_too),
		cmocka_unit_test(ends_with_the_program),
		cmocka_unit_test(endless_writer_left_behind),
		cmocka_unit_test(late_while_writing),
		cmocka_unit_test(closes_its_output_early),
		cmocka_unit_test(clean_surroundings),
		cmocka_unit_test(standard_fds_closed),
		cmocka_unit_test(threads_get_their_own),
		cmocka_unit_test(no_fd_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
