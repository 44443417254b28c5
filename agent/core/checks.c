/*
 * checks.c - helpers that let a template refuse options of the wrong kind
 *
 * HAProxy takes "maxconn many" for no limit at all, and a blank in the name of a header for a header: what its
 * own check does not see must be seen before.
 *
 * Layer: agent/core (pure).  Threads: the rows are immutable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/checks.h"

#include "agent/core/shares.h"
#include "lib/base/str.h"

#include <math.h>
#include <string.h>

#define SHOWN 60
#define TEXT_MAX 4000
#define MAX_DURATION_MS (INT64_C(24) * 24 * 3600 * 1000)
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

int checks_refuse(const char *name, const struct value *v, const char *what, struct error *err)
{
	AUTO(buf_release) struct buf json = BUF_INIT;
	AUTO(buf_release) struct buf shown = BUF_INIT;

	value_write(v, false, &json);
	if (v->kind == VALUE_STRING)
		str_escape(&shown, v->u.s, strlen(v->u.s), SHOWN);
	else
		str_escape(&shown, buf_cstr(&json), json.len, SHOWN);
	return error_set(err, ERR_INVALID, "option '%s': '%s' %s", name, buf_cstr(&shown), what);
}

static const char *name_of(const struct template_call *call)
{
	return call->args[1]->kind == VALUE_STRING ? call->args[1]->u.s : "?";
}

static int refuse(const struct template_call *call, const char *what, struct error *err)
{
	return checks_refuse(name_of(call), call->args[0], what, err);
}

/* Of a number, or of a text that is one. */
static bool whole(const struct value *v, int64_t *out)
{
	if (v->kind == VALUE_INT) {
		*out = v->u.i;
		return true;
	}
	if (v->kind == VALUE_REAL && v->u.r == floor(v->u.r) && fabs(v->u.r) < 9e15) {
		*out = (int64_t)v->u.r;
		return true;
	}
	return v->kind == VALUE_STRING && str_to_i64(v->u.s, INT64_MIN, INT64_MAX, out);
}

static int as_integer(const struct template_call *call, const struct value **out, struct error *err)
{
	int64_t min = 0, max = INT32_MAX, n = 0;

	*out = call->args[0];
	if (call->args[0]->kind == VALUE_NULL)
		return 0;
	if (call->n_args > 2 && !whole(call->args[2], &min))
		return error_set(err, ERR_INVALID, "the lowest value of '%s' is no number", name_of(call));
	if (call->n_args > 3 && !whole(call->args[3], &max))
		return error_set(err, ERR_INVALID, "the highest value of '%s' is no number", name_of(call));
	if (!whole(call->args[0], &n) || n < min || n > max)
		return refuse(call, arena_printf(call->arena, "is no whole number from %lld to %lld", (long long)min,
			(long long)max), err);
	*out = value_text(call->arena, arena_printf(call->arena, "%lld", (long long)n));
	return 0;
}

/* Milliseconds of a unit; 0: there is none such. */
static int64_t unit_of(const char *s)
{
	static const struct {
		const char *text;
		int64_t ms;
	} units[] = { { "", 1 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 } };

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (strcmp(s, units[i].text) == 0)
			return units[i].ms;
	return 0;
}

static int as_duration(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];
	const char *unit = "";
	int64_t n = 0, ms = 0;
	char number[16];

	*out = v;
	if (v->kind == VALUE_NULL)
		return 0;
	if (v->kind == VALUE_STRING) {
		size_t digits = strspn(v->u.s, DIGITS);

		unit = v->u.s + digits;
		if (digits > 0 && digits < sizeof(number)) {
			memcpy(number, v->u.s, digits);
			number[digits] = '\0';
			if (str_to_i64(number, 0, INT64_MAX, &n))
				ms = unit_of(unit);
		}
	} else if (whole(v, &n)) {
		ms = 1;
	}
	if (ms == 0 || n < 1 || n > MAX_DURATION_MS / ms)
		return refuse(call, "is no time: milliseconds, or a number with ms, s, m, h or d; from 1ms to 24d", err);
	*out = value_text(call->arena, arena_printf(call->arena, "%lld%s", (long long)n, unit[0] != '\0' ? unit : "ms"));
	return 0;
}

static int as_flag(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];

	if (v->kind == VALUE_STRING && (strcmp(v->u.s, "true") == 0 || strcmp(v->u.s, "false") == 0))
		v = value_bool(v->u.s[0] == 't');
	if (v->kind != VALUE_NULL && v->kind != VALUE_BOOL)
		return refuse(call, "is neither true nor false", err);
	*out = v;
	return 0;
}

static int as_choice(const struct template_call *call, const struct value **out, struct error *err)
{
	AUTO(buf_release) struct buf what = BUF_INIT;
	const struct value *v = call->args[0];

	*out = v;
	if (v->kind == VALUE_NULL)
		return 0;
	buf_str(&what, "is none of");
	for (size_t i = 2; i < call->n_args; i++) {
		if (value_equal(v, call->args[i]))
			return 0;
		if (call->args[i]->kind == VALUE_STRING)
			buf_printf(&what, "%s %s", i > 2 ? "," : "", call->args[i]->u.s);
	}
	return refuse(call, buf_cstr(&what), err);
}

static int as_text(const struct template_call *call, const struct value **out, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int64_t max = TEXT_MAX;

	*out = call->args[0];
	if (call->args[0]->kind == VALUE_NULL)
		return 0;
	if (call->args[0]->kind == VALUE_LIST || call->args[0]->kind == VALUE_MAP ||
		template_wording(call->args[0], TEMPLATE_LOCKSTEP, &text, err) != 0)
		return refuse(call, "is no text", err);
	if (text.len == 0)
		return refuse(call, "is empty", err);
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] < ' ' || text.data[i] == 0x7f)
			return refuse(call, "has a control character in it", err);
	if (call->n_args > 2 && !whole(call->args[2], &max))
		return error_set(err, ERR_INVALID, "the length of '%s' is no number", name_of(call));
	if ((int64_t)text.len > max)
		return refuse(call, arena_printf(call->arena, "is longer than %lld bytes", (long long)max), err);
	return 0;
}

/* A text that begins with one of `first`, goes on with those of `more`, and is no longer than `max`. */
static int spelled(const struct template_call *call, const char *first, const char *more, size_t max, const char *what,
	const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];
	size_t n = v->kind == VALUE_STRING ? strlen(v->u.s) : 0;

	if (v->kind != VALUE_NULL &&
		(n == 0 || n > max || strchr(first, v->u.s[0]) == NULL || strspn(v->u.s, more) != n))
		return refuse(call, what, err);
	*out = v;
	return 0;
}

static int as_token(const struct template_call *call, const struct value **out, struct error *err)
{
	return spelled(call, LETTERS DIGITS "_", LETTERS DIGITS "_-", 128,
		"is no name of letters, digits, '_' and '-'", out, err);
}

static int as_host(const struct template_call *call, const struct value **out, struct error *err)
{
	return spelled(call, LETTERS DIGITS "_", LETTERS DIGITS "._-", 253,
		"is no host name of letters, digits, '.', '_' and '-'", out, err);
}

static int as_file(const struct template_call *call, const struct value **out, struct error *err)
{
	return spelled(call, LETTERS DIGITS "_", LETTERS DIGITS "._-", 128,
		"is no plain file name of letters, digits, '.', '_' and '-'", out, err);
}

static int as_path(const struct template_call *call, const struct value **out, struct error *err)
{
	return spelled(call, "/", LETTERS DIGITS "/!$%&'()*+,-.:;<=>?@[]^_`{|}~", 2000,
		"is no path: '/', then printable ASCII without blank, '\"', '\\' or '#'", out, err);
}

static bool among(const char *key, const struct template_call *call)
{
	for (size_t i = 2; i < call->n_args; i++)
		if (call->args[i]->kind == VALUE_STRING && strcmp(call->args[i]->u.s, key) == 0)
			return true;
	return false;
}

static int as_map(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];

	if (v->kind != VALUE_NULL && v->kind != VALUE_MAP)
		return refuse(call, "is no map", err);
	for (size_t i = 0; call->n_args > 2 && v->kind == VALUE_MAP && i < v->u.map.n; i++) {
		AUTO(buf_release) struct buf key = BUF_INIT;

		if (among(v->u.map.members[i].key, call))
			continue;
		str_escape(&key, v->u.map.members[i].key, strlen(v->u.map.members[i].key), SHOWN);
		return error_set(err, ERR_INVALID, "option '%s' knows no '%s'", name_of(call), buf_cstr(&key));
	}
	*out = v;
	return 0;
}

static int as_list(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];
	struct value *list;

	if (v->kind == VALUE_STRING) {
		list = value_list_sized(call->arena, 1);
		value_list_add(call->arena, list, v);
		v = list;
	}
	if (v->kind != VALUE_NULL && v->kind != VALUE_LIST)
		return refuse(call, "is no list", err);
	for (size_t i = 0; v->kind == VALUE_LIST && i < v->u.list.n; i++)
		if (v->u.list.items[i]->kind != VALUE_STRING)
			return refuse(call, "is no list of texts", err);
	*out = v;
	return 0;
}

static int is_in(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *list = call->args[1];
	bool found = false;

	(void)err;
	for (size_t i = 0; !found && list->kind == VALUE_LIST && i < list->u.list.n; i++)
		found = value_equal(call->args[0], list->u.list.items[i]);
	*out = value_bool(found);
	return 0;
}

static int dict(const struct template_call *call, const struct value **out, struct error *err)
{
	struct value *map = value_map_sized(call->arena, call->n_hash);

	(void)err;
	for (size_t i = 0; i < call->n_hash; i++)
		value_map_put(call->arena, map, call->hash[i].key, call->hash[i].value);
	*out = map;
	return 0;
}

static int always(const struct template_call *call, const struct value **out, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(buf_release) struct buf shown = BUF_INIT;
	int rc = 0;

	(void)out;
	for (size_t i = 0; rc == 0 && i < call->n_args; i++)
		rc = template_wording(call->args[i], TEMPLATE_LOCKSTEP, &text, err);
	if (rc != 0)
		return rc;
	str_escape(&shown, buf_cstr(&text), text.len, 300);
	return error_set(err, ERR_INVALID, "%s", buf_cstr(&shown));
}

static int group_weights(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *name = call->args[2];

	return shares_weights(call->args[0], call->args[1], name->kind == VALUE_STRING ? name->u.s : "?", call->arena,
		out, err);
}

const struct template_helper *checks_rows(size_t *n_out)
{
	static const struct template_helper rows[] = {
		{ "asInteger", as_integer, 2, 4, HELPER_VALUE, NULL },
		{ "asDuration", as_duration, 2, 2, HELPER_VALUE, NULL },
		{ "asFlag", as_flag, 2, 2, HELPER_BOTH, NULL },
		{ "asChoice", as_choice, 3, 32, HELPER_VALUE, NULL },
		{ "asText", as_text, 2, 3, HELPER_VALUE, NULL },
		{ "asToken", as_token, 2, 2, HELPER_VALUE, NULL },
		{ "asHost", as_host, 2, 2, HELPER_VALUE, NULL },
		{ "asFile", as_file, 2, 2, HELPER_VALUE, NULL },
		{ "asPath", as_path, 2, 2, HELPER_VALUE, NULL },
		{ "asMap", as_map, 2, 32, HELPER_VALUE, NULL },
		{ "asList", as_list, 2, 2, HELPER_VALUE, NULL },
		{ "isIn", is_in, 2, 2, HELPER_BOTH, NULL },
		{ "dict", dict, 0, 0, HELPER_VALUE, NULL },
		{ "fail", always, 1, 32, HELPER_VALUE, NULL },
		{ "groupWeights", group_weights, 3, 3, HELPER_VALUE, NULL },
	};

	*n_out = ARRAY_LEN(rows);
	return rows;
}
