/*
 * http_metrics_test.c - every answer is counted once, under its route; the form of /metrics is what was asked for
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/http_metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/metrics_common.h"
#include "lib/http/router.h"
#include "tests/unit/cmocka_all.h"

static const struct metric table[METRIC_OWN] = { METRIC_COMMON_ROWS };

struct app {
	struct metrics *metrics;
	struct http_request *held;
	int status;
	char type[80], body[60000];
};

static void get_thing(struct http_request *rq, void *app)
{
	(void)app;
	http_reply(&rq, 204, NULL, NULL);
}

static void hold(struct http_request *rq, void *app)
{
	((struct app *)app)->held = rq;
}

static void get_metrics(struct http_request *rq, void *app)
{
	http_metrics_reply(&rq, ((struct app *)app)->metrics);
}

static const struct route routes[] = {
	{ "GET", "/thing/{id}", get_thing, ROLE_OPEN, 0, "" },
	{ "POST", "/held", hold, ROLE_OPEN, 100, "" },
	{ "GET", "/metrics", get_metrics, ROLE_OPEN, 0, "" },
};

static void on_answer(void *ctx, const struct http_answer *a)
{
	struct app *app = ctx;

	app->status = a->status;
	snprintf(app->type, sizeof(app->type), "%s", a->content_type != NULL ? a->content_type : "");
	snprintf(app->body, sizeof(app->body), "%.*s", (int)a->body.n, a->body.p);
}

static void ask(struct app *app, struct router *r, const char *method, const char *path, const char *accept)
{
	struct http_request *rq = http_request_local(method, path, NULL, (struct slice){ "", 0 }, on_answer, app);

	if (accept != NULL)
		http_request_local_header(rq, "Accept", accept);
	router_dispatch(r, rq);
}

static double counted(const struct app *app, const char *method, const char *route, const char *status)
{
	return metrics_value(app->metrics, METRIC_HTTP_REQUESTS, METRIC_LABELS(method, route, status));
}

static void answers_are_counted_by_route(void **state)
{
	struct app app = { .metrics = metrics_new(table, METRIC_OWN) };
	const struct router_options opt = { .routes = routes, .n_routes = ARRAY_LEN(routes), .app = &app, .metrics = app.metrics };
	AUTO(router_free) struct router *r = router_new(&opt);

	(void)state;
	for (int i = 0; i < 20; i++) { /* what is in paths makes no series */
		char path[40];

		snprintf(path, sizeof(path), "/thing/%d", i);
		ask(&app, r, "GET", path, NULL);
		snprintf(path, sizeof(path), "/none-%d", i);
		ask(&app, r, "GET", path, NULL);
	}
	ask(&app, r, "BREW", "/thing/1", NULL);
	assert_int_equal(app.status, 405);
	assert_true(counted(&app, "GET", "/thing/{id}", "204") == 20);
	assert_true(counted(&app, "other", "none", "404") == 20);
	assert_true(counted(&app, "other", "none", "405") == 1);
	assert_true(metrics_value(app.metrics, METRIC_HTTP_DURATION, METRIC_LABELS("GET", "/thing/{id}")) == 20);
	ask(&app, r, "POST", "/held", NULL);
	assert_true(counted(&app, "POST", "/held", "200") == 0);
	http_reply(&app.held, 200, NULL, NULL);
	assert_true(counted(&app, "POST", "/held", "200") == 1);
	metrics_free(&app.metrics);
}

static void get_status(struct http_request *rq, void *app)
{
	int status = (int)strtol(http_param(rq, "code"), NULL, 10);

	(void)app;
	http_reply(&rq, status, NULL, NULL);
}

/* More statuses of one route than are remembered. */
static void every_status_is_counted(void **state)
{
	static const struct route one[] = { { "GET", "/status/{code}", get_status, ROLE_OPEN, 0, "" } };
	static const char *const codes[] = { "200", "201", "202", "204", "400", "404", "409", "503" };
	struct app app = { .metrics = metrics_new(table, METRIC_OWN) };
	const struct router_options opt = { .routes = one, .n_routes = 1, .app = &app, .metrics = app.metrics };
	AUTO(router_free) struct router *r = router_new(&opt);

	(void)state;
	for (size_t round = 0; round < 3; round++)
		for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
			char path[40];

			snprintf(path, sizeof(path), "/status/%s", codes[i]);
			ask(&app, r, "GET", path, NULL);
		}
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		assert_true(counted(&app, "GET", "/status/{code}", codes[i]) == 3);
	assert_true(metrics_value(app.metrics, METRIC_HTTP_DURATION, METRIC_LABELS("GET", "/status/{code}")) ==
		    3 * ARRAY_LEN(codes));
	metrics_free(&app.metrics);
}

static void the_form_is_what_was_asked_for(void **state)
{
	static const struct {
		const char *query, *accept, *type, *has;
	} rows[] = {
		{ "", NULL, "application/json", "{\"metrics\":{" },
		{ "", "*/*", "application/json", "\"names\":[" },
		{ "", "application/json, text/plain, */*", "application/json", "{\"metrics\":{" },
		{ "", "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "text/plain; version=0.0.4; charset=utf-8", "# TYPE lockstep_http_requests_total counter" },
		{ "", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
			"application/openmetrics-text; version=1.0.0; charset=utf-8", "# TYPE lockstep_http_requests counter" },
		{ "?format=prometheus", "*/*", "text/plain; version=0.0.4; charset=utf-8", "# HELP lockstep_http_requests_total" },
		{ "?format=openmetrics", NULL, "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF\n" },
		{ "?format=json", "text/plain", "application/json", "{\"metrics\":{" },
	};
	struct app app = { .metrics = metrics_new(table, METRIC_OWN) };
	const struct router_options opt = { .routes = routes, .n_routes = ARRAY_LEN(routes), .app = &app, .metrics = app.metrics };
	AUTO(router_free) struct router *r = router_new(&opt);

	(void)state;
	ask(&app, r, "GET", "/thing/1", NULL);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char path[60];

		snprintf(path, sizeof(path), "/metrics%s", rows[i].query);
		ask(&app, r, "GET", path, rows[i].accept);
		assert_int_equal(app.status, 200);
		assert_string_equal(app.type, rows[i].type);
		if (strstr(app.body, rows[i].has) == NULL)
			fail_msg("row %zu: '%s' is not in:\n%s", i, rows[i].has, app.body);
	}
	metrics_free(&app.metrics);
}

static void what_is_accepted(void **state)
{
	(void)state;
	assert_true(http_metrics_accepts(NULL));
	assert_true(http_metrics_accepts("text/plain"));
	assert_true(http_metrics_accepts("TEXT/*"));
	assert_true(http_metrics_accepts("application/openmetrics-text; version=1.0.0"));
	assert_false(http_metrics_accepts("image/png"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_counted_by_route),
		cmocka_unit_test(every_status_is_counted),
		cmocka_unit_test(the_form_is_what_was_asked_for),
		cmocka_unit_test(what_is_accepted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
