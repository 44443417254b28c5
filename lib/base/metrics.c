/*
 * metrics.c - series of numbers by row and labels
 *
 * Layer: lib/base (libc, uthash).  Threads: one object, one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/metrics_internal.h"

static const char other[] = "other";

size_t metrics_bounds(const double **out)
{
	static const double bounds[METRIC_BUCKETS] = { 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
		0.5, 1, 2.5, 5, 10, 30, 60, 120, 300 };

	*out = bounds;
	return ARRAY_LEN(bounds);
}

size_t metric_labels(const struct metric *row)
{
	size_t n = 0;

	while (n < METRIC_LABELS_MAX && row->labels[n].name != NULL)
		n++;
	return n;
}

/* The values one behind the other, each with its NUL. */
static void make_key(struct buf *key, const char *const *labels, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_append(key, labels[i], strlen(labels[i]) + 1);
}

static struct metric_series *find(const struct metric_row *row, const char *const *labels, size_t n)
{
	AUTO(buf_release) struct buf key = BUF_INIT;
	struct metric_series *s;

	if (n == 0)
		return row->series;
	make_key(&key, labels, n);
	HASH_FIND(hh, row->series, buf_cstr(&key), key.len, s);
	return s;
}

static struct metric_series *make(struct metric_row *row, const char *const *labels, size_t n)
{
	AUTO(buf_release) struct buf key = BUF_INIT;
	struct metric_series *s = xcalloc(1, sizeof(*s));

	make_key(&key, labels, n);
	if (n == 0)
		buf_char(&key, '\0');
	s->key = buf_steal(&key, &s->key_len);
	for (size_t i = 0, at = 0; i < n; i++) {
		s->values[i] = s->key + at;
		at += strlen(s->key + at) + 1;
	}
	if (row->kind == METRIC_HISTOGRAM)
		s->buckets = xcalloc(METRIC_BUCKETS, sizeof(*s->buckets));
	HASH_ADD_KEYPTR(hh, row->series, s->key, s->key_len, s);
	return s;
}

static struct metric_series *series_of(struct metrics *m, size_t at, const char *const *labels, enum metric_kind kind)
{
	const char *const others[METRIC_LABELS_MAX] = { other, other, other };
	struct metric_row *row;
	struct metric_series *s;
	size_t n;

	ASSERT(at < m->n && m->table[at].kind == kind);
	row = &m->rows[at];
	n = metric_labels(&m->table[at]);
	ASSERT(n == 0 || labels != NULL);
	s = find(row, labels, n);
	if (s == NULL && n > 0 && HASH_COUNT(row->series) >= METRIC_SERIES_MAX) {
		labels = others;
		s = find(row, labels, n);
	}
	return s != NULL ? s : make(row, labels, n);
}

/* Every combination of the values, if all are known. */
static void make_known(struct metrics *m, size_t at)
{
	const struct metric *row = &m->table[at];
	size_t n = metric_labels(row), pick[METRIC_LABELS_MAX] = { 0 }, i;
	const char *values[METRIC_LABELS_MAX];

	for (i = 0; i < n; i++)
		if (row->labels[i].values == NULL)
			return;
	do {
		for (i = 0; i < n; i++)
			values[i] = row->labels[i].values[pick[i]];
		make(&m->rows[at], values, n);
		for (i = n; i > 0; i--) {
			if (row->labels[i - 1].values[++pick[i - 1]] != NULL)
				break;
			pick[i - 1] = 0;
		}
	} while (i > 0);
}

struct metrics *metrics_new(const struct metric *table, size_t n)
{
	struct metrics *m = xcalloc(1, sizeof(*m));

	m->table = table;
	m->n = n;
	m->rows = xcalloc(n + 1, sizeof(*m->rows));
	for (size_t i = 0; i < n; i++) {
		m->rows[i].kind = table[i].kind;
		if (metric_labels(&table[i]) > 0 || table[i].kind != METRIC_GAUGE)
			make_known(m, i);
	}
	return m;
}

static void forget(struct metric_row *row)
{
	struct metric_series *s, *tmp;

	HASH_ITER(hh, row->series, s, tmp) {
		HASH_DEL(row->series, s);
		free(s->key);
		free(s->buckets);
		free(s);
	}
}

void metrics_free(struct metrics **mp)
{
	struct metrics *m = STEAL(*mp);

	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		forget(&m->rows[i]);
	free(m->rows);
	free(m);
}

void metrics_forget(struct metrics *m, size_t row)
{
	if (m == NULL)
		return;
	ASSERT(row < m->n);
	forget(&m->rows[row]);
}

void metrics_add(struct metrics *m, size_t row, const char *const *labels, uint64_t n)
{
	if (m != NULL)
		series_of(m, row, labels, METRIC_COUNTER)->count += n;
}

void metrics_set(struct metrics *m, size_t row, const char *const *labels, double v)
{
	if (m != NULL)
		series_of(m, row, labels, METRIC_GAUGE)->value = v;
}

void metrics_took(struct metrics *m, size_t row, const char *const *labels, int64_t us)
{
	if (m != NULL)
		metric_series_took(series_of(m, row, labels, METRIC_HISTOGRAM), us);
}

struct metric_series *metrics_series(struct metrics *m, size_t row, const char *const *labels)
{
	ASSERT(row < m->n);
	return series_of(m, row, labels, m->table[row].kind);
}

void metric_series_add(struct metric_series *s, uint64_t n)
{
	s->count += n;
}

void metric_series_took(struct metric_series *s, int64_t us)
{
	const double *bounds;
	size_t n = metrics_bounds(&bounds);
	double seconds;

	us = us > 0 ? us : 0;
	seconds = (double)us / 1e6;
	s->count++;
	s->sum_us += (uint64_t)us;
	for (size_t i = 0; i < n; i++)
		if (seconds <= bounds[i]) {
			s->buckets[i]++;
			break;
		}
}

double metrics_value(const struct metrics *m, size_t row, const char *const *labels)
{
	const struct metric_series *s;

	ASSERT(row < m->n);
	s = find(&m->rows[row], labels, metric_labels(&m->table[row]));
	if (s == NULL)
		return 0;
	return m->table[row].kind == METRIC_GAUGE ? s->value : (double)s->count;
}
