/*
 * keys.c - the keys under /auth, in memory
 *
 * They are read again when one comes or goes, and every few seconds, as an expiry is only written
 * into its key.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/api/job.h"

#include <stdlib.h>
#include <string.h>

#define PERIOD_US LOOP_MS(10000)
#define RETRY_US LOOP_MS(200)

struct auth_key {
	const char *value, *owner;
	int64_t created_at;
	struct opt_int expired_at;
};
#define KEY(json, kind_, c)                                                                        \
	{                                                                                          \
		.name = (json), .kind = (kind_), .offset = offsetof(struct auth_key, c)            \
	}
static const struct field auth_key_fields[] = {
	KEY("value", FIELD_STRING, value),
	KEY("owner", FIELD_STRING, owner),
	KEY("createdAt", FIELD_INT, created_at),
	KEY("expiredAt", FIELD_OPT_INT, expired_at),
};
static const struct record auth_key_record = {
	.name = "BaragonAuthKey",
	.size = sizeof(struct auth_key),
	.fields = auth_key_fields,
	.n_fields = ARRAY_LEN(auth_key_fields),
};

struct keys {
	struct loop *loop;
	struct store *st;
	struct life *life;
	struct store_watch *watch;
	struct loop_timer timer;
	char *own; /* NULL: none */
	struct arena *arena;
	const struct auth_key **items;
	size_t n;
	bool ready, reading, again;
};

static void read_keys(void *ctx);

/* --- our own key --- */

struct planting {
	struct life *life;
	struct keys *k;
};

static void plant_over(struct planting *p)
{
	life_unref(&p->life);
	free(p);
}

static void on_planted(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)res;
	(void)err; /* somebody else was first, or the next reading tries again */
	plant_over(ctx);
}

static void on_folder(void *ctx, const struct error *err)
{
	struct planting *p = ctx;
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct store_txn *t;

	if (err != NULL || p->life->over) {
		plant_over(p);
		return;
	}
	record_encode(&auth_key_record,
		&(struct auth_key){ p->k->own, "baragon", loop_wall_ms(p->k->loop), { false, 0 } },
		&json);
	t = store_txn_new(p->k->st);
	store_txn_create(
		t, path_join(a, PATH_AUTH, p->k->own), json.data, json.len, STORE_PERSISTENT);
	store_txn_commit(&t, on_planted, p);
}

static void plant(struct keys *k)
{
	struct planting *p = xmalloc(sizeof(*p));

	*p = (struct planting){ life_ref(k->life), k };
	store_ensure(k->st, PATH_AUTH, on_folder, p);
}

/* --- reading --- */

static void take_keys(struct keys *k, const struct reader *r, size_t n)
{
	arena_free(&k->arena);
	k->arena = arena_new();
	k->items = arena_alloc(k->arena, (n + 1) * sizeof(struct auth_key *));
	k->n = 0;
	for (size_t i = 0; i < n; i++) {
		const struct store_node *node = reader_node(r, i);
		struct auth_key *key;

		if (node != NULL &&
			record_decode(&auth_key_record, node->data, node->len, k->arena, &key,
				NULL) == 0 &&
			key->value != NULL)
			k->items[k->n++] = key;
	}
	k->ready = true;
}

static void read_over(struct keys *k, int64_t next_us)
{
	k->reading = false;
	loop_timer_start(k->loop, &k->timer, k->again ? 0 : next_us);
	k->again = false;
}

static void on_keys(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct keys *k = ctx;
	const char *const *names;
	bool planted = false;
	size_t n;

	if (err != NULL) {
		read_over(k, RETRY_US);
		return;
	}
	names = reader_names(r->prev, 0, &n);
	take_keys(k, r, n);
	for (size_t i = 0; i < n; i++)
		planted |= str_eq(names[i], k->own);
	if (k->own != NULL && !planted && path_name_ok(k->own))
		plant(k);
	read_over(k, PERIOD_US);
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	struct keys *k = ctx;
	const char *const *names;
	struct reader *r;
	size_t n;

	if (err != NULL) {
		reader_free(r_take);
		read_over(k, RETRY_US);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	r = reader_next(r_take);
	for (size_t i = 0; i < n; i++)
		reader_get(r, path_join(r->arena, PATH_AUTH, names[i]));
	reader_run(&r, on_keys, k);
}

static void read_keys(void *ctx)
{
	struct keys *k = ctx;
	struct reader *r;

	k->again = k->reading;
	if (k->reading)
		return;
	if (store_link(k->st) != STORE_LINK_UP) {
		loop_timer_start(k->loop, &k->timer, RETRY_US);
		return;
	}
	loop_timer_stop(k->loop, &k->timer);
	k->reading = true;
	r = reader_new(k->st, k->life);
	reader_children(r, PATH_AUTH);
	reader_run(&r, on_names, k);
}

struct keys *keys_new(struct loop *l, struct store *st, const char *own_key)
{
	struct keys *k = xcalloc(1, sizeof(*k));

	k->loop = l;
	k->st = st;
	k->life = life_new();
	k->own = own_key != NULL && *own_key != '\0' ? xstrdup(own_key) : NULL;
	k->timer = (struct loop_timer){ .fn = read_keys, .ctx = k };
	k->watch = store_watch_new(st, PATH_AUTH, STORE_WATCH_CHILDREN, read_keys, k);
	read_keys(k);
	return k;
}

void keys_free(struct keys **kp)
{
	struct keys *k = STEAL(*kp);

	if (k == NULL)
		return;
	life_end(&k->life);
	store_watch_free(&k->watch);
	loop_timer_stop(k->loop, &k->timer);
	arena_free(&k->arena);
	free(k->own);
	free(k);
}

bool keys_ready(const struct keys *k)
{
	return k->ready;
}

bool keys_accept(const struct keys *k, const char *key)
{
	bool found = false, own_stored = false;

	if (key == NULL)
		return false;
	for (size_t i = 0; i < k->n; i++) {
		const struct auth_key *a = k->items[i];
		bool valid = !a->expired_at.set || a->expired_at.v > loop_wall_ms(k->loop);

		found |= str_eq_secret(key, a->value) && valid;
		own_stored |= str_eq(a->value, k->own);
	}
	if (k->own != NULL && !own_stored) /* it has not been stored yet */
		found |= str_eq_secret(key, k->own);
	return found;
}
