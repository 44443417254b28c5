/*
 * base.c - the end of the line for a programming error
 *
 * Layer: lib/base.  Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/base.h"

#include "lib/base/log.h"

#include <stdlib.h>
#include <unistd.h>

static _Thread_local bool failing;

void assert_failed(const char *what, const char *file, int line)
{
	static const char again[] = "error assertion failed while reporting another\n";

	/* The report itself may fail an assertion: then only abort is left. */
	if (failing) {
		ssize_t ignored = write(STDERR_FILENO, again, sizeof(again) - 1);

		(void)ignored;
		abort();
	}
	failing = true;
	log_error(NULL, "assertion failed", "what", what, "file", file, "line", log_int(line));
	abort();
}
