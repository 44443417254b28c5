/*
 * agent_parts.h - what the settings mean: templates, metadata, group, and the options of each part
 *
 * Layer: agent.  Threads: immutable once made, but for `names`, which any may use.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_AGENT_PARTS_H
#define AGENT_AGENT_PARTS_H

#include "agent/agent_settings.h"
#include "agent/apply/pipeline.h"
#include "agent/link/link.h"
#include "lib/os/resolve.h"

struct agent_parts {
	struct arena *arena;
	struct resolve *names; /* that templates have asked for; asked from any thread that renders */
	struct renderer *renderer;
	struct agentinfo info; /* what is published, in the host node and at check-ins */
	struct group group;
	struct apply_options apply;
	struct link_options link;
};

/* Compiles the templates: their errors are found here, all of them, and go into `rep` (may be NULL) with their
 * place in the YAML. Borrows `conf`; touches nothing. */
int agent_parts_new(const struct agent_conf *conf, struct agent_parts **parts_out, struct settings_report *rep,
	struct error *err) MUST_CHECK;
void agent_parts_free(struct agent_parts **parts);

#endif
