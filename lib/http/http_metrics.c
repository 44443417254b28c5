/*
 * http_metrics.c - requests counted by route, and the answers of GET /metrics
 *
 * Layer: lib/http.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/http_metrics.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/str.h"
#include "lib/http/http_internal.h"

#define CLIENT_LEFT 499 /* nginx's number for it */

static const char type_json[] = "application/json";
static const char type_text[] = "text/plain";
static const char type_open[] = "application/openmetrics-text";

/* The loop's clock stands still within a turn, and most answers are given in the turn of their request. */
static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

void http_meter(struct http_request *rq, struct metrics *m)
{
	rq->metrics = m;
	rq->started = m != NULL ? now_us() : 0;
}

static struct metric_series *answers(const struct http_request *rq, int status)
{
	const char *method = rq->route != NULL ? rq->route->method : "other";
	const char *route = rq->route != NULL ? rq->route->pattern : "none";
	char code[12];

	snprintf(code, sizeof(code), "%d", status);
	return metrics_series(rq->metrics, METRIC_HTTP_REQUESTS, METRIC_LABELS(method, route, code));
}

static struct metric_series *durations(const struct http_request *rq)
{
	const char *method = rq->route != NULL ? rq->route->method : "other";
	const char *route = rq->route != NULL ? rq->route->pattern : "none";

	return metrics_series(rq->metrics, METRIC_HTTP_DURATION, METRIC_LABELS(method, route));
}

static struct metric_series *known_answers(const struct http_request *rq, int status)
{
	struct route_meter *m = rq->meter;

	for (size_t i = 0; m != NULL && i < ROUTE_METER_CODES; i++) {
		if (m->codes[i].series == NULL) {
			m->codes[i].code = status;
			m->codes[i].series = answers(rq, status);
		}
		if (m->codes[i].code == status)
			return m->codes[i].series;
	}
	return answers(rq, status);
}

void http_metered(const struct http_request *rq, int status)
{
	int64_t us;

	if (rq->metrics == NULL)
		return;
	us = now_us() - rq->started;
	metric_series_add(known_answers(rq, rq->left || rq->carrier == NULL ? CLIENT_LEFT : status), 1);
	if (rq->meter != NULL && rq->meter->took == NULL)
		rq->meter->took = durations(rq);
	metric_series_took(rq->meter != NULL ? rq->meter->took : durations(rq), us);
}

bool http_metrics_accepts(const char *accept)
{
	return accept == NULL || strcasestr(accept, type_text) != NULL || strcasestr(accept, type_open) != NULL ||
	       strcasestr(accept, "text/*") != NULL;
}

static enum metrics_form form_of(const struct http_request *rq)
{
	const char *word = http_query(rq, "format"), *accept = http_header(rq, "Accept");

	if (str_eq(word, "prometheus"))
		return METRICS_PROMETHEUS;
	if (str_eq(word, "openmetrics"))
		return METRICS_OPENMETRICS;
	if (word != NULL || accept == NULL || strcasestr(accept, type_json) != NULL)
		return METRICS_JSON;
	if (strcasestr(accept, type_open) != NULL)
		return METRICS_OPENMETRICS;
	return http_metrics_accepts(accept) ? METRICS_PROMETHEUS : METRICS_JSON;
}

void http_metrics_reply(struct http_request **rq_take, const struct metrics *m)
{
	static const char *const types[] = {
		[METRICS_JSON] = "application/json",
		[METRICS_PROMETHEUS] = "text/plain; version=0.0.4; charset=utf-8",
		[METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	};
	enum metrics_form form = form_of(*rq_take);
	AUTO(buf_release) struct buf out = BUF_INIT;

	metrics_print(m, form, &out);
	http_reply(rq_take, 200, types[form], &out);
}
