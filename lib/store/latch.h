/*
 * latch.h - leader latch in Curator's layout: <path>/_c_<guid>-latch-<seq>, ephemeral; lowest leads
 *
 * Used for /workers by the service.  Where the node is made by other means (the agent's own join
 * transaction), a latch without guid only watches who takes part.  The node is kept over a
 * reconnect of the same session and made anew after LOST.  A node whose creation had an unknown
 * outcome is found again by its guid, and duplicates of it are removed.
 *
 * Layer: lib/store.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_STORE_LATCH_H
#define LIB_STORE_LATCH_H

#include "lib/store/store.h"

struct latch;

/* `guid` is chosen by the caller (a UUID), so that a marker can exist before the node does; NULL:
 * makes no node, never leads.  The parent is made, persistent, if absent.
 * changed(): leadership, the own node or the list of participants may have changed. */
struct latch *latch_new(struct loop *l, struct store *st, const char *path, const char *guid, const char *data,
	void (*changed)(void *ctx), void *ctx);
void latch_free(struct latch **la); /* deletes the node when the link is up, in the background; before
				     * or after store_free() */

bool latch_leads(const struct latch *la);       /* own node is lowest, and the link is UP */
const char *latch_node(const struct latch *la); /* full path of the own node, NULL = none */
int64_t latch_epoch(const struct latch *la);    /* czxid of the own node; 0 = none */

/* Participants in latch order, as last listed: node names, and their guid part. */
size_t latch_participants(const struct latch *la, const char *const **names_out);

/* "_c_<guid>-latch-0000000007" -> order key and guid; false: not such a name. guid_out has 37 bytes
 * and is empty for names without one. */
bool latch_parse_name(const char *name, int64_t *seq_out, char guid_out[37]);

#endif
