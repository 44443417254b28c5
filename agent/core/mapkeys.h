/*
 * mapkeys.h - keys that two services have in one HAProxy map
 *
 * HAProxy takes the first line of a key and says nothing about the next one, so no check command finds this: one
 * of the two services would get the other's traffic. It takes different ids to have one key: "/foo" and "/foo/",
 * a domain in capitals or with a port, are paths and domains of their own to the locks of the service.
 *
 * An idle service (without upstreams) has no lock. It keeps its lines, for a page that says so, until somebody who has
 * upstreams has the same key: then its line becomes a comment.
 *
 * Layer: agent/core (pure).  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENT_CORE_MAPKEYS_H
#define AGENT_CORE_MAPKEYS_H

#include "agent/core/fileset.h"

struct mapkeys_clash {
	const char *service; /* one of `mine`; the later one if both are */
	const char *other;   /* NULL: header or footer */
	const char *key;
};
struct mapkeys_clashes {
	struct mapkeys_clash *items;
	size_t n, cap;
};
void mapkeys_release(struct mapkeys_clashes *c);

/* Ids of those without upstreams, sorted; the arena's. */
struct strings mapkeys_idle(const struct service_state *const *services, size_t n, struct arena *a);

/* Adds, for a collected file whose lines are keys and values, the first clash of each service of `mine` with
 * any other that has the key with another value. `idle`: who is left out; sorted. Texts are the arena's. Costs one pass
 * over the file. */
void mapkeys_find(const struct fileset_file *f, const char *const *mine, size_t n_mine, const struct strings *idle,
	struct arena *a, struct mapkeys_clashes *out);

/* The text of such a file in which the idle ones' lines have yielded; NULL: none had to. Of the arena; as long as the
 * pieces together, and as many lines. */
const char *mapkeys_yielded(const struct fileset_file *f, const struct strings *idle, struct arena *a);

/* Is the key there more than once, with different values? For what clashed before we were asked. */
bool mapkeys_twice(const char *text, size_t n, const char *key);

#endif
