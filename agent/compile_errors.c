/*
 * compile_errors.c - which of the configured templates cannot be compiled, and where they stand in the YAML
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/compile_errors.h"

#include "lib/base/str.h"

#include <string.h>

struct search {
	const struct agent_conf *c;
	const struct renderer_config *cfg;
	struct settings_report *rep;
	struct error *err;
	char last[sizeof(((struct error *)0)->text)]; /* of the partials: said once, though every row meets it */
	int rc;
};

static void found(struct search *s, int line, const char *key, const struct error *why)
{
	int rc = settings_refuse(s->rep, s->rc == 0 ? s->err : NULL, s->c->name, line, key, "%s", why->text);

	if (s->rc == 0)
		s->rc = rc;
}

/* A renderer with that row alone. */
static int try_row(const struct search *s, const struct template_source *row, struct error *why)
{
	struct renderer_config one = *s->cfg;
	AUTO(renderer_free) struct renderer *r = NULL;

	one.templates = row;
	one.n_templates = 1;
	return renderer_new(&one, &r, why);
}

/* As the row, without its texts. */
static struct template_source bare(const struct template_source *row)
{
	struct template_source b = *row;

	b.text = b.header = b.footer = NULL;
	b.named = NULL;
	b.n_named = 0;
	return b;
}

struct entry {
	const char *list;
	size_t i;
	const struct template_conf *conf;
	const struct template_source *row;
};

static void try_text(struct search *s, const struct entry *e, const struct template_source *row, const char *key,
	const char *name)
{
	struct conf_place p = agent_conf_place(e->list, e->i, e->conf, key, name);
	struct error why = ERROR_INIT;

	if (try_row(s, row, &why) != 0)
		found(s, p.line, p.key, &why);
}

static void try_named(struct search *s, const struct entry *e)
{
	for (size_t k = 0; k < e->row->n_named; k++) {
		struct template_source row = bare(e->row);

		row.named = &e->row->named[k];
		row.n_named = 1;
		try_text(s, e, &row, k < e->conf->named_texts.n ? "namedTemplates" : "namedTemplateFiles",
			e->row->named[k].name);
	}
}

static void try_entry(struct search *s, const struct entry *e)
{
	struct template_source row = bare(e->row);
	struct error why = ERROR_INIT;

	row.text = "-"; /* nothing can be wrong with it, so it is the partials, which go with a row's output */
	if (try_row(s, &row, &why) != 0 && s->cfg->n_partials > 0) {
		if (!str_eq(why.text, s->last))
			found(s, yaml_line(s->c->root, "partialsDirectory"), "partialsDirectory", &why);
		memcpy(s->last, why.text, sizeof(s->last));
		return;
	}
	row.text = e->row->text;
	if (row.text)
		try_text(s, e, &row, e->conf->file ? "templateFile" : "template", NULL);
	try_named(s, e);
	row = bare(e->row);
	row.header = e->row->header;
	if (row.header)
		try_text(s, e, &row, "header", NULL);
	row = bare(e->row);
	row.footer = e->row->footer;
	if (row.footer)
		try_text(s, e, &row, "footer", NULL);
}

int compile_errors(const struct agent_conf *c, const struct renderer_config *cfg, const struct error *why,
	struct settings_report *rep, struct error *err)
{
	const struct {
		const char *key;
		const struct template_list *list;
	} lists[] = { { LIST_TEMPLATES, &c->templates }, { LIST_COLLECTED, &c->collected }, { LIST_GROUP, &c->group } };
	struct search s = { .c = c, .cfg = cfg, .rep = rep, .err = err };
	size_t n = 0;

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k].list->n; i++, n++)
			try_entry(&s, &(struct entry){ lists[k].key, i, &lists[k].list->items[i], &cfg->templates[n] });
	if (s.rc != 0)
		return s.rc;
	/* Only together they are wrong. */
	return settings_refuse(rep, err, c->name, yaml_line(c->root, LIST_TEMPLATES), LIST_TEMPLATES, "%s", why->text);
}
