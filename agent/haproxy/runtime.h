/*
 * runtime.h - questions to the running worker, over the stats socket
 *
 * One connection per question: a kept one would stay with the old worker over a reload and keep it alive.
 *
 * Layer: agent/haproxy; blocks: apply thread only.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_HAPROXY_RUNTIME_H
#define AGENT_HAPROXY_RUNTIME_H

#include "agent/haproxy/answer.h"

/* Who answers there, and which generation it has loaded. ERR_NOT_DONE: nobody answers now. */
int runtime_info(const char *socket_path, int64_t deadline_us, struct answer_info *out,
	struct error *err) MUST_CHECK;

/* All servers that it has. The texts are in the arena. */
int runtime_servers(const char *socket_path, int64_t deadline_us, struct arena *a,
	struct answer_servers *out, struct error *err) MUST_CHECK;

#endif
