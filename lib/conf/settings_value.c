/*
 * settings_value.c - one value of a YAML tree into its place, by the kind of its row
 *
 * Numbers and booleans may be quoted, as Java takes them too.
 *
 * Layer: lib/conf.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/conf/settings_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX 60

const char *settings_word(const char *words, int index, char out[64])
{
	while (index-- > 0 && words) {
		words = strchr(words, '|');
		words = words ? words + 1 : NULL;
	}
	if (!words)
		words = "";
	snprintf(out, 64, "%.*s", (int)strcspn(words, "|"), words);
	return out;
}

/* "what it should have been: 'what it is'"; not the latter for a secret. */
static void refuse_value(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, const char *what)
{
	AUTO(buf_release) struct buf shown = BUF_INIT;

	if (s->flags & SETTING_SECRET) {
		fill_error(f, node->line, path, "%s", what);
		return;
	}
	str_escape(&shown, node->text, strlen(node->text), SHOWN_MAX);
	fill_error(f, node->line, path, "%s: '%s'", what, buf_cstr(&shown));
}

static bool is_scalar(struct fill *f, const char *path, const struct yaml_node *node,
	const char *what)
{
	if (node->kind == YAML_SCALAR)
		return true;
	fill_error(f, node->line, path, "must be %s, not %s", what, yaml_kind_name(node->kind));
	return false;
}

/* Without the underscores that YAML 1.1 allows between digits. */
static bool to_integer(const struct yaml_node *node, int64_t *out)
{
	char digits[32];
	size_t n = 0;

	for (const char *p = node->text; *p; p++) {
		if (*p == '_' && !node->quoted && n > 0)
			continue;
		if (n + 1 == sizeof(digits))
			return false;
		digits[n++] = *p;
	}
	digits[n] = '\0';
	return str_to_i64(digits, INT64_MIN, INT64_MAX, out);
}

static bool in_range(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, int64_t v)
{
	char what[96];

	if (v >= s->min && v <= s->max)
		return true;
	snprintf(what, sizeof(what), "is out of range %" PRId64 "..%" PRId64, s->min, s->max);
	refuse_value(f, s, path, node, what);
	return false;
}

static void fill_int(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *place)
{
	int64_t v;

	if (!is_scalar(f, path, node, "a whole number"))
		return;
	if (!to_integer(node, &v))
		refuse_value(f, s, path, node, "is no whole number");
	else if (in_range(f, s, path, node, v))
		*(int *)place = (int)v;
}

static bool to_duration(const struct yaml_node *node, int64_t *ms_out)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
		{ "d", 86400000 } };
	size_t n = strspn(node->text, "0123456789");
	char digits[20];
	int64_t v;

	if (to_integer(node, ms_out))
		return true;
	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, node->text, n);
	digits[n] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!str_eq(node->text + n, units[i].unit))
			continue;
		if (!str_to_i64(digits, 0, INT64_MAX / units[i].ms, &v))
			return false;
		*ms_out = v * units[i].ms;
		return true;
	}
	return false;
}

static void fill_duration(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *place)
{
	int64_t v;

	if (!is_scalar(f, path, node, "milliseconds"))
		return;
	if (!to_duration(node, &v))
		refuse_value(f, s, path, node, "is no duration (milliseconds, or 30s, 5m, 1h)");
	else if (in_range(f, s, path, node, v))
		*(int64_t *)place = v;
}

static void fill_number(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *place)
{
	char *end, what[96];
	double v;

	if (!is_scalar(f, path, node, "a number"))
		return;
	v = strtod(node->text, &end);
	if (*node->text == '\0' || strspn(node->text, "+-.0123456789eE") != strlen(node->text) ||
		*end != '\0') {
		refuse_value(f, s, path, node, "is no number");
	} else if (!(v >= (double)s->min && v <= (double)s->max)) {
		snprintf(what, sizeof(what), "is out of range %" PRId64 "..%" PRId64, s->min, s->max);
		refuse_value(f, s, path, node, what);
	} else {
		*(double *)place = v;
	}
}

static void fill_bool(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *place)
{
	if (!is_scalar(f, path, node, "true or false"))
		return;
	if (strcasecmp(node->text, "true") == 0)
		*(bool *)place = true;
	else if (strcasecmp(node->text, "false") == 0)
		*(bool *)place = false;
	else
		refuse_value(f, s, path, node, "must be true or false");
}

static void fill_enum(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *place)
{
	char word[64], what[200] = "must be one of";

	if (!is_scalar(f, path, node, "a word"))
		return;
	for (int i = 0; *settings_word(s->words, i, word); i++) {
		size_t n = strlen(what);

		if (strcasecmp(word, node->text) == 0) {
			*(int *)place = i;
			return;
		}
		snprintf(what + n, sizeof(what) - n, "%s %s", i > 0 ? "," : "", word);
	}
	refuse_value(f, s, path, node, what);
}

static void fill_mode(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *place)
{
	size_t n;

	if (!is_scalar(f, path, node, "a file mode"))
		return;
	n = strlen(node->text);
	if (n < 3 || n > 4 || strspn(node->text, "01234567") != n ||
		strtol(node->text, NULL, 8) > 0777) {
		refuse_value(f, s, path, node, "is no file mode like 0644");
		return;
	}
	*(int *)place = (int)strtol(node->text, NULL, 8);
}

static void fill_string(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *place)
{
	if (!is_scalar(f, path, node, "a text"))
		return;
	if (*node->text != '\0' || (s->flags & SETTING_EMPTY_OK))
		*(const char **)place = node->text;
	else if (s->flags & SETTING_REQUIRED || s->def)
		fill_error(f, node->line, path, "must not be empty");
}

static bool fill_texts(struct fill *f, const char *path, const struct yaml_node *node,
	struct setting_strings *out)
{
	const char **items;

	if (node->kind != YAML_LIST) {
		fill_error(f, node->line, path, "must be a list, not %s", yaml_kind_name(node->kind));
		return false;
	}
	items = arena_alloc(f->arena, (node->n + 1) * sizeof(*items));
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_node *v = node->items[i].value;

		if (v->kind != YAML_SCALAR) {
			fill_error(f, v->line, path, "element %zu must be a text, not %s", i + 1,
				yaml_kind_name(v->kind));
			return false;
		}
		items[i] = v->text;
	}
	*out = (struct setting_strings){ items, node->n };
	return true;
}

static bool is_map(struct fill *f, const char *path, const struct yaml_node *node)
{
	if (node->kind == YAML_MAP)
		return true;
	fill_error(f, node->line, path, "must be a mapping, not %s", yaml_kind_name(node->kind));
	return false;
}

static void fill_pairs(struct fill *f, const char *path, const struct yaml_node *node, void *place)
{
	struct setting_pair *items;
	size_t n = 0;

	if (!is_map(f, path, node))
		return;
	items = arena_alloc(f->arena, (node->n + 1) * sizeof(*items));
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_item *it = &node->items[i];

		if (it->value->kind == YAML_SCALAR)
			items[n++] = (struct setting_pair){ it->key, it->value->text };
		else if (it->value->kind != YAML_NULL)
			fill_error(f, it->line, path, "'%.64s' must be a text, not %s", it->key,
				yaml_kind_name(it->value->kind));
	}
	*(struct setting_map *)place = (struct setting_map){ items, n };
}

static void fill_multimap(struct fill *f, const char *path, const struct yaml_node *node,
	void *place)
{
	struct setting_multi *items;
	size_t n = 0;

	if (!is_map(f, path, node))
		return;
	items = arena_alloc(f->arena, (node->n + 1) * sizeof(*items));
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_item *it = &node->items[i];

		items[n].key = it->key;
		if (it->value->kind != YAML_NULL && fill_texts(f, path, it->value, &items[n].values))
			n++;
	}
	*(struct setting_multimap *)place = (struct setting_multimap){ items, n };
}

static void fill_list(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *base)
{
	char where[128];
	char *items;

	if (node->kind != YAML_LIST) {
		fill_error(f, node->line, path, "must be a list, not %s", yaml_kind_name(node->kind));
		return;
	}
	items = arena_alloc(f->arena, node->n * s->item_size + 1);
	for (size_t i = 0; i < node->n; i++) {
		const struct yaml_item *it = &node->items[i];
		void *item = items + i * s->item_size;

		snprintf(where, sizeof(where), "%.100s[%zu]", path, i);
		if (!is_map(f, where, it->value))
			continue;
		snprintf(where, sizeof(where), "%.100s[%zu].", path, i);
		fill_defaults(f, s->rows, item);
		fill_map(f, s->rows, it->value, "", where, item);
		fill_check_required(f, s->rows, it->value, it->line, where, item);
	}
	memcpy((char *)base + s->offset, &items, sizeof(items));
	*(size_t *)(void *)((char *)base + s->n_offset) = node->n;
}

void fill_value(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *base)
{
	void *place = setting_place(s, base);

	if (node->kind == YAML_NULL)
		return;
	switch (s->kind) {
	case SETTING_STRING:
		fill_string(f, s, path, node, place);
		break;
	case SETTING_INT:
		fill_int(f, s, path, node, place);
		break;
	case SETTING_DURATION:
		fill_duration(f, s, path, node, place);
		break;
	case SETTING_BOOL:
		fill_bool(f, s, path, node, place);
		break;
	case SETTING_NUMBER:
		fill_number(f, s, path, node, place);
		break;
	case SETTING_ENUM:
		fill_enum(f, s, path, node, place);
		break;
	case SETTING_MODE:
		fill_mode(f, s, path, node, place);
		break;
	case SETTING_STRINGS:
		fill_texts(f, path, node, place);
		break;
	case SETTING_MAP:
		fill_pairs(f, path, node, place);
		break;
	case SETTING_MULTIMAP:
		fill_multimap(f, path, node, place);
		break;
	case SETTING_LIST:
		fill_list(f, s, path, node, base);
		break;
	case SETTING_SECTION:
	case SETTING_END:
		ASSERT(!"a row without a value");
	}
}
