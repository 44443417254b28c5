/*
 * settings.c - a YAML tree against a table of rows
 *
 * Layer: lib/conf.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/settings.h"

#include "lib/base/str.h"
#include "lib/conf/settings_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 256

void settings_report_release(struct settings_report *rep)
{
	for (size_t i = 0; i < rep->n; i++)
		xfree_p(&rep->notes[i].text);
	xfree_p(&rep->notes);
	*rep = (struct settings_report)SETTINGS_REPORT_INIT;
}

static void note_take(struct settings_report *rep, bool error, int line, char *text)
{
	if (error)
		rep->errors++;
	else
		rep->warnings++;
	if (rep->n == SETTINGS_NOTES_MAX) {
		xfree_p(&text);
		return;
	}
	GROW(rep->notes, rep->n, rep->cap);
	rep->notes[rep->n++] = (struct settings_note){ line, error, text };
}

static char *format(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
static char *format(const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	return xstrdup(line);
}

void settings_note(struct settings_report *rep, bool error, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	note_take(rep, error, line, format(fmt, ap));
	va_end(ap);
}

int settings_refuse(struct settings_report *rep, struct error *err, const char *name, int line,
	const char *key, const char *fmt, ...)
{
	AUTO(xfree_p) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	if (rep)
		settings_note(rep, true, line, "%s: %s", key, text);
	return error_set(err, ERR_INVALID, "%s:%d: %s: %s", name, line, key, text);
}

static void fill_warn(struct fill *f, int line, const char *path, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static void fill_warn(struct fill *f, int line, const char *path, const char *fmt, ...)
{
	AUTO(xfree_p) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	settings_note(f->rep, false, line, "%s: %s", path, text);
}

void fill_error(struct fill *f, int line, const char *path, const char *fmt, ...)
{
	AUTO(xfree_p) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = format(fmt, ap);
	va_end(ap);
	settings_note(f->rep, true, line, "%s: %s", path, text);
	if (f->errors++ == 0)
		error_set(&f->first, ERR_INVALID, "%s:%d: %s: %s", f->name, line, path, text);
}

static bool wrong_kind(struct fill *f, const char *path, const struct yaml_node *node,
	enum yaml_kind wanted)
{
	if (node->kind == wanted)
		return false;
	fill_error(f, node->line, path, "must be %s, not %s", yaml_kind_name(wanted),
		yaml_kind_name(node->kind));
	return true;
}

static const struct setting *find_row(const struct setting *rows, const char *key)
{
	for (const struct setting *s = rows; s->key; s++)
		if (str_eq(s->key, key))
			return s;
	return NULL;
}

static bool is_section(const struct setting *rows, const char *key)
{
	size_t n = strlen(key);

	for (const struct setting *s = rows; s->key; s++)
		if (strncmp(s->key, key, n) == 0 && s->key[n] == '.')
			return true;
	return false;
}

static bool has_word(const char *words, const char *word)
{
	char one[64];

	for (int i = 0; *settings_word(words, i, one); i++)
		if (str_eq(one, word))
			return true;
	return false;
}

/* Is the known key `b` like `a`, but for one letter missing, added or wrong, or for the case? */
static bool is_near(const char *a, const char *b)
{
	size_t same = 0, tail = 0, la = strlen(a), lb = strlen(b);

	if (strcasecmp(a, b) == 0)
		return true;
	while (a[same] && a[same] == b[same])
		same++;
	while (tail < la - same && tail < lb - same && a[la - 1 - tail] == b[lb - 1 - tail])
		tail++;
	return lb > 3 && la - same - tail <= 1 && lb - same - tail <= 1;
}

/* The known key below `prefix` that was probably meant, or NULL. */
static const char *near_key(const struct setting *rows, const char *prefix, const char *key,
	char out[64])
{
	size_t n = strlen(prefix);

	for (const struct setting *s = rows; s->key; s++) {
		const char *rest = s->key + n + (n > 0 ? 1 : 0);

		if (n > 0 && (strncmp(s->key, prefix, n) != 0 || s->key[n] != '.'))
			continue;
		snprintf(out, 64, "%.*s", (int)strcspn(rest, "."), rest);
		if (is_near(key, out))
			return out;
	}
	return NULL;
}

static void warn_unknown(struct fill *f, const struct setting *rows, const char *prefix,
	const char *path, const struct yaml_item *it)
{
	char near[64];

	if (near_key(rows, prefix, it->key, near))
		fill_warn(f, it->line, path, "unknown key, ignored; was '%s' meant?", near);
	else if (strchr(it->key, '.'))
		fill_warn(f, it->line, path, "unknown key, ignored; write '%.*s:' and the rest below it",
			(int)strcspn(it->key, "."), it->key);
	else
		fill_warn(f, it->line, path, "unknown key, ignored");
}

static void fill_no_effect(struct fill *f, const struct setting *s, const struct yaml_item *it,
	const char *path)
{
	fill_warn(f, it->line, path, "known, has no effect: %s", s->help);
	if (s->kind != SETTING_SECTION || !s->words || it->value->kind != YAML_MAP)
		return;
	for (size_t i = 0; i < it->value->n; i++) {
		const struct yaml_item *sub = &it->value->items[i];

		if (!has_word(s->words, sub->key))
			fill_warn(f, sub->line, path, "unknown key '%.64s', ignored", sub->key);
	}
}

static void fill_one(struct fill *f, const struct setting *rows, const struct yaml_item *it,
	const char *prefix, const char *where, void *base)
{
	char key[PATH_MAX_BYTES], path[PATH_MAX_BYTES];
	const struct setting *s;
	bool section;

	snprintf(key, sizeof(key), "%s%s%.100s", prefix, *prefix ? "." : "", it->key);
	snprintf(path, sizeof(path), "%s%.*s", where, (int)(sizeof(path) - strlen(where) - 1), key);
	s = strchr(it->key, '.') ? NULL : find_row(rows, key);
	section = !strchr(it->key, '.') && is_section(rows, key);
	if (s && (s->flags & SETTING_NO_EFFECT)) {
		fill_no_effect(f, s, it, path);
	} else if (s && s->kind != SETTING_SECTION) {
		fill_value(f, s, path, it->value, base);
	} else if (!s && !section) {
		warn_unknown(f, rows, prefix, path, it);
	} else if (it->value->kind != YAML_NULL && !wrong_kind(f, path, it->value, YAML_MAP)) {
		if (s)
			*(bool *)setting_place(s, base) = true;
		fill_map(f, rows, it->value, key, where, base);
	}
}

void fill_map(struct fill *f, const struct setting *rows, const struct yaml_node *map,
	const char *prefix, const char *where, void *base)
{
	for (size_t i = 0; i < map->n; i++)
		fill_one(f, rows, &map->items[i], prefix, where, base);
}

void fill_defaults(struct fill *f, const struct setting *rows, void *base)
{
	for (const struct setting *s = rows; s->key; s++) {
		struct yaml_node node = { .kind = YAML_SCALAR, .text = s->def };

		if (s->def)
			fill_value(f, s, s->key, &node, base);
	}
}

void fill_check_required(struct fill *f, const struct setting *rows, const struct yaml_node *map,
	int line, const char *where, const void *base)
{
	char path[PATH_MAX_BYTES];

	for (const struct setting *s = rows; s->key; s++) {
		const char *const *value;
		int at;

		if (!(s->flags & SETTING_REQUIRED))
			continue;
		value = setting_place_const(s, base);
		if (*value)
			continue;
		at = yaml_line(map, s->key);
		snprintf(path, sizeof(path), "%s%s", where, s->key);
		fill_error(f, at > line ? at : line, path, "is required");
	}
}

static int fill_root(struct fill *f, const struct setting *rows, const struct yaml_node *root,
	void *conf)
{
	fill_defaults(f, rows, conf);
	ASSERT(f->errors == 0);
	if (root->kind != YAML_NULL && root->kind != YAML_MAP) {
		settings_note(f->rep, true, root->line, "the file must be a mapping, not %s",
			yaml_kind_name(root->kind));
		return error_set(&f->first, ERR_INVALID, "%s:%d: the file must be a mapping, not %s",
			f->name, root->line, yaml_kind_name(root->kind));
	}
	fill_map(f, rows, root, "", "", conf);
	fill_check_required(f, rows, root, 1, "", conf);
	return f->errors == 0 ? 0 : ERR_INVALID;
}

int settings_parse(const struct setting *rows, const char *name, const char *text, size_t len,
	struct arena *arena, void *conf, const struct yaml_node **root_out,
	struct settings_report *rep, struct error *err)
{
	AUTO(settings_report_release) struct settings_report own = SETTINGS_REPORT_INIT;
	struct fill f = { .arena = arena, .name = name, .rep = rep ? rep : &own,
		.first = ERROR_INIT };
	const struct yaml_node *root = NULL;
	int rc;

	rc = yaml_parse(arena, name, text, len, &root, &f.first);
	if (rc != 0)
		settings_note(f.rep, true, 0, "%s", f.first.text);
	else
		rc = fill_root(&f, rows, root, conf);
	if (rc != 0) {
		if (err)
			*err = f.first;
		return rc;
	}
	if (root_out)
		*root_out = root;
	return 0;
}
