/*
 * authkey.h - a key of the HTTP interfaces (BaragonAuthKey), and what it opens
 *
 * `role` is ours: Java's readers ignore it, so beside a Java service or agent every key opens all
 * but the administration of keys.
 *
 * Layer: lib/model.  Threads: no state.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef LIB_MODEL_AUTHKEY_H
#define LIB_MODEL_AUTHKEY_H

#include "lib/model/record.h"

enum key_role {
	KEY_READ,   /* what reads and needs a key */
	KEY_WRITE,  /* that, and what changes something */
	KEY_AGENT,  /* what reads, and the calls between services and agents */
	KEY_MASTER, /* everything, the administration of keys too */
};
extern const char *const key_role_names[]; /* NULL-terminated */

struct auth_key {
	const char *value, *owner; /* the owner is only text */
	int64_t created_at;
	struct opt_int expired_at; /* ms; in the past: no longer good */
	int role; /* enum key_role; -1 = none said: all but the administration of keys, as in Java */
};
extern const struct record auth_key_record;

bool auth_key_opens(const struct auth_key *key, enum key_role need);

#endif
