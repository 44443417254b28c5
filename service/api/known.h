/*
 * known.h - nodes that each post needs and that seldom change: aliases, groups
 *
 * What was read of a node that is watched is good until its watch calls.  As bytes, so that who decodes them owns the result.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_API_KNOWN_H
#define SERVICE_API_KNOWN_H

#include "lib/store/store.h"

struct known;
struct known *known_new(struct store *st);
void known_free(struct known **k);

/* False: read it, and give that back.  p NULL: it is absent.  Borrowed until the next turn. */
bool known_get(const struct known *k, const char *path, struct slice *out);
/* Taken before a read is sent; goes with it. */
uint64_t known_stamp(const struct known *k);
void known_watch(struct known *k, const char *path); /* reads sent from now on can be kept; nothing if there are too many */
void known_put(struct known *k, const char *path, uint64_t stamp, const struct store_node *node);

#endif
