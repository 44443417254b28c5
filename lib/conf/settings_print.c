/*
 * settings_print.c - a table of settings as the YAML in force, and as its page of the manual
 *
 * Layer: lib/conf.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/conf/settings_internal.h"

#include <inttypes.h>
#include <string.h>

#define MASK "********"

/* What YAML does not let stand in a text, or would take for a line break; its length, or 0. */
static size_t special(const unsigned char *p, unsigned *code_out)
{
	unsigned code = *p;
	size_t n = 1;

	if (*p == 0xc2) {
		code = p[1];
		n = 2;
	} else if ((*p & 0xf0) == 0xe0 && p[1] != 0 && p[2] != 0) {
		code = (*p & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
		n = 3;
	}
	*code_out = code;
	if (n == 1)
		return code < 0x20 || code == 0x7f || code == '"' || code == '\\' ? 1 : 0;
	if (n == 2)
		return code >= 0x80 && code < 0xa0 ? 2 : 0;
	return code == 0x2028 || code == 0x2029 || code == 0xfeff || code >= 0xfffe ? 3 : 0;
}

static void put_text(struct buf *out, const char *s)
{
	unsigned code;

	if (!s) {
		buf_str(out, "null");
		return;
	}
	buf_char(out, '"');
	while (*s) {
		size_t n = special((const unsigned char *)s, &code);

		if (n == 0)
			buf_char(out, *s);
		else if (code == '"' || code == '\\')
			buf_printf(out, "\\%c", *s);
		else if (code == '\n')
			buf_str(out, "\\n");
		else
			buf_printf(out, "\\u%04x", code);
		s += n > 0 ? n : 1;
	}
	buf_char(out, '"');
}

static void put_texts(struct buf *out, const struct setting_strings *l)
{
	buf_char(out, '[');
	for (size_t i = 0; i < l->n; i++) {
		buf_str(out, i > 0 ? ", " : "");
		put_text(out, l->items[i]);
	}
	buf_char(out, ']');
}

static void put_map(struct buf *out, const struct setting_map *m)
{
	buf_char(out, '{');
	for (size_t i = 0; i < m->n; i++) {
		buf_str(out, i > 0 ? ", " : "");
		put_text(out, m->items[i].key);
		buf_str(out, ": ");
		put_text(out, m->items[i].value);
	}
	buf_char(out, '}');
}

static void put_multimap(struct buf *out, const struct setting_multimap *m)
{
	buf_char(out, '{');
	for (size_t i = 0; i < m->n; i++) {
		buf_str(out, i > 0 ? ", " : "");
		put_text(out, m->items[i].key);
		buf_str(out, ": ");
		put_texts(out, &m->items[i].values);
	}
	buf_char(out, '}');
}

static void put_string(const struct setting *s, const char *v, struct buf *out)
{
	if (v && (s->flags & SETTING_SECRET))
		v = MASK;
	put_text(out, v);
}

static void dump_rows(const struct setting *rows, const void *base, int indent, bool dash,
	struct buf *out);

static void put_list(const struct setting *s, const void *base, int indent, struct buf *out)
{
	const char *items;
	size_t n = *(const size_t *)(const void *)((const char *)base + s->n_offset);

	memcpy(&items, (const char *)base + s->offset, sizeof(items));
	if (n == 0)
		buf_str(out, " []");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "\n%*s-", indent, "");
		dump_rows(s->rows, items + i * s->item_size, indent + 2, true, out);
	}
}

static void put_value(const struct setting *s, const void *base, int indent, struct buf *out)
{
	const void *place = setting_place_const(s, base);
	char word[64];

	if (s->kind != SETTING_LIST)
		buf_char(out, ' ');
	switch (s->kind) {
	case SETTING_STRING:
		put_string(s, *(const char *const *)place, out);
		break;
	case SETTING_INT:
		buf_printf(out, "%d", *(const int *)place);
		break;
	case SETTING_DURATION:
		buf_printf(out, "%" PRId64, *(const int64_t *)place);
		break;
	case SETTING_BOOL:
		buf_str(out, *(const bool *)place ? "true" : "false");
		break;
	case SETTING_NUMBER:
		buf_printf(out, "%.17g", *(const double *)place);
		break;
	case SETTING_ENUM:
		buf_str(out, settings_word(s->words, *(const int *)place, word));
		break;
	case SETTING_MODE:
		buf_printf(out, "\"%04o\"", (unsigned)*(const int *)place);
		break;
	case SETTING_STRINGS:
		put_texts(out, place);
		break;
	case SETTING_MAP:
		put_map(out, place);
		break;
	case SETTING_MULTIMAP:
		put_multimap(out, place);
		break;
	case SETTING_LIST:
		put_list(s, base, indent, out);
		break;
	case SETTING_SECTION:
	case SETTING_END:
		break;
	}
}

/* The headers of the sections that `key` is in and `before` was not; gives the place of its last
 * part and, in *depth_out, how many sections it is in. */
static const char *open_sections(const char *before, const char *key, int indent, int *depth_out,
	struct buf *out)
{
	bool same = true;
	int depth = 0;

	for (const char *dot = strchr(key, '.'); dot; dot = strchr(key, '.')) {
		size_t n = (size_t)(dot - key);

		same = same && before && strncmp(before, key, n + 1) == 0;
		if (!same)
			buf_printf(out, "\n%*s%.*s:", indent + 2 * depth, "", (int)n, key);
		before = same ? before + n + 1 : NULL;
		key = dot + 1;
		depth++;
	}
	*depth_out = depth;
	return key;
}

/* In a section that may be absent, and is. */
static bool is_absent(const struct setting *rows, const struct setting *row, const void *base)
{
	for (const struct setting *s = rows; s->key; s++) {
		size_t n = strlen(s->key);

		if (s->kind == SETTING_SECTION && !(s->flags & SETTING_NO_EFFECT) &&
			strncmp(row->key, s->key, n) == 0 && row->key[n] == '.' &&
			!*(const bool *)setting_place_const(s, base))
			return true;
	}
	return false;
}

/* Every row begins with its line break, so that an element of a list can begin with its dash. */
static void dump_rows(const struct setting *rows, const void *base, int indent, bool dash,
	struct buf *out)
{
	const char *before = NULL, *name;
	int depth;

	for (const struct setting *s = rows; s->key; s++) {
		if (s->flags & SETTING_NO_EFFECT || s->kind == SETTING_SECTION ||
			is_absent(rows, s, base))
			continue;
		name = open_sections(before, s->key, indent, &depth, out);
		if (dash)
			buf_printf(out, " %s:", name);
		else
			buf_printf(out, "\n%*s%s:", indent + 2 * depth, "", name);
		dash = false;
		put_value(s, base, indent + 2 * depth + 2, out);
		before = s->key;
	}
}

void settings_dump(const struct setting *rows, const void *conf, struct buf *out)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	dump_rows(rows, conf, 0, false, &text);
	if (text.len > 0)
		buf_append(out, text.data + 1, text.len - 1);
	buf_char(out, '\n');
}

static const char *kind_word(enum setting_kind kind)
{
	switch (kind) {
	case SETTING_STRING:
		return "text";
	case SETTING_INT:
		return "whole number";
	case SETTING_DURATION:
		return "milliseconds";
	case SETTING_BOOL:
		return "true, false";
	case SETTING_NUMBER:
		return "number";
	case SETTING_ENUM:
		return "word";
	case SETTING_MODE:
		return "file mode";
	case SETTING_STRINGS:
		return "list of texts";
	case SETTING_MAP:
		return "mapping to texts";
	case SETTING_MULTIMAP:
		return "mapping to lists";
	case SETTING_LIST:
		return "list of mappings";
	case SETTING_SECTION:
		return "mapping";
	case SETTING_END:
		break;
	}
	return "?";
}

/* A cell of a Markdown table: bars would end it. */
static void put_cell(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '|')
			buf_char(out, '\\');
		buf_char(out, *s);
	}
}

static void doc_kind(const struct setting *s, struct buf *out)
{
	char word[64];

	if (s->kind != SETTING_ENUM) {
		buf_str(out, kind_word(s->kind));
	} else {
		for (int i = 0; *settings_word(s->words, i, word); i++)
			buf_printf(out, "%s`%s`", i > 0 ? ", " : "", word);
	}
	if (s->kind == SETTING_INT || s->kind == SETTING_DURATION || s->kind == SETTING_NUMBER)
		buf_printf(out, ", %" PRId64 "..%" PRId64, s->min, s->max);
}

static void doc_default(const struct setting *s, struct buf *out)
{
	if (s->flags & SETTING_REQUIRED)
		buf_str(out, "**required**");
	else if (s->def && *s->def)
		buf_printf(out, "`%s`", s->def);
	else if (s->kind == SETTING_STRING)
		buf_str(out, s->def ? "empty" : "absent");
	else if (s->kind == SETTING_SECTION)
		buf_str(out, "absent");
	else
		buf_str(out, "none");
}

static void doc_row(const struct setting *s, struct buf *out)
{
	buf_printf(out, "| `%s` | ", s->key);
	doc_kind(s, out);
	buf_str(out, " | ");
	doc_default(s, out);
	buf_str(out, " | ");
	put_cell(out, s->help);
	if (s->flags & SETTING_SECRET)
		buf_str(out, " A secret: never printed.");
	buf_str(out, " |\n");
}

/* The section a row is shown in; the top-level keys are one, too. */
static size_t section_len(const struct setting *s)
{
	size_t n = strcspn(s->key, ".");

	return s->key[n] == '.' || s->kind == SETTING_SECTION ? n : 0;
}

static void doc_table(const struct setting *rows, struct buf *out)
{
	const struct setting *before = NULL;

	for (const struct setting *s = rows; s->key; s++) {
		size_t n = section_len(s);

		if (s->flags & SETTING_NO_EFFECT)
			continue;
		if (!before || section_len(before) != n || strncmp(before->key, s->key, n) != 0) {
			if (n > 0)
				buf_printf(out, "\n### %.*s\n", (int)n, s->key);
			buf_str(out, "\n| Key | Value | Default | Meaning |\n|---|---|---|---|\n");
		}
		doc_row(s, out);
		before = s;
	}
	for (const struct setting *s = rows; s->key; s++) {
		if (s->kind != SETTING_LIST || s->flags & SETTING_NO_EFFECT)
			continue;
		buf_printf(out, "\n### %s[]\n", s->key);
		doc_table(s->rows, out);
	}
}

static void doc_why(const struct setting *s, struct buf *out)
{
	buf_str(out, " | ");
	put_cell(out, s->help);
	buf_str(out, " |\n");
}

/* Neighbours with the same reason share a line. */
static void doc_no_effect(const struct setting *rows, struct buf *out)
{
	const struct setting *before = NULL;
	char word[64];

	for (const struct setting *s = rows; s->key; s++) {
		if (!(s->flags & SETTING_NO_EFFECT))
			continue;
		if (!before)
			buf_str(out, "\n### Known keys without effect\n\nA warning says so, with the line.\n\n"
				     "| Key | Why |\n|---|---|\n");
		if (before && str_eq(before->help, s->help))
			buf_str(out, ", ");
		else if (before)
			doc_why(before, out);
		if (!before || !str_eq(before->help, s->help))
			buf_str(out, "| ");
		buf_printf(out, "`%s`", s->key);
		for (int i = 0; s->words && *settings_word(s->words, i, word); i++)
			buf_printf(out, "%s`.%s`", i > 0 ? ", " : ": ", word);
		before = s;
	}
	if (before)
		doc_why(before, out);
}

void settings_docs(const struct setting *rows, struct buf *out)
{
	doc_table(rows, out);
	doc_no_effect(rows, out);
}
