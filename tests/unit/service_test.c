/*
 * service_test.c - BaragonService on the wire, and the lock keys of its paths
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "tests/unit/model_sample.h"

#include "lib/model/service.h"

#define MINIMAL                                                                                    \
	"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"/"                               \
	"\",\"loadBalancerGroups\":[\"g\"]}"

static void minimal_on_the_wire(void **state)
{
	expect_record(&service_record, read_record(&service_record, *state, MINIMAL),
		"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"/"
		"\",\"additionalPaths\":[],"
		"\"loadBalancerGroups\":[\"g\"],\"options\":null,\"templateName\":null,\"domains\":"
		"[],"
		"\"edgeCacheDNS\":null,\"edgeCacheDomains\":[],\"preResolveUpstreamDNS\":false}");
}

static void edge_cache_dns_joins_the_domains(void **state)
{
	struct service *s = read_record(&service_record, *state,
		"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"\","
		"\"loadBalancerGroups\":[],"
		"\"edgeCacheDNS\":\"x\",\"edgeCacheDomains\":[\"a\"]}");

	assert_int_equal(s->edge_cache_domains.n, 2);
	assert_string_equal(s->edge_cache_domains.items[1], "x");
	assert_string_equal(s->edge_cache_dns, "x");
}

static void required_and_typed(void **state)
{
	refuse_record(&service_record, *state, "{}", "serviceId: may not be null");
	refuse_record(&service_record, *state, "{\"serviceId\":\"s\"}", "owners: may not be null");
	refuse_record(&service_record, *state, "{\"serviceId\":\"s\",\"owners\":\"me\"}",
		"owners: must be an array");
	refuse_record(&service_record, *state, "{\"serviceId\":\"s\",\"owners\":[]}",
		"serviceBasePath: may not be null");
	refuse_record(&service_record, *state,
		"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"\"}",
		"loadBalancerGroups: may not be null");
	refuse_record(&service_record, *state,
		"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"\","
		"\"loadBalancerGroups\":[],\"options\":[]}",
		"options: must be an object");
}

static void equality(void **state)
{
	static const struct {
		const char *more;
		bool equal;
	} rows[] = {
		{"", true},
		{",\"options\":{}", false},
		{",\"templateName\":\"\"", false},
		{",\"domains\":[\"d\"]", false},
		{",\"preResolveUpstreamDNS\":true", false},
		{",\"additionalPaths\":[\"/x\"]", false},
		{",\"rackThing\":1", true},
		{",\"domains\":[]", true},
	};
	const struct service *base = read_record(&service_record, *state, MINIMAL);
	size_t i;

	for (i = 0; i < ARRAY_LEN(rows); i++) {
		char text[400];

		snprintf(text, sizeof(text), "%.*s%s}", (int)strlen(MINIMAL) - 1, MINIMAL,
			rows[i].more);
		assert_int_equal(record_equal(&service_record, base,
					 read_record(&service_record, *state, text)),
			rows[i].equal);
	}
}

static void expect_keys(struct arena *a, const char *service, const char *const *want, size_t n)
{
	struct strings keys = { NULL, 0 };
	size_t i;

	service_lock_keys(read_record(&service_record, a, service), a, &keys);
	assert_int_equal(keys.n, n);
	for (i = 0; i < n; i++)
		assert_string_equal(keys.items[i], want[i]);
}

static void lock_keys(void **state)
{
	static const char *const plain[] = { "/b", "/a" };
	static const char *const domains[] = { "x.org/b", "y.org/b", "x.org/a", "y.org/a" };

	expect_keys(*state,
		"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"/"
		"a\",\"additionalPaths\":[\"/b\",\"/a\"],"
		"\"loadBalancerGroups\":[]}",
		plain, 2);
	expect_keys(*state,
		"{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"/"
		"a\",\"additionalPaths\":[\"/b\"],"
		"\"loadBalancerGroups\":[],\"domains\":[\"x.org\",\"y.org\"]}",
		domains, 4);
}

static void states(void **state)
{
	const struct service_state *s = read_record(&service_state_record, *state,
		"{\"service\":" MINIMAL
		",\"upstreams\":[\"10.0.0.1:80\",{\"upstream\":\"h:1\",\"group\":\"g\"}]}");

	assert_int_equal(s->upstreams.n, 2);
	assert_string_equal(s->upstreams.items[0].original, "10.0.0.1:80");
	assert_string_equal(s->upstreams.items[1].group, "g");
	s = read_record(&service_state_record, *state, "{}");
	expect_record(&service_state_record, s, "{\"service\":null,\"upstreams\":[]}");
	refuse_record(&service_state_record, *state, "{\"service\":{\"serviceId\":[]}}",
		"service.serviceId: must be a string");
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(minimal_on_the_wire),
		TEST(edge_cache_dns_joins_the_domains), TEST(required_and_typed), TEST(equality),
		TEST(lock_keys), TEST(states)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
