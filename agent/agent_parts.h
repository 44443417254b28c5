/*
 * agent_parts.h - what the settings mean: templates, metadata, group, and the options of each part
 *
 * Layer: agent.  Threads: immutable once made.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_AGENT_PARTS_H
#define AGENT_AGENT_PARTS_H

#include "agent/agent_settings.h"
#include "agent/apply/pipeline.h"
#include "agent/link/link.h"

struct agent_parts {
	struct arena *arena;
	struct renderer *renderer;
	struct agentinfo info; /* what is published, in the host node and at check-ins */
	struct group group;
	struct apply_options apply;
	struct link_options link;
};

/* Compiles the templates: their errors are found here. Borrows `conf`. */
int agent_parts_new(const struct agent_conf *conf, struct agent_parts **parts_out, struct error *err) MUST_CHECK;
void agent_parts_free(struct agent_parts **parts);

#endif
