/*
 * renderer.c - the configured templates, compiled; which of them a service has
 *
 * Partials are compiled once for each kind of output (and each allow_control) that some file has: what a value
 * must look like depends on the file that it ends in.
 *
 * Layer: agent/core (pure).  Threads: immutable once made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/renderer.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* --- options and partials --- */

enum template_output renderer_output(const struct template_source *src, enum template_level level)
{
	static const struct {
		const char *ending;
		enum template_output output;
	} endings[] = { { ".cfg", OUTPUT_HAPROXY }, { ".map", OUTPUT_HAPROXY_MAP }, { ".conf", OUTPUT_NGINX } };

	if (src->output != OUTPUT_DEFAULT)
		return src->output;
	if (level == TEMPLATE_BARAGON)
		return OUTPUT_HTML;
	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		if (src->filename != NULL && str_ends(src->filename, endings[i].ending))
			return endings[i].output;
	return OUTPUT_TEXT;
}

static struct template_options options_of(const struct renderer_config *cfg, const struct renderer *r,
	enum template_output output, bool allow_control)
{
	struct template_options o = cfg->options;

	o.level = cfg->level;
	o.output = output;
	o.allow_control = allow_control;
	o.helpers = r->helpers;
	o.n_helpers = r->n_helpers;
	o.partials = r->partials[output][allow_control];
	return o;
}

static int add_partial(struct template_partials *ps, const struct template_text *p, struct error *err)
{
	const char *text = p->text != NULL ? p->text : "";
	int rc = template_partials_add(ps, p->name, text, strlen(text), err);

	if (rc == ERR_CONFLICT)
		return error_set(err, ERR_CONFLICT, "there are two partials '%s'", p->name);
	return rc;
}

static int make_partials(const struct renderer_config *cfg, struct renderer *r, enum template_output output,
	bool allow_control, struct error *err)
{
	struct template_options opt = options_of(cfg, r, output, allow_control);
	struct template_partials *ps;
	int rc = 0;

	if (r->partials[output][allow_control] != NULL)
		return 0;
	ps = r->partials[output][allow_control] = template_partials_new(&opt);
	for (size_t i = 0; rc == 0 && i < cfg->n_partials; i++)
		rc = add_partial(ps, &cfg->partials[i], err);
	return rc == 0 ? template_partials_check(ps, NULL, err) : rc;
}

/* --- the texts of a row --- */

/* `what` tells the texts of one file apart in messages: "backends.cfg (header):1:3: ...". */
static int compile(const struct renderer_config *cfg, const struct renderer *r, const struct renderer_row *row,
	const char *what, const char *text, struct template **out, struct error *err)
{
	AUTO(xfree_p) char *name = what != NULL ? xasprintf("%s (%s)", row->filename, what) : xstrdup(row->filename);
	struct template_options opt = options_of(cfg, r, row->output, row->allow_control);
	int rc;

	if (!given(text))
		return 0;
	rc = template_compile(name, text, strlen(text), &opt, out, err);
	return rc == 0 ? template_partials_check(opt.partials, *out, err) : rc;
}

static int compile_named(const struct renderer_config *cfg, const struct template_source *src, struct renderer *r,
	struct renderer_row *row, struct error *err)
{
	row->named = arena_alloc(r->arena, (src->n_named + 1) * sizeof(*row->named));
	for (size_t i = 0; i < src->n_named; i++) {
		struct template **to = &row->named[row->n_named].t;
		int rc;

		if (!given(src->named[i].text))
			continue;
		/* rendered after `template`, it was the one that stayed in Java */
		if (str_eq(src->named[i].name, "default")) {
			template_free(&row->by_default);
			to = &row->by_default;
		} else {
			row->named[row->n_named++].name = arena_strdup(r->arena, src->named[i].name);
		}
		rc = compile(cfg, r, row, src->named[i].name, src->named[i].text, to, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int compile_row(const struct renderer_config *cfg, const struct template_source *src, struct renderer *r,
	struct renderer_row *row, struct error *err)
{
	int rc = compile(cfg, r, row, NULL, src->text, &row->by_default, err);

	if (rc == 0)
		rc = compile_named(cfg, src, r, row, err);
	if (rc == 0)
		rc = compile(cfg, r, row, "header", src->header, &row->header, err);
	if (rc == 0)
		rc = compile(cfg, r, row, "footer", src->footer, &row->footer, err);
	return rc;
}

static bool mentions(const struct template *t, const char *name)
{
	return t != NULL && template_mentions(t, name);
}

/* What the row's templates need to know. */
static void note_needs(struct renderer *r, const struct renderer_row *row)
{
	const struct template *group = row->scope == SCOPE_GROUP ? row->by_default : NULL;
	const struct template *const frames[] = { row->header, row->footer, group };

	if (row->scope != SCOPE_GROUP)
		r->only_groups = false;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		bool contexts = mentions(frames[i], "services"), time = mentions(frames[i], "timestamp");

		r->needs_contexts = r->needs_contexts || contexts;
		r->frames_need_time = r->frames_need_time || time;
		r->needs_time = r->needs_time || (contexts && time); /* it may be that of a context */
	}
	r->needs_time = r->needs_time || (group == NULL && mentions(row->by_default, "timestamp"));
	for (size_t i = 0; i < row->n_named; i++)
		r->needs_time = r->needs_time || mentions(row->named[i].t, "timestamp");
}

bool renderer_needs_time(const struct renderer *r)
{
	return r->needs_time;
}

/* --- rows --- */

static int check_row(const struct template_source *src, struct renderer_row *row, struct error *err)
{
	bool collected = src->scope == SCOPE_COLLECTED, cut = src->shards > 1;
	int rc = layout_check(row->filename, &row->kind, err);

	if (rc != 0)
		return rc;
	if (!collected && cut)
		return error_set(err, ERR_INVALID, "filename '%s': only a collected file has shards", row->filename);
	if (src->shards > LAYOUT_SHARDS_MAX)
		return error_set(err, ERR_INVALID, "filename '%s': more than %d shards", row->filename,
			LAYOUT_SHARDS_MAX);
	if (cut && row->kind != LAYOUT_SERVICE)
		return error_set(err, ERR_INVALID, "filename '%s': with shards it needs one %%s, for their numbers",
			row->filename);
	if (collected && !cut && row->kind != LAYOUT_PLAIN)
		return error_set(err, ERR_INVALID, "filename '%s': a collected file is one file, without %%s",
			row->filename);
	if (src->scope == SCOPE_GROUP && row->kind != LAYOUT_PLAIN)
		return error_set(err, ERR_INVALID, "filename '%s': the file of a group is one file, without %%s",
			row->filename);
	if (src->scope == SCOPE_GROUP && (src->n_named > 0 || !given(src->text)))
		return error_set(err, ERR_INVALID, "filename '%s': the file of a group has one template and no named ones",
			row->filename);
	if (!collected && (given(src->header) || given(src->footer)))
		return error_set(err, ERR_INVALID, "filename '%s': only a collected file has a header or footer",
			row->filename);
	return 0;
}

/* The files that are there whatever the services. */
static int name_paths(const struct template_source *src, struct renderer *r, struct renderer_row *row,
	struct error *err)
{
	bool cut = src->shards > 1;

	if (row->scope == SCOPE_SERVICE)
		return 0;
	row->n_paths = cut ? src->shards : 1;
	row->paths = arena_alloc(r->arena, row->n_paths * sizeof(*row->paths));
	row->paths[0] = row->filename;
	for (unsigned i = 0; cut && i < row->n_paths; i++) {
		int rc = layout_shard(row->filename, i, src->shards, r->arena, &row->paths[i], err);

		if (rc != 0)
			return rc;
	}
	row->first_path = r->n_paths;
	r->n_paths += row->n_paths;
	r->sharded = r->sharded || cut;
	return 0;
}

static int make_row(const struct renderer_config *cfg, const struct template_source *src, struct renderer *r,
	struct error *err)
{
	struct renderer_row *row = &r->rows[r->n++];
	const char *filename = src->filename != NULL ? src->filename : "";
	int rc;

	while (filename[0] == '/') /* Java puts the root path in front of it, whatever it is */
		filename++;
	row->filename = arena_strdup(r->arena, filename);
	row->scope = src->scope;
	row->mode = src->mode != 0 ? src->mode : 0644;
	row->output = renderer_output(src, cfg->level);
	row->allow_control = src->allow_control;
	rc = check_row(src, row, err);
	if (rc == 0)
		rc = name_paths(src, r, row, err);
	for (size_t i = 0; rc == 0 && i + 1 < r->n; i++)
		if ((src->scope != SCOPE_SERVICE || r->rows[i].scope != SCOPE_SERVICE) &&
			str_eq(r->rows[i].filename, row->filename))
			rc = error_set(err, ERR_INVALID, "filename '%s': two templates for %s", row->filename,
				src->scope == SCOPE_GROUP || r->rows[i].scope == SCOPE_GROUP ? "the file of a group" :
											       "a collected file");
	if (rc == 0)
		rc = make_partials(cfg, r, row->output, row->allow_control, err);
	if (rc == 0)
		rc = compile_row(cfg, src, r, row, err);
	if (rc != 0)
		return rc;
	note_needs(r, row);
	return 0;
}

static int compare_paths(const void *x, const void *y)
{
	return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* A shard may have the name of another row's file. */
static int check_paths(const struct renderer *r, struct error *err)
{
	const char **all = arena_alloc(r->arena, (r->n_paths + 1) * sizeof(*all));

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < r->rows[i].n_paths; k++)
			all[r->rows[i].first_path + k] = r->rows[i].paths[k];
	if (r->n_paths > 1)
		qsort(all, r->n_paths, sizeof(*all), compare_paths);
	for (size_t i = 0; i + 1 < r->n_paths; i++)
		if (str_eq(all[i], all[i + 1]))
			return error_set(err, ERR_INVALID, "two templates make the file '%s'", all[i]);
	return 0;
}

/* --- the whole --- */

static void copy_strings(const struct strings *from, struct arena *a, struct strings *to)
{
	to->items = arena_alloc(a, (from->n + 1) * sizeof(*to->items));
	for (; to->n < from->n; to->n++)
		to->items[to->n] = arena_strdup(a, from->items[to->n]);
}

static void make_env(const struct renderer_config *cfg, struct renderer *r)
{
	struct arena *a = r->arena;

	r->agent.level = cfg->level;
	r->agent.properties = cfg->agent != NULL ? context_agent_properties(cfg->agent, cfg->level, a) : value_map(a);
	r->agent.purge_off = cfg->purge_off;
	copy_strings(&cfg->purge_off_for, a, &r->agent.purge_off_for);
	copy_strings(&cfg->domains, a, &r->domains.served);
	r->domains.default_domain = given(cfg->default_domain) ? arena_strdup(a, cfg->default_domain) : NULL;
	r->env = cfg->helpers;
	r->env.level = cfg->level;
	r->env.date_format = arena_strdup(a, cfg->helpers.date_format);
	r->env.zero_weight = arena_strdup(a, cfg->helpers.zero_weight);
	r->env.weighting_format = arena_strdup(a, cfg->helpers.weighting_format);
	r->helpers = helpers_make(&r->env, a, &r->n_helpers);
}

int renderer_new(const struct renderer_config *cfg, struct renderer **r_out, struct error *err)
{
	AUTO(renderer_free) struct renderer *r = NULL;
	struct arena *a = arena_new();
	int rc = cfg->helpers.weighting_format != NULL ? helpers_check_format(cfg->helpers.weighting_format, err) : 0;

	r = arena_alloc(a, sizeof(*r));
	r->arena = a;
	r->rows = arena_alloc(a, (cfg->n_templates + 1) * sizeof(*r->rows));
	r->only_groups = cfg->n_templates > 0;
	make_env(cfg, r);
	for (size_t i = 0; rc == 0 && i < cfg->n_templates; i++)
		rc = make_row(cfg, &cfg->templates[i], r, err);
	if (rc == 0)
		rc = check_paths(r, err);
	if (rc != 0)
		return rc;
	*r_out = STEAL(r);
	return 0;
}

static void row_release(struct renderer_row *row)
{
	template_free(&row->by_default);
	template_free(&row->header);
	template_free(&row->footer);
	for (size_t k = 0; k < row->n_named; k++)
		template_free(&row->named[k].t);
}

void renderer_free(struct renderer **r)
{
	struct arena *a;

	if (*r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n; i++)
		row_release(&(*r)->rows[i]);
	for (size_t i = 0; i < RENDERER_OUTPUTS; i++)
		for (size_t k = 0; k < 2; k++)
			template_partials_free(&(*r)->partials[i][k]);
	a = (*r)->arena;
	*r = NULL;
	arena_free(&a);
}

const struct template *renderer_choose(const struct renderer_row *row, const char *template_name)
{
	if (!given(template_name) || str_eq(template_name, "default"))
		return row->by_default;
	for (size_t i = 0; i < row->n_named; i++)
		if (str_eq(row->named[i].name, template_name))
			return row->named[i].t;
	return NULL;
}
