/*
 * proc.h - run a program to its end: no shell, own process group, fds 0-2 only
 *
 * Ends when the program has ended, not when every holder of its pipes has.  Late: SIGTERM to the
 * group, 2 s, SIGKILL to the group; what cannot be killed is abandoned 2 s later (ERR_SYSTEM).
 *
 * Layer: lib/base; blocks: apply thread and jobs only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_OS_PROC_H
#define LIB_OS_PROC_H

#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/error.h"

struct proc_result {
	int exit_status; /* -1 if ended by a signal */
	int signal;      /* 0 if it exited */
	bool timed_out, truncated;
	struct buf output; /* stdout and stderr as they came, at most output_limit bytes */
};
/* 0: it ran to an end, look at the result. ERR_SYSTEM: it could not be started, or not be ended.
 * argv[0] without a slash is looked up in PATH; the deadline is as in clock.h. */
int proc_run(const char *const argv[], int64_t deadline_us, size_t output_limit, struct proc_result *res_out,
	struct error *err) MUST_CHECK;
void proc_result_release(struct proc_result *r);

/* A command line of the YAML as words, as Java's commons-exec splits it: blanks separate, '…' and "…"
 * group, nothing is expanded. Free with proc_words_free. */
int proc_split(const char *command, char ***argv_out, struct error *err) MUST_CHECK;
void proc_words_free(char ***argv);

#endif
