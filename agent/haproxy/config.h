/*
 * config.h - the sections and servers of rendered HAProxy files, by name and place
 *
 * Reads only what confirming and blaming need; HAProxy itself judges the rest.  Quotes and escapes are
 * taken off as HAProxy does; a line that depends on the environment ('$') or on an .if is not judged.
 *
 * Layer: agent/haproxy (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_HAPROXY_CONFIG_H
#define AGENT_HAPROXY_CONFIG_H

#include "lib/base/base.h"
#include "lib/base/mem.h"

struct config_section {
	const char *kind; /* "backend" */
	const char *name; /* "" if it has none */
	const char *file;
	unsigned line; /* from 1 */
	bool certain;  /* its servers can be told from the text alone */
};
struct config_server {
	size_t section; /* index */
	const char *name;
	const char *host; /* without brackets; NULL = not to be told (a variable, a socket path) */
	int port;         /* 0 = none given */
	unsigned line;
};
struct config {
	struct config_section *sections;
	size_t n_sections, cap_sections;
	struct config_server *servers;
	size_t n_servers, cap_servers;
	struct arena *arena;
};
struct config *config_new(void);
void config_free(struct config **c);

/* Add one file: `file` is its name for messages, kept as a copy. Never fails. */
void config_add(struct config *c, const char *file, const char *text, size_t n);

/* A section that takes servers, by name; NULL: none such. */
const struct config_section *config_find(const struct config *c, const char *name);

#endif
