/*
 * render_cli.h - lockstep-agent --render: the files that an agent would make, shown and not put anywhere
 *
 * The state comes from a file, as GET /state of the service gives it, or from ZooKeeper; the files are made by the
 * renderer of agent_parts and by fileset_build(), as in an apply.  No rootPath, no lock and no HAProxy is touched,
 * so it may run beside an agent.
 *
 * Layer: agent.  Threads: none shared; blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_RENDER_CLI_H
#define AGENT_RENDER_CLI_H

#include "agent/agent_parts.h"

struct render_options {
	const char *service;    /* NULL: all */
	const char *state_file; /* "-": standard input; NULL: ZooKeeper */
	const char *out;        /* a new or empty folder; NULL: standard output */
};

/* The exit status; what is wrong goes to standard error. */
int render_cli_run(const struct agent_conf *conf, const struct agent_parts *parts, const struct render_options *opt);

/* What is rendered: services of one group, by deep copy. */
struct render_input {
	const char *group;
	struct target_service **services; /* refs */
	size_t n, cap;
	struct render_blame { /* records that cannot be read */
		char *service, *reason;
	} *blames;
	size_t n_blames, cap_blames;
};
void render_input_release(struct render_input *in);
void render_input_add(struct render_input *in, const struct service_state *s); /* of another group, or none: left out */
void render_input_blame(struct render_input *in, const char *service, const char *reason);
/* A list of {service, upstreams} in JSON. */
int render_input_parse(struct render_input *in, const char *text, size_t n, struct error *err) MUST_CHECK;

/* What is shown of a file: all of it, or what is `service`'s. False: nothing. */
bool render_cli_part(const struct fileset_file *f, const char *service, struct buf *out);

#endif
