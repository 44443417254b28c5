/*
 * sections.h - one input of a fuzz target as a template, its partials and its data
 *
 * A line "--- NAME" (letters, digits, _ . / -) ends a section and begins the one of that name; what is before the
 * first such line is the template.  Of a name that comes twice the first counts.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TESTS_FUZZ_SECTIONS_H
#define TESTS_FUZZ_SECTIONS_H

#include "agent/core/helpers.h"

#define SECTIONS_MAX 8

struct section {
	const char *name; /* "" of the first */
	const char *text;
	size_t n;
};
struct sections {
	struct section items[SECTIONS_MAX]; /* at least one */
	size_t n;
};

/* The texts point into `text`. */
void sections_split(const char *text, size_t n, struct arena *a, struct sections *out);

/* The section of that name as data, which no partial is; NULL: there is none. */
const struct section *sections_find(const struct sections *s, const char *name);

/* All sections but the first and `data` as partials. Errors name one of the sections. */
int sections_partials(const struct sections *s, const struct template_options *opt,
	struct template_partials **ps_out, struct error *err) MUST_CHECK;

/* What templates of that level can call; kept to the end of the program. */
const struct template_helper *sections_helpers(enum template_level level, size_t *n_out);

/* Stops unless it is one line without control characters that begins with `name` or a section's name, and a place. */
void sections_check_error(const struct sections *s, const char *name, const struct error *err);

/* Stops if a control character is in the output that is nowhere in the templates, or a line break more than there
 * are in them while they hold nothing that could repeat one. */
void sections_check_controls(const struct sections *s, const struct buf *out);

#endif
