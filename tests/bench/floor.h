/*
 * floor.h - the least that a deploy must cost, done with the project's own lib: seams of its three
 * files
 *
 *     floor.c       arguments; chains of deploys, their stages timed
 *     floor_txn.c   the three transactions, with the operations and sizes of lib/records and step.c
 *     floor_host.c  what a host must do: the files, the commands, HAProxy
 *
 * Layer: tests.  Threads: loop thread, but for the host's job.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_BENCH_FLOOR_H
#define TESTS_BENCH_FLOOR_H

#include "lib/base/life.h"
#include "lib/loop/loop.h"
#include "lib/model/batch.h"
#include "lib/records/requests.h"
#include "lib/store/store.h"
#include "tests/bench/bench.h"

/* What all transactions of a run have in common. */
struct floor_txn {
	struct store *st;
	struct life *life;
	const char *prefix;
	int64_t services;
	char *const *hosts; /* URLs of their calls */
	size_t n_hosts;
};

/* One deploy's transactions. */
struct floor_deploy {
	struct arena *arena;
	struct bench_deploy d;
	const struct request *request;
	const char *batch, *digest;
	int64_t queue_index;
};

/* Makes the tree in which the deploys after the first of each service find everything as a running
 * cluster has it. services_only: no more than what a service that starts on it must find. */
void floor_txn_setup(
	struct floor_txn *t, bool services_only, void (*done)(void *ctx), void *ctx);

void floor_deploy_init(struct floor_deploy *fd, const struct floor_txn *t, int64_t k);
void floor_deploy_release(struct floor_deploy *fd);
void floor_txn_enqueue(
	struct floor_txn *t, struct floor_deploy *fd, requests_put_fn *done, void *ctx); /* T0 */
void floor_txn_decide(
	struct floor_txn *t, struct floor_deploy *fd, store_commit_fn *done, void *ctx); /* T2 */
void floor_txn_commit(
	struct floor_txn *t, struct floor_deploy *fd, store_commit_fn *done, void *ctx); /* T3 */

/* floor host ...: serves until SIGTERM; see floor_host.c. */
int floor_host(char *const *argv);

/* Ends the program with a message. */
void floor_fail(const char *what, const struct error *err) NORETURN;

#endif
