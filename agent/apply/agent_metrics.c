/*
 * agent_metrics.c - the table of what lockstep-agent counts
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/agent_metrics.h"

#include "agent/apply/work.h"

static const char *const kinds[] = { "prepare", "apply", NULL };
static const char *const outcomes[] = { "ok", "refused", "haproxy_down", "stuck", NULL };

/* clang-format off */
const struct metric agent_metrics[METRIC_AGENT_END] = {
	METRIC_COMMON_ROWS,
	[METRIC_REGISTERED] = { "lockstep_agent_registered", METRIC_GAUGE, "1: registered in its group, so leaders ask it.", { { 0 } } },
	[METRIC_SETTLED] = { "lockstep_agent_settled", METRIC_GAUGE, "1: what runs on this host is what must run.", { { 0 } } },
	[METRIC_HERE] = { "lockstep_agent_services", METRIC_GAUGE, "Services that must run on this host.", { { 0 } } },
	[METRIC_FILES] = { "lockstep_agent_files", METRIC_GAUGE, "Files that the agent has made and keeps. Absent before the first work.", { { 0 } } },
	[METRIC_HAPROXY] = { "lockstep_haproxy_up", METRIC_GAUGE,
		"1: HAProxy answers on its stats socket, asked for this scrape. Absent where `haproxy.statsSocket` is not set.", { { 0 } } },
	[METRIC_WORK] = { "lockstep_work_total", METRIC_COUNTER,
		"Pieces of work. prepare: rendered and proved, nothing live changes; apply: made live, a revert too. refused: all is as before; "
		"haproxy_down: HAProxy does not run; stuck: neither old nor new, the next piece of work repairs it first.",
		{ { "kind", kinds }, { "outcome", outcomes } } },
	[METRIC_WORK_DURATION] = { "lockstep_work_seconds", METRIC_HISTOGRAM, "How long they took.", { { "kind", kinds } } },
	[METRIC_STAGE_DURATION] = { "lockstep_stage_seconds", METRIC_HISTOGRAM,
		"Stages of the work. look: what runs now; check: the check command, where anything changed; publish: files put in place; "
		"reload: the reload asked for, or its command; confirm: until HAProxy itself said that it runs the new files.",
		{ { "stage", work_stage_names } } },
	[METRIC_STAGE_FAILED] = { "lockstep_stage_failures_total", METRIC_COUNTER,
		"Pieces of work that ended in this stage; check: a configuration was refused.", { { "stage", work_stage_names } } },
	[METRIC_LAST_SUCCESS] = { "lockstep_last_apply_time_seconds", METRIC_GAUGE,
		"When the last apply succeeded, in seconds since 1970. Absent before the first.", { { 0 } } },
};
/* clang-format on */
