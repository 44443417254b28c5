/*
 * render_pairs.c - template and data pairs through our engine, for the comparison with others
 *
 * Reads lines of JSON: {"template": text, "data": any, "level": "lockstep" or "baragon", "output": a name of
 * target_output(), "partials": {name: text}, "control": allow_control}; only the template is needed.  Prints
 * a line for each: {"ok": text} or {"error": text}.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/helpers.h"
#include "agent/template/target.h"
#include "agent/template/template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *text_of(const struct value *pair, const char *key, const char *otherwise)
{
	const struct value *v = value_get(pair, key);

	return v != NULL && v->kind == VALUE_STRING ? v->u.s : otherwise;
}

/* The field "error" is for the one who wrote the pair, so it looks like any other. */
static int options_of(const struct value *pair, struct arena *a, struct helper_env *env,
	struct template_options *opt, struct error *err)
{
	const struct value *control = value_get(pair, "control");
	const char *output = text_of(pair, "output", NULL);

	env->level = strcmp(text_of(pair, "level", "lockstep"), "baragon") == 0 ? TEMPLATE_BARAGON : TEMPLATE_LOCKSTEP;
	opt->level = env->level;
	opt->helpers = helpers_make(env, a, &opt->n_helpers);
	opt->allow_control = control != NULL && control->kind == VALUE_BOOL && control->u.b;
	if (output != NULL && !target_output(output, &opt->output))
		return error_set(err, ERR_INVALID, "no such output: %s", output);
	return 0;
}

static int partials_of(const struct value *pair, const struct template_options *opt,
	struct template_partials **out, struct error *err)
{
	const struct value *map = value_get(pair, "partials");
	AUTO(template_partials_free) struct template_partials *ps = NULL;

	if (map == NULL || map->kind != VALUE_MAP)
		return 0;
	ps = template_partials_new(opt);
	for (size_t i = 0; i < map->u.map.n; i++) {
		const struct value_member *m = &map->u.map.members[i];
		int rc = 0;

		if (m->value->kind != VALUE_STRING)
			return error_set(err, ERR_INVALID, "partial %s is no text", m->key);
		rc = template_partials_add(ps, m->key, m->value->u.s, strlen(m->value->u.s), err);
		if (rc != 0)
			return rc;
	}
	*out = STEAL(ps);
	return 0;
}

static int render(const struct value *pair, struct arena *a, struct buf *text, struct error *err)
{
	const struct value *data = value_get(pair, "data");
	const char *source = text_of(pair, "template", "");
	struct helper_env env = { .level = TEMPLATE_LOCKSTEP };
	struct template_options opt = { .level = TEMPLATE_LOCKSTEP };
	AUTO(template_partials_free) struct template_partials *ps = NULL;
	AUTO(template_free) struct template *t = NULL;
	int rc = options_of(pair, a, &env, &opt, err);

	if (rc == 0)
		rc = partials_of(pair, &opt, &ps, err);
	if (rc != 0)
		return rc;
	opt.partials = ps;
	rc = template_compile("t", source, strlen(source), &opt, &t, err);
	return rc != 0 ? rc : template_render(t, data != NULL ? data : value_null(), text, err);
}

static void answer(const char *line, size_t n)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf text = BUF_INIT;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct error err = ERROR_INIT;
	const struct value *pair = NULL;
	int rc = value_parse(line, n, a, &pair, &err);

	if (rc == 0)
		rc = render(pair, a, &text, &err);
	buf_str(&json, rc == 0 ? "{\"ok\":" : "{\"error\":");
	if (rc == 0)
		buf_json_string(&json, buf_cstr(&text), text.len);
	else
		buf_json_string(&json, err.text, strlen(err.text));
	buf_str(&json, "}");
	puts(buf_cstr(&json));
	fflush(stdout); /* if the next one ends us, it is known which it was */
}

int main(void)
{
	char *line = NULL;
	size_t cap = 0;

	for (ssize_t n; (n = getline(&line, &cap, stdin)) > 0;)
		answer(line, (size_t)n);
	free(line);
	return fflush(stdout) == 0 ? 0 : 1;
}
