/*
 * agent_settings_internal.h - between the table of settings and what is derived from it
 *
 * Layer: agent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_AGENT_SETTINGS_INTERNAL_H
#define AGENT_AGENT_SETTINGS_INTERNAL_H

#include "agent/agent_settings.h"

int agent_conf_finish(struct agent_conf *c, const char *name, const struct yaml_node *root,
	struct settings_report *rep, struct error *err);

#endif
