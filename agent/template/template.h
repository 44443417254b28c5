/*
 * template.h - Handlebars templates: compiled once, rendered often
 *
 * Two levels of one language:
 *
 * TEMPLATE_LOCKSTEP, the default: Handlebars as handlebars.js 4 defines it, with the look-up of Mustache (a
 * name that the current scope does not have, or has as null, is looked for in those around it).  Values are
 * data: {{x}} writes x so that it stays one value in the file's own grammar, or refuses it (target.h);
 * {{{x}}} writes it as it is.
 *
 * TEMPLATE_BARAGON: what handlebars.java 1.3.1 prints for the same template and data, byte for byte: {{x}} is
 * HTML-escaped, optional values print as Optional.of(x), tags leave their line breaks, lists print as [a, b],
 * #each over null prints nothing at all.  For files that must not change when a Java agent is replaced.
 *
 * In both, a printed value that holds a control character (line break, tab, NUL, DEL, ...) is an error,
 * unless allow_control lets {{{x}}} through (at baragon level also {{x}}).
 *
 * Every error text begins "name:line:column: "; columns count bytes from 1.  Errors about a value show it.
 * What can be known is refused when compiling: unknown helpers, malformed paths, wrong numbers of parameters.
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
struct template_partials;

enum template_level { TEMPLATE_LOCKSTEP, TEMPLATE_BARAGON };

/* The grammar of the file: what {{x}} must do so that x stays one value. */
enum template_output {
	OUTPUT_DEFAULT, /* text; at baragon level html */
	OUTPUT_TEXT,    /* as it is */
	OUTPUT_HAPROXY,
	OUTPUT_HAPROXY_MAP,
	OUTPUT_NGINX,
	OUTPUT_HTML,    /* & < > " ' ` escaped, as handlebars.java does; control characters as allow_control says */
};

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

enum template_form { HELPER_VALUE, HELPER_BLOCK, HELPER_BOTH };

struct template_helper {
	const char *name; /* wins over a field of the same name */
	template_helper_fn *fn;
	size_t min_args, max_args; /* checked when compiling */
	enum template_form form;   /* {{name}} and (name); {{#name}}; or all */
	void *ctx;
};

/* Zero gives the default of each limit. Helpers and partials are borrowed and must outlive the template. */
struct template_options {
	enum template_level level;
	enum template_output output;
	bool allow_control; /* {{{x}}} may print control characters */
	const struct template_helper *helpers;
	size_t n_helpers;
	const struct template_partials *partials; /* for {{> name}}; NULL: none */
	size_t max_depth;     /* nesting of blocks, sub expressions and partials; 64 */
	size_t max_text;      /* bytes of template text; 1 MiB */
	size_t max_output;    /* bytes of one rendering; 64 MiB */
	size_t max_turns;     /* turns of all loops, and partials, of one rendering; 10,000,000 */
};

/* The member of a map that holds what the map prints as a whole ({{this}} of an upstream is its address);
 * no loop or look-up sees it.  Without it a map prints as {k=v, k2=v2} at baragon level, and is an error
 * otherwise. */
#define TEMPLATE_TEXT_KEY "\x01"
/* A map with this one member is a Java Optional: the member is its value, or null.  Only made for templates
 * of baragon level: true in every test, prints as Optional.of(x) or Optional.absent(); `x.present`. */
#define TEMPLATE_OPTIONAL_KEY "\x02"

/* `name` and `text` are copied; opt may be NULL. */
int template_compile(const char *name, const char *text, size_t len, const struct template_options *opt,
	struct template **t_out, struct error *err) MUST_CHECK;
void template_free(struct template **t);

/* Appends to `out`; what was there before stays, and on an error nothing is added. */
int template_render(const struct template *t, const struct value *data, struct buf *out, struct error *err)
	MUST_CHECK;

const char *template_name(const struct template *t);
/* Does any path of it, or of a partial it may use, begin with this name, or may it reach it in another way?
 * (So that costly data is only made when it is used.) */
bool template_mentions(const struct template *t, const char *name);

/* For helpers: is it true in every test?  NULL is false. */
bool template_true(const struct value *v);
/* The text that {{{x}}} prints at that level; nothing for NULL.  ERR_INVALID: it has none (a map, at lockstep level). */
int template_wording(const struct value *v, enum template_level level, struct buf *out, struct error *err)
	MUST_CHECK;

/* Named templates for {{> name}}.  They are compiled with `opt` (whose `partials` is not read: they see each
 * other) and found when rendered; after the last add the object is immutable. */
struct template_partials *template_partials_new(const struct template_options *opt);
void template_partials_free(struct template_partials **ps);
/* ERR_CONFLICT: the name is taken. */
int template_partials_add(struct template_partials *ps, const char *name, const char *text, size_t len,
	struct error *err) MUST_CHECK;
/* Is every partial there that `t` (NULL: any of the partials) names and has no fallback for? */
int template_partials_check(const struct template_partials *ps, const struct template *t, struct error *err)
	MUST_CHECK;

#endif
