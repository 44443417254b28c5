/*
 * keyring.h - the keys of the HTTP interfaces, as ZooKeeper has them under /auth
 *
 * Read at the start, when a key comes or goes, and every ten seconds (an expiry is written into a node that is
 * there already).  Without ZooKeeper the keys last read stay in force, each until it expires.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_KEYRING_H
#define LIB_RECORDS_KEYRING_H

#include "lib/model/record.h"
#include "lib/store/store.h"

/* BaragonAuthKey, as the node holds it. */
struct auth_key {
	const char *value, *owner;
	int64_t created_at;
	struct opt_int expired_at; /* ms; in the past: no longer good */
};
extern const struct record auth_key_record;

struct keyring;
struct keyring *keyring_new(struct loop *l, struct store *st);
void keyring_free(struct keyring **k); /* before its store */
/* A key of our own, from the settings: good until its node says otherwise, and stored under /auth whenever there is no such
 * node.  NULL or "": none.  At most once, right after keyring_new(). */
void keyring_set_own(struct keyring *k, const char *key);

bool keyring_loaded(const struct keyring *k); /* false: not read yet, so nothing is known of any key */
/* Known and not expired? NULL is not. Takes as long whatever the key is. */
bool keyring_ok(const struct keyring *k, const char *key);
/* Any good one, for our own calls; NULL: there is none. Borrowed until the next turn. */
const char *keyring_any(const struct keyring *k);

#endif
