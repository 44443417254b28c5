/*
 * unit.c - what one service renders to: its fragments and files
 *
 * All texts are rendered one behind the other into the scratch buffer; when nothing can fail any more they are
 * copied into the unit's block, which is as large as it must be.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/unit.h"

#include "lib/base/str.h"
#include "lib/model/digest.h"

#include <stdlib.h>
#include <string.h>

/* A text in the scratch buffer, with a NUL behind it. */
struct unit_cut {
	size_t from, size, lines;
};

/* A file: where its name is and which text it has. */
struct unit_name {
	size_t from, cut;
	const struct renderer_row *row;
};

void unit_scratch_release(struct unit_scratch *s)
{
	buf_release(&s->text);
	xfree_p(&s->cuts);
	xfree_p(&s->names);
	*s = (struct unit_scratch)UNIT_SCRATCH_INIT;
}

static size_t count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	size_t lines = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		lines++;
		p++;
	}
	return lines;
}

int unit_render(const struct template *t, const struct value *data, bool whole_lines, struct buf *out,
	size_t *lines_out, struct error *err)
{
	size_t from = out->len;
	int rc = template_render(t, data, out, err);

	if (rc != 0)
		return rc;
	if (whole_lines && out->len > from && out->data[out->len - 1] != '\n')
		buf_char(out, '\n');
	*lines_out = out->len > from ? count_lines(out->data + from, out->len - from) : 0;
	return 0;
}

/* NULL: an empty text. */
static int add_cut(struct unit_scratch *s, const struct template *t, const struct value *context, bool whole_lines,
	size_t *room, struct error *err)
{
	struct unit_cut cut = { s->text.len, 0, 0 };
	int rc = t != NULL ? unit_render(t, context, whole_lines, &s->text, &cut.lines, err) : 0;

	if (rc != 0)
		return rc;
	cut.size = s->text.len - cut.from;
	if (cut.size > *room)
		return error_set(err, ERR_REFUSED, "all files together are longer than %zu bytes", FILESET_BYTES_MAX);
	*room -= cut.size;
	buf_char(&s->text, '\0');
	GROW(s->cuts, s->n_cuts, s->cap_cuts);
	s->cuts[s->n_cuts++] = cut;
	return 0;
}

static int add_files(const struct renderer *r, const struct renderer_row *row, const struct service *service,
	struct arena *a, struct unit_scratch *s, struct error *err)
{
	struct strings names = { NULL, 0 };
	int rc = layout_names(row->filename, row->kind, service, &r->domains, a, &names, err);

	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		GROW(s->names, s->n_names, s->cap_names);
		s->names[s->n_names++] = (struct unit_name){ s->text.len, s->n_cuts, row };
		buf_append(&s->text, names.items[i], strlen(names.items[i]) + 1);
	}
	return rc;
}

static int render_rows(const struct renderer *r, const struct service *service, const struct value *context,
	size_t room, struct arena *a, struct unit_scratch *s, struct error *err)
{
	const char *name = service->template_name;
	bool any = r->only_groups;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->n; i++) {
		const struct renderer_row *row = &r->rows[i];
		const struct template *t = row->scope != SCOPE_GROUP ? renderer_choose(row, name) : NULL;

		if (t != NULL && row->scope == SCOPE_SERVICE)
			rc = add_files(r, row, service, a, s, err);
		if (rc == 0)
			rc = add_cut(s, t, context, row->scope == SCOPE_COLLECTED, &room, err);
		any = any || t != NULL;
	}
	if (rc == 0 && !any) /* the service looks for these words */
		return error_set(err, ERR_NOT_FOUND, "MissingTemplateException : Template %s could not be found",
			name != NULL && name[0] != '\0' ? name : "default");
	return rc;
}

/* The scratch, which begins with the id, as a unit. */
static struct unit *pack(const struct unit_scratch *s)
{
	size_t pieces_at = sizeof(struct unit), files_at = pieces_at + s->n_cuts * sizeof(struct fileset_piece);
	size_t text_at = files_at + s->n_names * sizeof(struct unit_file);
	char *block = xmalloc(text_at + s->text.len), *text = block + text_at;
	struct fileset_piece *pieces = (void *)(block + pieces_at);
	struct unit_file *files = (void *)(block + files_at);
	struct unit *u = (void *)block;

	memcpy(text, s->text.data, s->text.len);
	*u = (struct unit){ .id = text, .pieces = pieces, .files = files, .n_files = s->n_names };
	for (size_t i = 0; i < s->n_cuts; i++) {
		const struct unit_cut *cut = &s->cuts[i];

		pieces[i] = (struct fileset_piece){ text + cut->from, cut->size, cut->lines, u->id };
		u->size += cut->size;
	}
	for (size_t i = 0; i < s->n_names; i++) {
		const struct unit_name *name = &s->names[i];

		files[i] = (struct unit_file){ text + name->from, &pieces[name->cut], name->row };
	}
	return u;
}

static void scratch_begin(struct unit_scratch *s, const char *id)
{
	buf_clear(&s->text);
	buf_append(&s->text, id, strlen(id) + 1);
	s->n_cuts = s->n_names = 0;
}

static uint64_t hash_of(const char *id)
{
	char hex[DIGEST_HEX], head[16 + 1] = "";

	digest_hex(id, strlen(id), hex);
	memcpy(head, hex, 16);
	return strtoull(head, NULL, 16);
}

struct unit *unit_new(const struct renderer *r, const struct context_agent *agent, const struct service_state *state,
	const struct fileset_version *version, size_t room, struct unit_scratch *scratch)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct service *service = state->service;
	const struct value *context = NULL;
	struct error err = ERROR_INIT;
	struct context_agent at = *agent;
	struct service_state copy;
	struct unit *u;
	int rc;

	if (r->needs_contexts) { /* a context borrows from its state */
		record_copy(&service_state_record, state, a, &copy);
		state = &copy;
	}
	scratch_begin(scratch, service->id);
	if (version->timestamp_ms != 0)
		at.timestamp_ms = version->timestamp_ms;
	rc = context_build(state, &at, a, &context, &err);
	if (rc == 0)
		rc = render_rows(r, service, context, room, a, scratch, &err);
	if (rc != 0)
		scratch_begin(scratch, service->id);
	u = pack(scratch);
	u->version = *version;
	u->version.timestamp_ms = at.timestamp_ms;
	u->hash = r->sharded ? hash_of(service->id) : 0;
	if (rc != 0) {
		u->fault = xmalloc(sizeof(*u->fault));
		*u->fault = err;
	} else if (r->needs_contexts) {
		u->context = context;
		u->arena = STEAL(a);
	}
	return u;
}

void unit_free(struct unit **u)
{
	if (*u == NULL)
		return;
	arena_free(&(*u)->arena);
	free((*u)->fault);
	free(*u);
	*u = NULL;
}

size_t unit_shard(const struct unit *u, const struct renderer_row *row)
{
	return row->n_paths > 1 ? (size_t)(u->hash % row->n_paths) : 0;
}
