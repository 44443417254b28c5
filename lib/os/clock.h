/*
 * clock.h - the monotonic clock of blocking code, the same one as loop_now()
 *
 * A deadline is a point of this clock in microseconds; 0 means none.
 *
 * Layer: lib/base.  Threads: any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_OS_CLOCK_H
#define LIB_OS_CLOCK_H

#include "lib/base/base.h"

int64_t clock_mono_us(void);

/* What poll(2) may wait until the deadline: milliseconds rounded up, 0 when it has passed, -1
 * without one. */
int clock_poll_ms(int64_t deadline_us);

#endif
