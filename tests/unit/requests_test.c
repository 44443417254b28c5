/*
 * requests_test.c - a request's records: put, taken, refused, cancelled, looked up in every state of its life
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/requests.h"

#include "lib/records/paths.h"
#include "tests/unit/store_sample.h"

struct asking {
	struct sample s;
	int64_t index;
	/* what was found, copied */
	bool found, live;
	int state, internal;
	int32_t version;
	const char *message, *service;
	size_t n;
	int64_t oldest_ms;
	const char *ids;
	/* a change between two reads */
	const char *move_after;
};

static const char request_text[] = "{\"loadBalancerRequestId\":\"r1\",\"loadBalancerService\":{\"serviceId\":\"s\",\"owners\":[],"
				   "\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"g\"]},"
				   "\"addUpstreams\":[{\"upstream\":\"a.x:1\"}],\"removeUpstreams\":[]}";

static struct request *request(struct asking *x)
{
	struct request *rq;

	assert_int_equal(request_decode(request_text, strlen(request_text), x->s.arena, &rq, NULL), 0);
	return rq;
}

static void begin(struct asking *x)
{
	memset(x, 0, sizeof(*x));
	sample_begin(&x->s);
	mem_server_put(x->s.server, PATH_QUEUE, "");
	mem_server_put(x->s.server, PATH_REQUESTS, "");
	mem_server_put(x->s.server, PATH_MAPPING, "");
}

static void on_put(void *ctx, int64_t index, const struct error *err)
{
	struct asking *x = ctx;

	x->index = index;
	sample_on_done(&x->s, err);
}

static int put(struct asking *x)
{
	requests_put(x->s.st, x->s.life, request(x), on_put, x);
	sample_wait(&x->s);
	return x->s.code;
}

static void on_look(void *ctx, const struct requests_found *f, const struct error *err)
{
	struct asking *x = ctx;

	sample_on_done(&x->s, err);
	if (err != NULL)
		return;
	x->found = f->resp != NULL;
	x->live = f->live;
	x->internal = f->internal;
	x->version = f->status_version;
	x->service = arena_strdup(x->s.arena, f->service_id);
	x->state = f->resp != NULL ? f->resp->state : -1;
	x->message = f->resp != NULL ? arena_strdup(x->s.arena, f->resp->message) : NULL;
}

static void look(struct asking *x, const char *id)
{
	requests_look(x->s.st, x->s.life, id, on_look, x);
	sample_wait(&x->s);
	assert_int_equal(x->s.code, 0);
}

static void put_is_one_transaction(void **state)
{
	struct asking x;
	const char *const *names;

	(void)state;
	begin(&x);
	assert_int_equal(put(&x), 0);
	assert_int_equal(x.index, 0);
	expect_node(&x.s, path_status(x.s.arena, "r1"), "\"PENDING\"");
	expect_node(&x.s, path_mapping(x.s.arena, "r1"), "\"s\"");
	assert_non_null(strstr(sample_text(&x.s, path_request(x.s.arena, "r1")), "\"loadBalancerRequestId\":\"r1\""));
	assert_int_equal(mem_server_children(x.s.server, PATH_QUEUE, &names), 1);
	assert_string_equal(names[0], "s|r1|0000000000");
	/* The id is taken: nothing more is written. */
	assert_int_equal(put(&x), ERR_CONFLICT);
	assert_int_equal(x.index, -1);
	assert_int_equal(mem_server_children(x.s.server, PATH_QUEUE, &names), 1);
	sample_end(&x.s);
}

static void a_finished_id_stays_taken(void **state)
{
	struct asking x;

	(void)state;
	begin(&x);
	mem_server_put(x.s.server, path_mapping(x.s.arena, "r1"), "\"other\"");
	assert_int_equal(put(&x), ERR_CONFLICT);
	assert_null(mem_server_get(x.s.server, path_request(x.s.arena, "r1")));
	sample_end(&x.s);
}

struct again {
	struct asking x;
	struct requests_found found;
};

static void on_look_for_again(void *ctx, const struct requests_found *f, const struct error *err)
{
	struct again *g = ctx;

	sample_on_done(&g->x.s, err);
	g->found = *f;
	g->found.resp = NULL;
	g->found.service_id = arena_strdup(g->x.s.arena, f->service_id);
}

/* Two who saw the same end: one of them puts it again. */
static void an_ended_id_is_put_again_once(void **state)
{
	struct again g;
	struct asking *x = &g.x;

	(void)state;
	begin(x);
	mem_server_put(x->s.server, path_mapping(x->s.arena, "r1"), "\"t\"");
	mem_server_put(x->s.server, path_history_entry(x->s.arena, "t", "r1"),
		"{\"loadBalancerRequestId\":\"r1\",\"loadBalancerState\":\"FAILED\"}");
	requests_look(x->s.st, x->s.life, "r1", on_look_for_again, &g);
	sample_wait(&x->s);
	assert_false(g.found.live);
	assert_true(g.found.mapping_version >= 0);
	requests_put_again(x->s.st, x->s.life, request(x), &g.found, on_put, x);
	sample_wait(&x->s);
	assert_int_equal(x->s.code, 0);
	assert_int_equal(x->index, 0);
	expect_node(&x->s, path_mapping(x->s.arena, "r1"), "\"s\"");
	assert_null(mem_server_get(x->s.server, path_history_entry(x->s.arena, "t", "r1")));
	look(x, "r1");
	assert_true(x->live);
	requests_put_again(x->s.st, x->s.life, request(x), &g.found, on_put, x);
	sample_wait(&x->s);
	assert_int_equal(x->s.code, ERR_CONFLICT);
	sample_end(&x->s);
}

static void rejected_ones_are_remembered(void **state)
{
	struct asking x;
	struct response resp = { .request_id = "r9", .state = STATE_INVALID_REQUEST_NOOP, .message = "no such group" };

	(void)state;
	begin(&x);
	requests_put_rejected(x.s.st, x.s.life, &resp, "s", sample_on_done, &x.s);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, 0);
	look(&x, "r9");
	assert_true(x.found);
	assert_false(x.live);
	assert_int_equal(x.state, STATE_INVALID_REQUEST_NOOP);
	assert_string_equal(x.message, "no such group");
	assert_string_equal(x.service, "s");
	assert_null(mem_server_get(x.s.server, path_request(x.s.arena, "r9")));
	requests_put_rejected(x.s.st, x.s.life, &resp, "t", sample_on_done, &x.s);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, ERR_CONFLICT);
	sample_end(&x.s);
}

static void looked_up_in_every_state(void **state)
{
	struct asking x;

	(void)state;
	begin(&x);
	look(&x, "r1");
	assert_false(x.found);
	assert_int_equal(put(&x), 0);
	look(&x, "r1");
	assert_true(x.found && x.live);
	assert_int_equal(x.state, STATE_WAITING);
	assert_int_equal(x.internal, INTERNAL_PENDING);
	assert_string_equal(x.message, "Queued as QueuedRequestId{serviceId=s, requestId=r1, index=0}");
	mem_server_put(x.s.server, path_message(x.s.arena, "r1"), "\"Applying\"");
	mem_server_put(x.s.server, path_status(x.s.arena, "r1"), arena_printf(x.s.arena, "\"%s\"", internal_state_name(INTERNAL_CHECK_APPLY)));
	look(&x, "r1");
	assert_string_equal(x.message, "Applying");
	assert_int_equal(x.internal, INTERNAL_CHECK_APPLY);
	assert_int_equal(x.version, 1);
	/* The finished answer is stronger than what has not been swept yet. */
	mem_server_put(x.s.server, path_history_entry(x.s.arena, "s", "r1"),
		"{\"loadBalancerRequestId\":\"r1\",\"loadBalancerState\":\"SUCCESS\",\"message\":\"done\"}");
	look(&x, "r1");
	assert_false(x.live);
	assert_int_equal(x.state, STATE_SUCCESS);
	assert_string_equal(x.message, "done");
	sample_end(&x.s);
}

/* A Java service writes the mapping only at the end. */
static void one_of_java_names_its_service_itself(void **state)
{
	struct asking x;

	(void)state;
	begin(&x);
	mem_server_put(x.s.server, path_request(x.s.arena, "r1"), request_text);
	mem_server_put(x.s.server, path_status(x.s.arena, "r1"), "\"PENDING\"");
	look(&x, "r1");
	assert_true(x.found && x.live);
	assert_string_equal(x.service, "s");
	assert_null(x.message); /* nothing is queued under it */
	mem_server_put(x.s.server, path_status(x.s.arena, "r1"), "\"SOMETHING\"");
	look(&x, "r1");
	assert_false(x.found);
	sample_end(&x.s);
}

static void reads_that_lag_are_repeated(void **state)
{
	struct asking x;

	(void)state;
	begin(&x);
	sample_settle(&x.s, 10);
	store_mem_lag(x.s.st, LOOP_MS(60000));
	mem_server_put(x.s.server, path_request(x.s.arena, "r1"), request_text);
	mem_server_put(x.s.server, path_status(x.s.arena, "r1"), "\"PENDING\"");
	mem_server_put(x.s.server, path_mapping(x.s.arena, "r1"), "\"s\"");
	look(&x, "r1");
	assert_true(x.found && x.live);
	sample_end(&x.s);
}

static enum mem_fault finish_meanwhile(void *ctx, const struct mem_op *op)
{
	struct asking *x = ctx;

	if (x->move_after == NULL || op->moment != MEM_AFTER_APPLY || !str_eq(op->path, x->move_after))
		return MEM_FAULT_NONE;
	x->move_after = NULL;
	mem_server_put(x->s.server, path_status(x->s.arena, "r1"), "\"COMPLETED\"");
	mem_server_put(x->s.server, path_history_entry(x->s.arena, "s", "r1"),
		"{\"loadBalancerRequestId\":\"r1\",\"loadBalancerState\":\"SUCCESS\",\"message\":\"done\"}");
	return MEM_FAULT_NONE;
}

static void what_ends_between_the_reads_is_found(void **state)
{
	const char *const moments[] = { "/responseHistory/requestIdMapping/r1", "/request/r1", "/request/r1/status", "/queue" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
		struct asking x;

		begin(&x);
		assert_int_equal(put(&x), 0);
		mem_server_hook(x.s.server, finish_meanwhile, &x);
		x.move_after = moments[i];
		look(&x, "r1");
		assert_null(x.move_after);
		assert_int_equal(x.state, STATE_SUCCESS);
		sample_end(&x.s);
	}
}

static void cancel_names_the_version_it_saw(void **state)
{
	struct asking x;

	(void)state;
	begin(&x);
	assert_int_equal(put(&x), 0);
	requests_cancel(x.s.st, x.s.life, "r1", 5, sample_on_done, &x.s);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, ERR_CONFLICT);
	expect_node(&x.s, path_status(x.s.arena, "r1"), "\"PENDING\"");
	requests_cancel(x.s.st, x.s.life, "r1", 0, sample_on_done, &x.s);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, 0);
	expect_node(&x.s, path_status(x.s.arena, "r1"), "\"CANCELLED_SEND_REVERT_REQUESTS\"");
	sample_end(&x.s);
}

static void lost_connections_are_told_apart(void **state)
{
	struct asking x;

	(void)state;
	begin(&x);
	store_mem_cut(x.s.st, LOOP_MS(1000));
	sample_settle(&x.s, 1);
	assert_int_equal(put(&x), ERR_NOT_DONE);
	requests_look(x.s.st, x.s.life, "r1", on_look, &x);
	sample_wait(&x.s);
	assert_int_equal(x.s.code, ERR_NOT_DONE);
	sample_end(&x.s);
}

static void on_queue(void *ctx, const struct queued_id *items, size_t n, int64_t oldest_ms, const struct error *err)
{
	struct asking *x = ctx;
	AUTO(buf_release) struct buf text = BUF_INIT;

	sample_on_done(&x->s, err);
	x->n = n;
	x->oldest_ms = oldest_ms;
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s:%lld ", items[i].request_id, (long long)items[i].index);
	x->ids = arena_strdup(x->s.arena, buf_cstr(&text));
}

static void queue_is_told_in_order(void **state)
{
	struct asking x;

	(void)state;
	begin(&x);
	requests_queue(x.s.st, x.s.life, on_queue, &x);
	sample_wait(&x.s);
	assert_int_equal(x.n, 0);
	mem_server_put(x.s.server, "/queue/s|b|0000000012", "");
	mem_server_put(x.s.server, "/queue/t|a|0000000003", "");
	mem_server_put(x.s.server, "/queue/strange", "");
	requests_queue(x.s.st, x.s.life, on_queue, &x);
	sample_wait(&x.s);
	assert_string_equal(x.ids, "a:3 b:12 ");
	assert_int_equal(x.oldest_ms, mem_server_get(x.s.server, "/queue/t|a|0000000003")->modified_ms);
	sample_end(&x.s);
}

static void size_of_a_commit_counts_everything(void **state)
{
	struct asking x;
	struct request *rq;
	size_t plain;
	struct upstream many[100] = { 0 };
	const char *domains[100];

	(void)state;
	begin(&x);
	rq = request(&x);
	plain = requests_commit_bytes(rq);
	assert_in_range(plain, 2 * 200, 10000);
	for (size_t i = 0; i < ARRAY_LEN(many); i++) {
		many[i] = (struct upstream){ .address = "host.example:1234", .group = "default" };
		domains[i] = "www.example.com";
	}
	rq->add.items = many;
	rq->add.n = ARRAY_LEN(many);
	assert_in_range(requests_commit_bytes(rq) - plain, 100 * 2 * 100, 100 * 1000);
	rq = request(&x);
	/* 101 paths under 100 domains: the request is small, its locks are not. */
	((struct service *)(uintptr_t)rq->service)->domains = (struct strings){ domains, 100 };
	((struct service *)(uintptr_t)rq->service)->additional_paths = (struct strings){ domains, 100 };
	assert_true(requests_commit_bytes(rq) > STORE_TXN_MAX);
	sample_end(&x.s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_is_one_transaction),
		cmocka_unit_test(a_finished_id_stays_taken),
		cmocka_unit_test(an_ended_id_is_put_again_once),
		cmocka_unit_test(rejected_ones_are_remembered),
		cmocka_unit_test(looked_up_in_every_state),
		cmocka_unit_test(one_of_java_names_its_service_itself),
		cmocka_unit_test(reads_that_lag_are_repeated),
		cmocka_unit_test(what_ends_between_the_reads_is_found),
		cmocka_unit_test(cancel_names_the_version_it_saw),
		cmocka_unit_test(lost_connections_are_told_apart),
		cmocka_unit_test(queue_is_told_in_order),
		cmocka_unit_test(size_of_a_commit_counts_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
