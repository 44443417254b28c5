/*
 * http_metrics.h - requests counted by route, and the answers of GET /metrics
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_HTTP_METRICS_H
#define LIB_HTTP_HTTP_METRICS_H

#include "lib/base/metrics_common.h"
#include "lib/http/http.h"

/* GET /metrics. The form: ?format=prometheus, openmetrics or json; else by Accept; else JSON, as Java's services. */
void http_metrics_reply(struct http_request **rq_take, const struct metrics *m);

/* May a client that accepts this only be given what http_metrics_reply() would? NULL: no such header. */
bool http_metrics_accepts(const char *accept);

#endif
