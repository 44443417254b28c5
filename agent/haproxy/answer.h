/*
 * answer.h - what HAProxy's command lines answer, as structs (2.4 to 3.x)
 *
 * Pure and total: any text is either understood or refused with an error; nothing is guessed.
 * HAProxy has no exit codes on its sockets, so an unknown answer is a failure.
 *
 * Layer: agent/haproxy.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_HAPROXY_ANSWER_H
#define AGENT_HAPROXY_ANSWER_H

#include "lib/base/base.h"
#include "lib/base/error.h"
#include "lib/base/mem.h"

/* `show proc` on the master's socket. */
struct answer_proc {
	int64_t master; /* pid */
	int64_t reloads; /* of the master, failed ones included */
	int64_t failed; /* reloads that failed since the last that did not */
	int64_t worker; /* pid of the one that serves; 0 = none. After a refused reload 3.1+ lists it as old. */
	size_t old_workers;
};
int answer_proc(const char *text, size_t n, struct answer_proc *out, struct error *err) MUST_CHECK;

/* `reload` on the master's socket. Up to 2.6 it is empty and comes at once; later ones wait for the end. */
enum answer_reload {
	ANSWER_RELOAD_STARTED, /* nothing said: look at `show proc` */
	ANSWER_RELOAD_DONE,
	ANSWER_RELOAD_REFUSED, /* the start-up log follows in the answer */
};
int answer_reload(const char *text, size_t n, enum answer_reload *out, struct error *err) MUST_CHECK;

/* `show info;get var proc.lockstep` on the stats socket: one process answers both. */
#define ANSWER_MARKER_MAX 128
struct answer_info {
	int64_t pid;
	bool stopping;
	char version[64];
	char marker[ANSWER_MARKER_MAX]; /* "" = not set in what it loaded */
};
int answer_info(const char *text, size_t n, struct answer_info *out, struct error *err) MUST_CHECK;

/* `show servers state`. Everything points into the arena. */
struct answer_server {
	const char *backend, *name, *address, *fqdn; /* fqdn NULL = configured by address */
	int port;
};
struct answer_servers {
	struct answer_server *items;
	size_t n;
};
int answer_servers(const char *text, size_t n, struct arena *a, struct answer_servers *out,
	struct error *err) MUST_CHECK;

#endif
