/*
 * api_auth.c - /auth: who may come in, and the administration of keys
 *
 * No key is ever logged, nor an error's text that may hold one: paths below /auth are made of keys.
 *
 * Layer: service/api, private to it.  Threads: loop thread.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/base/log.h"
#include "lib/base/str.h"
#include "lib/records/keyring.h"
#include "lib/records/node_put.h"
#include "lib/records/paths.h"
#include "lib/records/reader.h"
#include "service/api/job.h"
#include "service/core/validate.h"

#include <stdlib.h>
#include <string.h>

/* --- before every handler --- */

static enum key_role role_of(const struct route *route)
{
	switch (route->role) {
	case ROLE_OPEN:
	case ROLE_READ:
		return KEY_READ;
	case ROLE_KEY:
		return KEY_WRITE;
	case ROLE_AGENT:
		return KEY_AGENT;
	case ROLE_MASTER:
		return KEY_MASTER;
	}
	return KEY_MASTER;
}

static enum key_verdict judge(const struct api *api, const char *key, enum key_role need)
{
	enum key_verdict v = KEY_UNKNOWN;

	if (api->keys != NULL)
		v = keyring_judge(api->keys, key, need);
	if (need == KEY_MASTER && str_eq_secret(api->opt.master_key, key))
		v = KEY_GOOD;
	return v;
}

static void refuse(
	const struct api *api, struct http_request **rq, enum key_role need, enum key_verdict v)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	if (v == KEY_UNKNOWN && api->keys != NULL && !keyring_loaded(api->keys)) {
		http_reply_error(
			rq, 504, "ZooKeeper cannot be reached, keys are not known yet: not done");
		return;
	}
	log_info(NULL, v == KEY_UNKNOWN ? "wrong key" : "key of another role", "peer",
		http_peer(*rq), "route", http_pattern(*rq));
	buf_str(&text, "HTTP 403 Forbidden");
	if (v == KEY_FORBIDDEN)
		buf_printf(&text, ": the role of this key does not open it, the role `%s` does",
			key_role_names[need]);
	else if (need == KEY_MASTER && api->opt.master_key == NULL)
		buf_str(&text,
			": masterAuthKey is not set, so keys cannot be administered over HTTP");
	http_reply_error(rq, 403, buf_cstr(&text));
}

bool api_auth_enter(struct api *api, struct http_request **rq, const struct route *route)
{
	enum key_role need = role_of(route);
	enum key_verdict v;

	if (route->role == ROLE_OPEN || (need != KEY_MASTER && !api->opt.auth_enabled))
		return true;
	v = judge(api, http_key(*rq), need);
	if (v == KEY_GOOD)
		return true;
	refuse(api, rq, need, v);
	return false;
}

void api_auth_verify(struct http_request *rq, void *app)
{
	(void)app;
	http_reply(&rq, 204, NULL, NULL);
}

/* --- keys --- */

static void trouble(struct job *job, const struct error *err)
{
	if (err->code == ERR_NOT_DONE || err->code == ERR_MAYBE_DONE || err->code == ERR_CONFLICT) {
		job_trouble(job, err);
		return;
	}
	log_error(NULL, "store refused a key", "code", log_int(err->code));
	job_reply_error(job, 500, "the key could not be stored");
}

static int by_value(const void *x, const void *y)
{
	const struct auth_key *const *a = x, *const *b = y;

	return strcmp((*a)->value, (*b)->value);
}

static void on_keys(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct job *job = ctx;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct auth_key **keys;
	size_t n, n_keys = 0;

	if (err != NULL) {
		trouble(job, err);
		return;
	}
	reader_names(r->prev, 0, &n);
	keys = arena_alloc(r->arena, (n + 1) * sizeof(*keys));
	for (size_t i = 0; i < n; i++) {
		const struct store_node *node = reader_node(r, i);

		if (node != NULL &&
			record_decode(&auth_key_record, node->data, node->len, r->arena,
				&keys[n_keys], NULL) == 0 &&
			keys[n_keys]->value != NULL)
			n_keys++;
	}
	qsort(keys, n_keys, sizeof(*keys), by_value);
	buf_char(&json, '[');
	for (size_t i = 0; i < n_keys; i++) {
		if (i > 0)
			buf_char(&json, ',');
		record_encode(&auth_key_record, keys[i], &json);
	}
	buf_char(&json, ']');
	job_reply(job, 200, &json);
}

static void on_names(void *ctx, struct reader **r_take, const struct error *err)
{
	struct job *job = ctx;
	const char *const *names;
	struct reader *r;
	size_t n;

	if (err != NULL) {
		trouble(job, err);
		reader_free(r_take);
		return;
	}
	names = reader_names(*r_take, 0, &n);
	r = reader_next(r_take);
	for (size_t i = 0; i < n; i++)
		reader_get(r, path_join(r->arena, PATH_AUTH, names[i]));
	reader_run(&r, on_keys, job);
}

static void run_list(struct job *job)
{
	struct reader *r = reader_new(job->api->opt.store, job->life);

	reader_sync_first(r);
	reader_children(r, PATH_AUTH);
	reader_run(&r, on_names, job);
}

void api_auth_list(struct http_request *rq, void *app)
{
	job_start(app, &rq, false, NULL, NULL, NULL, run_list);
}

/* --- one comes, or is changed --- */

static void on_posted(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const struct auth_key *key = job->own;

	job->writing = false;
	if (err != NULL) {
		trouble(job, err);
		return;
	}
	log_info(NULL, "key stored", "owner", key->owner, "role",
		key->role >= 0 ? key_role_names[key->role] : "-", "peer", http_peer(job->rq));
	if (job->api->keys != NULL)
		keyring_put(job->api->keys, key);
	job_reply(job, 204, NULL);
}

static void run_post(struct job *job)
{
	const struct auth_key *key = job->own;
	AUTO(buf_release) struct buf json = BUF_INIT;

	record_encode(&auth_key_record, key, &json);
	job->writing = true;
	node_put(job->api->opt.store, job->life, path_join(job->arena, PATH_AUTH, key->value),
		json.data, json.len, on_posted, job);
}

void api_auth_post(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct auth_key *key;

	if (!api_body(&rq, &auth_key_record, a, &key))
		return;
	if (key->value == NULL)
		api_reply_problem(&rq, "value may not be null");
	else if (!validate_name(key->value))
		api_reply_problem(&rq,
			"value must be 1 to 250 bytes, without '/' and control characters: it becomes "
			"the name of a node in ZooKeeper");
	else
		job_start(app, &rq, true, NULL, key, &a, run_post);
}

/* --- one expires --- */

struct expiring {
	const char *name;
	struct auth_key key;
};

static void on_expired(void *ctx, const struct error *err)
{
	struct job *job = ctx;
	const struct expiring *x = job->own;
	AUTO(buf_release) struct buf json = BUF_INIT;

	job->writing = false;
	if (err != NULL) {
		trouble(job, err);
		return;
	}
	log_info(NULL, "key ended", "owner", x->key.owner, "peer", http_peer(job->rq));
	if (job->api->keys != NULL)
		keyring_put(job->api->keys, &x->key);
	record_encode(&auth_key_record, &x->key, &json);
	job_reply(job, 200, &json);
}

static void on_key(void *ctx, struct reader **r_take, const struct error *err)
{
	AUTO(reader_free) struct reader *r = STEAL(*r_take);
	struct job *job = ctx;
	struct expiring *x = job->own;
	const struct store_node *node = err == NULL ? reader_node(r, 0) : NULL;
	AUTO(buf_release) struct buf json = BUF_INIT;
	struct auth_key *key;

	if (err != NULL) {
		trouble(job, err);
		return;
	}
	if (node == NULL) {
		job_reply_error(job, 404, "HTTP 404 Not Found");
		return;
	}
	/* What we cannot read may be a key for a Java service: it ends all the same. */
	x->key = (struct auth_key){ .value = x->name, .role = -1 };
	if (record_decode(&auth_key_record, node->data, node->len, job->arena, &key, NULL) == 0 &&
		key->value != NULL)
		x->key = *key;
	x->key.expired_at = (struct opt_int){ true, loop_wall_ms(job->api->opt.loop) };
	record_encode(&auth_key_record, &x->key, &json);
	job->writing = true;
	node_replace(job->api->opt.store, job->life, path_join(job->arena, PATH_AUTH, x->name),
		json.data, json.len, node->version, on_expired, job);
}

static void run_delete(struct job *job)
{
	const struct expiring *x = job->own;
	struct reader *r = reader_new(job->api->opt.store, job->life);

	reader_sync_first(r);
	reader_get(r, path_join(r->arena, PATH_AUTH, x->name));
	reader_run(&r, on_key, job);
}

void api_auth_delete(struct http_request *rq, void *app)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct expiring *x = arena_alloc(a, sizeof(*x));

	*x = (struct expiring){ .name = arena_strdup(a, http_param(rq, "key")) };
	if (validate_name(x->name))
		job_start(app, &rq, true, NULL, x, &a, run_delete);
	else
		api_reply_not_found(&rq);
}
