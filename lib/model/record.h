/*
 * record.h - one table per record: decode, encode, equal and clone come from it
 *
 * A record is a plain struct whose strings and arrays live in an arena.  Its table names each JSON
 * key once, in wire order.  Decoding reads Java's lenient forms (unknown keys ignored unless
 * `strict`, duplicate keys refused), checks types and limits and names the field in the error:
 * "loadBalancerService.owners[2]: must be a string".  Encoding writes every field in table order,
 * absent optionals as null, exactly as the Java programs do; `omit_null` fields are ours and are
 * left out.
 *
 * Layer: lib/base (jansson inside).  Threads: no state; records may be shared once built.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_RECORD_H
#define LIB_MODEL_RECORD_H

#include "lib/base/buf.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"
#include "lib/model/value.h"

/* C side of each kind. Arrays are { T *items; size_t n; }. */
enum field_kind {
	FIELD_STRING,          /* const char *; NULL = null */
	FIELD_INT,             /* int64_t */
	FIELD_OPT_INT,         /* struct opt_int */
	FIELD_BOOL,            /* bool; null or missing = false */
	FIELD_ENUM,            /* int: index into names; -1 = null */
	FIELD_STRINGS,         /* struct strings: an ordered list */
	FIELD_STRING_SET,      /* struct strings: first occurrence kept; equality ignores order */
	FIELD_RECORD,          /* const T *; NULL = null */
	FIELD_RECORDS,         /* { T *items; size_t n; }: elements inline */
	FIELD_RECORD_MAP,      /* struct record_map: object of arrays of records */
	FIELD_STRING_MAP,      /* const struct value * (a map of strings) */
	FIELD_VALUE,           /* const struct value *; NULL = absent, written as null */
	FIELD_READ_ONLY_VALUE, /* decoded, never written; for legacy keys */
	FIELD_MEMORY_STRING, /* const char *: neither decoded nor written nor compared; copied along
			      */
};

struct opt_int {
	bool set;
	int64_t v;
};
struct strings {
	const char **items;
	size_t n;
};
struct records {
	void *items;
	size_t n;
};
struct record_map {
	struct record_map_entry {
		const char *key;
		struct records list;
	} *entries;
	size_t n;
};

struct record;
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
	const struct record *of;   /* RECORD, RECORDS, RECORD_MAP */
	const char *const *names;  /* ENUM: NULL-terminated */
	bool required;             /* missing or null is an error: "<path>: may not be null" */
	bool omit_null;            /* not written when NULL, empty, unset or false */
	size_t max_bytes; /* of a string (0: 64 KiB), or elements of an array (0: 10,000) */
	const char *missing;       /* STRING: value when the key is missing or null */
};
struct record {
	const char *name; /* for messages and later OpenAPI */
	size_t size;
	const struct field *fields;
	size_t n_fields;
	bool strict; /* unknown keys and text after the value are errors */
	bool as_list; /* on the wire an array of the fields in table order, without their names */
	/* A JSON string in place of the object (upstreams): NULL = an error. */
	int (*from_string)(const char *s, struct arena *a, void *obj, struct error *err);
	/* Rules after all fields are read; an error's text begins with the name of the field. NULL
	 * = none. */
	int (*after)(void *obj, struct arena *a, struct error *err);
};

/* Text: at most 32 MiB, 64 levels deep, UTF-8 without NUL. On success *obj_out_pp (a T **) points
 * into the arena, and no string of it holds a NUL. An empty map of records has entries != NULL, a
 * missing one NULL. */
int record_decode(const struct record *r, const char *text, size_t n, struct arena *a,
	void *obj_out_pp, struct error *err) MUST_CHECK;
/* The same, but what is missing or null and must be there is listed, up to 20 times "<path> may not be null", before it is an
 * error; everything else ends it at once, with an empty list. */
int record_decode_all(const struct record *r, const char *text, size_t n, struct arena *a,
	void *obj_out_pp, struct strings *missing, struct error *err) MUST_CHECK;
/* A JSON array of records. */
int record_decode_list(const struct record *r, const char *text, size_t n, struct arena *a,
	struct records *out, struct error *err) MUST_CHECK;
void record_encode(const struct record *r, const void *obj, struct buf *out);
/* Canonical form, for digests: keys sorted by bytes at every level, no white space. */
void record_encode_canonical(const struct record *r, const void *obj, struct buf *out);
void record_encode_list(const struct record *r, const void *items, size_t n, struct buf *out);
bool record_equal(const struct record *r, const void *x, const void *y);
void record_copy(const struct record *r, const void *from, struct arena *a, void *to); /* deep */
void *record_clone(const struct record *r, const void *obj, struct arena *a);

/* Bare JSON texts, as Java stores single values: "text", 17. */
int json_string_decode(const char *text, size_t n, struct arena *a, const char **out,
	struct error *err) MUST_CHECK;
int json_long_decode(const char *text, size_t n, int64_t *out, struct error *err) MUST_CHECK;

bool strings_have(const struct strings *list, const char *s);
bool strings_meet(const struct strings *x, const struct strings *y); /* have they one in common? */
/* Copies the text, and the array: for short lists. */
void strings_add(struct strings *list, struct arena *a, const char *s);

#endif
