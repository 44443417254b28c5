/*
 * link_test.c - joining, leaving, and what must run
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/link_sample.h"

/* --- membership ---------------------------------------------------------------------------------------- */

static const char *only_host(struct linked *x)
{
	const char *const *names;

	assert_int_equal(mem_server_children(x->s.server, "/load-balancer/g/hosts", &names), 1);
	return arena_strdup(x->s.arena, names[0]);
}

struct seen_commit {
	struct arena *arena;
	size_t n;
	const char *paths[8];
};

/* The transaction that made the host's node. */
static void on_commit(void *ctx, const char *session, const struct mem_change *c, size_t n)
{
	struct seen_commit *seen = ctx;

	(void)session;
	for (size_t i = 0; i < n; i++)
		if (strstr(c[i].path, "/hosts/") != NULL && c[i].created) {
			seen->n = n;
			for (size_t k = 0; k < n && k < ARRAY_LEN(seen->paths); k++)
				seen->paths[k] = arena_strdup(seen->arena, c[k].path);
		}
}

static void join_is_one_transaction(void **state)
{
	struct linked *x = *state;
	struct seen_commit seen = { .arena = x->s.arena };
	const char *node, *path;
	struct link_status st;

	mem_server_on_commit(x->s.server, on_commit, &seen);
	linked_join(x);
	mem_server_on_commit(x->s.server, NULL, NULL);
	node = only_host(x);
	path = path_host(x->s.arena, "g", node);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.paths[0], path);
	assert_string_equal(seen.paths[1], path_member(x->s.arena, "g", "a1"));
	assert_string_equal(seen.paths[2], path_group(x->s.arena, "g"));
	assert_true(mem_server_get(x->s.server, path)->ephemeral);
	assert_non_null(strstr(sample_text(&x->s, path), "\"agentId\":\"a1\""));
	assert_non_null(strstr(sample_text(&x->s, path), "\"lockstep\":\"1\""));
	/* The record names this incarnation, and the group's version moved. */
	st = linked_status(x);
	assert_non_null(strstr(sample_text(&x->s, path_member(x->s.arena, "g", "a1")), st.incarnation));
	assert_non_null(strstr(node, st.incarnation));
	assert_int_equal(mem_server_get(x->s.server, path_group(x->s.arena, "g"))->version, 1);
	assert_int_equal(st.phase, LINK_READY);
	assert_true(st.settled);
	expect_told(x, "RECOVER\nCONVERGE\n");
}

static void join_keeps_and_sets_the_group(void **state)
{
	struct linked *x = *state;
	const struct group configured = { .default_domain = "new.example", .min_healthy_agents = 2 };
	const char *text;

	mem_server_put(x->s.server, "/load-balancer/g", "{\"name\":\"g\",\"trafficSources\":[{\"name\":\"lb-1\",\"type\":\"CLASSIC\"}],"
							"\"defaultDomain\":\"old.example\"}");
	x->opt.group = &configured;
	linked_join(x);
	text = sample_text(&x->s, "/load-balancer/g");
	assert_non_null(strstr(text, "lb-1"));
	assert_non_null(strstr(text, "\"defaultDomain\":\"new.example\""));
	assert_null(strstr(text, "old.example"));
}

static void join_replaces_a_former_process(void **state)
{
	struct linked *x = *state;
	const char *const *names;

	mem_server_put(x->s.server, "/load-balancer/g/hosts/_c_0-latch-0000000000", "{\"baseAgentUri\":\"http://a1/x\",\"agentId\":\"a1\"}");
	mem_server_put(x->s.server, "/load-balancer/g/hosts/other", "{\"baseAgentUri\":\"http://a2/x\",\"agentId\":\"a2\"}");
	linked_join(x);
	assert_int_equal(mem_server_children(x->s.server, "/load-balancer/g/hosts", &names), 2);
	assert_null(mem_server_get(x->s.server, "/load-balancer/g/hosts/_c_0-latch-0000000000"));
	assert_non_null(mem_server_get(x->s.server, "/load-balancer/g/hosts/other"));
}

static void expiry_makes_a_new_incarnation(void **state)
{
	struct linked *x = *state;
	const char *first, *first_node;

	linked_join(x);
	first = arena_strdup(x->s.arena, linked_status(x).incarnation);
	first_node = only_host(x);
	buf_clear(&x->obeyer.told);
	store_mem_expire(x->s.st);
	sample_settle(&x->s, 1);
	assert_int_equal(linked_status(x).phase, LINK_DISCONNECTED);
	sample_settle(&x->s, 10000);
	assert_int_equal(linked_status(x).phase, LINK_READY);
	assert_string_not_equal(linked_status(x).incarnation, first);
	assert_string_not_equal(only_host(x), first_node);
	assert_non_null(strstr(sample_text(&x->s, path_member(x->s.arena, "g", "a1")), linked_status(x).incarnation));
	expect_told(x, "CONVERGE\n");
}

static void a_lost_connection_is_no_new_incarnation(void **state)
{
	struct linked *x = *state;
	const char *first;

	linked_join(x);
	first = arena_strdup(x->s.arena, linked_status(x).incarnation);
	store_mem_cut(x->s.st, LOOP_MS(1000));
	sample_settle(&x->s, 500);
	assert_int_equal(linked_status(x).phase, LINK_DISCONNECTED);
	sample_settle(&x->s, 3000);
	assert_int_equal(linked_status(x).phase, LINK_READY);
	assert_string_equal(linked_status(x).incarnation, first);
}

static void an_unknown_outcome_of_a_join_is_repaired(void **state)
{
	struct linked *x = *state;

	linked_join(x);
	store_mem_expire(x->s.st);
	for (int i = 0; i < 20; i++) { /* in the middle of whatever it does then */
		sample_settle(&x->s, 3);
		store_mem_cut(x->s.st, LOOP_MS(20));
		sample_settle(&x->s, 200 + 7 * i);
	}
	sample_settle(&x->s, 10000);
	assert_int_equal(linked_status(x).phase, LINK_READY);
	assert_non_null(strstr(only_host(x), linked_status(x).incarnation));
}

static void stands_aside_for_another_process(void **state)
{
	struct linked *x = *state;
	struct store *other = store_mem_new(x->s.server, "other", 6000);
	struct obeyer obeyer = { .applier = { .start = obeyer_start }, .loop = x->s.loop };
	struct link_options opt = x->opt;
	struct agent_link *second;
	struct link_status st;

	obeyer.timer = (struct loop_timer){ .fn = obeyer_done, .ctx = &obeyer };
	opt.seed = 6;
	linked_join(x);
	second = agent_link_new(x->s.loop, other, &obeyer.applier, &opt);
	sample_settle(&x->s, 5000);
	agent_link_status(second, &st);
	assert_int_equal(st.phase, LINK_READY);
	assert_non_null(strstr(only_host(x), st.incarnation));
	assert_int_equal(linked_status(x).phase, LINK_DISCONNECTED);
	assert_null(linked_status(x).incarnation);
	/* For good: a new session does not bring it back. */
	store_mem_expire(x->s.st);
	sample_settle(&x->s, 20000);
	assert_int_equal(linked_status(x).phase, LINK_DISCONNECTED);
	assert_non_null(strstr(only_host(x), st.incarnation));
	agent_link_free(&second);
	store_free(&other);
	buf_release(&obeyer.told);
}

static void on_left(void *ctx)
{
	sample_on_done(ctx, NULL);
}

static void leaving_takes_the_record_along(void **state)
{
	struct linked *x = *state;
	const char *const *names;

	linked_join(x);
	agent_link_leave(x->link, on_left, &x->s);
	sample_wait(&x->s);
	assert_int_equal(mem_server_children(x->s.server, "/load-balancer/g/hosts", &names), 0);
	assert_null(mem_server_get(x->s.server, path_member(x->s.arena, "g", "a1")));
	sample_settle(&x->s, 20000);
	assert_int_equal(mem_server_children(x->s.server, "/load-balancer/g/hosts", &names), 0);
}

static void heartbeats_are_written(void **state)
{
	struct linked *x = *state;
	int64_t first;
	const char *path;

	x->opt.heartbeat_ms = 1000;
	linked_join(x);
	path = path_known_agent(x->s.arena, "g", "a1");
	assert_non_null(strstr(sample_text(&x->s, path), "\"lastSeenAt\":"));
	first = mem_server_get(x->s.server, path)->modified_zxid;
	sample_settle(&x->s, 1500);
	assert_true(mem_server_get(x->s.server, path)->modified_zxid > first);
}

/* --- what must run ------------------------------------------------------------------------------------------ */

static void ignore_commit(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	assert_null(err);
}

static void converges_to_state_and_decisions(void **state)
{
	struct linked *x = *state;

	mem_server_put(x->s.server, "/state/mine", SERVICE("mine", "g"));
	mem_server_put(x->s.server, "/state/mine/YS54OjE=||||", "");
	mem_server_put(x->s.server, "/state/theirs", SERVICE("theirs", "h"));
	mem_server_put(x->s.server, path_request(x->s.arena, "r1"), REQUEST("r1", "s", ""));
	put_decision(x, DIR_FORWARD);
	linked_join(x);
	expect_told(x, "RECOVER\nCONVERGE mine(1) s(1)\n");
	assert_int_equal(linked_status(x).services, 2);
	assert_non_null(agent_link_service(x->link, "mine"));
	assert_null(agent_link_service(x->link, "theirs"));
}

static void a_decision_back_is_not_folded_in(void **state)
{
	struct linked *x = *state;

	mem_server_put(x->s.server, path_request(x->s.arena, "r1"), REQUEST("r1", "s", ""));
	put_decision(x, DIR_BACK);
	linked_join(x);
	expect_told(x, "RECOVER\nCONVERGE\n");
}

/* A service that has gone, and one whose record became unreadable: the first must not run, the other goes on. */
static void the_slow_look_finds_what_has_gone(void **state)
{
	struct linked *x = *state;
	struct store *other = store_mem_new(x->s.server, "other", 6000);
	struct store_txn *t;

	mem_server_put(x->s.server, "/state/going", SERVICE("going", "g"));
	mem_server_put(x->s.server, "/state/moving", SERVICE("moving", "g"));
	mem_server_put(x->s.server, "/state/odd", SERVICE("odd", "g"));
	mem_server_put(x->s.server, "/state/odd/YS54OjE=||||", "");
	linked_join(x);
	expect_told(x, "RECOVER\nCONVERGE going(0) moving(0) odd(1)\n");
	t = store_txn_new(other);
	store_txn_delete(t, "/state/going", -1);
	store_txn_commit(&t, ignore_commit, NULL);
	mem_server_put(x->s.server, "/state/moving", SERVICE("moving", "h"));
	mem_server_put(x->s.server, "/state/odd", "{");
	sample_settle(&x->s, 61000);
	expect_told(x, "CONVERGE odd(1)\n");
	store_free(&other);
}

static void trouble_is_told_and_tried_again(void **state)
{
	struct linked *x = *state;

	x->obeyer.refuses[WORK_CONVERGE] = "no HAProxy";
	linked_join(x);
	assert_false(linked_status(x).settled);
	assert_string_equal(linked_status(x).trouble, "no HAProxy");
	x->obeyer.refuses[WORK_CONVERGE] = NULL;
	sample_settle(&x->s, 3000);
	assert_true(linked_status(x).settled);
	assert_null(linked_status(x).trouble);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(join_is_one_transaction),
		TEST(join_keeps_and_sets_the_group),
		TEST(join_replaces_a_former_process),
		TEST(expiry_makes_a_new_incarnation),
		TEST(a_lost_connection_is_no_new_incarnation),
		TEST(an_unknown_outcome_of_a_join_is_repaired),
		TEST(stands_aside_for_another_process),
		TEST(leaving_takes_the_record_along),
		TEST(heartbeats_are_written),
		TEST(converges_to_state_and_decisions),
		TEST(a_decision_back_is_not_folded_in),
		TEST(the_slow_look_finds_what_has_gone),
		TEST(trouble_is_told_and_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
