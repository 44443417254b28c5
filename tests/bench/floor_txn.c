/*
 * floor_txn.c - T0, T2 and T3 of a deploy that replaces one upstream: the same operations, the same
 * sizes
 *
 * T0 is the project's own.  T2 and T3 have the operations of service/work/step.c in its order; what
 * they hold comes from the project's encoders.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/bench/floor.h"

#include "lib/records/paths.h"
#include "service/core/plan.h"

#include <stdlib.h>
#include <string.h>

#define LATCH PATH_WORKERS "/_c_00000000-0000-4000-8000-000000000000-latch-0000000000"
#define INCARNATION "00000000-0000-4000-8000-00000000000%zu"
#define WALL_MS "1700000000000"
#define EPOCH "0000000000000100"

/* --- the tree --- */

struct setup {
	struct floor_txn *t;
	struct arena *arena;
	size_t folder, folders;
	int64_t service; /* the next to be made */
	size_t running;  /* that are being made */
	void (*done)(void *ctx);
	void *ctx;
};

#define SERVICES_AT_ONCE 64

/* The first ones are what services need; the others are a running cluster's own. */
#define FOLDERS_OF_SERVICES 6
static const char *const folders[] = {PATH_QUEUE, PATH_REQUESTS, PATH_STATE, PATH_MAPPING,
	PATH_DECIDED, PATH_GROUPS "/" BENCH_GROUP "/base-uris", LATCH, PATH_STATE_VERSION,
	PATH_GROUPS "/" BENCH_GROUP "/lastRequest"};

static void setup_next(struct setup *s);

static void on_folder(void *ctx, const struct error *err)
{
	struct setup *s = ctx;

	if (err != NULL)
		floor_fail("making the tree", err);
	setup_next(s);
}

static void on_service(void *ctx, const struct store_result *res, const struct error *err)
{
	struct setup *s = ctx;

	(void)res;
	if (err != NULL)
		floor_fail("making a service", err);
	s->running--;
	setup_next(s);
}

static void put_string(struct store_txn *t, const char *path, const char *text, bool exists)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	buf_json_string(&json, text, strlen(text));
	if (exists)
		store_txn_set(t, path, json.data, json.len, -1);
	else
		store_txn_create(t, path, json.data, json.len, STORE_PERSISTENT);
}

static const char *node_name(struct arena *a, const char *address, const char *request_id)
{
	const struct upstream u = {
		.address = address, .request_id = request_id, .group = "default"};
	AUTO(buf_release) struct buf name = BUF_INIT;

	upstream_node_name(&u, &name);
	return arena_strdup(a, buf_cstr(&name));
}

/* The service as deploy k = its number left it. */
static void make_service(struct setup *s, int64_t k)
{
	struct floor_deploy fd;
	struct store_txn *t = store_txn_new(s->t->st);
	AUTO(buf_release) struct buf json = BUF_INIT;
	const char *id;

	floor_deploy_init(&fd, s->t, k);
	id = fd.d.service;
	record_encode(&service_record, fd.request->service, &json);
	store_txn_create(t, path_history(fd.arena, id), NULL, 0, STORE_PERSISTENT);
	store_txn_create(t, path_service(fd.arena, id), json.data, json.len, STORE_PERSISTENT);
	store_txn_create(t, path_upstream(fd.arena, id, node_name(fd.arena, fd.d.keep, fd.d.id)),
		NULL, 0, STORE_PERSISTENT);
	store_txn_create(t, path_upstream(fd.arena, id, node_name(fd.arena, fd.d.add, fd.d.id)),
		NULL, 0, STORE_PERSISTENT);
	put_string(
		t, path_base_uri(fd.arena, BENCH_GROUP, fd.request->service->base_path), id, false);
	store_txn_commit(&t, on_service, s);
	floor_deploy_release(&fd);
}

static void setup_next(struct setup *s)
{
	if (s->folder < s->folders) {
		store_ensure(s->t->st, folders[s->folder++], on_folder, s);
		return;
	}
	while (s->service < s->t->services && s->running < SERVICES_AT_ONCE) {
		s->running++;
		make_service(s, s->service++);
	}
	if (s->running > 0)
		return;
	s->done(s->ctx);
	free(s);
}

void floor_txn_setup(struct floor_txn *t, bool services_only, void (*done)(void *ctx), void *ctx)
{
	struct setup *s = xcalloc(1, sizeof(*s));

	s->t = t;
	s->folders = services_only ? FOLDERS_OF_SERVICES : ARRAY_LEN(folders);
	s->done = done;
	s->ctx = ctx;
	setup_next(s);
}

/* --- a deploy --- */

void floor_deploy_init(struct floor_deploy *fd, const struct floor_txn *t, int64_t k)
{
	AUTO(buf_release) struct buf body = BUF_INIT;
	struct request *rq;
	struct error err;
	char digest[65];

	*fd = (struct floor_deploy){.arena = arena_new()};
	bench_deploy(&fd->d, t->prefix, k, t->services);
	bench_body(&fd->d, &body);
	if (request_decode(body.data, body.len, fd->arena, &rq, &err) != 0)
		floor_fail("the request", &err);
	fd->request = rq;
	batch_digest(&fd->request, 1, digest);
	fd->digest = arena_strdup(fd->arena, digest);
	fd->batch = arena_printf(fd->arena, EPOCH "-%08llx", (unsigned long long)k);
}

void floor_deploy_release(struct floor_deploy *fd)
{
	arena_free(&fd->arena);
}

void floor_txn_enqueue(
	struct floor_txn *t, struct floor_deploy *fd, requests_put_fn *done, void *ctx)
{
	requests_put(t->st, t->life, fd->request, done, ctx);
}

static void encode_decision(
	const struct floor_txn *t, const struct floor_deploy *fd, struct buf *out)
{
	struct arena *a = fd->arena;
	struct decided_request rq = {
		.id = fd->d.id, .service = fd->d.service, .dir = DIR_FORWARD, .digest = fd->digest};
	struct decided_member *members = arena_alloc(a, (t->n_hosts + 1) * sizeof(*members));
	struct value *gv = value_map(a);
	struct decision d = {.v = 1, .since = 1700000000000, .gv = gv};

	for (size_t i = 0; i < t->n_hosts; i++)
		members[i] = (struct decided_member){BENCH_GROUP,
			arena_printf(a, "127.0.0.1:6100%zu", i), arena_printf(a, INCARNATION, i)};
	value_map_put(a, gv, BENCH_GROUP, value_int(a, 0));
	d.requests.items = &rq;
	d.requests.n = 1;
	d.members.items = members;
	d.members.n = t->n_hosts;
	decision_encode(&d, out);
}

static struct store_txn *begin(const struct floor_txn *t, struct arena *a)
{
	struct store_txn *tx = store_txn_new(t->st);

	store_txn_check(tx, LATCH, -1);
	store_txn_check(tx, path_group(a, BENCH_GROUP), 0);
	return tx;
}

void floor_txn_decide(
	struct floor_txn *t, struct floor_deploy *fd, store_commit_fn *done, void *ctx)
{
	struct arena *a = fd->arena;
	struct store_txn *tx = begin(t, a);
	AUTO(buf_release) struct buf record = BUF_INIT, status = BUF_INIT;

	buf_printf(&status, "\"%s\"", internal_state_name(INTERNAL_CHECK_APPLY));
	encode_decision(t, fd, &record);
	store_txn_check(tx, path_service(a, fd->d.service), 0);
	store_txn_set(tx, path_status(a, fd->d.id), status.data, status.len, 0);
	store_txn_check(tx, path_base_uri(a, BENCH_GROUP, fd->request->service->base_path), 0);
	store_txn_create(
		tx, path_decision(a, fd->batch), record.data, record.len, STORE_PERSISTENT);
	store_txn_commit(&tx, done, ctx);
}

static void encode_history(
	const struct floor_txn *t, const struct floor_deploy *fd, struct buf *out)
{
	struct arena *a = fd->arena;
	struct agent_response *list = arena_alloc(a, (t->n_hosts + 1) * sizeof(*list));
	struct record_map_entry entry = {call_type_names[CALL_APPLY], {list, t->n_hosts}};
	struct response r = {.request_id = fd->d.id,
		.state = STATE_SUCCESS,
		.request = fd->request,
		.message = plan_success_text(fd->request, a)};

	for (size_t i = 0; i < t->n_hosts; i++)
		list[i] = (struct agent_response){.url = t->hosts[i], .status_code = {true, 200}};
	r.agent_responses.entries = &entry;
	r.agent_responses.n = t->n_hosts > 0;
	response_encode(&r, out);
}

void floor_txn_commit(
	struct floor_txn *t, struct floor_deploy *fd, store_commit_fn *done, void *ctx)
{
	struct arena *a = fd->arena;
	struct store_txn *tx = begin(t, a);
	const char *s = fd->d.service, *id = fd->d.id;
	struct bench_deploy before;
	struct queued_id q = {s, id, fd->queue_index};
	AUTO(buf_release) struct buf history = BUF_INIT, status = BUF_INIT, node = BUF_INIT;
	int64_t k = strtoll(strrchr(id, '-') + 1, NULL, 10);

	bench_deploy(&before, t->prefix, k - t->services, t->services);
	buf_printf(&status, "\"%s\"", internal_state_name(INTERNAL_COMPLETED));
	queued_id_node_name(&q, &node);
	encode_history(t, fd, &history);
	store_txn_set(tx, path_status(a, id), status.data, status.len, 1);
	store_txn_delete(tx, path_queue_item(a, buf_cstr(&node)), -1);
	store_txn_create(
		tx, path_history_entry(a, s, id), history.data, history.len, STORE_PERSISTENT);
	store_txn_delete(tx, path_upstream(a, s, node_name(a, before.add, before.id)), -1);
	store_txn_create(
		tx, path_upstream(a, s, node_name(a, fd->d.add, id)), NULL, 0, STORE_PERSISTENT);
	put_string(tx, path_last_request(a, BENCH_GROUP), id, true);
	store_txn_set(tx, PATH_STATE_VERSION, WALL_MS, strlen(WALL_MS), -1);
	store_txn_delete(tx, path_decision(a, fd->batch), 0);
	store_txn_commit(&tx, done, ctx);
}
