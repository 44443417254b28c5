/*
 * agent_settings_templates.c - the three lists of templates: their texts, and which files they make
 *
 * Layer: agent.  Threads: no state; reads template files.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_settings_internal.h"

#include "agent/core/layout.h"
#include "lib/base/map.h"
#include "lib/base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list {
	const char *key;
	struct template_list *entries;
};

static int line_of(const struct yaml_node *map, int line, const char *key)
{
	for (size_t i = 0; map && map->kind == YAML_MAP && i < map->n; i++)
		if (str_eq(map->items[i].key, key))
			return map->items[i].line;
	return line;
}

struct conf_place agent_conf_place(const char *list, size_t i, const struct template_conf *t, const char *key,
	const char *name)
{
	struct conf_place p = { "", line_of(t->node, t->line, key) };

	if (name)
		p.line = line_of(yaml_get(t->node, key), p.line, name);
	snprintf(p.key, sizeof(p.key), "%s[%zu].%s%s%.80s", list, i, key, name ? "." : "", name ? name : "");
	return p;
}

/* --- texts --- */

static void read_text(struct finish *f, const struct conf_place *p, const char *file, const char **text_out)
{
	struct error why = ERROR_INIT;
	size_t len;

	if (finish_read(f, finish_path(f, file), text_out, &len, &why) != 0)
		finish_refuse_at(f, p, why.text);
}

/* `template` or `templateFile`; the text stays NULL if neither is given. */
static void finish_text(struct finish *f, const char *list, size_t i, struct template_conf *t)
{
	struct conf_place p = agent_conf_place(list, i, t, "templateFile", NULL);

	t->text = t->inline_text;
	if (t->file && t->inline_text)
		finish_refuse_at(f, &p, "stands beside 'template': only one of them may");
	else if (t->file)
		read_text(f, &p, t->file, &t->text);
}

static void finish_named(struct finish *f, const char *list, size_t i, struct template_conf *t)
{
	struct setting_pair *all = arena_alloc(f->c->arena, (t->named_texts.n + t->named_files.n + 1) * sizeof(*all));
	size_t n = 0;

	for (size_t k = 0; k < t->named_texts.n; k++)
		all[n++] = t->named_texts.items[k];
	for (size_t k = 0; k < t->named_files.n; k++) {
		const struct setting_pair *from = &t->named_files.items[k];
		struct conf_place p = agent_conf_place(list, i, t, "namedTemplateFiles", from->key);
		bool twice = false;

		for (size_t j = 0; j < t->named_texts.n; j++)
			twice |= str_eq(t->named_texts.items[j].key, from->key);
		all[n] = (struct setting_pair){ from->key, "" };
		if (twice)
			finish_refuse_at(f, &p, "stands in 'namedTemplates' too: only one of them may");
		else
			read_text(f, &p, from->value, &all[n].value);
		n++;
	}
	t->named = (struct setting_map){ all, n };
}

/* --- names of files --- */

static const char *wrong_kind(const char *list, const struct template_conf *t, enum layout_kind kind)
{
	if (str_eq(list, LIST_TEMPLATES))
		return NULL;
	if (t->shards > 1)
		return kind == LAYOUT_SERVICE ? NULL : "must have one '%s', for the number of the shard";
	return kind == LAYOUT_PLAIN ? NULL : "is one file for all services: '%s' may not stand in it";
}

/* Java forgives a leading slash. */
static void finish_filename(struct finish *f, const char *list, size_t i, struct template_conf *t)
{
	struct conf_place p = agent_conf_place(list, i, t, "filename", NULL);
	struct error why = ERROR_INIT;
	enum layout_kind kind = LAYOUT_PLAIN;
	const char *wrong;

	t->filename += strspn(t->filename, "/");
	if (layout_check(t->filename, &kind, &why) != 0) {
		finish_refuse_at(f, &p, why.text);
		return;
	}
	wrong = wrong_kind(list, t, kind);
	if (wrong)
		finish_refuse_at(f, &p, wrong);
}

struct taken {
	UT_hash_handle hh;
	const char *name;
};

static bool take(struct finish *f, struct taken **all, const char *name)
{
	struct taken *t;

	MAP_FIND(*all, name, t);
	if (t)
		return false;
	t = arena_alloc(f->c->arena, sizeof(*t));
	t->name = name;
	MAP_ADD(*all, name, t);
	return true;
}

/* The file's name, or the names of its shards. */
static bool take_names(struct finish *f, struct taken **all, const struct template_conf *t)
{
	enum layout_kind kind;
	const char *name;
	bool ok = true;

	if (t->shards <= 1)
		return take(f, all, t->filename);
	if (layout_check(t->filename, &kind, NULL) != 0 || kind != LAYOUT_SERVICE)
		return true; /* refused already */
	for (int i = 0; i < t->shards; i++)
		if (layout_shard(t->filename, (unsigned)i, (unsigned)t->shards, f->c->arena, &name, NULL) == 0)
			ok &= take(f, all, name);
	return ok;
}

/* Two entries for one file would overwrite each other. */
static void refuse_same_files(struct finish *f, const struct list *lists, size_t n)
{
	struct taken *all = NULL;

	if (f->c->lb.haproxy.fingerprint_file)
		(void)take(f, &all, f->c->lb.haproxy.fingerprint_file);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < lists[k].entries->n; i++) {
			const struct template_conf *t = &lists[k].entries->items[i];
			struct conf_place p = agent_conf_place(lists[k].key, i, t, "filename", NULL);

			if (!take_names(f, &all, t))
				finish_refuse_at(f, &p, "another entry has the same file");
		}
	HASH_CLEAR(hh, all);
}

static void finish_entry(struct finish *f, const char *list, size_t i, struct template_conf *t)
{
	const struct yaml_node *node = yaml_get(f->c->root, list);
	struct conf_place p;

	ASSERT(node && node->kind == YAML_LIST && i < node->n);
	t->node = node->items[i].value;
	t->line = node->items[i].line;
	finish_filename(f, list, i, t);
	finish_text(f, list, i, t);
	finish_named(f, list, i, t);
	p = agent_conf_place(list, i, t, "filename", NULL);
	if (str_eq(list, LIST_GROUP) ? !t->inline_text && !t->file : !t->inline_text && !t->file && t->named.n == 0)
		finish_refuse_at(f, &p, str_eq(list, LIST_GROUP) ? "has no template and no templateFile" :
			"has no template, no templateFile and no namedTemplates");
}

void finish_templates(struct finish *f)
{
	struct agent_conf *c = f->c;
	const struct list lists[] = { { LIST_TEMPLATES, &c->templates }, { LIST_COLLECTED, &c->collected },
		{ LIST_GROUP, &c->group } };

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k].entries->n; i++)
			finish_entry(f, lists[k].key, i, &lists[k].entries->items[i]);
	refuse_same_files(f, lists, ARRAY_LEN(lists));
}
