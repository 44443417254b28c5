/*
 * template.h - Handlebars templates: compiled once, rendered often
 *
 * What a template may say: text; {{x}} {{{x}}} {{&x}} (all three print the value as it is: nothing is
 * HTML-escaped); {{#if}} {{#unless}} {{#each}} {{#with}} with {{else}} or {{^}}; plain sections {{#x}}
 * and {{^x}}; comments {{! }} and {{!-- --}}; helper calls with positional and key=value parameters and
 * (sub expressions); `~` beside a delimiter; \{{ for a literal one.  Paths: a.b, a/b, list.[0], [odd key],
 * this, this.x, ., .., ../x, @index @first @last @odd @even @key @root.
 *
 * Rules of meaning: a name that the current scope does not have is looked up in the scopes around it
 * (not after this. or ./); #each, #with and sections open a scope, #if and #unless do not.  False are:
 * missing, null, false, 0, "" and the empty list (an empty map is true).  What is missing prints nothing.
 * #each over something missing prints nothing at all, not even its else part, and so does an empty map;
 * an empty list prints the else part.  A block tag, {{else}} or comment alone on its line takes the line
 * away with it.
 *
 * A printed value that holds a control character (line break, tab, NUL, DEL, ...) is an error: a value can
 * never start a line of its own in a rendered file.
 *
 * Every error text begins "name:line:column: "; columns count bytes from 1.
 *
 * Layer: agent/template (pure: lib/base, lib/model/value).  Threads: a compiled template is immutable and
 * may be rendered by several threads at once.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_TEMPLATE_TEMPLATE_H
#define AGENT_TEMPLATE_TEMPLATE_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/model/value.h"

struct template;

/* What a helper is given. Missing arguments are value_null(), never NULL. */
struct template_call {
	const char *name;
	const struct value *const *args;
	size_t n_args;
	const struct value_member *hash; /* key=value parameters, in the order written */
	size_t n_hash;
	const struct value *self; /* the current object */
	const struct value *root;
	struct arena *arena; /* for the result; lives as long as the rendering */
	void *ctx;           /* of the helper's row */
};

/* Gives a value: printed by {{name ...}}, handed on by (name ...), and tested by {{#name ...}}, which takes
 * its body if the value is true and its else part otherwise.  An error ends the rendering; the text need
 * not name the place. */
typedef int template_helper_fn(const struct template_call *call, const struct value **out, struct error *err);

struct template_helper {
	const char *name; /* wins over a field of the same name */
	template_helper_fn *fn;
	size_t min_args, max_args; /* checked when compiling */
	bool block;                /* only {{#name}}; otherwise only {{name}} and (name) */
	void *ctx;
};

/* Zero gives the default of each limit. Helpers are borrowed and must outlive the template. */
struct template_options {
	const struct template_helper *helpers;
	size_t n_helpers;
	size_t max_depth;     /* nesting of blocks and sub expressions; 64 */
	size_t max_text;      /* bytes of template text; 1 MiB */
	size_t max_output;    /* bytes of one rendering; 64 MiB */
	size_t max_turns;     /* turns of all loops of one rendering; 10,000,000 */
	bool keep_blank_lines; /* as Java does: a tag alone on its line leaves its line break */
};

/* The member of a map that holds what the map prints as a whole ({{this}} of an upstream is its address);
 * no loop or look-up sees it.  Maps without it print as {k=v, k2=v2}. */
#define TEMPLATE_TEXT_KEY "\x01"

/* `name` and `text` are copied; opt may be NULL. */
int template_compile(const char *name, const char *text, size_t len, const struct template_options *opt,
	struct template **t_out, struct error *err) MUST_CHECK;
void template_free(struct template **t);

/* Appends to `out`; what was there before stays, and on an error nothing is added. */
int template_render(const struct template *t, const struct value *data, struct buf *out, struct error *err)
	MUST_CHECK;

const char *template_name(const struct template *t);
/* Does any path of it begin with this name? (So that costly data is only made when it is used.) */
bool template_mentions(const struct template *t, const char *name);

#endif
