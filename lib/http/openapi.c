/*
 * openapi.c - a route table as OpenAPI 3.0.3
 *
 * Layer: lib/http.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/http/openapi.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/str.h"

static void put_text(struct buf *out, const char *s)
{
	buf_json_string(out, s, strlen(s));
}

const struct openapi_row *openapi_find(const struct openapi *o, const struct route *route)
{
	for (size_t i = 0; i < o->n_rows; i++)
		if (str_eq(o->rows[i].method, route->method) && str_eq(o->rows[i].pattern, route->pattern))
			return &o->rows[i];
	return NULL;
}

/* --- models --- */

static void put_one(struct buf *out, const char *name, size_t n)
{
	if (n > 0 && isupper((unsigned char)*name))
		buf_printf(out, "{\"$ref\":\"#/components/schemas/%.*s\"}", (int)n, name);
	else if (n == strlen("object") && strncmp(name, "object", n) == 0)
		buf_str(out, "{\"type\":\"object\"}");
	else
		buf_printf(out, "{\"type\":\"%.*s\"}", (int)n, name);
}

#define TEXT "{\"schema\":{\"type\":\"string\"}}"

static const struct {
	const char *model, *content;
} special[] = {
	{ "text", "\"text/plain\":" TEXT },
	{ "any", "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}},\"text/plain\":" TEXT },
	{ "raw", "\"application/json\":{\"schema\":{\"type\":\"string\",\"format\":\"raw\","
		 "\"description\":\"the text itself, without quotation marks\"}}" },
	{ "metrics", "\"application/json\":{\"schema\":{\"type\":\"object\"}},\"text/plain\":" TEXT
		     ",\"application/openmetrics-text\":" TEXT },
};

static void put_content_of(struct buf *out, const char *model, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(special); i++)
		if (strlen(special[i].model) == n && strncmp(model, special[i].model, n) == 0) {
			buf_printf(out, "\"content\":{%s}", special[i].content);
			return;
		}
	buf_str(out, "\"content\":{\"application/json\":{\"schema\":");
	if (*model == '[') {
		buf_str(out, "{\"type\":\"array\",\"items\":");
		put_one(out, model + 1, n - 2);
		buf_char(out, '}');
	} else {
		put_one(out, model, n);
	}
	buf_str(out, "}}");
}

static void put_content(struct buf *out, const char *model)
{
	put_content_of(out, model, strlen(model));
}

/* --- one call --- */

/* "{arn...}" takes the rest of the path: the format has no such thing, it is a parameter like others. */
static void put_path(struct buf *out, const char *pattern)
{
	for (const char *s = pattern; *s; s++)
		if (!str_starts(s, "...}"))
			buf_char(out, *s);
		else
			s += 2;
}

/* "get_request_requestId" */
static void put_operation(struct buf *out, const struct route *route)
{
	buf_char(out, '"');
	for (const char *s = route->method; *s; s++)
		buf_char(out, (char)tolower((unsigned char)*s));
	for (const char *s = route->pattern; *s; s++)
		if (*s == '/' || *s == '-')
			buf_char(out, '_');
		else if (isalnum((unsigned char)*s))
			buf_char(out, *s);
	buf_char(out, '"');
}

static void put_param(struct buf *out, bool *first, const char *name, size_t n, const char *in, const char *type,
	const char *help, bool required)
{
	const char *range = strstr(type, " ");
	size_t type_len = strcspn(type, " ");

	buf_printf(out, "%s{\"name\":\"%.*s\",\"in\":\"%s\",\"required\":%s,\"schema\":{\"type\":\"%.*s\"", *first ? "" : ",", (int)n,
		name, in, required ? "true" : "false", (int)type_len, type);
	if (range != NULL)
		buf_printf(out, ",\"minimum\":%.*s,\"maximum\":%s", (int)strcspn(range + 1, "."), range + 1, strstr(range, "..") + 2);
	buf_char(out, '}');
	if (help != NULL) {
		buf_str(out, ",\"description\":");
		put_text(out, help);
	}
	buf_char(out, '}');
	*first = false;
}

static void put_params(struct buf *out, const struct route *route, const struct openapi_row *row)
{
	bool first = true;

	buf_str(out, ",\"parameters\":[");
	for (const char *s = strchr(route->pattern, '{'); s != NULL; s = strchr(s + 1, '{'))
		put_param(out, &first, s + 1, strcspn(s + 1, ".}"), "path", "string", NULL, true);
	for (const struct openapi_param *p = row != NULL ? row->query : NULL; p != NULL && p->name != NULL; p++)
		put_param(out, &first, p->name, strlen(p->name), "query", p->type, p->help, p->required);
	buf_char(out, ']');
}

static const struct {
	int code;
	const char *text, *model;
} codes[] = {
	{ 304, "what is known by the If-None-Match is the newest", NULL },
	{ 400, "a parameter or the body cannot be read", "Error" },
	{ 403, "no key, or one that may not do this; only where keys are asked for", "Error" },
	{ 404, "there is no such", "Error" },
	{ 409, "the state has moved on", "Error" },
	{ 422, "it breaks a rule; each message names its field", "Problems" },
	{ 500, "it cannot be done", "Error" },
	{ 503, "not now", "Error" },
	{ 504, "ZooKeeper is away; the message says whether it was done", "Error" },
};

/* own: the model if it is another one than usual; own_len 0: the usual one. */
static void put_code(struct buf *out, int code, const char *own, size_t own_len)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
		if (codes[i].code != code)
			continue;
		buf_printf(out, ",\"%d\":{\"description\":", code);
		put_text(out, codes[i].text);
		if (own_len > 0 || codes[i].model != NULL) {
			buf_char(out, ',');
			put_content_of(out, own_len > 0 ? own : codes[i].model, own_len > 0 ? own_len : strlen(codes[i].model));
		}
		buf_char(out, '}');
		return;
	}
	ASSERT(!"a status of openapi_row.codes without a text");
}

static void put_done(struct buf *out, const char *answer)
{
	if (answer == NULL) {
		buf_str(out, ",\"204\":{\"description\":\"done\"}");
	} else if (!str_eq(answer, "never")) {
		buf_str(out, ",\"200\":{\"description\":\"done\",");
		put_content(out, answer);
		buf_char(out, '}');
	}
}

static void put_responses(struct buf *out, const struct route *route, const struct openapi_row *row)
{
	buf_str(out, ",\"responses\":{\"default\":{\"description\":\"an error\",");
	put_content(out, "Error");
	buf_char(out, '}');
	put_done(out, row != NULL ? row->answer : "object");
	if (route->role != ROLE_OPEN)
		put_code(out, 403, "", 0);
	for (const char *s = row != NULL ? row->codes : NULL; s != NULL && *s; s += strspn(s, " ")) {
		char *model;
		int code = (int)strtol(s, &model, 10);

		s = model + strcspn(model, " ");
		put_code(out, code, model, (size_t)(s - model));
	}
	buf_str(out, "}");
}

static void put_call(struct buf *out, const struct route *route, const struct openapi_row *row)
{
	static const char *const roles[] = { [ROLE_READ] = "read", [ROLE_KEY] = "write", [ROLE_AGENT] = "agent",
		[ROLE_MASTER] = "master" };

	buf_char(out, '"');
	for (const char *s = route->method; *s; s++)
		buf_char(out, (char)tolower((unsigned char)*s));
	buf_str(out, "\":{\"operationId\":");
	put_operation(out, route);
	buf_str(out, ",\"summary\":");
	put_text(out, route->help);
	if (route->role != ROLE_OPEN)
		buf_printf(out, ",\"description\":\"Wants a key with the role %s, where keys are asked for.\","
				"\"security\":[{\"authkey\":[]},{\"bearer\":[]}]", roles[route->role]);
	put_params(out, route, row);
	if (row != NULL && row->body != NULL) {
		buf_str(out, ",\"requestBody\":{\"required\":true,");
		put_content(out, row->body);
		buf_char(out, '}');
	}
	put_responses(out, route, row);
	buf_char(out, '}');
}

/* --- the page --- */

static bool seen_before(const struct openapi *o, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (str_eq(o->routes[i].pattern, o->routes[at].pattern))
			return true;
	return false;
}

static void put_paths(const struct openapi *o, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < o->n_routes; i++) {
		bool first_call = true;

		if (seen_before(o, i))
			continue;
		buf_printf(out, "%s\"", first ? "" : ",");
		put_path(out, o->routes[i].pattern);
		buf_str(out, "\":{");
		for (size_t k = i; k < o->n_routes; k++) {
			if (!str_eq(o->routes[k].pattern, o->routes[i].pattern))
				continue;
			if (!first_call)
				buf_char(out, ',');
			put_call(out, &o->routes[k], openapi_find(o, &o->routes[k]));
			first_call = false;
		}
		buf_char(out, '}');
		first = false;
	}
}

/* A row without its route would be a call that is not there. */
static void check_rows(const struct openapi *o)
{
	for (size_t i = 0; i < o->n_rows; i++) {
		size_t k = 0;

		while (k < o->n_routes && openapi_find(o, &o->routes[k]) != &o->rows[i])
			k++;
		ASSERT(k < o->n_routes);
	}
}

void openapi_print(const struct openapi *o, struct buf *out)
{
	check_rows(o);
	buf_str(out, "{\"openapi\":\"3.0.3\",\"info\":{\"title\":");
	put_text(out, o->title);
	buf_str(out, ",\"version\":");
	put_text(out, o->version);
	buf_str(out, "},\"servers\":[{\"url\":");
	put_text(out, *o->context_path != '\0' ? o->context_path : "/");
	buf_str(out, "}],\"paths\":{");
	put_paths(o, out);
	buf_str(out,
		"},\"components\":{\"securitySchemes\":{\"authkey\":{\"type\":\"apiKey\",\"in\":\"query\",\"name\":\"authkey\"},"
		"\"bearer\":{\"type\":\"http\",\"scheme\":\"bearer\"}},\"schemas\":{"
		"\"Error\":{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"integer\"},\"message\":{\"type\":\"string\"}}},"
		"\"Problems\":{\"type\":\"object\",\"properties\":{\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}}}");
	if (o->schemas != NULL && *o->schemas != '\0')
		buf_printf(out, ",%s", o->schemas);
	buf_str(out, "}}}");
}
