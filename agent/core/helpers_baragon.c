/*
 * helpers_baragon.c - Baragon's helpers that compare, choose and format values
 *
 * Java finds the method for a call by the types of the values: what is no text counts as missing, and of one
 * object given twice the second is lost.  The functions ending in _java do the same; the others compare
 * what templates mean to compare.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/dateformat.h"
#include "agent/core/helpers_internal.h"
#include "lib/base/str.h"

#include <string.h>

/* Without any the first one is the current object, as in Java. */
static const struct value *argument(const struct template_call *call, size_t i)
{
	if (i == 0 && call->n_args == 0)
		return call->self;
	return i < call->n_args ? call->args[i] : value_null();
}

/* firstOf value [default]: always a text. An optional is unwrapped, the default is not. */
int helper_first_of_java(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *given = argument(call, 0), *v = helpers_unwrap(given);
	const char *text;

	if (v->kind == VALUE_NULL || (!helpers_is_optional(given) && helpers_absent(v)))
		v = argument(call, 1);
	text = helpers_text(call, v, err);
	if (text == NULL)
		return ERR_INVALID;
	/* never the same object as the argument: it would not equal it in ifEqual */
	*out = value_text(call->arena, text);
	return 0;
}

/* firstOf value ...: the first that is neither null nor "", as it is. */
int helper_first_of(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = value_null();
	for (size_t i = 0; i < call->n_args && helpers_absent(*out); i++)
		if (!helpers_absent(call->args[i]))
			*out = call->args[i];
	return 0;
}

int helper_if_equal_java(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *x = argument(call, 0), *y = argument(call, 1);
	const char *a = x->kind == VALUE_STRING ? x->u.s : NULL;
	const char *b = y->kind == VALUE_STRING && x != y ? y->u.s : NULL;

	(void)err;
	*out = value_bool(str_eq(a, b));
	return 0;
}

/* By what they print; lists, and maps that have no text, by their content. Null equals null alone. */
static bool equal_texts(const struct template_call *call, const struct value *x, const struct value *y)
{
	const char *a, *b;

	if (x == y || value_equal(x, y))
		return true;
	if (x->kind == VALUE_NULL || y->kind == VALUE_NULL || x->kind == VALUE_LIST || y->kind == VALUE_LIST)
		return false;
	a = helpers_text(call, x, NULL);
	b = helpers_text(call, y, NULL);
	return a != NULL && str_eq(a, b);
}

int helper_if_equal(const struct template_call *call, const struct value **out, struct error *err)
{
	(void)err;
	*out = value_bool(equal_texts(call, call->args[0], call->args[1]));
	return 0;
}

/* All absent optionals of Java are one object. */
int helper_if_optional_equal_java(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *x = argument(call, 0), *y = argument(call, 1);
	const struct value *a = helpers_unwrap(x), *b = helpers_unwrap(y);

	if (!helpers_is_optional(x) && !helpers_is_optional(y))
		return error_set(err, ERR_INVALID, "neither %s nor %s is optional", helpers_show(call, x),
			helpers_show(call, y));
	*out = value_bool(helpers_is_optional(x) && helpers_is_optional(y) && x != y && a->kind != VALUE_NULL &&
		value_equal(a, b));
	return 0;
}

/* Equal, and there: what is missing on both sides is no match. */
int helper_if_optional_equal(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *x = call->args[0], *y = call->args[1];

	(void)err;
	*out = value_bool(!helpers_absent(x) && !helpers_absent(y) && equal_texts(call, x, y));
	return 0;
}

int helper_if_contained_in_java(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *list = argument(call, 0), *needle = argument(call, 1);
	bool found = false;

	for (size_t i = 0; !found && list->kind == VALUE_LIST && i < list->u.list.n; i++) {
		const struct value *item = list->u.list.items[i];

		if (needle->kind != VALUE_STRING)
			return error_set(err, ERR_INVALID, "the text to look for is missing");
		if (item->kind != VALUE_STRING)
			return error_set(err, ERR_INVALID, "%s in the list is no text", helpers_show(call, item));
		found = strstr(item->u.s, needle->u.s) != NULL;
	}
	*out = value_bool(found);
	return 0;
}

/* Is the text a part of any element's?  As in Java: no equality.  What has no text contains nothing. */
int helper_if_contained_in(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *list = call->args[0], *needle = call->args[1];
	const char *part = needle->kind != VALUE_NULL ? helpers_text(call, needle, err) : "";
	bool found = false;

	if (part == NULL)
		return ERR_INVALID;
	for (size_t i = 0; !found && needle->kind != VALUE_NULL && list->kind == VALUE_LIST && i < list->u.list.n; i++) {
		const struct value *item = list->u.list.items[i];
		const char *text = item->kind != VALUE_NULL ? helpers_text(call, item, NULL) : NULL;

		found = text != NULL && strstr(text, part) != NULL;
	}
	*out = value_bool(found);
	return 0;
}

/* Lower case (of ASCII) and _ for -, as names of nginx variables want it. */
int helper_to_nginx_var(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct value *v = call->args[0];
	bool mended = helpers_env(call)->level == TEMPLATE_LOCKSTEP && helpers_is_scalar(v);
	char *text;

	if (v->kind != VALUE_STRING && v->kind != VALUE_NULL && !mended)
		return error_set(err, ERR_INVALID, "%s is no text", helpers_show(call, v));
	text = arena_strdup(call->arena, v->kind != VALUE_NULL ? helpers_text(call, v, err) : "");
	for (char *p = text; *p != '\0'; p++) {
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
		else if (*p == '-')
			*p = '_';
	}
	*out = value_text(call->arena, text);
	return 0;
}

static int milliseconds(const struct template_call *call, const struct value *v, int64_t *ms_out, struct error *err)
{
	if (v->kind == VALUE_INT)
		*ms_out = v->u.i;
	else if (v->kind == VALUE_REAL && v->u.r > -9e15 && v->u.r < 9e15)
		*ms_out = (int64_t)v->u.r;
	else
		return error_set(err, ERR_INVALID, "%s is no time in milliseconds", helpers_show(call, v));
	return 0;
}

/* formatTimestamp milliseconds [pattern]; a pattern that is no text is not looked at (ours: refused). */
int helper_format_timestamp(const struct template_call *call, const struct value **out, struct error *err)
{
	const struct helper_env *env = helpers_env(call);
	const struct value *given = argument(call, 1);
	const char *pattern = env->date_format != NULL ? env->date_format : DATEFORMAT_DEFAULT;
	AUTO(buf_release) struct buf text = BUF_INIT;
	int64_t ms = 0, seconds;
	struct tm tm;
	int rc = milliseconds(call, call->args[0], &ms, err);

	if (rc != 0)
		return rc;
	if (given->kind == VALUE_STRING)
		pattern = given->u.s;
	else if (given->kind != VALUE_NULL && env->level == TEMPLATE_LOCKSTEP)
		return error_set(err, ERR_INVALID, "%s is no date pattern", helpers_show(call, given));
	seconds = ms / 1000 - (ms % 1000 < 0 ? 1 : 0);
	if (env->level == TEMPLATE_BARAGON && env->local_time != NULL)
		env->local_time(env->ctx, seconds, &tm);
	else
		dateformat_utc(seconds, &tm);
	rc = dateformat_print(pattern, &tm, (unsigned)(ms % 1000 + (ms % 1000 < 0 ? 1000 : 0)), &text, err);
	if (rc == 0)
		*out = value_string(call->arena, buf_cstr(&text));
	return rc;
}
