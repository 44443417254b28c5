/*
 * agent_settings_test.c - files of Java agents, our example, template files, and what is refused
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "agent/agent_settings.h"

#include "agent/template/template.h"
#include "lib/base/str.h"
#include "lib/os/file.h"
#include "tests/unit/cmocka_all.h"
#include "tests/unit/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ZK "hostname: lb1\nzookeeper: {quorum: 'z:1', zkNamespace: n}\n"
#define LB "name: g, rootPath: /r, checkConfigCommand: c, reloadConfigCommand: r"
#define TOP ZK "loadBalancerConfig: {" LB "}\n"
#define MINIMAL TOP "templates: [{filename: '%s.cfg', template: t}]\n"

static struct agent_conf *conf;
static struct settings_report rep = SETTINGS_REPORT_INIT;
static struct error err;

static int teardown(void **state)
{
	(void)state;
	settings_report_release(&rep);
	agent_conf_free(&conf);
	err = (struct error)ERROR_INIT;
	return 0;
}

static void good(const char *text)
{
	teardown(NULL);
	if (agent_conf_parse("a.yml", text, strlen(text), &conf, &rep, &err) != 0)
		fail_msg("refused: %s", err.text);
	assert_int_equal(rep.errors, 0);
}

static void bad(const char *text, const char *message)
{
	teardown(NULL);
	assert_int_equal(agent_conf_parse("a.yml", text, strlen(text), &conf, &rep, &err), ERR_INVALID);
	assert_null(conf);
	assert_string_equal(err.text, message);
	assert_int_equal(rep.errors, 1);
}

static const char java_sample[] =
	"server:\n"
	"  type: simple\n"
	"  applicationContextPath: /baragon-agent/v2\n"
	"  connector:\n"
	"    type: http\n"
	"    port: 8882\n"
	"zookeeper:\n"
	"  quorum: vagrant-baragon-zk:2181\n"
	"  zkNamespace: baragon\n"
	"  sessionTimeoutMillis: 60000\n"
	"  connectTimeoutMillis: 5000\n"
	"  retryBaseSleepTimeMilliseconds: 1000\n"
	"  retryMaxTries: 3\n"
	"loadBalancerConfig:\n"
	"  name: vagrant\n"
	"  domain: vagrant.baragon.biz\n"
	"  rootPath: /tmp/\n"
	"  checkConfigCommand: /usr/sbin/nginx -t\n"
	"  reloadConfigCommand: /usr/sbin/nginx -s reload\n"
	"  commandTimeoutMs: 15000\n"
	"  domains: [a.example.com, b.example.com]\n"
	"  domainAliases:\n"
	"    a.example.com: [www.a.example.com]\n"
	"  limitWorkerCount: true\n"
	"  workerCountCommand: /usr/local/bin/count\n"
	"  servicesToBlockFromPurgeableCache: [svc9]\n"
	"hostname: lb1.example.com\n"
	"agentLockTimeoutMs: 5000\n"
	"extraAgentData:\n"
	"  rack: r1\n"
	"  weight: 5\n"
	"templates:\n"
	"  - filename: proxy/%s.conf\n"
	"    template: |\n"
	"      # {{{service.serviceId}}}\n"
	"      location {{{service.serviceBasePath}}} { }\n"
	"    namedTemplates:\n"
	"      websocket: |\n"
	"        # ws\n"
	"  - filename: /upstreams/%2$s-%1$s.conf\n"
	"    template: \"x\"\n"
	"testing:\n"
	"  enabled: true\n"
	"  applyDelayMs: 500\n"
	"  applyFailRate: 0.5\n"
	"  revertDelayMs: 1\n"
	"gcloud: {project: p}\n"
	"stateFile: /tmp/state\n"
	"maxGetGloablStateAttempts: 3\n"
	"visibleToBaragonService: true\n"
	"watchedDirectories:\n"
	"  - source: /etc/certs\n"
	"    destination: /etc/lb/certs\n"
	"graphite:\n"
	"  enabled: true\n"
	"  hostnme: h\n";

static void java_file_is_taken(void **state)
{
	(void)state;
	good(java_sample);
	assert_string_equal(conf->base_uri, "http://lb1.example.com:8882/baragon-agent/v2");
	assert_string_equal(conf->agent_id, "lb1.example.com:8882");
	assert_string_equal(conf->lb.name, "vagrant");
	assert_string_equal(conf->lb.default_domain, "vagrant.baragon.biz");
	assert_string_equal(conf->lb.root_path, "/tmp");
	assert_string_equal(conf->lb.check_command, "/usr/sbin/nginx -t");
	assert_int_equal(conf->lb.command_timeout_ms, 15000);
	assert_int_equal(conf->lb.domains.n, 2);
	assert_string_equal(conf->lb.domain_aliases.items[0].values.items[0], "www.a.example.com");
	assert_true(conf->lb.limit_worker_count);
	assert_string_equal(conf->lb.purgeable_blocked.items[0], "svc9");
	assert_null(conf->lb.haproxy.master_socket);
	assert_null(conf->lb.haproxy.fingerprint_file);
	assert_string_equal(conf->extra_agent_data.items[1].value, "5");
	assert_int_equal(conf->templates.n, 2);
	assert_string_equal(conf->templates.items[0].filename, "proxy/%s.conf");
	assert_string_equal(conf->templates.items[0].text,
		"# {{{service.serviceId}}}\nlocation {{{service.serviceBasePath}}} { }\n");
	assert_string_equal(conf->templates.items[0].named.items[0].key, "websocket");
	assert_string_equal(conf->templates.items[1].filename, "upstreams/%2$s-%1$s.conf");
	assert_int_equal(conf->collected.n, 0);
	assert_true(conf->gcloud.present);
	assert_string_equal(conf->gcloud.project, "p");
	assert_null(conf->gcloud.region);
	assert_string_equal(conf->state_file, "/tmp/state");
}

static void java_file_warns(void **state)
{
	static const struct {
		int line;
		const char *start;
	} notes[] = {
		{ 12, "zookeeper.retryBaseSleepTimeMilliseconds: known, has no effect: " },
		{ 13, "zookeeper.retryMaxTries: known, has no effect: " },
		{ 28, "agentLockTimeoutMs: known, has no effect: " },
		{ 42, "testing: known, has no effect: " },
		{ 49, "maxGetGloablStateAttempts: known, has no effect: " },
		{ 51, "watchedDirectories: known, has no effect: " },
		{ 54, "graphite: known, has no effect: " },
		{ 56, "graphite: unknown key 'hostnme', ignored" },
	};

	(void)state;
	good(java_sample);
	assert_int_equal(rep.n, ARRAY_LEN(notes));
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		if (!str_starts(rep.notes[i].text, notes[i].start))
			fail_msg("%s", rep.notes[i].text);
		assert_int_equal(rep.notes[i].line, notes[i].line);
	}
}

static void dump_is_read_again(void **state)
{
	AUTO(buf_release) struct buf first = BUF_INIT, again = BUF_INIT;

	(void)state;
	good(java_sample);
	agent_conf_dump(conf, &first);
	good(buf_cstr(&first));
	assert_int_equal(rep.n, 0);
	assert_string_equal(conf->templates.items[0].named.items[0].value, "# ws\n");
	assert_string_equal(conf->gcloud.project, "p");
	agent_conf_dump(conf, &again);
	assert_string_equal(buf_cstr(&first), buf_cstr(&again));
}

static void defaults(void **state)
{
	(void)state;
	good(MINIMAL);
	assert_int_equal(rep.n, 0);
	assert_string_equal(conf->base_uri, "http://lb1:8080");
	assert_int_equal(conf->lb.command_timeout_ms, 10000);
	assert_int_equal(conf->lb.haproxy.confirm_timeout_ms, 10000);
	assert_int_equal(conf->lb.min_healthy_agents, 1);
	assert_int_equal(conf->heartbeat_seconds, 15);
	assert_int_equal(conf->daemon.zk_session_timeout_ms, 6000);
	assert_false(conf->gcloud.present);
	assert_true(conf->visible_to_service);
	assert_false(conf->deregister_on_stop);
	assert_null(conf->lb.default_domain);
	good(TOP);
	assert_int_equal(rep.n, 1);
	assert_string_equal(rep.notes[0].text,
		"templates: there are none, and no collectedTemplates or groupTemplates: no file is rendered");
	assert_int_equal(conf->level, TEMPLATE_LOCKSTEP);
	assert_string_equal(conf->date_format, "yyyy-MM-dd hh:mm a");
	assert_string_equal(conf->zero_weight, "backup");
	assert_string_equal(conf->weighting_format, "weight=%s");
	assert_int_equal(conf->resolve_names, 4000);
	assert_int_equal(conf->resolve_seconds, 60);
}

static void haproxy(void **state)
{
	(void)state;
	good(ZK "loadBalancerConfig:\n  name: g\n  rootPath: /etc/haproxy/live\n  checkConfigCommand: c\n"
		"  haproxy: {masterSocket: /m, statsSocket: /s, confirmTimeoutMs: 5s, fingerprintFile: zz.cfg}\n"
		"collectedTemplates:\n  - {filename: b.cfg, mode: 0600, header: h, template: t, footer: f}\n");
	assert_int_equal(rep.n, 0);
	assert_null(conf->lb.reload_command);
	assert_string_equal(conf->lb.haproxy.master_socket, "/m");
	assert_string_equal(conf->lb.haproxy.stats_socket, "/s");
	assert_int_equal(conf->lb.haproxy.confirm_timeout_ms, 5000);
	assert_string_equal(conf->lb.haproxy.fingerprint_file, "zz.cfg");
	assert_int_equal(conf->collected.items[0].mode, 0600);
	assert_string_equal(conf->collected.items[0].text, "t");
	assert_string_equal(conf->collected.items[0].header, "h");
	assert_string_equal(conf->collected.items[0].footer, "f");
	good(ZK "loadBalancerConfig: {" LB ", haproxy: {statsSocket: /s, fingerprintFile: /r/d/zz.cfg}}\n");
	assert_string_equal(conf->lb.haproxy.fingerprint_file, "d/zz.cfg");
	good(ZK "loadBalancerConfig: {" LB ", haproxy: {fingerprintFile: zz.cfg}}\n");
	assert_string_equal(rep.notes[1].text,
		"loadBalancerConfig.haproxy.fingerprintFile: cannot be read back without statsSocket");
	bad(ZK "loadBalancerConfig: {" LB ", haproxy: {fingerprintFile: /rr/zz.cfg}}\n",
		"a.yml:3: loadBalancerConfig.haproxy.fingerprintFile: must be below loadBalancerConfig.rootPath");
	bad(ZK "loadBalancerConfig: {" LB ", haproxy: {fingerprintFile: 'a%s'}}\n",
		"a.yml:3: loadBalancerConfig.haproxy.fingerprintFile: is one file: '%s' may not stand in it");
}

static void refused(void **state)
{
	(void)state;
	bad(ZK "loadBalancerConfig: {rootPath: /r, checkConfigCommand: c, reloadConfigCommand: r}\n",
		"a.yml:3: loadBalancerConfig.name: is required");
	bad(ZK "loadBalancerConfig:\n  name: g\n  rootPath: /r\n  checkConfigCommand: c\n",
		"a.yml:3: loadBalancerConfig.reloadConfigCommand: is required, unless haproxy.masterSocket is set");
	bad(ZK "loadBalancerConfig:\n  name: g\n  rootPath: r\n  checkConfigCommand: c\n  reloadConfigCommand: r\n",
		"a.yml:5: loadBalancerConfig.rootPath: must be an absolute path, and not '/' itself");
	bad(ZK "loadBalancerConfig:\n  name: g/h\n  rootPath: /r\n  checkConfigCommand: c\n  reloadConfigCommand: r\n",
		"a.yml:4: loadBalancerConfig.name: must be a name, without '/'");
	bad(MINIMAL "baseUrlTemplate: 'http://%s:%s'\n",
		"a.yml:5: baseUrlTemplate: may have '%s' (host), '%d' (port), '%s' (context path) in this order only");
	bad(MINIMAL "visibleToBaragonService: false\n",
		"a.yml:5: visibleToBaragonService: may only be true: every agent registers");
	good(MINIMAL "baseUrlTemplate: 'https://%s.example.com:%d/x%%'\n");
	assert_string_equal(conf->base_uri, "https://lb1.example.com:8080/x%");
}

static void refused_templates(void **state)
{
	(void)state;
	bad(TOP "templates:\n  - template: t\n", "a.yml:5: templates[0].filename: is required");
	bad(TOP "templates:\n  - filename: a\n", "a.yml:5: templates[0].filename: has no template, no templateFile "
						 "and no namedTemplates");
	bad(TOP "templates:\n  - {filename: a, template: t}\n  - template: t\n    filename: '%s%s%s'\n",
		"a.yml:7: templates[1].filename: filename '%s%s%s': only one %s (service id) or two (domain, service "
		"id) are possible");
	bad(TOP "templates:\n  - {filename: a, template: t}\ncollectedTemplates:\n  - {filename: a, template: t}\n",
		"a.yml:7: collectedTemplates[0].filename: another entry has the same file");
	bad(TOP "collectedTemplates:\n  - {filename: '%s', template: t}\n",
		"a.yml:5: collectedTemplates[0].filename: is one file for all services: '%s' may not stand in it");
	bad(TOP "collectedTemplates:\n  - {filename: a, mode: 1777, template: t}\n",
		"a.yml:5: collectedTemplates[0].mode: is no file mode like 0644: '1777'");
	bad(TOP "collectedTemplates:\n  - {filename: a, header: h}\n",
		"a.yml:5: collectedTemplates[0].filename: has no template, no templateFile and no namedTemplates");
	bad(TOP "templates:\n  - filename: a\n    template: t\n    templateFile: f\n",
		"a.yml:7: templates[0].templateFile: stands beside 'template': only one of them may");
	teardown(NULL);
	assert_int_equal(agent_conf_parse("a.yml", TOP "templates: [{filename: ../x, template: t}]\n",
				 strlen(TOP "templates: [{filename: ../x, template: t}]\n"), &conf, NULL, &err),
		ERR_INVALID);
	assert_true(str_starts(err.text, "a.yml:4: templates[0].filename: filename '../x': must be a path below "));
}

static void formats(void **state)
{
	(void)state;
	good(MINIMAL "zeroWeightString: ''\nweightingFormat: 'weight %d%%'\ndefaultDateFormat: yyyy\n"
		     "templateLevel: baragon\nmaxResolveCacheSize: 7\nresolveCacheSeconds: 5\n");
	assert_int_equal(rep.n, 0);
	assert_string_equal(conf->zero_weight, "");
	assert_string_equal(conf->weighting_format, "weight %d%%");
	assert_string_equal(conf->date_format, "yyyy");
	assert_int_equal(conf->level, TEMPLATE_BARAGON);
	assert_int_equal(conf->resolve_names, 7);
	assert_int_equal(conf->resolve_seconds, 5);
	bad(MINIMAL "templateLevel: java\n", "a.yml:5: templateLevel: must be one of lockstep, baragon: 'java'");
	bad(MINIMAL "maxResolveCacheSize: 0\n", "a.yml:5: maxResolveCacheSize: is out of range 1..1000000: '0'");
	teardown(NULL);
	assert_int_equal(agent_conf_parse("a.yml", MINIMAL "weightingFormat: 'w%s%s'\n",
				 strlen(MINIMAL "weightingFormat: 'w%s%s'\n"), &conf, &rep, &err), ERR_INVALID);
	assert_true(str_starts(err.text, "a.yml:5: weightingFormat: "));
	teardown(NULL);
	assert_int_equal(agent_conf_parse("a.yml", MINIMAL "defaultDateFormat: \"'\"\n",
				 strlen(MINIMAL "defaultDateFormat: \"'\"\n"), &conf, &rep, &err), ERR_INVALID);
	assert_true(str_starts(err.text, "a.yml:5: defaultDateFormat: "));
	good(MINIMAL "expireResolveCacheAfterDays: 3\n");
	assert_string_equal(rep.notes[0].text, "expireResolveCacheAfterDays: known, has no effect: names are looked up "
					       "again after `resolveCacheSeconds`, used or not");
}

static void outputs(void **state)
{
	static const char *const words[] = { "default", "text", "haproxy", "haproxy-map", "nginx", "html" };
	static const enum template_output outputs[] = { OUTPUT_DEFAULT, OUTPUT_TEXT, OUTPUT_HAPROXY, OUTPUT_HAPROXY_MAP,
		OUTPUT_NGINX, OUTPUT_HTML };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		AUTO(buf_release) struct buf yaml = BUF_INIT;

		buf_printf(&yaml, TOP "templates: [{filename: a, template: t, output: %s}]\n", words[i]);
		good(buf_cstr(&yaml));
		assert_int_equal(conf->templates.items[0].output, outputs[i]);
	}
	good(TOP "groupTemplates:\n  - {filename: a, template: t, allowControlCharacters: true, mode: 0600}\n"
		 "  - {filename: b, template: t}\n");
	assert_int_equal(rep.n, 0);
	assert_true(conf->group.items[0].allow_control);
	assert_int_equal(conf->group.items[0].mode, 0600);
	assert_false(conf->group.items[1].allow_control);
	assert_int_equal(conf->group.items[1].mode, 0644);
	assert_int_equal(conf->group.items[1].output, OUTPUT_DEFAULT);
	bad(TOP "templates:\n  - filename: a\n    template: t\n    output: apache\n",
		"a.yml:7: templates[0].output: must be one of default, text, haproxy, haproxy-map, nginx, html: 'apache'");
}

static void groups_and_shards(void **state)
{
	(void)state;
	good(TOP "collectedTemplates: [{filename: 'b-%s.cfg', template: t, shards: 64}]\n"
		 "groupTemplates: [{filename: routes.map, template: t}]\n");
	assert_int_equal(rep.n, 0);
	assert_int_equal(conf->collected.items[0].shards, 64);
	assert_string_equal(conf->group.items[0].filename, "routes.map");
	assert_string_equal(conf->group.items[0].text, "t");
	bad(TOP "groupTemplates: [{filename: '%s', template: t}]\n",
		"a.yml:4: groupTemplates[0].filename: is one file for all services: '%s' may not stand in it");
	bad(TOP "groupTemplates: [{filename: a}]\n",
		"a.yml:4: groupTemplates[0].filename: has no template and no templateFile");
	bad(TOP "collectedTemplates: [{filename: 'b.cfg', template: t, shards: 2}]\n",
		"a.yml:4: collectedTemplates[0].filename: must have one '%s', for the number of the shard");
	bad(TOP "collectedTemplates: [{filename: '%s/%s', template: t, shards: 2}]\n",
		"a.yml:4: collectedTemplates[0].filename: must have one '%s', for the number of the shard");
	bad(TOP "collectedTemplates:\n  - filename: '%s'\n    template: t\n    shards: 65\n",
		"a.yml:7: collectedTemplates[0].shards: is out of range 1..64: '65'");
	bad(TOP "collectedTemplates: [{filename: 'b-%s', template: t, shards: 3}]\n"
		"templates: [{filename: b-02, template: t}]\n",
		"a.yml:4: collectedTemplates[0].filename: another entry has the same file");
	good(TOP "collectedTemplates: [{filename: 'b-%s', template: t, shards: 2}]\n"
		 "templates: [{filename: b-02, template: t}]\n");
}

static void all_errors_are_said(void **state)
{
	static const char yaml[] = ZK "loadBalancerConfig:\n  name: g/h\n  rootPath: r\n  checkConfigCommand: c\n"
				      "templates:\n  - {filename: ../x, template: t}\n  - {filename: a}\n"
				      "baseUrlTemplate: 'http://%d'\n";

	(void)state;
	assert_int_equal(agent_conf_parse("a.yml", yaml, strlen(yaml), &conf, &rep, &err), ERR_INVALID);
	assert_string_equal(err.text, "a.yml:4: loadBalancerConfig.name: must be a name, without '/'");
	assert_int_equal(rep.errors, 6);
	assert_int_equal(rep.notes[3].line, 8);
	assert_true(str_starts(rep.notes[3].text, "templates[0].filename: filename '../x': "));
	assert_int_equal(rep.notes[4].line, 9);
	assert_int_equal(rep.notes[5].line, 10);
}

static void write_file(const char *dir, const char *name, const char *text, size_t n)
{
	AUTO(buf_release) struct buf path = BUF_INIT;

	buf_printf(&path, "%s/%s", dir, name);
	assert_int_equal(file_replace(buf_cstr(&path), text, n, 0600, &err), 0);
}

static void template_files(void **state)
{
	static const char yaml[] = TOP "templates: [{filename: a, templateFile: one.hbs}]\n"
				       "collectedTemplates: [{filename: b, templateFile: two.hbs}]\n";
	char *dir = scratch_new();
	AUTO(buf_release) struct buf path = BUF_INIT, dump = BUF_INIT;

	(void)state;
	write_file(dir, "a.yml", yaml, strlen(yaml));
	write_file(dir, "one.hbs", "one\n", 4);
	buf_printf(&path, "%s/a.yml", dir);
	assert_int_equal(agent_conf_load(buf_cstr(&path), &conf, &rep, &err), ERR_INVALID);
	assert_non_null(strstr(err.text, "a.yml:5: collectedTemplates[0].templateFile: "));
	assert_non_null(strstr(err.text, "two.hbs"));
	teardown(NULL);
	write_file(dir, "two.hbs", "t\0o", 3);
	assert_int_equal(agent_conf_load(buf_cstr(&path), &conf, &rep, &err), ERR_INVALID);
	assert_true(str_ends(err.text, "two.hbs' is no UTF-8 text"));
	teardown(NULL);
	write_file(dir, "two.hbs", "two\n", 4);
	if (agent_conf_load(buf_cstr(&path), &conf, &rep, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(conf->templates.items[0].text, "one\n");
	assert_string_equal(conf->collected.items[0].text, "two\n");
	agent_conf_dump(conf, &dump);
	assert_non_null(strstr(buf_cstr(&dump), "templateFile: \"two.hbs\"\n"));
	scratch_free(&dir);
}

static void named_template_files(void **state)
{
	static const char yaml[] = TOP "collectedTemplates:\n  - filename: b\n    namedTemplates: {one: '1'}\n"
				       "    namedTemplateFiles:\n      two: t/two.hbs\n      %s: t/two.hbs\n";
	char *dir = scratch_new();
	AUTO(buf_release) struct buf path = BUF_INIT, folder = BUF_INIT, text = BUF_INIT;

	(void)state;
	buf_printf(&path, "%s/a.yml", dir);
	buf_printf(&folder, "%s/t", dir);
	assert_int_equal(file_make_dirs(buf_cstr(&folder), 0700, &err), 0);
	write_file(buf_cstr(&folder), "two.hbs", "two\n", 4);
	buf_printf(&text, yaml, "three");
	write_file(dir, "a.yml", text.data, text.len);
	if (agent_conf_load(buf_cstr(&path), &conf, &rep, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(conf->collected.items[0].named.n, 3);
	assert_string_equal(conf->collected.items[0].named.items[0].value, "1");
	assert_string_equal(conf->collected.items[0].named.items[2].key, "three");
	assert_string_equal(conf->collected.items[0].named.items[2].value, "two\n");
	buf_clear(&text);
	buf_printf(&text, yaml, "one");
	write_file(dir, "a.yml", text.data, text.len);
	teardown(NULL);
	assert_int_equal(agent_conf_load(buf_cstr(&path), &conf, &rep, &err), ERR_INVALID);
	assert_true(str_ends(err.text, "a.yml:9: collectedTemplates[0].namedTemplateFiles.one: stands in "
				       "'namedTemplates' too: only one of them may"));
	scratch_free(&dir);
}

/* Parses MINIMAL with that folder below `dir`. */
static int parse_partials(const char *dir, const char *folder)
{
	AUTO(buf_release) struct buf name = BUF_INIT, yaml = BUF_INIT;

	teardown(NULL);
	buf_printf(&name, "%s/a.yml", dir);
	buf_str(&yaml, MINIMAL);
	buf_printf(&yaml, "partialsDirectory: %s\n", folder);
	return agent_conf_parse(buf_cstr(&name), yaml.data, yaml.len, &conf, &rep, &err);
}

static void partials_refused(const char *dir, const char *folder, const char *why)
{
	assert_int_equal(parse_partials(dir, folder), ERR_INVALID);
	if (!strstr(err.text, "a.yml:5: partialsDirectory: ") || !strstr(err.text, why))
		fail_msg("%s", err.text);
	assert_int_equal(rep.errors, 1);
}

static void partials(void **state)
{
	char *dir = scratch_new();
	AUTO(buf_release) struct buf web = BUF_INIT, p = BUF_INIT, link = BUF_INIT, big = BUF_INIT;

	(void)state;
	buf_printf(&p, "%s/p", dir);
	buf_printf(&web, "%s/p/web/.hidden", dir);
	assert_int_equal(file_make_dirs(buf_cstr(&web), 0700, &err), 0);
	write_file(buf_cstr(&web), "x.hbs", "\xff", 1);
	buf_truncate(&web, web.len - strlen("/.hidden"));
	write_file(buf_cstr(&web), "server.hbs", "server {{name}}", 15);
	write_file(buf_cstr(&web), "README", "\xff", 1);
	write_file(buf_cstr(&p), "web.hbs", "w", 1);
	write_file(buf_cstr(&p), ".hbs", "w", 1);
	write_file(buf_cstr(&p), "a.hbs", "", 0);
	buf_printf(&link, "%s/link.hbs", buf_cstr(&p));
	assert_int_equal(symlink("web/server.hbs", buf_cstr(&link)), 0);
	if (parse_partials(dir, "p") != 0)
		fail_msg("%s", err.text);
	assert_int_equal(conf->partials.n, 4);
	assert_string_equal(conf->partials.items[0].key, "a");
	assert_string_equal(conf->partials.items[1].key, "link");
	assert_string_equal(conf->partials.items[1].value, "server {{name}}");
	assert_string_equal(conf->partials.items[2].key, "web");
	assert_string_equal(conf->partials.items[3].key, "web/server");
	assert_string_equal(conf->partials.items[3].value, "server {{name}}");

	partials_refused(dir, "none", "none': No such file or directory");
	partials_refused(dir, "p/web.hbs", "p/web.hbs' is no folder");
	unlink(buf_cstr(&link));
	assert_int_equal(symlink("/etc/passwd", buf_cstr(&link)), 0);
	partials_refused(dir, "p", "link.hbs' is a link that leads out of the folder");
	unlink(buf_cstr(&link));
	assert_int_equal(symlink("web", buf_cstr(&link)), 0);
	partials_refused(dir, "p", "link.hbs' is a link, but not to a file");
	unlink(buf_cstr(&link));
	assert_int_equal(symlink("nowhere", buf_cstr(&link)), 0);
	partials_refused(dir, "p", "cannot follow '");
	unlink(buf_cstr(&link));
	write_file(buf_cstr(&p), "bin.hbs", "a\0b", 3);
	partials_refused(dir, "p", "bin.hbs' is no UTF-8 text");
	for (size_t i = 0; i <= 1024 * 1024; i++)
		buf_char(&big, 'x');
	write_file(buf_cstr(&p), "bin.hbs", big.data, big.len);
	partials_refused(dir, "p", "bin.hbs");
	write_file(buf_cstr(&p), "bin.hbs", "ok", 2);
	assert_int_equal(parse_partials(dir, "p"), 0);
	scratch_free(&dir);
}

static void partials_have_limits(void **state)
{
	char *dir = scratch_new();
	AUTO(buf_release) struct buf deep = BUF_INIT;

	(void)state;
	buf_printf(&deep, "%s/deep", dir);
	for (int i = 0; i < 16; i++)
		buf_str(&deep, "/d");
	assert_int_equal(file_make_dirs(buf_cstr(&deep), 0700, &err), 0);
	partials_refused(dir, "deep", "is nested deeper than 16");
	buf_clear(&deep);
	buf_printf(&deep, "%s/many", dir);
	assert_int_equal(file_make_dirs(buf_cstr(&deep), 0700, &err), 0);
	for (int i = 0; i < 1000; i++) {
		AUTO(buf_release) struct buf path = BUF_INIT;

		buf_printf(&path, "%s/p%d.hbs", buf_cstr(&deep), i);
		assert_int_equal(file_write_unsynced(buf_cstr(&path), "x", 1, 0600, &err), 0);
	}
	assert_int_equal(parse_partials(dir, "many"), 0);
	assert_int_equal(conf->partials.n, 1000);
	write_file(buf_cstr(&deep), "x.hbs", "x", 1);
	partials_refused(dir, "many", "has more than 1000 partials");
	scratch_free(&dir);
}

static void example(void **state)
{
	(void)state;
	if (agent_conf_load("config/agent.example.yml", &conf, &rep, &err) != 0)
		fail_msg("%s", err.text);
	for (size_t i = 0; i < rep.n; i++)
		fail_msg("line %d: %s", rep.notes[i].line, rep.notes[i].text);
	assert_string_equal(conf->agent_id, "127.0.0.1:8882");
	assert_int_equal(conf->collected.n, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(java_file_is_taken, teardown),
		cmocka_unit_test_teardown(java_file_warns, teardown),
		cmocka_unit_test_teardown(dump_is_read_again, teardown),
		cmocka_unit_test_teardown(defaults, teardown),
		cmocka_unit_test_teardown(haproxy, teardown),
		cmocka_unit_test_teardown(refused, teardown),
		cmocka_unit_test_teardown(refused_templates, teardown),
		cmocka_unit_test_teardown(formats, teardown),
		cmocka_unit_test_teardown(outputs, teardown),
		cmocka_unit_test_teardown(groups_and_shards, teardown),
		cmocka_unit_test_teardown(all_errors_are_said, teardown),
		cmocka_unit_test_teardown(template_files, teardown),
		cmocka_unit_test_teardown(named_template_files, teardown),
		cmocka_unit_test_teardown(partials, teardown),
		cmocka_unit_test_teardown(partials_have_limits, teardown),
		cmocka_unit_test_teardown(example, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
