/*
 * template_rows.h - a template, data and partials, and what they must print
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_UNIT_TEMPLATE_ROWS_H
#define TESTS_UNIT_TEMPLATE_ROWS_H

#include "agent/template/template.h"
#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

/* Most rows need no partials. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct row {
	const char *text, *data, *want;
	struct { const char *name, *text; } partials[3];
};

/* Into out; the options' partials are the row's. */
static inline int row_render(const struct row *row, const struct template_options *opt, struct buf *out,
	struct error *err)
{
	AUTO(template_partials_free) struct template_partials *ps = template_partials_new(opt);
	AUTO(template_free) struct template *t = NULL;
	AUTO(arena_free) struct arena *a = arena_new();
	struct template_options o = opt != NULL ? *opt : (struct template_options){ .partials = NULL };
	const struct value *data;
	int rc = 0;

	if (value_parse(row->data, strlen(row->data), a, &data, err) != 0)
		fail_msg("%s: %s", row->data, err->text);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(row->partials) && row->partials[i].name != NULL; i++)
		rc = template_partials_add(ps, row->partials[i].name, row->partials[i].text,
			strlen(row->partials[i].text), err);
	o.partials = ps;
	if (rc == 0)
		rc = template_compile("t", row->text, strlen(row->text), &o, &t, err);
	return rc != 0 ? rc : template_render(t, data, out, err);
}

static inline void rows_check(const struct row *rows, size_t n, const struct template_options *opt)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;

		if (row_render(&rows[i], opt, &out, &err) != 0)
			fail_msg("%s: %s", rows[i].text, err.text);
		if (!str_eq(buf_cstr(&out), rows[i].want))
			fail_msg("%s\n gives: [%s]\n wanted: [%s]", rows[i].text, buf_cstr(&out), rows[i].want);
	}
}

/* What is in `out` stays. */
static inline void rows_check_errors(const struct row *rows, size_t n, const struct template_options *opt)
{
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;

		buf_str(&out, "before");
		if (row_render(&rows[i], opt, &out, &err) == 0)
			fail_msg("%s: no error, but [%s]", rows[i].text, buf_cstr(&out));
		assert_string_equal(err.text, rows[i].want);
		assert_string_equal(buf_cstr(&out), "before");
	}
}

#endif
