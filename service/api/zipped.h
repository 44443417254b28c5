/*
 * zipped.h - the whole state as gzip, made once per state that somebody asks it of
 *
 * A small one is made at once.  A large one is made over many turns, and until it is there clients get the plain text.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef SERVICE_API_ZIPPED_H
#define SERVICE_API_ZIPPED_H

#include "lib/loop/loop.h"
#include "lib/records/state_cache.h"

struct zipped_text {
	unsigned refs;
	struct buf bytes;
};
void zipped_text_unref(void *text); /* fits http_reply_shared() */

struct zipped;
struct zipped *zipped_new(struct loop *l);
void zipped_free(struct zipped **z);

/* A new reference; NULL: not there (yet). */
struct zipped_text *zipped_get(struct zipped *z, struct cached_state *state);

#endif
