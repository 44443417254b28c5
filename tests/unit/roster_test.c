/*
 * roster_test.c - who counts in a group, seen through joins, absences, exclusions and removals
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/records/roster.h"

#include "lib/records/paths.h"
#include "tests/unit/store_sample.h"

#define GUID_1 "11111111-1111-4111-8111-111111111111"
#define GUID_2 "22222222-2222-4222-8222-222222222222"
#define NODE_1 "_c_" GUID_1 "-latch-0000000001"
#define NODE_2 "_c_" GUID_2 "-latch-0000000002"
#define HOST(id) "{\"baseAgentUri\":\"http://" id "/x\",\"agentId\":\"" id "\",\"extraAgentData\":{\"lockstep\":\"1\"}}"
#define JAVA_HOST(id) "{\"baseAgentUri\":\"http://" id "/x\",\"agentId\":\"" id "\"}"

static const struct rules rules_on = RULES_ON;

struct watching {
	struct sample s;
	struct roster *roster;
	unsigned changes;
};

static void on_changed(void *ctx)
{
	struct watching *x = ctx;

	x->changes++;
}

static void begin(struct watching *x, const struct rules *rules)
{
	memset(x, 0, sizeof(*x));
	sample_begin(&x->s);
	x->roster = roster_new(x->s.loop, x->s.st, rules, on_changed, x);
	mem_server_put(x->s.server, "/load-balancer/g", "{\"name\":\"g\",\"defaultDomain\":\"d.example\"}");
	mem_server_put(x->s.server, "/load-balancer/g/hosts", "");
}

static void end(struct watching *x)
{
	roster_free(&x->roster);
	sample_end(&x->s);
}

static const struct roster_group *group(struct watching *x)
{
	const struct roster_group *g;

	roster_get(x->roster, "g");
	sample_settle(&x->s, 200);
	g = roster_get(x->roster, "g");
	assert_non_null(g);
	return g;
}

static const struct member *member(struct watching *x, const char *agent_id)
{
	const struct roster_group *g = group(x);

	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->members[i].agent_id, agent_id) == 0)
			return &g->members[i];
	return NULL;
}

static void a_group_is_read_when_asked_for(void **state)
{
	struct watching x;
	const struct roster_group *g, *list[4];

	(void)state;
	begin(&x, &rules_on);
	assert_null(roster_get(x.roster, "g"));
	assert_int_equal(roster_groups(x.roster, list, 4), 0);
	g = group(&x);
	assert_int_equal(x.changes, 1);
	assert_true(g->exists);
	assert_int_equal(g->gv, 0);
	assert_string_equal(g->group->default_domain, "d.example");
	assert_int_equal(g->n, 0);
	assert_int_equal(g->target_count, -1);
	assert_int_equal(roster_groups(x.roster, list, 4), 1);
	assert_int_equal(roster_groups(x.roster, list, 0), 0);
	roster_get(x.roster, "nowhere");
	sample_settle(&x.s, 100);
	g = roster_get(x.roster, "nowhere");
	assert_false(g->exists);
	assert_int_equal(g->gv, -1);
	assert_null(g->group);
	end(&x);
}

static void hosts_are_members(void **state)
{
	struct watching x;
	const struct member *m;

	(void)state;
	begin(&x, &rules_on);
	mem_server_put(x.s.server, "/load-balancer/g/hosts/" NODE_1, HOST("a1"));
	m = member(&x, "a1");
	assert_string_equal(m->group, "g");
	assert_string_equal(m->incarnation, GUID_1);
	assert_string_equal(m->node, NODE_1);
	assert_string_equal(m->base_uri, "http://a1/x");
	assert_true(m->registered && m->lockstep && !m->excluded);
	assert_null(m->broken);
	/* A Java agent, and one whose words cannot be read: they count, and cannot prepare. */
	mem_server_put(x.s.server, "/load-balancer/g/hosts/" NODE_2, JAVA_HOST("a2"));
	mem_server_put(x.s.server, "/load-balancer/g/hosts/strange", "{\"agentId\":");
	mem_server_put(x.s.server, "/load-balancer/g/hosts/nameless", "{\"agentId\":\"a4\"}");
	m = member(&x, "a2");
	assert_false(m->lockstep);
	m = member(&x, "strange");
	assert_string_equal(m->incarnation, "strange");
	assert_non_null(m->broken);
	m = member(&x, "nameless");
	assert_string_equal(m->broken, "baseAgentUri is missing");
	assert_int_equal(group(&x)->n, 4);
	end(&x);
}

static void the_absent_count_until_they_leave(void **state)
{
	struct watching x;
	const struct member *m;
	int64_t since;

	(void)state;
	begin(&x, &rules_on);
	mem_server_put(x.s.server, path_member(x.s.arena, "g", "a1"), "{\"node\":\"" NODE_1 "\"}");
	mem_server_put(x.s.server, path_known_agent(x.s.arena, "g", "a1"), HOST("a1"));
	m = member(&x, "a1");
	assert_false(m->registered);
	assert_null(m->node);
	assert_string_equal(m->incarnation, GUID_1);
	assert_string_equal(m->base_uri, "http://a1/x");
	since = m->absent_since_us;
	/* As the agent's join writes it: the sequence is not known yet. The same incarnation, absent since then. */
	mem_server_put(x.s.server, path_member(x.s.arena, "g", "a1"), "{\"node\":\"_c_" GUID_1 "-latch-\"}");
	m = member(&x, "a1");
	assert_string_equal(m->incarnation, GUID_1);
	assert_int_equal(m->absent_since_us, since);
	assert_true(since > 0);
	/* It is away since it was first seen so, not since the last look. */
	sample_settle(&x.s, 5000);
	roster_stale(x.roster, NULL);
	assert_int_equal(member(&x, "a1")->absent_since_us, since);
	/* Back, and away again as somebody else: counted anew. */
	mem_server_put(x.s.server, "/load-balancer/g/hosts/" NODE_2, HOST("a1"));
	mem_server_put(x.s.server, path_member(x.s.arena, "g", "a1"), "{\"node\":\"" NODE_2 "\"}");
	m = member(&x, "a1");
	assert_true(m->registered);
	assert_string_equal(m->incarnation, GUID_2);
	assert_int_equal(m->absent_since_us, 0);
	assert_int_equal(group(&x)->n, 1);
	/* What cannot be read names nobody. */
	mem_server_put(x.s.server, path_member(x.s.arena, "g", "a9"), "?");
	m = member(&x, "a9");
	assert_string_equal(m->incarnation, "?");
	assert_null(m->base_uri);
	end(&x);
}

static void without_the_rule_the_absent_do_not_count(void **state)
{
	struct rules javas = RULES_ON;
	struct watching x;

	(void)state;
	javas.absent = false;
	begin(&x, &javas);
	mem_server_put(x.s.server, path_member(x.s.arena, "g", "a1"), "{\"node\":\"" NODE_1 "\"}");
	assert_int_equal(group(&x)->n, 0);
	end(&x);
}

static void exclusions_and_targets_are_seen(void **state)
{
	struct watching x;

	(void)state;
	begin(&x, &rules_on);
	mem_server_put(x.s.server, "/load-balancer/g/hosts/" NODE_1, HOST("a1"));
	assert_false(member(&x, "a1")->excluded);
	mem_server_put(x.s.server, path_excluded_agent(x.s.arena, "g", "a1"), "");
	assert_true(member(&x, "a1")->excluded);
	mem_server_put(x.s.server, path_target_count(x.s.arena, "g"), "3");
	assert_int_equal(group(&x)->target_count, 3);
	mem_server_put(x.s.server, path_target_count(x.s.arena, "g"), "\"4\"");
	assert_int_equal(group(&x)->target_count, 4);
	mem_server_put(x.s.server, path_target_count(x.s.arena, "g"), "many");
	roster_stale(x.roster, "other");
	roster_stale(x.roster, "g");
	assert_null(roster_get(x.roster, "g")); /* stale: not told until it is read again */
	assert_int_equal(group(&x)->target_count, -1);
	end(&x);
}

static void connections_come_and_go(void **state)
{
	struct watching x;

	(void)state;
	begin(&x, &rules_on);
	group(&x);
	store_mem_cut(x.s.st, LOOP_MS(500));
	sample_settle(&x.s, 1);
	roster_stale(x.roster, NULL);
	sample_settle(&x.s, 100);
	assert_null(roster_get(x.roster, "g"));
	mem_server_put(x.s.server, "/load-balancer/g/hosts/" NODE_1, HOST("a1"));
	sample_settle(&x.s, 3000);
	assert_non_null(roster_get(x.roster, "g"));
	assert_non_null(member(&x, "a1"));
	end(&x);
}

static void freed_in_the_middle_of_a_look(void **state)
{
	struct watching x;

	(void)state;
	begin(&x, &rules_on);
	roster_get(x.roster, "g");
	roster_free(&x.roster);
	sample_settle(&x.s, 1000);
	assert_int_equal(x.changes, 0);
	end(&x);
}

static int remove_host(struct watching *x, const char *agent_id)
{
	roster_remove(x->s.st, x->s.life, &rules_on, "g", agent_id, sample_on_done, &x->s);
	sample_wait(&x->s);
	return x->s.code;
}

static void removed_for_good(void **state)
{
	struct watching x;
	const char *record;

	(void)state;
	begin(&x, &rules_on);
	record = path_member(x.s.arena, "g", "a1");
	assert_int_equal(remove_host(&x, "a1"), ERR_NOT_FOUND);
	mem_server_put(x.s.server, record, "{\"node\":\"" NODE_1 "\"}");
	mem_server_put(x.s.server, "/load-balancer/g/hosts/" NODE_1, HOST("a1"));
	assert_int_equal(remove_host(&x, "a1"), ERR_CONFLICT);
	assert_non_null(mem_server_get(x.s.server, record));
	mem_server_put(x.s.server, path_member(x.s.arena, "g", "a2"), "{\"node\":\"" NODE_2 "\"}");
	assert_int_equal(remove_host(&x, "a2"), 0);
	assert_null(mem_server_get(x.s.server, path_member(x.s.arena, "g", "a2")));
	end(&x);
}

static enum mem_fault join_meanwhile(void *ctx, const struct mem_op *op)
{
	struct watching *x = ctx;

	if (op->moment != MEM_BEFORE_APPLY || !op->write)
		return MEM_FAULT_NONE;
	mem_server_hook(x->s.server, NULL, NULL);
	mem_server_put(x->s.server, "/load-balancer/g/hosts/" NODE_2, HOST("a1"));
	mem_server_put(x->s.server, "/load-balancer/g", "{\"name\":\"g\"}");
	return MEM_FAULT_NONE;
}

static void removal_loses_against_a_join(void **state)
{
	struct watching x;
	const char *record;

	(void)state;
	begin(&x, &rules_on);
	record = path_member(x.s.arena, "g", "a1");
	mem_server_put(x.s.server, record, "{\"node\":\"" NODE_1 "\"}");
	mem_server_hook(x.s.server, join_meanwhile, &x);
	assert_int_equal(remove_host(&x, "a1"), ERR_CONFLICT);
	assert_non_null(mem_server_get(x.s.server, record));
	end(&x);
}

static void incarnations_have_names(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();

	(void)state;
	assert_string_equal(incarnation_of(a, NODE_1), GUID_1);
	assert_string_equal(incarnation_of(a, "whatever"), "whatever");
	assert_string_equal(incarnation_of(a, "latch-0000000001"), "latch-0000000001");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_is_read_when_asked_for),
		cmocka_unit_test(hosts_are_members),
		cmocka_unit_test(the_absent_count_until_they_leave),
		cmocka_unit_test(without_the_rule_the_absent_do_not_count),
		cmocka_unit_test(exclusions_and_targets_are_seen),
		cmocka_unit_test(connections_come_and_go),
		cmocka_unit_test(freed_in_the_middle_of_a_look),
		cmocka_unit_test(removed_for_good),
		cmocka_unit_test(removal_loses_against_a_join),
		cmocka_unit_test(incarnations_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
