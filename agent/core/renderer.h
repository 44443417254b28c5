/*
 * renderer.h - the configured templates, compiled; which of them a service has
 *
 * Layer: agent/core, private to it (the public side is fileset.h).  Threads: immutable.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_RENDERER_H
#define AGENT_CORE_RENDERER_H

#include "agent/core/context.h"
#include "agent/core/fileset.h"
#include "agent/core/layout.h"

struct renderer_row {
	const char *filename;
	enum layout_kind kind;
	enum template_scope scope;
	enum template_output output;
	bool allow_control;
	unsigned mode;
	/* Files that are there for all services: the shards of a collected one, the one of a group. */
	const char **paths;
	size_t n_paths;
	size_t first_path; /* how many the rows before have */
	struct template *by_default, *header, *footer; /* NULL: none */
	struct {
		const char *name;
		struct template *t;
	} *named;
	size_t n_named;
};

#define RENDERER_OUTPUTS (OUTPUT_HTML + 1)

struct renderer {
	struct arena *arena;
	struct renderer_row *rows;
	size_t n;
	size_t n_paths;     /* of all rows */
	bool sharded;       /* some collected row has more than one file */
	bool only_groups;   /* no service needs a template of its own */
	bool needs_contexts; /* some header, footer or group mentions the services */
	bool needs_time, frames_need_time; /* some template of services, or of these, mentions the timestamp */
	struct context_agent agent; /* without a timestamp */
	struct layout_domains domains;
	struct helper_env env;
	const struct template_helper *helpers;
	size_t n_helpers;
	/* By output and by allow_control; NULL: no template needs them. */
	struct template_partials *partials[RENDERER_OUTPUTS][2];
};

/* The row's template for services of this templateName (NULL, "": the default); NULL: it has none. */
const struct template *renderer_choose(const struct renderer_row *row, const char *template_name);

#endif
