/*
 * link_meter.h - counts what becomes of the connection to ZooKeeper
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_LINK_METER_H
#define LIB_RECORDS_LINK_METER_H

#include "lib/base/metrics_common.h"
#include "lib/store/store.h"

struct link_meter;
/* Both are borrowed. */
struct link_meter *link_meter_new(struct store *st, struct metrics *m);
void link_meter_free(struct link_meter **lm);

#endif
