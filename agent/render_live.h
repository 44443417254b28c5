/*
 * render_live.h - what must run in an agent's group now, as an agent that starts would find it in ZooKeeper
 *
 * Only reads: nothing is registered, no node is made.
 *
 * Layer: agent, private to render_cli.  Threads: runs a loop of its own until all is read; blocks.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_RENDER_LIVE_H
#define AGENT_RENDER_LIVE_H

#include "agent/agent_settings.h"
#include "agent/render_cli.h"

/* Fills `in`. ERR_NOT_DONE: nobody answers; ERR_NOT_FOUND: there is no such namespace. */
int render_live(const struct agent_conf *conf, struct render_input *in, struct error *err) MUST_CHECK;

#endif
