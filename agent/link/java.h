/*
 * java.h - instructions of a Java leader: what POST /batch and /request/{id} ask for
 *
 * They are accepted only while a Java service leads (lead.h): Lockstep's decisions are read from the store, never taken
 * from a message.  All items of one call are folded into the committed state, proved and made live at once.  If that
 * fails they are tried apart, so a bad one costs only itself.
 *
 * Layer: agent/link.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_LINK_JAVA_H
#define AGENT_LINK_JAVA_H

#include "lib/model/request.h"

struct agent_link;
struct link_waiter;

struct java_instruction {
	const char *request_id;
	bool revert;      /* back to what the state holds */
	bool own_action;  /* do what the request says, not what `action` does */
	int action;       /* enum action; ACTION_NONE = UPDATE */
	const struct request *literal; /* in place of the stored one; NULL = that */
};

/* What is not the link's to do. */
enum java_more { JAVA_DONE, JAVA_SHOW_FILES, JAVA_PURGE };

struct java_result {
	int status;          /* 200, 404, 500 */
	const char *message; /* NULL = none */
	enum java_more more; /* with 200: this is still to be done, for */
	const char *service_id;
};

/* status 200: all have a result, valid inside; else 409 (no Java service leads) or 503 (not now), and `why`. */
typedef void java_done_fn(void *ctx, int status, const char *why, const struct java_result *results, size_t n);

/* As agent_link_call(); all is copied. agent_link_forget(): what has not begun then is not begun any more. */
struct link_waiter *agent_link_java(struct agent_link *ln, const struct java_instruction *list, size_t n, java_done_fn *done,
	void *ctx);

#endif
