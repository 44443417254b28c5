/*
 * manifest.c - which files below rootPath are ours, and what is in them
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/apply/manifest.h"

#include "lib/base/str.h"
#include "lib/os/file.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "lockstep-manifest 1 "
#define NAME_MAX_BYTES 1024

struct manifest *manifest_new(void)
{
	struct manifest *m = xcalloc(1, sizeof(*m));

	m->arena = arena_new();
	manifest_digest(m, NULL, m->live);
	return m;
}

void manifest_free(struct manifest **m)
{
	if (!*m)
		return;
	arena_free(&(*m)->arena);
	free((*m)->files);
	free((*m)->times);
	free(*m);
	*m = NULL;
}

void manifest_add(struct manifest *m, const char *name, const char digest[DIGEST_HEX])
{
	ASSERT(m->n == 0 || strcmp(m->files[m->n - 1].name, name) < 0);
	GROW(m->files, m->n, m->cap);
	m->files[m->n].name = arena_strdup(m->arena, name);
	memcpy(m->files[m->n].digest, digest, DIGEST_HEX);
	m->n++;
}

const struct manifest_file *manifest_find(const struct manifest *m, const char *name)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(name, m->files[mid].name);

		if (order == 0)
			return &m->files[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

void manifest_add_time(struct manifest *m, const char *version, int64_t ms)
{
	struct manifest_time *t;

	GROW(m->times, m->n_times, m->cap_times);
	t = &m->times[m->n_times++];
	memcpy(t->version, version, MANIFEST_VERSION_HEX - 1);
	t->version[MANIFEST_VERSION_HEX - 1] = '\0';
	t->ms = ms;
}

static int compare_times(const void *x, const void *y)
{
	return memcmp(((const struct manifest_time *)x)->version, ((const struct manifest_time *)y)->version,
		MANIFEST_VERSION_HEX - 1);
}

void manifest_sort_times(struct manifest *m)
{
	if (m->n_times > 1)
		qsort(m->times, m->n_times, sizeof(*m->times), compare_times);
}

const struct manifest_time *manifest_find_time(const struct manifest *m, const char *version)
{
	struct manifest_time key;

	if (m->n_times == 0)
		return NULL;
	memcpy(key.version, version, MANIFEST_VERSION_HEX - 1);
	return bsearch(&key, m->times, m->n_times, sizeof(*m->times), compare_times);
}

void manifest_digest(const struct manifest *m, const char *except, char out[DIGEST_HEX])
{
	struct digest *d = digest_new();

	for (size_t i = 0; i < m->n; i++) {
		if (except && str_eq(m->files[i].name, except))
			continue;
		digest_add(d, m->files[i].digest, DIGEST_HEX - 1);
		digest_add(d, " ", 1);
		digest_add(d, m->files[i].name, strlen(m->files[i].name));
		digest_add(d, "\n", 1);
	}
	digest_finish(&d, out);
}

void manifest_format(const struct manifest *m, struct buf *out)
{
	buf_printf(out, HEAD "%" PRId64 "\nlive %s\ntarget %s %" PRId64 "\n", m->generation, m->live,
		*m->target ? m->target : "-", m->timestamp_ms);
	for (size_t i = 0; i < m->n_times; i++)
		buf_printf(out, "time %s %" PRId64 "\n", m->times[i].version, m->times[i].ms);
	for (size_t i = 0; i < m->n; i++)
		buf_printf(out, "%s %s\n", m->files[i].digest, m->files[i].name);
	buf_printf(out, "end %zu\n", m->n);
}

static bool is_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}

static bool is_digest(const char *s, size_t n)
{
	return n == DIGEST_HEX - 1 && is_hex(s, n);
}

/* One line of `text`, a NUL-terminated copy in the arena; NULL at the end. */
static char *next_line(const char **text, const char *end, struct arena *a)
{
	const char *start = *text, *nl;

	nl = start < end ? memchr(start, '\n', (size_t)(end - start)) : NULL;
	if (!nl)
		return NULL;
	*text = nl + 1;
	return arena_strndup(a, start, (size_t)(nl - start));
}

/* "target <digest or -> <ms>" */
static bool parse_target(struct manifest *m, const char *line)
{
	const char *blank;

	if (!line || !str_starts(line, "target "))
		return false;
	line += strlen("target ");
	blank = strchr(line, ' ');
	if (!blank || !str_to_i64(blank + 1, 0, INT64_MAX, &m->timestamp_ms))
		return false;
	if (is_digest(line, (size_t)(blank - line)))
		memcpy(m->target, line, DIGEST_HEX - 1);
	else if (blank != line + 1 || *line != '-')
		return false;
	return true;
}

/* "time <version> <ms>" */
static int parse_time(struct manifest *m, const char *line, struct error *err)
{
	const char *version = line + strlen("time "), *blank = strchr(version, ' ');
	int64_t ms;

	if (!blank || blank - version != MANIFEST_VERSION_HEX - 1 || !is_hex(version, MANIFEST_VERSION_HEX - 1) ||
		!str_to_i64(blank + 1, 0, INT64_MAX, &ms) || m->n > 0)
		return error_set(err, ERR_INVALID, "'%.60s' is no time of a service", line);
	manifest_add_time(m, version, ms);
	return 0;
}

static int parse_file(struct manifest *m, char *line, struct error *err)
{
	char *name = line + DIGEST_HEX;
	int rc;

	if (strlen(line) <= DIGEST_HEX || line[DIGEST_HEX - 1] != ' ' || !is_digest(line, DIGEST_HEX - 1))
		return error_set(err, ERR_INVALID, "line %zu is no file", m->n + m->n_times + 4);
	rc = manifest_check_name(name, err);
	if (rc != 0)
		return rc;
	if (m->n > 0 && strcmp(m->files[m->n - 1].name, name) >= 0)
		return error_set(err, ERR_INVALID, "line %zu is out of order", m->n + m->n_times + 4);
	if (m->n == MANIFEST_FILES_MAX)
		return error_set(err, ERR_INVALID, "more than %d files", MANIFEST_FILES_MAX);
	line[DIGEST_HEX - 1] = '\0';
	manifest_add(m, name, line);
	return 0;
}

int manifest_parse(const char *text, size_t n, struct manifest **out, struct error *err)
{
	AUTO(manifest_free) struct manifest *m = manifest_new();
	const char *end = text + n;
	char *line = next_line(&text, end, m->arena);
	int64_t count;
	int rc;

	if (!line || !str_starts(line, HEAD) ||
		!str_to_i64(line + strlen(HEAD), 0, INT64_MAX - 1, &m->generation))
		return error_set(err, ERR_INVALID, "no manifest of this version");
	line = next_line(&text, end, m->arena);
	if (!line || !str_starts(line, "live ") || !is_digest(line + 5, strlen(line + 5)))
		return error_set(err, ERR_INVALID, "no line 'live' in the manifest");
	memcpy(m->live, line + 5, DIGEST_HEX);
	if (!parse_target(m, next_line(&text, end, m->arena)))
		return error_set(err, ERR_INVALID, "no line 'target' in the manifest");
	while ((line = next_line(&text, end, m->arena)) != NULL && !str_starts(line, "end ")) {
		rc = str_starts(line, "time ") ? parse_time(m, line, err) : parse_file(m, line, err);
		if (rc != 0)
			return rc;
	}
	if (!line || !str_to_i64(line + 4, 0, MANIFEST_FILES_MAX, &count) || (size_t)count != m->n ||
		text != end)
		return error_set(err, ERR_INVALID, "the manifest is not whole");
	manifest_sort_times(m);
	*out = STEAL(m);
	return 0;
}

int manifest_load(const char *path, struct manifest **out, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc;

	rc = file_read(path, MANIFEST_BYTES_MAX, &text, err);
	if (rc == ERR_NOT_FOUND) {
		*out = manifest_new();
		return 0;
	}
	if (rc == 0)
		rc = manifest_parse(buf_cstr(&text), text.len, out, err);
	if (rc != 0)
		error_in(err, "'%s'", path);
	return rc;
}

static bool good_part(const char *s, size_t n)
{
	return n > 0 && n < 250 && !(n == 1 && s[0] == '.') && !(n == 2 && s[0] == '.' && s[1] == '.');
}

int manifest_check_name(const char *name, struct error *err)
{
	const char *part = name, *slash;

	if (strlen(name) > NAME_MAX_BYTES)
		return error_set(err, ERR_INVALID, "file name '%.60s...' is longer than %d bytes", name,
			NAME_MAX_BYTES);
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return error_set(err, ERR_INVALID, "file name '%s' has a control character", name);
	if (str_starts(name, ".lockstep/") || str_eq(name, ".lockstep"))
		return error_set(err, ERR_INVALID, "file name '%s' is in the agent's own folder", name);
	do {
		slash = strchr(part, '/');
		if (!good_part(part, slash ? (size_t)(slash - part) : strlen(part)))
			return error_set(err, ERR_INVALID,
				"file name '%s' does not stay below rootPath in plain form", name);
		part = slash ? slash + 1 : NULL;
	} while (part);
	return 0;
}
