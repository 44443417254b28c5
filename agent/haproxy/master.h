/*
 * master.h - the command line of HAProxy's master process: who works, and reload
 *
 * While it loads a configuration the master refuses connections (2.6) or answers late (3.x): "nobody
 * there" must be asked again before it is believed.
 *
 * Layer: agent/haproxy; blocks: apply thread only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_HAPROXY_MASTER_H
#define AGENT_HAPROXY_MASTER_H

#include "agent/haproxy/answer.h"
#include "lib/base/buf.h"

/* ERR_NOT_DONE: nobody answers now. */
int master_proc(const char *socket_path, int64_t deadline_us, struct answer_proc *out,
	struct error *err) MUST_CHECK;

/* `log` gets what HAProxy says about it (2.7 and later). ERR_NOT_DONE: the master did not take the command;
 * a connection cut after it was sent counts as ANSWER_RELOAD_STARTED. */
int master_reload(const char *socket_path, int64_t deadline_us, enum answer_reload *out, struct buf *log,
	struct error *err) MUST_CHECK;

#endif
