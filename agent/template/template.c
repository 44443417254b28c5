/*
 * template.c - Handlebars templates: compiled once, rendered often
 *
 * Layer: agent/template (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/template/template.h"

#include "agent/template/eval.h"
#include "agent/template/lookup.h"
#include "agent/template/parse.h"
#include "agent/template/partials.h"
#include "agent/template/wording.h"
#include "lib/base/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int template_fail(struct error *err, enum error_code code, const char *name, unsigned line, unsigned col,
	const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return error_set(err, code, "%s:%u:%u: %s", name, line, col, text);
}

static void fill_limits(struct template_options *o)
{
	if (o->max_depth == 0)
		o->max_depth = 64;
	if (o->max_text == 0)
		o->max_text = (size_t)1 << 20;
	if (o->max_output == 0)
		o->max_output = (size_t)64 << 20;
	if (o->max_turns == 0)
		o->max_turns = 10000000;
}

int template_compile(const char *name, const char *text, size_t len, const struct template_options *opt,
	struct template **t_out, struct error *err)
{
	AUTO(template_free) struct template *t = NULL;
	struct arena *a = arena_new();
	int rc;

	t = arena_alloc(a, sizeof(*t));
	t->arena = a;
	t->name = arena_strdup(a, name);
	if (opt != NULL)
		t->opt = *opt;
	fill_limits(&t->opt);
	if (len > t->opt.max_text)
		return template_fail(err, ERR_REFUSED, name, 1, 1, "the template is longer than %zu bytes",
			t->opt.max_text);
	rc = parse_template(t, arena_strndup(a, text, len), len, err);
	if (rc != 0)
		return rc;
	partials_survey(t);
	*t_out = STEAL(t);
	return 0;
}

void template_free(struct template **t)
{
	struct arena *a;

	if (*t == NULL)
		return;
	xfree_p(&(*t)->mentions);
	a = (*t)->arena;
	*t = NULL;
	arena_free(&a);
}

int template_render(const struct template *t, const struct value *data, struct buf *out, struct error *err)
{
	size_t start = out->len;
	int rc = eval_template(t, data, out, err);

	if (rc != 0)
		buf_truncate(out, start);
	return rc;
}

const char *template_name(const struct template *t)
{
	return t->name;
}

bool template_true(const struct value *v)
{
	return lookup_true(v);
}

int template_wording(const struct value *v, enum template_level level, struct buf *out, struct error *err)
{
	return wording_print(v, level, out, err);
}
