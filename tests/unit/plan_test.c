/*
 * plan_test.c - what a request reaches, needs, changes and gives free, and who refuses it
 * SPDX-License-Identifier: Apache-2.0
 */
#include "service/core/plan.h"

#include "tests/unit/model_sample.h"

static const struct group plain = { .name = "g" };
static const struct group with_domains = { .name = "d",
	.default_domain = "main.example",
	.domains = { (const char *[]){ "other.example" }, 1 } };
static const struct member two_members[] = { { .group = "g", .agent_id = "a1" }, { .group = "g", .agent_id = "a2" } };
static const struct member one_excluded[] = { { .group = "d", .agent_id = "a1" },
	{ .group = "d", .agent_id = "a2", .excluded = true } };
static const struct roster_group roster_g = { .name = "g",
	.exists = true,
	.group = &plain,
	.members = two_members,
	.n = 2,
	.target_count = -1 };
static const struct roster_group roster_d = { .name = "d",
	.exists = true,
	.group = &with_domains,
	.members = one_excluded,
	.n = 2,
	.target_count = -1 };
static const struct roster_group *const groups[] = { &roster_g, &roster_d };

static struct request *request(struct arena *a, const char *service, const char *more)
{
	struct error err = ERROR_INIT;
	struct request *rq = NULL;
	const char *text = arena_printf(a, "{\"loadBalancerRequestId\":\"r\",\"loadBalancerService\":{\"serviceId\":\"s\",%s}%s%s%s}",
		service, more, strstr(more, "addUpstreams") != NULL ? "" : ",\"addUpstreams\":[]",
		strstr(more, "removeUpstreams") != NULL ? "" : ",\"removeUpstreams\":[]");

	if (request_decode(text, strlen(text), a, &rq, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return rq;
}

static struct service_state stored(struct arena *a, const char *service, const char *const *nodes, size_t n)
{
	struct service_state st = { .service = read_record(&service_record, a, arena_printf(a, "{\"serviceId\":\"s\",%s}", service)) };

	st.upstreams.items = arena_alloc(a, (n + 1) * sizeof(struct upstream));
	st.upstreams.n = n;
	for (size_t i = 0; i < n; i++)
		assert_int_equal(upstream_from_text(nodes[i], a, &st.upstreams.items[i], NULL), 0);
	return st;
}

static struct plan make(struct arena *a, const struct request *rq, const struct service_state *base)
{
	static const struct service_state nothing;
	struct plan p;

	plan_make(rq, base != NULL ? base : &nothing, base != NULL ? 3 : -1, groups, ARRAY_LEN(groups), a, &p);
	return p;
}

static void expect_strings(const struct strings *got, const char *want)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	for (size_t i = 0; i < got->n; i++)
		buf_printf(&text, "%s%s", i > 0 ? " " : "", got->items[i]);
	assert_string_equal(buf_cstr(&text), want);
}

static void expect_paths(const struct plan_paths *got, const char *want)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	for (size_t i = 0; i < got->n; i++)
		buf_printf(&text, "%s%s:%s", i > 0 ? " " : "", got->items[i].group, got->items[i].key);
	assert_string_equal(buf_cstr(&text), want);
}

#define PLAIN(groups_) "\"owners\":[],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[" groups_ "]"
#define ADD(address) ",\"addUpstreams\":[{\"upstream\":\"" address "\"}]"

static void groups_are_those_of_request_and_store(void **state)
{
	struct arena *a = *state;
	struct service_state base = stored(a, PLAIN("\"old\",\"g\""), NULL, 0);
	struct strings got;

	plan_groups(request(a, PLAIN("\"g\",\"d\""), ""), base.service, a, &got);
	assert_int_equal(got.n, 3);
	assert_true(strings_have(&got, "old") && strings_have(&got, "g") && strings_have(&got, "d"));
	plan_groups(request(a, PLAIN("\"g\""), ""), NULL, a, &got);
	expect_strings(&got, "g");
}

static void paths_are_wanted_and_held(void **state)
{
	struct arena *a = *state;
	const char *node = "YToxLjE6MQ==||||";
	struct service_state base = stored(a, PLAIN("\"g\""), &node, 1);
	struct plan p;

	p = make(a, request(a, PLAIN("\"g\""), ADD("a.x:1")), NULL);
	expect_paths(&p.wanted, "g:/p");
	expect_paths(&p.held, "");
	assert_int_equal(p.wanted.items[0].version, -1);
	assert_int_equal(p.sv, -1);
	p = make(a, request(a, "\"owners\":[],\"serviceBasePath\":\"/q\",\"loadBalancerGroups\":[\"g\"],\"additionalPaths\":[\"/x\",\"/q\",\"/x\"]",
			       ADD("a.x:1")), &base);
	expect_paths(&p.wanted, "g:/x g:/q");
	expect_paths(&p.held, "g:/p");
	assert_int_equal(p.sv, 3);
	/* Without upstreams nothing is served, so nothing is wanted. */
	p = make(a, request(a, PLAIN("\"g\""), ""), NULL);
	expect_paths(&p.wanted, "");
	p = make(a, request(a, PLAIN("\"g\""), ",\"action\":\"DELETE\""), &base);
	expect_paths(&p.wanted, "");
	expect_paths(&p.held, "g:/p");
	p = make(a, request(a, PLAIN("\"g\""), ",\"action\":\"RELOAD\""), &base);
	expect_paths(&p.wanted, "");
}

static void domains_make_keys(void **state)
{
	struct arena *a = *state;
	struct plan p = make(a, request(a, "\"owners\":[],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"d\"],\"domains\":[\"main.example\"]",
					ADD("a.x:1")), NULL);

	expect_paths(&p.wanted, "d:main.example/p d:/p");
	p = make(a, request(a, "\"owners\":[],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"d\"],\"domains\":[\"other.example\"]",
			       ADD("a.x:1")), NULL);
	expect_paths(&p.wanted, "d:other.example/p");
	/* An empty path is no name of a node, a domain alone is. */
	p = make(a, request(a, "\"owners\":[],\"serviceBasePath\":\"\",\"loadBalancerGroups\":[\"g\"],\"additionalPaths\":[\"\"]",
			       ADD("a.x:1")), NULL);
	expect_paths(&p.wanted, "");
	p = make(a, request(a, "\"owners\":[],\"serviceBasePath\":\"\",\"loadBalancerGroups\":[\"d\"],\"domains\":[\"main.example\"]",
			       ADD("a.x:1")), NULL);
	expect_paths(&p.wanted, "d:main.example");
}

static void refused(struct arena *a, const struct plan *p, const struct plan_limits *limits, int want, const char *words)
{
	enum internal_state got = INTERNAL_PENDING;
	const char *message = NULL;

	assert_false(plan_allowed(p, groups, ARRAY_LEN(groups), limits, a, &got, &message));
	assert_int_equal(got, want);
	assert_string_equal(message, words);
}

static void rules_refuse_in_javas_order(void **state)
{
	static const struct plan_limits lax = { 0 }, strict = { .enforce_target_count = true, .default_target_count = 2 };
	struct arena *a = *state;
	enum internal_state got;
	const char *message;
	struct plan p;

	p = make(a, request(a, "\"owners\":[],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"g\"],\"additionalPaths\":[\"/x\"]",
			       ADD("a.x:1")), NULL);
	assert_true(plan_allowed(&p, groups, ARRAY_LEN(groups), &lax, a, &got, &message));
	p.wanted.items[0].owner = "s";
	assert_true(plan_allowed(&p, groups, ARRAY_LEN(groups), &lax, a, &got, &message));
	p.wanted.items[0].owner = "t";
	p.wanted.items[1].owner = "u"; /* one owner is told per group */
	refused(a, &p, &lax, INTERNAL_INVALID_REQUEST_NOOP, "Invalid request due to base path conflicts: [ t on group g ]");

	p = make(a, request(a, PLAIN("\"g\",\"nowhere\""), ADD("a.x:1")), NULL);
	refused(a, &p, &lax, INTERNAL_INVALID_REQUEST_NOOP, "Invalid request due to non-existent load balancer groups: [nowhere]");

	p = make(a, request(a, PLAIN("\"d\""), ADD("a.x:1")), NULL);
	assert_true(plan_allowed(&p, groups, ARRAY_LEN(groups), &lax, a, &got, &message));
	refused(a, &p, &strict, INTERNAL_FAILED_REVERTED, "Invalid request due to not enough agents present for group: d");

	p = make(a, request(a, "\"owners\":[],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"g\",\"d\"],"
			       "\"domains\":[\"other.example\",\"main.example\",\"strange.example\"]", ADD("a.x:1")), NULL);
	refused(a, &p, &lax, INTERNAL_INVALID_REQUEST_NOOP, "No groups present that serve domains: [strange.example]");
}

/* What it says of groups, domains and paths is not what will be. */
static void upstreams_only_is_judged_by_what_is_stored(void **state)
{
	static const struct plan_limits lax = { 0 };
	struct arena *a = *state;
	const char *nodes[] = { "YToxLjE6MQ==||||", "YTguODo4||||" };
	struct service_state base = stored(a, PLAIN("\"g\""), nodes, 2);
	const struct request *rq = request(a,
		"\"owners\":[],\"serviceBasePath\":\"/old\",\"loadBalancerGroups\":[\"nowhere\"],\"domains\":[\"strange.example\"]",
		",\"upstreamUpdateOnly\":true,\"removeUpstreams\":[{\"upstream\":\"a:1.1:1\"}]");
	struct plan p = make(a, rq, &base);
	enum internal_state got;
	const char *message;

	expect_strings(&p.groups, "g");
	expect_paths(&p.wanted, "g:/p");
	assert_ptr_equal(plan_asked(&p), base.service);
	assert_true(plan_allowed(&p, groups, ARRAY_LEN(groups), &lax, a, &got, &message));
	/* Nothing is stored: its own counts. */
	p = make(a, rq, NULL);
	expect_strings(&p.groups, "nowhere");
	refused(a, &p, &lax, INTERNAL_INVALID_REQUEST_NOOP, "Invalid request due to non-existent load balancer groups: [nowhere]");
}

static void targets(void **state)
{
	struct roster_group g = roster_g;
	struct plan_limits l = { .enforce_target_count = true, .default_target_count = 3 };

	(void)state;
	assert_int_equal(plan_target(&g, &l), 3);
	g.target_count = 2;
	assert_int_equal(plan_target(&g, &l), 2);
	g.target_count = 0;
	assert_int_equal(plan_target(&g, &l), 1);
	g.target_count = 9;
	l.enforce_target_count = false;
	assert_int_equal(plan_target(&g, &l), 1);
}

static void text_of_success(void **state)
{
	struct arena *a = *state;
	const struct request *rq = request(a, PLAIN("\"g\""),
		",\"addUpstreams\":[{\"upstream\":\"a.x:1\"},{\"upstream\":\"b.x:1\"}],\"removeUpstreams\":[{\"upstream\":\"c.x:1\"}]");

	assert_string_equal(plan_success_text(rq, a), "UPDATE request succeeded! Added upstreams: [a.x:1, b.x:1], Removed upstreams: [c.x:1]");
}

static void commit_changes_nodes(void **state)
{
	struct arena *a = *state;
	const char *nodes[] = { "YS54OjE=|q|||", "old.x:1" }; /* a.x:1, and the form of old versions */
	struct service_state base = stored(a, PLAIN("\"g\""), nodes, 2);
	struct plan_changes ch;
	struct plan p;

	p = make(a, request(a, PLAIN("\"g\""), ADD("a.x:1")), NULL);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.service, PLAN_SERVICE_CREATE);
	expect_strings(&ch.create, "YS54OjE=|r||default|");
	expect_strings(&ch.remove, "");
	assert_true(ch.state_changed);

	/* Nothing new: the nodes stay, whatever form their names have. */
	p = make(a, request(a, PLAIN("\"g\""), ""), &base);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.service, PLAN_SERVICE_SAME);
	assert_int_equal(ch.create.n + ch.remove.n, 0);
	assert_true(ch.state_changed);

	/* An addition replaces what it matches, in whatever form that was written. */
	p = make(a, request(a, "\"owners\":[\"o\"],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"g\"]",
			       ",\"addUpstreams\":[\"old.x:1\"],\"removeUpstreams\":[{\"upstream\":\"a.x:1\"}]"), &base);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.service, PLAN_SERVICE_SET);
	expect_strings(&ch.create, "b2xkLng6MQ==|r||default|");
	expect_strings(&ch.remove, "YS54OjE=|q||| old.x:1");

	p = make(a, request(a, PLAIN("\"g\""), ",\"action\":\"DELETE\""), &base);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.service, PLAN_SERVICE_DELETE);
	expect_strings(&ch.remove, "YS54OjE=|q||| old.x:1");
	p = make(a, request(a, PLAIN("\"g\""), ",\"action\":\"DELETE\""), NULL);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.service, PLAN_SERVICE_SAME);

	p = make(a, request(a, PLAIN("\"g\""), ADD("n.x:1") ",\"action\":\"RELOAD\""), &base);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.service, PLAN_SERVICE_SAME);
	assert_int_equal(ch.create.n + ch.remove.n, 0);
	assert_false(ch.state_changed);
}

/* Two names of one upstream: the one that gives way is removed, the other stays. */
static void twins_in_the_store(void **state)
{
	struct arena *a = *state;
	const char *nodes[] = { "a.x:1", "YS54OjE=||||" };
	struct service_state base = stored(a, PLAIN("\"g\""), nodes, 2);
	struct plan_changes ch;
	struct plan p;

	p = make(a, request(a, PLAIN("\"g\""), ""), &base);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.create.n + ch.remove.n, 0);
	p = make(a, request(a, PLAIN("\"g\""), ADD("a.x:1")), &base);
	plan_changes(&p, a, &ch);
	expect_strings(&ch.create, "YS54OjE=|r||default|");
	expect_strings(&ch.remove, "YS54OjE=|||| a.x:1");
}

/* 20,000 upstreams, half of them replaced: quadratic steps or memory would not go unnoticed. */
static void many_upstreams(void **state)
{
	enum { N = 20000 };
	struct arena *a = *state;
	struct service_state base = stored(a, PLAIN("\"g\""), NULL, 0);
	AUTO(buf_release) struct buf more = BUF_INIT;
	struct plan_changes ch;
	struct plan p;
	size_t before;

	base.upstreams.items = arena_alloc(a, N * sizeof(struct upstream));
	base.upstreams.n = N;
	for (size_t i = 0; i < N; i++) {
		AUTO(buf_release) struct buf name = BUF_INIT;
		struct upstream u = { .address = arena_printf(a, "h%zu.x:1", N - i), .group = "default" };

		upstream_node_name(&u, &name);
		assert_int_equal(upstream_from_text(arena_strdup(a, buf_cstr(&name)), a, &base.upstreams.items[i], NULL), 0);
	}
	buf_str(&more, ",\"addUpstreams\":[");
	for (size_t i = 0; i < N / 2; i++)
		buf_printf(&more, "%s{\"upstream\":\"h%zu.x:1\"}", i > 0 ? "," : "", i + N / 2 + 1);
	buf_str(&more, "]");
	p = make(a, request(a, PLAIN("\"g\""), buf_cstr(&more)), &base);
	before = arena_used(a);
	plan_changes(&p, a, &ch);
	assert_int_equal(ch.create.n, N / 2);
	assert_int_equal(ch.remove.n, N / 2);
	assert_true(arena_used(a) - before < (size_t)N * 1024);
	for (size_t i = 1; i < ch.create.n; i++)
		assert_true(strcmp(ch.create.items[i - 1], ch.create.items[i]) < 0);
}

static void released_paths(void **state)
{
	struct arena *a = *state;
	const char *node = "YS54OjE=||||";
	struct service_state base = stored(a, "\"owners\":[],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"g\",\"d\"],\"additionalPaths\":[\"/x\"]",
		&node, 1);
	struct plan_paths got;
	struct plan p = make(a, request(a, PLAIN("\"g\""), ""), &base);

	expect_paths(&p.held, "g:/x g:/p d:/x d:/p");
	for (size_t i = 0; i < p.held.n; i++) {
		p.held.items[i].owner = i == 3 ? "somebody else" : "s";
		p.held.items[i].version = (int32_t)i;
	}
	plan_released(&p, a, &got);
	expect_paths(&got, "d:/x g:/x");
	assert_int_equal(got.items[0].version, 2);
	assert_string_equal(got.items[1].owner, "s");
	p = make(a, request(a, PLAIN("\"g\""), ",\"action\":\"RELOAD\""), &base);
	for (size_t i = 0; i < p.held.n; i++)
		p.held.items[i].owner = "s";
	plan_released(&p, a, &got);
	assert_int_equal(got.n, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(groups_are_those_of_request_and_store),
		TEST(paths_are_wanted_and_held),
		TEST(domains_make_keys),
		TEST(rules_refuse_in_javas_order),
		TEST(upstreams_only_is_judged_by_what_is_stored),
		TEST(targets),
		TEST(text_of_success),
		TEST(commit_changes_nodes),
		TEST(twins_in_the_store),
		TEST(many_upstreams),
		TEST(released_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
