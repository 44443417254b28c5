/*
 * openapi.h - /openapi.json from a route table
 *
 * The routes say which calls there are, their parameters in the path, who may make them and what they do; a second table says
 * what the paths do not: parameters of the query, bodies, answers.  A route without a row there is described as far as it
 * goes.
 *
 * Layer: lib/http.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_HTTP_OPENAPI_H
#define LIB_HTTP_OPENAPI_H

#include "lib/http/router.h"

struct openapi_param {
	const char *name, *type, *help; /* type: "string", "integer", "integer 0..60", "boolean" */
	bool required;
};

/* Models are named: "BaragonResponse"; "[BaragonResponse]" is a list of them; "string", "integer" and "object" are as in JSON,
 * "text" is plain text, "raw" plain text that calls itself application/json, as Java's agent answers, "any" an error as one or as text,
 * "metrics" what http_metrics.h prints.  body NULL: none.  answer NULL: 204 without one; "never": it is never done. */
struct openapi_row {
	const char *method, *pattern;
	const struct openapi_param *query; /* up to one without a name; NULL = none */
	const char *body, *answer;
	const char *codes; /* other statuses that a client meets: "304 404", "500text" with another model than the usual one; NULL = none */
};

struct openapi {
	const char *title, *version;
	const char *context_path;
	const struct route *routes;
	size_t n_routes;
	const struct openapi_row *rows;
	size_t n_rows;
	const char *schemas; /* "Name":{…},"Name":{…} of all models that are named */
};

void openapi_print(const struct openapi *o, struct buf *out);
const struct openapi_row *openapi_find(const struct openapi *o, const struct route *route); /* NULL: none */

#endif
