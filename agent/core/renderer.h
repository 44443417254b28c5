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
	unsigned mode;
	struct template *by_default, *header, *footer; /* NULL: none */
	struct {
		const char *name;
		struct template *t;
	} *named;
	size_t n_named;
};

struct renderer {
	struct arena *arena;
	struct renderer_row *rows;
	size_t n;
	struct context_agent agent; /* without a timestamp */
	struct layout_domains domains;
	bool headers_see_services; /* some header or footer mentions them */
};

/* The row's template for services of this templateName (NULL, "": the default); NULL: it has none. */
const struct template *renderer_choose(const struct renderer_row *row, const char *template_name);

#endif
