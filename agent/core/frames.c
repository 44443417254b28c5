/*
 * frames.c - headers, footers and files of a group, rendered
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/frames.h"

static const struct value *common_context(const struct renderer *r, const struct context_agent *agent,
	struct unit *const *units, size_t n, struct arena *a)
{
	struct value *root = value_map_sized(a, 3), *list = value_list_sized(a, n);

	for (size_t i = 0; r->needs_contexts && i < n; i++)
		value_list_add(a, list, units[i]->context);
	value_map_put(a, root, "services", list);
	value_map_put(a, root, "agentProperties", agent->properties);
	value_map_put(a, root, "timestamp", value_int(a, agent->timestamp_ms));
	return root;
}

static int render_frame(const struct template *t, const struct value *common, bool whole_lines, struct frames *f,
	struct fileset_piece *piece, size_t times, struct error *err)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	int rc = t != NULL ? unit_render(t, common, whole_lines, &text, &piece->lines, err) : 0;

	if (rc != 0)
		return rc;
	piece->data = arena_strndup(f->arena, buf_cstr(&text), text.len);
	piece->size = text.len;
	f->size += text.len * times;
	return 0;
}

int frames_render(const struct renderer *r, const struct context_agent *agent, struct unit *const *units, size_t n,
	struct frames *out, struct error *err)
{
	AUTO(frames_release) struct frames f = { arena_new(), NULL, 0, agent->timestamp_ms };
	AUTO(arena_free) struct arena *a = arena_new();
	struct fileset_piece *pieces = arena_alloc(f.arena, (2 * r->n + 1) * sizeof(*pieces));
	const struct value *common = common_context(r, agent, units, n, a);
	int rc = 0;

	f.pieces = pieces;
	for (size_t i = 0; rc == 0 && i < r->n; i++) {
		const struct renderer_row *row = &r->rows[i];
		bool collected = row->scope == SCOPE_COLLECTED;

		if (row->scope == SCOPE_SERVICE)
			continue;
		rc = render_frame(collected ? row->header : row->by_default, common, collected, &f, &pieces[2 * i],
			row->n_paths, err);
		if (rc == 0)
			rc = render_frame(row->footer, common, collected, &f, &pieces[2 * i + 1], row->n_paths, err);
	}
	if (rc != 0)
		return rc;
	*out = f;
	f = (struct frames)FRAMES_INIT;
	return 0;
}

void frames_release(struct frames *f)
{
	arena_free(&f->arena);
	*f = (struct frames)FRAMES_INIT;
}
