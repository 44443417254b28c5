/*
 * tally_test.c - which answers count, what they amount to, and how they are told
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/cmocka_all.h"

#include "lib/base/buf.h"
#include "service/core/tally.h"

#include <string.h>

static const struct member lb1 = { .group = "g", .agent_id = "lb1", .incarnation = "i1", .node = "n1", .registered = true,
	.lockstep = true };
static const struct member lb2 = { .group = "g", .agent_id = "lb2", .incarnation = "i2", .node = "n2", .registered = true,
	.lockstep = true };
static const struct member away = { .group = "g", .agent_id = "lb3", .incarnation = "i3", .lockstep = true };
static const struct member excluded = { .group = "g", .agent_id = "lb4", .incarnation = "i4", .lockstep = true, .excluded = true };
static const struct member java = { .group = "g", .agent_id = "lb5", .incarnation = "i5", .node = "n5", .registered = true };
static const struct member broken = { .group = "g", .agent_id = "lb6", .incarnation = "i6", .node = "n6", .registered = true,
	.lockstep = true, .broken = "no JSON" };

static struct answer answer(const struct member *m, enum call_type type, int64_t number, int outcome)
{
	return (struct answer){ .type = type, .group = m->group, .agent_id = m->agent_id, .incarnation = m->incarnation,
		.url = "http://h/x", .number = number, .outcome = outcome, .status_code = 200 };
}

static void say(struct tally *t, const struct member *m, enum call_type type, int64_t number, int outcome)
{
	struct answer a = answer(m, type, number, outcome);

	tally_add(t, &a);
}

#define JUDGE(t, phase, type, number, ...)                                                                              \
	tally_judge((t), (phase), (type), (number), (const struct member *const[]){ __VA_ARGS__ },                       \
		sizeof((const struct member *const[]){ __VA_ARGS__ }) / sizeof(struct member *))

static int setup(void **state)
{
	*state = tally_new();
	return 0;
}

static int teardown(void **state)
{
	struct tally *t = *state;

	tally_free(&t);
	assert_null(t);
	tally_free(&t); /* nothing is fine too */
	return 0;
}

static void every_answer_is_a_change(void **state)
{
	struct tally *t = *state;

	assert_int_equal(tally_changes(t), 0);
	say(t, &lb1, CALL_APPLY, 4, OUTCOME_BUSY);
	assert_int_equal(tally_changes(t), 1);
	say(t, &lb1, CALL_APPLY, 4, OUTCOME_BUSY); /* the same member again */
	assert_int_equal(tally_changes(t), 2);
	say(t, &lb2, CALL_APPLY, 4, OUTCOME_BUSY);
	assert_int_equal(tally_changes(t), 3);
}

static void last_answer_is_kept_as_a_copy(void **state)
{
	struct tally *t = *state;
	char words[] = "first";
	struct answer a = answer(&lb1, CALL_APPLY, 4, OUTCOME_BUSY);
	const struct answer *got;

	a.message = words;
	assert_null(tally_get(t, CALL_APPLY, "g", "lb1"));
	tally_add(t, &a);
	words[0] = '!';
	got = tally_get(t, CALL_APPLY, "g", "lb1");
	assert_string_equal(got->message, "first");
	assert_int_equal(got->attempt, 0);
	say(t, &lb1, CALL_APPLY, 5, OUTCOME_APPLIED);
	got = tally_get(t, CALL_APPLY, "g", "lb1");
	assert_int_equal(got->number, 5);
	assert_int_equal(got->attempt, 1);
	assert_null(got->message);
	assert_null(tally_get(t, CALL_PREPARE, "g", "lb1"));
	assert_null(tally_get(t, CALL_APPLY, "h", "lb1"));
}

static void confirmed_by_the_right_process_to_the_right_question(void **state)
{
	struct tally *t = *state;
	struct member reborn = lb1;

	reborn.incarnation = "i1b";
	say(t, &lb1, CALL_APPLY, 4, OUTCOME_APPLIED);
	assert_true(tally_confirmed(t, &lb1, CALL_APPLY, 4));
	assert_false(tally_confirmed(t, &lb1, CALL_APPLY, 5));
	assert_false(tally_confirmed(t, &lb1, CALL_REVERT, 4));
	assert_false(tally_confirmed(t, &reborn, CALL_APPLY, 4));
	assert_false(tally_confirmed(t, &lb2, CALL_APPLY, 4));
	say(t, &lb1, CALL_APPLY, 4, OUTCOME_FAILED);
	assert_false(tally_confirmed(t, &lb1, CALL_APPLY, 4));
	say(t, &lb2, CALL_PREPARE, -1, OUTCOME_PREPARED);
	say(t, &lb2, CALL_RELEASE, -1, OUTCOME_RELEASED);
	say(t, &lb2, CALL_CANCEL, 6, OUTCOME_APPLIED);
	assert_true(tally_confirmed(t, &lb2, CALL_PREPARE, -1));
	assert_true(tally_confirmed(t, &lb2, CALL_RELEASE, -1));
	assert_true(tally_confirmed(t, &lb2, CALL_CANCEL, 6));
}

static void everybody_must_prepare(void **state)
{
	struct tally *t = *state;

	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &lb2), TALLY_WAITING);
	say(t, &lb1, CALL_PREPARE, -1, OUTCOME_PREPARED);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &lb2), TALLY_WAITING);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1), TALLY_ALL_OK);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &excluded), TALLY_ALL_OK);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &java), TALLY_ALL_OK);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &broken), TALLY_REFUSED);
	/* An answer of before it went away: the preparation went with it. */
	say(t, &away, CALL_PREPARE, -1, OUTCOME_PREPARED);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &away), TALLY_WAITING);
	say(t, &lb2, CALL_PREPARE, -1, OUTCOME_BUSY);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &lb2), TALLY_WAITING);
	say(t, &lb2, CALL_PREPARE, -1, OUTCOME_REFUSED);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &lb2), TALLY_REFUSED);
	say(t, &lb2, CALL_PREPARE, -1, OUTCOME_PREPARED);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &lb2), TALLY_ALL_OK);
}

static void forward_waits_for_the_absent(void **state)
{
	struct tally *t = *state;

	say(t, &lb1, CALL_APPLY, 0, OUTCOME_APPLIED);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 0, &lb1), TALLY_ALL_OK);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 0, &lb1, &away), TALLY_WAITING);
	/* It said so before it went: its HAProxy runs on. */
	say(t, &away, CALL_APPLY, 0, OUTCOME_APPLIED);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 0, &lb1, &away), TALLY_ALL_OK);
	/* Once decided an agent of Java's or a broken one is waited for, not refused. */
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 0, &lb1, &java, &broken), TALLY_WAITING);
	say(t, &lb2, CALL_APPLY, 0, OUTCOME_FAILED);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 0, &lb1, &lb2), TALLY_REFUSED);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 1, &lb1, &lb2), TALLY_WAITING);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 0, &excluded), TALLY_ALL_OK);
}

/* Whoever is absent goes back by itself before it registers again. */
static void back_waits_for_the_registered(void **state)
{
	struct tally *t = *state;

	say(t, &lb1, CALL_REVERT, 1, OUTCOME_APPLIED);
	assert_int_equal(JUDGE(t, PHASE_BACK, CALL_REVERT, 1, &lb1, &away), TALLY_ALL_OK);
	say(t, &lb2, CALL_REVERT, 1, OUTCOME_FAILED);
	assert_int_equal(JUDGE(t, PHASE_BACK, CALL_REVERT, 1, &lb1, &lb2), TALLY_WAITING);
	say(t, &lb1, CALL_RELEASE, -1, OUTCOME_RELEASED);
	assert_int_equal(JUDGE(t, PHASE_RELEASING, CALL_RELEASE, -1, &lb1, &away), TALLY_ALL_OK);
	assert_int_equal(JUDGE(t, PHASE_RELEASING, CALL_RELEASE, -1, &lb1, &lb2), TALLY_WAITING);
}

/* It holds no preparation, confirms what it is asked, and is registered twice when it has come back. */
static void java_agents(void **state)
{
	struct tally *t = *state;
	struct member again = java;
	struct answer a = answer(&java, CALL_APPLY, 3, OUTCOME_APPLIED);
	AUTO(buf_release) struct buf text = BUF_INIT;

	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &java), TALLY_ALL_OK);
	assert_int_equal(JUDGE(t, PHASE_PREPARING, CALL_PREPARE, -1, &lb1, &java), TALLY_WAITING);
	assert_int_equal(JUDGE(t, PHASE_RELEASING, CALL_RELEASE, -1, &java), TALLY_ALL_OK);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 3, &java), TALLY_WAITING);
	a.java = true;
	tally_add(t, &a);
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 3, &java), TALLY_ALL_OK);
	again.incarnation = "i5b";
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 3, &java, &again), TALLY_WAITING);
	a.incarnation = again.incarnation;
	a.status_code = 500;
	a.outcome = OUTCOME_FAILED;
	a.message = "no";
	tally_add(t, &a);
	assert_true(tally_confirmed(t, &java, CALL_APPLY, 3)); /* the later answer has not replaced it */
	assert_int_equal(JUDGE(t, PHASE_FORWARD, CALL_APPLY, 3, &java, &again), TALLY_REFUSED);
	tally_text(t, CALL_APPLY, &text);
	assert_string_equal(buf_cstr(&text), "(500) - no");
}

static void missing(struct tally *t, enum call_type type, int64_t number, const struct member *m, const char *want)
{
	AUTO(buf_release) struct buf got = BUF_INIT;
	const struct member *const list[] = { &lb1, &excluded, m };

	tally_missing(t, PHASE_PREPARING, type, number, list, 3, &got);
	assert_string_equal(buf_cstr(&got), want);
}

static void tells_who_is_missing_and_why(void **state)
{
	struct tally *t = *state;
	struct answer a;

	say(t, &lb1, CALL_PREPARE, -1, OUTCOME_PREPARED);
	missing(t, CALL_PREPARE, -1, &lb1, "");
	missing(t, CALL_PREPARE, -1, &away, "agent lb3 of group g is absent");
	missing(t, CALL_PREPARE, -1, &java, "");
	missing(t, CALL_APPLY, 0, &java, "agent lb1 of group g did not answer APPLY, agent lb5 of group g did not answer APPLY");
	missing(t, CALL_PREPARE, -1, &broken, "agent lb6 of group g has unreadable metadata (no JSON)");
	missing(t, CALL_PREPARE, -1, &lb2, "agent lb2 of group g did not answer PREPARE");
	missing(t, CALL_APPLY, 3, &lb2, "agent lb1 of group g did not answer APPLY, agent lb2 of group g did not answer APPLY");
	a = answer(&lb2, CALL_PREPARE, -1, OUTCOME_REFUSED);
	a.message = "line 3";
	tally_add(t, &a);
	missing(t, CALL_PREPARE, -1, &lb2, "agent lb2 of group g answered: line 3");
	a = answer(&lb2, CALL_PREPARE, -1, -1);
	a.incarnation = NULL;
	a.exception = "connection refused";
	tally_add(t, &a);
	missing(t, CALL_PREPARE, -1, &lb2, "agent lb2 of group g did not answer PREPARE: connection refused");
}

static void text_of_answers(void **state)
{
	struct tally *t = *state;
	AUTO(buf_release) struct buf none = BUF_INIT;
	AUTO(buf_release) struct buf some = BUF_INIT;
	AUTO(buf_release) struct buf back = BUF_INIT;
	struct answer a = answer(&lb1, CALL_PREPARE, -1, OUTCOME_REFUSED);

	tally_text(t, CALL_APPLY, &none);
	assert_string_equal(buf_cstr(&none), "No agent responses");
	a.status_code = 500;
	a.message = "text";
	tally_add(t, &a);
	say(t, &lb2, CALL_PREPARE, -1, OUTCOME_PREPARED);
	a = answer(&away, CALL_RELEASE, -1, -1);
	a.status_code = 0;
	a.exception = "timed out";
	tally_add(t, &a);
	tally_text(t, CALL_APPLY, &some);
	assert_string_equal(buf_cstr(&some), "(500) - text, http://h/x - SUCCESS");
	tally_text(t, CALL_REVERT, &back);
	assert_string_equal(buf_cstr(&back), "(0) - timed out");
}

static void refuse(struct tally *t, const struct member *m, const char *words)
{
	struct answer a = answer(m, CALL_PREPARE, -1, OUTCOME_REFUSED);

	a.message = words;
	tally_add(t, &a);
}

static void refused_with_the_same_words(void **state)
{
	struct tally *t = *state;

	assert_null(tally_refused_with(t, "No such"));
	say(t, &lb1, CALL_PREPARE, -1, OUTCOME_BUSY);
	say(t, &lb1, CALL_RELEASE, -1, OUTCOME_RELEASED);
	assert_null(tally_refused_with(t, "No such"));
	refuse(t, &lb1, "No such thing");
	assert_string_equal(tally_refused_with(t, "No such"), "No such thing");
	refuse(t, &lb2, "No such thing, here too");
	assert_string_equal(tally_refused_with(t, "No such"), "No such thing");
	refuse(t, &lb2, "There is No such thing");
	assert_null(tally_refused_with(t, "No such"));
	refuse(t, &lb2, NULL);
	assert_null(tally_refused_with(t, "No such"));
	say(t, &lb2, CALL_PREPARE, -1, OUTCOME_PREPARED); /* one has it */
	assert_null(tally_refused_with(t, "No such"));
	say(t, &lb2, CALL_PREPARE, -1, -1);
	assert_string_equal(tally_refused_with(t, "No such"), "No such thing");
}

static void answers_of_the_interface(void **state)
{
	struct tally *t = *state;
	AUTO(arena_free) struct arena *a = arena_new();
	struct record_map got;
	const struct agent_response *r;

	tally_responses(t, a, &got);
	assert_int_equal(got.n, 0);
	say(t, &lb1, CALL_PREPARE, -1, OUTCOME_PREPARED);
	say(t, &lb2, CALL_PREPARE, -1, OUTCOME_PREPARED);
	say(t, &lb1, CALL_APPLY, 0, OUTCOME_BUSY);
	say(t, &lb1, CALL_APPLY, 0, OUTCOME_APPLIED);
	say(t, &lb1, CALL_RELEASE, -1, OUTCOME_RELEASED);
	tally_responses(t, a, &got);
	assert_int_equal(got.n, 2);
	assert_string_equal(got.entries[0].key, "APPLY");
	assert_int_equal(got.entries[0].list.n, 2); /* lb1's APPLY hides its PREPARE; lb2 has only that */
	assert_string_equal(got.entries[1].key, "REVERT");
	assert_int_equal(got.entries[1].list.n, 1);
	r = got.entries[0].list.items;
	assert_string_equal(r[0].url, "http://h/x");
	assert_true(r[0].status_code.set);
	assert_int_equal(r[0].attempt + r[1].attempt, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(every_answer_is_a_change),
		TEST(last_answer_is_kept_as_a_copy),
		TEST(confirmed_by_the_right_process_to_the_right_question),
		TEST(everybody_must_prepare),
		TEST(forward_waits_for_the_absent),
		TEST(back_waits_for_the_registered),
		TEST(java_agents),
		TEST(tells_who_is_missing_and_why),
		TEST(text_of_answers),
		TEST(refused_with_the_same_words),
		TEST(answers_of_the_interface),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
