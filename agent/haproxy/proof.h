/*
 * proof.h - which places of which files the output of a check command points at
 *
 * Understands `haproxy -c` ("[file:line]") and `nginx -t` ("in file:line"), and names in single quotes
 * where HAProxy gives no place ("backend 'x' : ...").  Lines that are only warnings are passed over.
 *
 * Layer: agent/haproxy (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_HAPROXY_PROOF_H
#define AGENT_HAPROXY_PROOF_H

#include "lib/base/base.h"
#include "lib/base/mem.h"

struct proof_mark {
	const char *file; /* as the command wrote it; NULL: `name` is set */
	unsigned line;
	const char *name;    /* a quoted name, to be looked for among the sections: "b" of 'b/server' */
	const char *message; /* the whole line, trimmed, at most 400 bytes */
};
struct proof_marks {
	struct proof_mark *items;
	size_t n, cap;
};

#define PROOF_MARKS_MAX 200

/* In order of appearance. items is freed by the caller; the texts are in the arena. */
void proof_marks(const char *output, size_t n, struct arena *a, struct proof_marks *out);

/* The line to show first: the first that accuses, else the first that says anything; NULL: no output. */
const char *proof_headline(const char *output, size_t n, struct arena *a);

#endif
