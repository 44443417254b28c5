/*
 * batches_test.c - every answer to a leader's call
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/link_sample.h"

static void on_answer(void *ctx, int status, const struct batch_answer *ans)
{
	struct linked *x = ctx;
	AUTO(buf_release) struct buf blames = BUF_INIT;

	assert_false(x->answered);
	x->answered = true;
	x->status = status;
	x->outcome = ans->outcome;
	x->number = ans->number;
	x->message = arena_strdup(x->s.arena, ans->message);
	x->incarnation = arena_strdup(x->s.arena, ans->incarnation);
	x->base_digest = arena_strdup(x->s.arena, ans->base_digest);
	for (size_t i = 0; i < ans->items.n; i++)
		buf_printf(&blames, "%s:%d ", ans->items.items[i].request_id, (int)ans->items.items[i].status_code);
	x->blames = arena_strdup(x->s.arena, buf_cstr(&blames));
}

static struct batch_call *call_of(struct linked *x, enum call_type type, int64_t number, const char *const *requests, size_t n)
{
	struct batch_call *c = arena_alloc(x->s.arena, sizeof(*c));
	const struct request **list = arena_alloc(x->s.arena, (n + 1) * sizeof(*list));
	char digest[65];

	*c = (struct batch_call){ .batch = "b1", .type = (int)type, .number = number, .epoch = 10,
		.incarnation = linked_status(x).incarnation };
	c->items.items = arena_alloc(x->s.arena, (n + 1) * sizeof(*c->items.items));
	c->items.n = n;
	for (size_t i = 0; i < n; i++) {
		const char *text = sample_text(&x->s, path_request(x->s.arena, requests[i]));
		struct request *rq;

		assert_int_equal(request_decode(text, strlen(text), x->s.arena, &rq, NULL), 0);
		list[i] = rq;
		c->items.items[i] = (struct batch_item){ .request_id = rq->id, .service_id = rq->service->id };
	}
	batch_digest(list, n, digest);
	c->digest = arena_strdup(x->s.arena, digest);
	return c;
}

static struct link_waiter *call(struct linked *x, const struct batch_call *c)
{
	x->answered = false;
	return agent_link_call(x->link, c, on_answer, x);
}

static void ask(struct linked *x, const struct batch_call *c, int status, enum outcome outcome)
{
	call(x, c);
	assert_false(x->answered); /* never inside the call */
	sample_settle(&x->s, 200);
	assert_true(x->answered);
	assert_int_equal(x->status, status);
	assert_int_equal(x->outcome, outcome);
}

static const char *const r1[] = { "r1" };

static void join_with_request(struct linked *x)
{
	mem_server_put(x->s.server, path_request(x->s.arena, "r1"), REQUEST("r1", "s", ""));
	linked_join(x);
	buf_clear(&x->obeyer.told);
	assert_int_equal(linked_status(x).phase, LINK_READY);
}

/* --- the leader's calls ----------------------------------------------------------------------------------------- */

static void prepare_apply(void **state)
{
	struct linked *x = *state;
	struct batch_call *prepare, *apply;

	join_with_request(x);
	prepare = call_of(x, CALL_PREPARE, -1, r1, 1);
	ask(x, prepare, 200, OUTCOME_PREPARED);
	assert_int_equal(x->number, -1);
	assert_string_equal(x->base_digest, "base");
	assert_string_equal(x->incarnation, linked_status(x).incarnation);
	expect_told(x, "PREPARE s(1) [s]\n");
	assert_int_equal(linked_status(x).services, 0); /* nothing live changed */
	/* It is kept: asked again, it need not be proved again. */
	ask(x, prepare, 200, OUTCOME_PREPARED);
	assert_string_equal(x->base_digest, "base");
	expect_told(x, "");
	put_decision(x, DIR_FORWARD);
	apply = call_of(x, CALL_APPLY, 0, r1, 1);
	ask(x, apply, 200, OUTCOME_APPLIED);
	assert_int_equal(x->number, 0);
	assert_int_equal(linked_status(x).services, 1);
	assert_string_equal(linked_status(x).last_request, "r1");
	expect_told(x, "CONVERGE s(1) [s]\n");
	ask(x, apply, 200, OUTCOME_APPLIED); /* confirmed before */
	expect_told(x, "");
	/* The decision turned: what was confirmed does not count for it. */
	put_decision(x, DIR_BACK);
	ask(x, call_of(x, CALL_REVERT, 1, r1, 1), 200, OUTCOME_APPLIED);
	assert_int_equal(x->number, 1);
	assert_int_equal(linked_status(x).services, 0);
}

static void prepare_release(void **state)
{
	struct linked *x = *state;
	struct batch_call *prepare, *release;

	join_with_request(x);
	prepare = call_of(x, CALL_PREPARE, -1, r1, 1);
	release = call_of(x, CALL_RELEASE, -1, r1, 1);
	ask(x, release, 200, OUTCOME_RELEASED); /* nothing to drop */
	expect_told(x, "");
	ask(x, prepare, 200, OUTCOME_PREPARED);
	ask(x, release, 200, OUTCOME_RELEASED);
	expect_told(x, "PREPARE s(1) [s]\nRELEASE\n");
	ask(x, prepare, 200, OUTCOME_PREPARED); /* proved anew */
	expect_told(x, "PREPARE s(1) [s]\n");
	sample_settle(&x->s, 61000); /* nobody comes back for it */
	buf_clear(&x->obeyer.told);
	ask(x, prepare, 200, OUTCOME_PREPARED);
	expect_told(x, "PREPARE s(1) [s]\n");
}

static void a_refusal_blames(void **state)
{
	static const char *const both[] = { "r1", "r2" };
	struct linked *x = *state;

	mem_server_put(x->s.server, path_request(x->s.arena, "r2"), REQUEST("r2", "t", ""));
	join_with_request(x);
	x->obeyer.refuses[WORK_PREPARE] = "line 3 is wrong";
	x->obeyer.blames = "t";
	ask(x, call_of(x, CALL_PREPARE, -1, both, 2), 200, OUTCOME_REFUSED);
	assert_string_equal(x->message, "line 3 is wrong");
	assert_string_equal(x->blames, "r1:200 r2:500 ");
	x->obeyer.blames = NULL;
	ask(x, call_of(x, CALL_PREPARE, -1, both, 2), 200, OUTCOME_REFUSED);
	assert_string_equal(x->blames, "r1:500 r2:500 ");
	x->obeyer.refuses[WORK_PREPARE] = NULL;
	ask(x, call_of(x, CALL_PREPARE, -1, both, 2), 200, OUTCOME_PREPARED);
}

static void a_failed_apply_is_told_and_goes_on(void **state)
{
	struct linked *x = *state;

	join_with_request(x);
	put_decision(x, DIR_FORWARD);
	x->obeyer.refuses[WORK_CONVERGE] = "reload failed";
	ask(x, call_of(x, CALL_APPLY, 0, r1, 1), 200, OUTCOME_FAILED);
	assert_string_equal(x->message, "reload failed");
	assert_false(linked_status(x).settled);
	/* Diverged: it must not promise anything. */
	ask(x, call_of(x, CALL_PREPARE, -1, r1, 1), 200, OUTCOME_REFUSED);
	assert_non_null(strstr(x->message, "reload failed"));
	x->obeyer.refuses[WORK_CONVERGE] = NULL;
	sample_settle(&x->s, 3000);
	ask(x, call_of(x, CALL_APPLY, 0, r1, 1), 200, OUTCOME_APPLIED);
}

static void calls_not_meant_for_us(void **state)
{
	struct linked *x = *state;
	struct batch_call *c;

	join_with_request(x);
	c = call_of(x, CALL_PREPARE, -1, r1, 1);
	c->incarnation = "somebody else";
	ask(x, c, 409, OUTCOME_BUSY);
	assert_string_equal(x->incarnation, linked_status(x).incarnation);
	/* Other requests than the leader has read. */
	c = call_of(x, CALL_PREPARE, -1, r1, 1);
	c->digest = "0000";
	ask(x, c, 409, OUTCOME_BUSY);
	/* A leader of the past. */
	ask(x, call_of(x, CALL_PREPARE, -1, r1, 1), 200, OUTCOME_PREPARED);
	c = call_of(x, CALL_PREPARE, -1, r1, 1);
	c->epoch = 9;
	ask(x, c, 409, OUTCOME_BUSY);
	assert_string_equal(x->message, "a later leader has called");
}

static void ended_batches(void **state)
{
	struct linked *x = *state;

	join_with_request(x);
	ask(x, call_of(x, CALL_APPLY, 0, r1, 1), 410, OUTCOME_ENDED);
	expect_told(x, "CONVERGE [s]\n");
	assert_int_equal(linked_status(x).services, 0);
}

static void decisions_that_cannot_be_seen_yet(void **state)
{
	struct linked *x = *state;

	join_with_request(x);
	put_decision(x, DIR_FORWARD);
	sample_settle(&x->s, 200);
	ask(x, call_of(x, CALL_APPLY, 4, r1, 1), 503, OUTCOME_BUSY);
	/* Reads that lag are repeated after a sync. */
	store_mem_lag(x->s.st, LOOP_MS(60000));
	put_decision(x, DIR_BACK);
	put_decision(x, DIR_FORWARD);
	ask(x, call_of(x, CALL_APPLY, 2, r1, 1), 200, OUTCOME_APPLIED);
	assert_int_equal(x->number, 2);
}

static void requests_of_all_kinds(void **state)
{
	struct linked *x = *state;

	mem_server_put(x->s.server, path_request(x->s.arena, "r2"), REQUEST("r2", "s", ",\"noReload\":true"));
	mem_server_put(x->s.server, path_request(x->s.arena, "r3"), REQUEST("r3", "s", ",\"action\":\"RELOAD\""));
	join_with_request(x);
	ask(x, call_of(x, CALL_PREPARE, -1, (const char *const[]){ "r2" }, 1), 200, OUTCOME_PREPARED);
	expect_told(x, "PREPARE s(1) [s] files only\n");
	ask(x, call_of(x, CALL_RELEASE, -1, r1, 1), 200, OUTCOME_RELEASED);
	buf_clear(&x->obeyer.told);
	ask(x, call_of(x, CALL_PREPARE, -1, (const char *const[]){ "r3" }, 1), 200, OUTCOME_PREPARED);
	expect_told(x, "PREPARE [s] reload\n");
	ask(x, call_of(x, CALL_RELEASE, -1, r1, 1), 200, OUTCOME_RELEASED);
	mem_server_put(x->s.server, path_request(x->s.arena, "r4"), REQUEST("r4", "s", ""));
	{
		struct batch_call *c = call_of(x, CALL_PREPARE, -1, (const char *const[]){ "r4" }, 1);

		mem_server_put(x->s.server, path_request(x->s.arena, "r4"), "no JSON");
		ask(x, c, 200, OUTCOME_REFUSED);
		c->items.items[0].request_id = "r5";
		ask(x, c, 503, OUTCOME_BUSY); /* it may yet come */
	}
}

struct twice {
	unsigned answers;
	int outcome;
};

static void count_answer(void *ctx, int status, const struct batch_answer *ans)
{
	struct twice *t = ctx;

	assert_int_equal(status, 200);
	t->answers++;
	t->outcome = ans->outcome;
}

static void a_repeat_joins_the_run(void **state)
{
	struct linked *x = *state;
	struct batch_call *c;
	struct twice first = { 0 }, second = { 0 }, third = { 0 };
	struct link_waiter *gone;

	join_with_request(x);
	put_decision(x, DIR_FORWARD);
	x->obeyer.frozen = true;
	c = call_of(x, CALL_APPLY, 0, r1, 1);
	agent_link_call(x->link, c, count_answer, &first);
	sample_settle(&x->s, 100);
	agent_link_call(x->link, c, count_answer, &second);
	gone = agent_link_call(x->link, c, count_answer, &third);
	agent_link_forget(&gone);
	assert_null(gone);
	sample_settle(&x->s, 500);
	assert_true(linked_status(x).busy);
	assert_int_equal(first.answers + second.answers, 0);
	obeyer_thaw(&x->obeyer);
	sample_settle(&x->s, 100);
	assert_int_equal(first.answers, 1);
	assert_int_equal(second.answers, 1);
	assert_int_equal(second.outcome, OUTCOME_APPLIED);
	assert_int_equal(third.answers, 0);
	expect_told(x, "CONVERGE s(1) [s]\n");
}

static void calls_without_a_connection(void **state)
{
	struct linked *x = *state;
	struct batch_call *c;

	join_with_request(x);
	c = call_of(x, CALL_PREPARE, -1, r1, 1);
	store_mem_cut(x->s.st, INT64_MAX);
	sample_settle(&x->s, 10);
	ask(x, c, 503, OUTCOME_BUSY);
}

/* The session ends while the applier works: nobody hears a promise of the incarnation that is over. */
static void expiry_in_the_middle_of_a_call(void **state)
{
	struct linked *x = *state;
	struct batch_call *c;

	join_with_request(x);
	x->obeyer.frozen = true;
	c = call_of(x, CALL_PREPARE, -1, r1, 1);
	call(x, c);
	sample_settle(&x->s, 100);
	expect_told(x, "PREPARE s(1) [s]\n");
	store_mem_expire(x->s.st);
	sample_settle(&x->s, 100);
	assert_true(x->answered);
	assert_int_equal(x->status, 503);
	x->answered = false;
	obeyer_thaw(&x->obeyer);
	sample_settle(&x->s, 10000);
	assert_false(x->answered);
	assert_int_equal(linked_status(x).phase, LINK_READY);
	expect_told(x, "CONVERGE\n");
	/* What was prepared then is forgotten. */
	ask(x, call_of(x, CALL_PREPARE, -1, r1, 1), 200, OUTCOME_PREPARED);
	expect_told(x, "PREPARE s(1) [s]\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(prepare_apply),
		TEST(prepare_release),
		TEST(a_refusal_blames),
		TEST(a_failed_apply_is_told_and_goes_on),
		TEST(calls_not_meant_for_us),
		TEST(ended_batches),
		TEST(decisions_that_cannot_be_seen_yet),
		TEST(requests_of_all_kinds),
		TEST(a_repeat_joins_the_run),
		TEST(calls_without_a_connection),
		TEST(expiry_in_the_middle_of_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
