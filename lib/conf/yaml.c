/*
 * yaml.c - libyaml's events into a tree
 *
 * Read by recursion, which YAML_DEPTH_MAX bounds.  An alias shares the node of its anchor, so it
 * costs no memory; it is counted as if it were written out, because readers walk it so.
 *
 * Layer: lib/conf.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/conf/yaml.h"

#include "lib/base/str.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define ANCHORS_MAX 1000

struct anchor {
	const char *name;
	const struct yaml_node *node;
};

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	const char *name; /* of the text */
	struct anchor *anchors;
	size_t n_anchors, cap_anchors;
	size_t weight; /* so far */
	struct error *err;
};

struct item_list {
	struct yaml_item *items;
	size_t n, cap;
};

static int read_node(struct reader *r, const yaml_event_t *ev, int depth,
	const struct yaml_node **node_out);

static void item_list_release(struct item_list *l)
{
	xfree_p(&l->items);
	l->n = l->cap = 0;
}

static void reader_release(struct reader *r)
{
	yaml_parser_delete(&r->parser);
	xfree_p(&r->anchors);
}

static int line_of(const yaml_event_t *ev)
{
	return (int)ev->start_mark.line + 1;
}

static int parser_failed(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	const char *problem = p->problem ? p->problem : "cannot be read";

	if (p->error == YAML_READER_ERROR)
		return error_set(r->err, ERR_INVALID, "%s: no valid UTF-8 text at byte %zu: %s",
			r->name, p->problem_offset, problem);
	if (p->context)
		return error_set(r->err, ERR_INVALID, "%s:%zu: %s, %s", r->name,
			p->problem_mark.line + 1, problem, p->context);
	return error_set(r->err, ERR_INVALID, "%s:%zu: %s", r->name, p->problem_mark.line + 1,
		problem);
}

static int next_event(struct reader *r, yaml_event_t *ev)
{
	if (!yaml_parser_parse(&r->parser, ev))
		return parser_failed(r);
	return 0;
}

static int add_weight(struct reader *r, size_t weight, int line)
{
	if (weight > YAML_NODES_MAX - r->weight)
		return error_set(r->err, ERR_INVALID,
			"%s:%d: more than %u nodes (aliases count as what they stand for)", r->name,
			line, YAML_NODES_MAX);
	r->weight += weight;
	return 0;
}

static int check_depth(struct reader *r, int depth, int line)
{
	if (depth > YAML_DEPTH_MAX)
		return error_set(r->err, ERR_INVALID, "%s:%d: nested deeper than %d levels", r->name,
			line, YAML_DEPTH_MAX);
	return 0;
}

static int add_anchor(struct reader *r, const yaml_char_t *name, const struct yaml_node *node)
{
	if (!name)
		return 0;
	if (r->n_anchors == ANCHORS_MAX)
		return error_set(r->err, ERR_INVALID, "%s:%d: more than %d anchors", r->name,
			node->line, ANCHORS_MAX);
	GROW(r->anchors, r->n_anchors, r->cap_anchors);
	r->anchors[r->n_anchors++] =
		(struct anchor){ arena_strdup(r->arena, (const char *)name), node };
	return 0;
}

/* The newest of that name: YAML lets a later anchor take it over. */
static int read_alias(struct reader *r, const yaml_event_t *ev, int depth,
	const struct yaml_node **node_out)
{
	const char *name = (const char *)ev->data.alias.anchor;
	const struct yaml_node *node = NULL;
	int rc;

	for (size_t i = r->n_anchors; i > 0 && !node; i--)
		if (str_eq(r->anchors[i - 1].name, name))
			node = r->anchors[i - 1].node;
	if (!node)
		return error_set(r->err, ERR_INVALID, "%s:%d: alias '%.64s' has no anchor before it",
			r->name, line_of(ev), name);
	rc = check_depth(r, depth + node->height - 1, line_of(ev));
	if (rc == 0)
		rc = add_weight(r, node->weight, line_of(ev));
	if (rc == 0)
		*node_out = node;
	return rc;
}

static int check_tag(struct reader *r, const yaml_char_t *tag, int line)
{
	static const char *const known[] = { "!", YAML_NULL_TAG, YAML_BOOL_TAG, YAML_STR_TAG,
		YAML_INT_TAG, YAML_FLOAT_TAG, YAML_SEQ_TAG, YAML_MAP_TAG };

	if (!tag)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(known[i], (const char *)tag))
			return 0;
	return error_set(r->err, ERR_INVALID, "%s:%d: tag '%.64s' is not supported", r->name, line,
		(const char *)tag);
}

static bool is_null_text(const char *text)
{
	return *text == '\0' || str_eq(text, "~") || str_eq(text, "null") || str_eq(text, "Null") ||
		str_eq(text, "NULL");
}

static struct yaml_node *new_node(struct reader *r, enum yaml_kind kind, const yaml_event_t *ev)
{
	struct yaml_node *node = arena_alloc(r->arena, sizeof(*node));

	node->kind = kind;
	node->line = line_of(ev);
	node->weight = 1;
	node->height = 1;
	return node;
}

static int read_scalar(struct reader *r, const yaml_event_t *ev, const struct yaml_node **node_out)
{
	const char *text = (const char *)ev->data.scalar.value;
	const char *tag = (const char *)ev->data.scalar.tag;
	struct yaml_node *node = new_node(r, YAML_SCALAR, ev);
	int rc;

	rc = check_tag(r, ev->data.scalar.tag, node->line);
	if (rc != 0)
		return rc;
	if (memchr(text, '\0', ev->data.scalar.length))
		return error_set(r->err, ERR_INVALID, "%s:%d: a NUL byte in a text", r->name,
			node->line);
	node->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	if (tag)
		node->quoted = str_eq(tag, "!") || str_eq(tag, YAML_STR_TAG);
	if (!node->quoted && is_null_text(text))
		node->kind = YAML_NULL;
	else
		node->text = arena_strndup(r->arena, text, ev->data.scalar.length);
	rc = add_weight(r, 1, node->line);
	if (rc == 0)
		rc = add_anchor(r, ev->data.scalar.anchor, node);
	if (rc == 0)
		*node_out = node;
	return rc;
}

static int compare_keys(const void *a, const void *b)
{
	const struct yaml_item *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c != 0 ? c : x->line - y->line;
}

static int check_duplicates(struct reader *r, const struct item_list *l)
{
	AUTO(xfree_p) struct yaml_item *sorted = NULL;

	if (l->n < 2)
		return 0;
	sorted = xmalloc(l->n * sizeof(*sorted));
	memcpy(sorted, l->items, l->n * sizeof(*sorted));
	qsort(sorted, l->n, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < l->n; i++)
		if (str_eq(sorted[i - 1].key, sorted[i].key))
			return error_set(r->err, ERR_INVALID,
				"%s:%d: key '%.64s' stands here again (first on line %d)", r->name,
				sorted[i].line, sorted[i].key, sorted[i - 1].line);
	return 0;
}

static int read_key(struct reader *r, const yaml_event_t *ev, struct yaml_item *item)
{
	const char *text;

	item->line = line_of(ev);
	if (ev->type != YAML_SCALAR_EVENT)
		return error_set(r->err, ERR_INVALID, "%s:%d: a key must be a plain text", r->name,
			item->line);
	text = (const char *)ev->data.scalar.value;
	if (memchr(text, '\0', ev->data.scalar.length))
		return error_set(r->err, ERR_INVALID, "%s:%d: a NUL byte in a key", r->name,
			item->line);
	if (str_eq(text, "<<") && ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		return error_set(r->err, ERR_INVALID,
			"%s:%d: merge keys ('<<') are not supported, write the keys out", r->name,
			item->line);
	item->key = arena_strndup(r->arena, text, ev->data.scalar.length);
	return add_weight(r, 1, item->line);
}

/* The value of `item`, whose first event is read here unless it was needed to see the end. */
static int read_value(struct reader *r, const yaml_event_t *first, int depth, struct yaml_item *item)
{
	AUTO(yaml_event_delete) yaml_event_t ev = { .type = YAML_NO_EVENT };
	int rc;

	if (first)
		return read_node(r, first, depth, &item->value);
	rc = next_event(r, &ev);
	if (rc == 0)
		rc = read_node(r, &ev, depth, &item->value);
	return rc;
}

/* One element or pair; *end says that the collection is over. */
static int read_item(struct reader *r, struct yaml_node *node, int depth, struct item_list *l,
	bool *end)
{
	AUTO(yaml_event_delete) yaml_event_t ev = { .type = YAML_NO_EVENT };
	struct yaml_item item = { NULL, 0, NULL };
	int rc;

	rc = next_event(r, &ev);
	if (rc != 0)
		return rc;
	*end = ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT;
	if (*end)
		return 0;
	item.line = line_of(&ev);
	if (node->kind == YAML_MAP)
		rc = read_key(r, &ev, &item);
	if (rc == 0)
		rc = read_value(r, node->kind == YAML_MAP ? NULL : &ev, depth, &item);
	if (rc != 0)
		return rc;
	node->weight += item.value->weight + (node->kind == YAML_MAP ? 1 : 0);
	if (item.value->height >= node->height)
		node->height = item.value->height + 1;
	GROW(l->items, l->n, l->cap);
	l->items[l->n++] = item;
	return 0;
}

static int read_collection(struct reader *r, const yaml_event_t *ev, int depth,
	const struct yaml_node **node_out)
{
	AUTO(item_list_release) struct item_list l = { NULL, 0, 0 };
	bool map = ev->type == YAML_MAPPING_START_EVENT;
	struct yaml_node *node = new_node(r, map ? YAML_MAP : YAML_LIST, ev);
	bool end = false;
	int rc;

	rc = check_depth(r, depth, node->line);
	if (rc == 0)
		rc = check_tag(r, map ? ev->data.mapping_start.tag : ev->data.sequence_start.tag,
			node->line);
	if (rc == 0)
		rc = add_weight(r, 1, node->line);
	while (rc == 0 && !end)
		rc = read_item(r, node, depth + 1, &l, &end);
	if (rc == 0 && map)
		rc = check_duplicates(r, &l);
	if (rc != 0)
		return rc;
	if (l.n > 0) {
		struct yaml_item *items = arena_alloc(r->arena, l.n * sizeof(*items));

		memcpy(items, l.items, l.n * sizeof(*items));
		node->items = items;
		node->n = l.n;
	}
	rc = add_anchor(r, map ? ev->data.mapping_start.anchor : ev->data.sequence_start.anchor, node);
	if (rc == 0)
		*node_out = node;
	return rc;
}

static int read_node(struct reader *r, const yaml_event_t *ev, int depth,
	const struct yaml_node **node_out)
{
	if (ev->type == YAML_ALIAS_EVENT)
		return read_alias(r, ev, depth, node_out);
	if (ev->type == YAML_SCALAR_EVENT)
		return read_scalar(r, ev, node_out);
	ASSERT(ev->type == YAML_SEQUENCE_START_EVENT || ev->type == YAML_MAPPING_START_EVENT);
	return read_collection(r, ev, depth, node_out);
}

/* Up to the next event that is not of the stream or of a document's end. */
static int skip_to_content(struct reader *r, yaml_event_t *ev)
{
	for (;;) {
		int rc = next_event(r, ev);

		if (rc != 0)
			return rc;
		if (ev->type != YAML_STREAM_START_EVENT && ev->type != YAML_DOCUMENT_END_EVENT)
			return 0;
		yaml_event_delete(ev);
	}
}

static int read_stream(struct reader *r, const struct yaml_node **root_out)
{
	AUTO(yaml_event_delete) yaml_event_t start = { .type = YAML_NO_EVENT };
	AUTO(yaml_event_delete) yaml_event_t after = { .type = YAML_NO_EVENT };
	const struct yaml_node *root = NULL;
	struct yaml_item item = { NULL, 1, NULL };
	int rc;

	rc = skip_to_content(r, &start);
	if (rc != 0)
		return rc;
	if (start.type == YAML_STREAM_END_EVENT) {
		*root_out = new_node(r, YAML_NULL, &start);
		return 0;
	}
	rc = read_value(r, NULL, 1, &item);
	if (rc != 0)
		return rc;
	root = item.value;
	rc = skip_to_content(r, &after);
	if (rc == 0 && after.type != YAML_STREAM_END_EVENT)
		rc = error_set(r->err, ERR_INVALID, "%s:%d: a second document", r->name,
			line_of(&after));
	if (rc == 0)
		*root_out = root;
	return rc;
}

int yaml_parse(struct arena *arena, const char *name, const char *text, size_t len,
	const struct yaml_node **root_out, struct error *err)
{
	struct reader r = { .arena = arena, .name = name, .err = err };
	int rc;

	if (len > YAML_BYTES_MAX)
		return error_set(err, ERR_INVALID, "%s: larger than %u bytes", name, YAML_BYTES_MAX);
	ASSERT(yaml_parser_initialize(&r.parser));
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	rc = read_stream(&r, root_out);
	reader_release(&r);
	return rc;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->n; i++)
		if (str_eq(map->items[i].key, key))
			return map->items[i].value;
	return NULL;
}

int yaml_line(const struct yaml_node *root, const char *path)
{
	int line = 1;

	while (root && root->kind == YAML_MAP && *path) {
		size_t n = strcspn(path, ".");
		const struct yaml_node *next = NULL;

		for (size_t i = 0; i < root->n && !next; i++) {
			if (strlen(root->items[i].key) != n || strncmp(root->items[i].key, path, n) != 0)
				continue;
			line = root->items[i].line;
			next = root->items[i].value;
		}
		root = next;
		path += n + (path[n] == '.');
	}
	return line;
}

const char *yaml_kind_name(enum yaml_kind kind)
{
	switch (kind) {
	case YAML_NULL:
		return "nothing";
	case YAML_SCALAR:
		return "a single value";
	case YAML_LIST:
		return "a list";
	case YAML_MAP:
		return "a mapping";
	}
	return "?";
}
