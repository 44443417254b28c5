/*
 * wording.c - the text of a value, as Java prints it
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/wording.h"

#include "lib/base/str.h"

#include <inttypes.h>
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

/* As Double.toString(): plain from 10^-3 below 10^7, else with an exponent; always a digit after the point. */
static void print_real(double r, struct buf *out)
{
	char digits[24];
	int e, n;

	if (isnan(r) || isinf(r)) {
		buf_str(out, isnan(r) ? "NaN" : r < 0 ? "-Infinity" : "Infinity");
		return;
	}
	if (signbit(r))
		buf_char(out, '-');
	if (fpclassify(r) == FP_ZERO) {
		buf_str(out, "0.0");
		return;
	}
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

static void print_inner(const struct value *v, struct buf *out)
{
	if (v->kind == VALUE_NULL)
		buf_str(out, "null");
	else
		wording_print(v, out);
}

static void print_map(const struct value *v, struct buf *out)
{
	const struct value *text = value_get(v, TEMPLATE_TEXT_KEY);

	if (text != NULL) {
		wording_print(text, out);
		return;
	}
	buf_char(out, '{');
	for (size_t i = 0; i < v->u.map.n; i++) {
		buf_printf(out, "%s%s=", i > 0 ? ", " : "", v->u.map.members[i].key);
		print_inner(v->u.map.members[i].value, out);
	}
	buf_char(out, '}');
}

void wording_print(const struct value *v, struct buf *out)
{
	if (v == NULL)
		return;
	switch (v->kind) {
	case VALUE_NULL:
		return;
	case VALUE_BOOL:
		buf_str(out, v->u.b ? "true" : "false");
		return;
	case VALUE_INT:
		buf_printf(out, "%" PRId64, v->u.i);
		return;
	case VALUE_REAL:
		print_real(v->u.r, out);
		return;
	case VALUE_STRING:
		buf_str(out, v->u.s);
		return;
	case VALUE_LIST:
		buf_char(out, '[');
		for (size_t i = 0; i < v->u.list.n; i++) {
			if (i > 0)
				buf_str(out, ", ");
			print_inner(v->u.list.items[i], out);
		}
		buf_char(out, ']');
		return;
	case VALUE_MAP:
		print_map(v, out);
		return;
	}
}
