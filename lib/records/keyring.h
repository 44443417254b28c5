/*
 * keyring.h - the keys of the HTTP interfaces, as ZooKeeper has them under /auth
 *
 * Read at the start, whenever a key comes, goes or changes, and every ten seconds, as only the first 200 keys are
 * watched one by one.  Without ZooKeeper the keys last read stay in force, each until it expires.
 *
 * Layer: lib/records.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_RECORDS_KEYRING_H
#define LIB_RECORDS_KEYRING_H

#include "lib/model/authkey.h"
#include "lib/store/store.h"

struct keyring;
struct keyring *keyring_new(struct loop *l, struct store *st);
void keyring_free(struct keyring **k); /* before its store */
/* A key of our own, from the settings: good until its node says otherwise, and stored under /auth whenever there is no such
 * node.  NULL or "": none.  At most once, right after keyring_new(). */
void keyring_set_own(struct keyring *k, const char *key);
/* This process has written that record: it counts from now on, not only once the watch has called. */
void keyring_put(struct keyring *k, const struct auth_key *key);

bool keyring_loaded(const struct keyring *k); /* false: not read yet, so nothing is known of any key */
enum key_verdict {
	KEY_UNKNOWN,   /* or expired, or NULL */
	KEY_FORBIDDEN, /* good, but its role does not open that */
	KEY_GOOD,
};
/* Takes as long whatever the key is. */
enum key_verdict keyring_judge(const struct keyring *k, const char *key, enum key_role need);
/* A good one that opens this, for our own calls, one whose role is just that before others; NULL: there is none. Borrowed
 * until the next turn. */
const char *keyring_any(const struct keyring *k, enum key_role need);

#endif
