/*
 * state_cache_test.c - the state in memory follows the store, and does not read what it knows
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/records/paths.h"
#include "lib/records/state_cache.h"
#include "lib/store/store_mem.h"

#define SERVICE(id, base)                                                                                                 \
	"{\"serviceId\":\"" id "\",\"owners\":[],\"serviceBasePath\":\"" base                                             \
	"\",\"additionalPaths\":[],\"loadBalancerGroups\":[\"g\"],\"options\":null,\"templateName\":null,\"domains\":[]," \
	"\"edgeCacheDNS\":null,\"edgeCacheDomains\":[],\"preResolveUpstreamDNS\":false}"
#define UPSTREAM(address)                                                                          \
	"{\"upstream\":\"" address                                                                 \
	"\",\"requestId\":\"r1\",\"rackId\":null,\"group\":\"default\",\"resolvedUpstream\":null}"

struct box {
	struct loop *l;
	struct mem_server *srv;
	struct store *st, *other;
	struct state_cache *c;
	unsigned reads; /* of service nodes */
};

static enum mem_fault count_reads(void *ctx, const struct mem_op *op)
{
	struct box *x = ctx;

	if (op->moment == MEM_BEFORE_APPLY && !op->write && str_eq(op->session, "a") &&
		str_starts(op->path, "/state/"))
		x->reads++;
	return MEM_FAULT_NONE;
}

static void settle(struct box *x)
{
	assert_true(loop_sim_run_for(x->l, LOOP_MS(300), 100000));
}

static void start(struct box *x)
{
	memset(x, 0, sizeof(*x));
	x->l = loop_sim_new(3);
	x->srv = mem_server_new(x->l, 3);
	mem_server_hook(x->srv, count_reads, x);
	mem_server_put(x->srv, "/state", "");
	mem_server_put(x->srv, "/state/s1", SERVICE("s1", "/one"));
	mem_server_put(x->srv, "/state/s1/MTAuMC4wLjE6ODA=|r1||default|", "");
	mem_server_put(x->srv, "/state/s2", SERVICE("s2", "/two"));
	mem_server_put(x->srv, "/state-last-updated", "1");
	x->st = store_mem_new(x->srv, "a", 4000);
	x->other = store_mem_new(x->srv, "b", 4000);
	x->c = state_cache_new(x->l, x->st);
	assert_false(state_cache_ready(x->c));
	settle(x);
	assert_true(state_cache_ready(x->c));
}

static void stop(struct box *x)
{
	state_cache_free(&x->c);
	store_free(&x->st);
	store_free(&x->other);
	mem_server_free(&x->srv);
	loop_free(&x->l);
}

static void expect_all(struct box *x, int32_t version, const char *json)
{
	struct cached_state *all = state_cache_all(x->c);

	assert_string_equal(all->json, json);
	assert_int_equal(all->json_len, strlen(json));
	assert_int_equal(all->version, version);
	assert_int_equal(state_cache_version(x->c), version);
	cached_state_unref(all);
}

static void on_commit(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)res;
	assert_null(err);
	*(bool *)ctx = true;
}

/* What a leader elsewhere does. */
static void commit_elsewhere(struct box *x, struct store *st, const char *id, const char *json)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct store_txn *t = store_txn_new(st);
	bool done = false;

	if (json != NULL)
		store_txn_set(t, path_service(a, id), json, strlen(json), -1);
	else
		store_txn_delete(t, path_service(a, id), -1);
	store_txn_set(t, PATH_STATE_VERSION, "2", 1, -1);
	store_txn_commit(&t, on_commit, &done);
	while (!done)
		assert_true(loop_sim_step(x->l));
}

static void test_loads(void **state)
{
	struct box x;

	(void)state;
	start(&x);
	expect_all(&x, 0,
		"[{\"service\":" SERVICE("s1", "/one") ",\"upstreams\":[" UPSTREAM(
			"10.0.0.1:80") "]},{\"service\":" SERVICE("s2",
			"/two") ",\"upstreams\":[]}]");
	assert_string_equal(state_cache_get(x.c, "s2")->json,
		"{\"service\":" SERVICE("s2", "/two") ",\"upstreams\":[]}");
	assert_null(state_cache_get(x.c, "s3"));
	assert_int_equal(state_cache_count(x.c), 2);
	stop(&x);
}

static void test_an_empty_store(void **state)
{
	struct box x = { 0 };

	(void)state;
	x.l = loop_sim_new(1);
	x.srv = mem_server_new(x.l, 1);
	x.st = store_mem_new(x.srv, "a", 4000);
	x.c = state_cache_new(x.l, x.st);
	settle(&x);
	assert_true(state_cache_ready(x.c));
	expect_all(&x, -1, "[]");
	stop(&x);
}

static void test_follows_others_and_reads_only_what_changed(void **state)
{
	struct box x;

	(void)state;
	start(&x);
	x.reads = 0;
	commit_elsewhere(&x, x.other, "s2", SERVICE("s2", "/neu"));
	settle(&x);
	expect_all(&x, 1,
		"[{\"service\":" SERVICE("s1", "/one") ",\"upstreams\":[" UPSTREAM(
			"10.0.0.1:80") "]},{\"service\":" SERVICE("s2",
			"/neu") ",\"upstreams\":[]}]");
	assert_int_equal(x.reads, 3); /* two nodes, and the children of one */
	commit_elsewhere(&x, x.other, "s2", NULL);
	settle(&x);
	expect_all(&x, 2,
		"[{\"service\":" SERVICE("s1", "/one") ",\"upstreams\":[" UPSTREAM(
			"10.0.0.1:80") "]}]");
	stop(&x);
}

static struct service_state *decode(struct arena *a, const char *service)
{
	struct service_state *s = arena_alloc(a, sizeof(*s));
	struct service *svc;

	assert_int_equal(
		record_decode(&service_record, service, strlen(service), a, &svc, NULL), 0);
	s->service = svc;
	return s;
}

static void apply(struct box *x, const char *id, const char *service)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct service_state none = { NULL, { NULL, 0 } };
	struct state_change ch = { id, service != NULL ? decode(a, service) : &none };

	state_cache_apply(x->c, &ch, 1, true);
}

static void test_own_commits_are_not_read_again(void **state)
{
	struct box x;

	(void)state;
	start(&x);
	x.reads = 0;
	/* As the worker does: committed by the same session, then told. */
	commit_elsewhere(&x, x.st, "s2", SERVICE("s2", "/own"));
	apply(&x, "s2", SERVICE("s2", "/own"));
	assert_int_equal(state_cache_version(x.c), 1);
	settle(&x);
	assert_int_equal(x.reads, 0);
	assert_int_equal(state_cache_loads(x.c), 1);
	assert_string_equal(state_cache_get(x.c, "s2")->json,
		"{\"service\":" SERVICE("s2", "/own") ",\"upstreams\":[]}");
	/* A wrong expectation is corrected by what the store shows. */
	apply(&x, "s1", NULL);
	assert_null(state_cache_get(x.c, "s1"));
	commit_elsewhere(&x, x.other, "s2", SERVICE("s2", "/more"));
	commit_elsewhere(&x, x.other, "s2", SERVICE("s2", "/most"));
	settle(&x);
	assert_int_equal(state_cache_version(x.c), 3);
	assert_non_null(state_cache_get(x.c, "s1"));
	assert_non_null(strstr(state_cache_get(x.c, "s2")->json, "/most"));
	stop(&x);
}

static void test_own_commits_during_a_load_win(void **state)
{
	struct box x;

	(void)state;
	start(&x);
	/* Everybody else is slow from now on, so that the load lasts. */
	commit_elsewhere(&x, x.other, "s1", SERVICE("s1", "/x"));
	while (state_cache_loads(x.c) < 2)
		assert_true(loop_sim_step(x.l));
	commit_elsewhere(&x, x.st, "s2", SERVICE("s2", "/own"));
	apply(&x, "s2", SERVICE("s2", "/own"));
	assert_non_null(strstr(state_cache_get(x.c, "s2")->json, "/own"));
	settle(&x);
	assert_non_null(strstr(state_cache_get(x.c, "s1")->json, "/x"));
	assert_non_null(strstr(state_cache_get(x.c, "s2")->json, "/own"));
	assert_int_equal(state_cache_version(x.c), 2);
	stop(&x);
}

static void test_a_lost_connection(void **state)
{
	struct box x;

	(void)state;
	start(&x);
	store_mem_cut(x.st, LOOP_MS(500));
	settle(&x);
	assert_int_not_equal(store_link(x.st), STORE_LINK_UP);
	commit_elsewhere(&x, x.other, "s1", SERVICE("s1", "/missed"));
	assert_true(state_cache_ready(x.c)); /* it goes on answering with what it has */
	assert_non_null(strstr(state_cache_get(x.c, "s1")->json, "/one"));
	settle(&x);
	settle(&x);
	assert_non_null(strstr(state_cache_get(x.c, "s1")->json, "/missed"));
	stop(&x);
}

static void test_references_outlive_changes(void **state)
{
	struct box x;
	struct cached_service *s;
	struct cached_state *all;

	(void)state;
	start(&x);
	s = state_cache_get(x.c, "s1");
	cached_service_ref(s);
	all = state_cache_all(x.c);
	apply(&x, "s1", NULL);
	stop(&x);
	assert_non_null(strstr(s->json, "/one"));
	assert_non_null(strstr(all->json, "/two"));
	cached_service_unref(s);
	cached_state_unref(all);
}

static void test_unreadable_services_are_left_out(void **state)
{
	struct box x;

	(void)state;
	start(&x);
	mem_server_put(x.srv, "/state/broken", "{\"serviceId\":");
	mem_server_put(x.srv, "/state/s1/no-upstream!", "");
	commit_elsewhere(&x, x.other, "s2", SERVICE("s2", "/two"));
	settle(&x);
	assert_int_equal(state_cache_count(x.c), 2);
	assert_int_equal(state_cache_unreadable(x.c), 1);
	assert_int_equal(state_cache_get(x.c, "s1")->state->upstreams.n, 1);
	stop(&x);
}

static void test_many_services_take_several_turns(void **state)
{
	struct box x;

	(void)state;
	start(&x);
	for (int i = 0; i < 900; i++) {
		char path[64], json[400];

		snprintf(path, sizeof(path), "/state/m%03d", i);
		snprintf(json, sizeof(json),
			"{\"serviceId\":\"m%03d\",\"owners\":[],\"serviceBasePath\":\"/m\",\"loadBalancerGroups\":[\"g\"]}",
			i);
		mem_server_put(x.srv, path, json);
	}
	commit_elsewhere(&x, x.other, "s2", SERVICE("s2", "/two"));
	settle(&x);
	assert_int_equal(state_cache_count(x.c), 902);
	state_cache_free(&x.c); /* and in the middle of a load */
	x.c = state_cache_new(x.l, x.st);
	for (int i = 0; i < 3000 && !state_cache_ready(x.c); i++) {
		if (i % 500 == 0) {
			state_cache_free(&x.c);
			x.c = state_cache_new(x.l, x.st);
		}
		assert_true(loop_sim_step(x.l));
	}
	stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_loads),
		cmocka_unit_test(test_an_empty_store),
		cmocka_unit_test(test_follows_others_and_reads_only_what_changed),
		cmocka_unit_test(test_own_commits_are_not_read_again),
		cmocka_unit_test(test_own_commits_during_a_load_win),
		cmocka_unit_test(test_a_lost_connection),
		cmocka_unit_test(test_references_outlive_changes),
		cmocka_unit_test(test_unreadable_services_are_left_out),
		cmocka_unit_test(test_many_services_take_several_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
