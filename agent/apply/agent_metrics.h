/*
 * agent_metrics.h - what lockstep-agent counts; docs/metrics.md is printed from its table
 *
 * Layer: agent/apply.  Threads: constants.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_APPLY_AGENT_METRICS_H
#define AGENT_APPLY_AGENT_METRICS_H

#include "lib/base/metrics_common.h"

enum agent_metric {
	METRIC_REGISTERED = METRIC_OWN,
	METRIC_SETTLED,
	METRIC_HERE,
	METRIC_FILES,
	METRIC_HAPROXY,
	METRIC_WORK,
	METRIC_WORK_DURATION,
	METRIC_STAGE_DURATION,
	METRIC_STAGE_FAILED,
	METRIC_LAST_SUCCESS,
	METRIC_AGENT_END,
};
extern const struct metric agent_metrics[METRIC_AGENT_END];

#endif
