/*
 * schedule.h - which queued requests start now, and together with which
 *
 * Rules: per service in queue order, one at a time; batches in flight reach disjoint sets of groups; two requests of
 * different services that want one base path are never in flight together (the first may still fail: the second waits);
 * one that has waited long for its groups keeps them from those behind it, or many groups would never be free at once;
 * requests with the same set of groups fly together, up to a limit; one that was refused in company flies alone.
 *
 * Layer: service/core (pure).
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_CORE_SCHEDULE_H
#define SERVICE_CORE_SCHEDULE_H

#include "service/core/plan.h"

struct schedule_item { /* in queue order */
	const char *service;
	const struct strings *groups;
	const struct plan_paths *wanted;
	bool flying;    /* in flight: takes its service, groups and paths */
	bool startable; /* known well enough to start; others only keep their service's later ones back */
	bool alone;
	bool overdue;   /* has waited long */
	size_t bytes;   /* that its largest transaction takes */
	int batch;      /* out: -1 = not now, else 0, 1, … */
};

/* Returns the number of batches. */
struct schedule_limits {
	size_t requests, bytes; /* in one batch; a request larger than that flies alone */
};
int schedule(struct schedule_item *items, size_t n, const struct schedule_limits *limits);

#endif
