/*
 * metrics_internal.h - series, for metrics.c which counts and metrics_print.c which prints
 *
 * Layer: lib/base, private to metrics.  Threads: one object, one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_METRICS_INTERNAL_H
#define LIB_BASE_METRICS_INTERNAL_H

#include "lib/base/map.h"
#include "lib/base/metrics.h"

#define METRIC_BUCKETS 18

struct metric_series {
	UT_hash_handle hh;
	char *key;
	size_t key_len;
	const char *values[METRIC_LABELS_MAX]; /* of the labels, in `key` */
	double value;      /* of a gauge */
	uint64_t count;    /* of a counter; how often a histogram was told */
	uint64_t sum_us;
	uint64_t *buckets; /* of a histogram: each what is in it alone; beyond the last: in `count` only */
};
struct metric_row {
	enum metric_kind kind;
	struct metric_series *series;
};
struct metrics {
	const struct metric *table;
	size_t n;
	struct metric_row *rows;
};

size_t metric_labels(const struct metric *row); /* how many it has */

#endif
