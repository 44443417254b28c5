/*
 * keyring.c - the keys of the HTTP interfaces, as ZooKeeper has them under /auth
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/keyring.h"

#include "lib/base/life.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"

#include <stdlib.h>

#define OWNER "baragon" /* of our own key, as the Java service writes it */
#define RETRY LOOP_MS(200)
#define PERIOD LOOP_MS(10000)
#define WATCHES_MAX 200 /* all of them travel in one packet at a reconnect */

struct key_watch { /* of one record: an expiry is written into it */
	UT_hash_handle hh;
	char *name;
	struct store_watch *watch;
	bool seen;
};

struct keyring {
	struct loop *loop;
	struct store *st;
	struct life *life;
	struct store_watch *watch;
	struct key_watch *watches;
	struct loop_timer timer;
	bool reading, again;
	bool outdated; /* what is being read is older than what was put */
	struct arena *arena; /* of the keys; NULL: not read yet */
	const struct auth_key **keys;
	size_t n, cap;
	char *own; /* NULL: none */
};

static void read_names(struct keyring *k);

/* --- our own key ------------------------------------------------------------------------------------------- */

struct planting {
	struct life *life;
	struct keyring *k;
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
	struct keyring *k = p->k;
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct store_txn *t;

	if (err != NULL || p->life->over) {
		plant_over(p);
		return;
	}
	record_encode(&auth_key_record, &(struct auth_key){ k->own, OWNER, loop_wall_ms(k->loop), { false, 0 }, -1 }, &json);
	t = store_txn_new(k->st);
	store_txn_create(t, path_join(a, PATH_AUTH, k->own), json.data, json.len, STORE_PERSISTENT);
	store_txn_commit(&t, on_planted, p);
}

static void plant_unless_there(struct keyring *k, const char *const *names, size_t n)
{
	struct planting *p;

	if (k->own == NULL || !path_name_ok(k->own))
		return;
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], k->own))
			return;
	p = xmalloc(sizeof(*p));
	*p = (struct planting){ life_ref(k->life), k };
	store_ensure(k->st, PATH_AUTH, on_folder, p);
}

/* --- reading ----------------------------------------------------------------------------------------------- */

static void read_over(struct keyring *k, const struct error *err)
{
	k->reading = false;
	k->outdated = false;
	if (k->again)
		read_names(k);
	else
		loop_timer_start(k->loop, &k->timer, err != NULL ? RETRY : PERIOD);
}

static void on_keys(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct keyring *k = ctx;
	const char *const *names;
	size_t n;

	if (err == NULL && !k->outdated) {
		names = reader_names(r->prev, 0, &n);
		plant_unless_there(k, names, n);
		arena_free(&k->arena);
		k->arena = arena_new();
		k->n = 0;
		k->cap = n;
		k->keys = arena_alloc(k->arena, (n + 1) * sizeof(*k->keys));
		for (size_t i = 0; i < n; i++) {
			const struct store_node *node = reader_node(r, i);
			struct auth_key *key;

			/* What cannot be read opens nothing. */
			if (node != NULL && record_decode(&auth_key_record, node->data, node->len, k->arena, &key, NULL) == 0 &&
				key->value != NULL && key->value[0] != '\0')
				k->keys[k->n++] = key;
		}
	}
	read_over(k, err);
}

static void on_changed(void *ctx)
{
	read_names(ctx);
}

static void watch_free(struct keyring *k, struct key_watch *w)
{
	MAP_DEL(k->watches, w);
	store_watch_free(&w->watch);
	free(w->name);
	free(w);
}

static void watch_records(struct keyring *k, const char *const *names, size_t n)
{
	struct key_watch *w, *tmp;

	MAP_EACH(k->watches, w, tmp)
		w->seen = false;
	for (size_t i = 0; i < n; i++) {
		MAP_FIND(k->watches, names[i], w);
		if (w == NULL && MAP_COUNT(k->watches) < WATCHES_MAX) {
			AUTO(arena_free) struct arena *a = arena_new();

			w = xcalloc(1, sizeof(*w));
			w->name = xstrdup(names[i]);
			w->watch = store_watch_new(
				k->st, path_join(a, PATH_AUTH, w->name), STORE_WATCH_DATA, on_changed, k);
			MAP_ADD(k->watches, name, w);
		}
		if (w != NULL)
			w->seen = true;
	}
	MAP_EACH(k->watches, w, tmp)
		if (!w->seen)
			watch_free(k, w);
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	struct keyring *k = ctx;
	const char *const *names;
	struct reader *r;
	size_t n;

	if (err != NULL) {
		reader_free(r_take);
		read_over(k, err);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	watch_records(k, names, n); /* before they are read */
	r = reader_next(r_take);
	for (size_t i = 0; i < n; i++)
		reader_get(r, path_join(r->arena, PATH_AUTH, names[i]));
	reader_run(&r, on_keys, k);
}

static void read_names(struct keyring *k)
{
	struct reader *r;

	k->again = k->reading;
	if (k->reading)
		return;
	k->reading = true;
	loop_timer_stop(k->loop, &k->timer);
	r = reader_new(k->st, k->life);
	reader_children(r, PATH_AUTH);
	reader_run(&r, on_names, k);
}

struct keyring *keyring_new(struct loop *l, struct store *st)
{
	struct keyring *k = xcalloc(1, sizeof(*k));

	k->loop = l;
	k->st = st;
	k->life = life_new();
	k->timer = (struct loop_timer){ .fn = on_changed, .ctx = k };
	k->watch = store_watch_new(st, PATH_AUTH, STORE_WATCH_CHILDREN, on_changed, k);
	read_names(k);
	return k;
}

void keyring_set_own(struct keyring *k, const char *key)
{
	ASSERT(k->arena == NULL && k->own == NULL);
	if (key != NULL && *key != '\0')
		k->own = xstrdup(key);
}

void keyring_free(struct keyring **kp)
{
	struct keyring *k = STEAL(*kp);
	struct key_watch *w, *tmp;

	if (k == NULL)
		return;
	life_end(&k->life);
	store_watch_free(&k->watch);
	MAP_EACH(k->watches, w, tmp)
		watch_free(k, w);
	loop_timer_stop(k->loop, &k->timer);
	arena_free(&k->arena);
	free(k->own);
	free(k);
}

bool keyring_loaded(const struct keyring *k)
{
	return k->arena != NULL;
}

static bool is_good(const struct keyring *k, const struct auth_key *key)
{
	return !key->expired_at.set || key->expired_at.v > loop_wall_ms(k->loop);
}

static enum key_verdict judge(const struct keyring *k, const struct auth_key *key, enum key_role need)
{
	if (!is_good(k, key))
		return KEY_UNKNOWN;
	return auth_key_opens(key, need) ? KEY_GOOD : KEY_FORBIDDEN;
}

enum key_verdict keyring_judge(const struct keyring *k, const char *key, enum key_role need)
{
	const struct auth_key own = { .value = k->own, .role = -1 };
	enum key_verdict best = KEY_UNKNOWN;
	bool own_stored = false;

	if (key == NULL)
		return KEY_UNKNOWN;
	for (size_t i = 0; i < k->n; i++) {
		enum key_verdict v = judge(k, k->keys[i], need);

		if (str_eq_secret(k->keys[i]->value, key) && v > best)
			best = v;
		own_stored |= str_eq(k->keys[i]->value, k->own);
	}
	if (k->own != NULL && !own_stored && str_eq_secret(k->own, key))
		best = judge(k, &own, need);
	return best;
}

const char *keyring_any(const struct keyring *k, enum key_role need)
{
	const char *other = NULL;

	for (size_t i = 0; i < k->n; i++) {
		if (judge(k, k->keys[i], need) != KEY_GOOD)
			continue;
		if (k->keys[i]->role == (int)need)
			return k->keys[i]->value;
		if (other == NULL && k->keys[i]->role != KEY_MASTER) /* that one is not to travel */
			other = k->keys[i]->value;
	}
	return other;
}

void keyring_put(struct keyring *k, const struct auth_key *key)
{
	const struct auth_key *copy;
	size_t i = 0;

	if (k->arena != NULL) {
		copy = record_clone(&auth_key_record, key, k->arena);
		while (i < k->n && !str_eq(k->keys[i]->value, key->value))
			i++;
		if (i == k->n && k->n == k->cap) {
			const struct auth_key **grown;

			k->cap = 2 * k->cap + 4;
			grown = arena_alloc(k->arena, k->cap * sizeof(*grown));
			for (size_t m = 0; m < k->n; m++)
				grown[m] = k->keys[m];
			k->keys = grown;
		}
		k->n += i == k->n;
		k->keys[i] = copy;
	}
	k->outdated = k->reading;
	read_names(k);
}
