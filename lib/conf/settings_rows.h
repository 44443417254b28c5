/*
 * settings_rows.h - macros to write a table of settings; each checks the type of its field
 *
 * Layer: lib/conf.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_CONF_SETTINGS_ROWS_H
#define LIB_CONF_SETTINGS_ROWS_H

#include "lib/conf/settings.h"

#define SETTING_AT(T, type, field)                                                                 \
	(offsetof(type, field) + 0 * sizeof(_Generic(&((type *)0)->field, T *: 1)))

#define SET_STRING(type, field, name, deflt, fl, text)                                             \
	{ .key = (name), .kind = SETTING_STRING, .flags = (fl), .def = (deflt), .help = (text),    \
		.offset = SETTING_AT(const char *, type, field) }
#define SET_RANGE_(c, k, type, field, name, deflt, lo, hi, text)                                   \
	{ .key = (name), .kind = (k), .def = (deflt), .min = (lo), .max = (hi), .help = (text),    \
		.offset = SETTING_AT(c, type, field) }
#define SET_INT(type, field, name, deflt, lo, hi, text)                                            \
	SET_RANGE_(int, SETTING_INT, type, field, name, deflt, lo, hi, text)
#define SET_DURATION(type, field, name, deflt, lo, hi, text)                                       \
	SET_RANGE_(int64_t, SETTING_DURATION, type, field, name, deflt, lo, hi, text)
#define SET_NUMBER(type, field, name, deflt, lo, hi, text)                                         \
	SET_RANGE_(double, SETTING_NUMBER, type, field, name, deflt, lo, hi, text)
#define SET_BOOL(type, field, name, deflt, text)                                                   \
	SET_RANGE_(bool, SETTING_BOOL, type, field, name, deflt, 0, 0, text)
#define SET_MODE(type, field, name, deflt, text)                                                   \
	SET_RANGE_(int, SETTING_MODE, type, field, name, deflt, 0, 0, text)
#define SET_ENUM(type, field, name, deflt, list, text)                                             \
	{ .key = (name), .kind = SETTING_ENUM, .def = (deflt), .words = (list), .help = (text),    \
		.offset = SETTING_AT(int, type, field) }
#define SET_STRINGS(type, field, name, text)                                                       \
	SET_RANGE_(struct setting_strings, SETTING_STRINGS, type, field, name, NULL, 0, 0, text)
#define SET_MAP(type, field, name, text)                                                           \
	SET_RANGE_(struct setting_map, SETTING_MAP, type, field, name, NULL, 0, 0, text)
#define SET_MULTIMAP(type, field, name, text)                                                      \
	SET_RANGE_(struct setting_multimap, SETTING_MULTIMAP, type, field, name, NULL, 0, 0, text)
#define SET_LIST(type, field, name, sub, text)                                                     \
	{ .key = (name), .kind = SETTING_LIST, .rows = (sub), .help = (text),                      \
		.offset = offsetof(type, field.items), .n_offset = SETTING_AT(size_t, type, field.n), \
		.item_size = sizeof(*((type *)0)->field.items) }
#define SET_SECTION(type, field, name, text)                                                       \
	SET_RANGE_(bool, SETTING_SECTION, type, field, name, NULL, 0, 0, text)
#define SET_NO_EFFECT(name, why)                                                                   \
	{ .key = (name), .kind = SETTING_STRING, .flags = SETTING_NO_EFFECT, .help = (why) }
/* A whole section, warned about once; keys is "a|b|c", or NULL if anything may stand there. */
#define SET_NO_EFFECT_SECTION(name, keys, why)                                                     \
	{ .key = (name), .kind = SETTING_SECTION, .flags = SETTING_NO_EFFECT, .words = (keys),     \
		.help = (why) }
#define SET_END                                                                                    \
	{ .key = NULL, .kind = SETTING_END }

#endif
