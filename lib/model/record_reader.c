/*
 * record_reader.c - places in errors, Java's lenient scalars, and bare scalars as whole texts
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/record_reader.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/model/record.h"

static void place_text(const struct place *at, struct buf *out)
{
	if (at == NULL)
		return;
	place_text(at->up, out);
	if (at->key == NULL)
		buf_printf(out, "[%zu]", at->index);
	else
		buf_printf(out, "%s%.100s", out->len > 0 ? "." : "", at->key);
}

int reader_fail(const struct reader *rd, const struct place *at, const char *fmt, ...)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	char what[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	place_text(at, &text);
	return error_set(
		rd->err, ERR_INVALID, "%s%s%s", buf_cstr(&text), text.len > 0 ? ": " : "", what);
}

int reader_absent(const struct reader *rd, const struct place *at)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (rd->missing == NULL)
		return reader_fail(rd, at, "may not be null");
	place_text(at, &text);
	if (text.len == 0)
		buf_str(&text, "The request body");
	buf_str(&text, " may not be null");
	if (rd->missing->n < READER_MISSING_MAX)
		strings_add(rd->missing, rd->a, buf_cstr(&text));
	return 0;
}

int reader_fail_field(const struct reader *rd, const struct place *at, const char *field_and_what)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	place_text(at, &text);
	return error_set(rd->err, ERR_INVALID, "%s%s%s", buf_cstr(&text), text.len > 0 ? "." : "",
		field_and_what);
}

bool reader_missing(const json_t *j)
{
	return j == NULL || json_is_null(j);
}

static const char *scalar_text(const json_t *j, struct arena *a)
{
	AUTO(buf_release) struct buf number = BUF_INIT;

	if (json_is_string(j))
		return arena_strndup(a, json_string_value(j), json_string_length(j));
	if (json_is_boolean(j))
		return json_is_true(j) ? "true" : "false";
	if (json_is_integer(j))
		jsontext_write_int(&number, json_integer_value(j));
	else if (json_is_real(j))
		jsontext_write_real(&number, json_real_value(j));
	else
		return NULL;
	return arena_strdup(a, buf_cstr(&number));
}

int reader_text(const struct reader *rd, const struct place *at, const json_t *j, size_t max,
	const char **out)
{
	const char *s;

	if (json_is_string(j) && json_string_length(j) > max)
		return reader_fail(rd, at, "must be at most %zu bytes", max);
	s = scalar_text(j, rd->a);
	if (s == NULL)
		return reader_fail(rd, at, "must be a string");
	*out = s;
	return 0;
}

/* Copy without white space at both ends; false: longer than any number or boolean. */
static bool trimmed(const json_t *j, char out[32])
{
	const char *s = json_string_value(j);
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		n--;
	if (n >= 32)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

int reader_int(const struct reader *rd, const struct place *at, const json_t *j, int64_t *out,
	bool *set_out)
{
	char t[32];
	double r;

	*set_out = true;
	if (json_is_integer(j)) {
		*out = json_integer_value(j);
		return 0;
	}
	if (json_is_real(j)) {
		r = json_real_value(j);
		if (!(r >= -9007199254740992.0 && r <= 9007199254740992.0))
			return reader_fail(rd, at, "is out of range");
		*out = (int64_t)r;
		return 0;
	}
	if (json_is_string(j) && trimmed(j, t)) {
		*set_out = t[0] != '\0';
		*out = 0;
		if (!*set_out || str_to_i64(t, INT64_MIN, INT64_MAX, out))
			return 0;
	}
	return reader_fail(rd, at, "must be an integer");
}

int reader_bool(const struct reader *rd, const struct place *at, const json_t *j, bool *out)
{
	char t[32];

	if (json_is_boolean(j)) {
		*out = json_is_true(j);
		return 0;
	}
	if (json_is_integer(j)) {
		*out = json_integer_value(j) != 0;
		return 0;
	}
	if (json_is_string(j) && trimmed(j, t)) {
		if (strcmp(t, "true") == 0 || strcmp(t, "True") == 0) {
			*out = true;
			return 0;
		}
		if (strcmp(t, "false") == 0 || strcmp(t, "False") == 0 || t[0] == '\0' ||
			strcmp(t, "null") == 0) {
			*out = false;
			return 0;
		}
	}
	return reader_fail(rd, at, "must be true or false");
}

static char enum_char(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '-' || c == '.' ? '_' : c;
}

/* As Java's fuzzy enum reader: any case, no white space, '-' and '.' for '_'. */
static bool enum_matches(const char *s, const char *name)
{
	for (; *s != '\0'; s++) {
		if (strchr(" \t\r\n\v\f", *s) != NULL)
			continue;
		if (enum_char(*s) != enum_char(*name))
			return false;
		name++;
	}
	return *name == '\0';
}

int reader_enum(const struct reader *rd, const struct place *at, const json_t *j,
	const char *const *names, int *out)
{
	AUTO(buf_release) struct buf list = BUF_INIT;
	int i;

	for (i = 0; names[i] != NULL; i++) {
		if (json_is_string(j) && enum_matches(json_string_value(j), names[i])) {
			*out = i;
			return 0;
		}
		buf_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	}
	return reader_fail(rd, at, "must be one of %s", buf_cstr(&list));
}

int json_string_decode(
	const char *text, size_t n, struct arena *a, const char **out, struct error *err)
{
	AUTO(jsontext_free) json_t *j = NULL;
	int rc = jsontext_load(text, n, false, &j, err);

	if (rc != 0)
		return rc;
	if (!json_is_string(j))
		return error_set(err, ERR_INVALID, "must be a string");
	*out = arena_strndup(a, json_string_value(j), json_string_length(j));
	return 0;
}

int json_long_decode(const char *text, size_t n, int64_t *out, struct error *err)
{
	const struct reader rd = { NULL, err, NULL };
	AUTO(jsontext_free) json_t *j = NULL;
	int rc = jsontext_load(text, n, false, &j, err);
	int64_t v;
	bool set;

	if (rc == 0)
		rc = reader_int(&rd, NULL, j, &v, &set);
	if (rc == 0 && !set)
		rc = error_set(err, ERR_INVALID, "must be an integer");
	if (rc == 0)
		*out = v;
	return rc;
}
