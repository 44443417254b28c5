/*
 * authkey_test.c - the record of a key as Java writes it, with a role if one was said, and what it
 * opens
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/authkey.h"

static void bytes(void **state)
{
	static const char java[] = "{\"value\":\"k1\",\"owner\":\"baragon\",\"createdAt\":1731577200123,"
				   "\"expiredAt\":null}";
	static const char ended[] = "{\"value\":\"k1\",\"owner\":\"baragon\","
				    "\"createdAt\":1731577200123,\"expiredAt\":1731580800456}";
	static const char ours[] = "{\"value\":\"k1\",\"owner\":null,\"createdAt\":0,"
				   "\"expiredAt\":null,\"role\":\"agent\"}";
	struct auth_key *k = read_record(&auth_key_record, *state, java);

	expect_record(&auth_key_record, k, java);
	assert_int_equal(k->role, -1);
	assert_false(k->expired_at.set);
	k = read_record(&auth_key_record, *state, ended);
	assert_true(k->expired_at.set);
	assert_int_equal(k->expired_at.v, 1731580800456);
	expect_record(&auth_key_record, k, ended);
	expect_record(&auth_key_record, read_record(&auth_key_record, *state, ours), ours);
	expect_record(&auth_key_record, read_record(&auth_key_record, *state, "{\"role\":\" AGENT\",\"value\":\"k1\",\"later\":{}}"), ours);
	assert_int_equal(record_decode(&auth_key_record, "{\"role\":\"all\"}", 14, *state, &k, NULL),
		ERR_INVALID);
}

static void roles(void **state)
{
	static const struct {
		int role;
		bool opens[4]; /* KEY_READ, KEY_WRITE, KEY_AGENT, KEY_MASTER */
	} cases[] = {
		{ -1, { true, true, true, false } },
		{ KEY_READ, { true, false, false, false } },
		{ KEY_WRITE, { true, true, false, false } },
		{ KEY_AGENT, { true, false, true, false } },
		{ KEY_MASTER, { true, true, true, true } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct auth_key key = { .value = "k", .role = cases[i].role };

		for (int need = KEY_READ; need <= KEY_MASTER; need++)
			assert_int_equal(auth_key_opens(&key, (enum key_role)need),
				cases[i].opens[need]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bytes),
		cmocka_unit_test(roles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
