/*
 * compile_errors.h - which of the configured templates cannot be compiled, and where they stand in the YAML
 *
 * Layer: agent.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_COMPILE_ERRORS_H
#define AGENT_COMPILE_ERRORS_H

#include "agent/agent_settings.h"
#include "agent/core/fileset.h"

/* renderer_new(cfg) has failed with `why`; cfg's templates are those of `c` in the order templates, collected, group.
 * Tries every text alone. Each error goes into `rep` (may be NULL), the first into `err`; returns its code. */
int compile_errors(const struct agent_conf *c, const struct renderer_config *cfg, const struct error *why,
	struct settings_report *rep, struct error *err) MUST_CHECK;

#endif
