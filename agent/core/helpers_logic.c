/*
 * helpers_logic.c - our helpers that compare, combine and look into values
 *
 * eq and ne are === and !== of JavaScript: 1 equals 1.0 but not "1"; lists and maps equal only themselves.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/helpers_internal.h"
#include "lib/base/str.h"

#include <string.h>

static bool is_number(const struct value *v)
{
	return v->kind == VALUE_INT || v->kind == VALUE_REAL;
}

static int order_numbers(const struct value *x, const struct value *y)
{
	double a, b;

	if (x->kind == VALUE_INT && y->kind == VALUE_INT)
		return (x->u.i > y->u.i) - (x->u.i < y->u.i);
	a = x->kind == VALUE_INT ? (double)x->u.i : x->u.r;
	b = y->kind == VALUE_INT ? (double)y->u.i : y->u.r;
	return (a > b) - (a < b);
}

static bool identical(const struct value *x, const struct value *y)
{
	if (is_number(x) && is_number(y))
		return order_numbers(x, y) == 0;
	if (x->kind == VALUE_LIST || x->kind == VALUE_MAP)
		return x == y;
	return value_equal(x, y);
}

int helper_eq(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = value_bool(identical(call->args[0], call->args[1]));
	return 0;
}

int helper_ne(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = value_bool(!identical(call->args[0], call->args[1]));
	return 0;
}

/* Two numbers, or two texts by their bytes. */
static int order(const struct template_call *call, int *order_out, struct error *err)
{
	const struct value *x = call->args[0], *y = call->args[1];

	if (is_number(x) && is_number(y))
		*order_out = order_numbers(x, y);
	else if (x->kind == VALUE_STRING && y->kind == VALUE_STRING)
		*order_out = strcmp(x->u.s, y->u.s);
	else
		return error_set(err, ERR_INVALID, "%s and %s are neither two numbers nor two texts",
			helpers_show(call, x), helpers_show(call, y));
	return 0;
}

int helper_lt(const struct template_call *call, const struct value **out, struct error *err)
{
	int o, rc = order(call, &o, err);

	if (rc == 0)
		*out = value_bool(o < 0);
	return rc;
}

int helper_lte(const struct template_call *call, const struct value **out, struct error *err)
{
	int o, rc = order(call, &o, err);

	if (rc == 0)
		*out = value_bool(o <= 0);
	return rc;
}

int helper_gt(const struct template_call *call, const struct value **out, struct error *err)
{
	int o, rc = order(call, &o, err);

	if (rc == 0)
		*out = value_bool(o > 0);
	return rc;
}

int helper_gte(const struct template_call *call, const struct value **out, struct error *err)
{
	int o, rc = order(call, &o, err);

	if (rc == 0)
		*out = value_bool(o >= 0);
	return rc;
}

/* The first that is false (and) or true (or), else the last. */
static const struct value *first_that_is(const struct template_call *call, bool truth)
{
	for (size_t i = 0; i < call->n_args; i++)
		if (template_true(call->args[i]) == truth)
			return call->args[i];
	return call->args[call->n_args - 1];
}

int helper_and(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = first_that_is(call, false);
	return 0;
}

int helper_or(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = first_that_is(call, true);
	return 0;
}

int helper_not(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = value_bool(!template_true(call->args[0]));
	return 0;
}

static const struct value *lookup_index(const struct template_call *call, const struct value *list, const char *key)
{
	size_t n = list->u.list.n;
	int64_t i;

	if (str_eq(key, "length"))
		return value_int(call->arena, (int64_t)n);
	/* "01" and "+1" are no index */
	if (!str_to_i64(key, 0, INT64_MAX, &i) || (size_t)i >= n || (key[0] == '0' && key[1] != '\0') ||
		key[0] < '0' || key[0] > '9')
		return value_null();
	return list->u.list.items[i];
}

/* lookup map key, lookup list index: null where there is none. What is false is handed on, as JavaScript's does. */
int helper_lookup(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0], *key = call->args[1], *found = NULL;
	const char *name = NULL;

	if (v->kind == VALUE_LIST || v->kind == VALUE_MAP) {
		if (key->kind != VALUE_NULL)
			name = helpers_text(call, key, err);
		if (name == NULL && key->kind != VALUE_NULL)
			return ERR_INVALID;
	}
	if (name != NULL && v->kind == VALUE_LIST)
		found = lookup_index(call, v, name);
	else if (name != NULL && !str_eq(name, TEMPLATE_TEXT_KEY) && !str_eq(name, TEMPLATE_OPTIONAL_KEY))
		found = value_get(v, name);
	else if (!template_true(v) && v->kind != VALUE_LIST && v->kind != VALUE_MAP)
		found = v;
	*out = found != NULL ? found : value_null();
	return 0;
}

/* Prints nothing; handlebars.js writes its parameters to a console, which a renderer does not have. */
int helper_log(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)call;
	(void)err;
	*out = value_null();
	return 0;
}

/* join list [separator]: the texts of its elements with ',' or the separator between; null is no list. */
int helper_join(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *list = call->args[0];
	AUTO(buf_release) struct buf text = BUF_INIT;
	const char *between = ",";

	if (list->kind != VALUE_LIST && list->kind != VALUE_NULL)
		return error_set(err, ERR_INVALID, "%s is no list", helpers_show(call, list));
	if (call->n_args > 1)
		between = helpers_text(call, call->args[1], err);
	if (between == NULL)
		return ERR_INVALID;
	for (size_t i = 0; list->kind == VALUE_LIST && i < list->u.list.n; i++) {
		const char *one = helpers_text(call, list->u.list.items[i], err);

		if (one == NULL)
			return ERR_INVALID;
		if (i > 0)
			buf_str(&text, between);
		buf_str(&text, one);
	}
	*out = value_string(call->arena, buf_cstr(&text));
	return 0;
}
