/*
 * fuzz_render.c - any template over any data: bounded, repeatable, and no control character of a value
 *
 * The bits of the first byte choose level, kind of file and allow_control; the rest is sections (sections.h),
 * that of the name `data` is JSON.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/fuzz/sections.h"

#include <string.h>

#define MAX_INPUT 8192
#define BEFORE "stays"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A template that was compiled, and what it is made of. */
struct work {
	struct template_partials *partials;
	struct template *t;
};

static void work_release(struct work *w)
{
	template_free(&w->t);
	template_partials_free(&w->partials);
}

static int compile(const struct sections *s, const struct template_options *opt, struct work *w, struct error *err)
{
	struct template_options with = *opt;
	int rc = sections_partials(s, opt, &w->partials, err);

	with.partials = w->partials;
	return rc != 0 ? rc : template_compile("fuzz", s->items[0].text, s->items[0].n, &with, &w->t, err);
}

/* What is there before stays, also on an error. */
static int render(const struct work *w, const struct template_options *opt, const struct value *v, struct buf *out,
	struct error *err)
{
	int rc;

	buf_str(out, BEFORE);
	rc = template_render(w->t, v, out, err);
	ASSERT(out->len >= strlen(BEFORE) && out->len - strlen(BEFORE) <= opt->max_output);
	ASSERT(memcmp(out->data, BEFORE, strlen(BEFORE)) == 0 && (rc == 0 || out->len == strlen(BEFORE)));
	return rc;
}

static bool raw(const struct sections *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct section *one = &s->items[i];

		if (memmem(one->text, one->n, "{{{", 3) != NULL || memchr(one->text, '&', one->n) != NULL ||
			memmem(one->text, one->n, "{{=", 3) != NULL)
			return true;
	}
	return false;
}

/* Twice from each of two compilations: four times the same. */
static void check_same(const struct sections *s, const struct template_options *opt, const struct value *v,
	int rc_first, const struct buf *first, const struct error *err_first)
{
	AUTO(work_release) struct work w = { NULL, NULL };
	struct error err = ERROR_INIT;

	if (compile(s, opt, &w, &err) != 0) {
		ASSERT(first == NULL && strcmp(err.text, err_first->text) == 0);
		return;
	}
	ASSERT(first != NULL);
	for (int i = 0; i < 2; i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;

		ASSERT(render(&w, opt, v, &out, &err) == rc_first);
		ASSERT(out.len == first->len && memcmp(out.data, first->data, out.len) == 0);
		ASSERT(rc_first == 0 || strcmp(err.text, err_first->text) == 0);
	}
}

static void check(const struct sections *s, const struct template_options *opt, const struct value *v)
{
	AUTO(work_release) struct work w = { NULL, NULL };
	AUTO(buf_release) struct buf out = BUF_INIT, printed = BUF_INIT;
	struct error err = ERROR_INIT;
	int rc = compile(s, opt, &w, &err);

	if (rc != 0) {
		sections_check_error(s, "fuzz", &err);
		check_same(s, opt, v, rc, NULL, &err);
		return;
	}
	rc = render(&w, opt, v, &out, &err);
	if (rc != 0)
		sections_check_error(s, "fuzz", &err);
	buf_append(&printed, out.data + strlen(BEFORE), out.len - strlen(BEFORE));
	if (!opt->allow_control || (opt->level == TEMPLATE_LOCKSTEP && opt->output != OUTPUT_HTML && !raw(s)))
		sections_check_controls(s, &printed);
	check_same(s, opt, v, rc, &out, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum template_output outputs[] = { OUTPUT_DEFAULT, OUTPUT_TEXT, OUTPUT_HAPROXY, OUTPUT_HAPROXY_MAP,
		OUTPUT_NGINX, OUTPUT_HTML, OUTPUT_HAPROXY, OUTPUT_NGINX };
	struct template_options opt = { .max_depth = 20, .max_text = 65536, .max_output = 16384, .max_turns = 2000 };
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value *v = value_map(a);
	const struct section *json;
	struct sections s;

	if (size == 0 || size > MAX_INPUT)
		return 0;
	opt.level = (data[0] & 1) != 0 ? TEMPLATE_BARAGON : TEMPLATE_LOCKSTEP;
	opt.output = outputs[data[0] >> 1 & 7];
	opt.allow_control = (data[0] & 16) != 0;
	opt.helpers = sections_helpers(opt.level, &opt.n_helpers);
	sections_split((const char *)data + 1, size - 1, a, &s);
	json = sections_find(&s, "data");
	if (json != NULL && value_parse(json->text, json->n, a, &v, NULL) != 0)
		return 0;
	check(&s, &opt, v);
	return 0;
}
