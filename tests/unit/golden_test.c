/*
 * golden_test.c - what the Java agent renders, byte for byte: templates of baragon level against its output
 *
 * Engine, helpers and context together.  The vectors were printed by handlebars.java 1.3.1.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/core/context.h"
#include "agent/core/helpers.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

/* clang-format off */
static const char *const STATE =
	"{\"service\":{\"serviceId\":\"svc-1\",\"owners\":[\"o1\",\"o2\"],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"g\"],"
	"\"domains\":[\"d.com\"],\"options\":{\"str\":\"a<b>&\\\"c'`d\",\"n\":5,\"z\":0,\"d\":1.5,\"big\":1e10,\"t\":true,"
	"\"f\":false,\"list\":[\"x\",\"y\"],\"elist\":[],\"emap\":{},\"map\":{\"k1\":\"v1\",\"k2\":2},\"nul\":null,\"es\":\"\","
	"\"same\":\"us-east-1a\",\"same2\":\"us-east-1a\",\"nginxExtraConfigs\":[\"gzip on;\",\"# 'x' & <y>\"],"
	"\"nginxProxyReadTimeout\":90,\"nginxExtraUpstreamConfigs\":[\"keepalive 4;\"],\"nginxLocationModifier\":\"^~\","
	"\"proxyConfig\":[\"listen 80;\"]}},"
	"\"upstreams\":[{\"upstream\":\"10.0.0.2:80\",\"group\":\"g2\"},"
	"{\"upstream\":\"10.0.0.1:80\",\"requestId\":\"req1\",\"rackId\":\"us-east-1a\"}]}";
/* The same without owners and upstreams. */
static const char *const BARE_STATE =
	"{\"service\":{\"serviceId\":\"svc-1\",\"owners\":[],\"serviceBasePath\":\"/p\",\"loadBalancerGroups\":[\"g\"],"
	"\"options\":{\"nginxLocationModifier\":\"^~\",\"proxyConfig\":[\"listen 80;\"]}},\"upstreams\":[]}";

struct vector {
	const char *text, *want;
};

static const struct vector vectors[] = {
	{ "{{service.options.str}}", "a&lt;b&gt;&amp;&quot;c&#x27;&#x60;d" },
	{ "{{{service.options.str}}}|{{&service.options.str}}", "a<b>&\"c'`d|a<b>&\"c'`d" },
	{ "{{service.options.big}} {{service.options.list}} {{{service.options.map}}} [{{service.options.nul}}]",
		"1.0E10 [x, y] {k1=v1, k2=2} []" },
	{ "{{service.options.d}} {{service.options.n}} {{service.options.t}} {{service.options.f}}",
		"1.5 5 true false" },
	{ "{{#each upstreams}}{{{requestId}}},{{{rackId}}},{{group}},{{{this}}},{{@index}}{{@first}}{{@last}}{{@odd}}{{@even}};{{/each}}",
		"Optional.of(req1),Optional.of(us-east-1a),default,10.0.0.1:80,0firsteven;Optional.absent(),Optional.absent(),g2,10.0.0.2:80,1lastodd;" },
	{ "{{#each upstreams}}{{#if rackId}}T{{else}}F{{/if}}{{#if rackId.present}}P{{else}}A{{/if}}<{{firstOf rackId 'none'}}>{{/each}}",
		"TP<us-east-1a>TA<none>" },
	{ "{{#each upstreams}}{{service.serviceId}}/{{#if group}}{{../timestamp}}{{/if}};{{/each}}",
		"svc-1/1421852640000;svc-1/1421852640000;" },
	{ "{{#each service.options.elist}}x{{else}}E{{/each}}", "E" },
	{ "{{#each service.options.nul}}x{{else}}E{{/each}}", "" },
	{ "{{#each service.options.missing}}x{{else}}E{{/each}}", "" },
	{ "{{#each service.options.emap}}x{{else}}E{{/each}}", "" },
	{ "{{#each service.options.map}}{{@key}}={{this}},{{/each}} {{@key}}", "k1=v1,k2=2, k2" },
	{ "{{#if service.options.z}}T{{else}}F{{/if}}", "F" },
	{ "{{#if service.options.n}}T{{else}}F{{/if}}", "T" },
	{ "{{#if service.options.emap}}T{{else}}F{{/if}}", "T" },
	{ "{{#if service.options.elist}}T{{else}}F{{/if}}", "F" },
	{ "{{#if service.options.es}}T{{else}}F{{/if}}", "F" },
	{ "{{#if service.options.f}}T{{else}}F{{/if}}", "F" },
	{ "{{#if service.templateName}}T{{else}}F{{/if}}", "T" },
	{ "{{#if service.options.missing}}T{{else}}F{{/if}}", "F" },
	{ "{{#service.options.list}}<{{.}}>{{/service.options.list}}", "<x><y>" },
	{ "{{#service.options.missing}}x{{else}}no{{/service.options.missing}}", "no" },
	{ "{{service.options.list.[0]}}[{{service.options.list.[5]}}][{{service.options.list.0}}]", "x[][]" },
	{ "{{#with agentProperties}}{{agentId}} {{timestamp}}{{/with}}", "lb1:8882 1421852640000" },
	{ "{{#each upstreamGroups.g2}}{{upstream}}{{/each}}", "10.0.0.2:80" },
	{ "{{formatTimestamp timestamp}}", "2015-01-21 03:04 PM" },
	{ "{{formatTimestamp timestamp 'yyyy-MM-dd'}}", "2015-01-21" },
	{ "{{formatTimestamp timestamp 5}}", "2015-01-21 03:04 PM" },
	{ "{{firstOf service.options.missing 55}}", "55" },
	{ "{{firstOf service.options.n 55}}", "5" },
	{ "{{firstOf service.options.es 55}}", "55" },
	{ "{{firstOf service.options.f 55}}", "false" },
	{ "{{firstOf service.options.z 55}}", "0" },
	{ "{{#ifEqual service.options.same 'us-east-1a'}}T{{else}}F{{/ifEqual}}", "T" },
	{ "{{#ifEqual service.options.same service.options.same2}}T{{else}}F{{/ifEqual}}", "T" },
	{ "{{#ifEqual service.options.same service.options.same}}T{{else}}F{{/ifEqual}}", "F" },
	{ "{{#ifEqual service.options.n 7}}T{{else}}F{{/ifEqual}}", "T" },
	{ "{{#ifEqual service.options.n '5'}}T{{else}}F{{/ifEqual}}", "F" },
	{ "{{#ifEqual service.options.missing service.options.nul}}T{{else}}F{{/ifEqual}}", "T" },
	{ "{{#ifEqual service.options.missing 'x'}}T{{else}}F{{/ifEqual}}", "F" },
	{ "{{#ifEqual service.options.t 'true'}}T{{else}}F{{/ifEqual}}", "F" },
	{ "{{#each upstreams}}{{#ifEqual rackId 'us-east-1a'}}T{{else}}F{{/ifEqual}}{{#ifEqual (firstOf rackId) 'us-east-1a'}}T{{else}}F{{/ifEqual}}{{/each}}",
		"FTFF" },
	{ "{{#each upstreams}}{{#ifOptionalEqual rackId agentProperties.ec2.availabilityZone}}T{{else}}F{{/ifOptionalEqual}}{{/each}}",
		"TF" },
	{ "{{#ifOptionalEqual service.templateName service.edgeCacheDNS}}T{{else}}F{{/ifOptionalEqual}}", "F" },
	{ "{{#ifContainedIn service.domains 'd.c'}}T{{else}}F{{/ifContainedIn}}", "T" },
	{ "{{#ifContainedIn service.domains 'zz'}}T{{else}}F{{/ifContainedIn}}", "F" },
	{ "{{#ifContainedIn service.options.missing 'd.c'}}T{{else}}F{{/ifContainedIn}}", "F" },
	{ "{{toNginxVar 'Ab-Cd'}}", "ab_cd" },
	{ "a\n{{#if upstreams}}\nb\n{{/if}}\nc", "a\n\nb\n\nc" },
	{ "o:\n{{#each service.owners}}\n# {{{.}}}\n{{else}}\n# none\n{{/each}}\nend", "o:\n\n# o1\n\n# o2\n\nend" },
	{ "o:\n{{#each service.options.elist}}\n# {{{.}}}\n{{else}}\n# none\n{{/each}}\nend", "o:\n\n# none\n\nend" },
	{ "{{#each service.options.list}}{{#each ../upstreams}}{{../this}}{{@index}}{{../@index}};{{/each}}{{/each}}",
		"x00;x10;y01;y11;" },
	{ "{{resolveHostname '[::1]:80'}}", "[::1]:80" },
	{ "{{#each upstreams}}{{{firstOf service.options.nul rackId}}};{{/each}}",
		"Optional.of(us-east-1a);Optional.absent();" },
	{ "{{firstOf service.options.list}}", "[x, y]" },
	{ "{{#ifEqual (firstOf service.options.same) service.options.same}}T{{else}}F{{/ifEqual}}", "T" },
	{ "{{#ifEqual service.options.same}}T{{else}}F{{/ifEqual}}{{#ifEqual service.options.n}}T{{else}}F{{/ifEqual}}{{#ifEqual}}T{{else}}F{{/ifEqual}}",
		"FTT" },
	{ "{{#ifEqual 'a' 'a' 'b'}}T{{else}}F{{/ifEqual}}", "T" },
};

/* Refused when it is compiled or when it is rendered. */
static const char *const errors[] = {
	"{{formatTimestamp 'x'}}",
	"{{formatTimestamp service.options.missing}}",
	"{{resolveHostname 5}}",
	"{{resolveHostname service.options.missing}}",
	"{{resolveHostname '::1'}}",
	"{{resolveHostname 'localhost:'}}",
	"{{toNginxVar 5}}",
	"{{#ifContainedIn service.domains service.options.missing}}x{{/ifContainedIn}}",
	"{{#nosuch 'x'}}x{{/nosuch}}",
	"{{nosuch 'x'}}",
	"{{> nosuch}}",
	"{{i18n 'x'}}",
};

/* In the manner of the templates that come with Baragon's documentation and its container. */
static const char *const PROXY =
	"# {{{service.serviceId}}} at {{{service.serviceBasePath}}}\n"
	"{{#if service.owners}}# owners:\n"
	"{{#each service.owners}}\n"
	"#  {{{.}}}\n"
	"{{else}}\n"
	"#  nobody\n"
	"{{/each}}{{/if}}\n"
	"{{#if upstreams}}\n"
	"location {{#if service.options.nginxLocationModifier}}{{{service.options.nginxLocationModifier}}} {{/if}}{{{service.serviceBasePath}}} {\n"
	"    set $service_id_hash {{serviceIdHash}};\n"
	"    {{#unless turnOffPurgeableCacheInTemplates}}\n"
	"    proxy_cache on;\n"
	"    {{/unless}}\n"
	"    proxy_connect_timeout {{firstOf service.options.nginxProxyConnectTimeout 55}};\n"
	"    proxy_read_timeout {{firstOf service.options.nginxProxyReadTimeout 60}};\n"
	"    {{#if service.options.nginxProxyPassOverride}}\n"
	"    proxy_pass {{{service.options.nginxProxyPassOverride}}};\n"
	"    {{else}}\n"
	"    proxy_pass http://baragon_{{{service.serviceId}}};\n"
	"    {{/if}}\n"
	"    {{#each service.options.nginxExtraLocationConfigs}}\n"
	"    {{{this}}}\n"
	"    {{/each}}\n"
	"}\n"
	"{{#each service.options.nginxExtraConfigs}}\n"
	"{{{.}}}\n"
	"{{/each}}\n"
	"{{else}}\n"
	"location {{{service.serviceBasePath}}} {\n"
	"    return 503;\n"
	"}\n"
	"{{/if}}\n";
static const char *const PROXY_FULL =
	"# svc-1 at /p\n"
	"# owners:\n"
	"\n"
	"#  o1\n"
	"\n"
	"#  o2\n"
	"\n"
	"\n"
	"location ^~ /p {\n"
	"    set $service_id_hash 43dbc711ec7825ecfe43a32aea5fd96e3c39f4a9b5a1c302720bfe14b33070d5;\n"
	"    \n"
	"    proxy_cache on;\n"
	"    \n"
	"    proxy_connect_timeout 55;\n"
	"    proxy_read_timeout 90;\n"
	"    \n"
	"    proxy_pass http://baragon_svc-1;\n"
	"    \n"
	"    \n"
	"}\n"
	"\n"
	"gzip on;\n"
	"\n"
	"# 'x' & <y>\n"
	"\n"
	"\n";
static const char *const PROXY_BARE =
	"# svc-1 at /p\n"
	"\n"
	"\n"
	"location /p {\n"
	"    return 503;\n"
	"}\n"
	"\n";

static const char *const UPSTREAMS =
	"{{#if upstreams}}\n"
	"upstream baragon_{{{service.serviceId}}} {\n"
	"    {{#each upstreams}}server {{{upstream}}}; # {{{requestId}}}\n"
	"    {{/each}}\n"
	"    {{#each service.options.nginxExtraUpstreamConfigs}}\n"
	"    {{{this}}}\n"
	"    {{/each}}\n"
	"}\n"
	"{{/if}}\n"
	"{{#each service.options.upstreamConfig}}{{{this}}}\n"
	"{{/each}}\n";
static const char *const UPSTREAMS_FULL =
	"\n"
	"upstream baragon_svc-1 {\n"
	"    server 10.0.0.1:80; # Optional.of(req1)\n"
	"    server 10.0.0.2:80; # Optional.absent()\n"
	"    \n"
	"    \n"
	"    keepalive 4;\n"
	"    \n"
	"}\n"
	"\n"
	"\n";
static const char *const UPSTREAMS_BARE =
	"\n"
	"\n";

static const char *const CONTAINER =
	"# This file is made for {{{service.serviceId}}}\n"
	"{{#if upstreams}}\n"
	"{{#each service.options.proxyConfig}}{{{.}}}\n"
	"{{/each}}\n"
	"{{/if}}\n"
	"{{!-- nothing else\n"
	"--}}end\n";
static const char *const CONTAINER_FULL =
	"# This file is made for svc-1\n"
	"\n"
	"listen 80;\n"
	"\n"
	"\n"
	"end\n";
static const char *const CONTAINER_BARE =
	"# This file is made for svc-1\n"
	"\n"
	"end\n";

/* A letter for the rack of each upstream ('-': none), the agent's, and what is said of each: Java's own tests. */
static const struct {
	const char *racks;
	char zone;
	const char *want;
} weights[] = {
	{ "aabce", 'a', ",,backup,backup,backup," },
	{ "aabce", 'b', "weight=2,weight=2,weight=16,backup,backup," },
	{ "aabce", 'c', "weight=2,weight=2,backup,weight=16,backup," },
	{ "aabce", 'e', "weight=2,weight=2,backup,backup,weight=16," },
	{ "aabce", 'd', ",,,,," },
	{ "aabbbbccccee", 'a', "weight=16,weight=16,weight=2,weight=2,weight=2,weight=2,weight=2,weight=2,weight=2,weight=2,"
		"backup,backup," },
	{ "aabbbbccccee", 'b', "backup,backup,,,,,backup,backup,backup,backup,backup,backup," },
	{ "aabbbbccccee", 'c', "backup,backup,backup,backup,backup,backup,,,,,backup,backup," },
	{ "aabbbbccccee", 'd', ",,,,,,,,,,,," },
	{ "aabbbbccccee", 'e', "backup,backup,weight=2,weight=2,weight=2,weight=2,weight=2,weight=2,weight=2,weight=2,"
		"weight=16,weight=16," },
	{ "----", 'd', ",,,," },
	{ "bbeeeaaa", 'b', "weight=9,weight=9,,,,,,," },
	{ "bbeeeaaa", 'e', "backup,backup,,,,backup,backup,backup," },
	{ "bbeeeaaa", 'a', "backup,backup,backup,backup,backup,,,," },
};
/* clang-format on */

static const struct value *context_of(const char *text, char zone, struct arena *a)
{
	const struct agent_ec2 ec2 = { .availability_zone = arena_printf(a, "us-east-1%c", zone) };
	struct agentinfo info = { .base_uri = "http://lb1:8882/baragon-agent/v2", .agent_id = "lb1:8882", .ec2 = &ec2 };
	struct context_agent agent = { .level = TEMPLATE_BARAGON, .timestamp_ms = INT64_C(1421852640000) };
	const struct service_state *state = NULL;
	const struct value *v = NULL;
	struct error err = ERROR_INIT;

	agent.properties = context_agent_properties(&info, agent.level, a);
	if (record_decode(&service_state_record, text, strlen(text), a, &state, &err) != 0 ||
		context_build(state, &agent, a, &v, &err) != 0)
		fail_msg("%s", err.text);
	return v;
}

static int render(const char *text, const char *state, char zone, struct buf *out, struct error *err)
{
	struct helper_env env = { .level = TEMPLATE_BARAGON };
	struct template_options opt = { .level = TEMPLATE_BARAGON };
	AUTO(arena_free) struct arena *a = arena_new();
	AUTO(template_free) struct template *t = NULL;
	int rc;

	opt.helpers = helpers_make(&env, a, &opt.n_helpers);
	rc = template_compile("golden", text, strlen(text), &opt, &t, err);
	return rc != 0 ? rc : template_render(t, context_of(state, zone, a), out, err);
}

static void check(const char *text, const char *state, char zone, const char *want)
{
	AUTO(buf_release) struct buf out = BUF_INIT;
	struct error err = ERROR_INIT;

	if (render(text, state, zone, &out, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	if (strcmp(buf_cstr(&out), want) != 0)
		fail_msg("%s:\n%s\nnot\n%s", text, buf_cstr(&out), want);
}

static void as_java_prints(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++)
		check(vectors[i].text, STATE, 'a', vectors[i].want);
}

static void as_java_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		AUTO(buf_release) struct buf out = BUF_INIT;
		struct error err = ERROR_INIT;

		if (render(errors[i], STATE, 'a', &out, &err) == 0)
			fail_msg("%s: '%s'", errors[i], buf_cstr(&out));
		assert_true(strncmp(err.text, "golden:1:", 9) == 0);
		assert_int_equal(out.len, 0);
	}
}

static void samples(void **state)
{
	(void)state;
	check(PROXY, STATE, 'a', PROXY_FULL);
	check(PROXY, BARE_STATE, 'a', PROXY_BARE);
	check(UPSTREAMS, STATE, 'a', UPSTREAMS_FULL);
	check(UPSTREAMS, BARE_STATE, 'a', UPSTREAMS_BARE);
	check(CONTAINER, STATE, 'a', CONTAINER_FULL);
	check(CONTAINER, BARE_STATE, 'a', CONTAINER_BARE);
}

static void racks(void **state)
{
	static const char *const text = "{{#each upstreams}}{{preferSameRackWeighting ../upstreams this}},{{/each}}";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(weights); i++) {
		AUTO(buf_release) struct buf json = BUF_INIT;

		buf_str(&json, "{\"service\":{\"serviceId\":\"s\",\"owners\":[],\"serviceBasePath\":\"/\","
			"\"loadBalancerGroups\":[\"g\"]},\"upstreams\":[");
		for (size_t k = 0; weights[i].racks[k] != '\0'; k++) {
			buf_printf(&json, "%s{\"upstream\":\"10.0.0.%zu:80\"", k > 0 ? "," : "", k + 10);
			if (weights[i].racks[k] != '-')
				buf_printf(&json, ",\"rackId\":\"us-east-1%c\"", weights[i].racks[k]);
			buf_str(&json, "}");
		}
		buf_str(&json, "]}");
		check(text, json.data, weights[i].zone, weights[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_java_prints),
		cmocka_unit_test(as_java_refuses),
		cmocka_unit_test(samples),
		cmocka_unit_test(racks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
