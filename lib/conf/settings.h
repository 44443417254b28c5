/*
 * settings.h - one table of rows per program: what reads its YAML, prints it, and prints its page
 *
 * A row says the dotted key, the kind of value, where it goes in a struct, what it is when the file
 * says nothing, its range and what it is for.  Rows of one section stand together.  Every kind has
 * its C type, which the macros of settings_rows.h check:
 *
 *   STRING   const char *      NULL = absent           BOOL    bool
 *   INT      int               ENUM  int, index        NUMBER  double
 *   DURATION int64_t, in ms; text "250", "250ms", "30s", "5m", "1h", "2d"
 *   MODE     int, octal file mode
 *   STRINGS  struct setting_strings                    MAP     struct setting_map
 *   MULTIMAP struct setting_multimap                   LIST    struct { T *items; size_t n; }
 *   SECTION  bool: the section stands in the file; or nothing
 *
 * An unknown key, and a known one without effect, is a warning with its line.  A value of the wrong
 * kind or out of range is an error: "file:line: key: text".  All of them are collected in a report.
 *
 * Layer: lib/conf.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_CONF_SETTINGS_H
#define LIB_CONF_SETTINGS_H

#include "lib/base/base.h"
#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/conf/yaml.h"

struct setting_strings {
	const char *const *items;
	size_t n;
};
struct setting_pair {
	const char *key, *value;
};
struct setting_map {
	const struct setting_pair *items;
	size_t n;
};
struct setting_multi {
	const char *key;
	struct setting_strings values;
};
struct setting_multimap {
	const struct setting_multi *items;
	size_t n;
};

enum setting_kind {
	SETTING_STRING,
	SETTING_INT,
	SETTING_DURATION,
	SETTING_BOOL,
	SETTING_NUMBER,
	SETTING_ENUM,
	SETTING_MODE,
	SETTING_STRINGS,
	SETTING_MAP,
	SETTING_MULTIMAP,
	SETTING_LIST,
	SETTING_SECTION,
	SETTING_END,
};

#define SETTING_REQUIRED 1u  /* STRING: must be in the file */
#define SETTING_SECRET 2u    /* its value is never printed */
#define SETTING_EMPTY_OK 4u  /* STRING: "" is a value (otherwise refused, or absent if no default) */
#define SETTING_NO_EFFECT 8u /* known from Java, read by nobody: `why` says the reason */

struct setting {
	const char *key; /* dotted; in the rows of a LIST: below the element */
	enum setting_kind kind;
	unsigned flags;
	size_t offset, n_offset; /* n_offset: of the n of a LIST */
	const char *def;         /* as in the file; NULL = absent, empty, 0 */
	int64_t min, max;        /* INT, DURATION, NUMBER */
	const char *words;       /* ENUM: "strict|token"; SECTION without effect: its known keys */
	const struct setting *rows; /* LIST */
	size_t item_size;           /* LIST */
	const char *help;           /* or why it has no effect */
};

struct settings_note {
	int line;
	bool error;
	char *text; /* "worker.maxBatchSize: is out of range 1..500: '0'" */
};
/* In the order found; after SETTINGS_NOTES_MAX only counted. */
#define SETTINGS_NOTES_MAX 200
struct settings_report {
	struct settings_note *notes;
	size_t n, cap;
	size_t errors, warnings;
};
#define SETTINGS_REPORT_INIT { NULL, 0, 0, 0, 0 }
void settings_report_release(struct settings_report *rep);
void settings_note(struct settings_report *rep, bool error, int line, const char *fmt, ...)
	PRINTF_LIKE(4, 5);

/*
 * Defaults, then the text, into `conf` (zero-filled by the caller).  Strings live in `arena`.
 * The tree is given for further checks of the caller (yaml_line).  `rep` may be NULL.  ERR_INVALID,
 * with the first error, when there was any; `conf` must then not be used.
 */
int settings_parse(const struct setting *rows, const char *name, const char *text, size_t len,
	struct arena *arena, void *conf, const struct yaml_node **root_out,
	struct settings_report *rep, struct error *err) MUST_CHECK;

/* A further check of the caller failed: notes it, and returns ERR_INVALID with "name:line: key: …". */
int settings_refuse(struct settings_report *rep, struct error *err, const char *name, int line,
	const char *key, const char *fmt, ...) PRINTF_LIKE(6, 7);

/* What is in force, as YAML that settings_parse takes again; secrets are masked. */
void settings_dump(const struct setting *rows, const void *conf, struct buf *out);

/* The rows as Markdown tables, one per section. */
void settings_docs(const struct setting *rows, struct buf *out);

/* The `index`-th word of an ENUM's list; into `out` (64 bytes). */
const char *settings_word(const char *words, int index, char out[64]);

#endif
