/*
 * java_test.c - instructions of a Java leader: who may give them, what becomes of each, and how long they hold
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/link_sample.h"

#include "agent/link/java.h"

#define LATCH "/workers/_c_6bd61d37-0000-4000-8000-000000000001-latch-0000000003"
#define MARKER "/lockstep/services/6bd61d37-0000-4000-8000-000000000001"

struct told { /* the last answer */
	struct linked *x;
	unsigned answers;
	int status;
	const char *text; /* "r1:200 r2:404(Request r2 does not exist) ", or why not */
};

static void on_done(void *ctx, int status, const char *why, const struct java_result *results, size_t n)
{
	struct told *t = ctx;
	AUTO(buf_release) struct buf b = BUF_INIT;

	t->answers++;
	t->status = status;
	for (size_t i = 0; i < n; i++) {
		buf_printf(&b, "%d", results[i].status);
		if (results[i].message != NULL)
			buf_printf(&b, "(%s)", results[i].message);
		buf_str(&b, results[i].more == JAVA_PURGE ? "p " : results[i].more == JAVA_SHOW_FILES ? "f " : " ");
	}
	t->text = arena_strdup(t->x->s.arena, why != NULL ? why : buf_cstr(&b));
}

static void on_removed(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	assert_null(err);
}

static void gone(struct linked *x, const char *path)
{
	struct store_txn *t = store_txn_new(x->s.st);

	store_txn_delete(t, path, -1);
	store_txn_commit(&t, on_removed, NULL);
	sample_settle(&x->s, 50);
}

/* A Java service leads; r1 of service s and others are queued. */
static void join(struct linked *x, struct told *t)
{
	static const char *const ids[] = { "r1", "s", "r2", "t", "r3", "bad" };

	*t = (struct told){ .x = x };
	mem_server_put(x->s.server, LATCH, "http://java/b");
	mem_server_put(x->s.server, "/request/r1", REQUEST("r1", "s", ""));
	mem_server_put(x->s.server, "/request/r2", REQUEST("r2", "t", ""));
	mem_server_put(x->s.server, "/request/r3", REQUEST("r3", "bad", ""));
	for (size_t i = 0; i < ARRAY_LEN(ids); i += 2)
		mem_server_put(x->s.server, arena_printf(x->s.arena, "/queue/%s|%s|000000000%zu", ids[i + 1], ids[i], i), "");
	linked_join(x);
	buf_clear(&x->obeyer.told);
	assert_int_equal(linked_status(x).phase, LINK_READY);
}

static struct link_waiter *instruct(struct told *t, const char *const *ids, size_t n, bool revert, int action)
{
	struct java_instruction list[8];

	assert_true(n <= ARRAY_LEN(list));
	for (size_t i = 0; i < n; i++)
		list[i] = (struct java_instruction){ .request_id = ids[i], .revert = revert, .action = action };
	return agent_link_java(t->x->link, list, n, on_done, t);
}

static void expect(struct told *t, const char *const *ids, size_t n, bool revert, int status, const char *text)
{
	t->answers = 0;
	instruct(t, ids, n, revert, ACTION_NONE);
	assert_int_equal(t->answers, 0); /* never inside the call */
	sample_settle(&t->x->s, 200);
	assert_int_equal(t->answers, 1);
	assert_int_equal(t->status, status);
	assert_string_equal(t->text, text);
}

static const char *const r1[] = { "r1" }, *const r12[] = { "r1", "r2" }, *const r13[] = { "r1", "r3" },
		  *const r132[] = { "r1", "r3", "r2" };

static void together_in_one_run(void **state)
{
	static const char *const more[] = { "r1", "nope", "a/b", "r2" };
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	expect(&t, more, 4, false, 200, "200 404(Request nope does not exist) 404(Request a/b does not exist) 200 ");
	expect_told(x, "CONVERGE s(1) t(1) [s] [t]\n");
	assert_string_equal(linked_status(x).last_request, "r2");
	assert_true(linked_status(x).settled);
	expect(&t, r12, 2, true, 200, "200 200 ");
	expect_told(x, "CONVERGE [s] [t]\n");
	assert_int_equal(linked_status(x).services, 0);
}

static void upon_what_is_committed(void **state)
{
	struct linked *x = *state;
	struct told t;

	mem_server_put(x->s.server, "/state/s", SERVICE("s", "g"));
	mem_server_put(x->s.server, "/state/s/Yi54OjI=|r0||default|", "");
	join(x, &t);
	expect(&t, r1, 1, false, 200, "200 ");
	expect_told(x, "CONVERGE s(2) [s]\n");
	expect(&t, r1, 1, true, 200, "200 ");
	expect_told(x, "CONVERGE s(1) [s]\n");
	instruct(&t, r1, 1, false, ACTION_DELETE);
	sample_settle(&x->s, 200);
	expect_told(x, "CONVERGE [s]\n");
	instruct(&t, r1, 1, false, ACTION_RELOAD); /* of what the state holds: only a reload */
	sample_settle(&x->s, 200);
	expect_told(x, "CONVERGE [s] reload\n");
}

static void the_request_says_how(void **state)
{
	const struct java_instruction own = { .request_id = "r1", .own_action = true, .action = ACTION_NONE };
	static const char *const nine[] = { "r9" };
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	mem_server_put(x->s.server, "/request/r1", REQUEST("r1", "s", ",\"action\":\"RELOAD\",\"noReload\":true"));
	mem_server_put(x->s.server, "/request/r9", REQUEST("r9", "s", ",\"action\":\"DELETE\",\"noReload\":true"));
	agent_link_java(x->link, &own, 1, on_done, &t);
	sample_settle(&x->s, 200);
	expect_told(x, "CONVERGE [s] reload\n");
	expect(&t, nine, 1, false, 200, "200 "); /* in a batch it is the item that says what, not the request */
	expect_told(x, "CONVERGE s(1) [s] files only\n");
	instruct(&t, nine, 1, false, ACTION_PURGE_CACHE);
	sample_settle(&x->s, 200);
	assert_string_equal(t.text, "200p ");
	instruct(&t, nine, 1, false, ACTION_GET_RENDERED_CONFIG);
	sample_settle(&x->s, 200);
	assert_string_equal(t.text, "200f ");
	expect_told(x, "");
}

static void literally(void **state)
{
	struct linked *x = *state;
	struct java_instruction in = { .request_id = "l1", .action = ACTION_UPDATE };
	struct request *rq;
	struct told t;

	join(x, &t);
	assert_int_equal(request_decode(REQUEST("l1", "u", ""), strlen(REQUEST("l1", "u", "")), x->s.arena, &rq, NULL), 0);
	in.literal = rq;
	agent_link_java(x->link, &in, 1, on_done, &t);
	sample_settle(&x->s, 200);
	assert_int_equal(t.status, 200);
	expect_told(x, "CONVERGE u(1) [u]\n");
}

static void only_if_java_leads(void **state)
{
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	mem_server_put(x->s.server, MARKER, "{}");
	expect(&t, r1, 1, false, 409, "a Lockstep service leads: what must run is decided in ZooKeeper, not by this call");
	/* Ours is behind one of Java's: that one leads. */
	mem_server_put(x->s.server, "/workers/latch-0000000002", "http://java/b");
	expect(&t, r1, 1, true, 200, "200 ");
	gone(x, "/workers/latch-0000000002");
	gone(x, LATCH);
	expect(&t, r1, 1, false, 409, "no service takes part in /workers: nobody may give instructions");
	store_mem_cut(x->s.st, INT64_MAX);
	sample_settle(&x->s, 10);
	expect(&t, r1, 1, false, 503, "no connection to ZooKeeper");
}

static void a_bad_one_costs_only_itself(void **state)
{
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	x->obeyer.hates = "bad";
	expect(&t, r132, 3, false, 200, "200 500(Caught exception while UPDATEING for request r3: I hate bad) 200 ");
	expect_told(x, "CONVERGE bad(1) s(1) t(1) [s] [bad] [t]\nCONVERGE s(1) [s]\nCONVERGE bad(1) s(1) t(1) [bad] [t]\n"
		"CONVERGE bad(1) s(1) [bad]\nCONVERGE s(1) t(1) [t]\n");
	assert_int_equal(linked_status(x).services, 2);
	assert_true(linked_status(x).settled); /* the host is as it should be */
	expect(&t, r132, 3, true, 200, "200 200 200 ");
	buf_clear(&x->obeyer.told);
	x->obeyer.blames = "bad"; /* who is blamed goes last and alone */
	expect(&t, r132, 3, false, 200, "200 500(Caught exception while UPDATEING for request r3: I hate bad: it is the one) 200 ");
	expect_told(x, "CONVERGE bad(1) s(1) t(1) [s] [bad] [t]\nCONVERGE s(1) t(1) [s] [t]\nCONVERGE bad(1) s(1) t(1) [bad]\n");
}

static void a_wedged_host_tries_no_further(void **state)
{
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	x->obeyer.hates = "bad";
	x->obeyer.wedges = true;
	expect(&t, r13, 2, false, 200,
		"500(Caught exception while UPDATEING for request r1: I hate bad) 500(Caught exception while UPDATEING for request r3: I hate bad) ");
	expect_told(x, "CONVERGE bad(1) s(1) [s] [bad]\n");
	assert_false(linked_status(x).settled);
	sample_settle(&x->s, 1500); /* and goes back to what it must run */
	expect_told(x, "CONVERGE\n");
	assert_true(linked_status(x).settled);
}

static void a_look_does_not_undo_it(void **state)
{
	struct linked *x = *state;
	struct told t;

	x->opt.reconcile_ms = 700;
	join(x, &t);
	expect(&t, r1, 1, false, 200, "200 ");
	sample_settle(&x->s, 1500);
	assert_non_null(strstr(buf_cstr(&x->obeyer.told), "CONVERGE s(1)\nCONVERGE s(1)\n"));
	gone(x, LATCH); /* the service starts anew: nobody has decided otherwise */
	buf_clear(&x->obeyer.told);
	sample_settle(&x->s, 800);
	expect_told(x, "CONVERGE s(1)\n");
	/* A service of ours leads: what must run is what the store says. */
	mem_server_put(x->s.server, LATCH, "http://ours/b");
	mem_server_put(x->s.server, MARKER, "{}");
	sample_settle(&x->s, 1100);
	assert_int_equal(linked_status(x).services, 0);
}

static void it_holds_until_it_has_ended(void **state)
{
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	expect(&t, r12, 2, false, 200, "200 200 ");
	buf_clear(&x->obeyer.told);
	/* r1 is committed as it runs: nothing to do. */
	mem_server_put(x->s.server, "/state/s", SERVICE("s", "g"));
	mem_server_put(x->s.server, "/state/s/YS54OjE=|r1||default|", "");
	gone(x, "/queue/s|r1|0000000000");
	sample_settle(&x->s, 1500);
	expect_told(x, "");
	/* r2 has failed elsewhere, and its REVERT did not come here. */
	gone(x, "/queue/t|r2|0000000002");
	sample_settle(&x->s, 1500);
	expect_told(x, "CONVERGE s(1)\n");
}

/* It was applied by a former process, and is committed after the new one has joined. */
static void a_new_process_sees_the_commit(void **state)
{
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	mem_server_put(x->s.server, "/state/s", SERVICE("s", "g"));
	gone(x, "/queue/s|r1|0000000000");
	sample_settle(&x->s, 1500);
	expect_told(x, "CONVERGE s(0)\n");
}

static void who_has_gone_wants_nothing(void **state)
{
	struct linked *x = *state;
	struct link_waiter *first, *second;
	struct told t;

	join(x, &t);
	x->obeyer.frozen = true;
	first = instruct(&t, r1, 1, false, ACTION_NONE);
	sample_settle(&x->s, 100);
	second = instruct(&t, r12, 2, false, ACTION_NONE);
	agent_link_forget(&second); /* it had not begun */
	agent_link_forget(&first);  /* it had: its end is not told */
	obeyer_thaw(&x->obeyer);
	sample_settle(&x->s, 200);
	expect_told(x, "CONVERGE s(1) [s]\n");
	assert_int_equal(t.answers, 0);
}

static void the_same_again_joins_the_run(void **state)
{
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	x->obeyer.frozen = true;
	instruct(&t, r1, 1, false, ACTION_NONE);
	sample_settle(&x->s, 100);
	instruct(&t, r1, 1, false, ACTION_NONE);
	sample_settle(&x->s, 100);
	obeyer_thaw(&x->obeyer);
	sample_settle(&x->s, 200);
	assert_int_equal(t.answers, 2);
	expect_told(x, "CONVERGE s(1) [s]\n");
	/* After something else it is a new one: the order counts. */
	x->obeyer.frozen = true;
	instruct(&t, r1, 1, false, ACTION_NONE);
	sample_settle(&x->s, 100);
	instruct(&t, r1, 1, true, ACTION_NONE);
	instruct(&t, r1, 1, false, ACTION_NONE);
	obeyer_thaw(&x->obeyer);
	sample_settle(&x->s, 200);
	assert_int_equal(t.answers, 5);
	expect_told(x, "CONVERGE s(1) [s]\nCONVERGE [s]\nCONVERGE s(1) [s]\n");
}

static void purge(void *ctx, const char *service_id)
{
	buf_printf(ctx, "%s ", service_id);
}

static void an_update_may_ask_for_a_purge(void **state)
{
	static const char *const nine[] = { "r9", "r1" };
	AUTO(buf_release) struct buf purged = BUF_INIT;
	struct linked *x = *state;
	struct told t;

	x->opt.purge = purge;
	x->opt.purge_ctx = &purged;
	mem_server_put(x->s.server, "/request/r9", REQUEST("r9", "z", ",\"purgeCache\":true"));
	join(x, &t);
	expect(&t, nine, 2, false, 200, "200 200 ");
	assert_string_equal(buf_cstr(&purged), "z ");
	expect(&t, nine, 2, true, 200, "200 200 ");
	assert_string_equal(buf_cstr(&purged), "z ");
}

static void unreadable_records(void **state)
{
	static const char *const both[] = { "r1", "r8", "r2" };
	struct linked *x = *state;
	struct told t;

	join(x, &t);
	mem_server_put(x->s.server, "/request/r8", "{");
	mem_server_put(x->s.server, "/state/s", "{");
	instruct(&t, both, 3, false, ACTION_NONE);
	sample_settle(&x->s, 200);
	assert_int_equal(t.status, 200);
	assert_int_equal(strncmp(t.text, "500(Caught exception while UPDATEING for request r1: ", 52), 0);
	assert_non_null(strstr(t.text, ") 500(Caught exception while UPDATEING for request r8: "));
	assert_non_null(strstr(t.text, ") 200 "));
	expect_told(x, "CONVERGE t(1) [t]\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(together_in_one_run),
		TEST(upon_what_is_committed),
		TEST(the_request_says_how),
		TEST(literally),
		TEST(only_if_java_leads),
		TEST(a_bad_one_costs_only_itself),
		TEST(a_wedged_host_tries_no_further),
		TEST(a_look_does_not_undo_it),
		TEST(it_holds_until_it_has_ended),
		TEST(a_new_process_sees_the_commit),
		TEST(who_has_gone_wants_nothing),
		TEST(the_same_again_joins_the_run),
		TEST(an_update_may_ask_for_a_purge),
		TEST(unreadable_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
