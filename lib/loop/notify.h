/*
 * notify.h - tell systemd READY, STOPPING and that we are alive (WATCHDOG), without libsystemd
 *
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID once and takes them out of the environment, so
 * that children do not speak for us.  Without them every call does nothing.
 *
 * Layer: lib/loop.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_LOOP_NOTIFY_H
#define LIB_LOOP_NOTIFY_H

#include "lib/loop/loop.h"

struct notify;

struct notify *notify_new(struct loop *l);
void notify_free(struct notify **n);

/* From here on the watchdog is fed by a timer of the loop, at half its time: a loop that hangs is
 * restarted by systemd. */
void notify_ready(struct notify *n);
void notify_stopping(struct notify *n);
void notify_status(struct notify *n, const char *text); /* one line for `systemctl status` */

#endif
