/*
 * janitor.h - what nobody waits for: remains, leftovers, hosts that have been away too long
 *
 * Layer: service/work (private to it).  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_JANITOR_H
#define SERVICE_WORK_JANITOR_H

#include "service/work/flight.h"

struct janitor;
struct janitor *janitor_new(struct worker *w);
void janitor_free(struct janitor **j);
void janitor_retire(struct janitor *j, const char *request_id); /* T8 */
void janitor_quarantine(struct janitor *j, const struct item *it);      /* T7 */
void janitor_sweep_terminal(struct janitor *j, const struct item *it);  /* ended by a predecessor, still queued */
void janitor_drop_decision(struct janitor *j, const char *batch);       /* a record without its requests */
void janitor_sweep(struct janitor *j); /* request nodes without a queue node */
void janitor_watch_groups(struct janitor *j);
void janitor_tick(struct janitor *j);

#endif
