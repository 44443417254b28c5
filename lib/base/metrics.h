/*
 * metrics.h - numbers for operators: counters, gauges, and histograms of durations
 *
 * A program has one table of rows: it says what is counted, prints the answers of /metrics in three forms, and prints
 * docs/metrics.md.  Rows are named by their index.  A series (a row with the values of its labels) is made when it is first
 * told; where all values of all labels are given in the table its series are there from the start, with 0.
 *
 * Values of labels come from the code or from the cluster, never from requests.  A row that has got SERIES_MAX of them
 * all the same puts further ones under "other".
 *
 * Layer: lib/base (libc, uthash).  Threads: one object, one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_BASE_METRICS_H
#define LIB_BASE_METRICS_H

#include "lib/base/buf.h"

#define METRIC_LABELS_MAX 3
#define METRIC_SERIES_MAX 1000

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
	const char *name;
	const char *const *values; /* all there can be, NULL-terminated; NULL: made when told */
};
struct metric {
	const char *name; /* Prometheus's rules: lower case, a unit at the end, counters end in _total */
	enum metric_kind kind;
	const char *help;
	struct metric_label labels[METRIC_LABELS_MAX]; /* used from the front */
};

/* Values of the labels, in the order of the row: METRIC_LABELS("GET", "200"). */
#define METRIC_LABELS(...) ((const char *const[]){ __VA_ARGS__ })
#define METRIC_PLAIN NULL

struct metrics;
struct metrics *metrics_new(const struct metric *table, size_t n); /* the table is borrowed */
void metrics_free(struct metrics **m);

/* All of these do nothing where `m` is NULL. */
void metrics_add(struct metrics *m, size_t row, const char *const *labels, uint64_t n); /* a counter */
void metrics_set(struct metrics *m, size_t row, const char *const *labels, double v);   /* a gauge */
void metrics_took(struct metrics *m, size_t row, const char *const *labels, int64_t us); /* a histogram */
void metrics_forget(struct metrics *m, size_t row); /* all series of a row: before its gauges are set anew */

/* For what is told very often: the series itself, good until its row is forgotten. Then as metrics_add(), metrics_took(). */
struct metric_series;
struct metric_series *metrics_series(struct metrics *m, size_t row, const char *const *labels);
void metric_series_add(struct metric_series *s, uint64_t n);
void metric_series_took(struct metric_series *s, int64_t us);

/* What a counter or a gauge says, or how often a histogram was told; 0 = there is no such series. */
double metrics_value(const struct metrics *m, size_t row, const char *const *labels);

enum metrics_form {
	METRICS_JSON,        /* as the registry of Java's services: "gauges", "counters", … */
	METRICS_PROMETHEUS,  /* text format 0.0.4 */
	METRICS_OPENMETRICS, /* text format 1.0.0 */
};
void metrics_print(const struct metrics *m, enum metrics_form form, struct buf *out);

/* A table of Markdown. */
void metrics_docs(const struct metric *table, size_t n, struct buf *out);
/* Upper bounds of the buckets, in seconds. */
size_t metrics_bounds(const double **out);

#endif
