/*
 * agent_settings_internal.h - between the table of settings and what is derived from it
 *
 * All that is wrong is reported: a step that finds something notes it, and the next one goes on.
 *
 * Layer: agent.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_AGENT_SETTINGS_INTERNAL_H
#define AGENT_AGENT_SETTINGS_INTERNAL_H

#include "agent/agent_settings.h"

int agent_conf_finish(struct agent_conf *c, struct settings_report *rep, struct error *err);

struct finish {
	struct agent_conf *c;
	struct settings_report *rep;
	struct error *err;
	int rc; /* of the first step that failed */
};
void finish_refuse(struct finish *f, const char *key, const char *text);
void finish_refuse_at(struct finish *f, const struct conf_place *p, const char *text);
void finish_warn(struct finish *f, const char *key, const char *text);

/* A file of the operator's, found from the YAML. */
const char *finish_path(struct finish *f, const char *file);
/* UTF-8 without NUL; at most 1 MiB. ERR_INVALID, ERR_NOT_FOUND, ERR_SYSTEM. */
int finish_read(struct finish *f, const char *path, const char **text_out, size_t *len_out, struct error *err) MUST_CHECK;

void finish_templates(struct finish *f); /* after the fingerprint file */
void finish_partials(struct finish *f);

#endif
