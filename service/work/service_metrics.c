/*
 * service_metrics.c - the table of what lockstep-service counts
 *
 * Layer: service/work.  Threads: constants.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/work/service_metrics.h"

static const char *const outcomes[] = { "committed", "refused", "reverted", "cancelled", "stuck", NULL };
static const char *const ends[] = { "SUCCESS", "FAILED", "CANCELED", "INVALID_REQUEST_NOOP", NULL };

/* clang-format off */
const struct metric service_metrics[METRIC_SERVICE_END] = {
	METRIC_COMMON_ROWS,
	[METRIC_LEADER] = { "lockstep_leader", METRIC_GAUGE, "1: this service leads. Over all services there should be one.", { { 0 } } },
	[METRIC_FOREIGN] = { "lockstep_foreign_services", METRIC_GAUGE,
		"Participants of the election that are not Lockstep: beside them nobody leads unless `allowMixedServices` is set.", { { 0 } } },
	[METRIC_QUEUE] = { "lockstep_queue_length", METRIC_GAUGE,
		"Requests that are queued or in progress. Absent while ZooKeeper is away.", { { 0 } } },
	[METRIC_QUEUE_AGE] = { "lockstep_queue_oldest_seconds", METRIC_GAUGE,
		"How long the oldest of them has been queued; 0 if there is none. Absent while ZooKeeper is away.", { { 0 } } },
	[METRIC_BATCHES] = { "lockstep_batches_total", METRIC_COUNTER,
		"Batches that this service has brought to an end as the leader. refused: no host was touched; reverted: hosts were put back "
		"after a failure; cancelled: put back because a client asked for it; stuck: some host is not known to be back.",
		{ { "outcome", outcomes } } },
	[METRIC_BATCHES_NOW] = { "lockstep_batches_in_progress", METRIC_GAUGE, "Batches in progress, on the leader.", { { 0 } } },
	[METRIC_REQUESTS] = { "lockstep_request_end_seconds", METRIC_HISTOGRAM,
		"From the post of a request to its end, told by the leader that ended it. By clocks of two machines, ZooKeeper's and the leader's.",
		{ { "state", ends } } },
	[METRIC_SERVICES] = { "lockstep_services", METRIC_GAUGE, "Services in the committed state, as this service knows it.", { { 0 } } },
	[METRIC_UNREADABLE] = { "lockstep_services_unreadable", METRIC_GAUGE, "Nodes below `/state` that hold no service.", { { 0 } } },
	[METRIC_AGENTS_KNOWN] = { "lockstep_agents_known", METRIC_GAUGE,
		"Agents that a group ever had and that were not forgotten. Absent while ZooKeeper is away.", { { "group", NULL } } },
	[METRIC_AGENTS_REGISTERED] = { "lockstep_agents_registered", METRIC_GAUGE,
		"Agents that are registered in a group now. Absent while ZooKeeper is away.", { { "group", NULL } } },
	[METRIC_WAITERS] = { "lockstep_waiting_clients", METRIC_GAUGE, "Requests with `wait=` that are held, at most `maxWaiters`.", { { 0 } } },
};
/* clang-format on */
