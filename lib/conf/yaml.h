/*
 * yaml.h - a YAML text as an immutable tree in an arena, every node with its line
 *
 * One document of mappings, lists and scalars.  Refused, with "name:line: text": more than
 * YAML_BYTES_MAX bytes, nesting deeper than YAML_DEPTH_MAX, more than YAML_NODES_MAX nodes (an alias
 * counts as all that it stands for), a key twice in one mapping, keys that are no scalars, merge
 * keys, tags other than YAML's own, NUL bytes, a second document.
 *
 * Layer: lib/conf (libyaml).  Threads: no state; a finished tree may be read by any.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_CONF_YAML_H
#define LIB_CONF_YAML_H

#include "lib/base/base.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"

#define YAML_BYTES_MAX (1024u * 1024u)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 100000u

enum yaml_kind {
	YAML_NULL,   /* nothing, ~ or null, not quoted */
	YAML_SCALAR, /* text; whoever reads it decides whether it is a number */
	YAML_LIST,
	YAML_MAP,
};

struct yaml_node;

/* An element of a LIST (key is NULL) or of a MAP, in the order of the text. */
struct yaml_item {
	const char *key;
	int line; /* of the key, or of the element */
	const struct yaml_node *value;
};

struct yaml_node {
	enum yaml_kind kind;
	int line;         /* 1 = first */
	bool quoted;      /* SCALAR written with quotes or as a block */
	const char *text; /* SCALAR: UTF-8 without NUL */
	const struct yaml_item *items;
	size_t n;
	size_t weight; /* nodes in it, aliases expanded */
	int height;    /* levels in it: 1 for a scalar */
};

/* The tree lives as long as the arena.  An empty text is a YAML_NULL.  `name` stands in errors. */
int yaml_parse(struct arena *arena, const char *name, const char *text, size_t len,
	const struct yaml_node **root_out, struct error *err) MUST_CHECK;

/* NULL if there is no such key or `map` is NULL or no mapping. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* The line of "a.b.c", or of the deepest part of it that is there, or 1. */
int yaml_line(const struct yaml_node *root, const char *path);

const char *yaml_kind_name(enum yaml_kind kind); /* "a mapping" */

#endif
