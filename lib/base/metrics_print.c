/*
 * metrics_print.c - series as JSON, as text for Prometheus, and the rows as a page
 *
 * Layer: lib/base, private to metrics.  Threads: one object, one thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/metrics_internal.h"

#include <string.h>

#include "lib/base/str.h"

static const char *const kind_names[] = { "counter", "gauge", "histogram" };

/* --- text --- */

static void put_escaped(struct buf *out, const char *s, bool quotes)
{
	for (; *s; s++) {
		if (*s == '\n') {
			buf_str(out, "\\n");
			continue;
		}
		if ((quotes && *s == '"') || *s == '\\')
			buf_char(out, '\\');
		buf_char(out, *s);
	}
}

/* {a="x",le="0.5"}, or nothing. */
static void put_labels(struct buf *out, const struct metric *row, const struct metric_series *s, const char *le)
{
	size_t n = metric_labels(row);

	if (n == 0 && le == NULL)
		return;
	buf_char(out, '{');
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s%s=\"", i > 0 ? "," : "", row->labels[i].name);
		put_escaped(out, s->values[i], true);
		buf_char(out, '"');
	}
	if (le != NULL)
		buf_printf(out, "%sle=\"%s\"", n > 0 ? "," : "", le);
	buf_char(out, '}');
}

static void put_sample(struct buf *out, const struct metric *row, const char *suffix, const struct metric_series *s, const char *le)
{
	buf_str(out, row->name);
	buf_str(out, suffix);
	put_labels(out, row, s, le);
	buf_char(out, ' ');
}

static void put_histogram(struct buf *out, const struct metric *row, const struct metric_series *s)
{
	AUTO(buf_release) struct buf le = BUF_INIT;
	const double *bounds;
	size_t n = metrics_bounds(&bounds);
	uint64_t below = 0;

	for (size_t i = 0; i < n; i++) {
		below += s->buckets[i];
		buf_clear(&le);
		buf_printf(&le, "%g", bounds[i]);
		put_sample(out, row, "_bucket", s, buf_cstr(&le));
		buf_printf(out, "%llu\n", (unsigned long long)below);
	}
	put_sample(out, row, "_bucket", s, "+Inf");
	buf_printf(out, "%llu\n", (unsigned long long)s->count);
	put_sample(out, row, "_sum", s, NULL);
	buf_printf(out, "%.6f\n", (double)s->sum_us / 1e6);
	put_sample(out, row, "_count", s, NULL);
	buf_printf(out, "%llu\n", (unsigned long long)s->count);
}

static void put_series(struct buf *out, const struct metric *row, const struct metric_series *s)
{
	switch (row->kind) {
	case METRIC_COUNTER:
		put_sample(out, row, "", s, NULL);
		buf_printf(out, "%llu\n", (unsigned long long)s->count);
		break;
	case METRIC_GAUGE:
		put_sample(out, row, "", s, NULL);
		buf_printf(out, "%.15g\n", s->value);
		break;
	case METRIC_HISTOGRAM:
		put_histogram(out, row, s);
		break;
	}
}

static void print_text(const struct metrics *m, bool open, struct buf *out)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct metric *row = &m->table[i];
		/* OpenMetrics: the family of a counter is named without _total. */
		size_t n = strlen(row->name) - (open && row->kind == METRIC_COUNTER ? strlen("_total") : 0);

		if (m->rows[i].series == NULL)
			continue;
		buf_printf(out, "# HELP %.*s ", (int)n, row->name);
		put_escaped(out, row->help, open); /* the older form leaves quotes as they are */
		buf_printf(out, "\n# TYPE %.*s %s\n", (int)n, row->name, kind_names[row->kind]);
		for (const struct metric_series *s = m->rows[i].series; s != NULL; s = s->hh.next)
			put_series(out, row, s);
	}
	if (open)
		buf_str(out, "# EOF\n");
}

/* --- JSON --- */

/* What lies within a bucket is taken to lie evenly. */
static double quantile(const struct metric_series *s, double q)
{
	const double *bounds;
	size_t n = metrics_bounds(&bounds);
	double want = q * (double)s->count, below = 0;

	if (s->count == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		double in = (double)s->buckets[i], from = i > 0 ? bounds[i - 1] : 0;

		if (in > 0 && below + in >= want)
			return from + (bounds[i] - from) * (want - below) / in;
		below += in;
	}
	return bounds[n - 1];
}

static void put_snapshot(struct buf *out, const struct metric_series *s)
{
	static const struct {
		const char *name;
		double q;
	} points[] = { { "median", 0.5 }, { "75thPercentile", 0.75 }, { "95thPercentile", 0.95 },
		{ "98thPercentile", 0.98 }, { "99thPercentile", 0.99 }, { "999thPercentile", 0.999 } };
	double sum = (double)s->sum_us / 1e6;

	buf_printf(out, "{\"count\":%llu,\"sum\":%.6f,\"snapshot\":{\"mean\":%.6g", (unsigned long long)s->count, sum,
		s->count > 0 ? sum / (double)s->count : 0);
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		buf_printf(out, ",\"%s\":%.6g", points[i].name, quantile(s, points[i].q));
	buf_str(out, "}}");
}

static void put_json_value(struct buf *out, enum metric_kind kind, const struct metric_series *s)
{
	switch (kind) {
	case METRIC_COUNTER:
		buf_printf(out, "{\"count\":%llu}", (unsigned long long)s->count);
		break;
	case METRIC_GAUGE:
		buf_printf(out, "{\"value\":%.15g}", s->value);
		break;
	case METRIC_HISTOGRAM:
		put_snapshot(out, s);
		break;
	}
}

/* "name{label=value,…}": Java's registry has names only. */
static void put_json_name(struct buf *out, const struct metric *row, const struct metric_series *s)
{
	AUTO(buf_release) struct buf name = BUF_INIT;
	size_t n = metric_labels(row);

	buf_str(&name, row->name);
	for (size_t i = 0; i < n; i++)
		buf_printf(&name, "%c%s=%s", i > 0 ? ',' : '{', row->labels[i].name, s->values[i]);
	if (n > 0)
		buf_char(&name, '}');
	buf_json_string(out, name.data, name.len);
}

/* The members of one object: all series whose kind is in the set. */
static void put_members(const struct metrics *m, unsigned kinds, bool names_only, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < m->n; i++) {
		if (!(kinds >> m->table[i].kind & 1))
			continue;
		for (const struct metric_series *s = m->rows[i].series; s != NULL; s = s->hh.next) {
			if (!first)
				buf_char(out, ',');
			first = false;
			put_json_name(out, &m->table[i], s);
			if (names_only)
				continue;
			buf_char(out, ':');
			put_json_value(out, m->table[i].kind, s);
		}
	}
}

static void print_json(const struct metrics *m, struct buf *out)
{
	buf_str(out, "{\"metrics\":{");
	put_members(m, ~0u, false, out);
	buf_str(out, "},\"gauges\":{");
	put_members(m, 1u << METRIC_GAUGE, false, out);
	buf_str(out, "},\"counters\":{");
	put_members(m, 1u << METRIC_COUNTER, false, out);
	buf_str(out, "},\"histograms\":{");
	put_members(m, 1u << METRIC_HISTOGRAM, false, out);
	buf_str(out, "},\"meters\":{},\"timers\":{},\"names\":[");
	put_members(m, ~0u, true, out);
	buf_str(out, "]}");
}

void metrics_print(const struct metrics *m, enum metrics_form form, struct buf *out)
{
	switch (form) {
	case METRICS_JSON:
		print_json(m, out);
		break;
	case METRICS_PROMETHEUS:
	case METRICS_OPENMETRICS:
		print_text(m, form == METRICS_OPENMETRICS, out);
		break;
	}
}

/* --- the page --- */

static void put_values(struct buf *out, const struct metric_label *label)
{
	buf_printf(out, "`%s`", label->name);
	for (size_t i = 0; label->values != NULL && label->values[i] != NULL; i++)
		buf_printf(out, "%s%s", i > 0 ? ", " : ": ", label->values[i]);
}

void metrics_docs(const struct metric *table, size_t n, struct buf *out)
{
	buf_str(out, "| name | kind | labels | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "| `%s` | %s | ", table[i].name, kind_names[table[i].kind]);
		for (size_t k = 0; k < metric_labels(&table[i]); k++) {
			if (k > 0)
				buf_str(out, "; ");
			put_values(out, &table[i].labels[k]);
		}
		buf_printf(out, " | %s |\n", table[i].help);
	}
}
