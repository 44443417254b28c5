/*
 * bench.h - what the programs of the benchmark have in common: arguments, and the deploys they make
 *
 * Deploy k goes to service k % services, whose upstreams are one that stays and one that changes: k
 * puts the address of k in the place of that of k - services.  So both sides of a comparison make
 * the same deploys, and whoever knows the next k can go on.
 *
 * Layer: tests.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include "lib/base/buf.h"

#define BENCH_GROUP "web"

/* "name=value" among the arguments; the program ends with a message if there is none and no
 * default. */
const char *bench_text(char *const *argv, const char *name, const char *otherwise);
int64_t bench_number(
	char *const *argv, const char *name, int64_t otherwise); /* INT64_MIN: required */

struct bench_deploy {
	char id[96], service[64];
	char keep[32], add[32], remove[32]; /* addresses */
	bool first;                         /* of its service: adds `keep` too, removes nothing */
};
void bench_deploy(struct bench_deploy *d, const char *prefix, int64_t k, int64_t services);
/* The body of its POST. */
void bench_body(const struct bench_deploy *d, struct buf *out);

#endif
