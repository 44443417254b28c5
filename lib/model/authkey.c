/*
 * authkey.c - BaragonAuthKey
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/authkey.h"

const char *const key_role_names[] = { "read", "write", "agent", "master", NULL };

#define KEY(json, kind_, c)                                                                        \
	.name = (json), .kind = (kind_), .offset = offsetof(struct auth_key, c)
static const struct field auth_key_fields[] = {
	{ KEY("value", FIELD_STRING, value) },
	{ KEY("owner", FIELD_STRING, owner) },
	{ KEY("createdAt", FIELD_INT, created_at) },
	{ KEY("expiredAt", FIELD_OPT_INT, expired_at) },
	{ KEY("role", FIELD_ENUM, role), .names = key_role_names, .omit_null = true },
};
const struct record auth_key_record = {
	.name = "BaragonAuthKey",
	.size = sizeof(struct auth_key),
	.fields = auth_key_fields,
	.n_fields = ARRAY_LEN(auth_key_fields),
};

bool auth_key_opens(const struct auth_key *key, enum key_role need)
{
	if (key->role < 0)
		return need != KEY_MASTER;
	switch ((enum key_role)key->role) {
	case KEY_READ:
		return need == KEY_READ;
	case KEY_WRITE:
		return need == KEY_READ || need == KEY_WRITE;
	case KEY_AGENT:
		return need == KEY_READ || need == KEY_AGENT;
	case KEY_MASTER:
		return true;
	}
	return false;
}
