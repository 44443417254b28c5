/*
 * proc.c - see proc.h
 *
 * Waits on a pidfd, so no SIGCHLD handler and no other thread's wait is in the way.
 *
 * Layer: lib/base; blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/proc.h"

#include "lib/base/mem.h"
#include "lib/os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define GRACE_US 2000000 /* from TERM to KILL, and from KILL to giving up */
#define DRAIN_US 200000  /* for output that is left when the program has ended */

enum stage { STAGE_RUNNING, STAGE_TERM, STAGE_KILL, STAGE_ABANDONED };

struct run {
	pid_t pid;
	int pidfd, out; /* out: -1 after the end of the pipe */
	enum stage stage;
	int64_t deadline; /* of the stage */
	size_t output_limit;
	struct proc_result res;
};

/* Above 2, so that setting up the child's 0-2 cannot overwrite it. */
static int move_up(int *fd)
{
	int up;

	if (*fd > 2)
		return 0;
	up = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (up < 0)
		return errno;
	close(*fd);
	*fd = up;
	return 0;
}

static int make_pipe(int ends[2])
{
	int errnum;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	errnum = move_up(&ends[0]);
	if (errnum == 0)
		errnum = move_up(&ends[1]);
	if (errnum == 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
		errnum = errno;
	if (errnum != 0) {
		close(ends[0]);
		close(ends[1]);
	}
	return errnum;
}

static int fill_actions(posix_spawn_file_actions_t *fa, int out)
{
	int errnum = posix_spawn_file_actions_addopen(fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (errnum == 0)
		errnum = posix_spawn_file_actions_adddup2(fa, out, STDOUT_FILENO);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_adddup2(fa, out, STDERR_FILENO);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_addclosefrom_np(fa, 3);
	return errnum;
}

static int fill_attr(posix_spawnattr_t *attr)
{
	sigset_t all, none;
	int errnum;

	sigfillset(&all);
	sigemptyset(&none);
	errnum = posix_spawnattr_setflags(attr,
		POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	if (errnum == 0)
		errnum = posix_spawnattr_setpgroup(attr, 0);
	if (errnum == 0)
		errnum = posix_spawnattr_setsigdefault(attr, &all);
	if (errnum == 0)
		errnum = posix_spawnattr_setsigmask(attr, &none);
	return errnum;
}

/* An errno, 0 when the program is running. */
static int spawn(const char *const argv[], int out, pid_t *pid_out)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	char **args;
	int errnum;

	errnum = posix_spawn_file_actions_init(&fa);
	if (errnum != 0)
		return errnum;
	errnum = posix_spawnattr_init(&attr);
	if (errnum == 0) {
		errnum = fill_actions(&fa, out);
		if (errnum == 0)
			errnum = fill_attr(&attr);
		/* The interface lacks a const; it does not write. */
		memcpy(&args, &argv, sizeof(args));
		if (errnum == 0)
			errnum = posix_spawnp(pid_out, argv[0], &fa, &attr, args, environ);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&fa);
	return errnum;
}

static void *reap(void *arg)
{
	pid_t pid = (pid_t)(intptr_t)arg;

	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return NULL;
}

/* It is stuck in the kernel. When it comes out, somebody must be there to take its status. */
static void reap_later(pid_t pid)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* inherited: signals go to the others */
	/* Failing leaves one zombie that our own end removes; nothing better is to be had. */
	(void)pthread_create(&thread, &attr, reap, (void *)(intptr_t)pid);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
}

static void kill_group(pid_t pid, int sig)
{
	/* The pid too: it may have changed its group. Not reaped yet, so both are still its own. */
	kill(-pid, sig);
	kill(pid, sig);
}

/* Take what the pipe holds; true when nothing more will come. */
static bool take_output(struct run *r)
{
	char block[4096];
	ssize_t n = read(r->out, block, sizeof(block));
	size_t room;

	if (n < 0)
		return errno != EINTR && errno != EAGAIN;
	if (n == 0)
		return true;
	room = r->output_limit - r->res.output.len;
	if ((size_t)n > room) {
		r->res.truncated = true;
		n = (ssize_t)room;
	}
	buf_append(&r->res.output, block, (size_t)n);
	return false;
}

static void close_out(struct run *r)
{
	if (r->out >= 0)
		close(r->out);
	r->out = -1;
}

/* The next thing to do about a program that is late. */
static void next_stage(struct run *r)
{
	switch (r->stage) {
	case STAGE_RUNNING:
		r->res.timed_out = true;
		r->stage = STAGE_TERM;
		kill_group(r->pid, SIGTERM);
		break;
	case STAGE_TERM:
		r->stage = STAGE_KILL;
		kill_group(r->pid, SIGKILL);
		break;
	case STAGE_KILL:
	case STAGE_ABANDONED:
		r->stage = STAGE_ABANDONED;
		break;
	}
	r->deadline = clock_mono_us() + GRACE_US;
}

/* Until the program has ended (true) or is given up. */
static bool wait_end(struct run *r)
{
	while (r->stage != STAGE_ABANDONED) {
		struct pollfd fds[2] = { { .fd = r->pidfd, .events = POLLIN },
					 { .fd = r->out, .events = POLLIN } };
		int n = poll(fds, ARRAY_LEN(fds), clock_poll_ms(r->deadline));

		if (n > 0 && fds[1].revents != 0 && take_output(r))
			close_out(r);
		if (n > 0 && fds[0].revents != 0)
			return true;
		/* By the clock, not by n: a program that never stops writing is late as well. */
		if (r->deadline != 0 && clock_mono_us() >= r->deadline)
			next_stage(r);
	}
	return false;
}

/* Nobody waits for other holders of the pipe: only what is in it now. */
static void drain(struct run *r)
{
	int64_t end = clock_mono_us() + DRAIN_US;

	while (r->out >= 0 && clock_mono_us() < end) {
		struct pollfd fd = { .fd = r->out, .events = POLLIN };

		if (poll(&fd, 1, 0) == 0 || take_output(r))
			close_out(r);
	}
}

static int take_status(struct run *r, const char *name, struct error *err)
{
	pid_t got;
	int status;

	do
		got = waitpid(r->pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return error_errno(err, errno, "cannot learn how '%s' ended", name);
	r->res.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	r->res.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	return 0;
}

static int follow(struct run *r, const char *name, struct error *err)
{
	if (!wait_end(r)) {
		reap_later(r->pid);
		return error_set(err, ERR_SYSTEM, "'%s' (pid %d) is late and cannot be killed", name,
			(int)r->pid);
	}
	drain(r);
	/* Its children that ignored TERM; before waitpid, after which the number may be another's. */
	if (r->res.timed_out)
		kill_group(r->pid, SIGKILL);
	return take_status(r, name, err);
}

int proc_run(const char *const argv[], int64_t deadline_us, size_t output_limit,
	struct proc_result *res_out, struct error *err)
{
	struct run r = { .output_limit = output_limit, .deadline = deadline_us };
	int ends[2], errnum, rc;

	ASSERT(argv[0] != NULL);
	errnum = make_pipe(ends);
	if (errnum != 0)
		return error_errno(err, errnum, "cannot make a pipe for '%s'", argv[0]);
	errnum = spawn(argv, ends[1], &r.pid);
	close(ends[1]);
	r.out = ends[0];
	if (errnum != 0) {
		close_out(&r);
		return error_errno(err, errnum, "cannot start '%s'", argv[0]);
	}
	r.pidfd = pidfd_open(r.pid, 0); /* close-on-exec by definition */
	if (r.pidfd < 0) {
		rc = error_errno(err, errno, "cannot watch '%s'", argv[0]);
		kill_group(r.pid, SIGKILL);
		reap_later(r.pid);
	} else {
		rc = follow(&r, argv[0], err);
		close(r.pidfd);
	}
	close_out(&r);
	if (rc != 0) {
		proc_result_release(&r.res);
		return rc;
	}
	*res_out = r.res;
	return 0;
}

void proc_result_release(struct proc_result *r)
{
	buf_release(&r->output);
}
