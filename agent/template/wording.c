/*
 * wording.c - the text of a value
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/wording.h"

#include "lib/base/str.h"

#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* Digits and exponent of the shortest decimal that reads back as `r`: d.ddd * 10^exp. */
static void shortest(double r, char digits[24], int *exp_out)
{
	char text[40];
	size_t n = 0;

	for (int precision = 0; precision <= 17; precision++) {
		snprintf(text, sizeof(text), "%.*e", precision, r);
		if (fabs(strtod(text, NULL) - r) <= 0)
			break;
	}
	for (const char *p = text; *p != 'e' && *p != '\0'; p++)
		if (*p >= '0' && *p <= '9' && n < 23)
			digits[n++] = *p;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	digits[n] = '\0';
	*exp_out = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
}

/* What has no digits, and the sign of the rest; true: that was all. */
static bool print_special(double r, const char *zero, struct buf *out)
{
	if (isnan(r)) {
		buf_str(out, "NaN");
		return true;
	}
	if (fpclassify(r) == FP_ZERO) {
		buf_str(out, zero);
		return true;
	}
	if (signbit(r))
		buf_char(out, '-');
	if (isinf(r))
		buf_str(out, "Infinity");
	return isinf(r);
}

/* As Double.toString(): plain from 10^-3 below 10^7, else with an exponent; always a digit after the point. */
static void print_java_real(double r, struct buf *out)
{
	char digits[24];
	int e, n;

	if (print_special(r, signbit(r) ? "-0.0" : "0.0", out))
		return;
	shortest(fabs(r), digits, &e);
	n = (int)strlen(digits);
	if (e < -3 || e >= 7) {
		buf_printf(out, "%c.%sE%d", digits[0], n > 1 ? digits + 1 : "0", e);
	} else if (e < 0) {
		buf_printf(out, "0.%.*s%s", -e - 1, "000", digits);
	} else if (n <= e + 1) {
		buf_printf(out, "%s%.*s.0", digits, e + 1 - n, "0000000");
	} else {
		buf_printf(out, "%.*s.%s", e + 1, digits, digits + e + 1);
	}
}

/* As Number.prototype.toString(): plain from 10^-6 below 10^21, else with an exponent and its sign. */
static void print_js_real(double r, struct buf *out)
{
	static const char zeros[] = "000000000000000000000";
	char digits[24];
	int e, n;

	if (print_special(r, "0", out))
		return;
	shortest(fabs(r), digits, &e);
	n = (int)strlen(digits);
	if (e < -6 || e >= 21) {
		buf_printf(out, "%c%s%se%+d", digits[0], n > 1 ? "." : "", digits + 1, e);
	} else if (e < 0) {
		buf_printf(out, "0.%.*s%s", -e - 1, zeros, digits);
	} else if (n <= e + 1) {
		buf_printf(out, "%s%.*s", digits, e + 1 - n, zeros);
	} else {
		buf_printf(out, "%.*s.%s", e + 1, digits, digits + e + 1);
	}
}

size_t wording_int(int64_t i, char text[WORDING_INT])
{
	char digits[WORDING_INT], *p = digits + sizeof(digits);
	uint64_t u = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
	size_t n;

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (i < 0)
		*--p = '-';
	n = (size_t)(digits + sizeof(digits) - p);
	memcpy(text, p, n);
	return n;
}

static int print_list(const struct value *v, enum template_level level, struct buf *out, struct error *err)
{
	bool java = level == TEMPLATE_BARAGON;
	int rc = 0;

	if (java)
		buf_char(out, '[');
	for (size_t i = 0; rc == 0 && i < v->u.list.n && !out->overflow; i++) {
		const struct value *item = v->u.list.items[i];

		if (i > 0)
			buf_str(out, java ? ", " : ",");
		if (item->kind == VALUE_NULL && java)
			buf_str(out, "null");
		else
			rc = wording_print(item, level, out, err);
	}
	if (java)
		buf_char(out, ']');
	return rc;
}

static int print_java_map(const struct value *v, struct buf *out, struct error *err)
{
	const struct value *inner = value_get(v, TEMPLATE_OPTIONAL_KEY);
	int rc = 0;

	if (inner != NULL && inner->kind == VALUE_NULL) {
		buf_str(out, "Optional.absent()");
		return 0;
	}
	if (inner != NULL) {
		buf_str(out, "Optional.of(");
		rc = wording_print(inner, TEMPLATE_BARAGON, out, err);
		buf_char(out, ')');
		return rc;
	}
	buf_char(out, '{');
	for (size_t i = 0; rc == 0 && i < v->u.map.n && !out->overflow; i++) {
		const struct value_member *m = &v->u.map.members[i];

		buf_str(out, i > 0 ? ", " : "");
		buf_str(out, m->key);
		buf_char(out, '=');
		if (m->value->kind == VALUE_NULL)
			buf_str(out, "null");
		else
			rc = wording_print(m->value, TEMPLATE_BARAGON, out, err);
	}
	buf_char(out, '}');
	return rc;
}

static int print_map(const struct value *v, enum template_level level, struct buf *out, struct error *err)
{
	const struct value *text = value_get(v, TEMPLATE_TEXT_KEY);

	if (text != NULL)
		return wording_print(text, level, out, err);
	if (level == TEMPLATE_BARAGON)
		return print_java_map(v, out, err);
	return error_set(err, ERR_INVALID, "a map has no text; name the member that is meant");
}

int wording_print(const struct value *v, enum template_level level, struct buf *out, struct error *err)
{
	char digits[WORDING_INT];

	if (v == NULL)
		return 0;
	switch (v->kind) {
	case VALUE_NULL:
		return 0;
	case VALUE_BOOL:
		buf_str(out, v->u.b ? "true" : "false");
		return 0;
	case VALUE_INT:
		buf_append(out, digits, wording_int(v->u.i, digits));
		return 0;
	case VALUE_REAL:
		if (level == TEMPLATE_BARAGON)
			print_java_real(v->u.r, out);
		else
			print_js_real(v->u.r, out);
		return 0;
	case VALUE_STRING:
		buf_str(out, v->u.s);
		return 0;
	case VALUE_LIST:
		return print_list(v, level, out, err);
	case VALUE_MAP:
		return print_map(v, level, out, err);
	}
	return 0;
}
