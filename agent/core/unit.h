/*
 * unit.h - what one service renders to: its fragments and files
 *
 * Immutable and one block of memory (and an arena, where the context is kept).
 *
 * Layer: agent/core, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_UNIT_H
#define AGENT_CORE_UNIT_H

#include "agent/core/renderer.h"

#define FILESET_BYTES_MAX ((size_t)1 << 30) /* of all files together */

struct unit_file {
	const char *path;
	const struct fileset_piece *piece; /* of the unit's */
	const struct renderer_row *row;
};

struct unit {
	struct unit *next; /* for the list of those that are replaced */
	uint64_t replaced; /* by which build */
	const char *id;
	struct fileset_version version; /* with the timestamp it was rendered with */
	uint64_t hash;     /* of the id, says the shards; 0 where there are none */
	size_t size;       /* bytes of its texts */
	struct error *fault; /* it could not be rendered, and this is all there is; else NULL */
	const struct fileset_piece *pieces; /* one for each row; empty: it has nothing there */
	const struct unit_file *files;
	size_t n_files;
	const struct value *context; /* if the renderer needs contexts */
	struct arena *arena;         /* of the context, with a copy of the state */
};

/* What is used again from unit to unit. */
struct unit_scratch {
	struct buf text;
	struct unit_cut *cuts;
	size_t n_cuts, cap_cuts;
	struct unit_name *names;
	size_t n_names, cap_names;
};
#define UNIT_SCRATCH_INIT { BUF_INIT, NULL, 0, 0, NULL, 0, 0 }
void unit_scratch_release(struct unit_scratch *s);

/* Never NULL: an error is the unit's `fault`. `room`: the most bytes that its texts may have. */
struct unit *unit_new(const struct renderer *r, const struct context_agent *agent, const struct service_state *state,
	const struct fileset_version *version, size_t room, struct unit_scratch *scratch);
void unit_free(struct unit **u);

/* Which of a row's files its fragment is in. */
size_t unit_shard(const struct unit *u, const struct renderer_row *row);

/* Appends a rendering; with `whole_lines` a line break is added where the last one is missing. */
int unit_render(const struct template *t, const struct value *data, bool whole_lines, struct buf *out,
	size_t *lines_out, struct error *err) MUST_CHECK;

#endif
