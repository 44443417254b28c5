/*
 * api_group_edit_test.c - what is changed of groups and aliases over HTTP, and the bytes it leaves in
 * ZooKeeper
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/api_sample.h"

#include "lib/base/log.h"

#define NOT_FOUND "{\"code\":404,\"message\":\"HTTP 404 Not Found\"}"
#define GROUP(name, sources)                                                                       \
	"{\"name\":\"" name "\",\"domain\":null,\"trafficSources\":[" sources                      \
	"],\"sources\":[],\"defaultDomain\":null,\"domains\":[],\"domainAliases\":{},"             \
	"\"minHealthyAgents\":1}"
#define SOURCE(name, type, by)                                                                     \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"registerBy\":\"" by "\"}"
#define LOCK "/load-balancer/g/base-uris/L3N2YzE="

static void stored(struct box *x, const char *path, const char *want)
{
	const struct store_node *node = mem_server_get(x->srv, path);
	AUTO(xfree_p) char *text = NULL;

	assert_non_null(node);
	text = xstrndup(node->data != NULL ? node->data : "", node->len);
	assert_string_equal(text, want);
}

/* --- traffic sources --- */

static void test_sources(void **state)
{
	static const char one[] = SOURCE("elb-1", "CLASSIC", "INSTANCE_ID");
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	expect(&x, "DELETE", "/load-balancer/g/traffic-source", one, 404, NOT_FOUND);
	assert_null(mem_server_get(x.srv, "/load-balancer/g"));
	/* The group comes to be, with just these bytes. */
	expect(&x, "POST", "/load-balancer/g/traffic-source",
		"{\"name\":\"elb-1\",\"type\":\"classic\",\"other\":1}", 200,
		GROUP("g", SOURCE("elb-1", "CLASSIC", "INSTANCE_ID")));
	stored(&x, "/load-balancer/g", GROUP("g", SOURCE("elb-1", "CLASSIC", "INSTANCE_ID")));
	/* A set: what is there already is not written again, as the version of the group counts. */
	expect(&x, "POST", "/load-balancer/g/sources?source=elb-1", NULL, 200,
		GROUP("g", SOURCE("elb-1", "CLASSIC", "INSTANCE_ID")));
	assert_int_equal(mem_server_get(x.srv, "/load-balancer/g")->version, 0);
	expect(&x, "POST", "/load-balancer/g/traffic-source",
		SOURCE("elb-1", "ALB_TARGET_GROUP", "PRIVATE_IP"), 200,
		GROUP("g", SOURCE("elb-1", "CLASSIC", "INSTANCE_ID") ","
			SOURCE("elb-1", "ALB_TARGET_GROUP", "PRIVATE_IP")));
	/* Only the whole triple is it. */
	expect(&x, "DELETE", "/load-balancer/g/traffic-source",
		SOURCE("elb-1", "CLASSIC", "PRIVATE_IP"), 200,
		GROUP("g", SOURCE("elb-1", "CLASSIC", "INSTANCE_ID") ","
			SOURCE("elb-1", "ALB_TARGET_GROUP", "PRIVATE_IP")));
	expect(&x, "DELETE", "/load-balancer/g/sources?source=elb-1", NULL, 200,
		GROUP("g", SOURCE("elb-1", "ALB_TARGET_GROUP", "PRIVATE_IP")));
	expect(&x, "POST", "/load-balancer/g/traffic-source", "\"elb2\"", 200,
		GROUP("g", SOURCE("elb-1", "ALB_TARGET_GROUP", "PRIVATE_IP") ","
			SOURCE("elb2", "CLASSIC", "INSTANCE_ID")));
	expect(&x, "DELETE", "/load-balancer/none/sources?source=elb-1", NULL, 404, NOT_FOUND);
	box_stop(&x);
}

static void test_bad_sources(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *want;
	} cases[] = {
		{ NULL, 422, "{\"errors\":[\"The request body may not be null\"]}" },
		{ " ", 422, "{\"errors\":[\"The request body may not be null\"]}" },
		{ "null", 422, "{\"errors\":[\"The request body may not be null\"]}" },
		{ "{}", 422, "{\"errors\":[\"type may not be null\"]}" },
		{ "{\"name\":\"\",\"type\":\"classic\"}", 422,
			"{\"errors\":[\"name size must be between 1 and 2147483647\"]}" },
	};
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	box_start(&x, false);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		expect(&x, "POST", "/load-balancer/g/traffic-source", cases[i].body, cases[i].status,
			cases[i].want);
		expect(&x, "DELETE", "/load-balancer/g/traffic-source", cases[i].body,
			cases[i].status, cases[i].want);
	}
	got = ask(&x, "POST", "/load-balancer/g/traffic-source", "{\"name\":\"a\",\"type\":\"other\"}");
	assert_int_equal(got->status, 400);
	assert_non_null(strstr(buf_cstr(&got->body), "Unable to process JSON: type: must be one of "));
	got = ask(&x, "POST", "/load-balancer/g/traffic-source", "{");
	assert_int_equal(got->status, 400);
	expect(&x, "POST", "/load-balancer/g/sources", NULL, 422,
		"{\"errors\":[\"source may not be null\"]}");
	assert_null(mem_server_get(x.srv, "/load-balancer/g"));
	/* What cannot be read is not written over. */
	mem_server_put(x.srv, "/load-balancer/g", "{\"trafficSources\":5}");
	got = ask(&x, "POST", "/load-balancer/g/sources?source=a", NULL);
	assert_int_equal(got->status, 500);
	stored(&x, "/load-balancer/g", "{\"trafficSources\":5}");
	box_stop(&x);
}

/* Somebody else writes between the reading and the writing: nothing of either is lost. */
struct rival {
	struct box *x;
	bool wrote;
};

static enum mem_fault write_between(void *ctx, const struct mem_op *op)
{
	struct rival *r = ctx;

	if (op->write && op->moment == MEM_BEFORE_APPLY && !r->wrote &&
		str_eq(op->path, "/load-balancer/g")) {
		r->wrote = true;
		mem_server_put(r->x->srv, "/load-balancer/g",
			GROUP("g", SOURCE("theirs", "NETWORK", "INSTANCE_ID")));
	}
	return MEM_FAULT_NONE;
}

static void test_sources_at_once(void **state)
{
	struct box x = { 0 };
	struct rival rival = { &x, false };

	(void)state;
	box_start(&x, false);
	mem_server_put(x.srv, "/load-balancer/g", "");
	mem_server_hook(x.srv, write_between, &rival);
	expect(&x, "POST", "/load-balancer/g/sources?source=ours", NULL, 200,
		GROUP("g", SOURCE("theirs", "NETWORK", "INSTANCE_ID") ","
			SOURCE("ours", "CLASSIC", "INSTANCE_ID")));
	assert_true(rival.wrote);
	mem_server_hook(x.srv, NULL, NULL);
	box_stop(&x);
}

/* --- counts --- */

static void test_count(void **state)
{
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	expect(&x, "POST", "/load-balancer/new/count?count=3", NULL, 200, "3");
	stored(&x, "/load-balancer/new/targetCount", "\"3\"");
	expect(&x, "GET", "/load-balancer/new/count", NULL, 200, "3");
	/* It is listed, and has no data. */
	expect(&x, "GET", "/load-balancer", NULL, 200, "[\"new\"]");
	expect(&x, "GET", "/load-balancer/all", NULL, 200, "[]");
	expect(&x, "GET", "/load-balancer/new", NULL, 404, NOT_FOUND);
	expect(&x, "POST", "/load-balancer/new/count", NULL, 200, "0");
	expect(&x, "POST", "/load-balancer/new/count?count=", NULL, 200, "0");
	stored(&x, "/load-balancer/new/targetCount", "\"0\"");
	expect(&x, "POST", "/load-balancer/new/count?count=x", NULL, 404, NOT_FOUND);
	expect(&x, "POST", "/load-balancer/new/count?count=3000000000", NULL, 404, NOT_FOUND);
	expect(&x, "POST", "/load-balancer/new/count?count=-1", NULL, 400,
		"{\"code\":400,\"message\":\"count must not be negative\"}");
	box_stop(&x);
}

/* --- base paths --- */

static void test_base_path(void **state)
{
	struct box x = { 0 };
	const struct answer *got;

	(void)state;
	box_start(&x, false);
	expect(&x, "DELETE", "/load-balancer/g/base-path", NULL, 400,
		"{\"code\":400,\"message\":\"basePath must not be null\"}");
	expect(&x, "DELETE", "/load-balancer/g/base-path?basePath=/svc1", NULL, 204, "");
	/* Left over: its owner is not there, or has no upstreams. */
	mem_server_put(x.srv, LOCK, "\"gone\"");
	got = ask(&x, "DELETE", "/load-balancer/g/base-path?basePath=/svc1", NULL);
	assert_int_equal(got->status, 204);
	assert_null(strstr(got->headers, "Warning"));
	assert_null(mem_server_get(x.srv, LOCK));
	mem_server_put(x.srv, LOCK, "no text at all");
	expect(&x, "DELETE", "/load-balancer/g/base-path?basePath=/svc1", NULL, 204, "");
	assert_null(mem_server_get(x.srv, LOCK));
	/* Alive: it is taken as Java does, and said. */
	mem_server_put(x.srv, LOCK, "\"s1\"");
	mem_server_put(x.srv, "/state/s1", SERVICE_JSON("s1"));
	mem_server_put(x.srv, "/state/s1/MTAuMC4wLjE6ODA=|r1||default|", "");
	got = ask(&x, "DELETE", "/load-balancer/g/base-path?basePath=%2Fsvc1", NULL);
	assert_int_equal(got->status, 204);
	assert_non_null(strstr(got->headers, "Warning: 199 lockstep \"service s1 is committed and "));
	assert_null(mem_server_get(x.srv, LOCK));
	assert_non_null(mem_server_get(x.srv, "/state/s1"));
	box_stop(&x);
}

static void on_gone(void *ctx, const struct store_result *res, const struct error *err)
{
	(void)ctx;
	(void)res;
	assert_null(err);
}

static void remove_node(struct box *x, const char *path)
{
	struct store_txn *t = store_txn_new(x->st);

	store_txn_delete(t, path, -1);
	store_txn_commit(&t, on_gone, NULL);
}

/* Not while its owner is on the way; waited for a moment, as that ends by itself. */
static void test_base_path_in_use(void **state)
{
	static const char node[] = "/queue/s1|r1|0000000000";
	struct box x = { 0 };
	struct answer got = { 0 };

	(void)state;
	box_start(&x, false);
	mem_server_put(x.srv, LOCK, "\"s1\"");
	mem_server_put(x.srv, "/queue/other|r1|0000000001", "");
	mem_server_put(x.srv, node, "");
	expect(&x, "DELETE", "/load-balancer/g/base-path?basePath=/svc1", NULL, 409,
		"{\"code\":409,\"message\":\"Service s1 holds it and has a request that has not ended: "
		"not done\"}");
	assert_non_null(mem_server_get(x.srv, LOCK));
	send_bytes(&x, &got, "DELETE", "/load-balancer/g/base-path?basePath=/svc1", NULL,
		(struct slice){ "", 0 });
	run_for(&x, LOOP_MS(200));
	assert_false(got.done);
	remove_node(&x, node);
	run_for(&x, LOOP_MS(200));
	assert_true(got.done);
	assert_int_equal(got.status, 204);
	assert_null(mem_server_get(x.srv, LOCK));
	buf_release(&got.body);
	box_stop(&x);
}

/* Between the look at a lock and its deletion, another service gets it (with the version that it had before), or its owner's
 * request is decided and counts on it: each sets the folder in the same transaction. */
struct taker {
	struct box *x;
	const char *queued; /* NULL: it changes hands */
	bool took;
};

static enum mem_fault take_between(void *ctx, const struct mem_op *op)
{
	struct taker *t = ctx;

	if (op->write && op->moment == MEM_BEFORE_APPLY && !t->took) {
		t->took = true;
		mem_server_put(t->x->srv, "/load-balancer/g/base-uris", "");
		if (t->queued != NULL)
			mem_server_put(t->x->srv, t->queued, "");
	}
	return MEM_FAULT_NONE;
}

static void test_base_path_taken_meanwhile(void **state)
{
	struct box x = { 0 };
	struct taker taker = { &x, "/queue/s1|r1|0000000000", false };

	(void)state;
	box_start(&x, false);
	mem_server_put(x.srv, LOCK, "\"s1\"");
	mem_server_hook(x.srv, take_between, &taker);
	expect(&x, "DELETE", "/load-balancer/g/base-path?basePath=/svc1", NULL, 409,
		"{\"code\":409,\"message\":\"Service s1 holds it and has a request that has not ended: "
		"not done\"}");
	assert_true(taker.took);
	assert_non_null(mem_server_get(x.srv, LOCK));
	taker = (struct taker){ &x, NULL, false };
	mem_server_put(x.srv, "/load-balancer/g/base-uris/L290aGVy", "\"gone\"");
	expect(&x, "DELETE", "/load-balancer/g/base-path?basePath=/other", NULL, 204, "");
	assert_true(taker.took); /* it looked again, and nobody was in the way */
	assert_null(mem_server_get(x.srv, "/load-balancer/g/base-uris/L290aGVy"));
	mem_server_hook(x.srv, NULL, NULL);
	box_stop(&x);
}

/* --- exclusions --- */

/* Between reading and writing somebody joins: what is judged by the members is judged again. */
static enum mem_fault join_between(void *ctx, const struct mem_op *op)
{
	struct taker *t = ctx;

	if (op->write && op->moment == MEM_BEFORE_APPLY && !t->took) {
		t->took = true;
		mem_server_put(t->x->srv, "/load-balancer/g", "{\"name\":\"g\"}");
	}
	return MEM_FAULT_NONE;
}

static void test_exclusions(void **state)
{
	struct box x = { 0 };
	struct taker joiner = { &x, NULL, false };

	(void)state;
	box_start(&x, false);
	mem_server_put(x.srv, "/load-balancer/g", "{}");
	mem_server_put(x.srv, "/lockstep/members/g/a1", "{}");
	mem_server_put(x.srv, "/load-balancer/g/hosts/n-1", "not readable");
	mem_server_hook(x.srv, join_between, &joiner);
	assert_int_equal(ask(&x, "POST", "/load-balancer/g/excluded/a1?by=me", NULL)->status, 200);
	assert_true(joiner.took);
	mem_server_hook(x.srv, NULL, NULL);
	stored(&x, "/load-balancer/g", "{\"name\":\"g\"}");
	assert_int_equal(mem_server_get(x.srv, "/load-balancer/g")->version, 2);
	assert_non_null(strstr(mem_server_get(x.srv, "/lockstep/excluded/g/a1")->data, "{\"by\":\"me\",\"since\":"));
	/* A host whose metadata cannot be read goes by the name of its node. */
	assert_int_equal(ask(&x, "POST", "/load-balancer/g/excluded/n-1", NULL)->status, 200);
	assert_int_equal(mem_server_get(x.srv, "/load-balancer/g")->version, 3);
	/* Made by hand. */
	mem_server_put(x.srv, "/lockstep/excluded/g/a0", "");
	assert_non_null(strstr(buf_cstr(&ask(&x, "GET", "/load-balancer/g/excluded", NULL)->body),
		"[{\"agentId\":\"a0\",\"by\":null,\"since\":"));
	expect(&x, "DELETE", "/load-balancer/g/excluded/a0", NULL, 204, "");
	expect(&x, "DELETE", "/load-balancer/g/excluded/a1", NULL, 204, "");
	assert_int_equal(mem_server_get(x.srv, "/load-balancer/g")->version, 5);
	assert_null(mem_server_get(x.srv, "/lockstep/excluded/g/a1"));
	expect(&x, "DELETE", "/load-balancer/g/excluded/a1", NULL, 204, "");
	assert_int_equal(mem_server_get(x.srv, "/load-balancer/g")->version, 5);
	expect(&x, "POST", "/load-balancer/g/excluded/typo", NULL, 404,
		"{\"code\":404,\"message\":\"no agent 'typo' is known in group 'g'\"}");
	assert_null(mem_server_get(x.srv, "/lockstep/excluded/g/typo"));
	box_stop(&x);
}

/* --- aliases --- */

static void test_aliases(void **state)
{
	static const char full[] =
		"{\"groups\":[\"edge\",\"edge2\"],\"domains\":[\"d\"],\"edgeCacheDomains\":[\"e\"]}";
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	expect(&x, "GET", "/aliases/all-edges", NULL, 404, NOT_FOUND);
	expect(&x, "DELETE", "/aliases/all-edges", NULL, 204, "");
	expect(&x, "POST", "/aliases/all-edges", "{\"groups\":[\"edge\",\"edge2\",\"edge\"],\"x\":1}",
		200, "{\"groups\":[\"edge\",\"edge2\"],\"domains\":[],\"edgeCacheDomains\":[]}");
	stored(&x, "/aliases/all-edges",
		"{\"groups\":[\"edge\",\"edge2\"],\"domains\":[],\"edgeCacheDomains\":[]}");
	expect(&x, "POST", "/aliases/all-edges", full, 200, full);
	stored(&x, "/aliases/all-edges", full);
	expect(&x, "GET", "/aliases/all-edges", NULL, 200, full);
	expect(&x, "GET", "/load-balancer", NULL, 200, "[\"all-edges\"]");
	expect(&x, "POST", "/aliases/a", NULL, 422,
		"{\"errors\":[\"The request body may not be null\"]}");
	expect(&x, "POST", "/aliases/a", "{\"groups\":[\"ok\",\"no/good\"]}", 422,
		"{\"errors\":[\"groups[1] cannot be the name of a group\"]}");
	assert_null(mem_server_get(x.srv, "/aliases/a"));
	expect(&x, "DELETE", "/aliases/all-edges", NULL, 204, "");
	assert_null(mem_server_get(x.srv, "/aliases/all-edges"));
	box_stop(&x);
}

static void test_away(void **state)
{
	static const char *const posts[] = { "/load-balancer/g/sources?source=a",
		"/load-balancer/g/count?count=1" };
	struct box x = { 0 };

	(void)state;
	box_start(&x, false);
	store_mem_cut(x.st, INT64_MAX);
	run_for(&x, LOOP_MS(10));
	for (size_t i = 0; i < ARRAY_LEN(posts); i++)
		expect(&x, "POST", posts[i], NULL, 504,
			"{\"code\":504,\"message\":\"ZooKeeper cannot be reached: not done\"}");
	assert_int_equal(ask(&x, "POST", "/aliases/a", "{}")->status, 504);
	assert_int_equal(ask(&x, "GET", "/aliases/a", NULL)->status, 504);
	assert_int_equal(
		ask(&x, "DELETE", "/load-balancer/g/base-path?basePath=/a", NULL)->status, 504);
	box_stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_bad_sources),
		cmocka_unit_test(test_sources_at_once),
		cmocka_unit_test(test_count),
		cmocka_unit_test(test_base_path),
		cmocka_unit_test(test_base_path_in_use),
		cmocka_unit_test(test_base_path_taken_meanwhile),
		cmocka_unit_test(test_exclusions),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_away),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
