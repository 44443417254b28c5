/*
 * service_metrics.h - what lockstep-service counts; docs/metrics.md is printed from its table
 *
 * Layer: service/work.  Threads: constants.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_SERVICE_METRICS_H
#define SERVICE_WORK_SERVICE_METRICS_H

#include "lib/base/metrics_common.h"

enum service_metric {
	METRIC_LEADER = METRIC_OWN,
	METRIC_FOREIGN,
	METRIC_QUEUE,
	METRIC_QUEUE_AGE,
	METRIC_BATCHES,
	METRIC_BATCHES_NOW,
	METRIC_REQUESTS,
	METRIC_SERVICES,
	METRIC_UNREADABLE,
	METRIC_AGENTS_KNOWN,
	METRIC_AGENTS_REGISTERED,
	METRIC_WAITERS,
	METRIC_SERVICE_END,
};
extern const struct metric service_metrics[METRIC_SERVICE_END];

#endif
