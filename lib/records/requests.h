/*
 * requests.h - a request's records: put in the queue, cancelled, looked up
 *
 * Any service may do these; the leader does the rest.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_REQUESTS_H
#define LIB_RECORDS_REQUESTS_H

#include "lib/base/life.h"
#include "lib/model/response.h"
#include "lib/store/store.h"

/* T0: request, status PENDING, id mapping and queue node in one transaction.
 * ERR_CONFLICT: the id is taken (look it up). ERR_INVALID: too large, not sent. ERR_NOT_DONE / ERR_MAYBE_DONE: requests_look
 * tells what became of it. queue_index: sequence number given, -1 on error. */
typedef void requests_put_fn(void *ctx, int64_t queue_index, const struct error *err);
void requests_put(struct store *st, struct life *life, const struct request *rq, requests_put_fn *done, void *ctx);

/* T0a: the same for an id that has ended, as it was looked up: its history entry goes. ERR_CONFLICT: it has moved since. */
struct requests_found;
void requests_put_again(struct store *st, struct life *life, const struct request *rq, const struct requests_found *old,
	requests_put_fn *done, void *ctx);

/* T0r: a request that a rule refused is remembered, so that its id answers: mapping and history entry. */
void requests_put_rejected(struct store *st, struct life *life, const struct response *resp, const char *service_id,
	store_done_fn *done, void *ctx);

/* What is known of an id: the finished answer if there is one, else the live one. `resp` NULL: unknown (looked up again after a
 * sync). agentResponses of a live one are empty: the leader's memory has them. Borrowed during the callback. */
struct requests_found {
	const struct response *resp;
	bool live;             /* still queued */
	int internal;          /* enum internal_state of a live one */
	int32_t status_version;
	const char *service_id;
	int64_t ended_ms;      /* of one that has ended: ZooKeeper's time */
	int32_t mapping_version; /* -1: a Java service has not written it yet */
};
typedef void requests_look_fn(void *ctx, const struct requests_found *found, const struct error *err);
void requests_look(struct store *st, struct life *life, const char *id, requests_look_fn *done, void *ctx);

/* T5: compare-and-set of the status that was looked up. ERR_CONFLICT: it has moved, look again. */
void requests_cancel(struct store *st, struct life *life, const char *id, int32_t status_version, store_done_fn *done, void *ctx);

/* Bytes that the largest transaction of this request will take (COMMIT), as counted against STORE_TXN_MAX. */
size_t requests_commit_bytes(const struct request *rq);

/* Queue nodes by index. */
typedef void requests_queue_fn(void *ctx, const struct queued_id *items, size_t n, int64_t oldest_ms, const struct error *err);
void requests_queue(struct store *st, struct life *life, requests_queue_fn *done, void *ctx);

#endif
