/*
 * keyring_test.c - keys are known once read, follow ZooKeeper, and expire by themselves
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/keyring.h"

#include "lib/base/mem.h"
#include "lib/store/store_mem.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct store *st;
	struct keyring *k;
};

static int setup(void **state)
{
	struct box *b = xcalloc(1, sizeof(*b));

	b->l = loop_sim_new(1);
	b->srv = mem_server_new(b->l, 1);
	mem_server_put(b->srv, "/auth/k1", "{\"value\":\"k1\",\"owner\":\"o\",\"createdAt\":1,\"expiredAt\":null}");
	mem_server_put(b->srv, "/auth/old", "{\"value\":\"old\",\"owner\":\"o\",\"createdAt\":1,\"expiredAt\":2}");
	mem_server_put(b->srv, "/auth/broken", "{");
	mem_server_put(b->srv, "/auth/empty", "{\"value\":\"\"}");
	b->st = store_mem_new(b->srv, "a", 6000);
	b->k = keyring_new(b->l, b->st);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct box *b = *state;

	keyring_free(&b->k);
	store_free(&b->st);
	mem_server_free(&b->srv);
	loop_free(&b->l);
	free(b);
	return 0;
}

static void run(struct box *b, int64_t ms)
{
	assert_true(loop_sim_run_for(b->l, LOOP_MS(ms), 100000));
}

static bool good(const struct keyring *k, const char *key)
{
	return keyring_judge(k, key, KEY_WRITE) == KEY_GOOD;
}

static void read_at_start(void **state)
{
	struct box *b = *state;

	assert_false(keyring_loaded(b->k));
	assert_false(good(b->k, "k1"));
	assert_null(keyring_any(b->k, KEY_AGENT));
	run(b, 2000);
	assert_true(keyring_loaded(b->k));
	assert_true(good(b->k, "k1"));
	assert_false(good(b->k, "old"));
	assert_false(good(b->k, ""));
	assert_false(good(b->k, "broken"));
	assert_string_equal(keyring_any(b->k, KEY_AGENT), "k1");
}

static void follows_what_comes(void **state)
{
	struct box *b = *state;

	run(b, 2000);
	assert_false(good(b->k, "k2"));
	mem_server_put(b->srv, "/auth/k2", "{\"value\":\"k2\"}");
	run(b, 100);
	assert_true(good(b->k, "k2"));
}

static void follows_an_expiry(void **state)
{
	struct box *b = *state;
	AUTO(xfree_p) char *soon = NULL;

	run(b, 2000);
	mem_server_put(b->srv, "/auth/k1", "{\"value\":\"k1\",\"expiredAt\":3}");
	run(b, 11000);
	assert_false(good(b->k, "k1"));
	assert_null(keyring_any(b->k, KEY_AGENT));
	soon = xasprintf("{\"value\":\"k1\",\"expiredAt\":%lld}", (long long)loop_wall_ms(b->l) + 60000);
	mem_server_put(b->srv, "/auth/k1", soon);
	run(b, 11000);
	assert_true(good(b->k, "k1"));
	store_mem_cut(b->st, INT64_MAX);
	run(b, 30000);
	assert_true(good(b->k, "k1")); /* as last read */
	run(b, 30000);
	assert_false(good(b->k, "k1")); /* and it expires without being read again */
}

static void own_key_is_stored(void **state)
{
	struct box *b = *state;
	AUTO(arena_free) struct arena *a = arena_new();
	const struct store_node *node;
	struct auth_key *key;

	keyring_set_own(b->k, "mine");
	assert_true(good(b->k, "mine")); /* before ZooKeeper was ever reached */
	assert_false(good(b->k, NULL));
	run(b, 2000);
	node = mem_server_get(b->srv, "/auth/mine");
	assert_non_null(node);
	assert_int_equal(record_decode(&auth_key_record, node->data, node->len, a, &key, NULL), 0);
	assert_string_equal(key->value, "mine");
	assert_string_equal(key->owner, "baragon");
	assert_false(key->expired_at.set);
	assert_int_equal(node->version, 0);
	assert_true(good(b->k, "mine"));
	mem_server_put(b->srv, "/auth/mine", "{\"value\":\"mine\",\"expiredAt\":3}");
	run(b, 11000);
	assert_false(good(b->k, "mine")); /* the node has the last word, and is left as it is */
	node = mem_server_get(b->srv, "/auth/mine");
	assert_int_equal(node->version, 1);
}

static void own_key_makes_its_folder(void **state)
{
	struct box *b = *state;

	keyring_free(&b->k);
	store_free(&b->st);
	mem_server_free(&b->srv);
	b->srv = mem_server_new(b->l, 1);
	b->st = store_mem_new(b->srv, "a", 6000);
	b->k = keyring_new(b->l, b->st);
	keyring_set_own(b->k, "mine");
	run(b, 2000);
	assert_non_null(mem_server_get(b->srv, "/auth/mine"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(read_at_start, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_what_comes, setup, teardown),
		cmocka_unit_test_setup_teardown(follows_an_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(own_key_is_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(own_key_makes_its_folder, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
