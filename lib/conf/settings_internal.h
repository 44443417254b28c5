/*
 * settings_internal.h - between settings.c (which row), settings_value.c (what value) and
 * settings_print.c
 *
 * Layer: lib/conf.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_CONF_SETTINGS_INTERNAL_H
#define LIB_CONF_SETTINGS_INTERNAL_H

#include "lib/conf/settings.h"

/* One reading of one text. */
struct fill {
	struct arena *arena;
	const char *name;
	struct settings_report *rep;
	size_t errors;
	struct error first;
};

static inline void *setting_place(const struct setting *s, void *base)
{
	return (char *)base + s->offset;
}

static inline const void *setting_place_const(const struct setting *s, const void *base)
{
	return (const char *)base + s->offset;
}

void fill_error(struct fill *f, int line, const char *path, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* `prefix`: of the keys in `rows`; `where`: in front of both in messages ("templates[2]."). */
void fill_map(struct fill *f, const struct setting *rows, const struct yaml_node *map,
	const char *prefix, const char *where, void *base);
void fill_defaults(struct fill *f, const struct setting *rows, void *base);
void fill_check_required(struct fill *f, const struct setting *rows, const struct yaml_node *map,
	int line, const char *where, const void *base);

/* A value, by its row's kind; YAML_NULL leaves the default. */
void fill_value(struct fill *f, const struct setting *s, const char *path,
	const struct yaml_node *node, void *base);

#endif
