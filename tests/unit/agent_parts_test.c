/*
 * agent_parts_test.c - from the YAML to the metadata, the group, the templates and the options
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_parts.h"

#include "lib/base/str.h"
#include "tests/unit/cmocka_all.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD                                                                                       \
	"hostname: lb1\nserver: {type: simple, applicationContextPath: /a, connector: {port: 81}}\n" \
	"zookeeper: {quorum: 'z:1', zkNamespace: b}\n"
#define LB "loadBalancerConfig:\n  name: web\n  rootPath: /r\n  checkConfigCommand: c\n  reloadConfigCommand: rl\n"

static struct agent_conf *conf;
static struct agent_parts *parts;
static struct error err;

static int teardown(void **state)
{
	(void)state;
	agent_parts_free(&parts);
	agent_conf_free(&conf);
	return 0;
}

static int make(const char *text)
{
	teardown(NULL);
	err = (struct error)ERROR_INIT;
	if (agent_conf_parse("a.yml", text, strlen(text), &conf, NULL, &err) != 0)
		fail_msg("%s", err.text);
	return agent_parts_new(conf, &parts, NULL, &err);
}

static void metadata(void **state)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	(void)state;
	assert_int_equal(make(HEAD LB "  domain: d.example\n"
				      "extraAgentData: {rack: r1, lockstep: '0'}\navailabilityZone: z1\n"
				      "privateIp: 10.0.0.1\ngcloud: {project: p}\n"), 0);
	record_encode(&agentinfo_record, parts->link.info, &json);
	assert_string_equal(buf_cstr(&json),
		"{\"baseAgentUri\":\"http://lb1:81/a\",\"agentId\":\"lb1:81\",\"domain\":\"d.example\",\"ec2\":{"
		"\"instanceId\":null,\"availabilityZone\":\"z1\",\"subnetId\":null,\"vpcId\":null,"
		"\"privateIp\":\"10.0.0.1\"},\"gcloud\":{\"resourceGroup\":null,\"project\":\"p\",\"region\":null,"
		"\"backendService\":null,\"instanceName\":null},\"extraAgentData\":{\"rack\":\"r1\","
		"\"lockstep\":\"1\"},\"batchEnabled\":true}");
	assert_int_equal(make(HEAD LB "privateIp: 10.0.0.1\nskipPrivateIp: true\n"), 0);
	assert_null(parts->info.ec2->private_ip);
	assert_null(parts->info.gcloud);
}

static void group(void **state)
{
	AUTO(buf_release) struct buf json = BUF_INIT;

	(void)state;
	assert_int_equal(make(HEAD LB "  defaultDomain: d\n  domains: [d, e]\n  domainAliases: {d: [w.d, x.d]}\n"
				      "  minHealthyAgents: 2\n"), 0);
	group_encode(parts->link.group, &json);
	assert_string_equal(buf_cstr(&json),
		"{\"name\":\"web\",\"domain\":\"d\",\"trafficSources\":[],\"sources\":[],\"defaultDomain\":\"d\","
		"\"domains\":[\"d\",\"e\"],\"domainAliases\":{\"d\":[\"w.d\",\"x.d\"]},\"minHealthyAgents\":2}");
}

static void options(void **state)
{
	(void)state;
	assert_int_equal(make(HEAD LB "  commandTimeoutMs: 7s\n  limitWorkerCount: true\n  workerCountCommand: wc\n"
				      "  maxLbWorkerCount: 3\n"
				      "  haproxy: {masterSocket: /m, statsSocket: /s, fingerprintFile: f.cfg}\n"
				      "heartbeatIntervalSeconds: 2\nstateCheckIntervalSecs: 90\n"), 0);
	assert_string_equal(parts->apply.root_path, "/r");
	assert_string_equal(parts->apply.check_command, "c");
	assert_string_equal(parts->apply.reload_command, "rl");
	assert_int_equal(parts->apply.command_timeout_ms, 7000);
	assert_string_equal(parts->apply.worker_count_command, "wc");
	assert_int_equal(parts->apply.max_workers, 3);
	assert_string_equal(parts->apply.master_socket, "/m");
	assert_string_equal(parts->apply.stats_socket, "/s");
	assert_string_equal(parts->apply.fingerprint_file, "f.cfg");
	assert_int_equal(parts->apply.confirm_timeout_ms, 10000);
	assert_ptr_equal(parts->apply.renderer, parts->renderer);
	assert_string_equal(parts->link.group_name, "web");
	assert_int_equal(parts->link.heartbeat_ms, 2000);
	assert_int_equal(parts->link.reconcile_ms, 90000);
	assert_true(parts->link.rules.join && parts->link.rules.intent && parts->link.rules.known);
	assert_int_equal(make(HEAD LB "  workerCountCommand: wc\n"), 0);
	assert_null(parts->apply.worker_count_command); /* limitWorkerCount is off */
}

static void templates(void **state)
{
	const struct service svc = { .id = "s1", .base_path = "/s1", .template_name = "two" };
	const struct service_state one = { .service = &svc };
	const struct service_state *all[] = { &one };
	AUTO(arena_free) struct arena *a = arena_new();
	struct fileset *fs = NULL;

	(void)state;
	assert_int_equal(make(HEAD LB "templates:\n  - {filename: 'p/%s', template: a, namedTemplates: {two: b}}\n"
				      "collectedTemplates:\n  - {filename: c, mode: 0600, header: '<', template: a, "
				      "namedTemplates: {two: b}, footer: '>'}\n"), 0);
	assert_int_equal(fileset_build(parts->renderer, NULL, all, NULL, 1, 0, &fs, NULL, &err), 0);
	assert_int_equal(fs->n, 2);
	assert_string_equal(fs->files[0].path, "c");
	assert_string_equal(fileset_text(&fs->files[0], a), "<\nb\n>\n");
	assert_int_equal(fs->files[0].mode, 0600);
	assert_string_equal(fs->files[1].path, "p/s1");
	assert_string_equal(fileset_text(&fs->files[1], a), "b");
	fileset_free(&fs);
}

/* What the settings say of formats and names reaches the templates. */
static void formats(void **state)
{
	static const char yaml[] = HEAD LB "availabilityZone: a\ndefaultDateFormat: yyyy/MM\nzeroWeightString: none\n"
					   "weightingFormat: 'weight %s'\ntemplates:\n  - filename: 'p/%s'\n    template: |\n"
					   "      {{formatTimestamp 1421852640000}}\n"
					   "      {{resolveHostname '127.0.0.9:80'}} {{resolveHostname 'localhost:80'}}\n"
					   "      {{#each upstreams}}\n"
					   "      [{{preferSameRackWeighting ../upstreams this}}]\n"
					   "      {{/each}}\n";
	struct upstream up[] = { { .address = "10.0.0.1:1", .rack_id = "a", .group = "default" },
		{ .address = "10.0.0.2:1", .rack_id = "b", .group = "default" } };
	const struct service svc = { .id = "s1", .base_path = "/s1" };
	const struct service_state one = { .service = &svc, .upstreams = { up, 2 } };
	const struct service_state *all[] = { &one };
	struct arena *a = arena_new();
	struct fileset *fs = NULL;
	const char *text;

	(void)state;
	assert_int_equal(make(yaml), 0);
	assert_int_equal(parts->apply.outside(parts->apply.outside_ctx), 0);
	if (fileset_build(parts->renderer, NULL, all, NULL, 1, 0, &fs, NULL, &err) != 0)
		fail_msg("%s", err.text);
	text = fileset_text(&fs->files[0], a);
	if (!str_eq(text, "2015/01\n127.0.0.9:80 127.0.0.1:80\n[weight 4]\n[none]\n") &&
		!str_eq(text, "2015/01\n127.0.0.9:80 [::1]:80\n[weight 4]\n[none]\n"))
		fail_msg("%s", text);
	assert_true(parts->apply.outside(parts->apply.outside_ctx) > 0);
	fileset_free(&fs);
	arena_free(&a);
}

/* As Java: the host's. */
static void time_of_the_host(void **state)
{
	static const char yaml[] = HEAD LB "templateLevel: %s\ngroupTemplates: [{filename: t, template: "
					   "\"{{formatTimestamp timestamp 'HH:mm'}}\"}]\n";
	static const struct {
		const char *level, *text;
	} cases[] = { { "baragon", "18:04" }, { "lockstep", "15:04" } };

	(void)state;
	assert_int_equal(setenv("TZ", "EAT-3", 1), 0);
	tzset();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(xfree_p) char *text = xasprintf(yaml, cases[i].level);
		struct arena *a = arena_new();
		struct fileset *fs = NULL;

		assert_int_equal(make(text), 0);
		assert_int_equal(fileset_build(parts->renderer, NULL, NULL, NULL, 0, 1421852640000, &fs, NULL, &err), 0);
		assert_string_equal(fileset_text(&fs->files[0], a), cases[i].text);
		fileset_free(&fs);
		arena_free(&a);
	}
	assert_int_equal(unsetenv("TZ"), 0);
	tzset();
}

static void broken_template(void **state)
{
	(void)state;
	assert_int_equal(make(HEAD LB "templates:\n  - {filename: 'p/%s', template: '{{#if x}}'}\n"), ERR_INVALID);
	assert_null(parts);
	assert_non_null(strstr(err.text, "p/%s"));
}

/* Each with its place, not only the first. */
static void broken_templates(void **state)
{
	static const char yaml[] = HEAD LB "templates:\n"
					   "  - filename: 'p/%s'\n"
					   "    template: ok\n"
					   "    namedTemplates:\n"
					   "      fine: ok\n"
					   "      bad: '{{#if x}}'\n"
					   "collectedTemplates:\n"
					   "  - filename: c.cfg\n"
					   "    header: '{{'\n"
					   "    template: |\n"
					   "      ok\n"
					   "      {{/each}}\n"
					   "    footer: ok\n";
	AUTO(settings_report_release) struct settings_report rep = SETTINGS_REPORT_INIT;

	(void)state;
	if (agent_conf_parse("a.yml", yaml, strlen(yaml), &conf, NULL, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(agent_parts_new(conf, &parts, &rep, &err), ERR_INVALID);
	assert_null(parts);
	assert_int_equal(rep.errors, 3);
	assert_true(str_starts(err.text, "a.yml:14: templates[0].namedTemplates.bad: p/%s (bad):1:"));
	assert_int_equal(rep.notes[0].line, 14);
	assert_int_equal(rep.notes[1].line, 18);
	assert_true(str_starts(rep.notes[1].text, "collectedTemplates[0].template: c.cfg:2:"));
	assert_int_equal(rep.notes[2].line, 17);
	assert_true(str_starts(rep.notes[2].text, "collectedTemplates[0].header: c.cfg (header):1:"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(metadata, teardown),
		cmocka_unit_test_teardown(group, teardown),
		cmocka_unit_test_teardown(options, teardown),
		cmocka_unit_test_teardown(templates, teardown),
		cmocka_unit_test_teardown(formats, teardown),
		cmocka_unit_test_teardown(time_of_the_host, teardown),
		cmocka_unit_test_teardown(broken_template, teardown),
		cmocka_unit_test_teardown(broken_templates, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
