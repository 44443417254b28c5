/*
 * expand_test.c - aliases, default domains, the purge flag, and requests that a rule refuses
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "lib/base/str.h"
#include "service/core/expand.h"

static struct request *decode(struct arena *a, const char *service_more, const char *more)
{
	const char *text = arena_printf(a,
		"{\"loadBalancerRequestId\":\"r1\",\"loadBalancerService\":{\"serviceId\":\"s1\","
		"\"owners\":[],\"serviceBasePath\":\"/s1\",%s},\"addUpstreams\":[],\"removeUpstreams\":[]%s}",
		service_more, more);
	struct request *rq;

	assert_int_equal(request_decode(text, strlen(text), a, &rq, NULL), 0);
	return rq;
}

static struct group *group(struct arena *a, const char *json)
{
	struct group *g;

	assert_int_equal(group_decode(json, strlen(json), a, &g, NULL), 0);
	return g;
}

static struct group_alias *alias(struct arena *a, const char *json)
{
	struct group_alias *al;

	assert_int_equal(record_decode(&group_alias_record, json, strlen(json), a, &al, NULL), 0);
	return al;
}

static void expect(const struct strings *got, const char *want)
{
	AUTO(buf_release) struct buf text = BUF_INIT;

	for (size_t i = 0; i < got->n; i++)
		buf_printf(&text, "%s%s", i > 0 ? " " : "", got->items[i]);
	assert_string_equal(buf_cstr(&text), want);
}

static void test_aliases(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct request *rq = decode(
		a, "\"loadBalancerGroups\":[\"all\",\"g1\",\"new\"],\"domains\":[\"mine\"]", "");
	struct expand_fact items[] = {
		{ "all",
			alias(a,
				"{\"groups\":[\"g1\",\"g2\"],\"domains\":[\"d.all\"],\"edgeCacheDomains\":[\"e\"]}"),
			NULL },
		{ "g1", NULL, group(a, "{\"name\":\"g1\",\"defaultDomain\":\"d1\"}") },
		{ "new", NULL, NULL },
		{ "g2", NULL,
			group(a,
				"{\"name\":\"g2\",\"defaultDomain\":\"d2\",\"domains\":[\"mine\",\"d2\"]}") },
	};
	struct expand_facts facts = { items, 3, { NULL, 0 }, { NULL, 0 } };
	struct strings more = { NULL, 0 };
	struct request *out;

	(void)state;
	expand_more_groups(rq, &facts, a, &more);
	expect(&more, "g2");
	facts.n = 4;
	out = expand_request(rq, &facts, a);
	expect(&out->service->groups, "g1 g2 new");
	/* g1 was named, so its default is added; g2 has a domain that is there already. */
	expect(&out->service->domains, "mine d.all d1");
	expect(&out->service->edge_cache_domains, "e");
	/* The original is as it was. */
	expect(&rq->service->groups, "all g1 new");
	expect(&rq->service->domains, "mine");
}

static void test_default_domain_of_an_alias_group(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct request *rq = decode(a, "\"loadBalancerGroups\":[\"all\"]", "");
	struct expand_fact items[] = {
		{ "all", alias(a, "{\"groups\":[\"g2\"]}"), NULL },
		{ "g2", NULL, group(a, "{\"name\":\"g2\",\"domain\":\"old.form\"}") },
	};
	struct request *out =
		expand_request(rq, &(struct expand_facts){ items, 2, { NULL, 0 }, { NULL, 0 } }, a);

	(void)state;
	expect(&out->service->domains, "old.form");
}

static void test_edge_and_replace(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct request *rq = decode(a, "\"loadBalancerGroups\":[\"g\"],\"edgeCacheDNS\":\"edge\"",
		",\"replaceServiceId\":\"x\"");
	struct request *out =
		expand_request(rq, &(struct expand_facts){ NULL, 0, { NULL, 0 }, { NULL, 0 } }, a);

	(void)state;
	assert_null(out->service->edge_cache_dns);
	assert_null(out->replace_service_id);
	expect(&out->service->edge_cache_domains, "edge");
	expect(&out->service->groups, "g");
	expect(&out->service->domains, "");
}

static bool purges(const char *service_more, const char *more, bool excluded)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const char *templates[] = { "", "t" }, *ids[] = { "s1" };
	struct expand_facts facts = { NULL, 0, { templates, 2 }, { ids, excluded ? 1 : 0 } };

	return expand_request(decode(a, service_more, more), &facts, a)->purge_cache;
}

static void test_purge_flag(void **state)
{
	(void)state;
	assert_true(purges("\"loadBalancerGroups\":[\"g\"]", ",\"action\":\"UPDATE\"", false));
	assert_true(purges("\"loadBalancerGroups\":[\"g\"],\"templateName\":\"t\"",
		",\"action\":\"UPDATE\"", false));
	assert_false(purges("\"loadBalancerGroups\":[\"g\"],\"templateName\":\"u\"",
		",\"action\":\"UPDATE\"", false));
	assert_false(purges("\"loadBalancerGroups\":[\"g\"]", ",\"action\":\"UPDATE\"", true));
	assert_false(
		purges("\"loadBalancerGroups\":[\"g\"]", "", false)); /* only an explicit UPDATE */
	assert_true(purges("\"loadBalancerGroups\":[\"g\"]", ",\"purgeCache\":true", true));
}

static bool changes_upstreams_only(const char *id, bool removes, const char *more)
{
	AUTO(arena_free) struct arena *a = arena_new();
	struct request *rq = decode(a, "\"loadBalancerGroups\":[\"g\"]", more);
	struct upstream gone = { .address = "1.2.3.4:5" };

	rq->id = id;
	if (removes)
		rq->remove = (struct upstreams){ &gone, 1 };
	return expand_request(rq, &(struct expand_facts){ NULL, 0, { NULL, 0 }, { NULL, 0 } }, a)
		->upstream_update_only;
}

/* Its body has the definition of the task's own deploy, which may be an old one. */
static void test_removal_of_a_task(void **state)
{
	(void)state;
	assert_true(changes_upstreams_only("req-dep1-1700000000001-1-h-r-REMOVE-1", true, ""));
	assert_true(changes_upstreams_only("t-REMOVE-12", true, ",\"action\":\"UPDATE\""));
	assert_false(changes_upstreams_only("t-REMOVE-", true, ""));
	assert_false(changes_upstreams_only("t-REMOVE-1x", true, ""));
	assert_false(changes_upstreams_only("-REMOVE-1", true, ""));
	assert_false(changes_upstreams_only("17", true, ""));
	assert_false(changes_upstreams_only("t-DEPLOY-1", true, ""));
	assert_false(changes_upstreams_only("t-REMOVE-1", false, ""));
	assert_false(changes_upstreams_only("t-REMOVE-1", true, ",\"action\":\"DELETE\""));
	assert_false(changes_upstreams_only("t-REMOVE-1", true, ",\"replaceUpstreams\":[\"1.2.3.4:5\"]"));
	assert_true(changes_upstreams_only("x", true, ",\"upstreamUpdateOnly\":true"));
}

static void test_refusals(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	static const char g[] = "\"loadBalancerGroups\":[\"g\"]";

	(void)state;
	assert_string_equal(expand_refusal(decode(a, g, "")), "");
	assert_string_equal(expand_refusal(decode(a, g, ",\"action\":\"RELOAD\"")), "");
	assert_string_equal(
		expand_refusal(decode(a, g, ",\"action\":\"RELOAD\",\"noReload\":true")),
		"You can not specify 'noReload' on a request with action 'RELOAD'");
	assert_true(str_starts(expand_refusal(decode(a, g, ",\"action\":\"REVERT\"")),
		"The REVERT action may only be used"));
	{
		struct request *rq = decode(a, g, ",\"replaceUpstreams\":[\"1.2.3.4:5\"]");

		assert_string_equal(expand_refusal(rq), "");
		rq->add = rq->replace;
		assert_true(str_starts(expand_refusal(rq), "If overrideUpstreams is specified"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_default_domain_of_an_alias_group),
		cmocka_unit_test(test_edge_and_replace),
		cmocka_unit_test(test_purge_flag),
		cmocka_unit_test(test_removal_of_a_task),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
