/*
 * frames.h - headers, footers and files of a group, rendered
 *
 * Layer: agent/core, private to it.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_FRAMES_H
#define AGENT_CORE_FRAMES_H

#include "agent/core/unit.h"

/* Two pieces for each row: header and footer, or the file of a group and nothing. */
struct frames {
	struct arena *arena;
	const struct fileset_piece *pieces;
	size_t size; /* of all files together that they are in */
	int64_t timestamp_ms; /* that they saw */
};
#define FRAMES_INIT { NULL, NULL, 0, 0 }
/* `units`: of all services, none at fault. */
int frames_render(const struct renderer *r, const struct context_agent *agent, struct unit *const *units, size_t n,
	struct frames *out, struct error *err) MUST_CHECK;
void frames_release(struct frames *f);

#endif
