/*
 * context_test.c - what templates see of a service, and names for HAProxy
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/context.h"

#include "agent/template/template.h"
#include "lib/base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* clang-format off */
static const char *const SERVICE =
	"{\"serviceId\":\"svc/1\",\"owners\":[\"o2\",\"o1\"],\"serviceBasePath\":\"/p/\",\"additionalPaths\":[\"/\",\"/p\",\"/a b\"],"
	"\"loadBalancerGroups\":[\"g2\",\"g1\"],\"options\":{\"n\":5,\"weights\":{\"10.0.0.1:80\":0,\"10.0.0.2:80\":999}},"
	"\"templateName\":null,\"domains\":[\"e.com\",\"D.com\"],\"edgeCacheDNS\":null,\"edgeCacheDomains\":[],"
	"\"preResolveUpstreamDNS\":true}";
static const char *const UPSTREAMS[] = {
	"{\"upstream\":\"10.0.0.2:80\",\"group\":\"b\"}", "{\"upstream\":\"10.0.0.1:80\",\"requestId\":\"r1\",\"rackId\":\"z\"}",
	"{\"upstream\":\"10.0.0.2:80\",\"group\":\"a\"}", "{\"upstream\":\"host.x:81\",\"resolvedUpstream\":\"10.0.0.9:81\"}",
	"{\"upstream\":\"[::1]:80\"}" };
/* clang-format on */

/* The state with the upstreams beginning at `first`, going round. */
static const struct service_state *state_of(const char *service, size_t first, struct arena *a)
{
	AUTO(buf_release) struct buf text = BUF_INIT;
	const struct service_state *s = NULL;
	struct error err = ERROR_INIT;

	buf_printf(&text, "{\"service\":%s,\"upstreams\":[", service);
	for (size_t i = 0; i < ARRAY_LEN(UPSTREAMS); i++)
		buf_printf(&text, "%s%s", i > 0 ? "," : "", UPSTREAMS[(first + i) % ARRAY_LEN(UPSTREAMS)]);
	buf_str(&text, "]}");
	if (record_decode(&service_state_record, text.data, text.len, a, &s, &err) != 0)
		fail_msg("%s", err.text);
	return s;
}

static const struct value *build(const struct service_state *s, struct arena *a)
{
	struct context_agent agent = { .timestamp_ms = 17 };
	const struct value *v = NULL;
	struct error err = ERROR_INIT;

	if (context_build(s, &agent, a, &v, &err) != 0)
		fail_msg("%s", err.text);
	return v;
}

static void check(const struct value *data, const char *text, const char *want)
{
	AUTO(template_free) struct template *t = NULL;
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;

	if (template_compile("t", text, strlen(text), NULL, &t, &err) != 0 || template_render(t, data, &out, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(buf_cstr(&out), want);
}

static void java_names(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value *v = build(state_of(SERVICE, 0, a), a);

	(void)state;
	check(v, "{{service.serviceId}} {{service.owners}} {{service.serviceBasePath}} {{service.additionalPaths}}",
		"svc/1 o2,o1 /p/ /,/p,/a b");
	check(v, "{{service.loadBalancerGroups}} {{service.domains}} {{service.options.n}} {{service.preResolveUpstreamDNS}}",
		"g1,g2 D.com,e.com 5 true");
	check(v, "[{{service.templateName}}{{service.edgeCacheDNS}}] {{timestamp}} {{present}} {{rootPath}} "
		"{{turnOffPurgeableCacheInTemplates}}", "[] 17 true false false");
	check(v, "{{serviceIdHash}}", "0a22b42f7ad33b607da4f2877122527acb7bd6b843412071ea3a395a625b7f98");
	check(v, "{{#each upstreams}}{{upstream}},{{this}},{{group}},{{requestId}},{{rackId}},{{resolvedUpstream}};{{/each}}",
		"10.0.0.1:80,10.0.0.1:80,default,r1,z,;10.0.0.2:80,10.0.0.2:80,a,,,;10.0.0.2:80,10.0.0.2:80,b,,,;"
		"[::1]:80,[::1]:80,default,,,;host.x:81,host.x:81,default,,,10.0.0.9:81;");
	check(v, "{{#each upstreamGroups}}{{@key}}={{#each this}}{{upstream}} {{/each}}{{/each}}{{upstreamGroups.b}}",
		"a=10.0.0.2:80 b=10.0.0.2:80 default=10.0.0.1:80 [::1]:80 host.x:81 10.0.0.2:80");
	check(v, "{{this}} {{service}}", "svc/1 svc/1");
}

static void our_names(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value *v = build(state_of(SERVICE, 0, a), a);

	(void)state;
	check(v, "{{id}} {{backend}}", "svc/1 svc:2F1");
	check(v, "{{#each servers}}{{name}} {{address}} {{host}} {{port}} {{weight}}{{#if weight}}!{{/if}};{{/each}}",
		"s_10.0.0.1_80 10.0.0.1:80 10.0.0.1 80 0!;s_10.0.0.2_80 10.0.0.2:80 10.0.0.2 80 ;"
		"s6_::1_80 [::1]:80 ::1 80 ;s_10.0.0.9_81 10.0.0.9:81 10.0.0.9 81 ;");
	check(v, "{{#each paths}}{{this}};{{/each}}", "/p;/;/a b;");
	check(v, "{{#each routes}}{{domain}}|{{path}}|{{exact}}|{{prefix}};{{/each}}",
		"d.com|/p|d.com/p|d.com/p/;d.com|/|d.com/|d.com/;d.com|/a%20b|d.com/a%20b|d.com/a%20b/;"
		"e.com|/p|e.com/p|e.com/p/;e.com|/|e.com/|e.com/;e.com|/a%20b|e.com/a%20b|e.com/a%20b/;");
	v = build(state_of("{\"serviceId\":\"b\",\"owners\":[],\"serviceBasePath\":\"x#\\u00e9//\",\"loadBalancerGroups\":[\"g\"]}",
		0, a), a);
	check(v, "{{#each routes}}{{domain}}|{{path}}|{{exact}}|{{prefix}};{{/each}}",
		"|/x%23%C3%A9|/x%23%C3%A9|/x%23%C3%A9/;");
}

static void order_of_arrival_is_not_seen(void **state)
{
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(buf_release) struct buf first = BUF_INIT;

	(void)state;
	value_write(build(state_of(SERVICE, 0, a), a), false, &first);
	for (size_t i = 1; i < ARRAY_LEN(UPSTREAMS); i++) {
		AUTO(buf_release) struct buf again = BUF_INIT;

		value_write(build(state_of(SERVICE, i, a), a), false, &again);
		assert_string_equal(first.data, again.data);
	}
}

static void agent_facts(void **state)
{
	static const struct agent_ec2 ec2 = { .availability_zone = "us-east-1a" };
	AUTO(arena_free) struct arena *a = arena_new();
	struct agentinfo info = { .base_uri = "http://lb1:8882/x", .agent_id = "lb1:8882", .ec2 = &ec2, .batch_enabled = true };
	struct context_agent agent = { .timestamp_ms = 1 };
	struct value *extra = value_map(a);
	struct error err = ERROR_INIT;
	const struct value *v;

	(void)state;
	value_map_put(a, extra, "k", value_string(a, "v"));
	info.extra = extra;
	agent.properties = context_agent_properties(&info, TEMPLATE_LOCKSTEP, a);
	strings_add(&agent.purge_off_for, a, "svc/1");
	assert_int_equal(context_build(state_of(SERVICE, 0, a), &agent, a, &v, &err), 0);
	check(v, "{{#with agentProperties}}{{agentId}} {{baseAgentUri}} [{{domain}}] {{ec2.availabilityZone}} [{{ec2.vpcId}}] "
		"{{extraAgentData.k}} {{batchEnabled}}{{/with}} {{turnOffPurgeableCacheInTemplates}}",
		"lb1:8882 http://lb1:8882/x [] us-east-1a [] v true true");
}

/* The members that Java has as Optionals, at baragon level alone. */
static void java_optionals(void **state)
{
	static const struct {
		const char *in, *key;
		bool there;
	} rows[] = { { "service", "templateName", false }, { "service", "edgeCacheDNS", false }, { "upstream", "requestId", true },
		{ "upstream", "rackId", true }, { "upstream", "resolvedUpstream", false }, { "upstream", "originalPath", false },
		{ "properties", "domain", false }, { "properties", "gcloud", false }, { "ec2", "instanceId", false },
		{ "ec2", "availabilityZone", true }, { "ec2", "subnetId", false }, { "ec2", "vpcId", false },
		{ "ec2", "privateIp", false } };
	static const struct agent_ec2 ec2 = { .availability_zone = "us-east-1a" };
	AUTO(arena_free) struct arena *a = arena_new();
	struct agentinfo info = { .agent_id = "lb1:8882", .ec2 = &ec2 };

	(void)state;
	for (int level = TEMPLATE_LOCKSTEP; level <= TEMPLATE_BARAGON; level++) {
		struct context_agent agent = { .level = (enum template_level)level };
		const struct value *v = NULL;

		agent.properties = context_agent_properties(&info, agent.level, a);
		assert_int_equal(context_build(state_of(SERVICE, 0, a), &agent, a, &v, NULL), 0);
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			const struct value *in = value_get(v, "service"), *field;

			if (str_eq(rows[i].in, "upstream"))
				in = value_get(v, "upstreams")->u.list.items[0];
			else if (!str_eq(rows[i].in, "service"))
				in = agent.properties;
			if (str_eq(rows[i].in, "ec2"))
				in = value_get(in, "ec2");
			field = value_get(in, rows[i].key);
			assert_non_null(field);
			if (level == TEMPLATE_BARAGON) {
				assert_int_equal(field->kind, VALUE_MAP);
				assert_int_equal(field->u.map.n, 1);
				field = value_get(field, TEMPLATE_OPTIONAL_KEY);
				assert_non_null(field);
			}
			assert_int_equal(field->kind, rows[i].there ? VALUE_STRING : VALUE_NULL);
		}
		assert_int_equal(value_get(value_get(v, "upstreams")->u.list.items[0], "group")->kind, VALUE_STRING);
		assert_int_equal(value_get(value_get(v, "upstreams")->u.list.items[0], "name")->kind, VALUE_STRING);
	}
}

/* Equal addresses in several groups, and ones that are equal only once they are resolved. */
static void one_server_per_address(void **state)
{
	static const struct service service = { .id = "s" };
	struct context_agent agent = { .timestamp_ms = 1 };
	AUTO(arena_free) struct arena *a = arena_new();
	struct upstream us[40];
	const struct value *v = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(us); i++)
		us[i] = (struct upstream){ .address = arena_printf(a, "h%02zu:80", i / 2), .group = i % 2 != 0 ? "x" : "y" };
	assert_int_equal(context_build(&(struct service_state){ &service, { us, ARRAY_LEN(us) } }, &agent, a, &v, NULL), 0);
	assert_int_equal(value_get(v, "servers")->u.list.n, 20);
	assert_int_equal(value_get(value_get(v, "upstreamGroups"), "x")->u.list.n, 20);
	for (size_t i = 0; i < ARRAY_LEN(us); i++)
		us[i].resolved = arena_printf(a, "10.0.0.%zu:80", i % 5);
	us[7].resolved = NULL;
	assert_int_equal(context_build(&(struct service_state){ &service, { us, ARRAY_LEN(us) } }, &agent, a, &v, NULL), 0);
	check(v, "{{#each servers}}{{name}} {{upstream}};{{/each}}",
		"s_10.0.0.1_80 h00:80;s_10.0.0.0_80 h00:80;s_10.0.0.3_80 h01:80;s_10.0.0.2_80 h01:80;s_10.0.0.4_80 h02:80;"
		"s_h03_80 h03:80;");
}

static void a_bad_address_is_refused(void **state)
{
	static const struct service service = { .id = "s" };
	struct upstream u = { .address = "10.0.0.1:80 disabled", .group = "default" };
	struct service_state s = { &service, { &u, 1 } };
	struct context_agent agent = { .timestamp_ms = 1 };
	AUTO(arena_free) struct arena *a = arena_new();
	const struct value *v = NULL;
	struct error err = ERROR_INIT;

	(void)state;
	assert_int_equal(context_build(&s, &agent, a, &v, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "upstream '10.0.0.1:80 disabled': "));
	u.address = "10.0.0.1:80";
	u.resolved = "1.2.3.4:80\nlisten x";
	assert_int_equal(context_build(&s, &agent, a, &v, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "upstream '1.2.3.4:80\\nlisten x': "));
	u.resolved = NULL;
	u.address = NULL;
	assert_int_equal(context_build(&s, &agent, a, &v, &err), 0);
	check(v, "{{#each upstreams}}[{{upstream}}{{name}}{{port}}]{{/each}}{{#each servers}}x{{else}}none{{/each}}", "[]none");
}

static void names(void **state)
{
	static const struct {
		bool server;
		const char *from, *want;
	} rows[] = { { false, "a_b-c.D9", "a_b-c.D9" }, { false, "a:b", "a:3Ab" }, { false, "a/b c", "a:2Fb:20c" },
		{ false, "é", ":C3:A9" }, { true, "10.0.0.1:8080", "s_10.0.0.1_8080" }, { true, "a_1:80", "s_a_1_80" },
		{ true, "a_1_80", "t_a_1_80" }, { true, "[fe80::1]:80", "s6_fe80::1_80" }, { true, "[x]:80", "s_:5Bx:5D_80" },
		{ true, "::1:80", "t_:3A:3A1:3A80" }, { true, "a:", "t_a:3A" }, { true, ":80", "t_:3A80" },
		{ true, "a:8x", "t_a:3A8x" }, { true, "", "t_" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;

		if (rows[i].server)
			context_server_name(rows[i].from, &out);
		else
			context_backend_name(rows[i].from, &out);
		assert_string_equal(buf_cstr(&out), rows[i].want);
	}
}

#define NEEDED "\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"/\",\"loadBalancerGroups\":[\"g\"]"

/* Members and groups whose names mean something to the engine. */
static void names_of_the_engine_are_refused(void **state)
{
	static const char *const bad[] = {
		"{\"service\":{" NEEDED ",\"options\":{\"a\":[{\"\\u0001\":\"x\"}]}},\"upstreams\":[]}",
		"{\"service\":{" NEEDED ",\"options\":{\"\\u0002\":null}},\"upstreams\":[]}",
		"{\"service\":{" NEEDED "},\"upstreams\":[{\"upstream\":\"h:1\",\"group\":\"\\u0001\"}]}",
	};
	AUTO(arena_free) struct arena *a = arena_new();
	struct context_agent agent = { .level = TEMPLATE_LOCKSTEP };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct service_state *s;
		const struct value *v;
		struct error err = ERROR_INIT;

		if (record_decode(&service_state_record, bad[i], strlen(bad[i]), a, &s, &err) != 0)
			fail_msg("%s", err.text);
		assert_int_equal(context_build(s, &agent, a, &v, &err), ERR_INVALID);
		assert_non_null(strstr(err.text, "control character"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(java_names),
		cmocka_unit_test(our_names),
		cmocka_unit_test(order_of_arrival_is_not_seen),
		cmocka_unit_test(agent_facts),
		cmocka_unit_test(java_optionals),
		cmocka_unit_test(one_server_per_address),
		cmocka_unit_test(a_bad_address_is_refused),
		cmocka_unit_test(names_of_the_engine_are_refused),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
