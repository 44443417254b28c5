/*
 * helpers.c - what templates can call: the rows, and what all of them need
 *
 * Layer: agent/core (pure; what is not comes in by the environment).  Threads: the rows are immutable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/helpers.h"

#include "agent/core/checks.h"
#include "agent/core/helpers_internal.h"
#include "lib/base/str.h"

#include <string.h>

#define ANY 32 /* as many parameters as a call may have */
#define SHOWN 80

/* Exposed by accident or useless in Java; a template that has them in a branch that is never taken must load. */
static int unusable(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)out;
	return error_set(err, ERR_INVALID, "'%s' is known, but does nothing useful in Baragon and nothing here",
		call->name);
}

/* clang-format off */
/* Java does not mind more parameters than a helper reads; without any, it takes the current object. */
static const struct template_helper baragon_rows[] = {
	{ "formatTimestamp",         helper_format_timestamp,           1, ANY, HELPER_VALUE, NULL },
	{ "firstOf",                 helper_first_of_java,              1, ANY, HELPER_VALUE, NULL },
	{ "currentRackIsPresent",    helper_current_rack_is_present,    1, ANY, HELPER_BLOCK, NULL },
	{ "resolveHostname",         helper_resolve_hostname,           0, ANY, HELPER_VALUE, NULL },
	{ "preferSameRackWeighting", helper_prefer_same_rack_weighting, 2, ANY, HELPER_VALUE, NULL },
	{ "ifEqual",                 helper_if_equal_java,              0, ANY, HELPER_BLOCK, NULL },
	{ "ifOptionalEqual",         helper_if_optional_equal_java,     0, ANY, HELPER_BLOCK, NULL },
	{ "ifContainedIn",           helper_if_contained_in_java,       0, ANY, HELPER_BLOCK, NULL },
	{ "toNginxVar",              helper_to_nginx_var,               1, ANY, HELPER_VALUE, NULL },
	{ "preferSameRackWeightingOperation", unusable, 0, ANY, HELPER_BOTH, NULL },
	{ "getWeight",               unusable,                          0, ANY, HELPER_BOTH, NULL },
	{ "embedded",                unusable,                          0, ANY, HELPER_BOTH, NULL },
	{ "precompile",              unusable,                          0, ANY, HELPER_BOTH, NULL },
	{ "i18n",                    unusable,                          0, ANY, HELPER_BOTH, NULL },
	{ "i18nJs",                  unusable,                          0, ANY, HELPER_BOTH, NULL },
};

static const struct template_helper lockstep_rows[] = {
	{ "formatTimestamp",         helper_format_timestamp,           1, 2, HELPER_VALUE, NULL },
	{ "firstOf",                 helper_first_of,                   1, ANY, HELPER_BOTH, NULL },
	{ "currentRackIsPresent",    helper_current_rack_is_present,    1, 1, HELPER_BOTH, NULL },
	{ "resolveHostname",         helper_resolve_hostname,           0, 1, HELPER_VALUE, NULL },
	{ "preferSameRackWeighting", helper_prefer_same_rack_weighting, 2, 2, HELPER_VALUE, NULL },
	{ "ifEqual",                 helper_if_equal,                   2, 2, HELPER_BOTH, NULL },
	{ "ifOptionalEqual",         helper_if_optional_equal,          2, 2, HELPER_BOTH, NULL },
	{ "ifContainedIn",           helper_if_contained_in,            2, 2, HELPER_BOTH, NULL },
	{ "toNginxVar",              helper_to_nginx_var,               1, 1, HELPER_VALUE, NULL },
	{ "eq",                      helper_eq,                         2, 2, HELPER_BOTH, NULL },
	{ "ne",                      helper_ne,                         2, 2, HELPER_BOTH, NULL },
	{ "lt",                      helper_lt,                         2, 2, HELPER_BOTH, NULL },
	{ "lte",                     helper_lte,                        2, 2, HELPER_BOTH, NULL },
	{ "gt",                      helper_gt,                         2, 2, HELPER_BOTH, NULL },
	{ "gte",                     helper_gte,                        2, 2, HELPER_BOTH, NULL },
	{ "and",                     helper_and,                        1, ANY, HELPER_BOTH, NULL },
	{ "or",                      helper_or,                         1, ANY, HELPER_BOTH, NULL },
	{ "not",                     helper_not,                        1, 1, HELPER_BOTH, NULL },
	{ "lookup",                  helper_lookup,                     2, 2, HELPER_VALUE, NULL },
	{ "log",                     helper_log,                        0, ANY, HELPER_VALUE, NULL },
	{ "join",                    helper_join,                       1, 2, HELPER_VALUE, NULL },
	{ "serverName",              helper_server_name,                1, 1, HELPER_VALUE, NULL },
	{ "backendName",             helper_backend_name,               1, 1, HELPER_VALUE, NULL },
	{ "logFormat",               helper_log_format,                 1, 1, HELPER_VALUE, NULL },
};
/* clang-format on */

const struct template_helper *helpers_make(const struct helper_env *env, struct arena *a, size_t *n_out)
{
	bool java = env->level == TEMPLATE_BARAGON;
	const struct template_helper *from = java ? baragon_rows : lockstep_rows, *checks;
	size_t n = java ? ARRAY_LEN(baragon_rows) : ARRAY_LEN(lockstep_rows), n_checks = 0;
	struct template_helper *rows;
	struct helper_env *own = arena_alloc(a, sizeof(*own));

	checks = checks_rows(&n_checks);
	if (java)
		n_checks = 0;
	rows = arena_alloc(a, (n + n_checks) * sizeof(*rows));
	*own = *env;
	memcpy(rows, from, n * sizeof(*rows));
	for (size_t i = 0; i < n; i++)
		rows[i].ctx = own;
	memcpy(rows + n, checks, n_checks * sizeof(*rows));
	n += n_checks;
	*n_out = n;
	return rows;
}

int helpers_check_format(const char *format, struct error *err)
{
	size_t conversions = 0;

	for (const char *p = strchr(format, '%'); p != NULL; p = strchr(p + 2, '%')) {
		if (p[1] == 's' || p[1] == 'd')
			conversions++;
		else if (p[1] != '%')
			return error_set(err, ERR_INVALID, "format '%s': only %%s, %%d and %%%% may be in it", format);
	}
	if (conversions != 1)
		return error_set(err, ERR_INVALID, "format '%s': one %%s is needed, for the weight", format);
	return 0;
}

const struct helper_env *helpers_env(const struct template_call *call)
{
	return call->ctx;
}

bool helpers_is_optional(const struct value *v)
{
	return value_get(v, TEMPLATE_OPTIONAL_KEY) != NULL;
}

const struct value *helpers_unwrap(const struct value *v)
{
	const struct value *inner = value_get(v, TEMPLATE_OPTIONAL_KEY);

	return inner != NULL ? inner : v;
}

const char *helpers_member(const struct value *map, const char *key)
{
	const struct value *v = helpers_unwrap(value_get(map, key));

	return v != NULL && v->kind == VALUE_STRING ? v->u.s : NULL;
}

const char *helpers_text(const struct template_call *call, const struct value *v, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (v->kind == VALUE_STRING)
		return v->u.s;
	if (template_wording(v, helpers_env(call)->level, &text, err) != 0)
		return NULL;
	return arena_strdup(call->arena, buf_cstr(&text));
}

const char *helpers_show(const struct template_call *call, const struct value *v)
{
	AUTO(buf_release) struct buf json = BUF_INIT, text = BUF_INIT;
	const struct value *whole;

	v = helpers_unwrap(v);
	whole = value_get(v, TEMPLATE_TEXT_KEY);
	value_write(whole != NULL ? whole : v, false, &json);
	str_escape(&text, json.data, json.len, SHOWN);
	return arena_printf(call->arena, "%s%s", text.data, json.len > SHOWN ? "..." : "");
}

bool helpers_absent(const struct value *v)
{
	return v->kind == VALUE_NULL || (v->kind == VALUE_STRING && v->u.s[0] == '\0');
}

bool helpers_is_scalar(const struct value *v)
{
	return v->kind == VALUE_STRING || v->kind == VALUE_INT || v->kind == VALUE_REAL || v->kind == VALUE_BOOL;
}
