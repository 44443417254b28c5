/*
 * agent_daemon.h - the agent as a process: everything made, run, and taken apart in order
 *
 * Layer: agent.  Threads: owns the loop and runs it.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_AGENT_DAEMON_H
#define AGENT_AGENT_DAEMON_H

#include "agent/agent_parts.h"

/* Runs until SIGTERM or SIGINT. 0; or, where it cannot start, a negative code: nothing was touched if the HTTP port
 * is taken, or another agent works on the same rootPath. */
int agent_daemon_run(const struct agent_conf *conf, const struct agent_parts *parts, struct error *err) MUST_CHECK;

#endif
