/*
 * clock.c - see clock.h
 *
 * Layer: lib/base.  Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/os/clock.h"

#include <limits.h>
#include <time.h>

int64_t clock_mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int clock_poll_ms(int64_t deadline_us)
{
	int64_t left;

	if (deadline_us == 0)
		return -1;
	left = deadline_us - clock_mono_us();
	if (left <= 0)
		return 0;
	if (left > (int64_t)INT_MAX * 1000)
		return INT_MAX;
	return (int)((left + 999) / 1000);
}
