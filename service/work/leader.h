/*
 * leader.h - takes part in the election of /workers, and keeps a worker while it leads
 *
 * Makes the folders that transactions expect, its marker (so that others know it for Lockstep), then its latch node; all
 * anew for each session.  It does not lead beside a participant without a marker (a Java service, which does not fence its
 * writes) unless told to: then it goes to the end of the line, and after the last such one has left it waits until that
 * one's last writes are over.
 *
 * Layer: service/work.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_WORK_LEADER_H
#define SERVICE_WORK_LEADER_H

#include "service/work/worker.h"

struct leader_options {
	const char *base_uri;        /* of this service: data of the latch node */
	const char *version;
	bool enabled;                /* worker.enabled; false: makes the folders, never takes part */
	bool allow_mixed;            /* allowMixedServices */
	int64_t peer_wait_ms;        /* after the last unmarked participant has left; 0 = 15 s */
	uint64_t seed;               /* for guids; 0 = from the system */
	struct worker_options worker;
	void (*committed)(void *ctx, const struct worker_commit *commits, size_t n);
	void (*ended)(void *ctx, const char *request_id);
	void *ctx;
};

struct leader;
struct leader *leader_new(struct loop *l, struct store *st, struct client *cl, const struct leader_options *opt);
void leader_free(struct leader **ld); /* leaves the election */

struct worker *leader_worker(const struct leader *ld); /* NULL: not leading */
bool leader_leads(const struct leader *ld);
bool leader_ready(const struct leader *ld);     /* the folders are there: requests can be queued */
size_t leader_unmarked(const struct leader *ld); /* participants that are not Lockstep */

#endif
