/*
 * metrics_common.h - what both programs count: the first rows of their tables
 *
 * The table of a program begins with METRIC_COMMON_ROWS; its own rows follow from METRIC_OWN on.  lib/http counts requests,
 * lib/records/link_meter.h the connection to ZooKeeper.
 *
 * Layer: lib/base.  Threads: constants.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_METRICS_COMMON_H
#define LIB_BASE_METRICS_COMMON_H

#include "lib/base/metrics.h"

enum metric_common {
	METRIC_HTTP_REQUESTS,
	METRIC_HTTP_DURATION,
	METRIC_ZK_CONNECTED,
	METRIC_ZK_RECONNECTS,
	METRIC_ZK_LOST,
	METRIC_BUILD,
	METRIC_STARTED,
	METRIC_OWN,
};

/* clang-format off */
#define METRIC_COMMON_ROWS                                                                                              \
	[METRIC_HTTP_REQUESTS] = { "lockstep_http_requests_total", METRIC_COUNTER,                                       \
		"Requests answered. Route: the pattern, or none where there is no such. Status 499: the client left first.", \
		{ { "method", NULL }, { "route", NULL }, { "status", NULL } } },                                            \
	[METRIC_HTTP_DURATION] = { "lockstep_http_request_duration_seconds", METRIC_HISTOGRAM,                            \
		"From a request being there whole to its answer being handed over. Requests with wait= are in it.",         \
		{ { "method", NULL }, { "route", NULL } } },                                                                \
	[METRIC_ZK_CONNECTED] = { "lockstep_zookeeper_connected", METRIC_GAUGE, "1: the session with ZooKeeper works.", { { 0 } } }, \
	[METRIC_ZK_RECONNECTS] = { "lockstep_zookeeper_reconnects_total", METRIC_COUNTER,                                 \
		"Times the connection came back, in the old session or a new one.", { { 0 } } },                            \
	[METRIC_ZK_LOST] = { "lockstep_zookeeper_sessions_lost_total", METRIC_COUNTER,                                    \
		"Sessions that ended without our doing: ephemeral nodes went with them.", { { 0 } } },                      \
	[METRIC_BUILD] = { "lockstep_build_info", METRIC_GAUGE, "Always 1.", { { "version", NULL } } },                    \
	[METRIC_STARTED] = { "lockstep_start_time_seconds", METRIC_GAUGE, "When this process began, in seconds since 1970.", { { 0 } } }
/* clang-format on */

#endif
