/*
 * metrics_page.h - docs/metrics.md from the tables of both programs; printed by `make docs`, compared with the checked-in
 * page by a unit test
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_LINT_METRICS_PAGE_H
#define TESTS_LINT_METRICS_PAGE_H

#include "agent/apply/agent_metrics.h"
#include "service/work/service_metrics.h"

#define METRICS_PAGE "docs/metrics.md"

static inline void metrics_page(struct buf *out)
{
	const double *bounds;
	size_t n = metrics_bounds(&bounds);

	buf_str(out,
		"# Metrics\n\n"
		"<!-- Printed by `make docs` from service/work/service_metrics.c, agent/apply/agent_metrics.c and "
		"lib/base/metrics_common.h. -->\n\n"
		"`GET /metrics` below the base URL of each service and each agent. With `auth.enabled` it wants a key that may read: "
		"`Authorization: Bearer KEY`, or `?authkey=KEY`.\n\n"
		"| asked for by | form |\n|---|---|\n"
		"| `?format=prometheus`, or `Accept: text/plain` | Prometheus text 0.0.4 |\n"
		"| `?format=openmetrics`, or `Accept: application/openmetrics-text` | OpenMetrics 1.0.0 |\n"
		"| anything else | JSON as Baragon's: `metrics`, `gauges`, `counters`, `histograms`, `meters`, `timers`, `names`; "
		"the names are these, with their labels: `lockstep_batches_total{outcome=committed}` |\n\n"
		"A scrape configuration:\n\n"
		"    scrape_configs:\n"
		"      - job_name: lockstep\n"
		"        metrics_path: /baragon/v2/metrics\n"
		"        authorization: { credentials: KEY }\n"
		"        static_configs: [ { targets: [ 'service1:8080', 'service2:8080' ] } ]\n\n"
		"No label holds what a client has sent. Buckets of histograms, in seconds:");
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s %g", i > 0 ? "," : "", bounds[i]);
	buf_str(out, ".\n\n## lockstep-service\n\n");
	metrics_docs(service_metrics, METRIC_SERVICE_END, out);
	buf_str(out, "\n## lockstep-agent\n\n");
	metrics_docs(agent_metrics, METRIC_AGENT_END, out);
}

#endif
