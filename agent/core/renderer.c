/*
 * renderer.c - the configured templates, compiled; which of them a service has
 *
 * Layer: agent/core (pure).  Threads: immutable once made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/renderer.h"

#include "lib/base/str.h"

#include <string.h>

static bool given(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* `what` tells the texts of one file apart in messages: "backends.cfg (header):1:3: ...". */
static int compile(const struct renderer_config *cfg, const char *filename, const char *what, const char *text,
	struct template **out, struct error *err)
{
	AUTO(xfree_p) char *name = what != NULL ? xasprintf("%s (%s)", filename, what) : xstrdup(filename);

	return given(text) ? template_compile(name, text, strlen(text), &cfg->options, out, err) : 0;
}

static int compile_named(const struct renderer_config *cfg, const struct template_source *src,
	struct renderer_row *row, struct arena *a, struct error *err)
{
	row->named = arena_alloc(a, (src->n_named + 1) * sizeof(*row->named));
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
			row->named[row->n_named++].name = arena_strdup(a, src->named[i].name);
		}
		rc = compile(cfg, src->filename, src->named[i].name, src->named[i].text, to, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int check_row(const struct template_source *src, struct renderer_row *row, struct error *err)
{
	int rc = layout_check(row->filename, &row->kind, err);

	if (rc == 0 && src->scope == SCOPE_COLLECTED && row->kind != LAYOUT_PLAIN)
		return error_set(err, ERR_INVALID, "filename '%s': a collected file is one file, without %%s",
			row->filename);
	if (rc == 0 && src->scope != SCOPE_COLLECTED && (given(src->header) || given(src->footer)))
		return error_set(err, ERR_INVALID, "filename '%s': only a collected file has a header or footer",
			row->filename);
	return rc;
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
	rc = check_row(src, row, err);
	if (rc == 0 && (src->scope == SCOPE_GROUP || src->shards > 1))
		rc = error_set(err, ERR_INVALID, "filename '%s': shards and files of a group are not there yet",
			row->filename);
	for (size_t i = 0; rc == 0 && i + 1 < r->n; i++)
		if ((src->scope != SCOPE_SERVICE || r->rows[i].scope != SCOPE_SERVICE) && str_eq(r->rows[i].filename, row->filename))
			rc = error_set(err, ERR_INVALID, "filename '%s': two templates for a collected file",
				row->filename);
	if (rc == 0)
		rc = compile(cfg, row->filename, NULL, src->text, &row->by_default, err);
	if (rc == 0)
		rc = compile_named(cfg, src, row, r->arena, err);
	if (rc == 0)
		rc = compile(cfg, row->filename, "header", src->header, &row->header, err);
	if (rc == 0)
		rc = compile(cfg, row->filename, "footer", src->footer, &row->footer, err);
	if (rc != 0)
		return rc;
	if ((row->header != NULL && template_mentions(row->header, "services")) ||
		(row->footer != NULL && template_mentions(row->footer, "services")))
		r->headers_see_services = true;
	return 0;
}

static void copy_strings(const struct strings *from, struct arena *a, struct strings *to)
{
	for (size_t i = 0; i < from->n; i++)
		strings_add(to, a, from->items[i]);
}

int renderer_new(const struct renderer_config *cfg, struct renderer **r_out, struct error *err)
{
	AUTO(renderer_free) struct renderer *r = NULL;
	struct arena *a = arena_new();

	r = arena_alloc(a, sizeof(*r));
	r->arena = a;
	r->rows = arena_alloc(a, (cfg->n_templates + 1) * sizeof(*r->rows));
	for (size_t i = 0; i < cfg->n_templates; i++) {
		int rc = make_row(cfg, &cfg->templates[i], r, err);

		if (rc != 0)
			return rc;
	}
	r->agent.properties = cfg->agent != NULL ? context_agent_properties(cfg->agent, r->agent.level, a) : value_map(a);
	r->agent.purge_off = cfg->purge_off;
	copy_strings(&cfg->purge_off_for, a, &r->agent.purge_off_for);
	copy_strings(&cfg->domains, a, &r->domains.served);
	r->domains.default_domain = given(cfg->default_domain) ? arena_strdup(a, cfg->default_domain) : NULL;
	*r_out = STEAL(r);
	return 0;
}

void renderer_free(struct renderer **r)
{
	struct arena *a;

	if (*r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n; i++) {
		struct renderer_row *row = &(*r)->rows[i];

		template_free(&row->by_default);
		template_free(&row->header);
		template_free(&row->footer);
		for (size_t k = 0; k < row->n_named; k++)
			template_free(&row->named[k].t);
	}
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
