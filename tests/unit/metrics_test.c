/*
 * metrics_test.c - what is counted is what is printed, in every form
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/metrics.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

enum { ROW_CALLS, ROW_HEAT, ROW_TIME, ROW_PAIRS, ROWS };
static const char *const ends[] = { "good", "bad", NULL };
static const char *const colours[] = { "red", "blue", NULL };
static const struct metric table[ROWS] = {
	[ROW_CALLS] = { "calls_total", METRIC_COUNTER, "Calls.", { { "by", NULL } } },
	[ROW_HEAT] = { "heat", METRIC_GAUGE, "How \"hot\" it is.", { { 0 } } },
	[ROW_TIME] = { "time_seconds", METRIC_HISTOGRAM, "How long.", { { "end", ends } } },
	[ROW_PAIRS] = { "pairs_total", METRIC_COUNTER, "Pairs.", { { "end", ends }, { "colour", colours } } },
};

static void expect_in(const struct metrics *m, enum metrics_form form, const char *want)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	metrics_print(m, form, &out);
	if (strstr(buf_cstr(&out), want) == NULL)
		fail_msg("'%s' is not in:\n%s", want, buf_cstr(&out));
}

static void known_values_are_there_from_the_start(void **state)
{
	AUTO(metrics_free) struct metrics *m = metrics_new(table, ROWS);

	(void)state;
	expect_in(m, METRICS_PROMETHEUS,
		"# HELP pairs_total Pairs.\n# TYPE pairs_total counter\n"
		"pairs_total{end=\"good\",colour=\"red\"} 0\npairs_total{end=\"good\",colour=\"blue\"} 0\n"
		"pairs_total{end=\"bad\",colour=\"red\"} 0\npairs_total{end=\"bad\",colour=\"blue\"} 0\n");
	expect_in(m, METRICS_PROMETHEUS, "time_seconds_count{end=\"bad\"} 0\n");
	expect_in(m, METRICS_JSON, "\"gauges\":{},"); /* nobody has said how hot it is */
}

static void counters_and_gauges(void **state)
{
	AUTO(metrics_free) struct metrics *m = metrics_new(table, ROWS);

	(void)state;
	metrics_add(m, ROW_CALLS, METRIC_LABELS("a\"b\\c\nd"), 2);
	metrics_add(m, ROW_CALLS, METRIC_LABELS("a\"b\\c\nd"), 3);
	metrics_add(m, ROW_CALLS, METRIC_LABELS("e"), 1);
	metrics_set(m, ROW_HEAT, METRIC_PLAIN, 36.6);
	metrics_set(m, ROW_HEAT, METRIC_PLAIN, 1700000000.25);
	assert_true(metrics_value(m, ROW_CALLS, METRIC_LABELS("e")) == 1);
	assert_true(metrics_value(m, ROW_CALLS, METRIC_LABELS("f")) == 0);
	expect_in(m, METRICS_PROMETHEUS, "calls_total{by=\"a\\\"b\\\\c\\nd\"} 5\ncalls_total{by=\"e\"} 1\n");
	expect_in(m, METRICS_PROMETHEUS, "# HELP heat How \"hot\" it is.\n# TYPE heat gauge\nheat 1700000000.25\n");
	expect_in(m, METRICS_OPENMETRICS, "# HELP heat How \\\"hot\\\" it is.\n");
	expect_in(m, METRICS_OPENMETRICS, "# TYPE calls counter\ncalls_total{by=");
	expect_in(m, METRICS_OPENMETRICS, "# EOF\n");
	expect_in(m, METRICS_JSON, "\"calls_total{by=e}\":{\"count\":1}");
	expect_in(m, METRICS_JSON, "\"gauges\":{\"heat\":{\"value\":1700000000.25}},\"counters\":{");
	expect_in(m, METRICS_JSON, "\"meters\":{},\"timers\":{},\"names\":[\"calls_total{by=a\\\"b\\\\c\\nd}\",\"calls_total{by=e}\"");
	metrics_forget(m, ROW_HEAT);
	expect_in(m, METRICS_JSON, "\"gauges\":{},");
}

static void histograms(void **state)
{
	AUTO(metrics_free) struct metrics *m = metrics_new(table, ROWS);
	const char *const good[] = { "good" };

	(void)state;
	metrics_took(m, ROW_TIME, good, 500); /* on the bound: in the bucket */
	metrics_took(m, ROW_TIME, good, 501);
	metrics_took(m, ROW_TIME, good, -7); /* a clock that went back */
	metrics_took(m, ROW_TIME, good, 400000000);
	assert_true(metrics_value(m, ROW_TIME, good) == 4);
	expect_in(m, METRICS_PROMETHEUS,
		"time_seconds_bucket{end=\"good\",le=\"0.0005\"} 2\ntime_seconds_bucket{end=\"good\",le=\"0.001\"} 3\n");
	expect_in(m, METRICS_PROMETHEUS,
		"time_seconds_bucket{end=\"good\",le=\"300\"} 3\ntime_seconds_bucket{end=\"good\",le=\"+Inf\"} 4\n"
		"time_seconds_sum{end=\"good\"} 400.001001\ntime_seconds_count{end=\"good\"} 4\n");
	expect_in(m, METRICS_JSON, "\"time_seconds{end=good}\":{\"count\":4,\"sum\":400.001001,\"snapshot\":{\"mean\":100,"
				   "\"median\":0.0005,");
}

static void series_are_bounded(void **state)
{
	AUTO(metrics_free) struct metrics *m = metrics_new(table, ROWS);

	(void)state;
	for (int i = 0; i < METRIC_SERIES_MAX + 50; i++) {
		char text[20];

		snprintf(text, sizeof(text), "n%d", i);
		metrics_add(m, ROW_CALLS, METRIC_LABELS(text), 1);
	}
	assert_true(metrics_value(m, ROW_CALLS, METRIC_LABELS("n999")) == 1);
	assert_true(metrics_value(m, ROW_CALLS, METRIC_LABELS("n1000")) == 0);
	assert_true(metrics_value(m, ROW_CALLS, METRIC_LABELS("other")) == 50);
}

static void nobody_counts(void **state)
{
	(void)state;
	metrics_add(NULL, ROW_CALLS, METRIC_LABELS("a"), 1);
	metrics_set(NULL, ROW_HEAT, METRIC_PLAIN, 1);
	metrics_took(NULL, ROW_TIME, METRIC_LABELS("good"), 1);
	metrics_forget(NULL, ROW_HEAT);
}

static void page(void **state)
{
	AUTO(buf_release) struct buf out = BUF_INIT;

	(void)state;
	metrics_docs(table, ROWS, &out);
	assert_non_null(strstr(buf_cstr(&out), "| `pairs_total` | counter | `end`: good, bad; `colour`: red, blue | Pairs. |\n"));
	assert_non_null(strstr(buf_cstr(&out), "| `calls_total` | counter | `by` | Calls. |\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values_are_there_from_the_start),
		cmocka_unit_test(counters_and_gauges),
		cmocka_unit_test(histograms),
		cmocka_unit_test(series_are_bounded),
		cmocka_unit_test(nobody_counts),
		cmocka_unit_test(page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
